/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room console: which columns fit, and where. */
#ifndef DREDGE_CONSOLE_LAYOUT_H
#define DREDGE_CONSOLE_LAYOUT_H

#include "base/base.h"

#define LAYOUT_GAP 2u /* blanks between columns */

struct want {
	unsigned width; /* of its widest cell or its name */
	unsigned least; /* cut to that where it has to be; == width: never cut */
	bool sticky;	/* always shown: what the rows are */
};

struct place {
	unsigned column, x, width;
};

/*
 * Places of the columns from `first` on (sticky ones always) on a screen of so many columns, in
 * their order. A column that would be cut below its least is left out with all behind it. Returns
 * how many of out[n] were filled; *left_out: some are beyond the right edge.
 */
size_t layout(const struct want *wants, size_t n, unsigned first, unsigned screen,
	      struct place *out, bool *left_out);

#endif
