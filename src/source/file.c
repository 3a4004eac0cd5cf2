/* SPDX-License-Identifier: Apache-2.0 */
#include "source/sources.h"

#include <stdlib.h>

struct file {
	struct source base;
	struct reader *reader;
	uint64_t seen, lost, delivered, containers, interfaces;
	const struct sink *sink;
};

static int file_iface(void *ctx, const struct iface_record *r)
{
	struct file *f = ctx;

	f->interfaces = MAX(f->interfaces, r->number + 1ull);
	return f->sink->iface(f->sink->ctx, r);
}

static int file_container(void *ctx, const struct container_record *r)
{
	struct file *f = ctx;

	return f->sink->container(f->sink->ctx, r);
}

static void file_begin(void *ctx, uint64_t first)
{
	struct file *f = ctx;

	if (f->sink->begin)
		f->sink->begin(f->sink->ctx, first);
}

static int file_event(void *ctx, struct event *ev)
{
	struct file *f = ctx;

	f->seen += ev->type == EVENT_PACKET;
	f->lost += ev->lost;
	f->delivered++;
	int rc = f->sink->event(f->sink->ctx, ev);
	return rc ? rc : atomic_load_explicit(&f->base.stop, memory_order_relaxed);
}

static int file_run(struct source *base, const struct reader_query *q, const struct sink *sink,
		    struct err *e)
{
	struct file *f = (struct file *)base;
	const struct sink wrapped = {.ctx = f,
				     .iface = file_iface,
				     .container = file_container,
				     .begin = file_begin,
				     .event = file_event,
				     .tick = sink->tick};

	f->sink = sink;
	f->seen = f->lost = f->delivered = 0;
	return reader_run(f->reader, q, &wrapped, e);
}

static void file_stats(const struct source *base, struct source_stats *out)
{
	const struct file *f = (const struct file *)base;

	*out = (struct source_stats){.seen = f->seen + f->lost,
				     .lost = f->lost,
				     .delivered = f->delivered,
				     .interfaces = f->interfaces};
}

static double file_progress(const struct source *base)
{
	return reader_progress(((const struct file *)base)->reader);
}

static struct reader *file_reader(struct source *base)
{
	return ((struct file *)base)->reader;
}

static void file_close(struct source *base)
{
	struct file *f = (struct file *)base;

	reader_close(f->reader);
	free(f);
}

struct source *source_of_reader(struct reader *r)
{
	struct file *f = xcalloc(1, sizeof(*f));

	f->base.kind = &source_file;
	f->reader = r;
	return &f->base;
}

static struct source *file_open(const char *what, const struct source_options *o, struct err *e)
{
	/* Silence would look like a capture that is so already. */
	if (o->snaplen || o->sample > 1 || o->capture_filter || o->mesos_cgroup ||
	    (o->interfaces && *o->interfaces)) {
		err_set(e, ERR_USAGE,
			"%s is a capture: -s, --sample, --interface, --capture-filter and "
			"--cgroups-root are for live traffic",
			what);
		return NULL;
	}
	struct reader *r = reader_open(what, e);
	return r ? source_of_reader(r) : NULL;
}

const struct source_kind source_file = {
	.open = file_open,
	.run = file_run,
	.stats = file_stats,
	.progress = file_progress,
	.reader = file_reader,
	.close = file_close,
};
