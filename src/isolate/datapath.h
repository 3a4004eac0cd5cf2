/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * What the programs in the kernel (datapath.bpf.c) and isolate share: the
 * layout of the maps. The maps are the table of who owns which port; they live
 * as long as a program that uses them is attached, so they outlast dredged.
 */
#ifndef DREDGE_ISOLATE_DATAPATH_H
#define DREDGE_ISOLATE_DATAPATH_H

#include <linux/types.h>

#define DP_SLOTS   4096 /* containers + 1: slot 0 is the host */
#define DP_PORTS   65536
#define DP_ID_SIZE 128 /* longest container id and its end; nested Mesos ids are 73 */

/* IPv6, or IPv4 mapped into it (RFC 4291 2.5.5.2); all zero = none. */
union dp_address {
	__u8 bytes[16];
	__be32 words[4];
	__u64 halves[2];
};

struct dp_host {      /* map dp_host, one entry */
	__u32 eth;    /* the public interface */
	__u32 lo;     /* loopback */
	__u32 shaper; /* where limited egress goes, 0 = none */
	__be32 ip;
	union dp_address ip6, link_local; /* of the public interface */
	__u8 mac[6];
	__u8 pad[2]; /* elements of an array are multiples of 8 bytes */
};

struct dp_shape { /* bytes/s and bytes; rate 0 = no limit */
	__u64 rate, ceil, burst;
};

enum dp_state {
	DP_FREE,
	DP_CHANGING, /* being attached or detached: undone when that was interrupted */
	DP_READY
};

/* Map dp_containers, by slot: all that has to be known after a restart. */
struct dp_container {
	__u32 state;	  /* enum dp_state */
	__u32 milli_cpus; /* by which its rates were computed, 0 = nobody said */
	__u32 ifindex;	  /* host end of its veth, 0 = the slot is free */
	__u32 inner;	  /* container end, in the container */
	__u32 class;	  /* HTB class of its egress on the shaper, 0 = not limited */
	__u32 flow;	  /* class id of its queue on the public interface, 0 = none */
	__u32 ephemeral_begin, ephemeral_end; /* inclusive */
	__u64 ports;	    /* hash of those that it owns: tells whether dp_owners has them all */
	__u64 until, begun; /* pid of a process with which it ends, 0 = none, and its beginning */
	struct dp_shape egress, ingress; /* as the container sees it */
	char id[DP_ID_SIZE];
};

/* Packets that did not go through, and why; map dp_counters, by slot, per processor. */
enum dp_counter {
	DP_FOREIGN_PORT, /* sent from a port that the container does not own, or telling of one */
	DP_SPOOFED,	 /* sent with an address, IP or Ethernet, that is not the host's */
	DP_FRAGMENT,	 /* later fragment whose first was not seen */
	DP_OTHER, /* no protocol that can be told apart: neither IP nor ARP, tagged, or not whole */
	DP_COUNTERS
};

struct dp_counters {
	__u64 packets[DP_COUNTERS];
};

#endif
