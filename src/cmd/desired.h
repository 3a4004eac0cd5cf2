/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ports that a scheduler assigned to a container's tasks. They do not reach a CNI plugin, so
 * they are taken from what Mesos says, and given to the container as an update; also when a task
 * joins an executor. All but the poller is for the thread of the control socket alone.
 */
#ifndef DREDGE_CMD_DESIRED_H
#define DREDGE_CMD_DESIRED_H

#include "base/base.h"

struct isolator;

struct desired {
	struct mesos_poller *poller; /* borrowed; NULL = nobody to ask */
	struct desired_told *told;   /* what was not to be had, told already; owned */
	size_t count, cap;
};

/* Looks when Mesos has answered since the last call. */
void desired_apply(struct desired *d, struct isolator *i);
void desired_done(struct desired *d);

#endif
