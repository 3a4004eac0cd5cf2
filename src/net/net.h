/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room net: thin netlink. Links with 64-bit statistics, addresses, ids of
 * network namespaces, notifications, socket diagnostics, and the changes that
 * enforcement makes: veth pairs, addresses, routes, qdiscs, classes, filters.
 * Each socket may be opened in another namespace. Called by source (discovery,
 * counters) and isolate. One thread per socket; callbacks run in the caller's
 * thread and borrow what they are given.
 *
 * Facts: rtnetlink(7), sock_diag(7), linux/if_link.h, linux/net_namespace.h,
 * linux/pkt_sched.h, net/sched/sch_htb.c, net/sched/cls_bpf.c.
 */
#ifndef DREDGE_NET_H
#define DREDGE_NET_H

#include "base/base.h"

#define NET_NAME_SIZE 16 /* IFNAMSIZ */
#define NET_NO_NSID   (-1)

/* ---- sockets and namespaces ---- */

/* libnl is 3.2.26 or later. */
bool net_library_is_new(void);

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
/* Choose it (0 or more), where it has none yet and nobody else has this one. */
int net_namespace_id_set(struct net_socket *s, int netns_fd, int32_t nsid, struct err *e);

/*
 * Open /proc/net/NAME of a namespace (-1 = here), to be read again and again from its beginning.
 * Returns the descriptor, which keeps the namespace alive, or -1.
 */
int net_proc_open(int netns_fd, const char *name, struct err *e);

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
	uint32_t flags;	     /* IFA_F_*; ignored where an address is added or deleted */
	uint8_t address[16]; /* the local address: 4 or 16 bytes */
};

/* Of one link, or of all for ifindex 0. A kernel before Linux 4.20 gives all in any case. */
int net_addresses(struct net_socket *s, uint32_t ifindex,
		  void (*fn)(void *ctx, const struct net_address *a), void *ctx, struct err *e);

/* ---- changes; *code, where it is, gets the kernel's error number (0 = done), and may be NULL ----
 */

struct net_veth {
	const char *name, *peer_name;
	int peer_netns_fd;     /* where the peer is made; -1 = in the socket's namespace */
	uint32_t peer_ifindex; /* 0 = the kernel chooses */
	uint8_t mac[6]; /* of both ends; given at creation, so that nobody changes it later */
	uint32_t mtu, peer_mtu;
};

int net_veth_create(struct net_socket *s, const struct net_veth *v, int *code, struct err *e);
int net_link_delete(struct net_socket *s, uint32_t ifindex, struct err *e);
/* Up or down, with this MTU, and unless NULL this address (6 bytes). */
int net_link_set(struct net_socket *s, uint32_t ifindex, bool up, uint32_t mtu, const uint8_t *mac,
		 struct err *e);
/* Where it cannot be while the link is up (before Linux 6.2), it is down for a moment. */
int net_link_rename(struct net_socket *s, uint32_t ifindex, const char *name, struct err *e);
/* The link of that name: 0 found, 1 none (e says so), -1. */
int net_link_named(struct net_socket *s, const char *name, struct net_link *out, struct err *e);
/* An address that is there already is no error. IPv6: without duplicate detection. */
int net_address_add(struct net_socket *s, const struct net_address *a, struct err *e);
int net_address_delete(struct net_socket *s, const struct net_address *a, struct err *e);

struct net_gateway { /* of a default route in the main table with one next hop */
	uint32_t ifindex;
	uint8_t family;	     /* AF_INET, AF_INET6 */
	uint8_t address[16]; /* 4 or 16 bytes; all zero: none, the interface alone is the way */
};

/* The first default route of the family: 0 found, 1 none (e says so), -1. */
int net_default_route(struct net_socket *s, uint8_t family, struct net_gateway *out, struct err *e);
/* Add, also where the gateway is not in a subnet of the interface. */
int net_default_route_add(struct net_socket *s, const struct net_gateway *g, struct err *e);

/* ---- traffic control ---- */

#define NET_TC_ROOT    0xffffffffu /* TC_H_ROOT */
#define NET_TC_CLSACT  0xfffffff1u /* parent of clsact and ingress */
#define NET_TC_INGRESS 0xfffffff2u /* parent of filters at clsact's ingress */

struct net_queue_stats { /* linux/gen_stats.h */
	uint64_t bytes, packets, drops, overlimits, requeues;
	uint64_t backlog, qlen;	     /* bytes and packets that wait */
	uint64_t rate_bps, rate_pps; /* bytes and packets per second; 0 without an estimator */
};

struct net_qdisc { /* or a class */
	uint32_t ifindex, handle, parent;
	char kind[NET_NAME_SIZE];
	struct net_queue_stats stats;
};

/* Every qdisc of the namespace, or of one interface; not those that the kernel hides (noqueue). */
int net_qdiscs(struct net_socket *s, uint32_t ifindex,
	       void (*fn)(void *ctx, const struct net_qdisc *q), void *ctx, struct err *e);
/* Every class of the qdisc with this handle. */
int net_classes(struct net_socket *s, uint32_t ifindex, uint32_t qdisc,
		void (*fn)(void *ctx, const struct net_qdisc *class), void *ctx, struct err *e);
/* The one at this place of one interface (NET_TC_ROOT, NET_TC_CLSACT); 0 found, 1 none, -1. */
int net_qdisc_at(struct net_socket *s, uint32_t ifindex, uint32_t parent, struct net_qdisc *out,
		 struct err *e);
int net_clsact_add(struct net_socket *s, uint32_t ifindex, int *code, struct err *e);
/* Where clsact would be, and half of it. */
int net_ingress_add(struct net_socket *s, uint32_t ifindex, int *code, struct err *e);
int net_qdisc_delete(struct net_socket *s, uint32_t ifindex, uint32_t parent, int *code,
		     struct err *e);
/* Root HTB 1: with default class 1. */
int net_htb_add(struct net_socket *s, uint32_t ifindex, uint32_t default_class, int *code,
		struct err *e);

/* fq_codel with a queue for each class id from handle | 1 to handle | 1024 that a packet's priority
 * names; parent: NET_TC_ROOT or a class. */
int net_fq_codel_add(struct net_socket *s, uint32_t ifindex, uint32_t parent, uint32_t handle,
		     int *code, struct err *e);

struct net_htb_class {
	uint32_t ifindex, parent, handle;
	uint64_t rate, ceil; /* bytes/s */
	uint64_t burst;	     /* bytes at ceil; 0 = computed */
};

/* Make the class or change it. */
int net_htb_class_set(struct net_socket *s, const struct net_htb_class *c, struct err *e);
/* 0 found, 1 none, -1. */
int net_htb_class_get(struct net_socket *s, uint32_t ifindex, uint32_t handle,
		      struct net_htb_class *out, struct err *e);
int net_class_delete(struct net_socket *s, uint32_t ifindex, uint32_t handle, struct err *e);
/* A leaf below an HTB class: fq_codel, or where the kernel has none pfifo. *kind: which, borrowed.
 */
int net_leaf_add(struct net_socket *s, uint32_t ifindex, uint32_t parent, const char **kind,
		 struct err *e);

struct net_bpf_filter { /* cls_bpf in direct-action mode */
	uint32_t ifindex, parent;
	uint16_t priority;
	uint32_t handle;
	uint32_t classid; /* the program finds it in __sk_buff.tc_classid */
	int program;	  /* descriptor; of a dump: unused */
	uint32_t id;	  /* of the program; of a dump only */
	char name[64];
	char kind[NET_NAME_SIZE]; /* of a dump only */
};

/* Make the filter, or put another program in its place without a gap. */
int net_bpf_filter_set(struct net_socket *s, const struct net_bpf_filter *f, int *code,
		       struct err *e);
/* The filter of that priority and handle, whatever its kind; handle 0: all of the priority. */
int net_filter_delete(struct net_socket *s, const struct net_bpf_filter *f, int *code,
		      struct err *e);
/* Every filter; of one that is no cls_bpf only the place and the kind are known. */
int net_filters(struct net_socket *s, uint32_t ifindex, uint32_t parent,
		void (*fn)(void *ctx, const struct net_bpf_filter *f), void *ctx, struct err *e);

#define NET_KEYS_MAX	16u
#define NET_TARGETS_MAX 32u /* TCA_ACT_MAX_PRIO */

struct net_key { /* of u32: a word, host order, and where it stands from the IP header on */
	uint32_t value, mask;
	int32_t offset;
};

struct net_rule { /* a filter of kind u32 or basic, as others make them */
	uint32_t ifindex, parent, handle;
	uint16_t priority, protocol; /* protocol: ETH_P_*, network order */
	char kind[NET_NAME_SIZE];
	unsigned key_count, target_count;
	struct net_key keys[NET_KEYS_MAX]; /* of u32; more are left out */
	uint32_t targets[NET_TARGETS_MAX]; /* where its mirred actions send; 0 = gone */
};

int net_rules(struct net_socket *s, uint32_t ifindex, uint32_t parent,
	      void (*rn)(void *ctx, const struct net_rule *r), void *ctx, struct err *e);
int net_rule_delete(struct net_socket *s, const struct net_rule *r, struct err *e);

/* ---- files below /proc/sys/net, which show the namespace of the thread ---- */

/* The files of a namespace (-1 = here): to come in costs most, from there on each is found soon. */
struct net_sysctls;
struct net_sysctls *net_sysctls_open(int netns_fd, struct err *e);
void net_sysctls_close(struct net_sysctls *s); /* s may be NULL */
/* name: "ipv4/conf/lo/accept_local". Returns a descriptor to be read and set again and again, also
 * after s is closed and when the namespace is gone: then that fails. */
int net_sysctl_open(const struct net_sysctls *s, const char *name, struct err *e);
/* Text without its line end. */
int net_sysctl_read(int netns_fd, const char *name, char *out, size_t n, struct err *e);
/* name: for messages. */
int net_sysctl_get(int fd, const char *name, char *out, size_t n, struct err *e);
int net_sysctl_set(int fd, const char *name, const char *value, struct err *e);

/* ---- notifications ---- */

enum net_event_kind {
	NET_LINK_NEW,  /* appeared or changed */
	NET_LINK_GONE, /* with its last statistics */
	NET_ADDRESS,   /* some address of the namespace came or went */
	NET_CONFIG,    /* a route, qdisc, class or filter came, changed or went */
	NET_NSID,      /* a namespace got or lost its id */
	NET_LOST       /* the kernel could not keep up (ENOBUFS): dump everything anew */
};

struct net_event {
	enum net_event_kind kind;
	int32_t nsid; /* where it happened; NET_NO_NSID = in the socket's namespace. NET_NSID: which
		       */
	bool own;     /* caused by this process, also by asking */
	uint32_t ifindex;	     /* of NET_LINK_*, NET_ADDRESS, NET_CONFIG; 0 = not known */
	const struct net_link *link; /* of NET_LINK_*, else NULL */
};

enum net_hearing {
	NET_HEAR_HERE,	/* of links and addresses in the caller's namespace */
	NET_HEAR_ALL,	/* of namespace ids too, and in all namespaces that have an id here, where
			   the kernel permits (NETLINK_LISTEN_ALL_NSID, Linux 4.2). Each such socket
			   makes the kernel look through all ids at each message of any of them. */
	NET_HEAR_CONFIG /* the same, and NET_CONFIG */
};

struct net_socket *net_monitor_open(enum net_hearing what, struct err *e);
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

/* Who waits for somebody: TCP sockets that listen, and all of UDP. */
int net_listeners(struct net_socket *diag, void (*fn)(void *ctx, const struct net_sock *k),
		  void *ctx, struct err *e);
/* All TCP and UDP sockets, IPv4 and IPv6, but TIME_WAIT ones. */
int net_sockets(struct net_socket *diag, void (*fn)(void *ctx, const struct net_sock *k), void *ctx,
		struct err *e);
/* Smoothed round trip time (tcpi_rtt, microseconds, never 0) of every TCP connection, IPv4 and
 * IPv6, that has one. */
int net_rtts(struct net_socket *diag, void (*fn)(void *ctx, uint32_t rtt), void *ctx,
	     struct err *e);

#endif
