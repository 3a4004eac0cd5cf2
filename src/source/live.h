/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside room source: the live system as one stream. live.c runs the loop;
 * live_links.c knows the host's interfaces and the kernel's filter, live_who.c
 * the containers, live_packet.c decides whose a packet is. Event thread only.
 */
#ifndef DREDGE_SOURCE_LIVE_H
#define DREDGE_SOURCE_LIVE_H

#include "source/bpf.h"
#include "source/counters.h"
#include "source/discover.h"
#include "source/idmap.h"
#include "source/ring.h"
#include "source/sources.h"
#include "net/net.h"

#define LIVE_HELD_NS (2 * NSEC_PER_SEC) /* longest wait for a socket table, on a busy machine */

struct live_container;

struct live_iface {			  /* an interface record of this run */
	uint32_t number, ifindex;	  /* ifindex on the host, 0 = nothing is captured there */
	char *name;			  /* owned */
	struct live_container *container; /* NULL = not known yet, or captured whole */
	struct discovered_iface facts;	  /* addresses; zero when there are none */
	uint32_t linktype;
};

struct live_link { /* an interface of the host */
	uint32_t ifindex;
	char name[NET_NAME_SIZE];
	bool usable; /* Ethernet, loopback, or IP without a link layer */
	bool veth, loopback, bridged, up, raw;
	bool paired;		  /* the other end is here too: nobody's, and seen elsewhere */
	bool asked;		  /* the user wants it whole */
	struct live_iface *iface; /* borrowed: of its container, or own when it has none */
	uint64_t provisional;	  /* until this monotonic time a new veth is watched unasked */
	uint64_t gone; /* monotonic; 0 = there. Packets of it may still be in the ring. */
};

struct live_container {
	const struct discovered *d;
	struct live_iface **ifaces; /* owned */
	size_t n, cap;
	uint64_t packets;
	uint64_t ended; /* monotonic; 0 = alive */
};

/* Packets whose socket is not in the table yet, in order of arrival. */
struct live_held {
	struct ring_packet *packets; /* data points into bytes */
	size_t n, cap;
	uint8_t *bytes;
	size_t used;
	bool releasing;
};

struct live {
	struct source base;
	struct source_options o;
	struct ring *ring;
	struct bpf_expression expression;
	struct net_socket *net, *monitor;
	struct discover *discover;
	struct sampler *sampler;
	struct idmap links;	 /* ifindex -> struct live_link, owned */
	struct idmap containers; /* key -> struct live_container, owned */
	struct idmap addresses;	 /* of container interfaces -> struct live_iface */
	struct idmap host_addresses;
	struct socket_table *sockets;
	struct live_held held;
	size_t host_containers; /* how many use the host's network */
	uint32_t numbers;	/* interface numbers given so far */
	bool filter_dirty, links_dirty, addresses_dirty, started, ask_sockets;
	/* Of the run: */
	const struct sink *sink;
	const struct reader_query *query;
	struct ring_stats ring_stats;
	struct source_stats stats;
	uint64_t begun; /* realtime */
	uint64_t next_tick, next_counters, next_rates;
	struct text text;
};

/* ---- live_links.c ---- */

int live_links_open(struct live *l, struct err *e);
void live_links_close(struct live *l);
/* Notifications that are there. */
int live_links_read(struct live *l, struct err *e);
struct live_link *live_link_get(struct live *l, uint32_t ifindex); /* made when new */
/* Forget what is gone or turned out to be nobody's. */
void live_links_purge(struct live *l, uint64_t now);
/* Give the kernel the filter for what is to be watched now. */
int live_links_filter(struct live *l, struct err *e);

/* ---- live_who.c; functions return the sink's answer ---- */

int live_who_letter(struct live *l, const struct discovery *letter);
/* Announce what is captured whole, whoever it belongs to. */
int live_who_asked(struct live *l);
/* An interface of a container that uses the host's network, for this host interface (NULL = only
 * a place for counters), made when new. NULL when the sink wants to end. */
struct live_iface *live_who_host_iface(struct live *l, struct live_container *c,
				       const struct live_link *link);
/* Make the table of addresses anew. */
void live_who_addresses(struct live *l);
/* A record for an interface nobody is known to own. */
struct live_iface *live_who_stranger(struct live *l, struct live_link *link);
/* Containers that ended and whose last packets are through. */
int live_who_endings(struct live *l, uint64_t now, bool all);
int live_who_counters(struct live *l, uint64_t ts);
int live_who_drop(struct live *l, uint64_t lost);
void live_who_close(struct live *l);

/* ---- live_packet.c ---- */

int live_packet(void *live, const struct ring_packet *p);
/* Deliver held packets up to this time, with what is known now. Returns the sink's answer. */
int live_packet_release(struct live *l, uint64_t upto);
void live_packet_close(struct live *l);
uint64_t live_address_key(const uint8_t *address, unsigned n); /* 4 or 16 bytes */

static inline bool live_in_query(const struct live *l, enum event_type type, uint64_t ts)
{
	const struct reader_query *q = l->query;

	return !q || ((!q->types || q->types >> type & 1) && ts >= q->from && ts <= q->to);
}

#endif
