/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room console: what is on the screen, and who draws and answers. */
#ifndef DREDGE_CONSOLE_UI_H
#define DREDGE_CONSOLE_UI_H

#include "console/console.h"
#include "console/keys.h"
#include "console/screen.h"
#include "console/worker.h"

#define LEVELS_MAX 16u

struct ui;
struct look;

/* One part of the screen that has the keys: the table, the packets, a menu, a line being typed. */
struct pane {
	const char *name; /* in the first line; NULL = of the view */
	void (*draw)(struct ui *ui);
	/* false: not mine, let the others see it. */
	bool (*request)(struct ui *ui, enum request r, int key);
	bool (*pointed)(struct ui *ui, const struct pointed *p);
	bool holds; /* what it speaks of stays as it is: no new rows meanwhile */
};

/* A view on the way down. */
struct level {
	const struct view_info *info;
	size_t steps; /* of the path that lead to it */
	unsigned depth;
	bool ordered; /* the user chose: */
	unsigned sorted;
	bool descending;
	uint64_t row; /* id of the selected one, when followed */
	bool follow;
	bool left;	     /* of a live list: the cursor left the newest row */
	uint64_t cleared;    /* of a list: rows with ids up to this are forgotten */
	size_t at, top;	     /* selected and first line, among those found */
	unsigned first;	     /* column */
	unsigned widest[64]; /* of each column so far, so that nothing jumps */
	struct shot *shot;   /* the newest; NULL = none yet */
	bool whole;	     /* and it stays until the next is whole too: one came back to it */
};

struct ui {
	const struct console_options *o;
	struct worker *worker;
	const struct pane *body;    /* table_pane, dig_pane, ... */
	const struct pane *overlay; /* on top of it, or NULL */
	struct view_path path;
	struct level levels[LEVELS_MAX];
	size_t n_levels;
	struct look *look; /* shared with the worker; NULL = the table is shown */
	uint64_t orders;
	uint64_t changed; /* the first order with the window and filter as they are */
	char *filter;	  /* the user's; "" = none */
	char *match;	  /* plain text that rows have to contain; "" = all */
	char *search;	  /* what was looked for last */
	bool paused, quit;
	/* a file: what is counted, and how it goes on */
	uint64_t from, to;
	double *bins; /* SHOT_BINS, or NULL */
	/* a word to the user; until when (monotonic ns) */
	char message[200];
	enum style message_style;
	uint64_t message_until;
	struct text scratch;
	struct shot *held; /* that came while an overlay holds the rows, the newest; or NULL */
	size_t *lines;	   /* rows of the shot that are found, in order */
	size_t n_lines, cap_lines;
};

/* ---- console.c ---- */

static inline struct level *ui_level(struct ui *ui)
{
	return &ui->levels[ui->n_levels - 1];
}

bool ui_file(const struct ui *ui);
void ui_say(struct ui *ui, enum style style, const char *fmt, ...) ATTR_PRINTF(3, 4);
/* Opens the level's table and orders it. -1: as before. */
int ui_open(struct ui *ui, struct err *e);
/* Counts only what this filter lets pass, "" = all. -1: as before. */
int ui_filter(struct ui *ui, const char *filter, struct err *e);
/* Another window of the same table. */
void ui_window(struct ui *ui, uint64_t from, uint64_t to);
/* Another body that looks at events of [from, to] itself (the look is shared); NULL and NULL: the
 * table again. */
void ui_look(struct ui *ui, const struct pane *body, struct look *l, uint64_t from, uint64_t to);
/* A view instead of the one that is shown. */
void ui_view(struct ui *ui, const struct view_info *info);
/* The view below, for the step that ui->path ends with. */
void ui_down(struct ui *ui, const struct view_info *info);
void ui_up(struct ui *ui);
/* Lines anew: after a snapshot, a sort, another text. */
void ui_found(struct ui *ui);
/* The column that lines are sorted by. */
unsigned ui_sorted(const struct ui *ui, bool *descending);
/* By another column; the same again turns the order. */
void ui_sort(struct ui *ui, unsigned column);
/* As if it had been pressed. */
void ui_key(struct ui *ui, int key);
/* The picture that is in sight is held; each has a pause of its own. */
bool ui_held(const struct ui *ui);
/* The newest order has not been answered. */
bool ui_waiting(const struct ui *ui);
/* The row under the cursor, or NULL. */
const struct table_row *ui_row(const struct ui *ui);

/* ---- the parts ---- */

/* Moves the window so that the moment is in its middle. */
void axis_center(struct ui *ui, uint64_t at);
/* Pages of text, over whatever there is: the keys, the columns of the view, the filter language. */
void help_keys(struct ui *ui);
void help_legend(struct ui *ui);
void help_filter(struct ui *ui);

extern const struct pane table_pane;

/* Lines above the body; returns how many. */
unsigned header_draw(struct ui *ui);
/* A click on the filter is for the filter. */
bool header_pointed(struct ui *ui, const struct pointed *p);
/* The bottom line; of bodies with keys of their own, those. A word to the user comes before. */
void footer_draw(struct ui *ui);
/* keys (static): what they do, "F2 view as  ^F search": each begins with a key's name. NULL: an
 * overlay draws that line. */
void footer_hint(const struct ui *ui, const char *keys);
/* There, from column x on: the first name of a key and what it does; a click on it is as the key.
 * Returns where the next one begins. */
unsigned footer_label(unsigned x, const char *name, const char *label, int key);
/* A click there is as the key that stands there. */
bool footer_pointed(struct ui *ui, const struct pointed *p);

#endif
