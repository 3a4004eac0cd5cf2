/* SPDX-License-Identifier: Apache-2.0 */
/* Ways down, and tables as text, CSV and JSON with hostile names in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "view/view.h"

/* Escape sequences, a right-to-left override, no UTF-8, a quote, a comma, a line end. */
#define HOSTILE "a\x1b[2J\xe2\x80\xae\xff\"b,\r\n"

static struct view_column columns[] = {
	{.name = "NA", .field = "marathon.app.id", .key = true, .absent = "n/a"},
	{.name = "IN",
	 .field = "frame.len.in",
	 .fold = FOLD_SUM,
	 .sorting = true,
	 .unit = UNIT_BYTES},
	{.name = "SHARE",
	 .field = "frame.len.in",
	 .over = "frame.len",
	 .fold = FOLD_SUM,
	 .unit = UNIT_PERCENT},
	{.name = "APP", .field = "marathon.app.id", .absent = "n/a"},
	{.name = "IMAGE", .field = "container.image"},
};
static char *applies[] = {"", "marathon.group.name", NULL};
static struct view_info apps = {.id = "apps",
				.name = "Apps",
				.filter = "container.id != host",
				.drilldown = "gone",
				.applies_to = applies,
				.columns = columns,
				.n_columns = ARRAY_SIZE(columns)};

static struct state *make_state(const char *app, const char *image)
{
	struct state *s = state_new(0);
	struct container_record c = {.meta = {[META_CONTAINER] = "c1",
					      [META_APP] = (char *)app,
					      [META_IMAGE] = (char *)image}};
	const struct iface_record r = {.number = 0, .container = &c, .linktype = 1};

	state_iface(s, &r);
	return s;
}

static void packet(struct state *s, struct table *t, uint32_t len, uint32_t dir)
{
	struct event ev = {.ts = 1,
			   .data = (const uint8_t *)"",
			   .len = len,
			   .type = EVENT_PACKET,
			   .flags = dir,
			   .weight = 1};
	table_event(t, state_event(s, &ev));
}

static struct table *filled(struct state *s, const struct view_path *path)
{
	struct table *t = table_open(&(struct table_options){.info = &apps, .path = path}, NULL);

	assert_non_null(t);
	packet(s, t, 1500, EVENT_IN);
	packet(s, t, 500, EVENT_OUT);
	return t;
}

static void assert_prints(struct table *t, enum table_format format, const char *expected)
{
	struct text out = {0};

	table_print(t, table_refresh(t, 0), format, &out);
	assert_string_equal(text_cstr(&out), expected);
	text_done(&out);
}

static void test_hostile_names(void **unused)
{
	(void)unused;
	struct state *s = make_state(HOSTILE, "x");
	struct table *t = filled(s, NULL);

	assert_prints(t, TABLE_TEXT,
		      "   IN  SHARE  APP           IMAGE\n"
		      "1.50k   75.0  a?[2J??\"b,??  x\n");
	assert_prints(t, TABLE_CSV,
		      "IN,SHARE,APP,IMAGE\r\n"
		      "1500,75,\"a.[2J..\"\"b,..\",x\r\n");
	assert_prints(t, TABLE_JSON,
		      "[\n{\"IN\":1500,\"SHARE\":75,\"APP\":\"a\\u001b[2J\xe2\x80\xae\xef\xbf\xbd"
		      "\\\"b,\\r\\n\",\"IMAGE\":\"x\"}\n]\n");
	table_close(t);
	state_free(s);
}

static void test_absent(void **unused)
{
	(void)unused;
	struct state *s = make_state(NULL, NULL);
	struct table *t = filled(s, NULL);

	assert_prints(t, TABLE_TEXT, "   IN  SHARE  APP  IMAGE\n1.50k   75.0  n/a  -\n");
	assert_prints(t, TABLE_CSV, "IN,SHARE,APP,IMAGE\r\n1500,75,n/a,\r\n");
	table_close(t);
	state_free(s);
}

static void test_long_names_are_cut(void **unused)
{
	(void)unused;
	char name[10001];
	struct text out = {0};

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	struct state *s = make_state("/a", name);
	struct table *t = filled(s, NULL);
	table_print(t, table_refresh(t, 0), TABLE_TEXT, &out);
	assert_true(out.len < 200);
	table_close(t);
	state_free(s);
	text_done(&out);
}

/* Down to a row and its events are those of the row, whatever its name; and to who has none. */
static void test_path(void **unused)
{
	(void)unused;
	static const char *const names[] = {"/shop/web", "quo\"te\\", "a b) or (c", NULL};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct state *s = make_state(names[i], NULL);
		struct state *other = make_state("/other", NULL);
		struct view_path path = {0};
		struct table *t = filled(s, NULL);
		view_path_push(&path, &apps, &table_refresh(t, 0)->rows[0]);
		table_close(t);
		t = filled(s, &path);
		assert_int_equal(table_refresh(t, 0)->n, 1);
		table_close(t);
		t = filled(other, &path);
		assert_int_equal(table_refresh(t, 0)->n, 0);
		table_close(t);
		view_path_done(&path);
		state_free(s);
		state_free(other);
	}
}

static void test_applies(void **unused)
{
	(void)unused;
	struct view_path path = {0};
	struct view_step step = {.field = "marathon.group.id"};
	struct view_info *below = xcalloc(1, sizeof(*below));
	struct views views = {0};

	assert_true(view_applies(&apps, &path));
	path = (struct view_path){&step, 1, 1};
	assert_true(view_applies(&apps, &path)); /* the name is meant, too */
	step.field = "fd.sport";
	assert_false(view_applies(&apps, &path));
	/* Without its target Enter opens the first that applies. */
	assert_null(view_below(&views, &apps, &path));
	below->id = xstrdup("below");
	below->applies_to = xcalloc(2, sizeof(char *));
	below->applies_to[0] = xstrdup("fd.sproto");
	views_add(&views, below);
	assert_ptr_equal(view_below(&views, &apps, &path), below);
	views_free(&views);
}

static void test_numbers(void **unused)
{
	(void)unused;
	static const struct {
		enum view_unit unit;
		double v;
		const char *text;
	} rows[] = {
		{UNIT_BYTES, 0, "0"},	       {UNIT_BYTES, 999, "999"},
		{UNIT_BYTES, 999.6, "1.00k"},  {UNIT_BYTES, 1500, "1.50k"},
		{UNIT_BYTES, 99950, "100k"},   {UNIT_BYTES, 12.34, "12.3"},
		{UNIT_BYTES, 0.25, "0.25"},    {UNIT_BYTES, 5e12, "5.00T"},
		{UNIT_BYTES, 1e21, "1000E"},   {UNIT_COUNT, 1234567, "1.23M"},
		{UNIT_PERCENT, 0.0625, "6.3"}, {UNIT_PERCENT, 2, "200"},
		{UNIT_TIME, 850, "850ns"},     {UNIT_TIME, 12345678, "12.3ms"},
		{UNIT_SECONDS, 1.5, "1.50s"},  {UNIT_SECONDS, 7200, "2.00h"},
		{UNIT_COUNT, NAN, "-"},	       {UNIT_COUNT, -1500, "-1.50k"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct view_column info = {.unit = rows[i].unit};
		const struct table_column column = {.info = &info, .number = true};
		const struct cell cell = {.number = rows[i].v};
		struct text out = {0};
		cell_text(&column, &cell, 0, &out);
		assert_string_equal(text_cstr(&out), rows[i].text);
		text_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_long_names_are_cut),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_applies),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
