/* SPDX-License-Identifier: Apache-2.0 */
/* Columns on screens of any width: none overlap, numbers are never cut. */
#include "console/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Two numbers, a text, a number, and what the rows are. */
static const struct want wants[] = {
	{.width = 6, .least = 6},
	{.width = 6, .least = 6},
	{.width = 30, .least = 12},
	{.width = 5, .least = 5},
	{.width = 40, .least = 20, .sticky = true},
};

static const struct {
	unsigned first, screen;
	size_t n;
	unsigned column[5], x[5], width[5];
	bool left_out;
} cases[] = {
	/* all as wide as they want to be */
	{0, 200, 5, {0, 1, 2, 3, 4}, {0, 8, 16, 48, 55}, {6, 6, 30, 5, 40}, false},
	/* what is left goes to the sticky one first, then to the text */
	{0, 80, 5, {0, 1, 2, 3, 4}, {0, 8, 16, 33, 40}, {6, 6, 15, 5, 40}, false},
	{0, 60, 5, {0, 1, 2, 3, 4}, {0, 8, 16, 30, 37}, {6, 6, 12, 5, 23}, false},
	/* too narrow: the sticky one stays */
	{0, 40, 3, {0, 1, 4}, {0, 8, 16}, {6, 6, 24}, true},
	{0, 10, 1, {4}, {0}, {20}, true},
	/* moved to the right */
	{2, 60, 3, {2, 3, 4}, {0, 14, 21}, {12, 5, 39}, false},
	{4, 60, 1, {4}, {0}, {40}, false},
};

static void test_cases(void **state)
{
	struct place out[ARRAY_SIZE(wants)];
	bool left_out;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t n = layout(wants, ARRAY_SIZE(wants), cases[i].first, cases[i].screen, out,
				  &left_out);
		assert_int_equal(n, cases[i].n);
		assert_int_equal(left_out, cases[i].left_out);
		for (size_t k = 0; k < n; k++) {
			assert_int_equal(out[k].column, cases[i].column[k]);
			assert_int_equal(out[k].x, cases[i].x[k]);
			assert_int_equal(out[k].width, cases[i].width[k]);
		}
	}
}

static void test_every_width(void **state)
{
	struct place out[ARRAY_SIZE(wants)];
	bool left_out;

	(void)state;
	for (unsigned screen = 1; screen < 150; screen++) {
		for (unsigned first = 0; first < ARRAY_SIZE(wants); first++) {
			size_t n = layout(wants, ARRAY_SIZE(wants), first, screen, out, &left_out);
			assert_true(n >= 1);
			for (size_t k = 0; k < n; k++) {
				assert_true(out[k].width >= wants[out[k].column].least);
				assert_true(out[k].width <= wants[out[k].column].width);
				if (k)
					assert_int_equal(out[k].x, out[k - 1].x + out[k - 1].width +
									   LAYOUT_GAP);
				if (n > 1)
					assert_true(out[k].x + out[k].width <= screen);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_every_width),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
