/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room source: the cgroup directories of all hierarchies, kept up to
 * date by inotify and now and then by a scan. Used by the discover thread.
 */
#ifndef DREDGE_SOURCE_WATCH_H
#define DREDGE_SOURCE_WATCH_H

#include "source/cgroup.h"

struct cgdir {
	char *path;	 /* absolute */
	const char *rel; /* within path: below the hierarchy, "/mesos/..." */
	uint64_t inode;	 /* of a v2 directory also the cgroup's id */
	bool v2;
	void *owner;   /* the hooks' own */
	bool top;      /* the hooks' own */
	int wd;	       /* inotify, -1 = none */
	unsigned pass; /* scan that saw it last */
};

struct watch_hooks {
	void *ctx;
	/* A directory is there. outer: owner of the directory around it. fresh: just created, as
	 * against found by a scan. */
	void (*added)(void *ctx, struct cgdir *dir, void *outer, bool fresh);
	void (*removed)(void *ctx, struct cgdir *dir); /* freed after the call */
	/* A process may have entered or left. */
	void (*touched)(void *ctx, struct cgdir *dir);
};

struct watch;
struct watch *watch_new(const char *root, const struct watch_hooks *hooks, struct err *e);
void watch_free(struct watch *w); /* calls no hooks; w may be NULL */
int watch_fd(const struct watch *w);
/* Deliver what is pending, without blocking. */
void watch_read(struct watch *w);
/* Compare everything with the file system. */
void watch_scan(struct watch *w);

#endif
