/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room console: the thread that owns the feed. The newest order wins;
 * what it answers is a snapshot, of which again only the newest is kept.
 */
#ifndef DREDGE_CONSOLE_WORKER_H
#define DREDGE_CONSOLE_WORKER_H

#include "console/look.h"
#include "console/shot.h"

struct order {
	uint64_t number;
	struct table *table; /* owned: a new one; NULL = the one that is being filled */
	struct look
		*look; /* shared: it sees the events of a file instead of the table; live both do */
	uint64_t from, to; /* of a file */
	char *filter;	   /* owned: of path and user, for a host that is asked; or NULL */
};

struct worker;
/* The feed is borrowed until worker_stop. */
struct worker *worker_start(struct view_feed *f, uint64_t interval);
void worker_stop(struct worker *w); /* waits for it; w may be NULL */
/* Takes over o->table and o->filter, and a share of o->look. */
void worker_order(struct worker *w, const struct order *o);
/* The newest snapshot, now owned by the caller, or NULL. */
struct shot *worker_take(struct worker *w);
/* Can be read when there is one. */
int worker_fd(const struct worker *w);
/* With whom there is trouble now, as view_feed has it, or "the host" that is asked; NULL = nobody.
 */
const char *worker_trouble(const struct worker *w);
/* Percent of a capture's window that was read. */
unsigned worker_part(const struct worker *w);

#endif
