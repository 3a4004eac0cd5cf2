/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ports that a scheduler assigned to a container's tasks. They do not reach a CNI plugin, so
 * they are taken from what Mesos says, and given to the container as an update; also when a task
 * joins an executor. And who the container is. All but the poller is for the thread of the control
 * socket alone.
 */
#ifndef DREDGE_CMD_DESIRED_H
#define DREDGE_CMD_DESIRED_H

#include "event/event.h"

struct isolator;

struct desired {
	struct mesos_poller *poller;   /* borrowed; NULL = nobody to ask */
	struct mesos_snapshot *newest; /* owned; NULL = no answer yet */
	struct desired_told *told;     /* what was not to be had, told already; owned */
	size_t count, cap;
};

/* Looks when Mesos has answered since the last call. */
void desired_apply(struct desired *d, struct isolator *i);
/* Fills the keys that are known with strings borrowed until the next desired_apply. */
void desired_names(const struct desired *d, const char *id, const char *meta[META_KEYS]);
void desired_done(struct desired *d);

#endif
