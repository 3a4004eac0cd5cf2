/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/resources.h"
#include "isolate/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void test_forms(void **state)
{
	static const struct {
		const char *value;
		const char *text; /* NULL: refused */
	} rows[] = {
		{"cpus:8;ports:[1-2]", "cpus:8;ports:[1-2]"},
		{"[]", ""},
		{" [{\"name\":\"ports\",\"type\":\"RANGES\",\"role\":\"web\",\"ranges\":{\"range\":"
		 "[{\"begin\":31000,\"end\":32000},{\"begin\":33000,\"end\":33000}]}},"
		 "{\"name\":\"mem\",\"type\":\"SCALAR\",\"scalar\":{\"value\":62189}},"
		 "{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":22.5}},"
		 "{\"name\":\"ephemeral_ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":[]}}]",
		 "ports:[31000-32000,33000-33000];cpus:22.5;ephemeral_ports:[];"},
		{"{}", NULL},
		{"[", NULL},
		{"[1]", NULL},
		{"[{\"name\":7}]", NULL},
		{"[{\"name\":\"cpus\",\"scalar\":{\"value\":\"8\"}}]", NULL},
		{"[{\"name\":\"ports\"}]", NULL},
		{"[{\"name\":\"ports\",\"name\":\"cpus\"}]", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = {0};
		cleanup_free char *text = resources_text(rows[i].value, &e);
		if (!rows[i].text != !text)
			fail_msg("row %zu: %s", i, text ? text : e.message);
		if (text)
			assert_string_equal(text, rows[i].text);
	}
}

/* Bounds that are none end where the text form is checked. */
static void test_bounds(void **state)
{
	static const char *const bad[] = {
		"{\"begin\":0,\"end\":9}",     "{\"begin\":1,\"end\":65536}",
		"{\"begin\":-1,\"end\":9}",    "{\"begin\":9,\"end\":1}",
		"{\"begin\":\"1\",\"end\":9}", "{}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct isolate_config c = {0};
		struct err e = {0};
		cleanup_free char *value =
			xasprintf("[{\"name\":\"ports\",\"ranges\":{\"range\":[%s]}}]", bad[i]);
		cleanup_free char *text = resources_text(value, &e);
		assert_non_null(text);
		assert_int_equal(isolate_config_set(&c, "resources", text, &e), -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
