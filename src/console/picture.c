/* SPDX-License-Identifier: Apache-2.0 */
#include "console/picture.h"

static size_t steps; /* of the path without the row */

struct look *picture_new(struct ui *ui, const struct look_kind *kind, const char *more)
{
	const struct table_row *r = ui_row(ui);
	struct err e = {0};

	if (ui->o->feed->ask) {
		ui_say(ui, STYLE_WARN, "packets stay on the other host; ask it with dredge there");
		return NULL;
	}
	if (!ui->look) {
		steps = ui->path.n;
		if (r && ui_level(ui)->info->kind != VIEW_LIST)
			view_path_push(&ui->path, ui_level(ui)->info, r);
	}
	struct look *l = look_new(kind, &ui->path, *ui->filter ? ui->filter : NULL, more,
				  ui->o->filter_dirs, &e);
	if (l) {
		l->live = ui->o->feed->live;
		return l;
	}
	ui_say(ui, STYLE_ERROR, "%s", e.message);
	if (!ui->look)
		while (ui->path.n > steps)
			view_path_pop(&ui->path);
	return NULL;
}

void picture_show(struct ui *ui, const struct pane *body, struct look *l, uint64_t from,
		  uint64_t to)
{
	struct look *old = ui->look;

	ui_look(ui, body, l, from, to);
	look_unref(old);
}

void picture_close(struct ui *ui)
{
	while (ui->path.n > steps)
		view_path_pop(&ui->path);
	picture_show(ui, NULL, NULL, ui->from, ui->to);
}

bool picture_request(struct ui *ui, enum request r)
{
	switch (r) {
	case REQ_BACK:
		picture_close(ui);
		return true;
	case REQ_HELP:
	case REQ_QUIT:
	case REQ_REDRAW:
	case REQ_PAUSE:
	case REQ_GO_TO:
		return false;
	default:
		return r < REQ_PLAY || r > REQ_GO_TO; /* the time axis goes on */
	}
}
