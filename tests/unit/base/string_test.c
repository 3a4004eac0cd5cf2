/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void test_u64(void **state)
{
	static const struct {
		const char *text;
		bool units;
		uint64_t want;
	} rows[] = {
		{"0", false, 0},
		{"42", false, 42},
		{"010", false, 10},
		{"0x1F", false, 31},
		{"0Xff", false, 255},
		{"18446744073709551615", false, UINT64_MAX},
		{"0xffffffffffffffff", false, UINT64_MAX},
		{"1KB", true, 1024},
		{"64MB", true, 64ull << 20},
		{"3GB", true, 3ull << 30},
		{"2TB", true, 2ull << 40},
		{"7B", true, 7},
		{"12", true, 12},
		{"16777215TB", true, 16777215ull << 40},
	};
	static const struct {
		const char *text;
		bool units;
	} bad[] = {
		{"", true},	      {" 1", true},
		{"1 ", true},	      {"-1", true},
		{"+1", true},	      {"0x", true},
		{"x1", true},	      {"1KB", false},
		{"1kb", true},	      {"1K", true},
		{"1KBB", true},	      {"1.5MB", true},
		{"0x-1", true},	      {"18446744073709551616", false},
		{"16777216TB", true},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t got = 1;
		if (str_u64(rows[i].text, rows[i].units, &got) || got != rows[i].want)
			fail_msg("%s: %llu", rows[i].text, (unsigned long long)got);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		uint64_t got = 42;
		if (!str_u64(bad[i].text, bad[i].units, &got))
			fail_msg("'%s' was taken", bad[i].text);
		assert_int_equal(got, 42);
	}
}

static void test_starts(void **state)
{
	(void)state;
	assert_true(str_starts("synth:x", "synth:"));
	assert_true(str_starts("x", ""));
	assert_false(str_starts("syn", "synth:"));
	assert_false(str_starts("", "s"));
}

static void test_distance(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned want;
	} rows[] = {
		{"", "", 0},
		{"", "abc", 3},
		{"tcp.port", "tcp.port", 0},
		{"tcp.prot", "tcp.port", 2},
		{"ip.scr", "ip.src", 2},
		{"frame.len", "frame.length", 3},
		{"kitten", "sitting", 3},
	};
	char longest[66];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(str_distance(rows[i].a, rows[i].b), rows[i].want);
		assert_int_equal(str_distance(rows[i].b, rows[i].a), rows[i].want);
	}
	memset(longest, 'a', 65);
	longest[65] = '\0';
	assert_int_equal(str_distance(longest, "a"), UINT32_MAX);
	longest[64] = '\0';
	assert_int_equal(str_distance(longest, "a"), 63);
}

static void test_hash(void **state)
{
	char data[32] = "0123456789abcdef0123456789abcde";

	(void)state;
	for (size_t n = 0; n < sizeof(data); n++) {
		uint64_t h = hash_bytes(data, n);
		assert_true(h == hash_bytes(data, n));
		if (!n)
			continue;
		assert_true(h != hash_bytes(data, n - 1));
		data[n - 1] ^= 1;
		assert_true(h != hash_bytes(data, n));
		data[n - 1] ^= 1;
	}
	/* A tail of zero bytes is not nothing. */
	assert_true(hash_bytes("\0\0", 1) != hash_bytes("\0\0", 2));
	assert_true(hash_bytes(NULL, 0) == hash_bytes(data, 0));
}

/* Each bit counts, wherever the bytes lie, and those around them do not. */
static void test_hash_lengths(void **state)
{
	uint64_t lengths[41];

	(void)state;
	for (size_t n = 0; n <= 40; n++) {
		uint8_t *at = xcalloc(1, n + 1), *end = xcalloc(1, n);
		lengths[n] = hash_bytes(end, n);
		for (size_t i = 0; i < n; i++)
			assert_true(lengths[i] != lengths[n]);
		for (size_t i = 0; i < n; i++)
			at[1 + i] = end[i] = (uint8_t)(i * 29 + 1);
		uint64_t h = hash_bytes(end, n);
		assert_true(hash_bytes(at + 1, n) == h);
		at[0] = 0xff;
		assert_true(hash_bytes(at + 1, n) == h);
		for (size_t bit = 0; bit < n * 8; bit++) {
			end[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_true(hash_bytes(end, n) != h);
			end[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		free(at);
		free(end);
	}
}

static void test_strmap(void **state)
{
	struct strmap *m = strmap_new();
	char key[32];

	(void)state;
	assert_int_equal(strmap_find(m, "absent"), -1);
	for (uint32_t i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "task.%u", i);
		strmap_put(m, key, i);
		assert_int_equal(strmap_find(m, key), i);
	}
	for (uint32_t i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "task.%u", i);
		assert_int_equal(strmap_find(m, key), i);
		strmap_put(m, key, UINT32_MAX - i);
	}
	assert_int_equal(strmap_find(m, "task.7"), UINT32_MAX - 7);
	assert_int_equal(strmap_find(m, "task.5000"), -1);
	assert_int_equal(strmap_find(m, ""), -1);
	strmap_put(m, "", 9);
	assert_int_equal(strmap_find(m, ""), 9);
	strmap_free(m);
	strmap_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_u64),	 cmocka_unit_test(test_starts),
		cmocka_unit_test(test_distance), cmocka_unit_test(test_hash_lengths),
		cmocka_unit_test(test_hash),	 cmocka_unit_test(test_strmap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
