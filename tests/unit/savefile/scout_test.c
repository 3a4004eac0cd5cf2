/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a scout finds, what it tells are the bytes of the file. */
#include "savefile/read.h"

#include <fcntl.h>
#include <lz4.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define CHUNK	   (200u << 10)
#define FILE_BYTES (40u << 20)
#define FIRST	   7u

/* The beginning of a chunk: its length and a compressed summary. */
static void put_head(int fd, uint64_t at, uint32_t size)
{
	uint8_t summary[96] = {BLOCK_ISB}, out[160];
	const uint32_t pen = SAVEFILE_PEN, option = OPT_CUSTOM_BYTES_NO_COPY | 64u << 16;
	const uint64_t time = 0x50fd5ee01797cefe + at;

	memcpy(summary + 4, &size, 4);
	memcpy(summary + 12, &time, 8);
	memcpy(summary + 20, &option, 4);
	memcpy(summary + 24, &pen, 4);
	summary[28] = CUSTOM_SUMMARY;
	summary[29] = CUSTOM_VERSION;
	memcpy(out, &size, 4);
	int n = LZ4_compress_default((const char *)summary, (char *)out + 4, sizeof(summary),
				     sizeof(out) - 4);
	assert_true(n > 0);
	assert_int_equal(pwrite(fd, out, (size_t)n + 4, (off_t)at), n + 4);
}

/* How many of the chunks the scout told of, all of them rightly. */
static unsigned walk(int fd, unsigned *all)
{
	struct scout *s = scout_new(fd, FILE_BYTES, false);
	uint8_t real[GLANCE_BYTES], told[GLANCE_BYTES];
	unsigned known = 0;

	*all = 0;
	for (uint64_t at = FIRST; pread(fd, real, sizeof(real), (off_t)at) > 4;
	     at += 4 + load_le32(real), ++*all) {
		size_t n = scout_glance(s, at, told);
		assert_memory_equal(told, real, n);
		known += n > 0;
	}
	scout_free(s);
	return known;
}

static int make_file(void **state)
{
	static int fd;
	char path[] = "/tmp/scout_test.XXXXXX";

	fd = mkstemp(path);
	unlink(path);
	for (uint64_t at = FIRST; at + CHUNK < FILE_BYTES; at += CHUNK)
		put_head(fd, at, CHUNK - 4);
	*state = &fd;
	return 0;
}

static int close_file(void **state)
{
	return close(*(int *)*state);
}

static void test_stretch(void **state)
{
	unsigned all, known = walk(*(int *)*state, &all);

	assert_in_range(known, all / 3, all);
}

/* What looks like a chunk inside of chunks leads it astray, and nobody else. */
static void test_decoys(void **state)
{
	int fd = *(int *)*state;
	unsigned all;

	for (uint64_t at = FIRST; at + CHUNK < FILE_BYTES; at += CHUNK)
		for (unsigned i = 1; i < 8; i++)
			put_head(fd, at + i * 23456, CHUNK / 8 - 5);
	walk(fd, &all);
	assert_in_range(all, FILE_BYTES / CHUNK - 1, FILE_BYTES / CHUNK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stretch),
		cmocka_unit_test(test_decoys),
	};
	return cmocka_run_group_tests(tests, make_file, close_file);
}
