/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: two stages, totals, bounds, order, intervals, what is kept and what is printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "view/view.h"

#define T0  1700000000000000000ull
#define SEC NSEC_PER_SEC

/* Four containers with an interface each: web.1 and web.2 of /shop/web, db, and one of no app. */
enum { WEB1, WEB2, DB, LONE, HOSTS };

static struct state *make_state(void)
{
	static const char *const ids[HOSTS] = {"c-web1", "c-web2", "c-db", "c-lone"};
	static const char *const apps[HOSTS] = {"/shop/web", "/shop/web", "/shop/db", NULL};
	struct state *s = state_new(0);

	for (uint32_t i = 0; i < HOSTS; i++) {
		struct container_record c = {
			.meta = {[META_CONTAINER] = ids[i], [META_APP] = apps[i]}};
		const struct iface_record r = {
			.number = i, .container = &c, .linktype = 1, .sample = 1};
		state_iface(s, &r);
	}
	return s;
}

static void packet(struct state *s, struct table *t, uint32_t who, uint64_t ts, uint32_t len,
		   uint32_t dir)
{
	struct event ev = {.ts = ts,
			   .num = 1,
			   .data = (const uint8_t *)"",
			   .len = len,
			   .iface = who,
			   .type = EVENT_PACKET,
			   .flags = dir,
			   .weight = 1};
	table_event(t, state_event(s, &ev));
}

static void sample(struct state *s, struct table *t, uint32_t who, uint64_t ts, enum counter_id id,
		   uint64_t v)
{
	struct counters k = {0};
	struct event ev = {.ts = ts,
			   .data = (const uint8_t *)&k,
			   .caplen = sizeof(k),
			   .iface = who,
			   .type = EVENT_COUNTERS,
			   .weight = 1};
	counters_set(&k, id, v);
	table_event(t, state_event(s, &ev));
}

#define VIEW(title, ...)                                             \
	static struct view_column title##_columns[] = {__VA_ARGS__}; \
	static struct view_info title = {.id = #title,               \
					 .name = #title,             \
					 .columns = title##_columns, \
					 .n_columns = ARRAY_SIZE(title##_columns)}

VIEW(apps, {.name = "NA", .field = "container.id", .key = true},
     {.name = "NA", .field = "marathon.app.id", .group_key = true, .absent = "n/a"},
     {.name = "IN", .field = "frame.len.in", .fold = FOLD_SUM, .sorting = true, .sparkline = true},
     {.name = "MEAN", .field = "frame.len", .fold = FOLD_AVG, .group_fold = FOLD_SUM},
     {.name = "MAX", .field = "frame.len", .fold = FOLD_MAX},
     {.name = "RATE", .field = "frame.len", .fold = FOLD_TIME_AVG},
     {.name = "CONT", .field = "container.id", .group_fold = FOLD_COUNT},
     {.name = "CPU", .field = "cpus_user_time_secs + cpus_system_time_secs", .fold = FOLD_RATE},
     {.name = "RTT", .field = "tcp_handshake_secs", .over = "tcp_handshakes", .fold = FOLD_DELTA},
     {.name = "MEM", .field = "mem_total_bytes"},
     {.name = "BIG", .field = "frame.count", .fold = FOLD_SUM, .where = "frame.len > 150"},
     {.name = "APP", .field = "marathon.app.id", .absent = "n/a"});

static struct table *open_table(const struct view_info *v, const char *filter)
{
	struct err e = {0};
	struct table *t = table_open(&(struct table_options){.info = v, .filter = filter}, &e);

	if (!t)
		fail_msg("%s", e.message);
	return t;
}

static const struct table_row *row(const struct table_rows *rows, const char *key)
{
	for (size_t i = 0; i < rows->n; i++)
		if (key ? rows->rows[i].key && str_eq(rows->rows[i].key, key) : !rows->rows[i].key)
			return &rows->rows[i];
	fail_msg("no row %s", key ? key : "(none)");
	return NULL;
}

static double number(const struct table *t, const struct table_row *r, const char *column)
{
	int i = table_column_find(t, column);

	assert_true(i >= 0);
	return r->cells[i].number;
}

static void assert_near(double a, double b)
{
	if (!(fabs(a - b) < 1e-9))
		fail_msg("%.12g is not %.12g", a, b);
}

static void test_two_stages(void **unused)
{
	(void)unused;
	struct state *s = make_state();
	struct table *t = open_table(&apps, NULL);

	table_window(t, T0, T0 + 10 * SEC);
	packet(s, t, WEB1, T0, 100, EVENT_IN);
	packet(s, t, WEB1, T0 + SEC, 300, EVENT_IN);
	packet(s, t, WEB1, T0 + SEC, 200, EVENT_OUT);
	packet(s, t, WEB2, T0 + 2 * SEC, 50, EVENT_IN);
	packet(s, t, DB, T0 + 2 * SEC, 60, EVENT_OUT);
	packet(s, t, LONE, T0 + 3 * SEC, 70, EVENT_IN);
	const struct table_rows *rows = table_refresh(t, 0);
	assert_int_equal(rows->n, 3);
	assert_int_equal(rows->events, 6);
	const struct table_row *web = row(rows, "/shop/web"), *none = row(rows, NULL);
	assert_near(number(t, web, "IN"), 450);
	assert_near(number(t, web, "MEAN"), 200 + 50); /* AVG of each, then SUM */
	assert_near(number(t, web, "MAX"), 300);
	assert_near(number(t, web, "RATE"), 65);
	assert_near(number(t, web, "CONT"), 2);
	assert_near(number(t, web, "BIG"), 2);
	assert_near(number(t, none, "IN"), 70);
	assert_string_equal(none->cells[table_column_find(t, "APP")].text, "n/a");
	assert_true(isnan(number(t, row(rows, "/shop/db"), "IN")));
	/* Sorted by IN, what has none at the end. */
	assert_string_equal(rows->rows[0].key, "/shop/web");
	assert_string_equal(rows->rows[2].key, "/shop/db");
	/* The sparkline has the sums of the window's sixteenths. */
	float sum = 0;
	for (unsigned i = 0; i < TABLE_SPARK; i++)
		sum += web->spark[i];
	assert_near(sum, 450);
	table_close(t);
	state_free(s);
}

static struct view_column spark_columns[] = {
	{.name = "ID", .field = "container.id", .key = true},
	{.name = "LEN", .field = "frame.len", .fold = FOLD_SUM, .sparkline = true},
};
static const struct view_info spark_info = {
	.id = "spark", .columns = spark_columns, .n_columns = ARRAY_SIZE(spark_columns)};

/* Oldest first, in whatever order the events came. */
static void test_sparklines(void **unused)
{
	(void)unused;
	struct state *s = make_state();
	struct table *t = open_table(&spark_info, NULL);

	table_window(t, T0, T0 + 16 * SEC - 1);
	packet(s, t, WEB1, T0 + 15 * SEC, 150, EVENT_IN);
	packet(s, t, WEB1, T0 + 14 * SEC, 140, EVENT_IN);
	packet(s, t, WEB1, T0, 10, EVENT_IN);
	for (unsigned i = 0; i < 2; i++) { /* a look changes nothing */
		const float *points = table_refresh(t, 0)->rows[0].spark;
		assert_true(points[0] == 10 && points[14] == 140 && points[15] == 150);
	}
	table_window(t, 0, 0);
	table_next(t, T0);
	packet(s, t, WEB1, T0 + 1 * SEC, 10, EVENT_IN);
	packet(s, t, WEB1, T0 + 3 * SEC, 30, EVENT_IN);
	packet(s, t, WEB1, T0 + 2 * SEC, 20, EVENT_IN);
	for (unsigned i = 0; i < 2; i++) {
		const float *points = table_refresh(t, T0 + 3 * SEC)->rows[0].spark;
		assert_true(points[0] == 0 && points[13] == 10 && points[14] == 20 &&
			    points[15] == 30);
	}
	table_close(t);
	state_free(s);
}

static void test_totals(void **unused)
{
	(void)unused;
	struct state *s = make_state();
	struct table *t = open_table(&apps, NULL);

	table_window(t, T0, T0 + 10 * SEC);
	/* Out of order, and one from before the window. */
	sample(s, t, WEB1, T0 + 3 * SEC, COUNTER_CPUS_USER, 5 * SEC);
	sample(s, t, WEB1, T0 - SEC, COUNTER_CPUS_USER, 1 * SEC);
	sample(s, t, WEB1, T0 + 1 * SEC, COUNTER_CPUS_USER, 2 * SEC);
	sample(s, t, WEB2, T0, COUNTER_CPUS_USER, 7 * SEC);
	sample(s, t, WEB2, T0 + 2 * SEC, COUNTER_CPUS_USER, 1 * SEC); /* began anew */
	sample(s, t, WEB1, T0 + 1 * SEC, COUNTER_MEM_TOTAL, 10);
	sample(s, t, WEB1, T0 + 4 * SEC, COUNTER_MEM_TOTAL, 30);
	sample(s, t, WEB1, T0 + 2 * SEC, COUNTER_MEM_TOTAL, 20);
	sample(s, t, WEB2, T0 + 4 * SEC, COUNTER_MEM_TOTAL, 5);
	const struct table_row *web = row(table_refresh(t, 0), "/shop/web");
	assert_near(number(t, web, "CPU"), 1 + 0.5);
	assert_near(number(t, web, "MEM"), 35);
	assert_int_equal(table_refresh(t, 0)->events, 8); /* not the early one */
	/* The next interval goes on from the last sample. */
	table_window(t, 0, 0);
	table_next(t, T0);
	sample(s, t, WEB1, T0, COUNTER_CPUS_USER, 5 * SEC);
	table_next(t, T0 + SEC);
	sample(s, t, WEB1, T0 + 2 * SEC, COUNTER_CPUS_USER, 6 * SEC);
	web = row(table_refresh(t, T0 + 2 * SEC), "/shop/web");
	assert_near(number(t, web, "CPU"), 0.5);
	table_close(t);
	state_free(s);
}

VIEW(tree, {.name = "NA", .field = "container.id", .key = true},
     {.name = "NA", .field = "marathon.app.id", .group_key = true, .absent = "n/a"},
     {.name = "IN", .field = "frame.len.in", .fold = FOLD_SUM, .sorting = true},
     {.name = "CONT", .field = "container.id", .group_fold = FOLD_COUNT},
     {.name = "APP", .field = "marathon.app.id", .absent = "n/a"});

static void look_of_tree(struct table *t, const char *expected)
{
	const struct table_rows *rows = table_refresh(t, 0);
	struct text out = {0};
	size_t n;
	const struct table_column *columns = table_columns(t, &n);

	for (size_t i = 0; i < rows->n; i++)
		for (size_t k = 0; k < n; k++) {
			cell_text(&columns[k], &rows->rows[i].cells[k], 0, &out);
			text_char(&out, k + 1 == n ? ';' : ' ');
		}
	assert_string_equal(text_cstr(&out), expected);
	text_done(&out);
}

/* What is above is a row too, sums up what is below, and stands before it. */
static void test_tree(void **unused)
{
	(void)unused;
	struct state *s = make_state();
	struct view_path way = {0};
	struct text filter = {0};

	tree.tree = true;
	struct table *t = open_table(&tree, NULL);
	packet(s, t, WEB1, T0, 100, EVENT_IN);
	packet(s, t, WEB2, T0, 50, EVENT_IN);
	packet(s, t, DB, T0, 200, EVENT_IN);
	packet(s, t, LONE, T0, 999, EVENT_IN);
	look_of_tree(t, "999 1 n/a;350 3 /;350 3   /shop;200 1     /db;150 2     /web;");
	table_sort(t, 0, false);
	look_of_tree(t, "350 3 /;350 3   /shop;150 2     /web;200 1     /db;999 1 n/a;");
	view_path_push(&way, &tree, row(table_refresh(t, 0), "/shop"));
	assert_true(view_path_filter(&way, &filter));
	assert_string_equal(text_cstr(&filter), "(marathon.app.id=\"/shop\" or marathon.app.id "
						"startswith \"/shop/\")");
	struct table *below = table_open(&(struct table_options){.info = &tree, .path = &way},
					 NULL);
	packet(s, below, WEB1, T0, 100, EVENT_IN);
	packet(s, below, LONE, T0, 100, EVENT_IN);
	look_of_tree(below, "100 1 /;100 1   /shop;100 1     /web;");
	table_close(t);
	table_close(below);
	view_path_done(&way);
	text_done(&filter);
	state_free(s);
}

/* Two that lived for a moment each, one after the other, are no two processors now. */
static void test_ended(void **unused)
{
	(void)unused;
	struct state *s = make_state();
	struct table *t = open_table(&apps, NULL);
	struct container_record end = {.meta = {[META_CONTAINER] = "c-web1"}, .end = T0 + SEC / 10};

	table_window(t, T0, T0 + 10 * SEC);
	sample(s, t, WEB1, T0, COUNTER_CPUS_USER, SEC);
	sample(s, t, WEB1, T0 + SEC / 10, COUNTER_CPUS_USER, SEC + SEC / 10);
	sample(s, t, WEB1, T0 + SEC / 10, COUNTER_MEM_TOTAL, 30);
	state_container(s, &end);
	packet(s, t, WEB1, T0 + SEC / 10, 100, EVENT_IN);
	sample(s, t, WEB2, T0, COUNTER_CPUS_USER, 0);
	sample(s, t, WEB2, T0 + 10 * SEC, COUNTER_CPUS_USER, SEC);
	sample(s, t, WEB2, T0 + 10 * SEC, COUNTER_MEM_TOTAL, 5);
	const struct table_row *web = row(table_refresh(t, 0), "/shop/web");
	assert_near(number(t, web, "CPU"), 0.01 + 0.1);
	assert_near(number(t, web, "MEM"), 5);
	table_close(t);
	state_free(s);
}

/* A ratio of a group is that of its sums. */
static void test_ratio(void **unused)
{
	(void)unused;
	struct state *s = make_state();
	struct table *t = open_table(&apps, NULL);
	static const struct {
		uint32_t who;
		uint64_t n, time;
	} rows[] = {{WEB1, 9, 9 * SEC}, {WEB2, 1, 11 * SEC}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (uint64_t k = 0; k < 2; k++) {
			struct counters c = {0};
			struct event ev = {.ts = T0 + k * SEC,
					   .data = (const uint8_t *)&c,
					   .iface = rows[i].who,
					   .type = EVENT_COUNTERS,
					   .weight = 1};
			counters_set(&c, COUNTER_TCP_HANDSHAKES, 5 + k * rows[i].n);
			counters_set(&c, COUNTER_TCP_HANDSHAKE_TIME, k * rows[i].time);
			table_event(t, state_event(s, &ev));
		}
	}
	assert_near(number(t, row(table_refresh(t, 0), "/shop/web"), "RTT"), 2);
	table_close(t);
	state_free(s);
}

VIEW(share, {.name = "ID", .field = "container.id", .key = true},
     {.name = "SHARE", .field = "bw_limit.overlimits", .fold = FOLD_SHARE},
     {.name = "GREW", .field = "bw_limit.overlimits", .fold = FOLD_DELTA},
     {.name = "LEAST", .field = "bw_limit.overlimits", .fold = FOLD_MIN},
     {.name = "PART", .field = "bw_limit.overlimits - bw_limit.drops", .over = "bw_limit.packets"});

static void test_share(void **unused)
{
	(void)unused;
	struct state *s = make_state();
	struct table *t = open_table(&share, NULL);
	static const uint64_t values[] = {5, 5, 9, 9, 9};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		sample(s, t, DB, T0 + i * SEC, COUNTER_BW_LIMIT_OVERLIMITS, values[i]);
	const struct table_row *db = row(table_refresh(t, 0), "c-db");
	assert_near(number(t, db, "SHARE"), 0.25);
	assert_near(number(t, db, "GREW"), 4);
	assert_near(number(t, db, "LEAST"), 5);
	assert_int_equal(table_order(t), TABLE_BY_IFACE);
	table_close(t);
	state_free(s);
}

VIEW(lengths, {.name = "LEN", .field = "frame.len", .key = true},
     {.name = "N", .field = "frame.count", .fold = FOLD_SUM, .sorting = true},
     {.name = "WHO", .field = "container.id", .fold = FOLD_COUNT});

/* More keys than there is room for: who is frequent stays, and nobody lost more than is said. */
static void test_bounded(void **unused)
{
	(void)unused;
	enum { KEYS = 5000, ROOM = 128 };
	struct state *s = make_state();
	struct err e = {0};
	struct table *t = table_open(&(struct table_options){.info = &lengths, .max_rows = ROOM},
				     &e);
	static uint32_t truth[KEYS + 1];
	uint32_t seed = 1;

	assert_non_null(t);
	for (unsigned i = 0; i < 200000; i++) {
		seed = seed * 1103515245u + 12345;
		double u = ((seed >> 8) + 1.0) / (1 << 24);
		uint32_t len = (uint32_t)pow(KEYS, u); /* 1 .. KEYS, small ones often */
		truth[len]++;
		packet(s, t, DB, T0 + i, len, EVENT_IN);
	}
	const struct table_rows *rows = table_refresh(t, 0);
	assert_true(rows->n <= ROOM && rows->given_up > 0 && rows->error > 0);
	/* As good as Misra and Gries' summary with half as many counters. */
	assert_true(rows->error <= 200000.0 / (ROOM / 2));
	for (size_t i = 0; i < rows->n; i++) {
		uint32_t len = (uint32_t)atoi(rows->rows[i].key);
		double n = rows->rows[i].cells[1].number;
		assert_true(n <= truth[len]);
		assert_true(n + rows->rows[i].error >= truth[len]);
	}
	for (uint32_t len = 1; len <= KEYS; len++) {
		char key[16];
		snprintf(key, sizeof(key), "%u", len);
		if (truth[len] > rows->error)
			assert_non_null(row(rows, key));
	}
	table_close(t);
	state_free(s);
}

static void test_order_and_search(void **unused)
{
	(void)unused;
	struct state *s = make_state();
	struct table *t = open_table(&lengths, NULL);
	bool descending;

	for (unsigned i = 0; i < 3; i++)
		packet(s, t, DB, T0, 100, EVENT_IN);
	packet(s, t, WEB1, T0, 20, EVENT_IN);
	packet(s, t, WEB2, T0, 20, EVENT_IN);
	packet(s, t, WEB2, T0, 20, EVENT_IN);
	packet(s, t, DB, T0, 3, EVENT_IN);
	const struct table_rows *rows = table_refresh(t, 0);
	assert_int_equal(table_sorted(t, &descending), 1);
	assert_true(descending);
	assert_string_equal(rows->rows[0].key, "100"); /* a tie goes by the key */
	assert_string_equal(rows->rows[1].key, "20");
	assert_near(rows->rows[1].cells[2].number, 2); /* different containers */
	table_sort(t, 0, false);
	assert_string_equal(table_refresh(t, 0)->rows[0].key, "3");
	table_sort(t, 0, true);
	assert_string_equal(table_refresh(t, 0)->rows[0].key, "100");
	table_close(t);
	state_free(s);
}

static void test_names_that_come_late(void **unused)
{
	(void)unused;
	struct state *s = make_state();
	struct table *t = open_table(&apps, "marathon.app.id = /late");
	const struct container_record late = {
		.meta = {[META_CONTAINER] = "c-lone", [META_APP] = "/late"}};

	packet(s, t, LONE, T0, 10, EVENT_IN);
	assert_int_equal(table_refresh(t, 0)->n, 0);
	state_container(s, &late);
	packet(s, t, LONE, T0, 10, EVENT_IN);
	assert_near(number(t, row(table_refresh(t, 0), "/late"), "IN"), 10);
	table_close(t);
	state_free(s);
}

static void test_intervals(void **unused)
{
	(void)unused;
	struct state *s = make_state();
	struct table *t = open_table(&apps, NULL);

	table_next(t, T0);
	packet(s, t, DB, T0, 100, EVENT_IN);
	assert_near(number(t, row(table_refresh(t, T0 + 2 * SEC), "/shop/db"), "RATE"), 50);
	table_next(t, T0 + 2 * SEC);
	assert_true(isnan(number(t, row(table_refresh(t, T0 + 3 * SEC), "/shop/db"), "RATE")));
	for (unsigned i = 0; i < 4; i++)
		table_next(t, T0 + (3 + i) * SEC);
	assert_int_equal(table_refresh(t, T0 + 8 * SEC)->n, 0);
	table_close(t);
	state_free(s);
}

static void test_parts(void **unused)
{
	(void)unused;
	struct state *s = make_state();
	struct table *t = open_table(&apps, "marathon.app.id = /shop/db");
	struct table_part p = {.container = state_container_at(s, DB),
			       .iface = state_iface_at(s, DB),
			       .first = T0 + SEC,
			       .last = T0 + SEC,
			       .packets = 7,
			       .bytes = 700};

	table_window(t, T0, T0 + 10 * SEC);
	assert_true(table_part(t, &p));
	p.container = state_container_at(s, WEB1);
	p.iface = state_iface_at(s, WEB1);
	assert_true(table_part(t, &p)); /* not of the filter */
	const struct table_rows *rows = table_refresh(t, 0);
	assert_int_equal(rows->n, 1);
	assert_near(number(t, &rows->rows[0], "RATE"), 70);
	assert_true(isnan(number(t, &rows->rows[0], "IN"))); /* no direction there */
	table_close(t);
	/* Where packets have to be looked at, the directory is no help. */
	t = open_table(&apps, "frame.len > 5");
	assert_false(table_part(t, &p));
	table_close(t);
	t = open_table(&lengths, NULL);
	assert_false(table_part(t, &p));
	table_close(t);
	state_free(s);
}

static void refused(struct view_column *columns, size_t n, enum view_kind kind, const char *why)
{
	const struct view_info info = {
		.id = "wrong", .kind = kind, .columns = columns, .n_columns = n};
	struct err e = {0};

	assert_null(table_open(&(struct table_options){.info = &info}, &e));
	if (!strstr(e.message, why))
		fail_msg("%s", e.message);
}

static void test_what_cannot_be(void **unused)
{
	(void)unused;
	static struct view_column columns[] = {
		{.name = "ID", .field = "container.id", .key = true},
		{.name = "APP", .field = "marathon.app.id", .group_key = true},
		{.name = "LEN", .field = "frame.len", .fold = FOLD_SUM},
	};

	refused(columns, 0, VIEW_LIST, "no columns");
	refused(columns + 1, 1, VIEW_TABLE, "no column is the key");
	for (enum view_fold fold = FOLD_DELTA; fold < FOLDS; fold++) {
		columns[2].group_fold = fold;
		refused(columns, ARRAY_SIZE(columns), VIEW_TABLE, "column LEN: rows of a group");
	}
	columns[2] = (struct view_column){.name = "LEN", .field = "frame.len + container.name"};
	refused(columns, ARRAY_SIZE(columns), VIEW_TABLE, "column LEN: container.name is a text");
	columns[2] = (struct view_column){
		.name = "LEN", .field = "frame.len", .over = "container.name", .fold = FOLD_SUM};
	refused(columns, ARRAY_SIZE(columns), VIEW_TABLE, "column LEN: container.name is a text");
}

/* How many of a group have the number. */
static void test_groups_count_numbers(void **unused)
{
	(void)unused;
	static struct view_column columns[] = {
		{.name = "ID", .field = "container.id", .key = true},
		{.name = "APP", .field = "marathon.app.id", .group_key = true},
		{.name = "N", .field = "frame.len", .fold = FOLD_SUM, .group_fold = FOLD_COUNT},
	};
	const struct view_info info = {
		.id = "many", .columns = columns, .n_columns = ARRAY_SIZE(columns)};
	struct state *s = make_state();
	struct table *t = open_table(&info, NULL);

	for (uint32_t who = WEB1; who <= DB; who++)
		packet(s, t, who, T0, 100, EVENT_IN);
	const struct table_rows *rows = table_refresh(t, 0);
	assert_near(number(t, row(rows, "/shop/web"), "N"), 2);
	assert_near(number(t, row(rows, "/shop/db"), "N"), 1);
	table_close(t);
	state_free(s);
}

/* The row of the first address, and of those without one. */
static void test_addresses(void **unused)
{
	(void)unused;
	static struct view_column columns[] = {
		{.name = "IP", .field = "container.ip", .key = true, .absent = "none"},
		{.name = "LEN", .field = "frame.len", .fold = FOLD_SUM, .sorting = true},
	};
	const struct view_info info = {
		.id = "addresses", .columns = columns, .n_columns = ARRAY_SIZE(columns)};
	struct container_record c = {.meta = {[META_CONTAINER] = "c-web1"}};
	const struct iface_record r = {.number = WEB1,
				       .container = &c,
				       .linktype = 1,
				       .sample = 1,
				       .has_ipv4 = true,
				       .ipv4 = {10, 0, 0, 1}};
	struct state *s = make_state();
	struct table *t = open_table(&info, NULL);

	state_iface(s, &r);
	packet(s, t, WEB1, T0, 200, EVENT_IN);
	packet(s, t, DB, T0, 100, EVENT_IN);
	const struct table_rows *rows = table_refresh(t, 0);
	struct text out = {0};
	table_print(t, rows, TABLE_CSV, &out);
	assert_string_equal(text_cstr(&out), "IP,LEN\r\n10.0.0.1,200\r\nnone,100\r\n");
	text_done(&out);
	table_close(t);
	state_free(s);
}

/* Rows of one value stand in the order of their keys, however they came. */
static void test_equals(void **unused)
{
	(void)unused;
	static const uint32_t who[][3] = {{WEB1, LONE, DB}, {DB, LONE, WEB1}, {LONE, WEB1, DB}};
	static struct view_column columns[] = {
		{.name = "APP", .field = "marathon.app.id", .key = true, .absent = "none"},
		{.name = "N", .field = "frame.count", .fold = FOLD_SUM, .sorting = true},
	};
	const struct view_info info = {
		.id = "equals", .columns = columns, .n_columns = ARRAY_SIZE(columns)};

	for (size_t i = 0; i < ARRAY_SIZE(who); i++) {
		struct state *s = make_state();
		struct table *t = open_table(&info, NULL);
		struct text out = {0};
		for (size_t k = 0; k < ARRAY_SIZE(who[i]); k++)
			packet(s, t, who[i][k], T0, 100, EVENT_IN);
		table_print(t, table_refresh(t, 0), TABLE_CSV, &out);
		assert_string_equal(text_cstr(&out),
				    "APP,N\r\n/shop/db,1\r\n/shop/web,1\r\nnone,1\r\n");
		text_done(&out);
		table_close(t);
		state_free(s);
	}
}

/* Whatever is divided, the columns beside it keep what is theirs. */
static void test_ratios(void **unused)
{
	(void)unused;
	static struct view_column columns[] = {
		{.name = "ID", .field = "container.id", .key = true},
		{.name = "A", .field = "frame.count", .fold = FOLD_SUM},
		{.name = "MEAN", .field = "frame.len", .over = "frame.count", .fold = FOLD_AVG},
		{.name = "B", .field = "frame.count", .fold = FOLD_SUM},
		{.name = "PART",
		 .field = "bw_limit.drops",
		 .over = "bw_limit.overlimits",
		 .fold = FOLD_SHARE},
		{.name = "C", .field = "frame.len", .fold = FOLD_SUM},
	};
	const struct view_info info = {
		.id = "ratios", .columns = columns, .n_columns = ARRAY_SIZE(columns)};
	struct state *s = make_state();
	struct table *t = open_table(&info, NULL);
	struct text out = {0};

	packet(s, t, WEB1, T0, 100, EVENT_IN);
	packet(s, t, WEB1, T0, 300, EVENT_IN);
	for (unsigned i = 0; i < 5; i++) { /* dropped in one second of four, limited in two */
		sample(s, t, WEB1, T0 + i * SEC, COUNTER_BW_LIMIT_DROPS, i > 2);
		sample(s, t, WEB1, T0 + i * SEC, COUNTER_BW_LIMIT_OVERLIMITS, MIN(i, 2));
	}
	table_print(t, table_refresh(t, 0), TABLE_CSV, &out);
	assert_string_equal(text_cstr(&out), "ID,A,MEAN,B,PART,C\r\nc-web1,2,200,2,0.5,400\r\n");
	text_done(&out);
	table_close(t);
	state_free(s);
}

/* 10.0.0.9:1 to 10.0.0.2:80, and how an error of 10.0.0.1 about it begins. */
static const uint8_t syn_of_connect[40] = {
	0x45, [3] = 40, [8] = 64, [9] = 6,   [12] = 10,	  [15] = 9,
	10,   [19] = 2, [21] = 1, [23] = 80, [32] = 0x50, [33] = 2};
static const uint8_t error_of_connect[28] = {
	0x45, [3] = 56, [8] = 64, [9] = 1, [12] = 10, [15] = 1, 10, [19] = 9, 3, 1};

/* An error of a router counts with the connect that it is about, whatever was settled or forgotten
 * since; where the connect itself is left out, by its own ends. */
static void test_errors_of_connects(void **unused)
{
	(void)unused;
	static struct view_column columns[] = {
		{.name = "IP", .field = "fd.sip", .key = true},
		{.name = "PROTO", .field = "fd.l4proto"},
		{.name = "N", .field = "frame.count", .fold = FOLD_SUM},
		{.name = "FAIL", .field = "evt.count.error", .fold = FOLD_SUM},
	};
	const struct view_info info = {
		.id = "errors", .columns = columns, .n_columns = ARRAY_SIZE(columns)};
	uint8_t error[56];
	static const struct {
		const char *filter, *printed;
	} cases[] = {
		{NULL, "IP,PROTO,N,FAIL\r\n10.0.0.2,tcp,2,1\r\n"},
		{"frame.count = 1", "IP,PROTO,N,FAIL\r\n10.0.0.2,tcp,2,1\r\n"},
		{"tcp.flags.syn = true or icmp.type = 3",
		 "IP,PROTO,N,FAIL\r\n10.0.0.2,tcp,2,1\r\n"},
		{"icmp.type = 3", "IP,PROTO,N,FAIL\r\n10.0.0.1,icmp,1,1\r\n"},
	};
	const struct iface_record r = {.number = 0, .linktype = LINKTYPE_RAW, .sample = 1};
	struct event ev = {.ts = T0, .num = 1, .type = EVENT_PACKET, .weight = 1};

	memcpy(error, error_of_connect, 28);
	memcpy(error + 28, syn_of_connect, 28);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		struct state *s = state_new_ends(64);
		struct table *t = open_table(&info, cases[i / 2].filter);
		struct text out = {0};
		state_iface(s, &r);
		ev.data = syn_of_connect;
		ev.caplen = ev.len = sizeof(syn_of_connect);
		ev.flags = EVENT_OUT;
		table_event(t, state_event(s, &ev));
		if (i & 1)
			state_iface(s, &r); /* what was settled is forgotten */
		ev.data = error;
		ev.caplen = ev.len = sizeof(error);
		ev.flags = EVENT_IN;
		table_event(t, state_event(s, &ev));
		table_print(t, table_refresh(t, 0), TABLE_CSV, &out);
		assert_string_equal(text_cstr(&out), cases[i / 2].printed);
		text_done(&out);
		table_close(t);
		state_free(s);
	}
}

/* What an error does not quote of the SYN is zero, and not what lies behind the error. */
static void test_quoted_alone(void **unused)
{
	(void)unused;
	static struct view_column columns[] = {
		{.name = "IP", .field = "fd.sip", .key = true},
		{.name = "INFO", .field = "evt.info"},
	};
	const struct view_info info = {
		.id = "quoted", .columns = columns, .n_columns = ARRAY_SIZE(columns)};
	const struct iface_record r = {.number = 0, .linktype = LINKTYPE_RAW, .sample = 1};
	struct event ev = {
		.ts = T0, .num = 1, .type = EVENT_PACKET, .weight = 1, .flags = EVENT_OUT};
	struct state *s = state_new_ends(64);
	struct table *t = open_table(&info, NULL);
	struct text out = {0};
	uint8_t error[56 + 12];

	memset(error, 0xff, sizeof(error));
	memcpy(error, error_of_connect, 28);
	memcpy(error + 28, syn_of_connect, 28);
	state_iface(s, &r);
	ev.data = syn_of_connect;
	ev.caplen = ev.len = sizeof(syn_of_connect);
	state_event(s, &ev); /* not counted: the row begins with the error */
	ev.data = error;
	ev.caplen = ev.len = 56;
	ev.flags = EVENT_IN;
	table_event(t, state_event(s, &ev));
	table_print(t, table_refresh(t, 0), TABLE_CSV, &out);
	assert_string_equal(text_cstr(&out), "IP,INFO\r\n10.0.0.2,10.0.0.9 -> 10.0.0.2 TCP 1 -> 80 "
					     "[SYN] seq=0 win=0 len=0\r\n");
	text_done(&out);
	table_close(t);
	state_free(s);
}

/* Of what differs a row keeps what was seen first, also where another column never has a value. */
static void test_first_is_kept(void **unused)
{
	(void)unused;
	static struct view_column columns[] = {
		{.name = "LEN", .field = "frame.len", .key = true},
		{.name = "ID", .field = "container.id"},
		{.name = "PORT", .field = "fd.sport"},
	};
	const struct view_info info = {
		.id = "first", .columns = columns, .n_columns = ARRAY_SIZE(columns)};
	const struct container_record late = {
		.meta = {[META_CONTAINER] = "c-db", [META_APP] = "/late"}};
	struct state *s = make_state();
	struct table *t = open_table(&info, NULL);

	packet(s, t, DB, T0, 200, EVENT_IN);
	packet(s, t, WEB1, T0, 200, EVENT_IN);
	assert_string_equal(table_refresh(t, 0)->rows[0].cells[1].text, "c-db");
	state_container(s, &late);
	packet(s, t, WEB2, T0, 200, EVENT_IN); /* more is known: looked up again */
	packet(s, t, DB, T0, 200, EVENT_IN);
	assert_string_equal(table_refresh(t, 0)->rows[0].cells[1].text, "c-web2");
	table_close(t);
	state_free(s);
}

/* Of a part that reaches beyond the window only what is inside is drawn, however far it reaches. */
static void test_long_parts(void **unused)
{
	(void)unused;
	struct state *s = make_state();
	struct table *t = open_table(&spark_info, NULL);
	struct table_part p = {.container = state_container_at(s, DB),
			       .iface = state_iface_at(s, DB),
			       .first = T0 - 16 * SEC,
			       .last = T0 + 16 * SEC - 1,
			       .packets = 1,
			       .bytes = 3200};

	table_window(t, T0, T0 + 16 * SEC - 1);
	assert_true(table_part(t, &p));
	const float *points = table_refresh(t, 0)->rows[0].spark;
	for (unsigned i = 0; i < TABLE_SPARK; i++)
		assert_true(fabsf(points[i] - 100) < 0.01f);
	p.last = UINT64_MAX - 1;
	assert_true(table_part(t, &p));
	table_window(t, T0, UINT64_MAX - 1);
	assert_true(table_part(t, &p));
	table_close(t);
	state_free(s);
}

/* Events of known rows allocate nothing. */
static void test_allocates_nothing(void **unused)
{
	(void)unused;
	struct state *s = make_state();
	struct table *t = open_table(&apps, "container.id != host and frame.len > 10");
	struct table *u = open_table(&lengths, NULL);

	for (unsigned i = 0; i < 100; i++) {
		packet(s, t, i % HOSTS, T0 + i, 64 + i % 8, EVENT_IN);
		packet(s, u, i % HOSTS, T0 + i, 64 + i % 8, EVENT_IN);
	}
	size_t before = mallinfo2().uordblks;
	for (unsigned i = 0; i < 100000; i++) {
		packet(s, t, i % HOSTS, T0 + i, 64 + i % 8, EVENT_IN);
		packet(s, u, i % HOSTS, T0 + i, 64 + i % 8, EVENT_IN);
	}
	assert_int_equal(mallinfo2().uordblks, before);
	table_close(t);
	table_close(u);
	state_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_stages),
		cmocka_unit_test(test_sparklines),
		cmocka_unit_test(test_totals),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_ratio),
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_order_and_search),
		cmocka_unit_test(test_names_that_come_late),
		cmocka_unit_test(test_intervals),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_first_is_kept),
		cmocka_unit_test(test_equals),
		cmocka_unit_test(test_ratios),
		cmocka_unit_test(test_errors_of_connects),
		cmocka_unit_test(test_quoted_alone),
		cmocka_unit_test(test_long_parts),
		cmocka_unit_test(test_what_cannot_be),
		cmocka_unit_test(test_groups_count_numbers),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_allocates_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
