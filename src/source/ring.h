/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One AF_PACKET ring (TPACKET_V3) for all interfaces of this network
 * namespace. The in-kernel program of bpf.h decides what comes in.
 */
#ifndef DREDGE_SOURCE_RING_H
#define DREDGE_SOURCE_RING_H

#include "base/base.h"

#include <linux/filter.h>

#define RING_BYTES_DEFAULT (64u << 20)
#define RING_BYTES_MAX	   (1u << 30)
#define RING_RETIRE_MS	   50 /* the longest a packet waits in a block that is not full */

struct ring_packet {
	uint64_t ts;   /* ns since 1970 */
	uint8_t *data; /* in the ring; borrowed for the call */
	uint32_t caplen, len;
	uint32_t ifindex;
	uint32_t flags; /* EVENT_CSUM_NOT_READY, EVENT_CSUM_VALID, EVENT_TSO */
	bool outgoing;	/* the host sends it; otherwise the host receives it */
	bool tagged;	/* a VLAN tag was put back: 4 bytes more than the kernel's filter saw */
};

struct ring_stats {
	uint64_t seen; /* passed the filter, lost ones included */
	uint64_t lost; /* the ring was full */
};

struct ring;
/* Until ring_filter is called nothing comes in. bytes: 0 = default; rounded up to blocks. */
struct ring *ring_open(size_t bytes, struct err *e);
void ring_close(struct ring *r);
int ring_fd(const struct ring *r); /* readable when a block is ready */
/* Swap the program; at no moment is there none. */
int ring_filter(struct ring *r, const struct sock_filter *insns, unsigned n, struct err *e);
/*
 * Hand over the packets of ready blocks, at most `blocks` of them, each given back to the kernel
 * when it is through. Stops early when fn returns non-zero, and returns that. *left: more is there.
 */
int ring_read(struct ring *r, unsigned blocks, int (*fn)(void *ctx, const struct ring_packet *p),
	      void *ctx, bool *left);
/* Ask the kernel; since ring_open. */
void ring_get_stats(struct ring *r, struct ring_stats *out);

#endif
