/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room source: makes socket tables, by sock_diag and by looking through
 * the descriptors of host-network containers. Used by the discover thread.
 */
#ifndef DREDGE_SOURCE_SOCKSCAN_H
#define DREDGE_SOURCE_SOCKSCAN_H

#include "source/sockets.h"

struct sock_holder { /* a host-network container */
	uint64_t key;
	const int *pids;
	size_t pid_count;
	const uint64_t *cgroups; /* ids of its v2 cgroups */
	size_t cgroup_count;
};

struct sockscan;
struct sockscan *sockscan_new(const char *proc_root, struct err *e);
void sockscan_free(struct sockscan *s); /* s may be NULL */
/* Sockets may have changed hands: ask /proc again for those nobody was found for. */
void sockscan_forget_strangers(struct sockscan *s);
/*
 * A new table as of ts (CLOCK_REALTIME ns, before the holders were looked for), owned by the
 * caller. listening is called once for each new listener of a container.
 * NULL on failure.
 */
struct socket_table *sockscan_run(struct sockscan *s, uint64_t ts,
				  const struct sock_holder *holders, size_t n,
				  void (*listening)(void *ctx, const struct socket_entry *k),
				  void *ctx, struct err *e);

#endif
