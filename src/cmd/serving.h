/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server of dredged: what it is told of the run. */
#ifndef DREDGE_CMD_SERVING_H
#define DREDGE_CMD_SERVING_H

#include "cmd/captures.h"
#include "http/http.h"
#include "mesos/mesos.h"
#include "savefile/savefile.h"
#include "source/source.h"
#include "state/state.h"

/* On the event thread, often: at most once a second something is made and published. writer and
 * poller may be NULL, and so may the server. */
struct serving {
	struct server *server;
	const struct state *state;
	const struct source *source;
	struct writer *writer;
	struct captures *captures;
	struct mesos_poller *poller;
	unsigned sample;      /* as in source_options */
	struct health health; /* of which serving_note counts notices */
};
void serving_tick(struct serving *s, uint64_t now);
/* On the event thread, for each notice. */
void serving_note(struct serving *s, const struct event *notice);

#endif
