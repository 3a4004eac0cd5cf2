/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of other programs, written here byte by byte as the specifications give
 * them: draft-ietf-opsawg-pcapng, pcap-savefile(5), RFC 1952, the LZ4 frame format.
 */
#include "savefile/savefile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include <lz4frame.h>
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#define MAX_SEEN 64u

static char path[] = "/tmp/formats_test.XXXXXX";

/* ---- a file being written ---- */

struct file {
	uint8_t bytes[1 << 16];
	size_t n;
	bool big; /* byte order */
};

static struct file f;

static void u8(unsigned v)
{
	assert_true(f.n < sizeof(f.bytes));
	f.bytes[f.n++] = (uint8_t)v;
}

static void number(uint64_t v, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		u8((unsigned)(v >> 8 * (f.big ? size - 1 - i : i)) & 0xff);
}

static void u16(unsigned v)
{
	number(v, 2);
}
static void u32(uint64_t v)
{
	number(v, 4);
}

static void bytes(const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		u8(((const uint8_t *)p)[i]);
}

static void pad(void)
{
	while (f.n % 4)
		u8(0);
}

static size_t begin(uint32_t type)
{
	u32(type);
	u32(0);
	return f.n - 8;
}

/* Closes the block that began at `at`: its length stands at both ends. */
static void end(size_t at)
{
	pad();
	size_t n = f.n + 4 - at, keep = f.n;

	f.n = at + 4;
	u32(n);
	f.n = keep;
	u32(n);
}

static void option(unsigned code, const void *value, unsigned n)
{
	u16(code);
	u16(n);
	bytes(value, n);
	pad();
}

static void section(void)
{
	size_t at = begin(0x0a0d0d0a);

	u32(0x1a2b3c4d);
	u16(1);
	u16(0);
	number(UINT64_MAX, 8); /* length unknown */
	end(at);
}

static void iface_begin(size_t *at, uint32_t snaplen)
{
	*at = begin(1);
	u16(1); /* Ethernet */
	u16(0);
	u32(snaplen);
}

/* resolution < 0: no if_tsresol; offset: if_tsoffset in seconds, 0 = none */
static void iface(int resolution, int64_t offset, uint32_t snaplen)
{
	const uint8_t r = (uint8_t)resolution;
	size_t at;

	iface_begin(&at, snaplen);
	if (resolution >= 0)
		option(9, &r, 1);
	if (offset) {
		u16(14);
		u16(8);
		number((uint64_t)offset, 8);
	}
	if (resolution >= 0 || offset)
		option(0, NULL, 0);
	end(at);
}

static void packet(unsigned on, uint64_t units, const char *data, uint32_t len)
{
	size_t at = begin(6);

	u32(on);
	u32(units >> 32);
	u32(units & UINT32_MAX);
	u32(strlen(data));
	u32(len);
	bytes(data, strlen(data));
	end(at);
}

static void clear(bool big)
{
	f.n = 0;
	f.big = big;
}

/* ---- what the reader made of it ---- */

static struct {
	unsigned ifaces, events;
	struct event ev[MAX_SEEN];
	char data[MAX_SEEN][64]; /* text of packets and notices */
	char who[96];		 /* of the interface described last */
	struct counters counters;
	char message[512];
} seen;

static int on_iface(void *ctx, const struct iface_record *r)
{
	struct text t = {0};

	(void)ctx;
	assert_int_equal(r->number, seen.ifaces);
	seen.ifaces++;
	if (r->container)
		meta_describe(&t, r->container->meta);
	snprintf(seen.who, sizeof(seen.who), "%s", text_cstr(&t));
	text_done(&t);
	return 0;
}

static int on_container(void *ctx, const struct container_record *r)
{
	(void)ctx;
	(void)r;
	return 0;
}

static int on_event(void *ctx, struct event *ev)
{
	(void)ctx;
	assert_true(seen.events < MAX_SEEN);
	seen.ev[seen.events] = *ev;
	if (ev->type == EVENT_COUNTERS)
		seen.counters = *(const struct counters *)ev->data;
	else
		snprintf(seen.data[seen.events], sizeof(seen.data[0]), "%.*s", (int)ev->caplen,
			 (const char *)ev->data);
	seen.events++;
	return 0;
}

static void save(const void *p, size_t n)
{
	FILE *out = fopen(path, "wb");

	assert_non_null(out);
	assert_int_equal(fwrite(p, 1, n, out), n);
	fclose(out);
}

static int read_times(unsigned n)
{
	const struct sink sink = {.iface = on_iface, .container = on_container, .event = on_event};
	const struct reader_query q = {.to = UINT64_MAX};
	struct err e = {0};
	int status = -1;

	memset(&seen, 0, sizeof(seen));
	struct reader *r = reader_open(path, &e);
	while (r && n--) {
		seen.ifaces = 0; /* they keep their numbers */
		status = reader_run(r, &q, &sink, &e);
	}
	reader_close(r);
	snprintf(seen.message, sizeof(seen.message), "%s", status < 0 ? e.message : "");
	return status;
}

static int read_all(void)
{
	return read_times(1);
}

static void expect(unsigned i, uint64_t ts, uint32_t on, uint32_t len, const char *data)
{
	assert_true(i < seen.events);
	assert_int_equal(seen.ev[i].type, EVENT_PACKET);
	assert_int_equal(seen.ev[i].ts, ts);
	assert_int_equal(seen.ev[i].iface, on);
	assert_int_equal(seen.ev[i].len, len);
	assert_int_equal(seen.ev[i].caplen, strlen(data));
	assert_string_equal(seen.data[i], data);
}

/* ---- pcapng ---- */

/* Two sections of either byte order; interface ids begin anew in each, numbers do not. */
static void write_sections(void)
{
	clear(true);
	section();
	iface(9, 0, 0);
	iface(-1, 0, 0);
	packet(0, 1700000000000000001, "a", 1);
	packet(1, 1700000000000002, "bb", 200);
	f.big = false;
	section();
	iface(9, 0, 0);
	packet(0, 1700000000000000003, "ccc", 3);
	f.big = true;
	section();
	iface(9, 0, 0);
	packet(0, 1700000000000000004, "dddd", 4);
}

static void test_sections(void **state)
{
	(void)state;
	write_sections();
	save(f.bytes, f.n);
	assert_int_equal(read_all(), 0);
	assert_int_equal(seen.ifaces, 4);
	assert_int_equal(seen.events, 4);
	expect(0, 1700000000000000001, 0, 1, "a");
	expect(1, 1700000000000002000, 1, 200, "bb");
	expect(2, 1700000000000000003, 2, 3, "ccc");
	expect(3, 1700000000000000004, 3, 4, "dddd");
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(seen.ev[i].num, i + 1);
}

/* A description names whom it can: the container need not be among it. */
static void test_descriptions(void **state)
{
	static const struct {
		const char *text, *who;
	} cases[] = {
		{"app=/web task=web.1 container=c0ffee", "app=/web task=web.1 container=c0ffee"},
		{"task=web.1%20x", "task=web.1%20x"},
		{"app=/web", "app=/web"},
		{"container=c0ffee", "container=c0ffee"},
		{"image=nginx", ""},
		{"a uplink = of the host", ""},
	};
	size_t at;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		clear(i % 2);
		section();
		iface_begin(&at, 0);
		option(3, cases[i].text, (unsigned)strlen(cases[i].text));
		option(0, NULL, 0);
		end(at);
		save(f.bytes, f.n);
		assert_int_equal(read_all(), 0);
		assert_string_equal(seen.who, cases[i].who);
	}
}

static void test_resolutions(void **state)
{
	static const struct {
		int resolution;
		int64_t offset;
		uint64_t units, ns;
	} rows[] = {
		{-1, 0, 1700000000123456, 1700000000123456000}, /* 10^-6 when absent */
		{0, 0, 1700000000, 1700000000000000000},	/* seconds */
		{3, 0, 1700000000123, 1700000000123000000},	/* 10^-3 */
		{9, 0, 1700000000123456789, 1700000000123456789},
		{12, 0, 1700000000123456, 1700000000123}, /* 10^-12, cut */
		{0x80 | 20, 0, 1700000000ull << 20 | 1u << 19, 1700000000500000000}, /* 2^-20 */
		{0x80, 0, 1700000000, 1700000000000000000},			     /* 2^0 */
		{6, 1700000000, 5, 1700000000000005000}, /* behind an offset */
		{9, -1, 1700000000000000007, 1699999999000000007},
		{9, -1, 5, 0},			/* before 1970: held there */
		{0, 0, UINT64_MAX, UINT64_MAX}, /* beyond 2554: held there */
		{0xff, 0, UINT64_MAX, 0},	/* 2^-127 */
		{0x7f, 0, UINT64_MAX, 0},	/* 10^-127 */
	};

	(void)state;
	clear(false);
	section();
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		iface(rows[i].resolution, rows[i].offset, 0);
		packet(i, rows[i].units, "x", 1);
	}
	save(f.bytes, f.n);
	assert_int_equal(read_all(), 0);
	assert_int_equal(seen.events, ARRAY_SIZE(rows));
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		expect(i, rows[i].ns, i, 1, "x");
}

/* Simple and obsolete packets; blocks of no interest between them; what counts as a frame. */
static void write_block_kinds(bool big)
{
	size_t at;

	clear(big);
	section();
	iface(9, 0, 4); /* snap length 4 */
	at = begin(2);	/* obsolete packet */
	u16(0);
	u16(7); /* drops */
	u32(1);
	u32(2);
	u32(3);
	u32(30);
	bytes("old", 3);
	end(at);
	at = begin(3); /* simple packet, cut by the snap length */
	u32(100);
	bytes("simp", 4);
	end(at);
	at = begin(4); /* names */
	option(0, NULL, 0);
	end(at);
	at = begin(0x0bad); /* custom: a frame to Wireshark */
	u32(12345);
	bytes("whatever", 8);
	end(at);
	at = begin(0x7777); /* unknown */
	bytes("????", 4);
	end(at);
	at = begin(6); /* with options: flags, drop count, packet id, one unknown */
	u32(0);
	u32(0);
	u32(9);
	u32(4);
	u32(4);
	bytes("last", 4);
	u16(2);
	u16(4);
	u32(2);
	u16(4);
	u16(8);
	number(5, 8);
	u16(5);
	u16(8);
	number(0x1122334455667788, 8);
	option(2988, "\0\0", 2);
	option(0, NULL, 0);
	end(at);
}

static void test_block_kinds(void **state)
{
	(void)state;
	for (int big = 0; big < 2; big++) {
		write_block_kinds(big);
		save(f.bytes, f.n);
		assert_int_equal(read_all(), 0);
		assert_int_equal(seen.events, 3);
		expect(0, (1ull << 32) + 2, 0, 30, "old");
		assert_int_equal(seen.ev[0].lost, 7);
		expect(1, (1ull << 32) + 2, 0, 100, "simp"); /* the time of the one before */
		expect(2, 9, 0, 4, "last");
		assert_int_equal(seen.ev[2].num, 4);
		assert_int_equal(seen.ev[2].flags, EVENT_OUT);
		assert_int_equal(seen.ev[2].lost, 5);
		assert_int_equal(seen.ev[2].packet_id, 0x1122334455667788);
	}
}

static void statistics(uint64_t ts, uint64_t dropped)
{
	size_t at = begin(5);

	u32(0);
	u32(ts >> 32);
	u32(ts & UINT32_MAX);
	u16(5); /* isb_ifdrop: a total */
	u16(8);
	number(dropped, 8);
	end(at);
}

/* What the interface lost since it told last; also when the file is read once more. */
static void test_losses(void **state)
{
	(void)state;
	for (int big = 0; big < 2; big++) {
		clear(big);
		section();
		iface(9, 0, 0);
		packet(0, 1, "one", 3);
		statistics(10, 7);
		statistics(20, 7);
		packet(0, 25, "two", 3);
		statistics(0, 77); /* says no time */
		save(f.bytes, f.n);
		assert_int_equal(read_all(), 0);
		assert_int_equal(seen.events, 4);
		assert_int_equal(seen.ev[1].type, EVENT_DROP);
		assert_int_equal(seen.ev[1].ts, 10);
		assert_int_equal(seen.ev[1].lost, 7);
		assert_int_equal(seen.ev[1].num, 0); /* no frame */
		assert_int_equal(seen.ev[2].num, 2);
		assert_int_equal(seen.ev[3].ts, 25);
		assert_int_equal(seen.ev[3].lost, 70);
		assert_int_equal(read_times(2), 0);
		assert_int_equal(seen.events, 8);
	}
}

static void test_bad_blocks(void **state)
{
	static const struct {
		const char *message;
		uint32_t word, value; /* of the packet block that is put in place of the good one */
	} rows[] = {
		{"16 MiB or more", 1, 0x10000000},
		{"is impossible", 1, 37},
		{"is impossible", 1, 8},
		{"too short", 1, 28},
		{"has not been described", 2, 1},
		{"packet of 37 bytes in a block of 36", 5, 37},
		{"lengths 36 and 40 differ", 8, 40},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		clear(false);
		section();
		iface(9, 0, 0);
		packet(0, 1, "good", 4);
		size_t at = f.n;
		packet(0, 2, "bad!", 4);
		f.n = at + 4 * rows[i].word;
		u32(rows[i].value);
		if (rows[i].word == 1 && rows[i].value == 28) { /* a whole block, but too short */
			f.n = at + 24;
			u32(28);
		}
		f.n = at + 36;
		packet(0, 3, "behind", 6);
		save(f.bytes, f.n);
		assert_int_equal(read_all(), -1);
		assert_int_equal(seen.events, 1);
		assert_non_null(strstr(seen.message, path));
		assert_non_null(strstr(seen.message, "damaged at byte 96 (block 3): "));
		if (!strstr(seen.message, rows[i].message))
			fail_msg("%s: not '%s'", seen.message, rows[i].message);
	}
}

/* A capture of sysdig is told by name; its blocks beside packets hurt nobody. */
static void test_sysdig(void **state)
{
	(void)state;
	for (int packets = 0; packets < 2; packets++) {
		clear(false);
		section();
		if (packets)
			iface(9, 0, 0);
		size_t at = begin(0x201);
		bytes("host", 4);
		end(at);
		if (packets)
			packet(0, 1, "good", 4);
		save(f.bytes, f.n);
		assert_int_equal(read_all(), packets ? 0 : -1);
		assert_int_equal(seen.events, packets);
		assert_true(packets || strstr(seen.message, "(block 1): a capture of sysdig"));
	}
}

/* ---- pcap ---- */

static void write_pcap(bool big, bool nanoseconds)
{
	clear(big);
	u32(nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4);
	u16(2);
	u16(4);
	u32(0);
	u32(0);
	u32(65535);
	u32(1);
	for (unsigned i = 0; i < 3; i++) {
		u32(1700000000);
		u32(i + 1);
		u32(4);
		u32(i == 2 ? 1 : 60); /* the last one says less on the wire than captured */
		bytes("data", 4);
	}
}

static void test_pcap(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 4; kind++) {
		write_pcap(kind & 1, kind & 2);
		save(f.bytes, f.n);
		assert_int_equal(read_all(), 0);
		assert_int_equal(seen.ifaces, 1);
		assert_int_equal(seen.events, 3);
		for (unsigned i = 0; i < 3; i++)
			expect(i, 1700000000ull * NSEC_PER_SEC + (i + 1) * (kind & 2 ? 1 : 1000), 0,
			       i == 2 ? 4 : 60, "data");
	}
}

/* ---- compressions ---- */

static uint8_t packed[1 << 17];

static size_t pack_lz4(const uint8_t *p, size_t n, uint8_t *to)
{
	return LZ4F_compressFrame(to, 1 << 16, p, n, NULL);
}

#ifdef HAVE_ZLIB
static size_t pack_gzip(const uint8_t *p, size_t n, uint8_t *to)
{
	z_stream z = {0};

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, 0), Z_OK);
	z.next_in = (uint8_t *)p;
	z.avail_in = (unsigned)n;
	z.next_out = to;
	z.avail_out = 1 << 16;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return (size_t)(z.next_out - to);
}
#endif

#ifdef HAVE_ZSTD
static size_t pack_zstd(const uint8_t *p, size_t n, uint8_t *to)
{
	return ZSTD_compress(to, 1 << 16, p, n, 3);
}
#endif

static size_t (*const packers[])(const uint8_t *p, size_t n, uint8_t *to) = {
	pack_lz4,
#ifdef HAVE_ZLIB
	pack_gzip,
#endif
#ifdef HAVE_ZSTD
	pack_zstd,
#endif
};

/* A file in two parts, as `cat a.gz b.gz` makes it; LZ4 also with a skippable frame between. */
static void test_parts(void **state)
{
	(void)state;
	write_sections();
	for (size_t i = 0; i < ARRAY_SIZE(packers); i++) {
		for (size_t cut = 1; cut < f.n; cut += 31) {
			size_t n = packers[i](f.bytes, cut, packed);
			if (packers[i] == pack_lz4) {
				memcpy(packed + n, "\x5a\x2a\x4d\x18\x03\0\0\0abc", 11);
				n += 11;
			}
			n += packers[i](f.bytes + cut, f.n - cut, packed + n);
			save(packed, n);
			assert_int_equal(read_all(), 0);
			assert_int_equal(seen.events, 4);
			expect(3, 1700000000000000004, 3, 4, "dddd");
		}
	}
}

/* Every prefix and every flip of every format: what is readable comes, and a message otherwise. */
static void hurt(const uint8_t *p, size_t n, unsigned events)
{
	uint8_t *copy = malloc(n);
	unsigned before = 0;

	memcpy(copy, p, n);
	for (size_t cut = 0; cut < n; cut++) {
		save(copy, cut);
		int status = read_all();
		assert_true(seen.events >= before && seen.events <= events);
		assert_true(status == 0 || strstr(seen.message, path));
		before = seen.events;
	}
	for (size_t i = 0; i < n; i++) {
		for (unsigned bit = 0; bit < 8; bit += 7) {
			copy[i] ^= 1u << bit;
			save(copy, n);
			copy[i] ^= 1u << bit;
			int status = read_all();
			assert_true(seen.events <= MAX_SEEN);
			assert_true(status == 0 || strstr(seen.message, path));
		}
	}
	free(copy);
}

static void test_damage(void **state)
{
	(void)state;
	write_sections();
	hurt(f.bytes, f.n, 4);
	for (size_t i = 0; i < ARRAY_SIZE(packers); i++)
		hurt(packed, packers[i](f.bytes, f.n, packed), 4);
	for (int big = 0; big < 2; big++) {
		write_block_kinds(big);
		hurt(f.bytes, f.n, 3);
	}
	write_pcap(true, true);
	hurt(f.bytes, f.n, 3);
}

/* ---- our own: what is written comes back ---- */

static void test_round_trip(void **state)
{
	static const enum savefile_format formats[] = {SAVEFILE_PCAPNG_LZ4, SAVEFILE_PCAPNG};
	static const uint64_t ids[] = {PACKET_ID_OF_BYTES, 77};
	static const char text[] = "__REALTIME_TIMESTAMP=1700000000000002\nMESSAGE=hello\n"
				   "DREDGE_EVENT=listen\n";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct writer_options o = {.path = path, .format = formats[i]};
		const struct container_record c = {.meta = {[META_CONTAINER] = "c0ffee"}};
		const struct iface_record r = {
			.name = "eth0", .container = &c, .linktype = 1, .sample = 8};
		struct counters in = {0};
		struct err e = {0};
		struct writer *w = writer_open(&o, &e);
		assert_non_null(w);
		assert_int_equal(writer_iface(w, &r, &e), 0);
		struct event ev = {.ts = 1700000000000001000,
				   .data = (const uint8_t *)"four",
				   .caplen = 4,
				   .len = 99,
				   .type = EVENT_PACKET,
				   .flags = EVENT_IN | EVENT_CSUM_NOT_READY,
				   .lost = 3,
				   .weight = 8,
				   .packet_id = ids[i]};
		assert_int_equal(writer_event(w, &ev, &e), 0);
		ev = (struct event){.ts = 1700000000000002000,
				    .data = (const uint8_t *)text,
				    .caplen = sizeof(text) - 1,
				    .len = sizeof(text) - 1,
				    .iface = IFACE_NONE,
				    .type = EVENT_NOTICE,
				    .weight = 1};
		assert_int_equal(writer_event(w, &ev, &e), 0);
		for (unsigned k = 0; k < COUNTERS; k += 3)
			counters_set(&in, k, UINT64_MAX - k);
		ev = (struct event){.ts = 1700000000000003000,
				    .data = (const uint8_t *)&in,
				    .caplen = sizeof(in),
				    .len = sizeof(in),
				    .type = EVENT_COUNTERS,
				    .weight = 1};
		assert_int_equal(writer_event(w, &ev, &e), 0);
		assert_int_equal(writer_close(w, &e), 0);

		assert_int_equal(read_all(), 0);
		assert_int_equal(seen.events, 3);
		unsigned k = 0;
		while (seen.ev[k].type != EVENT_PACKET)
			k++;
		expect(k, 1700000000000001000, 0, 99, "four");
		assert_int_equal(seen.ev[k].flags, EVENT_IN | EVENT_CSUM_NOT_READY);
		assert_int_equal(seen.ev[k].lost, 3);
		assert_int_equal(seen.ev[k].weight, 8);
		assert_int_equal(seen.ev[k].packet_id, ids[i]);
		for (k = 0; seen.ev[k].type != EVENT_NOTICE; k++)
			;
		assert_int_equal(seen.ev[k].ts, 1700000000000002000);
		assert_int_equal(seen.ev[k].caplen, sizeof(text) - 1);
		for (k = 0; seen.ev[k].type != EVENT_COUNTERS; k++)
			;
		assert_int_equal(seen.ev[k].ts, 1700000000000003000);
		assert_int_equal(seen.ev[k].num, 0);
		assert_memory_equal(&seen.counters, &in, sizeof(in));
	}
}

static int make_path(void **state)
{
	(void)state;
	int fd = mkstemp(path);

	return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sections),    cmocka_unit_test(test_descriptions),
		cmocka_unit_test(test_resolutions), cmocka_unit_test(test_block_kinds),
		cmocka_unit_test(test_losses),	    cmocka_unit_test(test_bad_blocks),
		cmocka_unit_test(test_sysdig),	    cmocka_unit_test(test_pcap),
		cmocka_unit_test(test_parts),	    cmocka_unit_test(test_damage),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}
