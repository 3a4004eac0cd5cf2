/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room http: what is asked of dredged over HTTP. So far the control socket: a
 * unix socket by which dredgectl and dredge-cni attach, change and detach
 * containers (requests: dredged(8), CONTROL SOCKET). A thread of its own
 * serves it and is the only one that uses the isolator from then on; it also
 * looks for drift once a second.
 */
#ifndef DREDGE_HTTP_H
#define DREDGE_HTTP_H

#include "event/event.h"
#include "isolate/isolate.h"

struct control_sample {
	const char *id;	       /* by which it is confined, else as it was found */
	const char *container; /* as it was found; empty = it was not */
	uint64_t ts;	       /* realtime ns */
	const struct counters *counters;
};

struct control_options {
	const char *path;			    /* of the socket */
	const char *group;			    /* may use it beside root; NULL = nobody */
	const struct limit_flags *egress, *ingress; /* for requests that name no rate; borrowed */
	bool spare_ingress; /* not *ingress for who received without a limit before */
	bool repair;	    /* put right what somebody else changed; else only tell */
	/* The newest sample of each container, borrowed for the call. */
	void (*samples)(void *ctx, void (*fn)(void *to, const struct control_sample *s), void *to);
	/* Once a second on the thread of the socket; may make requests of its own. NULL = nothing.
	 */
	void (*turn)(void *ctx, struct isolator *i);
	void *ctx;
};

struct control;
/* Takes the isolator over, also when it fails: control_close closes it. */
struct control *control_open(const struct control_options *o, struct isolator *i, struct err *e);
/* Serve from now on. Threads inherit privileges: give up before what is not needed. */
int control_start(struct control *c, struct err *e);
void control_close(struct control *c); /* c may be NULL; what is enforced stays */

#endif
