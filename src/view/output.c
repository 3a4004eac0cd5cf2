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
			unsigned taken = cell_text(&t->shown[k], &rows->rows[i].cells[k],
						   CELL_COLUMNS_MAX, &cell);
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
			unsigned taken = cell_text(&t->shown[k], &rows->rows[i].cells[k],
						   CELL_COLUMNS_MAX, &cell);
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

/* ---- for programs: numbers without letters ---- */

/* In percent where the heading and the description say so. */
static void put_number(struct text *out, enum view_unit unit, double v)
{
	v *= unit == UNIT_PERCENT ? 100 : 1;
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
				put_number(out, t->shown[k].info->unit, c->number);
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
		put_number(out, c->info->unit, cell->number);
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

/* ---- the list of views ---- */

static void put_string(struct text *out, const char *s)
{
	if (s)
		json_string(out, s, strlen(s));
	else
		text_str(out, "null");
}

static void put_strings(struct text *out, char *const *list)
{
	text_char(out, '[');
	for (size_t i = 0; list && list[i]; i++) {
		if (i)
			text_char(out, ',');
		put_string(out, list[i]);
	}
	text_char(out, ']');
}

static void put_member(struct text *out, const char *key, const char *value)
{
	text_str(out, key);
	put_string(out, value);
}

static void put_column(struct text *out, const struct view_column *c)
{
	put_member(out, "{\"name\":", c->name);
	put_member(out, ",\"field\":", c->field);
	put_member(out, ",\"description\":", c->description);
	text_fmt(out, ",\"unit\":\"%s\",\"width\":%u}", view_unit_name(c->unit), c->width);
}

static void put_action(struct text *out, const struct view_action *a)
{
	const char key[] = {a->hotkey, '\0'};

	put_member(out, "{\"hotkey\":", key);
	put_member(out, ",\"description\":", a->description);
	text_str(out, ",\"argv\":");
	put_strings(out, a->argv);
	put_member(out, ",\"when\":", a->when);
	text_fmt(out, ",\"ask_confirmation\":%s}", a->ask ? "true" : "false");
}

static void put_view(struct text *out, const struct view_info *v)
{
	bool any = false;

	put_member(out, "{\"id\":", v->id);
	put_member(out, ",\"name\":", v->name);
	put_member(out, ",\"description\":", v->description);
	text_str(out, ",\"tags\":");
	put_strings(out, v->tags);
	text_str(out, ",\"applies_to\":");
	put_strings(out, v->applies_to);
	put_member(out, ",\"filter\":", v->filter);
	put_member(out, ",\"drilldown_target\":", v->drilldown);
	put_member(out, ",\"error\":", v->trouble);
	text_str(out, ",\"columns\":[");
	for (size_t i = 0; i < v->n_columns; i++) {
		if (!v->columns[i].name || str_eq(v->columns[i].name, "NA"))
			continue;
		text_str(out, any ? ",\n  " : "\n  ");
		put_column(out, &v->columns[i]);
		any = true;
	}
	text_str(out, "],\"actions\":[");
	for (size_t i = 0; i < v->n_actions; i++) {
		text_str(out, i ? ",\n  " : "\n  ");
		put_action(out, &v->actions[i]);
	}
	text_str(out, "]}");
}

static void list_view(struct text *out, const struct view_info *v)
{
	text_fmt(out, "%-22s ", v->id);
	text_terminal(out, v->name, strlen(v->name), CELL_COLUMNS_MAX);
	text_char(out, '\n');
	if (v->trouble) {
		text_str(out, "    cannot be used: ");
		text_terminal(out, v->trouble, strlen(v->trouble), 0);
		text_char(out, '\n');
		return;
	}
	text_str(out, "   ");
	for (size_t i = 0; i < v->n_columns; i++) {
		const char *name = v->columns[i].name;
		if (str_eq(name, "NA"))
			continue;
		text_char(out, ' ');
		text_terminal(out, name, strlen(name), CELL_COLUMNS_MAX);
	}
	text_char(out, '\n');
}

void views_print(const struct views *v, bool json, struct text *out)
{
	if (json)
		text_char(out, '[');
	for (size_t i = 0; i < v->n; i++) {
		if (!json) {
			list_view(out, v->items[i]);
			continue;
		}
		text_str(out, i ? ",\n" : "\n");
		put_view(out, v->items[i]);
	}
	if (json)
		text_str(out, v->n ? "\n]\n" : "]\n");
}
