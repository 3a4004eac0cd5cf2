/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room source: what the files of discovery share. All of it belongs to the discover thread.
 */
#ifndef DREDGE_SOURCE_INSIDE_H
#define DREDGE_SOURCE_INSIDE_H

#include <pthread.h>

#include "net/net.h"
#include "source/discover.h"
#include "source/idmap.h"
#include "source/process.h"
#include "source/sockscan.h"
#include "source/watch.h"

#define MAX_PIDS   1024 /* looked at per container */
#define MAX_IFACES 64	/* per container */
#define NEVER	   UINT64_MAX

struct container {
	struct cgroup_id id;
	uint64_t key;	     /* of this life */
	struct cgdir **dirs; /* its top directories, and those inside it; borrowed from the watch */
	size_t dir_count, dir_cap;
	bool fresh;	  /* seen when it was made, not found later */
	uint64_t seen;	  /* monotonic ns: when its first process, or before that its directory, was
			     seen */
	uint64_t seen_ts; /* real time of its directory */
	uint64_t due;	  /* monotonic ns: look again then */
	bool dirty;
	uint64_t empty; /* real time since when it has no process, 0 = has one */
	struct process first;
	int pidfd; /* of the first process, -1 = none */
	int32_t nsid;
	struct identity identity;
	bool runtime_read;
	struct counters *final;	      /* link counters at the end of its links, or NULL; owned */
	const struct discovered *pub; /* as announced, counted; NULL = not yet */
};

struct discover {
	struct source_options options; /* with the defaults put in */
	pthread_t thread;
	bool running;
	atomic_bool stop, ask;
	struct mailbox letters;
	int out_fd, control_fd, epoll_fd;
	struct watch *watch;
	struct net_socket *monitor, *route;
	struct sockscan *sockscan;
	struct restarts *restarts;
	uint64_t netns;		       /* our own */
	struct idmap links;	       /* ifindex -> struct net_link, owned */
	struct container **containers; /* in the order of their discovery */
	size_t n, cap;
	struct idmap by_id; /* hash of the id */
	struct idmap by_key;
	uint64_t next_key, generation;
	struct discovery *draft; /* facts not yet sent, or NULL */
	int pids[MAX_PIDS];	 /* of pids_of, while one container is looked at */
	size_t pid_count;
	const struct container *pids_of;
	bool scan_sockets; /* containers on the host's network changed */
	bool had_sockets;
	uint64_t scan_due, sockets_due, sockets_last;
};

/* ---- discovered.c ---- */

struct discovered *discovered_new(const struct container *c);
/* Without final. */
struct discovered *discovered_copy(const struct discovered *c);
bool discovered_same(const struct discovered *a, const struct discovered *b);
struct discover_fact *fact_add(struct discover *d, enum discover_fact_kind kind, uint64_t ts,
			       const struct discovered *c);
void sockets_add(struct discover *d, struct socket_table *t); /* t: taken over */
void letter_send(struct discover *d);

/* ---- lives.c ---- */

/* What makes containers of directories, and ends them. */
struct watch_hooks lives_hooks(struct discover *d);
/* Look at those that are dirty or due; now: monotonic ns. */
void lives_look(struct discover *d, uint64_t now);

/* ---- container.c ---- */

/* Look for the first process; false = there is none. */
bool container_enter(struct discover *d, struct container *c);
void container_leave(struct container *c); /* the first process is gone */
size_t container_pids(const struct container *c, int *pids, size_t max);
/* Whether the variables of its processes name a task by now. */
bool container_named(struct discover *d, struct container *c);
/* All that is known now, as a new object with one count; *settled false = look again soon. NULL =
 * the first process is just going away. */
struct discovered *container_describe(struct discover *d, struct container *c, bool *settled);
void container_free(struct container *c);
struct container *container_by_id(const struct discover *d, const char *id);
/* Add the counters of a host end, swapped to the container's view. */
void counters_add_link(struct counters *c, const struct net_link_stats *st);

/* ---- links.c ---- */

int links_load(struct discover *d, struct err *e);
void links_event(struct discover *d, const struct net_event *ev);
void links_done(struct discover *d);
/* Interfaces in the namespace of fd; owned by the caller. Refreshes c->nsid. */
struct discovered_iface *links_inside(struct discover *d, struct container *c, int netns_fd,
				      size_t *n);

#endif
