/* SPDX-License-Identifier: Apache-2.0 */
/* Two tables of one view that were fed apart become one. */
#include "view/inside.h"

#include <math.h>
#include <stdlib.h>

/* By the twin's id of the row: which row that is now. */
struct moved {
	uint64_t id;
	struct row *to;
	uint64_t to_id; /* it is another one by now if that was given up */
};

static int by_id(const void *a, const void *b)
{
	const struct moved *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static void join_row(struct table *t, struct row *r, const struct row *more)
{
	for (size_t i = 0; i < t->n_columns; i++) {
		const struct column *k = &t->columns[i];
		if (!k->keeps)
			fold_join(k->fold, k->over.n, r->slots + k->place, more->slots + k->place);
		else if (!r->values[k->place].known && more->values[k->place].known)
			kept_set(&r->values[k->place], &more->values[k->place].v);
	}
	/* Those of a file all begin at its window. */
	for (unsigned i = 0; r->spark && i < TABLE_SPARK; i++)
		r->spark[i] += more->spark[i];
	r->spark_at = MAX(r->spark_at, more->spark_at);
	r->ended = MAX(r->ended, more->ended);
	r->touched = MAX(r->touched, more->touched);
}

/* Each row is freed by one of the two: returns the one that t gives for it, or NULL. What COUNT
 * columns count comes with join_different. */
static struct row *adopt(struct table *t, struct row *r)
{
	struct row *spare = table_put_row(t, r);

	for (size_t i = 0; i < t->n_columns; i++)
		if (t->columns[i].fold == FOLD_COUNT)
			r->slots[t->columns[i].place] = 0;
	r->id = ++t->next_id;
	r->error += t->error;
	rowmap_add(&t->map, r);
	return spare;
}

/* Values that both saw count once. */
static void join_different(struct table *t, const struct different *more, const struct moved *moved,
			   size_t n)
{
	t->different.full |= more->full;
	for (size_t i = 0; more->at && i <= more->mask; i++) {
		const struct moved key = {.id = more->whose[i] >> 16};
		const struct moved *m = more->at[i] ? bsearch(&key, moved, n, sizeof(*moved), by_id)
						    : NULL;
		if (!m || m->to->id != m->to_id)
			continue;
		const struct column *k = &t->columns[more->whose[i] & UINT16_MAX];
		if (different_add(&t->different, more->at[i], 0))
			fold_add(FOLD_COUNT, m->to->slots + k->place, 1, 1, 0);
	}
}

/* A row that only one of the two has may have been given up by the other. */
static void join_errors(struct table *t, const struct table *twin)
{
	for (size_t i = 0; i < t->n_rows; i++) {
		const struct row *r = t->rows[i];
		const struct row *m = rowmap_find(&twin->map, r->hash, r->key.v.p, r->key.v.n,
						  r->absent);
		t->rows[i]->error += m ? m->error : twin->error;
	}
}

static void join_rows(struct table *t, struct table *twin)
{
	struct moved *moved = xcalloc(twin->n_rows + 1, sizeof(*moved));

	if (t->of_conversation)
		t->max_rows *= 2;
	join_errors(t, twin);
	for (size_t i = 0; i < twin->n_rows; i++) {
		struct row *more = twin->rows[i];
		struct row *r = rowmap_find(&t->map, more->hash, more->key.v.p, more->key.v.n,
					    more->absent);
		moved[i].id = more->id;
		if (r)
			join_row(t, r, more);
		else
			twin->rows[i] = adopt(t, more);
		moved[i].to = r ? r : more;
		moved[i].to_id = moved[i].to->id;
	}
	qsort(moved, twin->n_rows, sizeof(*moved), by_id);
	join_different(t, &twin->different, moved, twin->n_rows);
	free(moved);
}

void table_join(struct table *t, struct table *twin)
{
	if (t->info->kind == VIEW_LIST)
		list_join(t, twin);
	else
		join_rows(t, twin);
	t->events += twin->events;
	t->given_up += twin->given_up;
	t->error += twin->error;
	t->first = MIN(t->first, twin->first);
	t->last = MAX(t->last, twin->last);
	table_close(twin);
}
