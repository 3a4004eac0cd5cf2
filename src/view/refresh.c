/* SPDX-License-Identifier: Apache-2.0 */
/* From rows of the first stage to what is shown: groups, cells, search, order. */
#include "view/inside.h"

#include <math.h>
#include <stdlib.h>

#define IN_CELL_BYTES 0x80000000u /* cell.n: text is an offset still */
#define GROUP_SLOTS   2u

static double interval_seconds(const struct table *t, uint64_t now)
{
	uint64_t ns = 0;

	if (t->to > t->from)
		ns = t->to - t->from;
	else if (t->began)
		ns = now > t->began ? now - t->began : 0;
	else if (t->last > t->first)
		ns = t->last - t->first;
	return (double)ns / (double)NSEC_PER_SEC;
}

/*
 * A column of a row of the first stage. Of a container that ended before the last sample could have
 * been taken nothing is left now; and what those that lived for a moment used is spread over the
 * interval: several, one after the other, are not a processor each.
 */
static double row_result(const struct table *t, const struct row *r, const struct column *k,
			 uint64_t now, double seconds)
{
	const double *slots = r->slots + k->place;
	uint64_t end = t->to ? t->to : now;

	if (r->ended && r->ended <= end && !k->over.n) {
		if (k->fold == FOLD_NONE && end - r->ended >= SAMPLE_NS)
			return NAN;
		if (k->fold == FOLD_RATE && fold_span(slots) < seconds / 2)
			return fold_result(FOLD_DELTA, false, slots, 0) / seconds;
	}
	return fold_result(k->fold, k->over.n, slots, seconds);
}

/* ---- the second stage ---- */

/* Without an aggregation of its own a number is grouped as it was gathered. */
static enum view_fold group_fold(const struct column *k)
{
	if (k->info->group_fold != FOLD_NONE)
		return k->info->group_fold == FOLD_TIME_AVG ? FOLD_SUM : k->info->group_fold;
	switch (k->fold) {
	case FOLD_AVG:
	case FOLD_MIN:
	case FOLD_MAX:
		return k->fold;
	case FOLD_SHARE:
		return FOLD_AVG;
	default:
		return FOLD_SUM;
	}
}

static bool is_group_key(const struct table *t, size_t column)
{
	const struct getter *a = column_getter(&t->columns[column]);
	const struct getter *b = column_getter(&t->columns[t->group]);

	return a->field == b->field && !a->arg && !b->arg;
}

static struct row *new_group(struct table *t, const char *text, size_t n)
{
	if (t->n_groups == t->made_groups) {
		GROW(t->group_rows, t->made_groups, t->cap_groups);
		t->group_rows[t->made_groups++] = row_new(t->n_columns, t->n_columns * GROUP_SLOTS,
							  t->spark_column != COLUMN_NONE);
	}
	struct row *g = t->group_rows[t->n_groups++];
	for (size_t i = 0; i < t->n_columns; i++) {
		g->values[i].known = false;
		/* What is above may be the key of no member. */
		if (t->info->tree && is_group_key(t, i))
			kept_text(&g->values[i], text, n);
		fold_fresh(FOLD_AVG, false, g->slots + i * GROUP_SLOTS);
	}
	if (g->spark)
		memset(g->spark, 0, TABLE_SPARK * sizeof(*g->spark));
	g->error = 0;
	g->spark_at = t->bucket;
	kept_text(&g->key, text, n);
	return g;
}

static struct row *group_named(struct table *t, const char *text, size_t n, bool absent)
{
	uint64_t hash = hash_bytes(text, n);
	struct row *g = rowmap_find(&t->groups, hash, text, n, absent);

	if (g)
		return g;
	g = new_group(t, text, n);
	g->id = g->hash = hash;
	g->absent = absent;
	if (absent)
		for (size_t i = 0; i < t->n_columns; i++)
			g->values[i].known = false;
	rowmap_add(&t->groups, g);
	return g;
}

/* The text of its group; false: it has none. Borrowed until the next. */
static bool group_text(struct table *t, const struct row *r, const char **text, size_t *n)
{
	const struct kept *key = &r->values[t->columns[t->group].place];

	if (!key->known)
		return false;
	*text = key->v.p;
	*n = key->v.n;
	if (key->v.type != VALUE_STRING) {
		text_reset(&t->keytext);
		value_text(&t->keytext, column_getter(&t->columns[t->group])->field, &key->v);
		*text = t->keytext.data;
		*n = t->keytext.len;
	}
	return true;
}

static void add_kept(struct table *t, struct row *g, size_t column, const struct kept *v)
{
	struct kept *to = &g->values[column];

	if (!v->known || (t->info->tree && is_group_key(t, column)))
		return;
	if (t->columns[column].info->group_fold == FOLD_COUNT) {
		uint64_t hash = value_is_text(v->v.type) ? hash_bytes(v->v.p, v->v.n)
							 : hash_u64(v->v.u);
		double *slots = g->slots + column * GROUP_SLOTS;
		if (isnan(slots[0]))
			slots[0] = 0;
		if (different_add(&t->members, hash ^ hash_u64(g->hash + column), 0))
			slots[0]++;
		return;
	}
	bool text = value_is_text(v->v.type);
	if (!to->known)
		kept_set(to, &v->v);
	else if (to->v.type != v->v.type ||
		 (text ? to->v.n != v->v.n || memcmp(to->v.p, v->v.p, v->v.n) : to->v.u != v->v.u))
		kept_text(to, "*", 1);
}

static float spark_point(const struct table *t, const struct row *r, uint32_t i)
{
	uint32_t bucket = t->newest - (TABLE_SPARK - 1) + i; /* wraps: then it is far ahead */

	if (bucket > r->spark_at || r->spark_at - bucket >= TABLE_SPARK)
		return 0;
	return r->spark[bucket % TABLE_SPARK];
}

static void add_to_group(struct table *t, struct row *g, const struct row *r, uint64_t now,
			 double seconds)
{
	for (size_t i = 0; i < t->n_columns; i++) {
		const struct column *k = &t->columns[i];
		if (k->keeps) {
			add_kept(t, g, i, &r->values[k->place]);
			continue;
		}
		double *to = g->slots + i * GROUP_SLOTS;
		if (k->over.n) {
			fold_add_ratio(to, k->fold, r->slots + k->place);
			continue;
		}
		double v = row_result(t, r, k, now, seconds);
		if (!isnan(v))
			fold_add(group_fold(k), to, v, 1, 0);
	}
	g->error += r->error;
	for (uint32_t i = 0; g->spark && i < TABLE_SPARK; i++)
		g->spark[i] += spark_point(t, r, i);
}

/* Into its group; of a tree, into those above it too. */
static void group_row(struct table *t, const struct row *r, uint64_t now, double seconds)
{
	const char *text = "";
	size_t n = 0;

	if (!group_text(t, r, &text, &n)) {
		if (t->columns[t->group].info->absent)
			add_to_group(t, group_named(t, "", 0, true), r, now, seconds);
		return;
	}
	add_to_group(t, group_named(t, text, n, false), r, now, seconds);
	while (t->info->tree && tree_above(text, &n))
		add_to_group(t, group_named(t, text, n, false), r, now, seconds);
}

static void make_groups(struct table *t, uint64_t now, double seconds)
{
	rowmap_clear(&t->groups);
	different_clear(&t->members);
	t->n_groups = 0;
	for (size_t i = 0; i < t->n_rows; i++)
		group_row(t, t->rows[i], now, seconds);
}

/* ---- cells ---- */

static void put_kept(struct table *t, const struct column *k, const struct kept *v,
		     struct cell *cell)
{
	if (!v->known)
		return;
	if (!value_is_text(v->v.type))
		cell->number = value_number(&v->v);
	if (v->v.type == VALUE_STRING || v->v.type == VALUE_BYTES) {
		cell->text = v->v.p;
		cell->n = v->v.n;
	} else if (k->info->unit == UNIT_NONE || isnan(cell->number)) {
		size_t from = t->cell_bytes.len;
		value_text(&t->cell_bytes, column_getter(k)->field, &v->v);
		cell->text = (const char *)(uintptr_t)from;
		cell->n = (uint32_t)(t->cell_bytes.len - from) | IN_CELL_BYTES;
	}
}

static void put_cell(struct table *t, const struct row *r, size_t column, uint64_t now,
		     double seconds, struct cell *cell)
{
	const struct column *k = &t->columns[column];
	bool grouped = t->group != t->key;

	*cell = (struct cell){.number = NAN};
	if (k->keeps && !(grouped && k->info->group_fold == FOLD_COUNT)) {
		put_kept(t, k, &r->values[grouped ? column : k->place], cell);
	} else if (grouped) {
		enum view_fold fold = k->keeps ? FOLD_COUNT : group_fold(k);
		cell->number = fold_result(k->over.n ? FOLD_SUM : fold, k->over.n,
					   r->slots + column * GROUP_SLOTS, 1);
	} else {
		cell->number = row_result(t, r, k, now, seconds);
	}
	if (k->info->absent && isnan(cell->number) && !cell->text && !cell->n) {
		cell->text = k->info->absent;
		cell->n = (uint32_t)strlen(cell->text);
	}
}

static bool contains(const struct table_column *c, const struct cell *cell, const char *search,
		     struct text *scratch)
{
	text_reset(scratch);
	if (cell->text)
		text_put(scratch, cell->text, cell->n);
	else
		cell_text(c, cell, 0, scratch);
	return strcasestr(text_cstr(scratch), search);
}

bool table_row_contains(const struct table_column *columns, size_t n, const struct cell *cells,
			const char *text, struct text *scratch)
{
	for (size_t i = 0; i < n; i++)
		if (contains(&columns[i], &cells[i], text, scratch))
			return true;
	return false;
}

static void make_row(struct table *t, struct row *r, uint64_t now, double seconds,
		     struct table_row *out, struct cell *cells, float *points)
{
	for (size_t i = 0; i < t->n_shown; i++)
		put_cell(t, r, t->shown_of[i], now, seconds, &cells[i]);
	/* Those of a group are in order already. */
	for (uint32_t i = 0; r->spark && i < TABLE_SPARK; i++)
		points[i] = t->group == t->key ? spark_point(t, r, i) : r->spark[i];
	*out = (struct table_row){
		.id = r->id,
		.when = r->when,
		.key = r->absent ? NULL : r->key.v.p,
		.key_n = r->key.v.n,
		.cells = cells,
		.spark = r->spark ? points : NULL,
		.error = r->error,
	};
}

/* ---- order ---- */

static int compare_text(const struct cell *a, const struct cell *b)
{
	int c = memcmp(a->text, b->text, MIN(a->n, b->n));

	return c ? c : (a->n > b->n) - (a->n < b->n);
}

static int compare_cells(const struct cell *a, const struct cell *b, bool descending)
{
	bool number[2] = {!isnan(a->number), !isnan(b->number)};

	/* What is absent comes last either way. */
	bool known[2] = {number[0] || a->text, number[1] || b->text};
	if (known[0] != known[1])
		return known[1] - known[0];
	if (!known[0])
		return 0;
	int c = number[0] && number[1] ? (a->number > b->number) - (a->number < b->number)
		: a->text && b->text   ? compare_text(a, b)
				       : number[1] - number[0];
	return descending ? -c : c;
}

struct order {
	unsigned column;
	bool descending;
};

static int compare_rows(const void *a, const void *b, void *ctx)
{
	const struct order *o = ctx;
	const struct table_row *x = a, *y = b;
	int c = 0;

	if (o->column != ROWS_ARRIVED)
		c = compare_cells(&x->cells[o->column], &y->cells[o->column], o->descending);
	if (c)
		return c;
	/* By their keys, those without one behind all others: else there would be no order. */
	if (!x->key != !y->key)
		return x->key ? -1 : 1;
	if (x->key && y->key) {
		const struct cell kx = {.text = x->key, .n = x->key_n};
		const struct cell ky = {.text = y->key, .n = y->key_n};
		c = compare_text(&kx, &ky);
		if (c)
			return c;
	}
	if (x->when != y->when)
		return x->when < y->when ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

void table_rows_sort(struct table_rows *rows, unsigned column, bool descending)
{
	struct order o = {.column = column, .descending = descending};

	if (rows->n)
		qsort_r(rows->rows, rows->n, sizeof(*rows->rows), compare_rows, &o);
	if (rows->tree)
		tree_sort(rows->rows, rows->n);
}

unsigned table_sorted(const struct table *t, bool *descending)
{
	*descending = t->descending;
	return t->arrived ? ROWS_ARRIVED : t->sorted;
}

int table_column_find(const struct table *t, const char *name)
{
	for (size_t i = 0; i < t->n_shown; i++)
		if (str_eq(t->shown[i].info->name, name))
			return (int)i;
	return -1;
}

void table_sort(struct table *t, unsigned column, bool descending)
{
	if (column < t->n_shown)
		t->sorted = column;
	t->descending = descending;
	t->arrived = false;
}

static void settle_texts(struct table *t, size_t n)
{
	text_cstr(&t->cell_bytes);
	for (size_t i = 0; i < n; i++) {
		struct cell *c = &t->cells[i];
		if (!(c->n & IN_CELL_BYTES))
			continue;
		c->n &= ~IN_CELL_BYTES;
		c->text = t->cell_bytes.data + (uintptr_t)c->text;
	}
}

/* Rows were given up by their sums. */
static double shown_error(const struct table *t, double seconds)
{
	const struct column *k = t->n_shown ? &t->columns[t->shown_of[t->sorted]] : NULL;

	return k && k->fold == FOLD_TIME_AVG && seconds > 0 ? t->error / seconds : t->error;
}

const struct table_rows *table_refresh(struct table *t, uint64_t now)
{
	double seconds = interval_seconds(t, now);
	bool grouped = t->group != t->key;

	if (grouped)
		make_groups(t, now, seconds);
	struct row **rows = grouped ? t->group_rows : t->rows;
	size_t n = grouped ? t->n_groups : t->n_rows;
	if (t->cap_out < n) {
		t->cap_out = t->cap_out ? n + n / 4 : n; /* of a file there is but one */
		t->out = xrealloc(t->out, t->cap_out * sizeof(*t->out));
		t->cells = xrealloc(t->cells, (t->cap_out * t->n_shown + 1) * sizeof(*t->cells));
		if (t->spark_column != COLUMN_NONE)
			t->points = xrealloc(t->points,
					     t->cap_out * TABLE_SPARK * sizeof(*t->points));
	}
	text_reset(&t->cell_bytes);
	for (size_t i = 0; i < n; i++)
		make_row(t, rows[i], now, seconds, &t->out[i], t->cells + i * t->n_shown,
			 t->points ? t->points + i * TABLE_SPARK : NULL);
	settle_texts(t, n * t->n_shown);
	t->result = (struct table_rows){
		.rows = t->out,
		.n = n,
		.tree = t->info->tree && grouped,
		.events = t->events,
		.given_up = t->given_up,
		.error = shown_error(t, seconds),
		.seconds = seconds,
	};
	/* A list is in order of time until somebody sorts it. */
	bool descending;
	unsigned column = table_sorted(t, &descending);
	if (t->n_shown)
		table_rows_sort(&t->result, column, descending);
	return &t->result;
}
