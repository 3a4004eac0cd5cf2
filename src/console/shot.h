/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room console: a table as of one moment, copied, so that the worker may go on. */
#ifndef DREDGE_CONSOLE_SHOT_H
#define DREDGE_CONSOLE_SHOT_H

#include "view/view.h"

#define SHOT_BINS 256u /* of the time axis */

struct shot {
	uint64_t order; /* number of the order that it answers */
	/* All copied; cells and texts belong to the shot. */
	struct table_column *columns;
	size_t n_columns;
	struct table_rows rows;
	uint64_t lost;	 /* packets */
	unsigned sorted; /* as the view has it */
	bool descending;
	double part;  /* of the window that was read, 0..1 */
	double *bins; /* packets in SHOT_BINS equal parts of the whole file, or NULL */
	struct err trouble;
	struct cell *cells;
	char *bytes;
	float *sparks;
};

struct shot *shot_new(const struct table *t, const struct table_rows *rows);
void shot_free(struct shot *s); /* s may be NULL */
/* The best order is kept by who looks: rows of the shot are sorted in place. */
void shot_sort(struct shot *s, unsigned column, bool descending);
/* Does a cell of the row contain the text, whatever the case? "" = yes. */
bool shot_found(const struct shot *s, const struct table_row *r, const char *text,
		struct text *scratch);

#endif
