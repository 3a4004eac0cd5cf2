/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of a list, one for each event, the newest of them. They are a heap with the oldest on
 * top, so that events may come in any order: of packets the time tells how old one is, then the
 * number, of anything else how it came.
 */
#include "view/inside.h"

static inline bool is_older(const struct row *a, const struct row *b)
{
	return a->when != b->when ? a->when < b->when : a->id < b->id;
}

static void rise(struct row **rows, size_t i)
{
	struct row *r = rows[i];

	for (; i && is_older(r, rows[(i - 1) / 2]); i = (i - 1) / 2)
		rows[i] = rows[(i - 1) / 2];
	rows[i] = r;
}

static void sink(struct row **rows, size_t n, struct row *r)
{
	size_t i = 0, k;

	for (; (k = 2 * i + 1) < n; i = k) {
		k += k + 1 < n && is_older(rows[k + 1], rows[k]);
		if (!is_older(rows[k], r))
			break;
		rows[i] = rows[k];
	}
	rows[i] = r;
}

struct row *list_row(struct table *t, const struct event *ev)
{
	bool by_time = t->order != TABLE_BY_TIME;
	const struct row fresh = {.when = by_time ? ev->ts : 0,
				  .id = by_time ? ev->num : ++t->next_id};
	bool full = t->n_rows == t->max_rows;

	t->given_up += full;
	if (full && is_older(&fresh, t->rows[0])) {
		table_passed(t, ev);
		return NULL;
	}
	struct row *r = full ? t->rows[0] : table_take_row(t);
	row_clear(t, r);
	r->when = fresh.when;
	r->id = fresh.id;
	if (full)
		sink(t->rows, t->n_rows, r);
	else
		rise(t->rows, t->n_rows - 1);
	return r;
}

void list_join(struct table *t, struct table *more)
{
	for (size_t i = 0; i < more->n_rows; i++) {
		bool full = t->n_rows == t->max_rows;
		t->given_up += full;
		if (full && is_older(more->rows[i], t->rows[0]))
			continue;
		/* Rows change places, as each table frees its own. */
		struct row *newer = more->rows[i];
		if (full) {
			more->rows[i] = t->rows[0];
			sink(t->rows, t->n_rows, newer);
		} else {
			more->rows[i] = table_put_row(t, newer);
			rise(t->rows, t->n_rows - 1);
		}
	}
}
