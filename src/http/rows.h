/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room http: what /v1 lists. A row stands for the containers of this
 * host, and the tasks of the whole cluster, that have one id in common.
 */
#ifndef DREDGE_HTTP_ROWS_H
#define DREDGE_HTTP_ROWS_H

#include "filter/filter.h"
#include "http/api.h"

#define NOBODY "n/a" /* the app, group or framework of who has none */

/* Of the containers of this host that are in a row. */
struct sums {
	struct container c; /* counters: their sums; what they have in common of the rest */
	struct rates rates;
	size_t containers, limited; /* limited: had to wait for their rate */
};

struct row {
	char *id;		     /* owned */
	const char *meta[META_KEYS]; /* what all in it agree on, borrowed of the view */
	struct sums *sums;	     /* owned; NULL = no container of this host */
	size_t members;		     /* that were joined for meta */
	size_t running;		     /* tasks of the cluster, now or at the time asked for */
	uint64_t since, until;	     /* of what it stands for, as in mesos_task */
	bool active;		     /* framework with a scheduler, registered agent */
};

struct rows {
	struct row *items;
	size_t n, cap;
	struct strmap *by_key;
};

enum rows_kind {
	ROWS_CONTAINERS,
	ROWS_TASKS,
	ROWS_APPS,
	ROWS_GROUPS, /* each group with all that are below it */
	ROWS_FRAMEWORKS,
	ROWS_AGENTS,
	ROWS_PORTS, /* "31000-31003" of an agent: ports that were assigned, and those the kernel
		       gives away */
	ROWS_LEAVES /* tasks, and containers without one, whose id is NOBODY */
};

/*
 * Of what the filter lets through (NULL = all), now (at = 0) or as it was at a time, ns since 1970:
 * then of tasks alone, as containers have no history.
 */
void rows_make(struct rows *rows, enum rows_kind kind, const struct view *v, uint64_t at,
	       const struct filter *filter);
void rows_done(struct rows *rows);

/* Length of the path of the group that an app or a group is in: of "/shop" in "/shop/web", of "/"
 * in
 * "/shop"; 0 = in none. */
size_t group_len(const char *id);

#endif
