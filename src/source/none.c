/* SPDX-License-Identifier: Apache-2.0 */
/* Source "none": nothing on this host is looked at, and nothing happens but ticks. */
#include "source/sources.h"

#include <stdlib.h>
#include <time.h>

#define TICK_NS (100 * NSEC_PER_MSEC)

static struct source *none_open(const char *what, const struct source_options *o, struct err *e)
{
	(void)what;
	(void)o;
	(void)e;
	return xcalloc(1, sizeof(struct source));
}

static int none_run(struct source *s, const struct reader_query *q, const struct sink *sink,
		    struct err *e)
{
	const struct timespec tick = {.tv_nsec = TICK_NS};
	int rc = 0;

	(void)q;
	(void)e;
	while (!rc && !atomic_load_explicit(&s->stop, memory_order_relaxed)) {
		rc = sink->tick ? sink->tick(sink->ctx, time_now()) : 0;
		nanosleep(&tick, NULL); /* a signal ends it early */
	}
	return rc != 0;
}

static void none_stats(const struct source *s, struct source_stats *out)
{
	(void)s;
	*out = (struct source_stats){0};
}

static double none_progress(const struct source *s)
{
	(void)s;
	return -1;
}

static struct reader *none_reader(struct source *s)
{
	(void)s;
	return NULL;
}

static void none_close(struct source *s)
{
	free(s);
}

const struct source_kind source_none = {
	.scheme = "none",
	.open = none_open,
	.run = none_run,
	.stats = none_stats,
	.progress = none_progress,
	.reader = none_reader,
	.close = none_close,
};
