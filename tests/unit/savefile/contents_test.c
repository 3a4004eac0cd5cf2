/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of contents that lie: nobody gets lost, and what can be seen to be wrong is not used. */
#include "savefile/read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#ifdef HAVE_XXHASH
#define XXH_INLINE_ALL
#include <xxhash.h>
#endif

#define PACKETS 40u
#define START	(1700000000ull * NSEC_PER_SEC)

static char path[] = "/tmp/contents_test.XXXXXX";
static uint8_t *file;
static size_t body; /* bytes of it in front of the first list */
static uint32_t lengths[64];
static unsigned chunks;

static int count(void *ctx, struct event *ev)
{
	*(uint64_t *)ctx += ev->type == EVENT_PACKET;
	return 0;
}

/* Packets delivered; *status as reader_run tells. */
static uint64_t read_packets(int *status)
{
	uint64_t packets = 0;
	const struct sink sink = {.ctx = &packets, .event = count};
	/* Who believes in a chunk without times leaves it out. */
	const struct reader_query everything = {.from = 1, .to = UINT64_MAX};
	struct err e = {0};
	struct reader *r = reader_open(path, &e);

	assert_non_null(r);
	*status = reader_run(r, &everything, &sink, &e);
	reader_close(r);
	return packets;
}

static int make_file(void **state)
{
	static uint8_t data[100];
	struct err e;
	const struct writer_options o = {
		.path = path, .format = SAVEFILE_PCAPNG_LZ4, .window_ns = NSEC_PER_SEC};
	struct container_record c = {.meta = {[META_CONTAINER] = "c0ffee"}};
	const struct iface_record r = {.name = "a", .container = &c, .linktype = 1, .sample = 1};

	(void)state;
	close(mkstemp(path));
	struct writer *w = writer_open(&o, &e);
	writer_iface(w, &r, &e);
	for (uint32_t i = 0; i < PACKETS; i++) {
		const struct event ev = {.ts = START + i * NSEC_PER_SEC / 4,
					 .data = data,
					 .caplen = sizeof(data),
					 .len = sizeof(data),
					 .type = EVENT_PACKET,
					 .weight = 1};
		writer_event(w, &ev, &e);
	}
	if (writer_close(w, &e))
		return -1;
	FILE *f = fopen(path, "rb");
	file = malloc(1 << 16);
	size_t n = fread(file, 1, 1 << 16, f);
	fclose(f);
	/* The lists are the last two chunks. */
	for (body = 7; load_le32(file + body);
	     body += (lengths[chunks++] & ~LZ4_BLOCK_PLAIN_BIT) + 8)
		lengths[chunks] = load_le32(file + body);
	assert_int_equal(body + 4, n);
	for (unsigned i = 0; i < 2; i++)
		body -= (lengths[--chunks] & ~LZ4_BLOCK_PLAIN_BIT) + 8;
	assert_in_range(chunks, 10, 60);
	return 0;
}

static int remove_file(void **state)
{
	(void)state;
	free(file);
	return unlink(path);
}

#ifdef HAVE_XXHASH

static void put_option(struct builder *b, unsigned kind, const void *p, size_t n)
{
	builder_u16(b, OPT_CUSTOM_BYTES_NO_COPY);
	builder_u16(b, (uint16_t)(n + 8));
	builder_u32(b, SAVEFILE_PEN);
	builder_u16(b, (uint16_t)(kind | CUSTOM_VERSION << 8));
	builder_u16(b, 0);
	builder_put(b, p, n);
	builder_pad4(b);
}

static size_t begin_list(struct builder *b, uint64_t before)
{
	builder_u32(b, BLOCK_ISB);
	builder_u32(b, 0);
	builder_u32(b, 0);
	builder_u64(b, 0);
	put_option(b, CUSTOM_CONTENTS, &before, sizeof(before));
	return 0;
}

/* As an LZ4 block that is not compressed. */
static void put_list(FILE *f, struct builder *b)
{
	builder_u32(b, OPT_END);
	builder_u32(b, (uint32_t)b->len + 4);
	builder_patch_u32(b, 4, (uint32_t)b->len);
	const uint32_t word = (uint32_t)b->len | LZ4_BLOCK_PLAIN_BIT,
		       hash = XXH32(b->data, b->len, 0);
	fwrite(&word, 4, 1, f);
	fwrite(b->data, 1, b->len, f);
	fwrite(&hash, 4, 1, f);
	b->len = 0;
}

/* What the list says of chunk i, into p; returns its size. */
typedef size_t entry(uint8_t *p, unsigned i);

static size_t honest(uint8_t *p, unsigned i)
{
	memcpy(p, &lengths[i], 4);
	return 4; /* without a summary: look yourself */
}

static size_t joined(uint8_t *p, unsigned i) /* two are one */
{
	uint32_t both = (lengths[3] & ~LZ4_BLOCK_PLAIN_BIT) + 8 +
			(lengths[4] & ~LZ4_BLOCK_PLAIN_BIT);
	size_t n = i == 4 ? 0 : honest(p, i);

	if (i == 3)
		memcpy(p, &both, 4);
	return n;
}

static size_t missing(uint8_t *p, unsigned i)
{
	return i == 3 ? 0 : honest(p, i);
}

static size_t longer(uint8_t *p, unsigned i)
{
	honest(p, i);
	p[0] += i == 3;
	return 4;
}

static size_t empty(uint8_t *p, unsigned i)
{
	honest(p, i);
	if (i == 3)
		memset(p, 0, 4);
	return 4;
}

static const uint32_t too_long = LZ4_BLOCK_MAX + 1;

static size_t huge(uint8_t *p, unsigned i) /* and all of it is there, behind the others */
{
	if (i < chunks)
		return honest(p, i);
	memcpy(p, &too_long, 4);
	return 4;
}

static size_t cut_summary(uint8_t *p, unsigned i)
{
	return honest(p, i) + (i == 3 ? 6 : 0);
}

static size_t many_parts(uint8_t *p, unsigned i)
{
	honest(p, i);
	if (i != 3)
		return 4;
	memset(p + 4, 0, 60000);
	p[4] = 1; /* 1025: one more than can be */
	p[5] = 4;
	return 4 + SUMMARY_SIZE(1025);
}

static size_t few_parts(uint8_t *p, unsigned i)
{
	honest(p, i);
	memset(p + 4, 0, SUMMARY_SIZE(4));
	p[4] = 5; /* one less than it says */
	return i == 3 ? 4 + SUMMARY_SIZE(4) : 4;
}

static size_t no_such_iface(uint8_t *p, unsigned i)
{
	honest(p, i);
	if (i < 3)
		return 4;
	memset(p + 4, 0xff, SUMMARY_SIZE(1));
	p[4] = 1;
	p[5] = 0;
	memset(p + 10, 0, 8); /* any time */
	return 4 + SUMMARY_SIZE(1);
}

static void write_file(entry *say, uint64_t before, uint64_t last)
{
	static uint8_t bytes[1 << 16];
	const size_t more = say == huge ? too_long + 8 : 0;
	struct builder b = {0};
	FILE *f = fopen(path, "wb");

	fwrite(file, 1, body, f);
	if (more) {
		fwrite(&too_long, 4, 1, f);
		fseek(f, (long)(body + more), SEEK_SET);
	}
	begin_list(&b, before);
	for (unsigned i = 0; i < chunks + (more > 0); i++) {
		size_t n = say(bytes, i);
		if (n)
			put_option(&b, CUSTOM_CHUNK, bytes, n);
	}
	put_list(f, &b);
	begin_list(&b, last + more);
	put_list(f, &b);
	fwrite("\0\0\0", 1, 4, f);
	fclose(f);
	builder_done(&b);
}

static void test_lies(void **state)
{
	static const struct {
		entry *say;
		bool seen; /* to be wrong */
	} rows[] = {
		{honest, true},	       {missing, true},	   {empty, true},     {huge, true},
		{cut_summary, true},   {many_parts, true}, {few_parts, true}, {joined, false},
		{no_such_iface, true}, {longer, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int status;
		write_file(rows[i].say, 0, body);
		uint64_t packets = read_packets(&status);
		assert_true(rows[i].seen ? packets == PACKETS : packets < PACKETS);
	}
}

static void test_chains(void **state)
{
	const uint64_t places[] = {0,	     1,	   7,	     8,		  body - 9,
				   body - 1, body, body + 1, body + 4096, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		for (size_t k = 0; k < ARRAY_SIZE(places); k++) {
			int status;
			write_file(honest, places[i], places[k]);
			assert_int_equal(read_packets(&status), PACKETS);
			assert_int_equal(status, 0);
		}
}

/* Of a file that is rewritten while it is read: nothing behind the list is looked at. */
static void test_shorter_anew(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), at = 24;
	uint8_t *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			  0);
	struct contents c = {.size = 48, .data = p + page - 64};
	struct contents_chunk k;

	(void)state;
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(mprotect(p + page, page, PROT_NONE), 0);
	assert_false(contents_next(&c, &at, &k));
	assert_int_equal(at, 24);
	munmap(p, 2 * page);
}

/* The lists of the second know nothing of the first. */
static void test_one_behind_the_other(void **state)
{
	int status;

	(void)state;
	write_file(honest, 0, body);
	FILE *f = fopen(path, "rb");
	uint8_t *copy = malloc(1 << 16);
	size_t n = fread(copy, 1, 1 << 16, f);
	fclose(f);
	f = fopen(path, "ab");
	fwrite(copy, 1, n, f);
	fclose(f);
	free(copy);
	assert_int_equal(read_packets(&status), 2 * PACKETS);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_one_behind_the_other),
		cmocka_unit_test(test_shorter_anew),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}

#else

int main(void)
{
	(void)read_packets;
	(void)make_file;
	(void)remove_file;
	puts("built without xxhash: lists of contents are not used");
	return 77;
}

#endif
