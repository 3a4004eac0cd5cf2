/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room http: where replies are made. What is asked again and again is
 * made ahead, once for each view; what takes no time is made at once; the rest
 * by threads of its own, so that nobody waits for the question of another.
 */
#ifndef DREDGE_HTTP_RENDERER_H
#define DREDGE_HTTP_RENDERER_H

#include "http/body.h"

/* A client that waits for its reply. */
struct render_wait {
	struct render_wait *next;
	struct body *body;		     /* the client's, from `done` on */
	void (*done)(struct render_wait *w); /* on a thread of the renderer */
};

struct renderer;
struct renderer *renderer_new(void);
int renderer_start(struct renderer *r, void (*thread_begins)(void), struct err *e);
/* Waits until every wait is over; later ones are refused. */
void renderer_close(struct renderer *r);
void renderer_free(struct renderer *r); /* r may be NULL */

/* Before a view is handed out: those of its replies that were asked for within the last minute. */
void renderer_prepare(struct renderer *r, const struct view *v);
/* The reply, now the caller's, if it is there or takes no time, else NULL. v: NULL = nothing is
 * known yet. */
struct body *renderer_ready(struct renderer *r, const struct view *v, const struct ask *ask);
/* Have it made; *o stays where it is until then. May be done before this returns. */
void renderer_submit(struct renderer *r, struct view *v, const struct ask *ask,
		     struct render_wait *w);

#endif
