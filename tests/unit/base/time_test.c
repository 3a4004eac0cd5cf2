/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <setjmp.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#define T0 1700000000450000000ull /* 2023-11-14 22:13:20.45 UTC */

static void use_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static const struct {
	uint64_t ns;
	const char *clock, *iso, *datetime, *seconds;
} shown[] = {
	{0, "00:00:00.000000000", "1970-01-01T00:00:00.000000000+0000",
	 "1970-01-01 00:00:00.000000000", "0.000000000"},
	{T0, "22:13:20.450000000", "2023-11-14T22:13:20.450000000+0000",
	 "2023-11-14 22:13:20.450000000", "1700000000.450000000"},
	{T0 + 1, "22:13:20.450000001", "2023-11-14T22:13:20.450000001+0000",
	 "2023-11-14 22:13:20.450000001", "1700000000.450000001"},
	{T0 + NSEC_PER_SEC, "22:13:21.450000000", "2023-11-14T22:13:21.450000000+0000",
	 "2023-11-14 22:13:21.450000000", "1700000001.450000000"},
	{T0, "22:13:20.450000000", "2023-11-14T22:13:20.450000000+0000",
	 "2023-11-14 22:13:20.450000000", "1700000000.450000000"},
	{1709210096999999999, "12:34:56.999999999", "2024-02-29T12:34:56.999999999+0000",
	 "2024-02-29 12:34:56.999999999", "1709210096.999999999"},
	{UINT64_MAX, "23:34:33.709551615", "2554-07-21T23:34:33.709551615+0000",
	 "2554-07-21 23:34:33.709551615", "18446744073.709551615"},
};

static void test_shown(void **state)
{
	struct text t = {0};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(shown); i++) {
		text_time_local(&t, shown[i].ns, true);
		assert_string_equal(text_cstr(&t), shown[i].clock);
		text_reset(&t);
		text_time_local(&t, shown[i].ns, false);
		assert_int_equal(t.len, 8);
		assert_memory_equal(t.data, shown[i].clock, 8);
		text_reset(&t);
		text_time_iso(&t, shown[i].ns);
		assert_string_equal(text_cstr(&t), shown[i].iso);
		text_reset(&t);
		text_time_datetime(&t, shown[i].ns);
		assert_string_equal(text_cstr(&t), shown[i].datetime);
		text_reset(&t);
		text_time_seconds(&t, shown[i].ns);
		assert_string_equal(text_cstr(&t), shown[i].seconds);
		text_reset(&t);
	}
	text_done(&t);
}

#define S(n) ((n)*NSEC_PER_SEC)

static const struct {
	const char *text;
	uint64_t want;
} moments[] = {
	{"2023-11-14 22:13:20", S(1700000000)},
	{"2023-11-14T22:13:20Z", S(1700000000)},
	{"2023-11-14T22:13:20.450000000+0000", T0},
	{"2023-11-14 22:13:20.45", T0},
	{"2023-11-14T23:13:20+01:00", S(1700000000)},
	{"2023-11-14T16:43:20-05:30", S(1700000000)},
	{"2023-11-14", S(1699920000)},
	{"22:13", S(1699999980)},
	{"22:13:20", S(1700000000)},
	{"22:13:20.450", T0},
	{"@1700000000", S(1700000000)},
	{"@1700000000.45", T0},
	{"@0", 0},
	{"+5s", T0 + S(5)},
	{"+2m", T0 + S(120)},
	{"+0.5", T0 + 500 * NSEC_PER_MSEC},
	{"2024-02-29", S(1709164800)},
};

static void test_moments(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(moments); i++) {
		uint64_t got = 1;
		struct err e = {0};
		if (time_parse(moments[i].text, T0, &got, &e))
			fail_msg("%s: %s", moments[i].text, e.message);
		if (got != moments[i].want)
			fail_msg("%s: %llu", moments[i].text, (unsigned long long)got);
	}
}

static void test_no_moments(void **state)
{
	static const char *const rows[] = {
		"",
		" ",
		"now",
		"22",
		"22:",
		"24:00",
		"22:60",
		"22:13:",
		"22:13:20.",
		"22:13x",
		"2023-11-31",
		"2023-02-29",
		"2023-13-01",
		"2023-00-10",
		"1969-12-31",
		"9999-01-01",
		"2023-11-14 ",
		"@",
		"@-1",
		"@99999999999",
		"@1x",
		"+",
		"+5x",
		"2023-11-14T22:13:20+",
		"2023-11-14T22:13:20Zx",
		"1970-01-01T00:00:00+01:00",
		"-5s",
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t got = 42;
		struct err e = {0};
		if (!time_parse(rows[i], T0, &got, &e))
			fail_msg("'%s' was taken", rows[i]);
		assert_int_equal(e.code, ERR_USAGE);
		assert_int_equal(got, 42);
	}
}

/* "22:13" means the day of the capture as the user's clock shows it. */
static void test_zone(void **state)
{
	uint64_t got;

	(void)state;
	use_zone("EST5EDT,M3.2.0,M11.1.0");
	assert_int_equal(time_parse("17:13:20", T0, &got, NULL), 0);
	assert_int_equal(got, S(1700000000));
	assert_int_equal(time_parse("2023-07-01 00:00", T0, &got, NULL), 0);
	assert_int_equal(got, S(1688184000));
	assert_int_equal(time_parse("2023-11-14T22:13:20Z", T0, &got, NULL), 0);
	assert_int_equal(got, S(1700000000));
	use_zone("UTC");
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t want;
	} rows[] = {
		{"0", 0},
		{"0.00s", 0},
		{"0.000000001s", 1},
		{"10", S(10)},
		{"500ms", 500 * NSEC_PER_MSEC},
		{"250us", 250 * NSEC_PER_USEC},
		{"7ns", 7},
		{"10s", S(10)},
		{"1.5s", 1500 * NSEC_PER_MSEC},
		{"5m", S(300)},
		{"2h", S(7200)},
		{"1d", S(86400)},
	};
	static const char *const bad[] = {"",	"s",	       "-1s",	"5 s",
					  "5S", "1.s",	       "1e3",	"12345678901",
					  "ms", "9999999999d", "0.5ns", "0.0000000001s"};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t got = 1;
		assert_int_equal(duration_parse(rows[i].text, &got, NULL), 0);
		assert_int_equal(got, rows[i].want);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		uint64_t got = 42;
		struct err e = {0};
		if (!duration_parse(bad[i], &got, &e))
			fail_msg("'%s' was taken", bad[i]);
		assert_int_equal(e.code, ERR_USAGE);
		assert_int_equal(got, 42);
	}
}

static void test_far_future(void **state)
{
	uint64_t got;

	(void)state;
	assert_int_equal(time_parse("+1d", UINT64_MAX - 5, &got, NULL), 0);
	assert_true(got == UINT64_MAX);
}

static int in_utc(void **state)
{
	(void)state;
	use_zone("UTC");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shown),	   cmocka_unit_test(test_moments),
		cmocka_unit_test(test_no_moments), cmocka_unit_test(test_zone),
		cmocka_unit_test(test_durations),  cmocka_unit_test(test_far_future),
	};

	return cmocka_run_group_tests(tests, in_utc, NULL);
}
