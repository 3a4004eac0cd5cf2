/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of text: the keys, and what the columns mean. */
#include "console/menu.h"
#include "console/ui.h"

static struct {
	struct text text;
	unsigned top, lines, rows;
	const struct pane *before; /* the overlay that the page lies on */
} page;

static void draw(struct ui *ui)
{
	unsigned height = screen_height(), width = screen_width();

	for (unsigned y = 0; y < height; y++)
		paint_str(y, 0, width, STYLE_TEXT, "");
	page.rows = height > 1 ? height - 1 : 0;
	page.lines = paint_wrapped(0, 1, width > 2 ? width - 2 : 1, page.rows, page.top,
				   page.text.data, page.text.len);
	footer_hint(ui, NULL);
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
		ui->overlay = page.before;
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

/* What lies below may be a menu, which speaks of rows. */
static const struct pane page_pane = {
	.draw = draw, .request = request, .pointed = pointed, .holds = true};

static void show(struct ui *ui)
{
	page.top = 0;
	page.before = ui->overlay;
	ui->overlay = &page_pane;
}

void help_keys(struct ui *ui)
{
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
		 "on a row selects, double click goes down. The filter above and the bottom line "
		 "can be clicked. On the time axis a click moves there, dragging selects a window, "
		 "the wheel zooms.\n"
		 "\n#Letters\nLetters that an action of the view has (F8) start it at once.\n");
	show(ui);
}

void help_legend(struct ui *ui)
{
	text_reset(&page.text);
	text_view(ui_level(ui)->info, &page.text);
	show(ui);
}

void help_filter(struct ui *ui)
{
	text_reset(&page.text);
	text_str(
		&page.text,
		"#Filter\nOnly what passes is counted. Conditions are joined by and, or, not and "
		"brackets, as in\n  tcp.dstport = 80 and not ip.src in (10.0.0.1, 10.1.0.0/16)\n"
		"A field alone must be true, or there. Values with blanks are quoted. @NAME is one "
		"of the folder filters. The manual dredge-filter(5) tells all of it.\n"
		"\n#Operators\n= != < <= > >= in (a, b) exists contains icontains startswith "
		"endswith glob iglob regex pmatch (/a, /b)\n");
	for (const struct field_class *const *k = field_classes; *k; k++) {
		text_fmt(&page.text, "\n#%s: %s\n", (*k)->name, (*k)->text);
		for (size_t i = 0; i < (*k)->count; i++) {
			const struct field *f = &(*k)->fields[i];
			if (!(f->flags & FIELD_PRINT))
				text_fmt(&page.text, "%s%s: %s\n", f->name,
					 f->flags & FIELD_ARG ? ".ARG" : "", f->text);
		}
	}
	show(ui);
}
