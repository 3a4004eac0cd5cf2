/* SPDX-License-Identifier: Apache-2.0 */
/* What the screen hears of feeds that fail, and of who does not answer them. */
#include "console/worker.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static struct view_column columns[] = {{.name = "CONT", .field = "container.id", .key = true},
				       {.name = "BYTES", .field = "frame.len", .sorting = true}};
static struct view_info info = {.id = "one", .columns = columns, .n_columns = 2};

static int broken(struct view_feed *f, struct err *e)
{
	(void)f;
	return err_set(e, ERR_FAILED, "the network is down");
}

static struct shot *next(struct worker *w)
{
	struct pollfd p = {.fd = worker_fd(w), .events = POLLIN};

	assert_int_equal(poll(&p, 1, 60000), 1);
	return worker_take(w);
}

/* Every order is answered, and the answer says why. */
static void test_failing_feed(void **state)
{
	struct view_feed feed = {.live = true, .run = broken};
	struct worker *w = worker_start(&feed, NSEC_PER_SEC);
	struct err e = {0};

	(void)state;
	for (unsigned i = 1; i <= 2; i++) {
		struct order o = {.number = i};
		o.table = table_open(&(struct table_options){.info = &info}, &e);
		assert_non_null(o.table);
		worker_order(w, &o);
		struct shot *s = next(w);
		assert_int_equal(s->order, i);
		assert_string_equal(s->trouble.message, "the network is down");
		shot_free(s);
	}
	worker_stop(w);
}

static atomic_bool answers;

static int run_names(struct view_feed *f, struct err *e)
{
	(void)e;
	do
		f->trouble = atomic_load(&answers) ? NULL : "Mesos";
	while (!f->tick(f->ctx, 0, 0));
	return 0;
}

static const struct table_rows *ask(struct view_feed *f, const struct table *t, const char *filter,
				    struct err *e)
{
	static const struct table_rows none;

	(void)f;
	(void)t;
	(void)filter;
	if (atomic_load(&answers))
		return &none;
	err_set(e, ERR_FAILED, "no route to host");
	return NULL;
}

static void test_trouble_stays_until_it_ends(void **state)
{
	struct view_feed feeds[] = {{.live = true, .run = run_names}, {.live = true, .ask = ask}};
	static const char *const who[] = {"Mesos", "the host"};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(feeds); i++) {
		struct err e = {0};
		struct order o = {.number = 1};
		atomic_store(&answers, false);
		struct worker *w = worker_start(&feeds[i], NSEC_PER_MSEC);
		o.table = table_open(&(struct table_options){.info = &info}, &e);
		worker_order(w, &o);
		while (!worker_trouble(w))
			usleep(100);
		assert_string_equal(worker_trouble(w), who[i]);
		atomic_store(&answers, true);
		while (worker_trouble(w))
			usleep(100);
		worker_stop(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_failing_feed),
					   cmocka_unit_test(test_trouble_stays_until_it_ends)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
