/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room console: a list at the left to choose from, what the item means at the right. */
#ifndef DREDGE_CONSOLE_MENU_H
#define DREDGE_CONSOLE_MENU_H

#include "console/ui.h"

struct menu_item {
	char *label;	  /* owned */
	const void *what; /* borrowed */
	int key;	  /* that chooses it at once, or 0 */
	bool dim;	  /* cannot be chosen */
};

struct menu {
	enum request opener; /* closes it too */
	const char *title;
	struct menu_item *items;
	size_t n, cap, at, top;
	unsigned width;
	void (*chosen)(struct ui *ui, const struct menu_item *item);
	/* Lines of text about it. */
	void (*tell)(struct ui *ui, const struct menu_item *item, struct text *out);
	/* as drawn */
	unsigned y, rows;
};

void menu_views(struct ui *ui);
void menu_sort(struct ui *ui);
void menu_actions(struct ui *ui);
/* How packets are shown; the item's `what` is a place in names, which stays. */
void menu_shapes(struct ui *ui, const char *const *names, size_t n, size_t at,
		 void (*chosen)(struct ui *ui, const struct menu_item *item));

/* What a view is for, as its page in the list and the legend show it. */
void text_view(const struct view_info *v, struct text *out);
/*
 * Text in a box: words are wrapped, '\n' ends a line, '#' begins a
 * heading. From line `top` on; returns all its
 * lines.
 */
unsigned paint_wrapped(unsigned y, unsigned x, unsigned width, unsigned rows, unsigned top,
		       const char *p, size_t n);

#endif
