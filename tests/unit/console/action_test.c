/* SPDX-License-Identifier: Apache-2.0 */
/* Words of actions: the values are those of the row or of the way to it, or there is no action. */
#include "console/action.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* App, how many tasks, a port. */
static struct view_column columns[] = {
	{.name = "APP", .field = "marathon.app.id", .key = true},
	{.name = "TASKS", .field = "mesos.task.id", .group_fold = FOLD_COUNT},
	{.name = "RETR", .field = "frame.len", .fold = FOLD_SUM},
	{.name = "PORT", .field = "fd.sport"},
};

static const struct {
	const char *app, *word;
	const char *expected; /* NULL = refused */
} rows[] = {
	{"/a;rm -rf /", "x=%marathon.app.id", "echo 'x=/a;rm -rf /'"},
	{"/a", "%fd.sport.", "echo 80."},
	{"/a", "%container.id", "echo c1"}, /* of the way */
	{"/a", "%mesos.task.id", NULL},	    /* their number is none of them */
	{"/a", "%frame.len", NULL},
	{"/a", "%marathon.url/v2/%marathon.app.id", "echo http://m/v2/%2Fa"},
	/* what curl would make several addresses of */
	{"{a,b}[1-9]\\", "http://m/v2/%marathon.app.id", "echo http://m/v2/%7Ba,b%7D%5B1-9%5D%5C"},
	{"/a", "%capture.file", NULL},
	{"-rf", "%marathon.app.id", NULL}, /* could be an option */
	{"-rf", "./%marathon.app.id", "echo ./-rf"},
	{"/a\x1b[2J", "%marathon.app.id", NULL},
	{NULL, "%marathon.app.id", NULL},
};

static void test_words(void **unused)
{
	(void)unused;
	const struct view_info info = {
		.kind = VIEW_TABLE, .columns = columns, .n_columns = ARRAY_SIZE(columns)};
	struct table_column shown[ARRAY_SIZE(columns)];
	struct view_step step = {.field = "container.id", .value = "c1"};
	const struct console_options o = {.marathon = "http://m"};
	size_t line = 0;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		shown[i] = (struct table_column){.info = &columns[i]};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *app = rows[i].app;
		uint32_t n = app ? (uint32_t)strlen(app) : 0;
		const struct cell cells[ARRAY_SIZE(columns)] = {
			{.number = NAN, .text = app, .n = n},
			{.number = 1},
			{.number = 3},
			{.number = 80}};
		struct table_row row = {.key = app, .key_n = n, .cells = cells};
		struct shot shot = {.columns = shown,
				    .n_columns = ARRAY_SIZE(shown),
				    .rows = {.rows = &row, .n = 1}};
		const struct ui ui = {.o = &o,
				      .path = {.steps = &step, .n = 1},
				      .levels = {{.info = &info, .shot = &shot}},
				      .n_levels = 1,
				      .lines = &line,
				      .n_lines = 1};
		const struct view_action a = {.argv = {"echo", (char *)rows[i].word}};
		struct text out = {0};
		struct err e = {0};
		int status = action_line(&ui, &a, &out, &e);
		assert_int_equal(status, rows[i].expected ? 0 : -1);
		if (rows[i].expected)
			assert_string_equal(text_cstr(&out), rows[i].expected);
		else
			assert_true(*e.message);
		text_done(&out);
	}
}

/* One key, and for each kind of container its own program; for others none. */
static void test_offered(void **unused)
{
	(void)unused;
	static struct view_column type = {.name = "ENGINE", .field = "container.type"};
	struct view_action actions[] = {
		{.hotkey = 'l', .argv = {"docker"}, .when = "container.type=docker"},
		{.hotkey = 'l', .argv = {"podman"}, .when = "container.type=libpod"},
		{.hotkey = 'i', .argv = {"id"}},
	};
	struct view_info info = {.columns = &type,
				 .n_columns = 1,
				 .actions = actions,
				 .n_actions = ARRAY_SIZE(actions)};
	struct table_column shown = {.info = &type};
	const struct console_options o = {.marathon = NULL};
	static const char *const types[] = {"docker", "libpod", "mesos"};
	size_t line = 0;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		const struct cell cell = {
			.number = NAN, .text = types[i], .n = (uint32_t)strlen(types[i])};
		struct table_row row = {.key = "c1", .key_n = 2, .cells = &cell};
		struct shot shot = {
			.columns = &shown, .n_columns = 1, .rows = {.rows = &row, .n = 1}};
		struct ui ui = {.o = &o,
				.levels = {{.info = &info, .shot = &shot}},
				.n_levels = 1,
				.lines = &line,
				.n_lines = 1};
		const struct view_action *offered[ACTIONS_MAX];
		size_t n = actions_of(&ui, offered);
		assert_int_equal(n, i < 2 ? 2 : 1);
		assert_ptr_equal(offered[0], &actions[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_words),
					   cmocka_unit_test(test_offered)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
