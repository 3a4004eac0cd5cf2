/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room http: what /v1 lists. A row stands for the containers that have
 * one id in common. */
#ifndef DREDGE_HTTP_ROWS_H
#define DREDGE_HTTP_ROWS_H

#include "filter/filter.h"
#include "http/api.h"

#define NOBODY "n/a" /* the app, group or framework of who has none */

struct row {
	char *id; /* owned */
	/* What all of them agree on, borrowed of the view, and the sums of their
	 * counters. */
	struct container c;
	struct rates rates;
	size_t containers, limited; /* limited: had to wait for their rate */
};

struct rows {
	struct row *items;
	size_t n, cap;
	struct strmap *by_id;
};

enum rows_kind {
	ROWS_CONTAINERS,
	ROWS_TASKS,
	ROWS_APPS,
	ROWS_GROUPS, /* each group with all that are below it */
	ROWS_FRAMEWORKS,
	ROWS_AGENTS,
	ROWS_PORTS /* "31000-31003": ports that were assigned, and those the kernel
		      gives away */
};

/* Of the containers that the filter lets through (NULL = all). */
void rows_make(struct rows *rows, enum rows_kind kind, const struct view *v,
	       const struct filter *filter);
void rows_done(struct rows *rows);

#endif
