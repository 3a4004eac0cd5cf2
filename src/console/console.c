/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of the screen's thread, and the way down and up through views. */
#include "console/axis.h"
#include "console/look.h"
#include "console/menu.h"
#include "console/prompt.h"
#include "console/ui.h"

#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MESSAGE_NS (4 * NSEC_PER_SEC)
#define BEAT_MS	   100

bool ui_file(const struct ui *ui)
{
	return !ui->o->feed->live;
}

void ui_say(struct ui *ui, enum style style, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(ui->message, sizeof(ui->message), fmt, args);
	va_end(args);
	ui->message_style = style;
	ui->message_until = time_monotonic() + MESSAGE_NS;
}

/* ---- lines ---- */

unsigned ui_sorted(const struct ui *ui, bool *descending)
{
	const struct level *l = &ui->levels[ui->n_levels - 1];

	*descending = l->ordered ? l->descending : l->shot && l->shot->descending;
	return l->ordered ? l->sorted : l->shot ? l->shot->sorted : 0;
}

void ui_found(struct ui *ui)
{
	struct level *l = ui_level(ui);
	struct shot *s = l->shot;

	ui->n_lines = 0;
	if (!s)
		return;
	bool descending;
	unsigned sorted = ui_sorted(ui, &descending);
	shot_sort(s, sorted, descending);
	for (size_t i = 0; i < s->rows.n; i++) {
		if ((l->cleared && s->rows.rows[i].id <= l->cleared) ||
		    !shot_found(s, &s->rows.rows[i], ui->match, &ui->scratch))
			continue;
		GROW(ui->lines, ui->n_lines, ui->cap_lines);
		if (l->follow && s->rows.rows[i].id == l->row)
			l->at = ui->n_lines;
		ui->lines[ui->n_lines++] = i;
	}
	bool newest = l->info->kind == VIEW_LIST && !ui_file(ui) && !l->left;
	if (newest || l->at >= ui->n_lines)
		l->at = ui->n_lines ? ui->n_lines - 1 : 0;
}

void ui_sort(struct ui *ui, unsigned column)
{
	struct level *l = ui_level(ui);

	if (!l->shot || column >= l->shot->n_columns)
		return;
	bool descending;
	unsigned sorted = ui_sorted(ui, &descending);
	l->descending = sorted == column ? !descending : l->shot->columns[column].number;
	l->sorted = column;
	l->ordered = true;
	ui_found(ui);
}

const struct table_row *ui_row(const struct ui *ui)
{
	const struct level *l = &ui->levels[ui->n_levels - 1];

	return l->shot && l->at < ui->n_lines ? &l->shot->rows.rows[ui->lines[l->at]] : NULL;
}

/* ---- orders ---- */

/* What a host is asked for; it adds the filter of the view. */
static char *whole_filter(const struct ui *ui)
{
	struct text t = {0};

	if (!ui->o->feed->ask)
		return NULL;
	bool path = view_path_filter(&ui->path, &t);
	if (*ui->filter)
		text_fmt(&t, path ? " and (%s)" : "%s", ui->filter);
	char *filter = t.len ? xstrdup(text_cstr(&t)) : NULL;
	text_done(&t);
	return filter;
}

/* The rows of a level that one comes back to are what will be counted again: parts of them would
 * only move under the cursor. */
static void keep_whole(struct ui *ui, bool again)
{
	struct level *l = ui_level(ui);

	l->whole = again && l->shot && l->shot->part >= 1 && l->shot->order >= ui->changed;
}

int ui_open(struct ui *ui, struct err *e)
{
	struct level *l = ui_level(ui);
	const struct table_options o = {
		.info = l->info,
		.path = &ui->path,
		.filter = *ui->filter ? ui->filter : NULL,
		.dirs = ui->o->filter_dirs,
		.depth = l->depth,
	};
	struct table *t = table_open(&o, e);

	if (!t)
		return -1;
	const struct order order = {
		.number = ++ui->orders,
		.table = t,
		.look = look_ref(ui->look),
		.from = ui->from,
		.to = ui->to,
		.filter = whole_filter(ui),
	};
	l->cleared = 0;
	keep_whole(ui, false);
	worker_order(ui->worker, &order);
	return 0;
}

int ui_filter(struct ui *ui, const char *filter, struct err *e)
{
	char *before = ui->filter;

	ui->filter = xstrdup(filter);
	if (ui_open(ui, e)) {
		free(ui->filter);
		ui->filter = before;
		return -1;
	}
	free(before);
	ui->changed = ui->orders;
	return 0;
}

void ui_window(struct ui *ui, uint64_t from, uint64_t to)
{
	const struct order order = {
		.number = ++ui->orders, .look = look_ref(ui->look), .from = from, .to = to};

	ui->from = from;
	ui->to = to;
	ui->changed = ui->orders;
	ui_level(ui)->cleared = 0;
	keep_whole(ui, false);
	worker_order(ui->worker, &order);
}

void ui_look(struct ui *ui, const struct pane *body, struct look *l, uint64_t from, uint64_t to)
{
	const struct order order = {
		.number = ++ui->orders, .look = look_ref(l), .from = from, .to = to};

	ui->body = body ? body : &table_pane;
	ui->look = l;
	keep_whole(ui, !body);
	worker_order(ui->worker, &order);
}

static void level_done(struct level *l)
{
	shot_free(l->shot);
	*l = (struct level){0};
}

static void cut_path(struct ui *ui, size_t steps)
{
	while (ui->path.n > steps)
		view_path_pop(&ui->path);
}

void ui_view(struct ui *ui, const struct view_info *info)
{
	struct level old = *ui_level(ui);
	struct err e = {0};

	*ui_level(ui) = (struct level){.info = info, .steps = old.steps, .depth = old.depth};
	if (ui_open(ui, &e)) {
		*ui_level(ui) = old;
		ui_say(ui, STYLE_ERROR, "%s", e.message);
		return;
	}
	level_done(&old);
	ui_found(ui);
}

void ui_down(struct ui *ui, const struct view_info *info)
{
	struct level *from = ui_level(ui);
	struct err e = {0};

	if (ui->n_levels == LEVELS_MAX) {
		cut_path(ui, from->steps);
		ui_say(ui, STYLE_WARN, "deep enough");
		return;
	}
	ui->levels[ui->n_levels++] = (struct level){
		.info = info,
		.steps = ui->path.n,
		.depth = from->depth + (from->info->deeper && info == from->info),
	};
	if (ui_open(ui, &e)) {
		ui->n_levels--;
		cut_path(ui, from->steps);
		ui_say(ui, STYLE_ERROR, "%s", e.message);
	}
	ui_found(ui);
}

void ui_up(struct ui *ui)
{
	struct err e = {0};

	if (ui->n_levels == 1)
		return;
	level_done(ui_level(ui));
	ui->n_levels--;
	cut_path(ui, ui_level(ui)->steps);
	if (ui_open(ui, &e))
		ui_say(ui, STYLE_ERROR, "%s", e.message);
	keep_whole(ui, true);
	ui_found(ui);
}

bool ui_waiting(const struct ui *ui)
{
	const struct shot *s = ui->levels[ui->n_levels - 1].shot;

	return !s || s->order != ui->orders || s->part < 1;
}

/* The newest snapshot that may be shown by now, or NULL. */
static struct shot *next_shot(struct ui *ui)
{
	struct shot *s = worker_take(ui->worker);

	if (s && s->bins) {
		free(ui->bins);
		ui->bins = s->bins;
		s->bins = NULL;
	}
	if (s) {
		shot_free(ui->held);
		ui->held = s;
	}
	if (ui->overlay && ui->overlay->holds)
		return NULL;
	s = ui->held;
	ui->held = NULL;
	return s;
}

static void take_shot(struct ui *ui)
{
	struct shot *s = next_shot(ui);

	if (!s)
		return;
	/* An answer to what is no longer asked, or that nobody wants to see now. */
	if (s->order != ui->orders || (ui->paused && ui_level(ui)->shot && !ui_file(ui))) {
		shot_free(s);
		return;
	}
	if (s->trouble.code)
		ui_say(ui, STYLE_ERROR, "%s", s->trouble.message);
	/* A host that does not answer for a while is no reason to forget what it said. */
	if (s->trouble.code && ui->o->feed->ask && ui_level(ui)->shot) {
		shot_free(s);
		return;
	}
	if (ui_level(ui)->whole && s->part < 1 && !s->trouble.code) {
		shot_free(s);
		return;
	}
	ui_level(ui)->whole = false;
	shot_free(ui_level(ui)->shot);
	ui_level(ui)->shot = s;
	ui_found(ui);
}

/* ---- what other threads have to say: a line on stderr would go across the picture ---- */

static struct mailbox news;

static bool take_line(const char *text, size_t n)
{
	struct text t = {0};

	text_put(&t, text, n);
	free(mailbox_send(&news, xstrdup(text_cstr(&t))));
	text_done(&t);
	return isatty(STDERR_FILENO);
}

void console_log(bool keep)
{
	log_divert(keep ? take_line : NULL);
	char *line = keep ? NULL : mailbox_take(&news);
	if (line)
		log_warn("%s", line);
	free(line);
}

static void show_news(struct ui *ui)
{
	char *line = mailbox_take(&news);

	if (line)
		ui_say(ui, STYLE_WARN, "%s", line);
	free(line);
}

/* ---- the loop ---- */

static void point(struct ui *ui, const struct pointed *p)
{
	static const struct pane *clicked; /* by the first of two clicks */
	const struct pane *there = ui->overlay ? ui->overlay : ui->body;

	if (p->what == POINT_DOUBLE && there != clicked)
		return; /* it was meant for what the first one has closed or covered */
	clicked = p->what == POINT_CLICK ? there : clicked;
	if (footer_pointed(ui, p))
		return;
	if (ui->overlay)
		ui->overlay->pointed(ui, p);
	else if (!header_pointed(ui, p) && !axis_pointed(ui, p))
		ui->body->pointed(ui, p);
}

static void show_all(struct ui *ui)
{
	struct err e = {0};

	free(ui->match);
	ui->match = xstrdup("");
	if (*ui->filter)
		ui_filter(ui, "", &e);
	ui_found(ui);
}

bool ui_held(const struct ui *ui)
{
	return ui->look && !ui_file(ui) ? atomic_load(&ui->look->held) : ui->paused;
}

static void hold(struct ui *ui)
{
	if (ui->look && !ui_file(ui))
		atomic_store(&ui->look->held, !ui_held(ui));
	else
		ui->paused = !ui->paused;
}

/* What is the same wherever one is. */
static void common_request(struct ui *ui, enum request r)
{
	switch (r) {
	case REQ_HELP:
		help_keys(ui);
		break;
	case REQ_LEGEND:
		help_legend(ui);
		break;
	case REQ_VIEWS:
		menu_views(ui);
		break;
	case REQ_FILTER:
		prompt_filter(ui);
		break;
	case REQ_GO_TO:
		prompt_time(ui);
		break;
	case REQ_PAUSE:
		hold(ui);
		break;
	case REQ_CLEAR:
		show_all(ui);
		break;
	case REQ_QUIT:
		ui->quit = true;
		break;
	case REQ_REDRAW:
		clearok(curscr, true);
		break;
	default:
		axis_request(ui, r);
	}
}

void ui_key(struct ui *ui, int key)
{
	enum request r = key_request(key, ui_file(ui));
	if (ui->overlay && ui->overlay->request(ui, r, key))
		return;
	if (!ui->body->request(ui, r, key))
		common_request(ui, r);
}

static void draw(struct ui *ui)
{
	screen_begin();
	ui->body->draw(ui);
	if (ui->overlay)
		ui->overlay->draw(ui);
	screen_end();
}

static void loop(struct ui *ui)
{
	struct pointed p;

	while (!ui->quit && !screen_ending()) {
		draw(ui);
		screen_wait(worker_fd(ui->worker), BEAT_MS);
		for (int key; !ui->quit && (key = screen_key(&p)) != KEY_NONE_YET;) {
			if (key == KEY_END_OF_INPUT)
				ui->quit = true;
			else if (key == KEY_POINTED)
				point(ui, &p);
			else
				ui_key(ui, key);
		}
		take_shot(ui);
		show_news(ui);
		axis_beat(ui);
	}
}

static void done(struct ui *ui)
{
	look_unref(ui->look);
	while (ui->n_levels)
		level_done(&ui->levels[--ui->n_levels]);
	view_path_done(&ui->path);
	free(ui->filter);
	free(ui->match);
	free(ui->search);
	free(ui->bins);
	free(ui->lines);
	shot_free(ui->held);
	text_done(&ui->scratch);
}

int console_run(const struct console_options *o, struct err *e)
{
	struct ui *ui = xcalloc(1, sizeof(*ui));
	const struct view_info *info = views_find(o->views, o->view);

	*ui = (struct ui){
		.o = o,
		.body = &table_pane,
		.filter = xstrdup(o->filter ? o->filter : ""),
		.match = xstrdup(""),
		.search = xstrdup(""),
		.from = o->to ? o->from : o->feed->first,
		.to = o->to ? o->to : o->feed->last,
		.levels[0].info = info,
		.n_levels = 1,
	};
	int status = info ? 0
			  : err_set(e, ERR_USAGE, "%s: no such view; --list-views lists them",
				    o->view);
	if (!status)
		status = screen_open(e);
	if (!status) {
		ui->worker = worker_start(o->feed, o->interval);
		status = ui_open(ui, e);
		if (!status)
			loop(ui);
		worker_stop(ui->worker);
		screen_close();
	}
	done(ui);
	free(ui);
	return status;
}
