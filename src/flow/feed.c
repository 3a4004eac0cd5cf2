/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables fed from the stream: of a file a window at a time, and of its
 * directory what that alone can tell; live as the events come.
 */
#include "flow/flow.h"

#include <stdlib.h>

/* Following conversations takes three times as long as reading: done for the sake of a few columns
 * only where a window is small. */
#define MEASURE_BYTES (64u << 20)

struct feed {
	struct view_feed base;
	struct feed_options o;
	struct source *source;
	struct reader *reader; /* of a file, else NULL */
	struct state *state;   /* of the run, or the last one */
	struct table *filling;
	const struct view_look *scanning;
	uint64_t from, to;
	/* No row of a list will be older; 0: not known, or two share the file; UINT64_MAX: not
	 * looked up yet. */
	uint64_t newest;
	bool measure; /* what the state sees in packets goes into counter samples */
	bool ended;   /* by tick */
};

static int present(void *ctx, struct context *c)
{
	struct feed *f = ctx;
	struct table *t = f->base.live ? f->base.table : f->filling;
	const struct view_look *l = f->base.live ? f->base.look : f->scanning;

	if (c->ev->lost && (f->base.live || c->ev->ts >= f->from))
		f->base.lost += c->ev->lost;
	if (t)
		table_event(t, c);
	if (!l || (l->filter && !filter_match(l->filter, c)))
		return 0;
	int status = l->event(l->ctx, c);
	return f->base.live ? 0 : status;
}

static int present_second(void *ctx, struct context *c)
{
	table_event(ctx, c);
	return 0;
}

static void see_trouble(struct feed *f)
{
	struct mesos_health h = {0};

	if (f->o.poller)
		mesos_poller_health(f->o.poller, &h);
	f->base.trouble = h.error ? "Mesos" : NULL;
}

static int tick(void *ctx, uint64_t now)
{
	struct feed *f = ctx;
	const struct view_feed *b = &f->base;
	double part = 0;

	see_trouble(f);

	if (atomic_load_explicit(&f->source->stop, memory_order_relaxed))
		return 1;
	if (!b->tick)
		return 0;
	if (!b->live && f->to > f->from && now > f->from)
		part = MIN(1.0, (double)(now - f->from) / (double)(f->to - f->from));
	f->ended = b->tick(b->ctx, now, part);
	return f->ended;
}

static void new_state(struct feed *f, struct state *fresh)
{
	state_free(f->state);
	f->state = fresh;
}

/* Packets of an interface that is nobody's may be of several, told apart by their ports. */
static bool is_shared(const struct feed *f, const struct table_part *p)
{
	return !p->container && state_knows_ports(f->state);
}

static bool is_enough(void *ctx, const struct table_part *p)
{
	const struct feed *f = ctx;

	return !is_shared(f, p) && table_part_enough(f->filling, p);
}

static bool take(void *ctx, const struct table_part *p)
{
	const struct feed *f = ctx;

	return !is_shared(f, p) && table_part(f->filling, p);
}

/* ---- a list keeps the newest ---- */

struct newest {
	struct feed *f;
	struct newest_chunk {
		uint64_t first, rows;
	} * chunks;
	size_t n;
};

static bool add_rows(void *ctx, const struct table_part *p)
{
	struct newest *all = ctx;
	uint64_t rows;

	if (is_shared(all->f, p) || !table_part_rows(all->f->filling, p, &rows))
		return false;
	all->chunks[all->n].rows += rows;
	return true;
}

static bool skip(void *ctx, const struct table_part *p)
{
	table_skip(((struct feed *)ctx)->filling, p);
	return true;
}

static int latest_first(const void *a, const void *b)
{
	const struct newest_chunk *x = a, *y = b;

	return (x->first < y->first) - (x->first > y->first);
}

/* The chunks that begin latest hold enough rows: what ends before all of them holds none. 0: the
 * directory does not tell. */
static uint64_t find_newest(struct feed *f)
{
	struct newest all = {.f = f};
	uint64_t rows = 0, newest = 0;
	bool told = true;

	size_t n = reader_chunks(f->reader);
	all.chunks = xcalloc(n + 1, sizeof(*all.chunks));
	for (size_t i = 0; i < n && told; i++) {
		const struct chunk *k = reader_chunk(f->reader, i);
		if (k->metadata || k->first < f->from || k->last > f->to)
			continue;
		all.chunks[all.n].first = k->first;
		told = flow_parts(f->state, k, add_rows, &all);
		all.n++;
	}
	qsort(all.chunks, all.n, sizeof(*all.chunks), latest_first);
	for (size_t i = 0; i < all.n && told && !newest; i++) {
		rows += all.chunks[i].rows;
		newest = rows >= table_max_rows(f->filling) ? all.chunks[i].first : 0;
	}
	free(all.chunks);
	return newest;
}

static bool is_older(struct feed *f, const struct chunk *k)
{
	if (f->newest == UINT64_MAX)
		f->newest = find_newest(f);
	return k->first >= f->from && k->last < f->newest && flow_parts(f->state, k, skip, f);
}

/* Where the directory tells all that the table wants of packets, it is told instead of them. */
static bool chunk_enough(void *ctx, const struct chunk *k)
{
	struct feed *f = ctx;

	if (!k->counters && is_older(f, k))
		return true;
	if (k->counters || (k->first < f->from && k->last >= f->from))
		return false;
	if (k->last < f->from)
		return true;
	return flow_parts(f->state, k, is_enough, f) && flow_parts(f->state, k, take, f);
}

static enum packet_depth depth_of(const struct table *t)
{
	return field_depth(table_needs(t, FIELD_PAYLOAD), table_needs(t, FIELD_HEAD));
}

static int run(struct feed *f, const struct table *t, const struct flow_second *second,
	       struct err *e)
{
	struct flow_totals totals = {0};
	uint64_t early = t ? table_early(t) : 0;
	const struct flow_options o = {
		.source = f->source,
		.state = f->state,
		.hint = f->base.live  ? NULL
			: f->scanning ? f->scanning->filter
			: t	      ? table_filter(t)
				      : NULL,
		.poller = f->o.poller,
		.from = f->from > early ? f->from - early : 0,
		.to = f->to,
		.threads = f->o.threads,
		/* What is measured has to be there before the sample that takes it in. */
		.unordered = t && table_order(t) != TABLE_BY_TIME && !f->measure,
		.by_iface = t && table_order(t) == TABLE_BY_IFACE,
		.depth = t ? depth_of(t) : PACKET_WHOLE,
		.chunk_enough = t && !f->measure ? chunk_enough : NULL,
		.live = f->base.live || f->measure,
		.second = second,
		.present = present,
		.tick = tick,
		.ctx = f,
	};

	f->ended = false;
	int status = flow_run(&o, &totals, e);
	f->base.lost += totals.beside;
	return status;
}

static bool may_match(struct feed *f, const struct table *t, uint32_t number)
{
	const struct filter *filter = t ? table_filter(t) : NULL;
	const struct iface *i = state_iface_at(f->state, number);

	if (!filter)
		return true;
	const struct container *c = i ? state_container_at(f->state, i->container) : NULL;
	return filter_iface(filter, c, i) != VERDICT_NO;
}

static uint64_t cost(struct view_feed *base, const struct table *t, uint64_t from, uint64_t to)
{
	struct feed *f = (struct feed *)base;
	size_t n = f->reader ? reader_chunks(f->reader) : 0;
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		const struct chunk *k = reader_chunk(f->reader, i);
		bool wanted = false;
		if (k->metadata || k->last < from || k->first > to)
			continue;
		for (uint32_t p = 0; p < k->part_count && !wanted; p++)
			wanted = may_match(f, t, k->parts[p].iface);
		sum += wanted ? k->raw : 0;
	}
	return sum;
}

static bool may_split(const struct feed *f)
{
	return f->reader && !f->measure && !f->o.poller && f->o.threads > 1;
}

static int fill(struct view_feed *base, struct table *t, uint64_t from, uint64_t to, struct err *e)
{
	struct feed *f = (struct feed *)base;

	f->measure = !f->reader || (table_measures(t) && cost(base, t, from, to) <= MEASURE_BYTES);
	unsigned flows = f->measure || table_needs(t, FIELD_FLOW) ? FLOWS_TRACKED : 0;
	struct state *(*fresh)(unsigned) = f->measure || table_needs(t, FIELD_FOLLOW)
						   ? state_new
						   : state_new_ends;
	table_window(t, from, to);
	/* A conversation is of one of the two. */
	size_t n = 0;
	cleanup_free uint8_t *of = may_split(f) ? flow_deal(f->reader, from, to, &n) : NULL;
	struct table *twin = of ? table_twin(t) : NULL;
	struct flow_second second = {.of = of,
				     .n = n,
				     .state = twin ? fresh(flows / 2) : NULL,
				     .present = present_second,
				     .ctx = twin};
	new_state(f, fresh(twin ? flows / 2 : flows));
	f->from = from;
	f->to = to;
	f->base.lost = 0;
	f->newest = twin ? 0 : UINT64_MAX;
	/* find_newest looks at the directory while it is being read. */
	if (f->reader)
		reader_chunks(f->reader);
	f->filling = t;
	int status = run(f, t, twin ? &second : NULL, e);
	if (twin)
		table_join(t, twin);
	state_free(second.state);
	state_forget_flows(f->state);
	f->filling = NULL;
	return status ? status : f->ended;
}

static int scan(struct view_feed *base, const struct view_look *l, uint64_t from, uint64_t to,
		struct err *e)
{
	struct feed *f = (struct feed *)base;

	f->measure = false;
	f->base.lost = 0;
	bool flows = l->flows || filter_needs(l->filter, FIELD_FLOW);
	new_state(f, state_new(flows ? FLOWS_TRACKED : 0));
	f->from = from;
	f->to = to;
	f->scanning = l;
	int status = run(f, NULL, NULL, e);
	f->scanning = NULL;
	return status ? status : f->ended;
}

static int run_live(struct view_feed *base, struct err *e)
{
	struct feed *f = (struct feed *)base;

	/* Which table will be looked at next is not known: conversations are always followed. */
	new_state(f, state_new(FLOWS_TRACKED));
	return run(f, NULL, NULL, e);
}

/* ---- the directory of a file ---- */

static bool overview(struct view_feed *base, struct table *t, uint64_t from, uint64_t to)
{
	struct feed *f = (struct feed *)base;
	size_t n = f->reader ? reader_chunks(f->reader) : 0;

	if (!n)
		return false;
	table_window(t, from, to);
	bool told = true;
	f->filling = t;
	for (size_t i = 0; i < n && told; i++) {
		const struct chunk *k = reader_chunk(f->reader, i);
		if (!k->metadata && k->last >= from && k->first <= to)
			told = flow_parts(f->state, k, take, f);
	}
	f->filling = NULL;
	return told;
}

/* What lies between two moments, spread evenly over the parts it touches. */
static void spread(double *bins, size_t n, uint64_t from, double width, const struct chunk *k,
		   double packets)
{
	double a = ((double)k->first - (double)from) / width;
	double b = ((double)k->last - (double)from) / width;

	a = MAX(a, -1);
	b = MIN(b, (double)n);
	size_t first = a > 0 ? (size_t)a : 0;
	double length = ((double)k->last - (double)k->first) / width;
	for (size_t i = first; i < n && (double)i <= b; i++) {
		double begin = MAX(a, (double)i), end = MIN(b, (double)i + 1);
		bins[i] += length > 0 ? packets * MAX(end - begin, 0) / length : packets;
	}
}

static void histogram(struct view_feed *base, const struct table *t, uint64_t from, uint64_t to,
		      double *bins, size_t n)
{
	struct feed *f = (struct feed *)base;
	size_t count = f->reader ? reader_chunks(f->reader) : 0;

	memset(bins, 0, n * sizeof(*bins));
	if (to <= from || !n)
		return;
	for (size_t i = 0; i < count; i++) {
		const struct chunk *k = reader_chunk(f->reader, i);
		double packets = 0;
		if (k->metadata || k->last < from || k->first > to)
			continue;
		for (uint32_t p = 0; p < k->part_count; p++)
			if (may_match(f, t, k->parts[p].iface))
				packets += k->parts[p].packets;
		spread(bins, n, from, (double)(to - from) / (double)n, k, packets);
	}
}

/* ---- opening ---- */

static int extend(void *ctx, struct context *c)
{
	struct feed *f = ctx;

	f->base.first = MIN(f->base.first, c->ev->ts);
	f->base.last = MAX(f->base.last, c->ev->ts);
	return atomic_load_explicit(&f->source->stop, memory_order_relaxed);
}

/* A directory tells the times of everything but notices; without one all is read once. */
static void find_extent(struct feed *f, size_t n)
{
	f->base.first = UINT64_MAX;
	for (size_t i = 0; i < n; i++) {
		const struct chunk *k = reader_chunk(f->reader, i);
		if (k->metadata || k->last == UINT64_MAX)
			continue;
		f->base.first = MIN(f->base.first, k->first);
		f->base.last = MAX(f->base.last, k->last);
		f->base.packets += k->packets;
	}
}

void flow_feed_look(struct view_feed *base)
{
	struct feed *f = (struct feed *)base;
	struct flow_totals totals = {0};

	if (!f->reader || str_eq(f->o.what, "-"))
		return;
	size_t n = reader_chunks(f->reader);
	struct filter *notices = n ? filter_compile("evt.type in (notice, drop)", NULL, NULL)
				   : NULL;
	const struct flow_options o = {.source = f->source,
				       .state = f->state,
				       .hint = notices,
				       .threads = f->o.threads,
				       .present = extend,
				       .ctx = f};
	find_extent(f, n);
	flow_run(&o, &totals, NULL);
	filter_free(notices);
	if (f->base.first > f->base.last)
		f->base.first = f->base.last = 0;
}

static void feed_close(struct view_feed *base)
{
	struct feed *f = (struct feed *)base;

	if (!f)
		return;
	source_close(f->source);
	state_free(f->state);
	free(f);
}

struct source *flow_feed_source(struct view_feed *base)
{
	return ((struct feed *)base)->source;
}

/* Made-up traffic in its own time is read like a pipe, once and to the end. */
static bool is_live(const char *what)
{
	return str_eq(what, "live") || (str_starts(what, "synth:") && strstr(what, "realtime=1"));
}

struct view_feed *flow_feed_open(const struct feed_options *o, struct err *e)
{
	struct source *s = source_open(o->what, o->source, e);

	if (!s)
		return NULL;
	struct feed *f = xcalloc(1, sizeof(*f));
	f->o = *o;
	f->source = s;
	f->reader = s->kind->reader ? s->kind->reader(s) : NULL;
	f->state = state_new(0);
	f->base = (struct view_feed){
		.live = is_live(o->what),
		.name = str_eq(o->what, "live") ? "Live System" : o->what,
		.fill = fill,
		.scan = scan,
		.overview = overview,
		.cost = cost,
		.histogram = histogram,
		.run = run_live,
		.close = feed_close,
	};
	return &f->base;
}
