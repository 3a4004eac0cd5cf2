/* SPDX-License-Identifier: Apache-2.0 */
#include "console/shot.h"

#include <stdlib.h>

static size_t bytes_of(const struct table_rows *rows, size_t columns)
{
	size_t sum = 0;

	for (size_t i = 0; i < rows->n; i++) {
		sum += rows->rows[i].key_n;
		for (size_t k = 0; k < columns; k++)
			sum += rows->rows[i].cells[k].text ? rows->rows[i].cells[k].n : 0;
	}
	return sum;
}

static const char *keep(char **to, const char *p, size_t n)
{
	char *at = *to;

	if (!p)
		return NULL;
	memcpy(at, p, n);
	*to += n;
	return at;
}

static void copy_row(struct shot *s, size_t i, const struct table_row *from, char **bytes)
{
	struct table_row *to = &s->rows.rows[i];
	struct cell *cells = s->cells + i * s->n_columns;

	*to = *from;
	to->key = keep(bytes, from->key, from->key_n);
	to->cells = cells;
	if (from->spark) {
		float *spark = s->sparks + i * TABLE_SPARK;
		memcpy(spark, from->spark, TABLE_SPARK * sizeof(*spark));
		to->spark = spark;
	}
	for (size_t k = 0; k < s->n_columns; k++) {
		cells[k] = from->cells[k];
		cells[k].text = keep(bytes, from->cells[k].text, from->cells[k].n);
	}
}

struct shot *shot_new(const struct table *t, const struct table_rows *rows)
{
	struct shot *s = xcalloc(1, sizeof(*s));
	const struct table_column *columns = table_columns(t, &s->n_columns);

	s->columns = xcalloc(s->n_columns + 1, sizeof(*columns));
	memcpy(s->columns, columns, s->n_columns * sizeof(*columns));
	s->sorted = table_sorted(t, &s->descending);
	s->part = 1;
	s->rows = *rows;
	s->rows.rows = xcalloc(rows->n + 1, sizeof(*rows->rows));
	s->cells = xcalloc(rows->n * s->n_columns + 1, sizeof(*s->cells));
	s->bytes = xmalloc(bytes_of(rows, s->n_columns) + 1);
	if (rows->n && rows->rows[0].spark)
		s->sparks = xcalloc(rows->n * TABLE_SPARK, sizeof(*s->sparks));
	char *bytes = s->bytes;
	for (size_t i = 0; i < rows->n; i++)
		copy_row(s, i, &rows->rows[i], &bytes);
	return s;
}

void shot_free(struct shot *s)
{
	if (!s)
		return;
	free(s->columns);
	free(s->rows.rows);
	free(s->cells);
	free(s->bytes);
	free(s->sparks);
	free(s->bins);
	free(s);
}

void shot_sort(struct shot *s, unsigned column, bool descending)
{
	if (column < s->n_columns || column == ROWS_ARRIVED)
		table_rows_sort(&s->rows, column, descending);
}

bool shot_found(const struct shot *s, const struct table_row *r, const char *text,
		struct text *scratch)
{
	return !*text || table_row_contains(s->columns, s->n_columns, r->cells, text, scratch);
}
