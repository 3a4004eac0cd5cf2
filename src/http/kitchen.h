/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room http: where replies are made. What is asked again and again is
 * made ahead, once for each view; what takes no time is made at once; the rest
 * by threads of its own, so that nobody waits for the question of another.
 */
#ifndef DREDGE_HTTP_KITCHEN_H
#define DREDGE_HTTP_KITCHEN_H

#include "http/body.h"

/* A client that waits for its reply. */
struct order {
	struct order *next;
	struct body *body;	       /* the client's, from `done` on */
	void (*done)(struct order *o); /* on a thread of the kitchen */
};

struct kitchen;
struct kitchen *kitchen_new(void);
int kitchen_start(struct kitchen *k, void (*thread_begins)(void), struct err *e);
/* Waits until every order is done; later ones are refused. */
void kitchen_close(struct kitchen *k);
void kitchen_free(struct kitchen *k); /* k may be NULL */

/* Before a view is handed out: those of its replies that were asked for within the last minute. */
void kitchen_prepare(struct kitchen *k, const struct view *v);
/* The reply, now the caller's, if it is there or takes no time, else NULL. v: NULL = nothing is
 * known yet. */
struct body *kitchen_ready(struct kitchen *k, const struct view *v, const struct ask *ask);
/* Have it made; *o stays where it is until then. May be done before this returns. */
void kitchen_order(struct kitchen *k, struct view *v, const struct ask *ask, struct order *o);

#endif
