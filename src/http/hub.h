/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room http: from the tap to those who listen. One thread has tables of
 * containers and interfaces of its own, holds each event against the filter of
 * each channel, and wakes who waits, some ten times a second.
 */
#ifndef DREDGE_HTTP_HUB_H
#define DREDGE_HTTP_HUB_H

#include "http/stream.h"
#include "http/tap.h"

#define HUB_LISTENERS 2048u
#define HUB_CHANNELS  64u /* different filters */

struct hub;
struct hub *hub_new(struct err *e);
int hub_start(struct hub *h, void (*thread_begins)(void), struct err *e);
void hub_stop(struct hub *h); /* its thread */
void hub_free(struct hub *h); /* when nobody listens any more; h may be NULL */

/* On the event thread. */
void hub_put(struct hub *h, const struct context *c);
/*
 * A stream of events, from now on or behind an event that was got before (its id, or NULL). NULL: a
 * bad filter (ERR_USAGE), or too many who listen.
 */
struct stream *hub_listen(struct hub *h, const char *filter, const char *last_id, struct err *e);

#endif
