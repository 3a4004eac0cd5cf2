/* SPDX-License-Identifier: Apache-2.0 */
/* A view as a table. */
#include "console/action.h"
#include "console/dig.h"
#include "console/layout.h"
#include "console/menu.h"
#include "console/picture.h"
#include "console/prompt.h"
#include "console/ui.h"

#include <stdlib.h>

#define COLUMNS_MAX 64u
#define TEXT_LEAST  12u /* columns to which a text is cut where the view does not say */
#define TEXT_ENOUGH 20u /* and at most in tables, before other columns are left out */
#define SPARK_LEAST 8u
#define SPARK_ROOM  110u /* columns of a screen where sparklines are whole */

/* What is on the screen: columns of the table, and sparklines behind some. */
struct drawn {
	struct want wants[2 * COLUMNS_MAX];
	unsigned column[2 * COLUMNS_MAX];
	bool spark[2 * COLUMNS_MAX];
	size_t n;
	struct place places[2 * COLUMNS_MAX];
	size_t n_places;
	bool more;	  /* columns or texts beyond the edge */
	unsigned y, rows; /* first row, and how many */
};

/* For the mouse: as it was drawn last. */
static struct drawn drawn;

static unsigned cell_width(struct ui *ui, const struct table_column *c, const struct cell *cell)
{
	text_reset(&ui->scratch);
	return cell_text(c, cell, 0, &ui->scratch);
}

static void measure(struct ui *ui, struct level *l, unsigned rows)
{
	const struct shot *s = l->shot;

	for (size_t k = 0; k < MIN(s->n_columns, COLUMNS_MAX); k++) {
		const struct table_column *c = &s->columns[k];
		unsigned wide = MAX(l->widest[k], (unsigned)strlen(c->info->name));
		if (c->number)
			wide = MAX(wide, c->info->width);
		for (size_t i = l->top; i < MIN(ui->n_lines, l->top + rows); i++)
			wide = MAX(wide, cell_width(ui, c, &s->rows.rows[ui->lines[i]].cells[k]));
		l->widest[k] = wide;
	}
}

/* What the rows are: the key, or what shows the same, else what takes the rest of the line. */
static size_t sticky_column(const struct level *l)
{
	const struct shot *s = l->shot;
	const char *field = view_drilled(l->info)->field;

	for (size_t k = 0; k < s->n_columns; k++)
		if (s->columns[k].key || str_eq(s->columns[k].info->field, field))
			return k;
	for (size_t k = s->n_columns; k--;)
		if (!s->columns[k].number)
			return k;
	return 0;
}

/* And where that is an id, the name that ends the line. */
static bool is_name(const struct level *l, size_t k)
{
	const struct shot *s = l->shot;

	return k + 1 == s->n_columns && !s->columns[k].number &&
	       str_eq(view_drilled(l->info)->field, "container.id") &&
	       str_eq(s->columns[k].info->field, "container.name");
}

static void add_want(struct drawn *d, unsigned column, bool spark, struct want w)
{
	d->column[d->n] = column;
	d->spark[d->n] = spark;
	d->wants[d->n++] = w;
}

static void arrange(struct ui *ui, struct level *l)
{
	const struct shot *s = l->shot;
	size_t sticky = sticky_column(l);
	unsigned first = 0;

	drawn.n = 0;
	measure(ui, l, drawn.rows);
	for (size_t k = 0; k < MIN(s->n_columns, COLUMNS_MAX); k++) {
		const struct table_column *c = &s->columns[k];
		struct want w = {.width = l->widest[k], .least = l->widest[k]};
		unsigned name = (unsigned)strlen(c->info->name);
		unsigned most = l->info->kind == VIEW_LIST ? UINT32_MAX : TEXT_ENOUGH;
		unsigned text = c->info->width ? MIN(c->info->width, most) : TEXT_LEAST;
		if (!c->number)
			w.least = MIN(w.width, MAX(name, text));
		w.sticky = k == sticky || is_name(l, k);
		add_want(&drawn, (unsigned)k, false, w);
		if (c->info->sparkline && s->sparks)
			add_want(&drawn, (unsigned)k, true,
				 (struct want){.width = screen_width() < SPARK_ROOM ? SPARK_LEAST
										    : TABLE_SPARK,
					       .least = SPARK_LEAST});
		if (k < l->first)
			first = (unsigned)drawn.n;
	}
	/* The marks at both ends take no room of a cell. */
	unsigned left = l->first ? LAYOUT_GAP : 0;
	unsigned width = screen_width() > left ? screen_width() - left : 0;
	drawn.n_places = layout(drawn.wants, drawn.n, first, width, drawn.places, &drawn.more);
	if (drawn.more && width > LAYOUT_GAP)
		drawn.n_places = layout(drawn.wants, drawn.n, first, width - LAYOUT_GAP,
					drawn.places, &drawn.more);
	for (size_t i = 0; i < drawn.n_places; i++)
		drawn.places[i].x += left;
	/* The last one has all the room when nothing is before it. */
	const struct place *last = drawn.n_places > 1 ? &drawn.places[drawn.n_places - 1] : NULL;
	if (last && last->width < drawn.wants[last->column].width)
		drawn.more = true;
}

static void draw_names(const struct level *l, unsigned y)
{
	const struct shot *s = l->shot;
	unsigned sorted = l->ordered ? l->sorted : s->sorted;

	paint_str(y, 0, screen_width(), STYLE_HEADER, "");
	for (size_t i = 0; i < drawn.n_places; i++) {
		const struct place *p = &drawn.places[i];
		unsigned k = drawn.column[p->column];
		const char *name = s->columns[k].info->name;
		if (drawn.spark[p->column])
			continue;
		unsigned n = (unsigned)strlen(name);
		unsigned x = p->x + (s->columns[k].number && p->width > n ? p->width - n : 0);
		paint_str(y, x, MIN(n, p->width), k == sorted ? STYLE_SORTED : STYLE_HEADER, name);
	}
	if (drawn.more)
		paint_str(y, screen_width() - 1, 1, STYLE_SORTED, ">");
	if (l->first)
		paint_str(y, 0, 1, STYLE_SORTED, "<");
}

/* In as many columns as there are; where those are few, each is the mean of its points. */
static void draw_spark(unsigned y, const struct place *p, enum style style, const float *points)
{
	unsigned n = MIN(p->width, TABLE_SPARK);
	float means[TABLE_SPARK] = {0}, most = 0;

	for (unsigned i = 0; points && i < n; i++) {
		unsigned from = i * TABLE_SPARK / n, to = (i + 1) * TABLE_SPARK / n;
		for (unsigned k = from; k < to; k++)
			means[i] += points[k] / (float)(to - from);
		most = MAX(most, means[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned eighths = most > 0 ? (unsigned)(means[i] / most * 8 + 0.5f) : 0;
		if (!eighths && means[i] > 0)
			eighths = 1;
		paint_block(y, p->x + i, style, eighths);
	}
}

static void draw_row(struct ui *ui, unsigned y, const struct table_row *r, bool selected)
{
	const struct shot *s = ui_level(ui)->shot;
	bool nobody = !r->key && ui_level(ui)->info->kind != VIEW_LIST;
	enum style style = selected ? STYLE_SELECTED : nobody ? STYLE_DIM : STYLE_TEXT;

	if (selected)
		paint_str(y, 0, screen_width(), style, "");
	for (size_t i = 0; i < drawn.n_places; i++) {
		const struct place *p = &drawn.places[i];
		const struct table_column *c = &s->columns[drawn.column[p->column]];
		const struct cell *cell = &r->cells[drawn.column[p->column]];
		if (drawn.spark[p->column]) {
			draw_spark(y, p, selected ? style : STYLE_GRAPH, r->spark);
			continue;
		}
		unsigned wide = cell_width(ui, c, cell);
		text_reset(&ui->scratch);
		cell_text(c, cell, p->width, &ui->scratch);
		unsigned x = p->x + (c->number && wide < p->width ? p->width - wide : 0);
		bool absent = !cell->text && ui->scratch.len == 1 && ui->scratch.data[0] == '-';
		paint(y, x, p->width - (x - p->x), absent && !selected ? STYLE_DIM : style,
		      ui->scratch.data, ui->scratch.len);
	}
}

/* Such a view has a row for each container there is. */
static bool of_containers(const struct view_info *v)
{
	return v->filter && str_eq(v->filter, "container.id != host");
}

/* Nothing to see: why, and what to do. */
static void draw_empty(struct ui *ui, unsigned y)
{
	const struct shot *s = ui_level(ui)->shot;
	const char *what, *how = "F2 lists the views.";
	bool list = ui_level(ui)->info->kind == VIEW_LIST;

	if (!s && ui_file(ui)) {
		what = "Reading ...";
		how = "";
	} else if (!s || (ui->o->feed->live && !s->rows.seconds)) {
		what = "Waiting for the first packets ...";
		how = "";
	} else if (ui_level(ui)->cleared) {
		what = "The list was cleared.";
		how = ui_file(ui) ? "Another window of time fills it again."
				  : "Rows appear as it happens.";
	} else if (*ui->match) {
		what = "No row contains what you typed.";
		how = list ? "F4 changes the text, Esc there removes it."
			   : "c shows all rows again, F4 changes the text.";
	} else if (*ui->filter) {
		what = "Nothing passed the filter.";
		how = list ? "F4 changes it, Esc there removes it."
			   : "c removes it, F4 changes it.";
	} else if (ui_file(ui) && ui->to - ui->from < ui->o->feed->last - ui->o->feed->first) {
		what = "Nothing in this part of the capture.";
		how = "0 counts all of it.";
	} else if (ui_file(ui) && !ui->path.n && of_containers(ui_level(ui)->info)) {
		what = "The capture knows no containers.";
		how = "F2 lists other views: connections, server ports, top talkers.";
	} else if (ui_file(ui)) {
		what = "The capture has nothing for this view.";
		how = ui->path.n ? "Backspace goes back up, F2 lists other views."
				 : "F2 lists other views.";
	} else {
		what = ui->path.n ? "Nothing has come since." : "Nothing was seen yet.";
		how = ui->path.n ? "Backspace goes back up, F2 lists other views."
				 : "Rows appear as it happens; F2 lists other views.";
	}
	unsigned width = screen_width();
	unsigned n = (unsigned)strlen(what), m = (unsigned)strlen(how);
	paint_str(y + 1, width > n ? (width - n) / 2 : 0, n, STYLE_BOLD, what);
	paint_str(y + 2, width > m ? (width - m) / 2 : 0, m, STYLE_DIM, how);
}

static void keep_in_sight(struct level *l, size_t lines, unsigned rows)
{
	if (l->at < l->top)
		l->top = l->at;
	if (rows && l->at >= l->top + rows)
		l->top = l->at - rows + 1;
	if (l->top + rows > lines)
		l->top = lines > rows ? lines - rows : 0;
}

static void draw(struct ui *ui)
{
	struct level *l = ui_level(ui);
	unsigned y = header_draw(ui), height = screen_height();

	drawn.y = y + 1;
	drawn.rows = height > y + 2 ? height - y - 2 : 0;
	drawn.n_places = 0;
	keep_in_sight(l, ui->n_lines, drawn.rows);
	if (l->shot) {
		arrange(ui, l);
		draw_names(l, y);
	}
	if (!ui->n_lines && drawn.rows > 3)
		draw_empty(ui, y + drawn.rows / 3);
	for (unsigned i = 0; i < drawn.rows && l->top + i < ui->n_lines; i++) {
		const struct table_row *r = &l->shot->rows.rows[ui->lines[l->top + i]];
		draw_row(ui, drawn.y + i, r, l->top + i == l->at);
	}
	footer_draw(ui);
}

/* ---- keys ---- */

static void go_to(struct ui *ui, size_t line)
{
	struct level *l = ui_level(ui);

	if (!ui->n_lines)
		return;
	l->at = MIN(line, ui->n_lines - 1);
	l->follow = l->at != 0;
	l->left = l->at + 1 < ui->n_lines;
	l->row = ui_row(ui)->id;
}

static void drill(struct ui *ui)
{
	const struct table_row *r = ui_row(ui);
	struct level *l = ui_level(ui);

	if (!r)
		return;
	if (l->info->kind == VIEW_LIST) {
		dig_open(ui, false, NULL, ui->from, ui->to);
		return;
	}
	view_path_push(&ui->path, l->info, r);
	const struct view_info *below = view_below(ui->o->views, l->info, &ui->path);
	if (below) {
		ui_down(ui, below);
		return;
	}
	view_path_pop(&ui->path);
	dig_open(ui, false, NULL, ui->from, ui->to);
}

static bool move(struct ui *ui, enum request r)
{
	struct level *l = ui_level(ui);
	size_t page = MAX(drawn.rows, 2) - 1;

	switch (r) {
	case REQ_UP:
		go_to(ui, l->at ? l->at - 1 : 0);
		return true;
	case REQ_DOWN:
		go_to(ui, l->at + 1);
		return true;
	case REQ_PAGE_UP:
		go_to(ui, l->at > page ? l->at - page : 0);
		return true;
	case REQ_PAGE_DOWN:
		go_to(ui, l->at + page);
		return true;
	case REQ_FIRST:
		go_to(ui, 0);
		return true;
	case REQ_LAST:
		go_to(ui, SIZE_MAX);
		return true;
	case REQ_LEFT:
		l->first -= l->first > 0;
		return true;
	case REQ_RIGHT:
		l->first += drawn.more;
		return true;
	default:
		return false;
	}
}

static void search(struct ui *ui, bool from_here)
{
	struct level *l = ui_level(ui);

	for (size_t i = from_here ? 0 : 1; *ui->search && i <= ui->n_lines; i++) {
		size_t line = (l->at + i) % MAX(ui->n_lines, 1);
		if (line >= ui->n_lines ||
		    !shot_found(l->shot, &l->shot->rows.rows[ui->lines[line]], ui->search,
				&ui->scratch))
			continue;
		l->at = line;
		l->row = ui_row(ui)->id;
		l->follow = true;
		return;
	}
	ui_say(ui, STYLE_WARN, "no row contains '%s'", ui->search);
}

static void search_typed(struct ui *ui)
{
	search(ui, true);
}

/* The rows of a list are forgotten, but not those to come. Another host tells all of them anew each
 * time. */
static bool clear_list(struct ui *ui)
{
	struct level *l = ui_level(ui);

	if (l->info->kind != VIEW_LIST || ui->o->feed->ask)
		return false;
	for (size_t i = 0; l->shot && i < l->shot->rows.n; i++)
		l->cleared = MAX(l->cleared, l->shot->rows.rows[i].id);
	ui_found(ui);
	return true;
}

static void follow(struct ui *ui)
{
	struct level *l = ui_level(ui);

	l->follow = !l->follow;
	if (ui_row(ui))
		l->row = ui_row(ui)->id;
	ui_say(ui, STYLE_TEXT,
	       l->follow ? "the cursor stays with the row" : "the cursor stays in its line");
}

static bool request(struct ui *ui, enum request r, int key)
{
	int column = key_column(key);
	bool descending;

	if (move(ui, r))
		return true;
	if ((r == REQ_NONE || r == REQ_CLEAR) && action_key(ui, key))
		return true;
	switch (r) {
	case REQ_ENTER:
		drill(ui);
		return true;
	case REQ_BACK:
		ui_up(ui);
		return true;
	case REQ_DIG:
	case REQ_ECHO:
		dig_open(ui, r == REQ_ECHO, NULL, ui->from, ui->to);
		return true;
	case REQ_SPECTRUM:
		spectrum_open(ui);
		return true;
	case REQ_GRAPH:
		graph_open(ui);
		return true;
	case REQ_PORTMAP:
		portmap_open(ui);
		return true;
	case REQ_SORT:
		menu_sort(ui);
		return true;
	case REQ_ACTIONS:
		menu_actions(ui);
		return true;
	case REQ_SEARCH:
		prompt_search(ui, search_typed);
		return true;
	case REQ_NEXT:
		search(ui, false);
		return true;
	case REQ_FOLLOW:
		follow(ui);
		return true;
	case REQ_CLEAR:
		return clear_list(ui);
	case REQ_REVERSE:
		if (ui_level(ui)->shot)
			ui_sort(ui, ui_sorted(ui, &descending));
		return true;
	default:
		if (column < 0 || r != REQ_NONE)
			return false;
		ui_sort(ui, (unsigned)column);
		return true;
	}
}

static bool point_name(struct ui *ui, unsigned x)
{
	for (size_t i = 0; i < drawn.n_places; i++) {
		const struct place *p = &drawn.places[i];
		if (x < p->x || x >= p->x + p->width + LAYOUT_GAP)
			continue;
		ui_sort(ui, drawn.column[p->column]);
		return true;
	}
	return false;
}

static bool pointed(struct ui *ui, const struct pointed *p)
{
	struct level *l = ui_level(ui);

	if (p->what == POINT_UP || p->what == POINT_DOWN)
		return move(ui, p->what == POINT_UP ? REQ_UP : REQ_DOWN);
	if (p->what != POINT_CLICK && p->what != POINT_DOUBLE)
		return false;
	if (p->y + 1 == drawn.y)
		return point_name(ui, p->x);
	if (p->y < drawn.y || p->y >= drawn.y + drawn.rows ||
	    l->top + p->y - drawn.y >= ui->n_lines)
		return false;
	go_to(ui, l->top + p->y - drawn.y);
	if (p->what == POINT_DOUBLE)
		drill(ui);
	return true;
}

const struct pane table_pane = {.draw = draw, .request = request, .pointed = pointed};
