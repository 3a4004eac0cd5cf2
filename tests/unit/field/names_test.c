/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "field/field.h"

static const struct {
	const char *text, *name, *arg;
	size_t used;
} finds[] = {
	{"tcp.port", "tcp.port", NULL, 8},
	{"tcp.port=80", "tcp.port", NULL, 8},
	{"evt.nume", "evt.num", NULL, 7},
	{"evt.time.s rest", "evt.time.s", NULL, 10},
	{"evt.time.x", "evt.time", NULL, 8},
	{"evt.args", "evt.args", NULL, 8},
	{"evt.arg.res ", "evt.arg", "res", 11},
	{"evt.arg[0]x", "evt.arg", "0", 10},
	{"evt.arg[]", "evt.arg", NULL, 7},
	{"evt.arg[a", "evt.arg", NULL, 7},
	{"evt.arg", "evt.arg", NULL, 7},
	{"marathon.app.label.HAPROXY_0_VHOST=x", "marathon.app.label", "HAPROXY_0_VHOST", 34},
	{"marathon.app.label.a/b.c. ", "marathon.app.label", "a/b.c", 24},
	{"marathon.app.label[a b:c]", "marathon.app.label", "a b:c", 25},
	{"marathon.app.labels", "marathon.app.labels", NULL, 19},
	{"nothing", NULL, NULL, 0},
	{"", NULL, NULL, 0},
};

static void test_find(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(finds); i++) {
		char *arg = NULL;
		size_t used = 0;
		const struct field *f = field_find(finds[i].text, strlen(finds[i].text), &used,
						   &arg);

		if (!finds[i].name) {
			assert_null(f);
			continue;
		}
		assert_non_null(f);
		assert_string_equal(f->name, finds[i].name);
		assert_int_equal(used, finds[i].used);
		if (finds[i].arg)
			assert_string_equal(arg, finds[i].arg);
		else
			assert_null(arg);
		free(arg);
	}
}

static const struct {
	const char *text, *nearest;
} nearest[] = {
	{"tcp.dport", "tcp.dstport"},
	{"tcp.dsport", "tcp.dstport"},
	{"task.id", "mesos.task.id"},
	{"container.nam", "container.name"},
	{"ip.sr", "ip.src"},
	{"frame.lenn", "frame.len"},
	{"http.request", "http.request.method"},
	{"zzzzzzzzzzzz", NULL},
	{"", NULL},
	{"marathon.ap.id", "marathon.app.id"},
};

static void test_nearest(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(nearest); i++) {
		const char *got = field_nearest(nearest[i].text, strlen(nearest[i].text));

		if (!nearest[i].nearest && got)
			fail_msg("%s: %s", nearest[i].text, got);
		if (nearest[i].nearest && (!got || !str_eq(got, nearest[i].nearest)))
			fail_msg("%s: %s", nearest[i].text, got ? got : "nothing");
	}
	assert_non_null(field_why_not("proc.name", 9));
	assert_null(field_why_not("tcp.port", 8));
}

/* No name twice, none that another tool's argument would swallow, and a line of text for each. */
static void test_rows(void **state)
{
	struct strmap *names = strmap_new();

	(void)state;
	for (const struct field_class *const *k = field_classes; *k; k++) {
		for (size_t i = 0; i < (*k)->count; i++) {
			const struct field *f = &(*k)->fields[i];

			if (strmap_find(names, f->name) >= 0)
				fail_msg("%s is there twice", f->name);
			strmap_put(names, f->name, 1);
			assert_non_null(f->get);
			assert_true(strlen(f->text) > 2 && strlen(f->text) < 90);
			assert_null(field_why_not(f->name, strlen(f->name)));
		}
	}
	for (int i = 0; i < COUNTERS; i++)
		assert_int_equal(strmap_find(names, counter_rows[i].name), 1);
	strmap_free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
