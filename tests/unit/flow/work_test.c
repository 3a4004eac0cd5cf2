/* SPDX-License-Identifier: Apache-2.0 */
/* What reading a capture of 200 containers costs, by counters instead of a clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "flow/flow.h"
#include "print/print.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static _Atomic uint64_t allocations;
#include "../../allocations.h"

#define CONTAINERS 200u
#define PACKETS	   200000u

static char path[] = "/tmp/work_test.XXXXXX";

/* ---- runs ---- */

static struct flow_options options(struct source **s, const char *what)
{
	const struct source_options so = {0};
	struct err e;

	*s = source_open(what, &so, &e);
	assert_non_null(*s);
	return (struct flow_options){.source = *s, .state = state_new(0)};
}

static void run(struct flow_options *o, struct flow_totals *t, struct reader_work *work)
{
	struct err e = {0};

	assert_int_equal(flow_run(o, t, &e), 0);
	if (work)
		reader_get_work(o->source->kind->reader(o->source), work);
	state_free(o->state);
	source_close(o->source);
}

static int make_file(void **state)
{
	struct writer_options wo = {.path = path, .format = SAVEFILE_PCAPNG_LZ4};
	struct flow_totals t = {0};
	struct source *s;
	struct err e;

	(void)state;
	int fd = mkstemp(path);
	if (fd < 0 || close(fd))
		return -1;
	struct flow_options o = options(&s, "synth:containers=200,rate=50000,seconds=4");
	struct recorder w = {.writer = writer_open(&wo, &e)};
	struct recorder *const recorders = &w;
	o.recorders = &recorders;
	run(&o, &t, NULL);
	assert_int_equal(t.sights, PACKETS);
	return writer_close(w.writer, &e);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

/* One container's chunks and bytes, by the directory. */
static void share(uint32_t container, uint64_t *chunks, uint64_t *stored)
{
	struct err e;
	struct reader *r = reader_open(path, &e);

	assert_non_null(r);
	*chunks = *stored = 0;
	for (size_t i = 0, n = reader_chunks(r); i < n; i++) {
		const struct chunk *c = reader_chunk(r, i);
		bool mine = c->metadata;
		for (uint32_t k = 0; k < c->part_count; k++)
			mine |= c->parts[k].iface == container;
		*stored += mine ? c->stored : 0;
		*chunks += mine && !c->metadata;
	}
	reader_close(r);
}

struct seen {
	uint64_t packets;
	uint32_t iface;
	char filter[128]; /* that asks for the container of the hundredth packet */
};

static int present(void *ctx, struct context *c)
{
	struct seen *s = ctx;

	if (c->ev->type != EVENT_PACKET || ++s->packets != 100)
		return 0;
	s->iface = c->ev->iface;
	snprintf(s->filter, sizeof(s->filter), "mesos.task.id=%s", c->container->meta[META_TASK]);
	return 0;
}

static void test_one_of_many(void **state)
{
	static const char *const dirs[] = {NULL};
	uint64_t chunks, stored;
	struct source *s;
	struct err e;

	(void)state;
	for (unsigned threads = 1; threads <= 2; threads++) {
		struct flow_totals all = {0}, part = {0};
		struct reader_work work, whole;
		struct seen seen = {0};
		struct flow_options o = options(&s, path);
		o.threads = threads;
		o.present = present;
		o.ctx = &seen;
		run(&o, &all, &whole);
		assert_int_equal(all.sights, PACKETS);

		o = options(&s, path);
		o.threads = threads;
		o.filter = filter_compile(seen.filter, dirs, &e);
		assert_non_null(o.filter);
		run(&o, &part, &work);
		filter_free((struct filter *)o.filter);
		assert_in_range(part.sights, PACKETS / CONTAINERS / 20, PACKETS / 5);
		share(seen.iface, &chunks, &stored);
		assert_in_range(work.chunks_decoded, chunks, 2 * chunks);
		assert_in_range(work.bytes_read, stored, 2 * stored);
		assert_int_equal(work.chunks_seen, whole.chunks_seen);
	}
}

struct steady {
	struct format *format;
	struct text out;
	uint64_t events, at_half, lines;
};

static int print(void *ctx, struct context *c)
{
	struct steady *s = ctx;

	if (++s->events == PACKETS / 2)
		s->at_half = allocations;
	s->lines += format_line(s->format, c, &s->out);
	if (s->out.len > 1 << 16)
		text_reset(&s->out);
	return 0;
}

/* Reading, joining, filtering and printing: nothing is allocated once everything has its size. */
static void test_no_allocations(void **state)
{
	static const char *const dirs[] = {NULL};
	const struct print_options po = {.time = TIME_ABSOLUTE};
	struct source *s;
	struct err e;

	(void)state;
#ifdef NOT_COUNTED
	skip();
#endif
	for (unsigned threads = 1; threads <= 2; threads++) {
		struct steady steady = {
			.format = format_compile(print_format_mesos, dirs, &po, &e)};
		struct flow_totals t = {0};
		struct flow_options o = options(&s, path);
		o.threads = threads;
		o.present = print;
		o.ctx = &steady;
		o.filter = filter_compile("tcp.port>80 or evt.type=counters or frame.len<2000",
					  dirs, &e);
		assert_non_null(o.filter);
		run(&o, &t, NULL);
		uint64_t behind = allocations - steady.at_half;
		assert_true(steady.lines > PACKETS / 2);
		assert_true(steady.at_half > 0);
		/* what is left at the end of a run is not of the events */
		assert_in_range(behind, 0, 8);
		filter_free((struct filter *)o.filter);
		format_free(steady.format);
		text_done(&steady.out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_of_many),
		cmocka_unit_test(test_no_allocations),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
