/* SPDX-License-Identifier: Apache-2.0 */
/* Views in Lua: what is read, what is wrong with broken ones, the shipped ones, and sysdig's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "chisel/chisel.h"

static char dir[] = "/tmp/dredge-views-XXXXXX";
static char file[64];

static struct view_info *load(const char *text)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return view_info_load(file, NULL);
}

#define KEY "{name='NA', field='container.id', is_key=true}"

static void test_read(void **unused)
{
	(void)unused;
	struct view_info *v = load(
		"view_info = { id='a.b-c_1', name='A', tags={'Default'}, view_type='table',\n"
		"  applies_to={'', 'container.id'}, filter='evt.type=packet', is_root=true,\n"
		"  drilldown_target='x', tips={'one', 'two'}, columns={\n"
		"    {name='NA', field='fd.name', is_key=true, tags={'default'}},\n"
		"    {name='NA', field='fd.containername', is_key=true, tags={'containers'}},\n"
		"    {name='N', field='evt.count', colsize=8, aggregation='TIME_AVG',\n"
		"     groupby_aggregation='SUM', is_sorting=true, sparkline=true, unit='bytes',\n"
		"     where='frame.len > 3'} },\n"
		"  actions={{hotkey='k', command='kill \"%evt.count\" now', description='K',\n"
		"            ask_confirmation=true, wait_finish=false, when='fd.l4proto=tcp'},\n"
		"           {hotkey='s', command='a | b'},\n"
		"           {hotkey='x', argv={'a b', 'c'}}} }");
	assert_null(v->trouble);
	assert_string_equal(v->id, "a.b-c_1");
	assert_int_equal(v->n_columns, 2);
	assert_string_equal(v->columns[0].field, "fd.containername");
	const struct view_column *c = &v->columns[1];
	assert_true(c->sorting && c->sparkline && !c->key && c->width == 8);
	assert_int_equal(c->fold, FOLD_TIME_AVG);
	assert_int_equal(c->group_fold, FOLD_SUM);
	assert_int_equal(c->unit, UNIT_BYTES);
	assert_string_equal(v->tips[1], "two");
	assert_int_equal(v->n_actions, 2); /* what needs a shell is not offered */
	assert_string_equal(v->actions[0].argv[1], "%evt.count");
	assert_string_equal(v->actions[0].argv[2], "now");
	assert_true(v->actions[0].ask && !v->actions[0].wait);
	assert_string_equal(v->actions[0].when, "fd.l4proto=tcp");
	assert_string_equal(v->actions[1].argv[0], "a b");
	view_info_free(v);
}

static void test_broken(void **unused)
{
	(void)unused;
	static const struct {
		const char *text, *trouble;
	} rows[] = {
		{"view_info = {", "x.lua:1: "},
		{"", "sets no table view_info"},
		{"view_info = 7", "sets no table view_info"},
		{"while true do end", "no end after"},
		{"local t = {} while true do t[#t + 1] = ('x'):rep(1e6) .. #t end", "of memory"},
		{"error('no')", "x.lua:1: no"},
		{"view_info = {id='x'}", "no column is the key"},
		{"view_info = {columns={}}", "has no id"},
		{"view_info = {id='a/b', columns={}}", "letters, digits"},
		{"view_info = {id=7}", "has to be a string"},
		{"view_info = {id='x', columns=1}", "has to be a table"},
		{"view_info = {id='x', columns={1}}", "columns[1] has to be a table"},
		{"view_info = {id='x', columns={{name='N'}}}", "columns[1] has no field"},
		{"view_info = {id='x', columns={{field='evt.num'}}}", "columns[1] has no name"},
		{"view_info = {id='x', columns={{name='N', field='evt.num', is_key=1}}}",
		 "is_key has to be a boolean"},
		{"view_info = {id='x', columns={{name='N', field='evt.num', colsize=-1}}}",
		 "colsize is out of range"},
		{"view_info = {id='x', columns={{name='N', field='evt.num', colsize=0/0}}}",
		 "colsize is out of range"},
		{"view_info = {id='x', columns={{name='N', field='evt.num', aggregation='MODE'}}}",
		 "there is no 'MODE'"},
		{"view_info = {id='x', view_type='pie', columns={" KEY "}}", "there is no 'pie'"},
		{"view_info = {id='x', columns={{name='N', field='evt.nix', is_key=true}}}",
		 "no such field"},
		{"view_info = {id='x', columns={{name='N', field='proc.pid', is_key=true}}}",
		 "a system call field"},
		{"view_info = {id='x', filter='a=(', columns={" KEY "}}", "view x"},
		{"view_info = {id='x', columns={" KEY ", {name='N', field='frame.len', "
		 "where='((', aggregation='SUM'}}}",
		 "column N"},
		{"view_info = {id='x', columns={" KEY "}, actions={{hotkey='ab', argv={'x'}}}}",
		 "hotkey has to be one character"},
		{"view_info = {id='x', columns={" KEY
		 "}, actions={{hotkey='a', argv={'x'}, when='y'}}}",
		 "when has to be FIELD=VALUE"},
		{"view_info = {id='x', columns={" KEY "}, actions={{hotkey='a'}}}",
		 "actions[1] has no argv"},
		{"view_info = {id='x', tags={1}, columns={" KEY "}}", "tags[1] has to be a string"},
		{"local c = {} for i = 1, 1000 do c[i] = " KEY " end view_info = {id='x', "
		 "columns=c}",
		 "more than 64 columns"},
		{"view_info = setmetatable({}, {__index=function() return 'x' end})", "has no id"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct view_info *v = load(rows[i].text);
		if (!v->trouble || !strstr(v->trouble, rows[i].trouble))
			fail_msg("%s: '%s' is not '%s'", rows[i].text,
				 v->trouble ? v->trouble : "(none)", rows[i].trouble);
		assert_string_equal(v->name, v->id);
		view_info_free(v);
	}
}

/* The rest works beside broken ones, and each of ours is whole. */
static void test_shipped(void **unused)
{
	(void)unused;
	cleanup_free char *ours = xasprintf("%s/../chisels", TEST_DATA_DIR);
	const char *const dirs[] = {dir, ours, NULL};
	struct views views = {0};

	view_info_free(load("view_info = {"));
	cleanup_free char *broken = xasprintf("%s/v_broken.lua", dir);
	assert_int_equal(rename(file, broken), 0);
	views_load(&views, dirs);
	assert_non_null(views_find(&views, "broken")->trouble);
	assert_true(views.n > 15);
	for (size_t i = 0; i < views.n; i++) {
		const struct view_info *v = views.items[i];
		if (str_eq(v->id, "broken"))
			continue;
		if (v->trouble)
			fail_msg("%s", v->trouble);
		assert_non_null(v->description);
		assert_non_null(v->applies_to);
		assert_null(v->drilldown && !views_find(&views, v->drilldown) ? v->drilldown
									      : NULL);
		for (size_t k = 0; k < v->n_columns; k++)
			if (!str_eq(v->columns[k].name, "NA"))
				assert_non_null(v->columns[k].description);
	}
	views_free(&views);
	unlink(broken);
}

/* From each selection there is a way on: the view that Enter opens is offered for it. */
static void test_reachable(void **unused)
{
	(void)unused;
	cleanup_free char *ours = xasprintf("%s/../chisels", TEST_DATA_DIR);
	const char *const dirs[] = {ours, NULL};
	struct views views = {0};

	views_load(&views, dirs);
	for (size_t i = 0; i < views.n; i++) {
		const struct view_info *v = views.items[i];
		struct view_step step = {0};
		const struct view_path path = {&step, 1, 1};
		for (size_t k = 0; k < v->n_columns; k++)
			if (v->columns[k].group_key || (v->columns[k].key && !step.field))
				step.field = v->columns[k].field;
		const struct view_info *below = v->drilldown ? views_find(&views, v->drilldown)
							     : NULL;
		if (below && !view_applies(below, &path))
			fail_msg("%s is not offered below %s (%s)", below->id, v->id, step.field);
	}
	views_free(&views);
}

#define SYSDIG "/usr/share/sysdig/chisels"

/*
 * Those that ask for packets can be used, without their columns of processes; of the others it is
 * said what they need.
 */
static void test_sysdigs_own(void **unused)
{
	(void)unused;
	const char *const dirs[] = {SYSDIG, NULL};
	static const char *const usable[] = {"connections", "io_by_type", "sports", "errors"};
	static const char *const whys[] = {"a system call field",
					   "a tracer field",
					   "spectrogram",
					   "of sysdig's own events",
					   "event type notification",
					   "sets no table view_info",
					   "unknown event type",
					   "unknown field syscall.type"};
	struct views views = {0};
	size_t calls = 0;

	if (access(SYSDIG "/v_connections.lua", R_OK))
		skip();
	views_load(&views, dirs);
	for (size_t i = 0; i < ARRAY_SIZE(usable); i++) {
		const struct view_info *v = views_find(&views, usable[i]);
		if (!v || v->trouble)
			fail_msg("%s: %s", usable[i], v ? v->trouble : "not there");
	}
	for (size_t i = 0; i < views.n; i++) {
		const char *trouble = views.items[i]->trouble;
		bool known = !trouble;
		for (size_t k = 0; k < ARRAY_SIZE(whys) && !known; k++)
			known = strstr(trouble, whys[k]);
		if (!known)
			fail_msg("%s", trouble);
		calls += trouble && strstr(trouble, "a system call field");
		print_message("%s: %s\n", views.items[i]->id, trouble ? trouble : "usable");
	}
	assert_true(calls > 15);
	views_free(&views);
}

static int make_dir(void **unused)
{
	(void)unused;
	if (!mkdtemp(dir))
		return -1;
	snprintf(file, sizeof(file), "%s/x.lua", dir);
	return 0;
}

static int remove_dir(void **unused)
{
	(void)unused;
	unlink(file);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),	    cmocka_unit_test(test_broken),
		cmocka_unit_test(test_shipped),	    cmocka_unit_test(test_reachable),
		cmocka_unit_test(test_sysdigs_own),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
