/* SPDX-License-Identifier: Apache-2.0 */
/* The first stage's rows: found by their key, made once, given up when there are too many. */
#include "view/inside.h"

#include <stdlib.h>

#define HASH_ABSENT 0x9ae16a3b2f90404full

static void kept_done(struct kept *k)
{
	free(k->bytes);
	*k = (struct kept){0};
}

static void kept_bytes(struct kept *k, const char *p, uint32_t n)
{
	char *to = k->room;

	if (n >= KEPT_ROOM) {
		if (k->cap < n + 1) {
			k->cap = n + 1;
			k->bytes = xrealloc(k->bytes, k->cap);
		}
		to = k->bytes;
	}
	memcpy(to, p, n);
	to[n] = '\0';
	k->v.p = to;
	k->v.n = n;
}

void kept_set(struct kept *k, const struct value *v)
{
	k->known = true;
	k->v = *v;
	if (value_is_text(v->type))
		kept_bytes(k, v->p, v->n);
}

void kept_text(struct kept *k, const char *p, size_t n)
{
	k->known = true;
	k->v.type = VALUE_STRING;
	kept_bytes(k, p, (uint32_t)n);
}

/* One piece: there are thousands. */
struct row *row_new(size_t n_values, size_t n_slots, bool spark)
{
	struct row *r = xcalloc(1, sizeof(*r) + n_values * sizeof(*r->values) +
					   n_slots * sizeof(*r->slots) +
					   (spark ? TABLE_SPARK * sizeof(*r->spark) : 0));

	r->values = (struct kept *)(r + 1);
	r->slots = (double *)(r->values + n_values);
	if (spark)
		r->spark = (float *)(r->slots + n_slots);
	return r;
}

void row_free(struct row *r, size_t n_values)
{
	for (size_t i = 0; r && i < n_values; i++)
		kept_done(&r->values[i]);
	if (!r)
		return;
	kept_done(&r->key);
	free(r);
}

void row_clear(const struct table *t, struct row *r)
{
	memcpy(r->slots, t->fresh, t->n_slots * sizeof(*r->slots));
	for (uint32_t i = 0; i < t->n_values; i++)
		r->values[i].known = false;
	if (r->spark)
		memset(r->spark, 0, TABLE_SPARK * sizeof(*r->spark));
	r->spark_at = t->bucket;
	r->absent = false;
	r->ended = 0;
	r->settled = 0;
	r->error = 0;
	r->touched = t->interval;
}

/* ---- by key ---- */

struct row *rowmap_find(const struct rowmap *m, uint64_t hash, const char *key, size_t n,
			bool absent)
{
	if (!m->at)
		return NULL;
	for (size_t i = hash & m->mask; m->at[i].row; i = (i + 1) & m->mask) {
		struct row *r = m->at[i].row;
		if (m->at[i].hash == hash && r->absent == absent && r->key.v.n == n &&
		    !memcmp(r->key.v.p, key, n))
			return r;
	}
	return NULL;
}

static void rowmap_place(struct rowmap *m, struct row *r)
{
	size_t i = r->hash & m->mask;

	while (m->at[i].row)
		i = (i + 1) & m->mask;
	m->at[i] = (struct rowmap_entry){r->hash, r};
}

void rowmap_add(struct rowmap *m, struct row *r)
{
	if (2 * (m->n + 1) > m->mask || !m->at) {
		struct rowmap larger = {.mask = m->at ? m->mask * 2 + 1 : 63};
		larger.at = xcalloc(larger.mask + 1, sizeof(*larger.at));
		for (size_t i = 0; m->at && i <= m->mask; i++)
			if (m->at[i].row)
				rowmap_place(&larger, m->at[i].row);
		larger.n = m->n;
		free(m->at);
		*m = larger;
	}
	rowmap_place(m, r);
	m->n++;
}

void rowmap_clear(struct rowmap *m)
{
	if (m->at)
		memset(m->at, 0, (m->mask + 1) * sizeof(*m->at));
	m->n = 0;
}

/* ---- how many different ---- */

void different_done(struct different *d)
{
	free(d->at);
	free(d->whose);
}

static bool different_place(struct different *d, uint64_t hash, uint64_t whose)
{
	size_t i = hash & d->mask;

	for (; d->at[i]; i = (i + 1) & d->mask)
		if (d->at[i] == hash)
			return false;
	d->at[i] = hash;
	if (d->whose)
		d->whose[i] = whose;
	d->n++;
	return true;
}

static void different_grow(struct different *d)
{
	struct different larger = {.mask = d->at ? d->mask * 2 + 1 : 1023};

	larger.at = xcalloc(larger.mask + 1, sizeof(*larger.at));
	if (d->whose)
		larger.whose = xcalloc(larger.mask + 1, sizeof(*larger.whose));
	for (size_t i = 0; d->at && i <= d->mask; i++)
		if (d->at[i])
			different_place(&larger, d->at[i], d->whose ? d->whose[i] : 0);
	different_done(d);
	*d = larger;
}

bool different_add(struct different *d, uint64_t hash, uint64_t whose)
{
	hash += !hash;
	if (!d->at || 2 * d->n > d->mask) {
		if (d->n >= DIFFERENT_MAX) {
			d->full = true;
			return false;
		}
		different_grow(d);
	}
	return different_place(d, hash, whose);
}

void different_clear(struct different *d)
{
	if (d->at)
		memset(d->at, 0, (d->mask + 1) * sizeof(*d->at));
	d->n = 0;
	d->full = false;
}

/* ---- the row of an event ---- */

struct row no_row;

/* Nothing is known of containers and interfaces any more. */
void table_forget(struct table *t)
{
	if (t->by_container)
		memset(t->by_container, 0, t->by_container_cap * sizeof(*t->by_container));
	if (t->verdicts)
		memset(t->verdicts, 0, t->verdicts_cap);
	if (t->talking)
		memset(t->talking, 0, TALKING * sizeof(*t->talking));
}

static int by_number(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double rank_of(const struct table *t, const struct row *r)
{
	const struct column *c = &t->columns[t->shown_of[t->sorted]];

	if (c->keeps)
		return 0;
	double v = fold_result(c->fold, c->over.n, r->slots + c->place, 1);
	return v == v ? v : 0;
}

/*
 * The table is full: the half with the least values in the sorted column goes. A row that comes
 * back may have lost as much as the greatest that went, each time.
 */
static void give_up_half(struct table *t)
{
	double *rank = xmalloc(2 * t->n_rows * sizeof(*rank)), *sorted = rank + t->n_rows;

	for (size_t i = 0; i < t->n_rows; i++)
		rank[i] = sorted[i] = rank_of(t, t->rows[i]);
	qsort(sorted, t->n_rows, sizeof(*sorted), by_number);
	double limit = sorted[t->n_rows / 2 - 1], lost = 0;
	size_t quota = t->n_rows / 2, kept = 0;
	rowmap_clear(&t->map);
	for (size_t i = 0; i < t->n_rows; i++) {
		struct row *r = t->rows[i];
		double v = rank[i];
		if (v <= limit && quota) {
			quota--;
			lost = MAX(lost, v);
			t->given_up++;
			continue;
		}
		t->rows[i] = t->rows[kept];
		t->rows[kept++] = r;
		rowmap_add(&t->map, r);
	}
	free(rank);
	t->n_rows = kept;
	t->error += lost;
	table_forget(t);
}

struct row *table_put_row(struct table *t, struct row *r)
{
	struct row *spare = NULL;

	if (t->n_rows == t->max_rows)
		give_up_half(t);
	if (t->n_rows < t->made_rows) {
		spare = t->rows[t->n_rows];
	} else {
		GROW(t->rows, t->made_rows, t->cap_rows);
		t->made_rows++;
	}
	t->rows[t->n_rows++] = r;
	return spare;
}

struct row *table_take_row(struct table *t)
{
	if (t->n_rows == t->max_rows)
		give_up_half(t);
	struct row *r = t->n_rows < t->made_rows
				? t->rows[t->n_rows]
				: row_new(t->n_values, t->n_slots, t->spark_column != COLUMN_NONE);
	table_put_row(t, r);
	row_clear(t, r);
	r->id = ++t->next_id;
	r->error = t->error;
	return r;
}

struct row *table_find_key(struct table *t, const char *key, size_t n, bool absent)
{
	uint64_t hash = absent ? HASH_ABSENT : hash_bytes(key, n);
	struct row *r = rowmap_find(&t->map, hash, key, n, absent);

	if (r)
		return r;
	r = table_take_row(t);
	r->hash = hash;
	r->absent = absent;
	kept_text(&r->key, key, n);
	rowmap_add(&t->map, r);
	return r;
}

static struct row *find_by_value(struct table *t, struct context *c)
{
	const struct column *key = &t->columns[t->key];
	struct value v;

	if (!getter_value(column_getter(key), c, &t->scratch, &v))
		return key->info->absent ? table_find_key(t, "", 0, true) : NULL;
	if (v.type == VALUE_STRING)
		return table_find_key(t, v.p, v.n, false);
	text_reset(&t->keytext);
	value_text(&t->keytext, column_getter(key)->field, &v);
	return table_find_key(t, t->keytext.data, t->keytext.len, false);
}

struct row *table_find_row(struct table *t, struct context *c)
{
	if (t->info->kind == VIEW_LIST)
		return list_row(t, c->ev);
	if (!c->container || column_getter(&t->columns[t->key])->field->scope != SCOPE_CONTAINER)
		return find_by_value(t, c);
	if (c->repeated)
		return NULL;
	uint32_t index = c->container->index;
	if (index >= t->by_container_cap) {
		size_t cap = MAX(64, 2 * (size_t)index);
		t->by_container = xrealloc(t->by_container, cap * sizeof(*t->by_container));
		memset(t->by_container + t->by_container_cap, 0,
		       (cap - t->by_container_cap) * sizeof(*t->by_container));
		t->by_container_cap = cap;
	}
	if (!t->by_container[index]) {
		struct row *r = find_by_value(t, c);
		t->by_container[index] = r ? r : &no_row;
	}
	return t->by_container[index] == &no_row ? NULL : t->by_container[index];
}
