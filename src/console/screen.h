/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room console: the terminal. All that is drawn goes through here and is cleaned here. */
#ifndef DREDGE_CONSOLE_SCREEN_H
#define DREDGE_CONSOLE_SCREEN_H

#include "base/base.h"

enum style {
	STYLE_TEXT,
	STYLE_DIM,
	STYLE_BOLD,
	STYLE_TITLE,	/* line of the path */
	STYLE_HEADER,	/* names of columns */
	STYLE_SORTED,	/* the one sorted by */
	STYLE_SELECTED, /* row */
	STYLE_KEY,	/* bottom line: the key */
	STYLE_LABEL,	/* and what it does */
	STYLE_GRAPH,
	STYLE_WINDOW, /* of the time axis: what is counted */
	STYLE_GOOD,
	STYLE_WARN,
	STYLE_ERROR,
	STYLES
};

#define HEAT_STEPS 12u /* colours of a spectrogram */

/* Takes the terminal; signals that would end the program give it back first. */
int screen_open(struct err *e);
void screen_close(void);
/* Gives the terminal to a program that is run, and takes it again. */
void screen_leave(void);
void screen_return(void);

/* Columns and rows; at least 1. */
unsigned screen_width(void);
unsigned screen_height(void);
/* May text hold characters beyond ASCII? */
bool screen_unicode(void);

void screen_begin(void); /* an empty picture */
void screen_end(void);	 /* shows it: only what changed is sent */
/*
 * n bytes of foreign text at row y, column x, in exactly `width` columns: cut with an ellipsis or
 * filled with blanks. What lies outside of the screen is left out. Returns the columns of the text.
 */
unsigned paint(unsigned y, unsigned x, unsigned width, enum style style, const char *p, size_t n);
unsigned paint_str(unsigned y, unsigned x, unsigned width, enum style style, const char *s);
/* As long as it is, up to the end of the line; returns the column behind it. */
unsigned paint_fmt(unsigned y, unsigned x, enum style style, const char *fmt, ...)
	ATTR_PRINTF(4, 5);
/* A bar of n eighths (0..8) high in one column. */
void paint_block(unsigned y, unsigned x, enum style style, unsigned eighths);
/* A field of a spectrogram: heat 0 (nothing) .. HEAT_STEPS - 1. */
void paint_heat(unsigned y, unsigned x, unsigned heat);
void screen_cursor(unsigned y, unsigned x); /* shown there until the next picture */

/* ---- input ---- */

enum {
	KEY_NONE_YET = 0,
	/* beyond what ncurses uses */
	KEY_END_OF_INPUT = 0x10000,
	KEY_POINTED,		  /* mouse: see struct pointed */
	KEY_CHARACTER = 0x200000, /* a character whose number could be taken for a key's */
};

struct pointed {
	unsigned x, y;
	enum { POINT_CLICK, POINT_DOUBLE, POINT_PRESS, POINT_RELEASE, POINT_UP, POINT_DOWN } what;
};

/* The next key (of ncurses, a character, or of those above), KEY_NONE_YET when there is none. */
int screen_key(struct pointed *p);
/* Waits until there is input, `fd` can be read, or so many ms went by. */
void screen_wait(int fd, int ms);
/* A signal asked to end. */
bool screen_ending(void);

#endif
