/* SPDX-License-Identifier: Apache-2.0 */
/* A whole table for scripts and pipes. */
#include "view/inside.h"

#include <math.h>
#include <stdlib.h>

#define CELL_COLUMNS_MAX 60u /* of a text in aligned output */
#define DECIMALS	 9u

static const char *const formats[] = {
	[TABLE_TEXT] = "text", [TABLE_CSV] = "csv", [TABLE_JSON] = "json"};

int table_format_parse(const char *name, enum table_format *out, struct err *e)
{
	for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
		if (!str_eq(formats[i], name))
			continue;
		*out = (enum table_format)i;
		return 0;
	}
	return err_set(e, ERR_USAGE, "%s: no such format; text, csv or json", name);
}

/* ---- text ---- */

static unsigned put_cell(const struct table_column *c, const struct cell *cell, struct text *out)
{
	size_t from = out->len;

	if (cell->text)
		return text_terminal(out, cell->text, cell->n, CELL_COLUMNS_MAX);
	cell_text(c, cell, 0, out);
	return (unsigned)(out->len - from);
}

static void put_blanks(struct text *out, unsigned n)
{
	while (n--)
		text_char(out, ' ');
}

/* Numbers to the right, texts to the left, nothing behind the last. */
static void put_aligned(struct text *out, const struct table_column *c, const char *s, size_t n,
			unsigned taken, unsigned width, bool last)
{
	unsigned blanks = width - MIN(taken, width);

	if (c->number)
		put_blanks(out, blanks);
	text_put(out, s, n);
	if (!c->number && !last)
		put_blanks(out, blanks);
	text_str(out, last ? "\n" : "  ");
}

static void print_text(const struct table *t, const struct table_rows *rows, struct text *out)
{
	unsigned *width = xcalloc(t->n_shown + 1, sizeof(*width));
	struct text cell = {0};

	for (size_t k = 0; k < t->n_shown; k++) {
		width[k] = (unsigned)strlen(t->shown[k].info->name);
		for (size_t i = 0; i < rows->n; i++) {
			text_reset(&cell);
			unsigned taken = put_cell(&t->shown[k], &rows->rows[i].cells[k], &cell);
			width[k] = MAX(width[k], taken);
		}
	}
	for (size_t k = 0; k < t->n_shown; k++) {
		const char *name = t->shown[k].info->name;
		put_aligned(out, &t->shown[k], name, strlen(name), (unsigned)strlen(name), width[k],
			    k + 1 == t->n_shown);
	}
	for (size_t i = 0; i < rows->n; i++) {
		for (size_t k = 0; k < t->n_shown; k++) {
			text_reset(&cell);
			unsigned taken = put_cell(&t->shown[k], &rows->rows[i].cells[k], &cell);
			put_aligned(out, &t->shown[k], cell.data, cell.len, taken, width[k],
				    k + 1 == t->n_shown);
		}
	}
	if (rows->given_up && t->info->kind == VIEW_LIST)
		text_fmt(out, "(%llu earlier events are not shown)\n",
			 (unsigned long long)rows->given_up);
	else if (rows->given_up) {
		text_str(out, "(too many rows: no missing row has more than ");
		const struct cell error = {.number = rows->error};
		cell_text(&t->shown[t->sorted], &error, 0, out);
		text_fmt(out, " as %s)\n", t->shown[t->sorted].info->name);
	}
	free(width);
	text_done(&cell);
}

/* ---- for programs: numbers as they are ---- */

static void put_number(struct text *out, double v)
{
	if (v == floor(v) && fabs(v) < 1e15) {
		text_i64(out, (int64_t)v);
		return;
	}
	text_double(out, v, DECIMALS);
	while (out->data[out->len - 1] == '0')
		out->len--;
	if (out->data[out->len - 1] == '.')
		out->len--;
}

/* RFC 4180: quoted where it has to be, quotes doubled. */
static void put_csv(struct text *out, const char *p, size_t n)
{
	struct text clean = {0};

	text_plain(&clean, p, n);
	text_cstr(&clean);
	if (!strpbrk(clean.data, "\",\r\n")) {
		text_put(out, clean.data, clean.len);
		text_done(&clean);
		return;
	}
	text_char(out, '"');
	for (size_t i = 0; i < clean.len; i++) {
		if (clean.data[i] == '"')
			text_char(out, '"');
		text_char(out, clean.data[i]);
	}
	text_char(out, '"');
	text_done(&clean);
}

static void print_csv(const struct table *t, const struct table_rows *rows, struct text *out)
{
	for (size_t k = 0; k < t->n_shown; k++) {
		const char *name = t->shown[k].info->name;
		if (k)
			text_char(out, ',');
		put_csv(out, name, strlen(name));
	}
	text_str(out, "\r\n");
	for (size_t i = 0; i < rows->n; i++) {
		for (size_t k = 0; k < t->n_shown; k++) {
			const struct cell *c = &rows->rows[i].cells[k];
			if (k)
				text_char(out, ',');
			if (c->text)
				put_csv(out, c->text, c->n);
			else if (!isnan(c->number))
				put_number(out, c->number);
		}
		text_str(out, "\r\n");
	}
}

static void json_string(struct text *out, const char *p, size_t n)
{
	text_char(out, '"');
	text_json(out, p, n);
	text_char(out, '"');
}

static void json_cell(struct text *out, const struct table_column *c, const struct cell *cell)
{
	if (cell->text && c->number && !isnan(cell->number))
		text_put(out, cell->text, cell->n); /* exact, also beyond 2^53 */
	else if (cell->text)
		json_string(out, cell->text, cell->n);
	else if (isnan(cell->number) || isinf(cell->number))
		text_str(out, "null");
	else
		put_number(out, cell->number);
}

static void print_json(const struct table *t, const struct table_rows *rows, struct text *out)
{
	text_char(out, '[');
	for (size_t i = 0; i < rows->n; i++) {
		text_str(out, i ? ",\n{" : "\n{");
		for (size_t k = 0; k < t->n_shown; k++) {
			const char *name = t->shown[k].info->name;
			if (k)
				text_char(out, ',');
			json_string(out, name, strlen(name));
			text_char(out, ':');
			json_cell(out, &t->shown[k], &rows->rows[i].cells[k]);
		}
		text_char(out, '}');
	}
	text_str(out, rows->n ? "\n]\n" : "]\n");
}

void table_print(struct table *t, const struct table_rows *rows, enum table_format format,
		 struct text *out)
{
	if (format == TABLE_CSV)
		print_csv(t, rows, out);
	else if (format == TABLE_JSON)
		print_json(t, rows, out);
	else
		print_text(t, rows, out);
}
