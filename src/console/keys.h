/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room console: what keys ask for. One list gives the keys, the bottom line and the help. */
#ifndef DREDGE_CONSOLE_KEYS_H
#define DREDGE_CONSOLE_KEYS_H

#include "base/base.h"

enum request {
	REQ_NONE,
	REQ_HELP,
	REQ_VIEWS,
	REQ_NEXT,
	REQ_FILTER,
	REQ_ECHO,
	REQ_DIG,
	REQ_LEGEND,
	REQ_ACTIONS,
	REQ_SORT,
	REQ_REVERSE,
	REQ_QUIT,
	REQ_SPECTRUM,
	REQ_GRAPH,
	REQ_PORTMAP,
	REQ_SEARCH,
	REQ_PAUSE,
	REQ_FOLLOW,
	REQ_CLEAR,
	REQ_ENTER,
	REQ_BACK,
	REQ_UP,
	REQ_DOWN,
	REQ_PAGE_UP,
	REQ_PAGE_DOWN,
	REQ_FIRST,
	REQ_LAST,
	REQ_LEFT,
	REQ_RIGHT,
	REQ_PLAY,
	REQ_EARLIER,
	REQ_LATER,
	REQ_STEP_BACK,
	REQ_STEP,
	REQ_BEGIN,
	REQ_END,
	REQ_ZOOM_IN,
	REQ_ZOOM_OUT,
	REQ_WHOLE,
	REQ_FASTER,
	REQ_SLOWER,
	REQ_GO_TO,
	REQ_LINE,
	REQ_RESIZE,
	REQ_REDRAW,
};

struct binding {
	enum request request;
	int keys[4];
	const char *names; /* as in the help; NULL = not there */
	const char *label; /* in the bottom line, behind the first name; NULL = not there */
	const char *help;
	bool file; /* of a capture only */
};

extern const struct binding bindings[];
extern const size_t n_bindings;

enum request key_request(int key, bool file);
/* The column that is sorted by (from 0), -1 = no such key: 1 .. 9, and as shifted on a US keyboard.
 */
int key_column(int key);

#endif
