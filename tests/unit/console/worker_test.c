/* SPDX-License-Identifier: Apache-2.0 */
/* A live feed that fails: every order is answered, and the answer says why. */
#include "console/worker.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_failing_feed)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
