/* SPDX-License-Identifier: Apache-2.0 */
/* The event path of a table. */
#include "view/inside.h"

#include <math.h>
#include <stdlib.h>

/* ---- sparklines: the newest points in buckets of one width ---- */

static void turn_to_bucket(struct table *t, uint64_t ts)
{
	uint64_t since = ts > t->bucket_base ? ts - t->bucket_base : 0;

	t->bucket = (uint32_t)(since / t->bucket_ns);
	t->bucket_from = t->bucket_base + t->bucket * t->bucket_ns;
	t->bucket_to = t->bucket_from + t->bucket_ns;
	t->newest = MAX(t->newest, t->bucket);
}

static void spark_add(struct table *t, struct row *r, uint64_t ts, double v)
{
	if (!t->bucket_ns)
		return;
	if (ts < t->bucket_from || ts >= t->bucket_to)
		turn_to_bucket(t, ts);
	if (t->bucket > r->spark_at) {
		uint32_t steps = MIN(t->bucket - r->spark_at, TABLE_SPARK);
		for (uint32_t i = 1; i <= steps; i++)
			r->spark[(t->bucket - steps + i) % TABLE_SPARK] = 0;
		r->spark_at = t->bucket;
	} else if (r->spark_at - t->bucket >= TABLE_SPARK) {
		return;
	}
	r->spark[t->bucket % TABLE_SPARK] += (float)v;
}

void spark_spread(struct table *t, struct row *r, uint64_t first, uint64_t last, double v)
{
	double whole = (double)(last - first) + 1;

	/* A file may say of a chunk that it lasts for ever: nothing is drawn after 2262. */
	last = MIN(MIN(last, t->to), (uint64_t)INT64_MAX);
	first = MAX(first, t->from);
	while (t->bucket_ns && first <= last) {
		turn_to_bucket(t, first);
		uint64_t end = MIN(last + 1, t->bucket_to);
		spark_add(t, r, first, v * (double)(end - first) / whole);
		first = end;
	}
}

/* ---- one event ---- */

enum verdict table_verdict(struct table *t, const struct container *c, const struct iface *i)
{
	uint32_t number = i->record.number;

	if (number >= t->verdicts_cap) {
		size_t cap = MAX(64, 2 * (size_t)number);
		t->verdicts = xrealloc(t->verdicts, cap);
		memset(t->verdicts + t->verdicts_cap, 0, cap - t->verdicts_cap);
		t->verdicts_cap = cap;
	}
	if (!t->verdicts[number])
		t->verdicts[number] = (uint8_t)(filter_iface(t->filter, c, i) + 1);
	return (enum verdict)(t->verdicts[number] - 1);
}

static bool passes(struct table *t, struct context *c)
{
	if (!t->filter)
		return true;
	bool asked_once = c->iface && !c->by_port;
	enum verdict v = asked_once ? table_verdict(t, c->container, c->iface) : VERDICT_MAYBE;
	return v == VERDICT_MAYBE ? filter_match(t->filter, c) : v == VERDICT_YES;
}

static uint64_t value_hash(const struct value *v)
{
	return value_is_text(v->type) ? hash_bytes(v->p, v->n) : hash_u64(v->u);
}

static void add_different(struct table *t, struct row *r, const struct column *k,
			  const struct value *v)
{
	uint64_t column = (uint64_t)(k - t->columns);
	uint64_t hash = value_hash(v) ^ hash_u64(r->hash + column);

	if (different_add(&t->different, hash, r->id << 16 | column))
		fold_add(FOLD_COUNT, r->slots + k->place, 1, 1, 0);
}

/* The sum of those that the event has; false: it has none of them. */
static bool sum_of(const struct terms *terms, struct context *c, struct text *scratch, double *out)
{
	bool known = false;

	*out = 0;
	for (unsigned i = 0; i < terms->n; i++) {
		struct value v;
		if (!getter_value(&terms->of[i], c, scratch, &v))
			continue;
		*out += terms->minus[i] ? -value_number(&v) : value_number(&v);
		known = true;
	}
	return known;
}

/* What the conversation tells of a TCP packet, or NULL. */
static inline const struct flow_facts *tcp_facts(const struct context *c)
{
	bool known = c->facts.valid && packet_inner(&c->packet)->has & PACKET_TCP;

	return known ? &c->facts : NULL;
}

/* What is above the line of a ratio, or all there is. */
static inline bool above(const struct column *k, struct context *c, const struct flow_facts *facts,
			 struct text *scratch, double *v)
{
	double tells[PART_WHATS];
	uint64_t ns;

	if (k->where && !filter_match(k->where, c))
		return false;
	if (k->shortcut && k->shortcut < SHORT_TRUTH) {
		event_tells(c->ev, 1, tells);
		*v = tells[k->shortcut];
		return true;
	}
	if (!k->shortcut || !facts)
		return sum_of(&k->get, c, scratch, v);
	if (k->shortcut == SHORT_TRUTH) {
		*v = *((const bool *)facts + k->fact);
		return true;
	}
	memcpy(&ns, (const char *)facts + k->fact, sizeof(ns));
	*v = (double)ns;
	return ns;
}

static inline void add_sum(double *sum, double v)
{
	*sum = isnan(*sum) ? v : *sum + v;
}

/* Most of what there is to do. */
static inline void add_of_event(struct table *t, struct row *r, const struct column *k, uint64_t ts,
				const double tells[PART_WHATS])
{
	add_sum(r->slots + k->place, tells[k->shortcut]);
	if (k->spark)
		spark_add(t, r, ts, tells[k->shortcut]);
}

static void count_different(struct table *t, struct row *r, const struct column *k,
			    struct context *c)
{
	struct value value;

	if ((!k->where || filter_match(k->where, c)) &&
	    getter_value(column_getter(k), c, &t->scratch, &value))
		add_different(t, r, k, &value);
}

static inline void add(struct table *t, struct row *r, const struct column *k, struct context *c,
		       const struct flow_facts *facts, double weight)
{
	const struct event *ev = c->ev;
	double *slots = r->slots + k->place, v;

	if (above(k, c, facts, &t->scratch, &v)) {
		if (k->fold == FOLD_SUM)
			add_sum(slots, v * weight);
		else
			fold_add(k->fold, slots, v, weight, ev->ts);
		if (k->spark)
			spark_add(t, r, ev->ts, v * weight);
	}
	if (k->over.n && sum_of(&k->over, c, &t->scratch, &v))
		fold_add(k->fold, slots + fold_slots(k->fold, false), v, weight, ev->ts);
}

static void add_all(struct table *t, struct row *r, struct context *c)
{
	double weight = c->ev->type == EVENT_PACKET ? c->ev->weight : 1, tells[PART_WHATS];
	const struct plan *p = &t->plan[c->ev->type][packet_way(c)];
	const struct flow_facts *facts = tcp_facts(c);

	event_tells(c->ev, weight, tells);
	for (size_t i = 0; i < p->n_sums; i++)
		add_of_event(t, r, p->columns[i], c->ev->ts, tells);
	for (size_t i = p->n_sums; i < p->n; i++) {
		const struct column *k = p->columns[i];
		if (k->fold != FOLD_COUNT)
			add(t, r, k, c, facts, weight);
		else if (!k->once || !t->again)
			count_different(t, r, k, c);
	}
}

void table_keep(struct table *t, struct row *r, struct context *c)
{
	uint32_t type = 1u << c->ev->type;
	bool whole = true, anew = r->version != t->version;

	if (anew) {
		r->version = t->version;
		r->settled = 0;
	}
	if (LIKELY(r->settled & type || (t->again && t->talk_keeps)))
		return;
	if (t->of_container && c->container)
		r->ended = c->container->end;
	for (size_t i = 0; i < t->n_columns; i++) {
		const struct column *k = &t->columns[i];
		struct value v;
		if (!k->keeps || !(k->types & type))
			continue;
		bool of_container = column_getter(k)->field->scope == SCOPE_CONTAINER;
		struct kept *to = &r->values[k->place];
		if (to->known && !(of_container && anew))
			continue;
		if (getter_value(column_getter(k), c, &t->scratch, &v))
			kept_set(to, &v);
		else
			whole &= of_container;
	}
	if (whole)
		r->settled |= type;
}

/* The row of the SYN that an ICMP error is about, where that would count too: the error has other
 * ends. */
static struct row *find_quoted(struct table *t, struct context *c)
{
	struct quoted syn;

	if (!context_quoted(c, &syn))
		return NULL;
	struct row *r = passes(t, &syn.context) ? table_find_row(t, &syn.context) : NULL;
	if (r)
		table_keep(t, r, &syn.context);
	return r;
}

/* NULL: the filter leaves it out, or it has no key. What a conversation has settled is not asked
 * again. */
static struct row *find_row(struct table *t, struct context *c)
{
	uint64_t talk = 0;
	bool may = t->talking && context_talk(c, &talk);
	struct talking *k = may ? &t->talking[flow_talk_place(talk) & (TALKING - 1)] : NULL;
	struct row *known = k && k->talk == talk ? k->row : NULL, *r = NULL;

	t->again = false;
	if (may && c->facts.valid && c->facts.quoted) {
		bool counts = passes(t, c);
		r = counts ? find_quoted(t, c) : NULL;
		t->again = r;
		return r || !counts ? r : table_find_row(t, c);
	}
	t->again = known && known != &no_row;
	if (known && t->talk_filter)
		return t->again ? known : NULL;
	if (passes(t, c))
		r = t->again ? known : table_find_row(t, c);
	else if (!t->talk_filter)
		return NULL;
	if (k)
		*k = (struct talking){talk, r ? r : &no_row};
	return r;
}

void table_event(struct table *t, struct context *c)
{
	if (UNLIKELY(c->version != t->version)) {
		table_forget(t);
		t->version = c->version;
	}
	unsigned type = c->ev->type;
	/* Samples from before the window only say where totals began. */
	bool early = c->ev->ts < t->from;
	if (early && type != EVENT_COUNTERS)
		return;
	struct row *r = find_row(t, c);
	if (!r)
		return;
	if (!early) {
		table_passed(t, c->ev);
		r->touched = t->interval;
	}
	table_keep(t, r, c);
	add_all(t, r, c);
}

/* ---- intervals ---- */

void table_window(struct table *t, uint64_t from, uint64_t to)
{
	rowmap_clear(&t->map);
	different_clear(&t->different);
	table_forget(t);
	t->n_rows = 0;
	t->events = t->given_up = 0;
	t->error = 0;
	t->interval++;
	t->from = from;
	t->to = to;
	t->first = UINT64_MAX;
	t->last = 0;
	t->bucket_ns = to > from ? (to - from) / TABLE_SPARK + 1 : 0;
	t->bucket_base = from;
	t->bucket_from = t->bucket_to = 0;
	t->bucket = 0;
	t->newest = t->bucket_ns ? TABLE_SPARK - 1 : 0;
}

/* Rows that were silent for so many intervals go. */
#define KEEP_INTERVALS 3u
#define LIVE_BUCKET_NS NSEC_PER_SEC

void table_next(struct table *t, uint64_t now)
{
	size_t n = 0;

	t->interval++;
	t->bucket_ns = LIVE_BUCKET_NS;
	t->began = now;
	if (t->info->kind == VIEW_LIST)
		return;
	different_clear(&t->different);
	rowmap_clear(&t->map);
	for (size_t i = 0; i < t->n_rows; i++) {
		struct row *r = t->rows[i];
		if (t->interval - r->touched > KEEP_INTERVALS)
			continue;
		t->rows[i] = t->rows[n];
		t->rows[n++] = r;
		rowmap_add(&t->map, r);
		for (size_t k = 0; k < t->n_columns; k++)
			if (!t->columns[k].keeps)
				fold_next(t->columns[k].fold, t->columns[k].over.n,
					  r->slots + t->columns[k].place);
	}
	t->n_rows = n;
	t->events = t->given_up = 0;
	t->error = 0;
	table_forget(t);
}
