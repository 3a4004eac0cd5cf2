/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room console: looks at the events themselves, for a page of packets or
 * a picture. The worker puts in, the screen draws; each holds the lock only
 * for an event or a picture.
 */
#ifndef DREDGE_CONSOLE_LOOK_H
#define DREDGE_CONSOLE_LOOK_H

#include "view/view.h"

#include <pthread.h>

struct look;
struct look_kind {
	size_t size; /* of the struct that begins with struct look */
	bool flows;
	void (*begin)(struct look *l); /* a window: forget all */
	/* Locked; non-zero ends a scan. */
	int (*event)(struct look *l, struct context *c);
	void (*done)(struct look *l); /* frees what it owns but itself */
};

struct look {
	struct view_look view;
	const struct look_kind *kind;
	pthread_mutex_t lock;
	struct table *scope; /* for its filter */
	atomic_uint refs;
	atomic_bool whole; /* the window was read to its end */
	atomic_bool held;  /* live: the user holds the picture, nothing is put in */
	bool live;
	uint64_t from, to; /* of the window; live: 0 */
};

/* For what the path, `filter` and `more` (filters, may be NULL) let through. Zeroed but for that.
 */
struct look *look_new(const struct look_kind *kind, const struct view_path *path,
		      const char *filter, const char *more, const char *const *dirs, struct err *e);
struct look *look_ref(struct look *l); /* l may be NULL */
void look_unref(struct look *l);       /* likewise */
void look_begin(struct look *l, uint64_t from, uint64_t to);

#endif
