/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room net: thin netlink. Links with 64-bit statistics, addresses, ids of
 * network namespaces, notifications, and socket diagnostics; each socket may
 * be opened in another namespace. Called by source (discovery, counters) and
 * isolate. One thread per socket; callbacks run in the caller's thread and
 * borrow what they are given.
 *
 * Facts: rtnetlink(7), sock_diag(7), linux/if_link.h, linux/net_namespace.h.
 */
#ifndef DREDGE_NET_H
#define DREDGE_NET_H

#include "base/base.h"

#define NET_NAME_SIZE 16 /* IFNAMSIZ */
#define NET_NO_NSID   (-1)

/* ---- sockets and namespaces ---- */

struct net_socket;
/*
 * A route netlink socket in the namespace of netns_fd, or in the caller's for -1. The calling
 * thread enters the namespace for a moment and comes back (CAP_SYS_ADMIN); the program ends when
 * the way back fails. An open socket keeps its namespace alive.
 */
struct net_socket *net_open(int netns_fd, struct err *e);
/* The same for socket diagnostics (NETLINK_SOCK_DIAG). */
struct net_socket *net_open_diag(int netns_fd, struct err *e);
void net_close(struct net_socket *s); /* s may be NULL */

/* Inode number of the namespace behind fd, or of the calling thread's for -1; 0 on failure. */
uint64_t net_namespace_inode(int netns_fd);
/* Id by which the socket's namespace knows the one behind fd, or NET_NO_NSID when it has none. */
int net_namespace_id(struct net_socket *s, int netns_fd, int32_t *nsid, struct err *e);

/* ---- links ---- */

struct net_link_stats { /* rtnl_link_stats64; as this end sees it */
	uint64_t rx_packets, rx_bytes, rx_errors, rx_dropped;
	uint64_t tx_packets, tx_bytes, tx_errors, tx_dropped;
};

struct net_link {
	uint32_t ifindex;
	uint32_t peer; /* IFLA_LINK: of a veth the other end, of a macvlan its parent; 0 = none */
	int32_t peer_nsid; /* IFLA_LINK_NETNSID: where the peer is; NET_NO_NSID = in this namespace
			    */
	int32_t new_nsid;  /* of a link that went away into another namespace, else NET_NO_NSID */
	uint32_t mtu;
	uint32_t master; /* IFLA_MASTER: the bridge or bond it is a port of, 0 = none */
	uint32_t flags;	 /* IFF_* */
	uint16_t type;	 /* ARPHRD_* */
	bool has_mac, has_stats;
	uint8_t mac[6];
	char name[NET_NAME_SIZE];
	char kind[NET_NAME_SIZE]; /* "veth", "bridge", ...; empty for plain devices */
	struct net_link_stats stats;
};

/* Every link of the socket's namespace. stats false = leave them out, which is cheaper. */
int net_links(struct net_socket *s, bool stats, void (*fn)(void *ctx, const struct net_link *l),
	      void *ctx, struct err *e);
int net_link_get(struct net_socket *s, uint32_t ifindex, struct net_link *out, struct err *e);
/* Only the statistics of every link (RTM_GETSTATS, Linux 4.7; else as net_links). */
int net_link_stats(struct net_socket *s,
		   void (*fn)(void *ctx, uint32_t ifindex, const struct net_link_stats *st),
		   void *ctx, struct err *e);

struct net_address {
	uint32_t ifindex;
	uint8_t family;	     /* AF_INET, AF_INET6 */
	uint8_t prefix;	     /* bits */
	uint8_t scope;	     /* RT_SCOPE_* */
	uint8_t address[16]; /* the local address: 4 or 16 bytes */
};

int net_addresses(struct net_socket *s, void (*fn)(void *ctx, const struct net_address *a),
		  void *ctx, struct err *e);

/* ---- notifications ---- */

enum net_event_kind {
	NET_LINK_NEW,  /* appeared or changed */
	NET_LINK_GONE, /* with its last statistics */
	NET_ADDRESS,   /* some address of the namespace came or went */
	NET_NSID,      /* a namespace got or lost its id */
	NET_LOST       /* the kernel could not keep up (ENOBUFS): dump everything anew */
};

struct net_event {
	enum net_event_kind kind;
	int32_t nsid; /* where it happened; NET_NO_NSID = in the socket's namespace. NET_NSID: which
		       */
	const struct net_link *link; /* of NET_LINK_*, else NULL */
};

/*
 * A socket that hears of links, addresses and namespace ids in the caller's namespace and, where
 * the kernel permits (NETLINK_LISTEN_ALL_NSID, Linux 4.2), in all those that have an id in it.
 */
struct net_socket *net_monitor_open(struct err *e);
int net_fd(const struct net_socket *s); /* for poll */
/* Deliver all that is pending, without blocking. */
int net_monitor_read(struct net_socket *s, void (*fn)(void *ctx, const struct net_event *ev),
		     void *ctx, struct err *e);

/* ---- socket diagnostics ---- */

struct net_sock {
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP */
	uint8_t family;	  /* AF_INET, AF_INET6 */
	uint8_t state;	  /* TCP states of the kernel: 1 established, 7 close (UDP: not connected),
			   * 10 listen */
	uint16_t local_port, remote_port; /* host order */
	uint8_t local[16], remote[16];	  /* 4 or 16 bytes */
	uint32_t uid;
	uint64_t inode;	 /* 0 = nobody holds it any more */
	uint64_t cgroup; /* cgroup v2 id (Linux 5.9), 0 = unknown */
};

/* All TCP and UDP sockets, IPv4 and IPv6, but TIME_WAIT ones. */
int net_sockets(struct net_socket *diag, void (*fn)(void *ctx, const struct net_sock *k), void *ctx,
		struct err *e);

#endif
