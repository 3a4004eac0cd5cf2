/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>

#include "source/discover.h"

#define S  NSEC_PER_SEC
#define T0 (1700000000 * S)

static void test_loop(void **state)
{
	(void)state;
	struct restarts *r = restarts_new();
	for (unsigned i = 1; i <= 50; i++) {
		restarts_start(r, "/shop/cache", T0 + i * 2 * S);
		unsigned n = restarts_end(r, "/shop/cache", T0 + i * 2 * S + S);
		bool report = i == 3 || i == 6 || i == 12 || i == 24 || i == 48;
		assert_int_equal(n, report ? i : 0);
	}
	restarts_free(r);
}

static void test_slow(void **state)
{
	(void)state;
	struct restarts *r = restarts_new();
	for (unsigned i = 1; i <= 20; i++) { /* every 31 s: three ends span more than 60 s */
		restarts_start(r, "job", T0 + i * 31 * S);
		assert_int_equal(restarts_end(r, "job", T0 + i * 31 * S + S), 0);
	}
	restarts_free(r);
}

static void test_scaled_down(void **state)
{
	(void)state;
	struct restarts *r = restarts_new();
	for (unsigned i = 0; i < 20; i++) { /* all started long before the first one ended */
		restarts_start(r, "/shop/web", T0 + i);
		assert_int_equal(restarts_end(r, "/shop/web", T0 + 100 * S + i * S), 0);
	}
	restarts_free(r);
}

static void test_quiet(void **state)
{
	(void)state;
	struct restarts *r = restarts_new();
	uint64_t ts = T0;
	for (unsigned loop = 0; loop < 3; loop++) {
		for (unsigned i = 1; i <= 4; i++) {
			ts += 5 * S;
			restarts_start(r, "a", ts);
			ts += S;
			assert_int_equal(restarts_end(r, "a", ts), i == 3 ? 3 : 0);
		}
		ts += 61 * S; /* over; the next one is a new loop with a report of its own */
	}
	restarts_free(r);
}

static void test_keys(void **state)
{
	(void)state;
	struct restarts *r = restarts_new();
	char key[32];
	for (unsigned i = 0; i < 10000; i++) { /* more keys than are kept */
		snprintf(key, sizeof(key), "k%u", i);
		restarts_start(r, key, T0);
		assert_int_equal(restarts_end(r, key, T0 + S), 0);
	}
	for (unsigned i = 1; i <= 3; i++) { /* all those are quiet by now */
		restarts_start(r, "late", T0 + (100 + i) * S);
		assert_int_equal(restarts_end(r, "late", T0 + (100 + i) * S + 1), i == 3 ? 3 : 0);
	}
	restarts_free(r);
	restarts_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loop),	    cmocka_unit_test(test_slow),
		cmocka_unit_test(test_scaled_down), cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
