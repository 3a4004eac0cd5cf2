/* SPDX-License-Identifier: Apache-2.0 */
/* The way down has an end, and what is played waits while the picture is held. */
#include "console/axis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void test_deep_enough(void **state)
{
	static char name[] = "GROUP", field[] = "marathon.group.id";
	struct view_column column = {.name = name, .field = field, .key = true};
	const struct view_info info = {.columns = &column, .n_columns = 1, .deeper = true};
	const struct table_row row = {.key = "/a", .key_n = 2};
	struct ui ui = {.n_levels = LEVELS_MAX};

	(void)state;
	ui.levels[LEVELS_MAX - 1] = (struct level){.info = &info, .steps = 0};
	view_path_push(&ui.path, &info, &row);
	ui_down(&ui, &info);
	assert_int_equal(ui.n_levels, LEVELS_MAX);
	assert_string_equal(ui.message, "deep enough");
	assert_int_equal(ui.path.n, 0); /* else all that is asked for from now on is of it */
	view_path_done(&ui.path);
}

static void test_held_play(void **state)
{
	struct view_feed feed = {.first = 1000 * NSEC_PER_SEC, .last = 1100 * NSEC_PER_SEC};
	const struct console_options o = {.feed = &feed};
	struct shot shot = {.part = 1};
	struct ui ui = {.o = &o,
			.from = feed.first,
			.to = feed.last,
			.levels[0].shot = &shot,
			.n_levels = 1,
			.worker = worker_start(&feed, NSEC_PER_SEC)};

	(void)state;
	assert_true(axis_request(&ui, REQ_PLAY));
	assert_int_equal(ui.to - ui.from, 10 * NSEC_PER_SEC);
	ui.paused = true;
	for (unsigned i = 0; i < 5; i++) {
		usleep(100000);
		shot.order = ui.orders;
		axis_beat(&ui);
	}
	assert_int_equal(ui.from, feed.first);
	ui.paused = false;
	axis_beat(&ui);
	assert_in_range(ui.from - feed.first, 0, NSEC_PER_SEC / 4);
	assert_true(axis_request(&ui, REQ_PLAY));
	worker_stop(ui.worker);
}

static void test_cleared_list(void **state)
{
	struct view_feed feed = {.live = true};
	const struct console_options o = {.feed = &feed};
	const struct view_info list = {.kind = VIEW_LIST};
	struct table_row rows[] = {{.id = 7}, {.id = 8}, {.id = 9}};
	struct shot shot = {.part = 1, .rows = {.rows = rows, .n = 2}};
	char none[] = "";
	struct ui ui = {.o = &o,
			.match = none,
			.filter = none,
			.body = &table_pane,
			.levels[0] = {.info = &list, .shot = &shot},
			.n_levels = 1};

	(void)state;
	ui_found(&ui);
	assert_int_equal(ui.n_lines, 2);
	ui_key(&ui, 'c');
	assert_int_equal(ui.n_lines, 0);
	shot.rows.n = 3; /* one more has come */
	ui_found(&ui);
	assert_int_equal(ui.n_lines, 1);
	assert_int_equal(ui_row(&ui)->id, 9);
	free(ui.lines);
}

/* Items of a menu are of the rows that were there as it was opened. */
static void test_help_over_a_menu(void **state)
{
	static const struct pane menu = {.holds = true};
	struct ui ui = {.overlay = &menu};

	(void)state;
	help_keys(&ui);
	assert_true(ui.overlay != &menu && ui.overlay->holds);
	assert_true(ui.overlay->request(&ui, REQ_BACK, 0));
	assert_ptr_equal(ui.overlay, &menu);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deep_enough),
		cmocka_unit_test(test_held_play),
		cmocka_unit_test(test_cleared_list),
		cmocka_unit_test(test_help_over_a_menu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
