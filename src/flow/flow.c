/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/inside.h"

#include <stdio.h>

#define TICK_EVENTS (1u << 16)
/* Bytes of packets of which there is too little to leave away. */
#define HEADS_LEAST   (PACKET_HEAD + 112u)
#define HEADERS_LEAST 160u

static int fail(struct flow *f)
{
	f->failed = true;
	return 1;
}

static void container_to_record(const struct container *c, struct container_record *r)
{
	for (unsigned k = 0; k < META_KEYS; k++)
		r->meta[k] = c->meta[k];
	r->start = c->start;
	r->end = c->end;
}

/* ---- who records ---- */

static struct recorder *first_recorder(const struct flow *f)
{
	return f->o->recorders ? *f->o->recorders : NULL;
}

/* With all that is known of its container by now. */
static int tell_iface(struct recorder *w, const struct state *s, uint32_t number, struct err *e)
{
	const struct iface *i = state_iface_at(s, number);
	struct container_record who;

	if (!i || w->broken)
		return 0;
	struct iface_record r = i->record;
	r.number += w->base;
	const struct container *c = state_container_at(s, i->container);
	if (c) {
		container_to_record(c, &who);
		r.container = &who;
	}
	return writer_iface(w->writer, &r, e);
}

int recorder_begin(struct recorder *r, const struct state *s, struct err *e)
{
	for (uint32_t n = 0; n < state_ifaces(s); n++)
		if (tell_iface(r, s, n, e))
			return -1;
	return 0;
}

/* What became of it: non-zero ends the run. */
static int recorded(struct flow *f, struct recorder *w, int status)
{
	if (LIKELY(!status))
		return 0;
	if (!w->spare)
		return fail(f);
	w->broken = true;
	w->why = f->failure;
	f->failure = (struct err){0};
	return 0;
}

static int describe_iface(struct flow *f, uint32_t number)
{
	int rc = 0;

	for (struct recorder *w = first_recorder(f); w && !rc; w = w->next)
		rc = recorded(f, w, tell_iface(w, f->o->state, number, &f->failure));
	return rc;
}

int flow_describe(struct flow *f, uint32_t index)
{
	for (uint32_t n = 0; n < state_ifaces(f->o->state); n++) {
		const struct iface *i = state_iface_at(f->o->state, n);
		if (i && i->container == index && describe_iface(f, n))
			return 1;
	}
	return 0;
}

static int on_event(void *ctx, struct event *ev);

int flow_notice(struct flow *f, uint64_t ts)
{
	struct event ev = {
		.ts = ts,
		.type = EVENT_NOTICE,
		.data = (const uint8_t *)f->notice.data,
		.caplen = (uint32_t)f->notice.len,
		.len = (uint32_t)f->notice.len,
		.iface = IFACE_NONE,
		.weight = 1,
	};
	return on_event(f, &ev);
}

/* ---- what other threads say ---- */

static struct container *container_of(struct flow *f, const struct message *m)
{
	const struct container_record r = {.meta[META_CONTAINER] = m->container, .netns = m->netns};
	uint32_t index = m->container ? state_container(f->o->state, &r) : CONTAINER_NONE;
	struct container *c = state_container_at(f->o->state, index);

	/* Of who has no processes that the source knows, messages alone say whether it is there. */
	if (c && !c->pid)
		c->end = m->gone ? m->ts : 0;
	return c;
}

static int tell_message(struct flow *f, struct message *m)
{
	struct container *c = container_of(f, m);

	if (c && names_of(f, c->index))
		return 1;
	if (c)
		counters_merge(&c->measured, &m->counters);
	if (c && c->meta[META_TASK])
		text_fmt(&m->text, " task=%s", c->meta[META_TASK]);
	if (c && c->meta[META_APP])
		text_fmt(&m->text, " app=%s", c->meta[META_APP]);
	text_reset(&f->notice);
	notice_format(&f->notice, m->ts, m->kind, m->priority,
		      c ? (const char *const *)c->meta : NULL, text_cstr(&m->text));
	text_put(&f->notice, m->keys.data, m->keys.len);
	return flow_notice(f, m->ts);
}

static int take_messages(struct flow *f)
{
	struct message *all = f->o->messages ? message_take(f->o->messages) : NULL;
	int rc = 0;

	for (struct message *m = all; m && !rc; m = m->next)
		rc = tell_message(f, m);
	message_free(all);
	return rc;
}

/* ---- the sink of the source ---- */

static int on_container(void *ctx, const struct container_record *r)
{
	struct flow *f = ctx;
	uint32_t index = state_container(f->o->state, r);
	const struct container *c = state_container_at(f->o->state, index);

	return c ? names_of_new(f, c) : 0;
}

static int on_iface(void *ctx, const struct iface_record *r)
{
	struct flow *f = ctx;

	if (r->container && on_container(f, r->container))
		return 1;
	if (state_iface(f->o->state, r)) {
		err_set(&f->failure, ERR_FAILED, "interface number %u is out of range", r->number);
		return fail(f);
	}
	return describe_iface(f, r->number);
}

static void on_begin(void *ctx, uint64_t first)
{
	const struct flow *f = ctx;

	state_begin(f->o->state, first);
}

static void count(struct flow_totals *t, const struct event *ev)
{
	t->events++;
	if (!t->first || ev->ts < t->first)
		t->first = ev->ts;
	t->last = MAX(t->last, ev->ts);
	switch (ev->type) {
	case EVENT_PACKET: {
		bool counts = !event_is_second_sight(ev); /* which of them do cannot be guessed */
		t->sights++;
		t->lost += ev->lost;
		t->packets += counts;
		t->bytes += counts * (uint64_t)ev->len;
		break;
	}
	case EVENT_COUNTERS:
		t->counters++;
		break;
	case EVENT_DROP:
		t->lost += ev->lost;
		t->notices++;
		break;
	default:
		t->notices++;
	}
}

/* A capture of some containers keeps their life story and every loss, and nobody else's notices.
 * filter: NULL = all of them. */
static bool belongs(const struct filter *filter, const struct context *c)
{
	if (!filter || c->ev->type == EVENT_DROP)
		return true;
	return c->container && filter_iface(filter, c->container, NULL) != VERDICT_NO;
}

static bool wants(const struct flow *f, const struct recorder *w, struct context *c, bool passed)
{
	if (w->broken)
		return false;
	if (passed && (!w->filter || filter_match(w->filter, c)))
		return true;
	bool notice = c->ev->type == EVENT_NOTICE || c->ev->type == EVENT_DROP;
	return notice && (passed || belongs(f->o->filter, c)) && belongs(w->filter, c);
}

static int record(struct flow *f, struct context *c, struct event *ev, bool passed)
{
	const uint32_t number = ev->iface;
	int rc = 0;

	for (struct recorder *w = first_recorder(f); w && !rc; w = w->next) {
		if (!wants(f, w, c, passed))
			continue;
		/* In place: a copy would wait for what was stored a moment ago. */
		ev->iface = number == IFACE_NONE ? number : number + w->base;
		rc = recorded(f, w, writer_event(w->writer, ev, &f->failure));
		ev->iface = number;
	}
	return rc;
}

static void add_measured(struct flow *f, struct event *ev)
{
	const struct iface *i = state_iface_at(f->o->state, ev->iface);
	const struct container *c = i ? state_container_at(f->o->state, i->container) : NULL;

	if (!c)
		return;
	f->sample = *(const struct counters *)ev->data;
	counters_merge(&f->sample, &c->measured);
	ev->data = (const uint8_t *)&f->sample;
}

/* The ports for its own connections, which the kernel gives away and Mesos does not tell of. */
static int learn_ephemeral(struct flow *f, const struct event *ev)
{
	const struct counters *k = (const struct counters *)ev->data;
	const struct iface *i = state_iface_at(f->o->state, ev->iface);
	const struct container *c = i ? state_container_at(f->o->state, i->container) : NULL;
	struct container_record more = {0};
	char range[32];

	if (!c || !counters_has(k, COUNTER_EPHEMERAL_BEGIN) || !c->meta[META_CONTAINER])
		return 0;
	snprintf(range, sizeof(range), "%u-%u", (unsigned)k->value[COUNTER_EPHEMERAL_BEGIN],
		 (unsigned)k->value[COUNTER_EPHEMERAL_END]);
	if (c->meta[META_EPHEMERAL] && str_eq(c->meta[META_EPHEMERAL], range))
		return 0;
	more.meta[META_CONTAINER] = c->meta[META_CONTAINER];
	more.meta[META_EPHEMERAL] = range;
	return flow_describe(f, state_container(f->o->state, &more));
}

static int on_event(void *ctx, struct event *ev)
{
	struct flow *f = ctx;
	const struct flow_options *o = f->o;

	f->totals->read++;
	if (o->live && ev->type == EVENT_COUNTERS) {
		add_measured(f, ev);
		if (learn_ephemeral(f, ev))
			return 1;
	}
	struct context *c = state_event(o->state, ev);
	if (o->max_ns) {
		if (!f->end)
			f->end = ev->ts + o->max_ns;
		if (ev->ts >= f->end)
			return 1;
	}
	if (o->tick && f->totals->read % TICK_EVENTS == 0 && o->tick(o->ctx, ev->ts))
		return 1;
	bool notice = ev->type == EVENT_NOTICE || ev->type == EVENT_DROP;
	if (notice && o->notice && o->notice(o->ctx, c))
		return 1;
	bool passed = !o->filter || filter_match(o->filter, c);
	if (record(f, c, ev, passed))
		return 1;
	if (!passed)
		return 0;
	count(f->totals, ev);
	if (o->present && o->present(o->ctx, c))
		return 1;
	return o->max_events && f->totals->events >= o->max_events;
}

static int on_tick(void *ctx, uint64_t now)
{
	struct flow *f = ctx;

	/* Also where nothing happens. */
	if (f->o->max_ns && now >= f->began + f->o->max_ns)
		return 1;
	if (names_turn(f, now) || take_messages(f))
		return 1;
	int rc = 0;
	for (struct recorder *w = first_recorder(f); w && !rc; w = w->next)
		if (!w->broken)
			rc = recorded(f, w, writer_tick(w->writer, now, &f->failure));
	if (rc)
		return rc;
	return f->o->tick ? f->o->tick(f->o->ctx, now) : 0;
}

static bool may_match(const struct filter *filter, const struct container *c, const struct iface *i)
{
	return !filter || filter_iface(filter, c, i) != VERDICT_NO;
}

static bool iface_wanted(void *ctx, uint32_t number)
{
	struct flow *f = ctx;
	const struct flow_second *second = f->o->second;
	const struct iface *i = state_iface_at(f->o->state, number);
	const struct container *c = i ? state_container_at(f->o->state, i->container) : NULL;

	if (second && (number < second->n && second->of[number]) != f->is_second)
		return false;
	return may_match(f->o->filter, c, i) && may_match(f->o->hint, c, i);
}

static uint32_t head(void *ctx, uint32_t number, const uint8_t *data, uint32_t caplen, uint32_t len)
{
	const struct flow *f = ctx;
	const struct iface *i = state_iface_at(f->o->state, number);

	return i ? packet_kept(f->o->depth, i->record.linktype, data, caplen, len) : caplen;
}

static bool chunk_enough(void *ctx, const struct chunk *c)
{
	const struct flow *f = ctx;

	if (c->first < f->o->from || (f->o->to && c->last > f->o->to) ||
	    !f->o->chunk_enough(f->o->ctx, c))
		return false;
	f->totals->read += c->packets + c->counters;
	return true;
}

/* ---- what a directory says instead of packets ---- */

static struct table_part part_of(const struct state *s, const struct chunk *k, uint32_t number)
{
	const struct chunk_part *p = &k->parts[number];
	const struct iface *iface = state_iface_at(s, p->iface);

	return (struct table_part){
		.container = iface ? state_container_at(s, iface->container) : NULL,
		.iface = iface,
		.first = k->first,
		.last = k->last,
		.packets = p->packets,
		.bytes = p->bytes,
		.lost = p->lost,
		.ways = k->ways,
		.packets_in = p->packets_in,
		.packets_out = p->packets_out,
		.bytes_in = p->bytes_in,
		.bytes_out = p->bytes_out,
	};
}

bool flow_parts(const struct state *s, const struct chunk *k,
		bool (*each)(void *ctx, const struct table_part *p), void *ctx)
{
	for (uint32_t i = 0; i < k->part_count; i++) {
		const struct table_part p = part_of(s, k, i);
		if (!each(ctx, &p))
			return false;
	}
	return true;
}

/* ---- a run ---- */

static void narrow(struct reader_query *q, const struct filter *filter)
{
	uint64_t from, to;

	if (!filter)
		return;
	filter_time(filter, &from, &to);
	q->from = MAX(q->from, from);
	q->to = MIN(q->to, to);
	q->types &= filter_types(filter);
}

static void ask(struct flow *f, struct reader_query *q)
{
	*q = (struct reader_query){
		.from = f->o->from,
		.to = f->o->to ? f->o->to : UINT64_MAX,
		.types = (1u << EVENT_TYPES) - 1,
		.iface_wanted = f->o->filter || f->o->hint || f->o->second ? iface_wanted : NULL,
		.threads = f->o->threads,
		.unordered = f->o->unordered,
		.by_iface = f->o->by_iface,
		.chunk_enough = f->o->chunk_enough ? chunk_enough : NULL,
		.head = f->o->depth == PACKET_WHOLE ? NULL : head,
		.head_least = f->o->depth == PACKET_HEADS ? HEADS_LEAST : HEADERS_LEAST,
		.ctx = f,
	};
	narrow(q, f->o->filter);
	narrow(q, f->o->hint);
	q->types |= 1u << EVENT_DROP; /* a loss is told and recorded, whatever is asked for */
	if (f->o->recorders)
		q->types |= 1u << EVENT_NOTICE; /* of the containers that it may let through */
	q->half = f->is_second;
	if (f->is_second)
		q->types &= ~(1u << EVENT_NOTICE);
	if (!q->types)
		q->types = 1u << EVENT_NONE; /* none: there are no such events */
}

int flow_run_one(const struct flow_options *o, bool is_second, struct flow_totals *totals,
		 struct err *e)
{
	struct flow f = {.o = o, .is_second = is_second, .totals = totals, .began = time_now()};
	struct reader_query query;
	const struct sink sink = {
		.ctx = &f,
		.iface = on_iface,
		.container = on_container,
		.begin = on_begin,
		.event = on_event,
		.tick = on_tick,
	};

	ask(&f, &query);
	int status = o->source->kind->run(o->source, &query, &sink, e);
	if (!status)
		take_messages(&f);
	if (f.failed) {
		if (e)
			*e = f.failure;
		totals->broken = true;
		status = -1;
	}
	mesos_snapshot_free(f.names);
	text_done(&f.notice);
	text_done(&f.changes);
	return status;
}

int flow_run(const struct flow_options *o, struct flow_totals *totals, struct err *e)
{
	int status = o->second ? flow_run_both(o, totals, e) : flow_run_one(o, false, totals, e);

	return status < 0 ? -1 : 0;
}
