/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What needs no look into packets: fields whose value stands in the event itself, and sums of them
 * as the directory of a file has them.
 */
#include "view/inside.h"

static const struct part_field {
	const char *field;
	enum part_what what;
	uint32_t dirs;
} shortcuts[] = {
	{"evt.count", PART_ONE, 0},
	{"frame.count", PART_ONE, 0},
	{"frame.count.in", PART_ONE, EVENT_IN},
	{"frame.count.out", PART_ONE, EVENT_OUT},
	{"frame.len", PART_LEN, 0},
	{"frame.len.in", PART_LEN, EVENT_IN},
	{"frame.len.out", PART_LEN, EVENT_OUT},
	{"frame.drop_count", PART_LOST, 0},
};

const struct part_field *part_field_find(const char *field)
{
	for (size_t i = 0; i < ARRAY_SIZE(shortcuts); i++)
		if (str_eq(shortcuts[i].field, field))
			return &shortcuts[i];
	return NULL;
}

enum part_what part_field_what(const struct part_field *f)
{
	return f->what;
}

uint32_t part_field_way(const struct part_field *f)
{
	return f->dirs;
}

void column_shortcut(struct column *k)
{
	const struct part_field *f = part_field_find(k->info->field);

	if (k->over.n)
		return;
	if (f) {
		k->shortcut = (enum shortcut)f->what;
		k->dirs = f->dirs;
		k->of_event = !k->where && (k->fold == FOLD_SUM || k->fold == FOLD_TIME_AVG);
		return;
	}
	const struct field *field = column_getter(k)->field;
	if (k->get.n != 1 || !(field->flags & FIELD_FACT))
		return;
	k->shortcut = field->type == VALUE_RELTIME ? SHORT_TIME : SHORT_TRUTH;
	k->fact = field->detail;
}

bool table_is_of_parts(const struct table *t)
{
	if (t->info->kind != VIEW_TABLE ||
	    column_getter(&t->columns[t->key])->field->scope != SCOPE_CONTAINER)
		return false;
	for (size_t i = 0; i < t->n_columns; i++) {
		const struct column *k = &t->columns[i];
		bool told = k->keeps
				    ? column_getter(k)->field->scope == SCOPE_CONTAINER && !k->where
				    : k->of_event;
		if (k->types >> EVENT_PACKET & 1 && !told)
			return false;
	}
	return true;
}

/* false: the part has no packet of that way. */
static bool part_sum(const struct table_part *p, enum part_what what, uint32_t dirs, double *sum)
{
	uint64_t packets = !dirs ? p->packets : dirs == EVENT_IN ? p->packets_in : p->packets_out;
	uint64_t bytes = !dirs ? p->bytes : dirs == EVENT_IN ? p->bytes_in : p->bytes_out;

	*sum = (double)(what == PART_LEN ? bytes : what == PART_ONE ? packets : p->lost);
	return packets;
}

double table_part_weight(const struct table_part *p)
{
	return p->iface ? MAX(p->iface->record.sample, 1u) : 1;
}

/* Of packets without a direction a look tells who was the server. */
static bool knows_ways(const struct table_part *p)
{
	return p->ways && p->packets_in + p->packets_out == p->packets;
}

bool table_part_sum(const struct table_part *p, const struct part_field *f, uint32_t way,
		    double *sum)
{
	if (!f || !knows_ways(p) || (way && f->dirs && way != f->dirs))
		return false;
	if (!part_sum(p, f->what, way ? way : f->dirs, sum))
		*sum = 0;
	return true;
}

/* Of its packets. */
static enum verdict verdict_of(struct table *t, const struct table_part *p)
{
	if (!t->filter)
		return VERDICT_YES;
	enum verdict v = p->iface ? table_verdict(t, p->container, p->iface) : VERDICT_MAYBE;
	return v == VERDICT_MAYBE ? filter_packets(t->filter, p->container, p->iface) : v;
}

bool table_part_enough(struct table *t, const struct table_part *p)
{
	bool fine = t->spark_column == COLUMN_NONE || p->last - p->first <= t->bucket_ns;

	return t->of_parts && knows_ways(p) && fine && verdict_of(t, p) != VERDICT_MAYBE;
}

bool table_part_rows(struct table *t, const struct table_part *p, uint64_t *rows)
{
	enum verdict v = t->of_newest ? verdict_of(t, p) : VERDICT_MAYBE;

	*rows = v == VERDICT_YES ? p->packets : 0;
	return v != VERDICT_MAYBE;
}

void table_skip(struct table *t, const struct table_part *p)
{
	uint64_t rows;

	if (!table_part_rows(t, p, &rows) || !rows)
		return;
	t->events += rows;
	t->given_up += rows;
	t->first = MIN(t->first, p->first);
	t->last = MAX(t->last, p->last);
}

static void part_to_row(struct table *t, struct row *r, const struct table_part *p)
{
	double weight = table_part_weight(p), v;

	for (size_t i = 0; i < t->n_columns; i++) {
		const struct column *k = &t->columns[i];
		if (!k->of_event || !(k->types >> EVENT_PACKET & 1) ||
		    !part_sum(p, (enum part_what)k->shortcut, k->dirs, &v))
			continue;
		fold_add(k->fold, r->slots + k->place, v, weight, p->last);
		if (k->spark)
			spark_spread(t, r, p->first, p->last, v * weight);
	}
}

bool table_part(struct table *t, const struct table_part *p)
{
	struct event ev = {.ts = p->first, .type = EVENT_PACKET, .iface = IFACE_NONE, .weight = 1};
	struct context c = {.ev = &ev, .container = p->container, .iface = p->iface};
	enum verdict verdict = verdict_of(t, p);

	if (t->info->kind != VIEW_TABLE || verdict == VERDICT_MAYBE ||
	    column_getter(&t->columns[t->key])->field->scope != SCOPE_CONTAINER)
		return false;
	struct row *r = verdict == VERDICT_YES ? table_find_row(t, &c) : NULL;
	if (!r)
		return true;
	t->events += p->packets;
	t->first = MIN(t->first, p->first);
	t->last = MAX(t->last, p->last);
	r->touched = t->interval;
	table_keep(t, r, &c);
	part_to_row(t, r, p);
	return true;
}
