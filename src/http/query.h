/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room http: the arguments of /v1. */
#ifndef DREDGE_HTTP_QUERY_H
#define DREDGE_HTTP_QUERY_H

#include "http/columns.h"

#define LIMIT_MAX 100000u /* rows of an answer */

struct query {
	const struct view *view;
	uint64_t at; /* ns since 1970; 0 = now */
	struct filter *filter;
	struct columns columns, sort;
	bool down; /* sort: the greatest first */
	uint64_t limit;
	char *after_key, *after_id; /* the last row of the page before, or NULL */
};

/* *q is all zero; otherwise: the columns when no `fields` are named. query_done in either case. */
int query_parse(struct query *q, const struct request *r, const char *otherwise, struct err *e);
void query_done(struct query *q);

#endif
