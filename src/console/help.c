/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of text: the keys, and what the columns mean. */
#include "console/menu.h"
#include "console/ui.h"

static struct {
	struct text text;
	unsigned top, lines, rows;
} page;

static void draw(struct ui *ui)
{
	unsigned height = screen_height(), width = screen_width();

	(void)ui;
	for (unsigned y = 0; y < height; y++)
		paint_str(y, 0, width, STYLE_TEXT, "");
	page.rows = height > 1 ? height - 1 : 0;
	page.lines = paint_wrapped(0, 1, width > 2 ? width - 2 : 1, page.rows, page.top,
				   page.text.data, page.text.len);
	if (height > 1)
		paint_str(height - 1, 0, width, STYLE_DIM,
			  page.lines > page.rows
				  ? "Up Down PgUp PgDn move   any other key goes back"
				  : "any key goes back");
}

static bool request(struct ui *ui, enum request r, int key)
{
	unsigned most = page.lines > page.rows ? page.lines - page.rows : 0;
	unsigned by = MAX(page.rows, 2) - 1;

	(void)key;
	switch (r) {
	case REQ_RESIZE:
		break;
	case REQ_UP:
		page.top -= page.top > 0;
		break;
	case REQ_DOWN:
		page.top++;
		break;
	case REQ_PAGE_UP:
		page.top -= MIN(page.top, by);
		break;
	case REQ_PAGE_DOWN:
	case REQ_PLAY:
		page.top += by;
		break;
	case REQ_FIRST:
		page.top = 0;
		break;
	case REQ_LAST:
		page.top = most;
		break;
	default:
		text_done(&page.text);
		page.text = (struct text){0};
		ui->overlay = NULL;
	}
	page.top = MIN(page.top, most);
	return true;
}

static bool pointed(struct ui *ui, const struct pointed *p)
{
	return request(ui,
		       p->what == POINT_UP	? REQ_UP
		       : p->what == POINT_DOWN	? REQ_DOWN
		       : p->what == POINT_CLICK ? REQ_BACK
						: REQ_RESIZE,
		       0);
}

static const struct pane page_pane = {.draw = draw, .request = request, .pointed = pointed};

void help_keys(struct ui *ui)
{
	page.top = 0;
	text_reset(&page.text);
	text_str(&page.text, "#cdredge\nTables of containers, tasks, apps, ports and connections. "
			     "Enter goes down into a row, Backspace goes back up.\n\n#Keys\n");
	for (size_t i = 0; i < n_bindings; i++)
		if (bindings[i].names && !bindings[i].file)
			text_fmt(&page.text, "%-14s %s\n", bindings[i].names, bindings[i].help);
	text_str(&page.text, "\n#Time, of a capture\n");
	for (size_t i = 0; i < n_bindings; i++)
		if (bindings[i].names && bindings[i].file)
			text_fmt(&page.text, "%-14s %s\n", bindings[i].names, bindings[i].help);
	text_str(&page.text,
		 "\n#Mouse\nClick on a name of a column sorts by it, again turns the order. Click "
		 "on a row selects, double click goes down. The bottom line can be clicked. On the "
		 "time axis a click moves there, dragging selects a window, the wheel zooms.\n"
		 "\n#Letters\nLetters that an action of the view has (F8) start it at once.\n");
	ui->overlay = &page_pane;
}

void help_legend(struct ui *ui)
{
	page.top = 0;
	text_reset(&page.text);
	text_view(ui_level(ui)->info, &page.text);
	ui->overlay = &page_pane;
}
