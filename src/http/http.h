/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room http: what is asked of dredged over HTTP.
 *
 * The control socket: a unix socket by which dredgectl and dredge-cni attach,
 * change and detach containers (requests: dredged(8), CONTROL SOCKET). A
 * thread of its own serves it and is the only one that uses the isolator from
 * then on; it also looks for drift once a second.
 *
 * The server: statistics, metadata and metrics for everybody on this host, to
 * be read only (requests: dredged(8), HTTP API). The event thread publishes a
 * view of what it knows; the server's own threads answer from it.
 */
#ifndef DREDGE_HTTP_H
#define DREDGE_HTTP_H

#include "event/event.h"
#include "isolate/isolate.h"
#include "mesos/mesos.h"
#include "state/state.h"
#include "view/view.h"

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
	/* Who a container is, as far as that is known; strings borrowed until the next turn. */
	void (*names)(void *ctx, const char *id, const char *meta[META_KEYS]);
	/* Each 200 ms on the thread of the socket; may make requests of its own. NULL = nothing. */
	void (*turn)(void *ctx, struct isolator *i);
	void *ctx;
};

struct control;
/* Takes the isolator over, also when it fails: control_close closes it. */
struct control *control_open(const struct control_options *o, struct isolator *i, struct err *e);
/* Serve from now on. Threads inherit privileges: give up before what is not needed. */
int control_start(struct control *c, struct err *e);
void control_close(struct control *c); /* c may be NULL; what is enforced stays */

/* ---- the server ---- */

#define NOTICE_KINDS 24u

struct capture_file {
	const char *name;      /* without directory */
	const char *path;      /* that it has, or will have when it is whole */
	const char *hidden;    /* where it lies until then, or NULL */
	const char *filter;    /* of what is written there beside dredged's own, or NULL */
	uint64_t begun, ended; /* realtime ns; ended 0 = being written */
	uint64_t bytes;	       /* whole, up to the end of a window */
};

/* What a client wants done with captures. */
struct filter;
struct capture_order {
	enum { CAPTURE_START, CAPTURE_STOP, CAPTURE_ROTATE } what;
	char *name;		    /* of a file, without directory; owned, as the rest */
	struct filter *filter;	    /* of one that starts; NULL = everything */
	char *filter_text;	    /* or NULL */
	uint64_t max_ns, max_bytes; /* it stops then; 0 = no limit */
};
/* Does it and returns the status of HTTP for it, with *e from 400 on; what it takes of the order it
 * sets to NULL; o->name becomes that of the file. */
typedef unsigned capture_taker(void *ctx, struct capture_order *o, struct err *e);

/* How dredged itself is; texts may be NULL and are borrowed for the call. */
struct health {
	uint64_t seen, lost, sampled_out; /* packets */
	uint64_t interfaces;
	unsigned sample;	      /* 1 in N packets are looked at */
	const char *capture;	      /* file that is written, or NULL */
	uint64_t recorded, unwritten; /* events */
	uint64_t capture_bytes;
	const struct capture_file *captures; /* the oldest first; borrowed for the call */
	size_t capture_count;
	bool metadata;	   /* somebody is asked for names */
	uint64_t answered; /* realtime ns of the newest answer, 0 = none yet */
	uint64_t tasks;	   /* known by it */
	const char *metadata_error;
	bool metadata_alone; /* containers of this host are not looked for */
	struct notice_count {
		char kind[32]; /* DREDGE_EVENT; empty = no more */
		uint64_t n;
	} notices[NOTICE_KINDS];
};

struct server;
struct server_options {	     /* texts are borrowed for the call */
	const char *address; /* "127.0.0.1:5052" (port 0 = any free one) or "unix:/path" */
	/* Files: of TLS in PEM, and of tokens (dredged(8)); NULL = none. What is neither of
	 * loopback nor a unix socket wants all of them. */
	const char *certificate, *key, *tokens;
};
/* Listens and tells where; nobody is answered before server_start. */
struct server *server_open(const struct server_options *o, struct err *e);
/* poller: who knows the cluster; borrowed until server_close, may be NULL. thread_begins: called
 * first on each of its threads, which read foreign bytes; gives up privileges. */
int server_start(struct server *s, struct mesos_poller *poller, void (*thread_begins)(void),
		 struct err *e);
/* On the event thread. Whether a second has passed since the last time: then publish. */
bool server_is_due(const struct server *s, uint64_t now);
void server_publish(struct server *s, const struct state *state, const struct health *h,
		    uint64_t now);
/* On the event thread, often: what clients want done. */
void server_take_orders(struct server *s, capture_taker *take, void *ctx);
/* The views that may be asked for, before server_start; borrowed until server_close. */
void server_views(struct server *s, const struct views *views);
/* On the event thread, each event: for those who listen. */
void server_event(struct server *s, struct context *c);
void server_close(struct server *s); /* s may be NULL */

#endif
