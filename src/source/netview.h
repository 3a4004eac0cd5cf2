/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room source: what is sampled of the networks of containers. Of the
 * host in one dump per kind for all containers: links, qdiscs, classes of the
 * shaper. Of each namespace by a diag socket and files of /proc/net that stay
 * open between samples. Used by the sampler, from its thread.
 */
#ifndef DREDGE_SOURCE_NETVIEW_H
#define DREDGE_SOURCE_NETVIEW_H

#include "source/discover.h"

struct fd_budget { /* descriptors kept open between samples */
	size_t used, max;
};

struct netview;
/* Must be made in the monitor's network namespace. budget is borrowed. */
struct netview *netview_new(const struct source_options *o, struct fd_budget *budget,
			    struct err *e);
void netview_free(struct netview *v); /* v may be NULL */
/* Once per round. On failure what the host tells stays unknown. */
int netview_begin(struct netview *v, struct err *e);
/*
 * The counters of a container with a network of its own, into *out. Returns what is known of it
 * from whoever confines it (borrowed until the next netview_begin), or NULL.
 */
const struct confined *netview_read(struct netview *v, const struct discovered *c,
				    struct counters *out);
/* Those that are confined but were not read since netview_begin: they have no cgroup of their own,
 * so discovery does not know them. */
void netview_strays(struct netview *v,
		    void (*fn)(void *ctx, const struct confined *c, const struct counters *k),
		    void *ctx);
void netview_forget(struct netview *v, uint64_t key);
/* Take rates, when it is time; returns the monotonic time of the next ones, UINT64_MAX = never. */
uint64_t netview_rates(struct netview *v, uint64_t now);

#endif
