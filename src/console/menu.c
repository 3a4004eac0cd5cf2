/* SPDX-License-Identifier: Apache-2.0 */
#include "console/action.h"
#include "console/menu.h"

#include <stdlib.h>

#define VIEW_WIDTH   22u
#define SORT_WIDTH   24u
#define ACTION_WIDTH 36u

static struct menu menu; /* one at a time, that of the overlay */

static void close_menu(struct ui *ui)
{
	for (size_t i = 0; i < menu.n; i++)
		free(menu.items[i].label);
	free(menu.items);
	menu = (struct menu){0};
	ui->overlay = NULL;
}

static struct menu_item *add(char *label, const void *what)
{
	GROW(menu.items, menu.n, menu.cap);
	menu.items[menu.n] = (struct menu_item){.label = label, .what = what};
	return &menu.items[menu.n++];
}

/* ---- drawing ---- */

static size_t word(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] != ' ' && p[i] != '\n')
		i++;
	return i;
}

/* Of a word that no line has room for: whole characters, at least one. */
static size_t part(const char *p, size_t n, unsigned width)
{
	size_t end = 0;

	do
		end += MAX(text_utf8(p + end, n - end), 1);
	while (end < n && end + MAX(text_utf8(p + end, n - end), 1) <= width);
	return end;
}

/* Bytes of the next line of so many columns; *next: where the one behind it begins. */
static size_t line_of(const char *p, size_t n, unsigned width, size_t *next)
{
	size_t end = 0;

	while (end < n && p[end] != '\n') {
		size_t to = end + (p[end] == ' ');
		to += word(p + to, n - to);
		if (to > width && end)
			break;
		if (to > width)
			return *next = part(p, to, width);
		end = to;
	}
	*next = end + (end < n);
	while (end < n && p[end] == ' ' && *next < n && p[*next] == ' ')
		++*next;
	return end;
}

unsigned paint_wrapped(unsigned y, unsigned x, unsigned width, unsigned rows, unsigned top,
		       const char *p, size_t n)
{
	unsigned lines = 0;
	bool wrapped = false;

	for (size_t next; n; p += next, n -= next, lines++) {
		size_t len = line_of(p, n, MAX(width, 1), &next);
		bool heading = !wrapped && len && p[0] == '#';
		wrapped = p[next - 1] != '\n';
		if (lines < top || lines - top >= rows)
			continue;
		paint(y + lines - top, x, width, heading ? STYLE_BOLD : STYLE_TEXT, p + heading,
		      len - heading);
	}
	return lines;
}

static void draw(struct ui *ui)
{
	struct text t = {0};
	unsigned height = screen_height();

	menu.y = 3;
	menu.rows = height > 4 ? height - 4 : 0;
	if (menu.at < menu.top)
		menu.top = menu.at;
	if (menu.rows && menu.at >= menu.top + menu.rows)
		menu.top = menu.at - menu.rows + 1;
	for (unsigned y = 2; y + 1 < height; y++)
		paint_str(y, 0, screen_width(), STYLE_TEXT, "");
	paint_str(2, 0, menu.width, STYLE_HEADER, menu.title);
	for (unsigned i = 0; i < menu.rows && menu.top + i < menu.n; i++) {
		const struct menu_item *item = &menu.items[menu.top + i];
		bool at = menu.top + i == menu.at;
		paint_str(menu.y + i, 0, menu.width,
			  at	      ? STYLE_SELECTED
			  : item->dim ? STYLE_DIM
				      : STYLE_TEXT,
			  item->label);
	}
	if (menu.tell && menu.at < menu.n && screen_width() > menu.width + 2) {
		menu.tell(ui, &menu.items[menu.at], &t);
		paint_wrapped(2, menu.width + 2, screen_width() - menu.width - 2, menu.rows + 1, 0,
			      t.data, t.len);
	}
	footer_hint(ui, "Up Down choose   Enter take it   Backspace leave");
	text_done(&t);
}

/* ---- keys ---- */

static void choose(struct ui *ui, size_t at)
{
	struct menu_item item = menu.items[at];
	void (*chosen)(struct ui *, const struct menu_item *) = menu.chosen;

	if (item.dim)
		return;
	menu.items[at].label = NULL;
	close_menu(ui);
	chosen(ui, &item);
	free(item.label);
}

static bool request(struct ui *ui, enum request r, int key)
{
	size_t last = menu.n ? menu.n - 1 : 0;

	for (size_t i = 0; key && i < menu.n; i++) {
		if (menu.items[i].key != key)
			continue;
		choose(ui, i);
		return true;
	}
	switch (r) {
	case REQ_UP:
		menu.at -= menu.at > 0;
		break;
	case REQ_DOWN:
		menu.at = MIN(menu.at + 1, last);
		break;
	case REQ_PAGE_UP:
		menu.at -= MIN(menu.at, menu.rows);
		break;
	case REQ_PAGE_DOWN:
		menu.at = MIN(menu.at + menu.rows, last);
		break;
	case REQ_FIRST:
		menu.at = 0;
		break;
	case REQ_LAST:
		menu.at = last;
		break;
	case REQ_ENTER:
		if (menu.n)
			choose(ui, menu.at);
		break;
	case REQ_BACK:
		close_menu(ui);
		break;
	case REQ_HELP:
	case REQ_QUIT:
	case REQ_REDRAW:
		return false;
	default:
		if (r == menu.opener)
			close_menu(ui);
	}
	return true;
}

static bool pointed(struct ui *ui, const struct pointed *p)
{
	/* What does not fit is not behind the bottom line. */
	bool beside = p->y < menu.y || p->y - menu.y >= menu.rows;
	size_t at = beside ? menu.n : menu.top + p->y - menu.y;

	if (p->what == POINT_UP || p->what == POINT_DOWN)
		return request(ui, p->what == POINT_UP ? REQ_UP : REQ_DOWN, 0);
	if (p->what != POINT_CLICK && p->what != POINT_DOUBLE)
		return true;
	if (p->x >= menu.width || at >= menu.n)
		close_menu(ui);
	else if (p->what == POINT_DOUBLE || at == menu.at)
		choose(ui, at);
	else
		menu.at = at;
	return true;
}

static const struct pane menu_pane = {
	.draw = draw, .request = request, .pointed = pointed, .holds = true};

static void begin(struct ui *ui, enum request opener, const char *title, unsigned width,
		  void (*chosen)(struct ui *, const struct menu_item *),
		  void (*tell)(struct ui *, const struct menu_item *, struct text *))
{
	menu = (struct menu){
		.opener = opener, .title = title, .width = width, .chosen = chosen, .tell = tell};
	ui->overlay = &menu_pane;
}

/* ---- views ---- */

static void take_view(struct ui *ui, const struct menu_item *item)
{
	ui_view(ui, item->what);
}

static void text_action(const struct view_action *a, struct text *out)
{
	text_fmt(out, "%c: %s (", a->hotkey, a->description);
	for (char *const *word = a->argv; *word; word++)
		text_fmt(out, word > a->argv ? " %s" : "%s", *word);
	text_str(out, ")\n");
}

void text_view(const struct view_info *v, struct text *out)
{
	text_fmt(out, "#%s\n", v->name);
	if (v->trouble) {
		text_fmt(out, "cannot be opened: %s\n", v->trouble);
		return;
	}
	text_fmt(out, "%s\n", v->description ? v->description : "");
	for (char **tip = v->tips; tip && *tip; tip++)
		text_fmt(out, "\n%s\n", *tip);
	text_str(out, "\n#Columns\n");
	for (size_t i = 0; i < v->n_columns; i++) {
		const struct view_column *c = &v->columns[i];
		if (!str_eq(c->name, "NA"))
			text_fmt(out, "%s: %s\n", c->name,
				 c->description ? c->description : c->field);
	}
	text_fmt(out, "\n#ID\n%s\n", v->id);
	if (v->filter)
		text_fmt(out, "\n#Filter\n%s\n", v->filter);
	if (v->n_actions)
		text_str(out, "\n#Actions\n");
	for (size_t i = 0; i < v->n_actions; i++)
		text_action(&v->actions[i], out);
}

static void tell_view(struct ui *ui, const struct menu_item *item, struct text *out)
{
	(void)ui;
	text_view(item->what, out);
}

static bool is_offered(const struct ui *ui, const struct view_info *v)
{
	bool shown = !v->tags;

	for (char **tag = v->tags; tag && *tag; tag++)
		shown |= str_eq(*tag, "Default");
	return v->trouble || (shown && (view_applies(v, &ui->path) || (v->root && !ui->path.n)));
}

static int by_label(const void *a, const void *b)
{
	const struct menu_item *x = a, *y = b;

	return strcmp(x->label, y->label);
}

void menu_views(struct ui *ui)
{
	const struct views *all = ui->o->views;

	begin(ui, REQ_VIEWS, "Select View", VIEW_WIDTH, take_view, tell_view);
	for (size_t i = 0; i < all->n; i++) {
		const struct view_info *v = all->items[i];
		if (is_offered(ui, v))
			add(xstrdup(v->name), v)->dim = v->trouble;
	}
	qsort(menu.items, menu.n, sizeof(*menu.items), by_label);
	for (size_t i = 0; i < menu.n; i++)
		if (menu.items[i].what == ui_level(ui)->info)
			menu.at = i;
}

/* ---- sorting ---- */

static void take_column(struct ui *ui, const struct menu_item *item)
{
	ui_sort(ui,
		(unsigned)((const struct table_column *)item->what - ui_level(ui)->shot->columns));
}

static void tell_column(struct ui *ui, const struct menu_item *item, struct text *out)
{
	const struct table_column *c = item->what;

	(void)ui;
	text_fmt(out, "#%s\n%s\n", c->info->name, c->info->description ? c->info->description : "");
}

void menu_sort(struct ui *ui)
{
	const struct shot *s = ui_level(ui)->shot;
	bool descending;
	unsigned sorted = ui_sorted(ui, &descending);

	if (!s)
		return;
	begin(ui, REQ_SORT, "Select sort column", SORT_WIDTH, take_column, tell_column);
	for (unsigned k = 0; k < s->n_columns; k++) {
		const char *mark = k != sorted ? "   " : descending ? "(V)" : "(^)";
		if (k == sorted)
			menu.at = k;
		add(xasprintf("%s %s", mark, s->columns[k].info->name), &s->columns[k]);
	}
}

/* ---- actions ---- */

static void take_action(struct ui *ui, const struct menu_item *item)
{
	action_start(ui, item->what);
}

static void tell_action(struct ui *ui, const struct menu_item *item, struct text *out)
{
	const struct view_action *a = item->what;
	struct err e = {0};

	text_fmt(out, "#%s\n", a->description);
	if (action_line(ui, a, out, &e))
		text_fmt(out, "not for this row: %s\n", e.message);
}

void menu_actions(struct ui *ui)
{
	const struct view_action *all[ACTIONS_MAX];
	size_t n = actions_of(ui, all);

	if (!n) {
		ui_say(ui, STYLE_WARN, "there is nothing to be done with this row");
		return;
	}
	begin(ui, REQ_ACTIONS, "Select Action", ACTION_WIDTH, take_action, tell_action);
	for (size_t i = 0; i < n; i++)
		add(xasprintf("(%c) %s", all[i]->hotkey, all[i]->description), all[i])->key =
			all[i]->hotkey;
}

/* ---- packets ---- */

void menu_shapes(struct ui *ui, const char *const *names, size_t n, size_t at,
		 void (*chosen)(struct ui *ui, const struct menu_item *item))
{
	begin(ui, REQ_VIEWS, "View As", VIEW_WIDTH, chosen, NULL);
	menu.at = at;
	for (size_t i = 0; i < n; i++)
		add(xstrdup(names[i]), &names[i]);
}
