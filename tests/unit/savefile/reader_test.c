/* SPDX-License-Identifier: Apache-2.0 */
/* A small chunked file made by the writer, read whole, in part, damaged and cut. */
#include "savefile/savefile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define IFACES	4u
#define PACKETS 120u
#define START	(1700000000ull * NSEC_PER_SEC)

struct seen {
	uint64_t packets, notices, lost, bytes, last, disorder, frames;
	uint32_t ifaces, only;
};

static char path[] = "/tmp/reader_test.XXXXXX";
static uint8_t *file;
static size_t file_size;

static int on_iface(void *ctx, const struct iface_record *r)
{
	struct seen *s = ctx;

	assert_int_equal(r->number, s->ifaces);
	s->ifaces++;
	return 0;
}

static int on_container(void *ctx, const struct container_record *r)
{
	(void)ctx;
	assert_non_null(r->meta[META_CONTAINER]);
	return 0;
}

static int on_event(void *ctx, struct event *ev)
{
	struct seen *s = ctx;

	assert_true(ev->len >= ev->caplen);
	for (uint32_t i = 0; i < ev->caplen; i++)
		s->bytes += ev->data[i] | 1;
	s->packets += ev->type == EVENT_PACKET;
	s->notices += ev->type == EVENT_NOTICE;
	s->lost += ev->type == EVENT_DROP ? ev->lost : 0;
	s->disorder += ev->ts < s->last;
	s->frames += ev->num;
	s->last = ev->ts;
	return 0;
}

static bool only(void *ctx, uint32_t number)
{
	return ((struct seen *)ctx)->only == number;
}

static void put(const void *p, size_t n)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	fclose(f);
}

/* -1, 0, 1 of reader_run, or -2 when the file does not even open. */
static int read_file(struct seen *s, const struct reader_query *q, struct reader_work *work,
		     struct err *e)
{
	const struct sink sink = {
		.ctx = s, .iface = on_iface, .container = on_container, .event = on_event};
	struct reader *r = reader_open(path, e);

	if (!r)
		return -2;
	int status = reader_run(r, q, &sink, e);
	if (work)
		reader_get_work(r, work);
	reader_close(r);
	return status;
}

static const struct reader_query everything = {.to = UINT64_MAX};

static struct writer *begin_file(uint64_t window_ns)
{
	struct err e;
	struct writer_options o = {
		.path = path, .format = SAVEFILE_PCAPNG_LZ4, .window_ns = window_ns};
	struct writer *w = writer_open(&o, &e);

	assert_non_null(w);
	for (uint32_t i = 0; i < IFACES; i++) {
		char id[] = "c0ffee0";
		id[6] = (char)('0' + i);
		struct container_record c = {
			.meta = {[META_APP] = "/shop/web", [META_CONTAINER] = id}};
		struct iface_record r = {
			.number = i, .name = id, .container = &c, .linktype = 1, .sample = 1};
		writer_iface(w, &r, &e);
	}
	return w;
}

static int make_file(void **state)
{
	static uint8_t data[300];
	struct err e;
	int fd = mkstemp(path);

	(void)state;
	close(fd);
	struct writer *w = begin_file(NSEC_PER_SEC);
	for (uint32_t i = 0; i < PACKETS; i++) {
		data[0] = (uint8_t)i;
		struct event ev = {.ts = START + i * 50 * NSEC_PER_MSEC,
				   .data = data,
				   .caplen = 40 + i,
				   .len = 40 + i,
				   .iface = i % IFACES,
				   .type = EVENT_PACKET,
				   .flags = EVENT_OUT,
				   .weight = 1};
		if (writer_event(w, &ev, &e))
			return -1;
	}
	if (writer_close(w, &e))
		return -1;
	FILE *f = fopen(path, "rb");
	file = malloc(1 << 20);
	file_size = fread(file, 1, 1 << 20, f);
	fclose(f);
	return 0;
}

static int remove_file(void **state)
{
	(void)state;
	free(file);
	return unlink(path);
}

static void test_whole(void **state)
{
	(void)state;
	put(file, file_size);
	for (unsigned threads = 1; threads <= 2; threads++) {
		const struct reader_query q = {.to = UINT64_MAX, .threads = threads};
		struct seen s = {0};
		struct err e = {0};
		assert_int_equal(read_file(&s, &q, NULL, &e), 0);
		assert_int_equal(s.packets, PACKETS);
		assert_int_equal(s.ifaces, IFACES);
		assert_int_equal(s.disorder, 0);
		assert_int_equal(s.frames, PACKETS * (PACKETS + 1) / 2);
	}
}

/* Windows of which two do not fit into a reader's memory, between small ones. */
static void test_large_windows(void **state)
{
	enum { LARGE = 3000, SMALL = 40 };
	static uint8_t data[32768];
	struct err e;
	struct writer *w = begin_file(NSEC_PER_SEC);
	uint64_t ts = START;

	(void)state;
	for (uint32_t i = 0; i < SMALL + LARGE + SMALL; i++) {
		bool small = i < SMALL || i >= SMALL + LARGE;
		struct event ev = {.ts = ts,
				   .data = data,
				   .caplen = small ? 100 : sizeof(data),
				   .len = sizeof(data),
				   .iface = i % IFACES,
				   .type = EVENT_PACKET,
				   .weight = 1};
		assert_int_equal(writer_event(w, &ev, &e), 0);
		ts += small ? 100 * NSEC_PER_MSEC : NSEC_PER_MSEC / 100;
	}
	assert_int_equal(writer_close(w, &e), 0);
	for (unsigned threads = 1; threads <= 2; threads++) {
		const struct reader_query q = {.to = UINT64_MAX, .threads = threads};
		struct seen s = {0};
		assert_int_equal(read_file(&s, &q, NULL, &e), 0);
		assert_int_equal(s.packets, SMALL + LARGE + SMALL);
		assert_int_equal(s.disorder, 0);
	}
}

/* Times in one window further apart than the keys of a merge can tell at once, some the same. */
static void test_far_times(void **state)
{
	enum { FAR = 1024 };
	static uint8_t data[2000];
	struct err e;
	struct writer *w = begin_file(UINT64_MAX);

	(void)state;
	for (uint32_t i = 0; i < FAR; i++) {
		struct event ev = {.ts = i / 2 * (UINT64_MAX / (FAR / 2)),
				   .data = data,
				   .caplen = sizeof(data),
				   .len = sizeof(data),
				   .iface = i % IFACES,
				   .type = EVENT_PACKET,
				   .weight = 1};
		assert_int_equal(writer_event(w, &ev, &e), 0);
	}
	assert_int_equal(writer_close(w, &e), 0);
	struct reader *r = reader_open(path, &e);
	size_t chunks = reader_chunks(r), data_chunks = 0;
	for (size_t i = 0; i < chunks; i++)
		data_chunks += !reader_chunk(r, i)->metadata;
	assert_true(data_chunks >= IFACES);
	reader_close(r);
	struct seen s = {0};
	assert_int_equal(read_file(&s, &everything, NULL, &e), 0);
	assert_int_equal(s.packets, FAR);
	assert_int_equal(s.disorder, 0);
	assert_int_equal(s.last, (FAR / 2 - 1) * (UINT64_MAX / (FAR / 2)));
}

/* ---- heads of packets ---- */

#define LIE 60u /* an original length below the captured one, as damage makes it */

struct kept {
	struct event events[PACKETS];
	uint8_t data[PACKETS][2000];
	uint32_t n, asked;
};

static int keep(void *ctx, struct event *ev)
{
	struct kept *k = ctx;

	assert_true(k->n < PACKETS && ev->caplen <= sizeof(k->data[0]));
	memcpy(k->data[k->n], ev->data, ev->caplen);
	k->events[k->n++] = *ev;
	return 0;
}

/* Also more than there is. */
static uint32_t head_of(uint32_t caplen)
{
	return caplen % 10 ? 50 + caplen % 7 : caplen + 1;
}

static uint32_t head(void *ctx, uint32_t number, const uint8_t *data, uint32_t caplen, uint32_t len)
{
	struct kept *k = ctx;

	assert_true(number < IFACES && (len == caplen + 5 || len == LIE));
	assert_int_equal(load_le32(data), caplen);
	k->asked++;
	return head_of(caplen);
}

static struct kept *read_kept(const struct reader_query *q)
{
	struct kept *k = calloc(1, sizeof(*k));
	struct reader_query query = *q;
	struct err e;
	const struct sink sink = {.ctx = k, .event = keep};
	struct reader *r = reader_open(path, &e);

	query.ctx = k;
	assert_non_null(r);
	assert_int_equal(reader_run(r, &query, &sink, &e), 0);
	reader_close(r);
	return k;
}

static void put_large_packets(void)
{
	struct err e;
	struct writer *w = begin_file(NSEC_PER_SEC);
	static uint8_t data[2000];

	for (uint32_t i = 0; i < PACKETS; i++) {
		uint32_t caplen = 100 + i * 13;
		for (uint32_t k = 4; k < sizeof(data); k++)
			data[k] = (uint8_t)(i * k);
		store_le32(data, caplen);
		struct event ev = {.ts = START + i * 50 * NSEC_PER_MSEC,
				   .data = data,
				   .caplen = caplen,
				   .len = i % 4 ? caplen + 5 : LIE,
				   .iface = i % IFACES,
				   .type = EVENT_PACKET,
				   .flags = i % 2 ? EVENT_OUT : EVENT_IN,
				   .lost = i % 3,
				   .packet_id = i % 5,
				   .weight = 1};
		assert_int_equal(writer_event(w, &ev, &e), 0);
	}
	assert_int_equal(writer_close(w, &e), 0);
}

/* Nothing but the bytes behind the head is missing, and small packets are whole. */
static void test_heads(void **state)
{
	(void)state;
	put_large_packets();
	struct kept *whole = read_kept(&everything);
	for (unsigned threads = 1; threads <= 2; threads++) {
		const struct reader_query q = {
			.to = UINT64_MAX, .threads = threads, .head = head, .head_least = 384};
		struct kept *heads = read_kept(&q);
		assert_int_equal(heads->n, PACKETS);
		assert_true(heads->asked > PACKETS / 2 && heads->asked < PACKETS);
		for (uint32_t i = 0; i < PACKETS; i++) {
			struct event a = whole->events[i], b = heads->events[i];
			uint32_t n = a.caplen > 384 ? MIN(head_of(a.caplen), a.caplen) : a.caplen;
			assert_int_equal(b.caplen, n);
			assert_memory_equal(whole->data[i], heads->data[i], n);
			a.caplen = b.caplen;
			a.data = b.data = NULL;
			assert_memory_equal(&a, &b, sizeof(a));
		}
		free(heads);
	}
	/* In any order the packets are as they lie in the chunk. */
	const struct reader_query unordered = {.to = UINT64_MAX, .unordered = true, .head = head};
	struct kept *k = read_kept(&unordered);
	assert_int_equal(k->asked, 0);
	assert_int_equal(k->n, PACKETS);
	free(k);
	free(whole);
}

/* So many notices before there is any interface that a list of contents would not fit into a block.
 */
static void test_late_interface(void **state)
{
	enum { NOTICES = 70000 };
	static const char text[] = "MESSAGE=nobody yet\n";
	static uint8_t data[100];
	struct err e;
	struct seen s = {0};
	const struct writer_options o = {
		.path = path, .format = SAVEFILE_PCAPNG_LZ4, .window_ns = NSEC_PER_SEC};
	const struct iface_record r = {.name = "eth0", .linktype = 1, .sample = 1};
	struct writer *w = writer_open(&o, &e);

	(void)state;
	assert_non_null(w);
	for (uint64_t i = 0; i <= NOTICES; i++) {
		struct event ev = {.ts = START + i * 2 * NSEC_PER_SEC,
				   .data = (const uint8_t *)text,
				   .caplen = sizeof(text) - 1,
				   .len = sizeof(text) - 1,
				   .iface = IFACE_NONE,
				   .type = EVENT_NOTICE,
				   .weight = 1};
		if (i == NOTICES) {
			writer_iface(w, &r, &e);
			ev = (struct event){.ts = ev.ts,
					    .data = data,
					    .caplen = sizeof(data),
					    .len = sizeof(data),
					    .type = EVENT_PACKET,
					    .weight = 1};
		}
		assert_int_equal(writer_event(w, &ev, &e), 0);
	}
	assert_int_equal(writer_close(w, &e), 0);
	assert_int_equal(read_file(&s, &everything, NULL, &e), 0);
	assert_int_equal(s.notices, NOTICES);
	assert_int_equal(s.packets, 1);
}

static void test_part(void **state)
{
	struct seen s = {.only = 2};
	const struct reader_query one = {.to = UINT64_MAX, .iface_wanted = only, .ctx = &s};
	const struct reader_query late = {.from = START + 5 * NSEC_PER_SEC, .to = UINT64_MAX};
	const struct reader_query none = {.to = UINT64_MAX, .types = 1u << EVENT_COUNTERS};
	struct reader_work all, part;
	struct err e;

	(void)state;
	put(file, file_size);
	struct seen whole = {0};
	assert_int_equal(read_file(&whole, &everything, &all, &e), 0);
	assert_int_equal(read_file(&s, &one, NULL, &e), 0);
	assert_int_equal(s.packets, PACKETS / IFACES);
	s = (struct seen){0};
	assert_int_equal(read_file(&s, &late, &part, &e), 0);
	assert_int_equal(s.packets, PACKETS - 100);
	assert_true(part.chunks_decoded < all.chunks_decoded);
	s = (struct seen){0};
	assert_int_equal(read_file(&s, &none, &part, &e), 0);
	assert_int_equal(part.chunks_decoded, 0);
	assert_int_equal(part.chunks_seen, all.chunks_seen);
}

/* With and without what the end of the file tells of its chunks. */
static void test_contents(void **state)
{
	struct seen listed = {.only = 2}, hopped = {.only = 2};
	struct reader_work by_list, by_hops;
	struct err e;

	(void)state;
#ifndef HAVE_XXHASH
	skip(); /* lists of contents are not used */
#endif
	put(file, file_size);
	struct reader_query one = {.to = UINT64_MAX, .iface_wanted = only, .ctx = &listed};
	assert_int_equal(read_file(&listed, &one, &by_list, &e), 0);
	put(file, file_size - 4); /* no end mark: maybe still being written */
	one.ctx = &hopped;
	assert_int_equal(read_file(&hopped, &one, &by_hops, &e), 0);
	assert_memory_equal(&listed, &hopped, sizeof(listed));
	assert_int_equal(by_list.chunks_seen, by_hops.chunks_seen);
	assert_int_equal(by_list.chunks_decoded, by_hops.chunks_decoded);
	assert_true(by_list.bytes_read < by_hops.bytes_read);
	file[file_size - 1] ^= 0xff;
	put(file, file_size); /* something else there: more is to come, or it is damaged */
	file[file_size - 1] ^= 0xff;
	assert_int_equal(read_file(&(struct seen){.only = 2}, &one, &by_list, &e), -1);
	assert_true(by_list.bytes_read >= by_hops.bytes_read);
	for (size_t i = file_size - 300; i < file_size; i++) {
		struct seen s = {0};
		file[i] ^= 0xff;
		put(file, file_size);
		file[i] ^= 0xff;
		read_file(&s, &everything, NULL, &e);
		assert_int_equal(s.packets, PACKETS);
	}
}

/* Never more than what is in the file, and a message whenever it is less. */
static void test_every_prefix(void **state)
{
	uint64_t before = 0;

	(void)state;
	for (size_t n = 0; n <= file_size; n++) {
		struct seen s = {0};
		struct err e = {0};
		put(file, n);
		int status = read_file(&s, &everything, NULL, &e);
		assert_true(s.packets >= before && s.packets <= PACKETS);
		assert_true(status == 0 || strstr(e.message, path));
		before = s.packets;
	}
	assert_int_equal(before, PACKETS);
}

static void test_every_flip(void **state)
{
	(void)state;
	for (size_t i = 0; i < file_size; i++) {
		struct seen s = {0};
		struct err e = {0};
		file[i] ^= 0xff;
		put(file, file_size);
		file[i] ^= 0xff;
		int status = read_file(&s, &everything, NULL, &e);
#ifdef HAVE_XXHASH /* without it, damage may look like other packets */
		assert_true(s.packets <= PACKETS);
#endif
		assert_true(status == 0 || strstr(e.message, path));
	}
}

/* One bad chunk costs its own packets only. */
static void test_damaged_chunk(void **state)
{
	struct err e;
	struct seen s = {0};
	size_t n;

	(void)state;
#ifndef HAVE_XXHASH
	skip(); /* checksums are not looked at */
#endif
	put(file, file_size);
	struct reader *r = reader_open(path, &e);
	assert_true(reader_chunks(r) > 1);
	for (n = 0; reader_chunk(r, n)->metadata;)
		n++;
	const struct chunk *c = reader_chunk(r, n);
	uint64_t at = c->offset + 4 + c->stored - 1, lost = c->packets;
	reader_close(r);
	file[at] ^= 0x55;
	put(file, file_size);
	file[at] ^= 0x55;
	assert_int_equal(read_file(&s, &everything, NULL, &e), -1);
	assert_non_null(strstr(e.message, "damaged at byte"));
	assert_int_equal(s.packets, PACKETS - lost);
	assert_int_equal(s.lost, lost);
}

/* ---- chunks made by hand, as no writer makes them ---- */

struct made {
	uint8_t at[1024];
	size_t n, chunk;
};

static void made_u32(struct made *m, uint32_t v)
{
	store_le32(m->at + m->n, v);
	m->n += 4;
}

/* Not compressed, without a checksum. */
static void made_chunk(struct made *m)
{
	m->chunk = m->n;
	made_u32(m, 0);
}

static void made_block(struct made *m, uint32_t type, const uint32_t *body, size_t words)
{
	uint32_t size = 12 + (uint32_t)words * 4;

	made_u32(m, type);
	made_u32(m, size);
	for (size_t i = 0; i < words; i++)
		made_u32(m, body[i]);
	made_u32(m, size);
	store_le32(m->at + m->chunk, (uint32_t)(m->n - m->chunk - 4) | 1u << 31);
}

#define MADE_TIME 0x1122334455667788ull

/* A section, three interfaces, what is said of those in the last chunk, and there a packet of
 * interface `last` (from 0) and one that has no time, of the first. */
static struct made make_chunks(size_t *second_iface, uint32_t last)
{
	struct made m = {{0}, 0, 0};
	static const uint32_t iface[] = {1, 0, 9 | 1 << 16, 9, 0}, simple[] = {4, 0x01010101};
	const uint32_t packet[] = {last, MADE_TIME >> 32, (uint32_t)MADE_TIME, 4, 4, 0x01010101};
	/* 64 bytes of our own: kind, version and number of parts, window, times, one part. */
	const uint32_t summary[20] = {
		[3] = 19373 | 64 << 16, SAVEFILE_PEN, 1 | 1 << 8 | 1 << 16, [11] = last, 2};
	uint32_t section[] = {0x1a2b3c4d, 1, UINT32_MAX, UINT32_MAX, 1 | 12 << 16, 0, 0, 0, 0};

	memcpy(section + 5, "{\"dredge\":1}", 12);
	made_u32(&m, 0x184d2204);
	memcpy(m.at + m.n, "\x60\x60\x51", 3);
	m.n += 3;
	made_chunk(&m);
	made_block(&m, 0x0a0d0d0a, section, ARRAY_SIZE(section));
	made_block(&m, 1, iface, ARRAY_SIZE(iface));
	made_chunk(&m);
	*second_iface = m.n;
	made_block(&m, 1, iface, ARRAY_SIZE(iface));
	made_block(&m, 1, iface, ARRAY_SIZE(iface));
	made_chunk(&m);
	made_block(&m, 5, summary, ARRAY_SIZE(summary));
	made_block(&m, 6, packet, ARRAY_SIZE(packet));
	made_block(&m, 3, simple, ARRAY_SIZE(simple));
	made_u32(&m, 0);
	return m;
}

struct made_seen {
	uint32_t ifaces, packets, lost, iface[2];
	uint64_t ts[2];
};

static int on_made_iface(void *ctx, const struct iface_record *r)
{
	struct made_seen *s = ctx;

	assert_int_equal(r->number, s->ifaces++);
	return 0;
}

static int on_made_event(void *ctx, struct event *ev)
{
	struct made_seen *s = ctx;

	if (ev->type == EVENT_DROP) {
		s->lost += ev->lost;
		return 0;
	}
	assert_true(s->packets < 2);
	s->iface[s->packets] = ev->iface;
	s->ts[s->packets++] = ev->ts;
	return 0;
}

/* Twice, as interfaces keep their numbers however often a file is read. */
static int read_made(const struct made *m, const struct reader_query *q, struct made_seen *s,
		     struct err *e)
{
	const struct sink sink = {.ctx = s, .iface = on_made_iface, .event = on_made_event};
	int status = 0;

	put(m->at, m->n);
	struct reader *r = reader_open(path, e);
	if (!r)
		fail_msg("%s", e->message);
	assert_int_equal(reader_chunks(r), 3);
	for (unsigned i = 0; i < 2; i++) {
		*s = (struct made_seen){0};
		status = reader_run(r, q, &sink, e);
	}
	reader_close(r);
	return status;
}

/* A packet without a time comes behind the one before it, at its time. */
static void test_packet_without_time(void **state)
{
	size_t second;
	struct err e = {0};
	struct made_seen s;
	struct made m = make_chunks(&second, 2);

	(void)state;
	assert_int_equal(read_made(&m, &everything, &s, &e), 0);
	assert_int_equal(s.ifaces, 3);
	assert_int_equal(s.packets, 2);
	assert_int_equal(s.iface[0], 2);
	assert_int_equal(s.iface[1], 0);
	assert_true(s.ts[0] == MADE_TIME && s.ts[1] == MADE_TIME);
}

static bool is_nobody(void *ctx, uint32_t number)
{
	(void)ctx;
	return number == IFACE_NONE;
}

static bool is_first(void *ctx, uint32_t number)
{
	(void)ctx;
	return !number;
}

static const struct reader_query of_nobody = {.to = UINT64_MAX, .iface_wanted = is_nobody},
				 of_first = {.to = UINT64_MAX, .iface_wanted = is_first};

/* Of descriptions that are damaged none counts: packets of theirs are of no interface, and none is
 * looked for where there is none. */
static void test_damaged_descriptions(void **state)
{
	static const struct {
		size_t at; /* from the second of three on, which shares a chunk with the third */
		uint32_t v;
	} rows[] = {{32, 0x0bad}, {4, 12}, {4, UINT32_MAX}, {28, 28}, {28, 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t second;
		struct err e = {0};
		struct made_seen s;
		struct made m = make_chunks(&second, 2);
		store_le32(m.at + second + rows[i].at, rows[i].v);
		assert_int_equal(read_made(&m, &everything, &s, &e), -1);
		assert_non_null(strstr(e.message, "damaged at byte"));
		assert_int_equal(s.ifaces, 1);
		assert_int_equal(s.packets, 2);
		assert_int_equal(s.iface[0], IFACE_NONE);
		assert_int_equal(s.iface[1], 0);
		assert_int_equal(s.lost, 0);
		/* Whether they are wanted is asked, as of others. */
		assert_int_equal(read_made(&m, &of_nobody, &s, &e), -1);
		assert_int_equal(s.packets, 1);
		assert_int_equal(s.iface[0], IFACE_NONE);
	}
}

/* What is no packet any more is missed. */
static void test_chunk_that_lacks_packets(void **state)
{
	size_t second;
	struct err e = {0};
	struct made_seen s;
	struct made m = make_chunks(&second, 2);

	(void)state;
	store_le32(m.at + m.n - 4 - 20, 0x0bee); /* the last block, without the end mark */
	assert_int_equal(read_made(&m, &everything, &s, &e), -1);
	assert_non_null(strstr(e.message, "1 packets in place of the 2 of its summary"));
	assert_int_equal(s.packets, 1);
	assert_int_equal(s.lost, 1);
}

/* Packets of an interface that was never described are damage, whoever is asked for. */
static void test_chunk_of_nobody(void **state)
{
	size_t second;
	struct made m = make_chunks(&second, 3);
	const struct reader_query *rows[] = {&everything, &of_nobody, &of_first};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = {0};
		struct made_seen s;
		assert_int_equal(read_made(&m, rows[i], &s, &e), -1);
		assert_non_null(strstr(e.message, "interface 3 has not been described"));
		assert_int_equal(s.packets, 0);
		assert_int_equal(s.lost, 2);
	}
	/* Of two who share a file only one tells. */
	struct reader_query half = of_first;
	struct made_seen s;
	half.half = true;
	assert_int_equal(read_made(&m, &half, &s, &(struct err){0}), 0);
	assert_int_equal(s.lost, 0);
}

/* Whoever counts by interface has as many as were described, whatever a summary says. */
static void test_sums_of_nobody(void **state)
{
	static const uint32_t rows[][2] = {
		{2, 2}, {3, IFACE_NONE}, {0x0d000000, IFACE_NONE}, {UINT32_MAX, IFACE_NONE}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t second;
		struct err e = {0};
		struct made m = make_chunks(&second, rows[i][0]);
		put(m.at, m.n);
		struct reader *r = reader_open(path, &e);
		assert_non_null(r);
		assert_int_equal(reader_chunks(r), 3);
		assert_int_equal(reader_chunk(r, 2)->part_count, 1);
		assert_int_equal(reader_chunk(r, 2)->parts[0].packets, 2);
		assert_int_equal(reader_chunk(r, 2)->parts[0].iface, rows[i][1]);
		reader_close(r);
	}
}

static void test_foreign(void **state)
{
	static const struct {
		const char *name;
		uint64_t packets;
	} rows[] = {
		{"plain.pcapng", 1}, {"us.pcap", 1},	{"ns.pcap", 1},	   {"pcap.gz", 1},
		{"pcapng.gz", 1},    {"linked.lz4", 1}, {"pcapng.zst", 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t bytes[4096];
		char name[512];
		struct seen s = {0};
		struct err e = {0};
		snprintf(name, sizeof(name), "%s/fuzz/corpus/savefile/%s", TEST_DATA_DIR,
			 rows[i].name);
		FILE *f = fopen(name, "rb");
		assert_non_null(f);
		size_t n = fread(bytes, 1, sizeof(bytes), f);
		fclose(f);
		put(bytes, n);
		int status = read_file(&s, &everything, NULL, &e);
		if (status == -2 && strstr(e.message, "not built in"))
			continue;
		assert_int_equal(status, 0);
		assert_int_equal(s.packets, rows[i].packets);
	}
}

/* A file is read up to where it was whole, whatever has been written since. */
static void test_growing(void **state)
{
	const struct sink sink = {.iface = on_iface, .container = on_container, .event = on_event};
	struct err e = {0};
	uint64_t before = 0;
	size_t n;

	(void)state;
	put(file, file_size);
	struct reader *whole = reader_open(path, &e);
	n = reader_chunks(whole);
	assert_true(n > 4);
	for (size_t i = 1; i < n; i++) {
		struct seen s = {.only = UINT32_MAX};
		struct sink to = sink;
		to.ctx = &s;
		struct reader *r = reader_open_part(open(path, O_RDONLY), path,
						    reader_chunk(whole, i)->offset, &e);
		assert_non_null(r);
		assert_int_equal(reader_run(r, &everything, &to, &e), 0);
		assert_true(s.packets >= before && s.packets < PACKETS);
		before = s.packets;
		reader_close(r);
	}
	assert_true(before > PACKETS / 2);
	reader_close(whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_part),
		cmocka_unit_test(test_large_windows),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_every_flip),
		cmocka_unit_test(test_damaged_chunk),
		cmocka_unit_test(test_packet_without_time),
		cmocka_unit_test(test_damaged_descriptions),
		cmocka_unit_test(test_chunk_that_lacks_packets),
		cmocka_unit_test(test_chunk_of_nobody),
		cmocka_unit_test(test_sums_of_nobody),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_growing),
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_late_interface),
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_far_times),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
