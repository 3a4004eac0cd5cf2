/* SPDX-License-Identifier: Apache-2.0 */
/* The lines above and below: where one is, and what the keys do. */
#include "console/axis.h"
#include "console/prompt.h"
#include "console/ui.h"

#include <curses.h>
#include <stdio.h>

#define ARROW	   3u /* columns between two steps of the path */
#define STEP_LEAST 8u /* columns of a step that are always there */

/* ---- above ---- */

/* Of a conversation the ends; the container before them is for the filter. */
static const char *name_of(const struct view_step *s)
{
	const char *colon = str_eq(s->field, "fd.containername") ? strchr(s->value, ':') : NULL;

	return colon ? colon + 1 : s->value;
}

/* Steps that are longer are cut to `most` columns; 0 = none. Returns the columns taken. */
static unsigned put_path(struct ui *ui, unsigned most, struct text *t)
{
	const char *arrow = screen_unicode() ? " › " : " > ";
	unsigned taken = 0;

	text_reset(t);
	for (size_t i = 0; i < ui->path.n; i++) {
		const struct view_step *s = &ui->path.steps[i];
		const char *name = s->value ? name_of(s) : "n/a";
		if (i)
			text_str(t, arrow);
		taken += text_terminal(t, name, strlen(name), most) + (i ? ARROW : 0);
	}
	return taken;
}

/* In so many columns: the longest steps are shortened first, for each says where one is. */
static void fit_path(struct ui *ui, unsigned room, struct text *t)
{
	unsigned most = room;

	if (!ui->path.n)
		text_str(t, ui_file(ui) ? "whole capture" : "whole host");
	else if (put_path(ui, 0, t) > room)
		while (put_path(ui, most, t) > room && most > STEP_LEAST)
			most--;
}

static void draw_path(struct ui *ui)
{
	struct text t = {0};
	const struct level *l = ui_level(ui);
	unsigned width = screen_width();
	char count[48] = "";

	if (ui->body->name)
		count[0] = '\0';
	else if (l->shot && ui->n_lines != l->shot->rows.n)
		snprintf(count, sizeof(count), "%zu of %zu rows", ui->n_lines, l->shot->rows.n);
	else if (l->shot)
		snprintf(count, sizeof(count), "%zu %s", ui->n_lines,
			 ui->n_lines == 1 ? "row" : "rows");
	unsigned n = (unsigned)strlen(count);
	unsigned x = paint_fmt(0, 0, STYLE_DIM, "Viewing: ");
	x = paint_fmt(0, x, STYLE_TITLE, "%s", ui->body->name ? ui->body->name : l->info->name);
	x = paint_fmt(0, x, STYLE_DIM, "  For: ");
	bool room = x + n + 12 < width;
	unsigned end = room && n ? width - n - 2 : width;
	fit_path(ui, end > x ? end - x : 0, &t);
	if (x < end)
		paint(0, x, end - x, STYLE_TITLE, t.data, t.len);
	if (room)
		paint_str(0, width - n, n, STYLE_DIM, count);
	text_done(&t);
}

static void put_count(struct text *t, double v, enum view_unit unit)
{
	const struct view_column info = {.unit = unit};
	const struct table_column c = {.info = &info};
	const struct cell cell = {.number = v};

	cell_text(&c, &cell, 0, t);
}

static unsigned filter_x; /* where the filter begins, as it was drawn last */

static void draw_source(struct ui *ui)
{
	const struct level *l = ui_level(ui);
	const char *slash = strrchr(ui->o->feed->name, '/');
	struct text t = {0};

	text_str(&t, ui_file(ui) && slash ? slash + 1 : ui->o->feed->name);
	if (l->shot && !ui->body->name) {
		text_str(&t, " (");
		if (!ui->o->feed->ask) { /* another host does not tell */
			put_count(&t, (double)l->shot->rows.events, UNIT_COUNT);
			text_str(&t, " evts, ");
		}
		put_count(&t, l->shot->rows.seconds, UNIT_SECONDS);
		text_char(&t, ')');
	}
	unsigned x = paint_fmt(1, 0, STYLE_DIM, "Source: ");
	x = paint_fmt(1, x, STYLE_TEXT, "%s", text_cstr(&t));
	if (worker_part(ui->worker) < 100)
		x = paint_fmt(1, x, STYLE_WARN, "  reading %u%%", worker_part(ui->worker));
	if (l->shot && l->shot->lost) {
		text_reset(&t);
		put_count(&t, (double)l->shot->lost, UNIT_COUNT);
		x = paint_fmt(1, x, STYLE_WARN, "  %s lost", text_cstr(&t));
	}
	if (l->shot && l->shot->trouble.code && ui_file(ui))
		x = paint_fmt(1, x, STYLE_WARN, "  damaged");
	if (worker_trouble(ui->worker))
		x = paint_fmt(1, x, STYLE_WARN, "  trouble with %s", worker_trouble(ui->worker));
	if (ui_held(ui))
		x = paint_fmt(1, x, STYLE_WARN, "  paused");
	if (*ui->match)
		x = paint_fmt(1, x, STYLE_WARN, "  Text: %s", ui->match);
	filter_x = x + 2;
	x = paint_fmt(1, x, STYLE_DIM, "  Filter: ");
	paint_fmt(1, x, *ui->filter ? STYLE_TEXT : STYLE_DIM, "%s",
		  *ui->filter	    ? ui->filter
		  : l->info->filter ? l->info->filter
				    : "none");
	text_done(&t);
}

unsigned header_draw(struct ui *ui)
{
	if (screen_height() < 3)
		return 0;
	draw_path(ui);
	if (screen_height() < 5)
		return 1;
	draw_source(ui);
	return 2 + axis_draw(ui, 2);
}

bool header_pointed(struct ui *ui, const struct pointed *p)
{
	if (p->what != POINT_CLICK || p->y != 1 || p->x < filter_x || screen_height() < 5)
		return false;
	prompt_language(ui);
	return true;
}

/* ---- below ---- */

#define SPOTS_MAX 64u

/* For clicks, what stands in the bottom line: columns from .. to are as if the key were pressed. */
static struct {
	unsigned from, to;
	int key;
} spots[SPOTS_MAX];
static size_t n_spots;

static void add_spot(unsigned from, unsigned to, int key)
{
	if (key && n_spots < SPOTS_MAX) {
		spots[n_spots].from = from;
		spots[n_spots].to = to;
		spots[n_spots++].key = key;
	}
}

unsigned footer_label(unsigned x, const char *name, const char *label, int key)
{
	unsigned y = screen_height() - 1, from = x, n = (unsigned)strcspn(name, " ");

	x += paint(y, x, n, STYLE_KEY, name, n);
	x = paint_fmt(y, x, STYLE_LABEL, "%s", label);
	add_spot(from, x, key);
	return x + 1;
}

static unsigned label_width(const struct binding *b)
{
	return (unsigned)(strcspn(b->names, " ") + strlen(b->label) + 1);
}

static void put_position(const struct ui *ui, char *out, size_t n)
{
	size_t at = ui->n_lines ? ui->levels[ui->n_levels - 1].at + 1 : 0;

	snprintf(out, n, "%zu/%zu(%.1f%%)", at, ui->n_lines,
		 ui->n_lines ? 100.0 * (double)at / (double)ui->n_lines : 0.0);
}

static bool draw_message(const struct ui *ui)
{
	bool shown = time_monotonic() < ui->message_until;

	if (shown)
		paint_str(screen_height() - 1, 0, screen_width(), ui->message_style, ui->message);
	return shown;
}

static int key_named(const char *name, size_t n)
{
	static const struct {
		const char *name;
		int key;
	} keys[] = {
		{"F2", KEY_F(2)},     {"Tab", '\t'},
		{"Enter", '\r'},      {"Backspace", KEY_BACKSPACE},
		{"Space", ' '},	      {"Left", KEY_LEFT},
		{"Right", KEY_RIGHT},
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (n == strlen(keys[i].name) && !memcmp(keys[i].name, name, n))
			return keys[i].key;
	if (n == 2 && name[0] == '^')
		return name[1] & 0x1f;
	return n == 1 && strchr("pFc[]+-0", name[0]) ? name[0] : 0;
}

static unsigned columns_of(const char *s, size_t n)
{
	unsigned columns = 0;

	for (size_t i = 0; i < n; i++)
		columns += ((uint8_t)s[i] & 0xc0) != 0x80;
	return columns;
}

/* A word is its key or else, as any word of its part, the key the part begins with; parts stand
 * between blanks of two. */
static void add_spots(const char *keys)
{
	int first = 0;

	for (const char *word = keys; *word;) {
		size_t n = strcspn(word, " "), blanks = strspn(word + n, " ");
		int key = key_named(word, n);
		if (word == keys || (word - keys > 1 && word[-2] == ' '))
			first = key;
		unsigned x = columns_of(keys, (size_t)(word - keys));
		add_spot(x, x + columns_of(word, n) + (blanks == 1), key ? key : first);
		word += n + blanks;
	}
}

void footer_hint(const struct ui *ui, const char *keys)
{
	n_spots = 0;
	if (!keys || screen_height() < 2 || draw_message(ui))
		return;
	paint_str(screen_height() - 1, 0, screen_width(), STYLE_DIM, keys);
	add_spots(keys);
}

void footer_draw(struct ui *ui)
{
	unsigned width = screen_width(), x = 0;
	char position[64];

	n_spots = 0;
	if (screen_height() < 2 || draw_message(ui))
		return;
	put_position(ui, position, sizeof(position));
	unsigned n = (unsigned)strlen(position);
	for (size_t i = 0; i < n_bindings; i++) {
		const struct binding *b = &bindings[i];
		if (!b->label)
			continue;
		if (x + label_width(b) + n >= width)
			break;
		x = footer_label(x, b->names, b->label, b->keys[0]);
	}
	if (n < width)
		paint_str(screen_height() - 1, width - n, n, STYLE_DIM, position);
}

bool footer_pointed(struct ui *ui, const struct pointed *p)
{
	if (p->y + 1 != screen_height() || (p->what != POINT_CLICK && p->what != POINT_DOUBLE))
		return false;
	for (size_t i = 0; i < n_spots; i++)
		if (p->x >= spots[i].from && p->x < spots[i].to) {
			ui_key(ui, spots[i].key);
			return true;
		}
	return !ui->overlay;
}
