/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room console: the interactive screen of cdredge, and the only room that
 * knows ncurses. Two threads: the worker owns the feed and fills tables, the
 * screen's thread answers keys at once; they exchange orders and snapshots by
 * one-slot mailboxes. Built without ncurses only what says so is left.
 */
#ifndef DREDGE_CONSOLE_H
#define DREDGE_CONSOLE_H

#include "view/view.h"

/* All is borrowed until console_run returns. */
struct console_options {
	struct view_feed *feed; /* used by the worker alone meanwhile */
	const struct views *views;
	const char *view;		/* id of the first one */
	const char *filter;		/* the user's, or NULL */
	const char *const *filter_dirs; /* of "@name" */
	const char *marathon;		/* URL of its API for actions, or NULL */
	const char *capture;		/* path of the file, or NULL */
	uint64_t interval;		/* live: between refreshes, ns */
	uint64_t from, to;		/* a file: the window to begin with; 0 and 0 = all */
};

/* true: what is logged from now on waits for the screen, which would hide it otherwise; before
 * threads begin that may log. false: it is written as ever, and what the screen has not shown too.
 */
void console_log(bool keep);

/* Takes the terminal until the user leaves. 0, or -1 with the terminal as it was before. */
int console_run(const struct console_options *o, struct err *e);

#endif
