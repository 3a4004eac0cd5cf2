/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One AF_PACKET ring (TPACKET_V3) for all interfaces of this network
 * namespace. The in-kernel program of bpf.h decides what comes in.
 *
 * Why not libpcap's "any" device: it cuts the Ethernet header off (LINKTYPE_LINUX_SLL2), it cannot
 * select interfaces by a set, and its default ring of 2 MB loses packets. Measured on two cores,
 * Linux 6.18, UDP between two containers on a bridge, every packet seen twice, both writing pcap
 * to tmpfs; three runs each, "tcpdump -i any -w" beside this ring:
 *
 *     bytes  packets/s captured  CPU per packet         lost by the kernel   sender, us/packet
 *            ring     any        ring        any        ring  any            none  ring  any
 *     100    250-280k 235-280k   172-244 ns  207-255 ns 0     0              6.1   7.1   7.1
 *     1400   150-250k 125-250k   0.9-1.0 us  1.2-1.4 us 0     0-11 thousand  6.1   7.3-8 7.6-7.9
 *
 * With 200 veths and counter samples of 200 containers each second (tests/bench/live.sh, UDP of
 * 408 bytes): no loss, and 0.24 us a packet beside 0.25. One TCP stream of 11 Gbit/s recorded whole
 * is more than either can write (both lose three packets of four); with a snap length of 256
 * neither loses any. Rings of 4 and 16 MB were no cheaper than 64 MB, which hold 0.2 to 1 s of the
 * above while the reader is held up.
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
