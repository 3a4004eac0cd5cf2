/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room state: the tables, which who.c fills from records and state.c from events. */
#ifndef DREDGE_STATE_INSIDE_H
#define DREDGE_STATE_INSIDE_H

#include "state/flows.h"
#include "state/owners.h"
#include "state/state.h"

#define CONTAINER_KEY_MAX 1024u

struct state {
	struct container **containers;
	size_t container_count, container_cap;
	struct strmap *by_id;
	struct iface *ifaces;
	size_t iface_count, iface_cap;
	struct flows *flows;
	bool ends;	       /* flows are not followed: nothing to measure */
	struct owners *owners; /* NULL = no container has ports */
	struct attribution rungs[ATTRIBUTIONS];
	unsigned rung_count;
	struct context context;
	uint64_t events;
	bool numbered; /* the source gives its events numbers */
	uint64_t last_ts;
};

enum { RUNG_UNKNOWN, RUNG_PORT, RUNG_RECORD };

/* Index of the rung of that name, a new one where there is a place. */
unsigned rung_of(struct state *s, const char *name);

#endif
