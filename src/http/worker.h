/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room http: a thread of the server, with the connections that it accepted. */
#ifndef DREDGE_HTTP_WORKER_H
#define DREDGE_HTTP_WORKER_H

#include "http/access.h"
#include "http/renderer.h"

struct worker_options {
	int listening; /* borrowed */
	int stop;      /* becomes readable when it shall end; borrowed */
	struct renderer *renderer;
	struct live *live;
	const struct access *access;
};

struct worker;
struct worker *worker_open(const struct worker_options *o, struct err *e);
int worker_start(struct worker *w, void (*thread_begins)(void), struct err *e);
/* What it answers from, from now on; any thread, one at a time. Takes v over. */
void worker_tell(struct worker *w, struct view *v);
/* After the end of the renderer, whose waits are its clients'. w may be NULL. */
void worker_close(struct worker *w);

#endif
