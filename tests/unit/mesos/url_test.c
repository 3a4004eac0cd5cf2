/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of masters: what is made of them, and what is shown. */
#ifdef HAVE_CURL

#include "mesos/asking.h"
#include "mesos/curl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* Neither who asks nor what is asked for, both of which may be secret. */
static void test_shown(void **state)
{
	struct target t;
	struct err e = {0};

	(void)state;
	if (curl_load(&e))
		skip();
	assert_int_equal(target_init(&t, "ftp://me:word@host/path?token=other", &e), -1);
	assert_string_equal(e.message, "'host/path' is no http:// or https:// URL");
}

/* Its users are nobody's of ours. */
static void test_pid(void **state)
{
	static const char *const cases[][2] = {
		{"master@10.0.0.1:5050", "http://10.0.0.1:5050"},
		{"slave(1)@[2001:db8::1]:5051", "http://[2001:db8::1]:5051"},
		{"master@me:word@10.0.0.1:5050", "http://10.0.0.1:5050"},
		{"master@", NULL},
		{"10.0.0.1:5050", NULL},
	};

	(void)state;
	if (curl_load(NULL))
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct target t = {0};
		struct err e = {0};
		assert_int_equal(target_of_pid(&t, cases[i][0], NULL, &e), cases[i][1] ? 0 : -1);
		assert_null(t.user);
		if (cases[i][1])
			assert_string_equal(t.url, cases[i][1]);
		target_done(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shown),
		cmocka_unit_test(test_pid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
	return 77;
}

#endif
