/* SPDX-License-Identifier: Apache-2.0 */
/* dredgectl run: a program in a network namespace and a cgroup of its own. */
#ifndef DREDGE_CMD_RUN_H
#define DREDGE_CMD_RUN_H

#include "base/base.h"

#include <sys/types.h>

#define RUN_CGROUP "dredge" /* discovery finds what is in it by any name */

struct run_options {	    /* borrowed */
	char **words;	    /* program and arguments */
	const char *id;	    /* name of its cgroup */
	const char *cgroup; /* in which that is made; "none" = no cgroup */
	/* Called when the namespace is there and the program is not; and when both are over. */
	int (*attach)(void *ctx, pid_t pid, struct err *e);
	int (*detach)(void *ctx, struct err *e);
	void *ctx;
};

/*
 * Returns the exit status of the program, 127 or 126 when there is none or it cannot be executed,
 * 128 and the signal that ended it; -1 when it was not started. What it leaves running in its
 * cgroup is killed. Signals to us go on to it.
 */
int run_program(const struct run_options *o, struct err *e);

#endif
