/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <arpa/inet.h>
#include <float.h>
#include <math.h>
#include <cmocka.h>

static void expect(struct text *t, const char *want)
{
	assert_string_equal(text_cstr(t), want);
	text_reset(t);
}

static void test_u64(void **state)
{
	static const uint64_t edges[] = {0,
					 1,
					 9,
					 10,
					 99,
					 100,
					 101,
					 999,
					 1000,
					 65535,
					 99999,
					 4294967295u,
					 4294967296,
					 9999999999999,
					 18446744073709551615u};
	struct text t = {0};
	char want[32];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(edges); i++) {
		snprintf(want, sizeof(want), "%llu", (unsigned long long)edges[i]);
		text_u64(&t, edges[i]);
		expect(&t, want);
	}
	for (uint64_t v = 10; v % 10 == 0; v = v > UINT64_MAX / 10 ? 1 : v * 10) {
		for (uint64_t near = v - 1; near <= v + 1; near++) {
			snprintf(want, sizeof(want), "%llu", (unsigned long long)near);
			text_u64(&t, near);
			expect(&t, want);
		}
		snprintf(want, sizeof(want), "%09u", (unsigned)(v * 7 % 1000000000));
		digits_nine(text_room(&t, 9), (uint32_t)(v * 7 % 1000000000));
		t.len = 9;
		expect(&t, want);
	}
	for (uint64_t v = 1; v; v = v > UINT64_MAX / 7 ? 0 : v * 7) {
		snprintf(want, sizeof(want), "%llu", (unsigned long long)v);
		text_u64(&t, v);
		expect(&t, want);
	}
	text_done(&t);
}

static void test_i64(void **state)
{
	static const int64_t edges[] = {0, -1, 1, -10, INT32_MIN, INT64_MAX, INT64_MIN};
	struct text t = {0};
	char want[32];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(edges); i++) {
		snprintf(want, sizeof(want), "%lld", (long long)edges[i]);
		text_i64(&t, edges[i]);
		expect(&t, want);
	}
	text_done(&t);
}

static void test_width_and_hex(void **state)
{
	static const struct {
		uint64_t v;
		unsigned width;
		const char *decimal, *hex;
	} rows[] = {
		{0, 1, "0", "0"},
		{0, 9, "000000000", "000000000"},
		{450000, 9, "000450000", "00006ddd0"},
		{1234, 2, "1234", "d2"},
		{UINT64_MAX, 16, "18446744073709551615", "ffffffffffffffff"},
	};
	struct text t = {0};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		text_u64_width(&t, rows[i].v, rows[i].width);
		expect(&t, rows[i].decimal);
		text_hex(&t, rows[i].v, rows[i].width);
		expect(&t, rows[i].hex);
	}
	text_done(&t);
}

static void test_double(void **state)
{
	static const struct {
		double v;
		unsigned decimals;
		const char *want;
	} rows[] = {
		{0, 0, "0"},
		{0, 3, "0.000"},
		{1.5, 1, "1.5"},
		{0.25, 9, "0.250000000"},
		{1.999, 2, "2.00"},
		{0.9999999999, 9, "1.000000000"},
		{-0.004, 2, "0.00"},
		{-0.006, 2, "-0.01"},
		{-12.5, 3, "-12.500"},
		{1700000000.5, 6, "1700000000.500000"},
		{0.000000001, 9, "0.000000001"},
		{1e18, 1, "1000000000000000000.0"},
		{1.25, 12, "1.250000000"},
		{INFINITY, 2, "inf"},
		{-INFINITY, 2, "-inf"},
	};
	struct text t = {0};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		text_double(&t, rows[i].v, rows[i].decimals);
		expect(&t, rows[i].want);
	}
	text_double(&t, DBL_MAX, 9);
	assert_int_equal(t.len, 309 + 10);
	text_done(&t);
}

static void test_ipv4(void **state)
{
	static const char *const rows[] = {"0.0.0.0", "10.9.99.100", "127.0.0.1", "192.168.1.254",
					   "255.255.255.255"};
	struct text t = {0};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t ip[4];
		assert_int_equal(inet_pton(AF_INET, rows[i], ip), 1);
		text_ipv4(&t, ip);
		expect(&t, rows[i]);
	}
	for (unsigned v = 0; v < 256; v++) {
		char want[32];
		uint8_t ip[4] = {(uint8_t)v, 0, (uint8_t)(255 - v), 1};
		snprintf(want, sizeof(want), "%u.0.%u.1", v, 255 - v);
		text_ipv4(&t, ip);
		expect(&t, want);
	}
	text_done(&t);
}

/* RFC 5952, sections 4 and 5; each row is its own shortest form. */
static void test_ipv6(void **state)
{
	static const char *const rows[] = {
		"::",
		"::1",
		"1::",
		"fe80::1",
		"2001:db8::1",
		"2001:db8:0:1:1:1:1:1",
		"2001:0:0:1::1",
		"2001:db8::1:0:0:1",
		"1:2:3:4:5:6:7:8",
		"1:2:3:4:5:6::",
		"::3:4:5:6:7:8",
		"0:2:3:4:5:6:7:8",
		"1:2:3:4:5:6:7:0",
		"::ffff:192.0.2.128",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"64:ff9b::c000:221",
	};
	struct text t = {0};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t ip[16];
		assert_int_equal(inet_pton(AF_INET6, rows[i], ip), 1);
		text_ipv6(&t, ip);
		expect(&t, rows[i]);
	}
	text_done(&t);
}

static void test_mac(void **state)
{
	const uint8_t mac[6] = {0x00, 0x1a, 0xff, 0x0b, 0xa0, 0x9f};
	struct text t = {0};

	(void)state;
	text_mac(&t, mac);
	text_char(&t, '|');
	expect(&t, "00:1a:ff:0b:a0:9f|");
	text_done(&t);
}

#define BAD "\xef\xbf\xbd"

static const struct {
	const char *in;
	size_t n;
	const char *json, *plain;
} bytes_rows[] = {
	{"", 0, "", ""},
	{"plain text", 10, "plain text", "plain text"},
	{"a\"b\\c/", 6, "a\\\"b\\\\c/", "a\"b\\c/"},
	{"eight ok and \"more\" of it", 25, "eight ok and \\\"more\\\" of it",
	 "eight ok and \"more\" of it"},
	{"\b\t\n\f\r", 5, "\\b\\t\\n\\f\\r", "....."},
	{"\0\1\x0b\x1f\x7f", 5, "\\u0000\\u0001\\u000b\\u001f\\u007f", "....."},
	{"h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x90\x9f", 15,
	 "h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x90\x9f",
	 "h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x90\x9f"},
	{"\u202etxt\u2066\u200e\u061c\u2028\u2070", 20, "\u202etxt\u2066\u200e\u061c\u2028\u2070",
	 ".txt....\u2070"},
	{"\x80", 1, BAD, "."},
	{"a\xff"
	 "b",
	 3, "a" BAD "b", "a.b"},
	{"\xc0\xaf", 2, BAD BAD, ".."},			  /* overlong '/' */
	{"\xe0\x9f\xbf", 3, BAD BAD BAD, "..."},	  /* overlong */
	{"\xed\xa0\x80", 3, BAD BAD BAD, "..."},	  /* surrogate */
	{"\xf0\x8f\xbf\xbf", 4, BAD BAD BAD BAD, "...."}, /* overlong */
	{"\xf4\x90\x80\x80", 4, BAD BAD BAD BAD, "...."}, /* above U+10FFFF */
	{"\xe2\x82", 2, BAD BAD, ".."},			  /* cut */
	{"\xc2\x9b"
	 "31m",
	 5,
	 "\xc2\x9b"
	 "31m",
	 ".31m"}, /* U+009B starts an escape */
	{"\x1b]0;title\x07", 10, "\\u001b]0;title\\u0007", ".]0;title."},
};

static void test_bytes(void **state)
{
	struct text t = {0};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(bytes_rows); i++) {
		text_json(&t, bytes_rows[i].in, bytes_rows[i].n);
		expect(&t, bytes_rows[i].json);
		text_plain(&t, bytes_rows[i].in, bytes_rows[i].n);
		expect(&t, bytes_rows[i].plain);
	}
	text_done(&t);
}

/* Every byte at every place of the eight that are looked at together. */
static void test_bytes_anywhere(void **state)
{
	struct text t = {0};

	(void)state;
	for (unsigned c = 0; c < 0x80; c++) {
		bool control = c < 0x20 || c == 0x7f, quoted = control || c == '"' || c == '\\';
		for (unsigned at = 0; at < 17; at++) {
			char in[17];
			memset(in, 'x', sizeof(in));
			in[at] = (char)c;
			text_plain(&t, in, sizeof(in));
			assert_int_equal(t.len, sizeof(in));
			assert_int_equal(t.data[at], control ? '.' : (char)c);
			text_reset(&t);
			text_json(&t, in, sizeof(in));
			assert_int_equal(t.len > sizeof(in), quoted);
			assert_memory_equal(t.data, in, at);
			assert_int_equal(t.data[at] == '\\', quoted);
			text_reset(&t);
		}
	}
	text_done(&t);
}

static void test_is_plain(void **state)
{
	char in[40];

	(void)state;
	for (unsigned c = 0; c < 0x100; c++) {
		for (unsigned at = 0; at < sizeof(in); at++) {
			memset(in, '~', sizeof(in));
			in[at] = (char)c;
			for (unsigned n = 0; n <= sizeof(in); n++)
				assert_int_equal(text_is_plain(in, n),
						 n <= at || (c >= 0x20 && c < 0x7f));
		}
	}
}

/* What is not looked at must not be: the text ends at the end of an allocation. */
static void test_bytes_end(void **state)
{
	struct text t = {0};

	(void)state;
	for (size_t n = 0; n < 20; n++) {
		char *in = xmalloc(n);
		memset(in, 'y', n);
		text_json(&t, in, n);
		text_plain(&t, in, n);
		assert_int_equal(t.len, 2 * n);
		text_reset(&t);
		free(in);
	}
	text_done(&t);
}

/* As far as it is plain, each byte at each place of each length, and nothing behind the end. */
static void test_plain_start(void **state)
{
	static const unsigned char specials[] = {0,    1,    9,	   '\n', 0x1f, 0x7f,
						 0x80, 0xa0, 0xc3, 0xe2, 0xff};
	struct text t = {0};

	(void)state;
	for (size_t n = 0; n <= 40; n++) {
		char *in = xmalloc(n);
		for (size_t i = 0; i < n; i++)
			in[i] = (char)(' ' + i * 37 % 95);
		text_str(&t, "ab");
		assert_int_equal(text_plain_start(&t, in, n), n);
		assert_int_equal(t.len, 2 + n);
		if (n)
			assert_memory_equal(t.data + 2, in, n);
		text_reset(&t);
		for (size_t at = 0; at < n; at++) {
			char was = in[at];
			for (size_t i = 0; i < sizeof(specials); i++) {
				in[at] = (char)specials[i];
				assert_int_equal(text_plain_start(&t, in, n), at);
				assert_int_equal(t.len, at);
				if (at)
					assert_memory_equal(t.data, in, at);
				text_reset(&t);
			}
			in[at] = was;
		}
		free(in);
	}
	text_done(&t);
}

static void test_growth(void **state)
{
	struct text t = {0};

	(void)state;
	for (unsigned i = 0; i < 10000; i++)
		text_char(&t, (char)('a' + i % 26));
	assert_int_equal(t.len, 10000);
	assert_int_equal(t.data[9999], 'a' + 9999 % 26);
	text_reset(&t);
	text_put(&t, NULL, 0);
	text_fmt(&t, "%s=%d", "n", 7);
	expect(&t, "n=7");
	text_done(&t);
	assert_null(t.data);
	assert_string_equal(text_cstr(&t), "");
	text_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_u64),
		cmocka_unit_test(test_i64),
		cmocka_unit_test(test_width_and_hex),
		cmocka_unit_test(test_double),
		cmocka_unit_test(test_ipv4),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_mac),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_bytes_anywhere),
		cmocka_unit_test(test_is_plain),
		cmocka_unit_test(test_bytes_end),
		cmocka_unit_test(test_plain_start),
		cmocka_unit_test(test_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
