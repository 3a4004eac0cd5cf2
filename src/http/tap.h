/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room http: what happens, from the event thread to another one. Events
 * are copied into a ring of fixed size, each container and interface in front
 * of the first event that names it. The event thread takes no lock, makes no
 * system call and never waits: what does not fit is counted. While nobody wants
 * events it only looks at one number.
 */
#ifndef DREDGE_HTTP_TAP_H
#define DREDGE_HTTP_TAP_H

#include "state/state.h"

struct tap;
struct tap *tap_new(size_t bytes); /* a power of two */
void tap_free(struct tap *t);

/* ---- the event thread ---- */

void tap_put(struct tap *t, const struct context *c);

/* ---- the other one ---- */

/* Mask of 1 << EVENT_* to be put from now on; 0 = none. */
void tap_want(struct tap *t, uint32_t types);
/* Begin anew: what was put before is forgotten, containers and interfaces come again. */
void tap_restart(struct tap *t);
/* Hands everything there is to the sink, which ends nothing. */
void tap_take(struct tap *t, const struct sink *sink);
/* Events that did not fit, since the last call. */
uint64_t tap_lost(struct tap *t);

#endif
