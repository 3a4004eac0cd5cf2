/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room state: whose a port of a host is, and since when. Containers that share the address
 * of their host are told apart by the ports they were given: a Mesos agent offers each of its
 * host's to one task at a time.
 */
#ifndef DREDGE_STATE_OWNERS_H
#define DREDGE_STATE_OWNERS_H

#include "state/state.h"

#define OWNERS_ADDRESSES 16u	    /* hosts whose ports are remembered */
#define OWNERS_MAX	 (1u << 20) /* ports with their owners, earlier ones included */
#define OWNER_NONE	 UINT32_MAX

struct owners;
struct owners *owners_new(void);
void owners_free(struct owners *o); /* o may be NULL */
/*
 * From since on, ns, the container has these ports ("31000-31007,31016") of the host with this
 * address; what is no address or no list of ports is left out.
 */
void owners_put(struct owners *o, const char *address, const char *ports, uint64_t since,
		uint32_t container);
/* What was the first one's is the second one's. */
void owners_move(struct owners *o, uint32_t from, uint32_t to);
/*
 * The container with the port of that protocol layer's end at the host that has it at ts, or
 * OWNER_NONE. flags: EVENT_OUT = the sender is asked first. is_gone: whether a container is none
 * any more at ts.
 */
uint32_t owners_find(const struct owners *o, const struct packet_layer *l, uint32_t flags,
		     uint64_t ts, bool (*is_gone)(const void *ctx, uint32_t container, uint64_t ts),
		     const void *ctx);

#endif
