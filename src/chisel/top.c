/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chisel.top: sums by key over the events, without a call into Lua for each. Keys are kept as bytes
 * that sort as their values do: numbers big-endian, texts behind their length.
 */
#include "chisel/top.h"

#include <math.h>
#include <stdlib.h>

#define TALKING 16384u /* a power of two */

void top_free(struct top *t)
{
	for (unsigned i = 0; i < t->n_keys && !t->twin; i++)
		field_ref_done(&t->keys[i]);
	for (unsigned i = 0; i < t->n_values; i++) {
		if (!t->twin)
			field_ref_done(&t->values[i].ref);
		filter_free(t->values[i].only);
	}
	filter_free(t->filter);
	if (!t->twin)
		free(t->absent);
	free(t->rows);
	free(t->sums);
	free(t->slots);
	free(t->parts);
	free(t->talking);
	builder_done(&t->bytes);
	text_done(&t->scratch);
	free(t);
}

bool top_needs(const struct top *t, unsigned flags)
{
	bool needed = filter_needs(t->filter, flags);

	for (unsigned i = 0; i < t->n_keys; i++)
		needed |= !!(t->keys[i].field->flags & flags);
	for (unsigned i = 0; i < t->n_values; i++) {
		const struct top_value *v = &t->values[i];
		needed |= v->ref.field->flags & flags || filter_needs(v->only, flags);
	}
	return needed;
}

const struct filter *top_filter(const struct top *t)
{
	return t->filter;
}

/* ---- keys ---- */

static void put_text(struct builder *b, const char *p, uint32_t n)
{
	builder_u32(b, n);
	builder_put(b, p, n);
}

/* 1 and the sign: numbers below zero sort before those above. */
static void put_value(struct builder *b, const struct value *v)
{
	if (top_is_bytes(v)) {
		put_text(b, v->p, v->n);
		return;
	}
	uint64_t u = v->type == VALUE_BOOL ? v->b : v->u;
	if (v->type == VALUE_I64)
		u ^= 1ull << 63;
	builder_u64(b, __builtin_bswap64(u));
}

/* The key of the event at the end of t->bytes, not yet part of it; false: it has none. */
static bool make_key(struct top *t, struct context *c, uint32_t *from)
{
	struct value v[FIELD_MAX_VALUES];

	*from = (uint32_t)t->bytes.len;
	for (unsigned i = 0; i < t->n_keys; i++) {
		const struct field_ref *r = &t->keys[i];
		text_reset(&t->scratch);
		bool has = r->field->get(r->field, r->arg, c, &t->scratch, v);
		if (!has && !t->absent) {
			t->bytes.len = *from;
			return false;
		}
		const uint8_t there = has;
		builder_put(&t->bytes, &there, t->absent ? 1 : 0);
		if (has)
			put_value(&t->bytes, &v[0]);
	}
	return true;
}

/* ---- rows ---- */

static void place(struct top *t, uint32_t row)
{
	uint32_t at = (uint32_t)t->rows[row].hash & (t->n_slots - 1);

	while (t->slots[at])
		at = (at + 1) & (t->n_slots - 1);
	t->slots[at] = row + 1;
}

static void grow(struct top *t)
{
	t->n_slots = t->n_slots ? t->n_slots * 2 : 1024;
	free(t->slots);
	t->slots = xcalloc(t->n_slots, sizeof(*t->slots));
	for (uint32_t i = 0; i < t->n; i++)
		place(t, i);
}

static void begin_sums(const struct top *t, double *sums)
{
	for (unsigned i = 0; i < t->n_values; i++)
		sums[i] = t->values[i].fold == TOP_MIN ? INFINITY : 0;
}

/* The row + 1 of the key at `from` of t->bytes, which stays there only when it is new; 0: there is
 * no room for another. */
static uint32_t row_for(struct top *t, uint32_t from)
{
	uint32_t n = (uint32_t)t->bytes.len - from;
	const uint8_t *key = t->bytes.data + from;
	uint64_t hash = hash_bytes(key, n);

	if (t->n * 2 >= t->n_slots)
		grow(t);
	for (uint32_t at = (uint32_t)hash & (t->n_slots - 1); t->slots[at];
	     at = (at + 1) & (t->n_slots - 1)) {
		const struct top_row *r = &t->rows[t->slots[at] - 1];
		if (r->hash != hash || r->key_n != n || memcmp(t->bytes.data + r->key, key, n))
			continue;
		t->bytes.len = from;
		return t->slots[at];
	}
	if (t->n == TOP_ROWS_MAX || t->bytes.len > TOP_BYTES_MAX) {
		t->bytes.len = from;
		t->beyond++;
		return 0;
	}
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 256;
		t->rows = xrealloc(t->rows, t->cap * sizeof(*t->rows));
		t->sums = xrealloc(t->sums, (size_t)t->cap * t->n_values * sizeof(*t->sums));
	}
	begin_sums(t, &t->sums[(size_t)t->n * t->n_values]);
	t->rows[t->n] = (struct top_row){hash, from, n};
	place(t, t->n++);
	return t->n;
}

static double *sums_of(struct top *t, uint32_t row)
{
	return row ? &t->sums[(size_t)(row - 1) * t->n_values] : NULL;
}

static double *find_sums(struct top *t, struct context *c)
{
	uint32_t from;

	return make_key(t, c, &from) ? sums_of(t, row_for(t, from)) : NULL;
}

static bool passes(const struct top *t, struct context *c)
{
	return !t->filter || filter_match(t->filter, c);
}

/* An ICMP error counts with the SYN that it is about, where that would count too: it has other ends
 * itself. */
static double *sums_of_quoted(struct top *t, struct context *c)
{
	struct quoted syn;

	if (!passes(t, c))
		return NULL;
	return find_sums(t, context_quoted(c, &syn) && passes(t, &syn.context) ? &syn.context : c);
}

/* What a conversation has settled is not asked again, until names are others. */
static double *sums_of_talk(struct top *t, struct context *c)
{
	uint64_t talk = flow_talk(&c->facts, c->ev->flags);
	struct top_talk *k = &t->talking[flow_talk_place(talk) & (TALKING - 1)];
	bool known = k->talk == talk && k->version == c->version;
	uint32_t from, row = 0;

	if (known && t->talk_filter)
		return sums_of(t, k->row);
	if (passes(t, c))
		row = known && k->row ? k->row : make_key(t, c, &from) ? row_for(t, from) : 0;
	else if (!t->talk_filter)
		return NULL;
	*k = (struct top_talk){talk, c->version, row};
	return sums_of(t, row);
}

static double number_of(const struct field_ref *r, const struct value *v)
{
	switch (v->type) {
	case VALUE_BOOL:
		return v->b;
	case VALUE_I64:
		return (double)v->i;
	case VALUE_DOUBLE:
		return v->d;
	case VALUE_STRING:
	case VALUE_BYTES:
	case VALUE_IP:
	case VALUE_MAC:
		return NAN;
	default:
		return r->field->flags & FIELD_SECONDS ? (double)v->u / 1e9 : (double)v->u;
	}
}

/* Each value of the event; false when it adds nothing to any sum. */
static bool make_values(struct top *t, struct context *c, double *out)
{
	double raw[TOP_VALUES_MAX];
	struct value v[FIELD_MAX_VALUES];
	bool any = false;

	for (unsigned i = 0; i < t->n_values; i++) {
		const struct top_value *w = &t->values[i];
		raw[i] = out[i] = NAN;
		if (w->same < i) {
			raw[i] = raw[w->same];
		} else {
			text_reset(&t->scratch);
			if (w->ref.field->get(w->ref.field, w->ref.arg, c, &t->scratch, v))
				raw[i] = number_of(&w->ref, &v[0]);
		}
		if ((w->way && !(packet_way(c) & w->way)) || (w->only && !filter_match(w->only, c)))
			continue;
		out[i] = raw[i];
		any |= out[i] > 0 && w->fold == TOP_SUM;
	}
	return any;
}

/* A packet that was sampled counts as often as it stands for. */
static double fold(enum top_fold how, double sum, double v, uint32_t weight)
{
	switch (how) {
	case TOP_MIN:
		return fmin(sum, v);
	case TOP_MAX:
		return fmax(sum, v);
	case TOP_OR:
		return v >= 0 && v < 4294967296.0 ? (double)((uint64_t)sum | (uint64_t)v) : sum;
	default:
		return v > 0 ? sum + v * weight : sum;
	}
}

static double *part_for(struct top *t, uint32_t at, uint32_t iface)
{
	if (at >= t->n_parts) {
		uint32_t n = MAX(at + 1, t->n_parts * 2);
		t->parts = xrealloc(t->parts, n * sizeof(*t->parts));
		memset(t->parts + t->n_parts, 0, (n - t->n_parts) * sizeof(*t->parts));
		t->n_parts = n;
	}
	struct top_part *p = &t->parts[at];
	if (!p->used) {
		begin_sums(t, p->sums);
		p->iface = iface;
		p->used = true;
	}
	return p->sums;
}

void top_settle(struct top *t, const struct state *state)
{
	for (uint32_t i = 0; state && i < t->n_parts; i++) {
		struct top_part *p = &t->parts[i];
		struct context c = {.container = state_container_at(state, i),
				    .iface = state_iface_at(state, p->iface)};
		double *sums = p->used && c.container ? find_sums(t, &c) : NULL;
		for (unsigned v = 0; sums && v < t->n_values; v++)
			sums[v] = fold(t->values[v].fold, sums[v], p->sums[v], 1);
		p->used = false;
	}
	/* Streams of another state are others. */
	if (t->talking)
		memset(t->talking, 0, TALKING * sizeof(*t->talking));
}

static double *find_row(struct top *t, struct context *c, bool talk)
{
	if (talk)
		return c->facts.quoted ? sums_of_quoted(t, c) : sums_of_talk(t, c);
	if (t->parts && c->container)
		return part_for(t, c->container->index, c->ev->iface);
	return find_sums(t, c);
}

/* As the rest of top_event does it, of a packet that passed. */
static void add_of_event(struct top *t, struct context *c, bool talk)
{
	const uint8_t *takes = t->takes[packet_way(c)];
	double tells[PART_WHATS];
	bool any = false;

	event_tells(c->ev, c->ev->weight, tells);
	for (unsigned i = 0; i < t->n_values; i++)
		any |= tells[takes[i]] > 0;
	double *sums = any ? find_row(t, c, talk) : NULL;
	for (unsigned i = 0; sums && i < t->n_values; i++)
		sums[i] += tells[takes[i]];
}

void top_event(struct top *t, struct context *c)
{
	double now[TOP_VALUES_MAX], *sums;

	if (t->parts && c->repeated)
		return;
	bool talk = t->talking && c->facts.valid && !c->by_port;
	if (!talk && !passes(t, c))
		return;
	if (t->of_events && c->ev->type == EVENT_PACKET) {
		add_of_event(t, c, talk);
		return;
	}
	if (!make_values(t, c, now))
		return;
	sums = find_row(t, c, talk);
	for (unsigned i = 0; sums && i < t->n_values; i++)
		if (!isnan(now[i]))
			sums[i] = fold(t->values[i].fold, sums[i], now[i], c->ev->weight);
}

/* ---- two threads ---- */

struct top *top_twin(const struct top *t)
{
	struct top *twin = xcalloc(1, sizeof(*twin));

	twin->twin = true;
	twin->n_keys = t->n_keys;
	twin->n_values = t->n_values;
	memcpy(twin->keys, t->keys, sizeof(t->keys));
	memcpy(twin->values, t->values, sizeof(t->values));
	for (unsigned i = 0; i < t->n_values; i++)
		twin->values[i].only = filter_twin(t->values[i].only);
	twin->filter = filter_twin(t->filter);
	twin->absent = t->absent;
	top_begin(twin);
	return twin;
}

void top_join(struct top *t, struct top *twin, const struct state *state)
{
	top_settle(twin, state);
	for (unsigned i = 0; i < twin->n; i++) {
		const struct top_row *r = &twin->rows[i];
		uint32_t from = (uint32_t)t->bytes.len;
		builder_put(&t->bytes, twin->bytes.data + r->key, r->key_n);
		double *sums = sums_of(t, row_for(t, from));
		for (unsigned v = 0; sums && v < t->n_values; v++)
			sums[v] = fold(t->values[v].fold, sums[v], top_sum(twin, i, v), 1);
	}
	t->beyond += twin->beyond;
	top_free(twin);
}

/* ---- what a directory says instead of packets ---- */

static enum verdict verdict_of(const struct top *t, const struct table_part *p)
{
	return t->filter ? filter_packets(t->filter, p->container, p->iface) : VERDICT_YES;
}

bool top_part_enough(const struct top *t, const struct table_part *p)
{
	double sum;

	if (!t->parts || !p->container || verdict_of(t, p) == VERDICT_MAYBE)
		return false;
	for (unsigned i = 0; i < t->n_values; i++) {
		const struct top_value *v = &t->values[i];
		if (v->only || v->fold != TOP_SUM || !table_part_sum(p, v->told, v->way, &sum))
			return false;
	}
	return true;
}

void top_part(struct top *t, const struct table_part *p)
{
	double sum, weight = table_part_weight(p);

	if (!p->packets || verdict_of(t, p) != VERDICT_YES)
		return;
	double *sums = part_for(t, p->container->index, p->iface->record.number);
	for (unsigned i = 0; i < t->n_values; i++)
		if (table_part_sum(p, t->values[i].told, t->values[i].way, &sum))
			sums[i] += sum * weight;
}

/* ---- life ---- */

void top_begin(struct top *t)
{
	bool of_container = true, talking = true;

	grow(t);
	t->of_events = true;
	for (unsigned i = 0; i < t->n_values; i++) {
		struct top_value *v = &t->values[i];
		v->told = part_field_find(v->ref.field->name);
		t->of_events &= v->told && !v->only && v->fold == TOP_SUM;
		for (uint32_t way = 0; v->told && way <= EVENT_DIR_MASK; way++)
			if (!((v->way | part_field_way(v->told)) & ~way))
				t->takes[way][i] = (uint8_t)part_field_what(v->told);
	}
	t->talk_filter = filter_of_talk(t->filter);
	for (unsigned i = 0; i < t->n_keys; i++) {
		of_container &= t->keys[i].field->scope == SCOPE_CONTAINER;
		talking &= field_of_talk(t->keys[i].field);
	}
	if (of_container) {
		t->n_parts = 64;
		t->parts = xcalloc(t->n_parts, sizeof(*t->parts));
	} else if (talking) {
		t->talking = xcalloc(TALKING, sizeof(*t->talking));
	}
}

void top_clear(struct top *t)
{
	t->n = 0;
	for (uint32_t i = 0; i < t->n_parts; i++)
		t->parts[i].used = false;
	t->bytes.len = 0;
	t->beyond = 0;
	memset(t->slots, 0, t->n_slots * sizeof(*t->slots));
	if (t->talking)
		memset(t->talking, 0, TALKING * sizeof(*t->talking));
}
