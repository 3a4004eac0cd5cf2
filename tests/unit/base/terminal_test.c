/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign text for a terminal: nothing of it steers, and its columns are counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/base.h"

static void test_cleaned(void **unused)
{
	(void)unused;
	static const struct {
		const char *in;
		unsigned width;
		const char *out;
		unsigned columns;
	} rows[] = {
		{"plain", 0, "plain", 5},
		{"", 3, "", 0},
		{"\x1b[31mred\x07\x7f", 0, "?[31mred??", 10},
		{"a\xc2\x9b", 0, "a?", 2},				 /* CSI of C1 */
		{"\xe2\x80\xae\xe2\x81\xa6x\xef\xbb\xbf", 0, "??x?", 4}, /* bidi, BOM */
		{"\xff\xc0\xaf\xed\xa0\x80", 0, "??????", 6},		 /* no UTF-8 */
		{"\xe6\x97\xa5\xe6\x9c\xac", 0, "\xe6\x97\xa5\xe6\x9c\xac", 4},
		{"\xe6\x97\xa5\xe6\x9c\xac", 3, "\xe6\x97\xa5\xe2\x80\xa6", 3},
		{"\xe6\x97\xa5\xe6\x9c\xac", 2, "\xe2\x80\xa6", 1},
		{"\xe6\x97\xa5\xe6\x9c\xac", 4, "\xe6\x97\xa5\xe6\x9c\xac", 4},
		{"abcdef", 4, "abc\xe2\x80\xa6", 4},
		{"abcd", 4, "abcd", 4},
		{"e\xcc\x81\xcc\x81\xcc\x81\xcc\x81x", 0, "e\xcc\x81\xcc\x81x", 2},
		{"\xcc\x81x", 0, "x", 1}, /* a mark without a character */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct text t = {0};
		assert_int_equal(text_terminal(&t, rows[i].in, strlen(rows[i].in), rows[i].width),
				 rows[i].columns);
		assert_string_equal(text_cstr(&t), rows[i].out);
		text_done(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cleaned)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
