/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the containers of this host and follows their lives, on a thread of
 * its own (it enters network namespaces). Woken by inotify on the cgroup
 * directories, by netlink notifications of links, addresses and namespaces,
 * and by pidfds of first processes; a slow full scan is the safety net.
 *
 * The event thread polls discover_fd and takes letters. A letter that nobody
 * took is merged into the next one, so no fact is ever lost.
 */
#ifndef DREDGE_SOURCE_DISCOVER_H
#define DREDGE_SOURCE_DISCOVER_H

#include "source/source.h"
#include "source/sockets.h"

struct discovered_iface {
	char name[16];	       /* inside the container: "eth0" */
	char host_name[16];    /* of the host end; empty when it has none here (macvlan, ...) */
	uint32_t ifindex;      /* inside */
	uint32_t host_ifindex; /* of the host end, 0 = none */
	uint32_t mtu;
	uint8_t mac[6]; /* inside */
	bool has_mac, has_ipv4, has_ipv6;
	uint8_t ipv4[4], ipv4_mask[4]; /* first address that is neither loopback nor link-local */
	uint8_t ipv6[16], ipv6_prefix;
};

/* One state of one container: immutable, counted. A change makes a new object with the same key. */
struct discovered {
	atomic_uint refs;
	uint64_t key; /* one life of one container; never used again in this run, never 0 */
	struct container_record record; /* strings owned; META_CONTAINER is always there */
	uint64_t parent;		/* key of the enclosing container, 0 = none */
	uint64_t netns_owner; /* key of the container whose interfaces it uses; own key when its own
			       */
	uint64_t netns;	      /* inode number of its network namespace, 0 = not known yet */
	bool host_network; /* its namespace is the monitor's own; a later change may say otherwise
			    */
	char comm[16];
	const char *cgroup; /* path below its hierarchy, "/mesos/c0ffee00-..."; owned */
	/* Directories of its cgroup in every hierarchy that has it, absolute; NULL-ended; owned. */
	const char *const *cgroup_dirs;
	struct discovered_iface *ifaces; /* owned */
	size_t iface_count;
	/* In DISCOVER_END: the last link counters (net_*), NULL when they were gone; owned. The
	 * sampler knows: sampler_read of an ended container gives its last sample. */
	const struct counters *final;
};

/* Any thread. */
struct discovered *discovered_ref(const struct discovered *c);
void discovered_unref(const struct discovered *c); /* c may be NULL */

enum discover_fact_kind {
	DISCOVER_START,	 /* first seen; interfaces may still be unknown */
	DISCOVER_CHANGE, /* more is known: interface, address, name, first process */
	DISCOVER_END,	 /* container->record.end is set; carries everything that was known */
	DISCOVER_LOOP,	 /* recreated again and again: count ends within window_s seconds */
	DISCOVER_LISTEN	 /* a host-network container listens */
};

struct discover_fact {
	enum discover_fact_kind kind;
	uint64_t ts;			    /* CLOCK_REALTIME ns */
	const struct discovered *container; /* counted by the letter */
	/* DISCOVER_LOOP */
	unsigned count, window_s;
	char loop_key[128]; /* what is recreated: "/shop/web", an image, a command */
	/* DISCOVER_LISTEN */
	struct socket_entry socket;
};

struct discovery { /* a letter; owned by who took it */
	uint64_t generation;
	/* In order of time. Who handles every fact knows every container, short-lived ones too. */
	struct discover_fact *facts;
	size_t fact_count, fact_cap;
	/* All containers alive at this generation. */
	const struct discovered **containers;
	size_t container_count;
	/* Of the host-network containers, NULL when there is no newer one than the last letter had;
	 * whoever it names is known by this letter. */
	struct socket_table *sockets;
};

struct discover;
/* Starts the thread; the first letter (a full scan) is ready on return. */
struct discover *discover_start(const struct source_options *o, struct err *e);
void discover_stop(struct discover *d); /* joins the thread; d may be NULL */
/* Readable (POLLIN) when a letter may be there; taking clears it. */
int discover_fd(const struct discover *d);
/* The newest letter, or NULL. Free with discovery_free. */
struct discovery *discover_take(struct discover *d);
void discovery_free(struct discovery *l); /* l may be NULL */

/* Refresh the socket table soon, for a packet nobody owns; at most one refresh in 200 ms comes of
 * it. */
void discover_ask_sockets(struct discover *d);

/* ---- restart loops; pure, also for callers that know better keys (task names from the API) ----
 */

struct restarts;
struct restarts *restarts_new(void);
void restarts_free(struct restarts *r);
/* A container of this key started at ts. May be told late, but before its own end. */
void restarts_start(struct restarts *r, const char *key, uint64_t ts);
/*
 * A container of this key ended. Returns how often it ended in the current loop when that is worth
 * a report (at 3 ends within 60 s with a new start between them, then at each doubling), else 0.
 */
unsigned restarts_end(struct restarts *r, const char *key, uint64_t ts);

#endif
