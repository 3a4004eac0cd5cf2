/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room http: the members of a row that are shown, and by which rows are
 * sorted. */
#ifndef DREDGE_HTTP_COLUMNS_H
#define DREDGE_HTTP_COLUMNS_H

#include "http/rows.h"

#define COLUMNS_MAX 64u

struct column {
	char *name;					  /* owned */
	void (*put)(struct text *t, const struct row *r); /* a member of our own, or NULL */
	int meta;					  /* else an enum meta_key, or -1 */
	const struct field *field; /* else a field, with its argument (owned) or NULL */
	char *arg;
};

struct columns {
	struct column of[COLUMNS_MAX];
	size_t n;
};

/* "id,app,net_rx_bytes": members as an answer without fields= shows them, and
 * names of dredge-fields(7). */
int columns_parse(struct columns *c, const char *names, struct err *e);
void columns_done(struct columns *c);
/* JSON; null where there is none. */
void column_value(const struct column *c, const struct row *r, uint64_t now, struct text *t);
/* "name":value,... without braces. */
void columns_put(const struct columns *c, const struct row *r, uint64_t now, struct text *t);

#endif
