/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter that runs in the kernel before a packet costs anything: classic
 * BPF that finds the interface among the watched ones, applies the user's
 * expression, samples, and returns how many bytes to keep.
 */
#ifndef DREDGE_SOURCE_BPF_H
#define DREDGE_SOURCE_BPF_H

#include "base/base.h"

#include <linux/filter.h>

#define BPF_SNAPLEN_ALL 262144u /* what snaplen 0 stands for; libpcap's MAXIMUM_SNAPLEN */
#define BPF_CLASSES_MAX 32u	/* different settings among the watched interfaces */

/* A watched interface and its settings. */
struct bpf_watch {
	uint32_t ifindex;
	uint32_t snaplen; /* bytes kept, 0 = all */
	uint32_t sample;  /* 1 in N IP packets; 0 and 1 = all. What is not IP is always kept. */
	bool one_way;	  /* leave out what the host sends: on loopback it comes back as received */
	bool raw;	  /* packets begin with the IP header, as on tun */
};

struct bpf_code {
	struct sock_filter *insns; /* owned */
	unsigned n;
};

/* A compiled pcap-filter(7) expression. raw is empty where it asks for what only Ethernet has, or
 * is too long for both. */
struct bpf_expression {
	struct bpf_code ethernet, raw;
};

/*
 * Fails on what libpcap refuses for Ethernet, and on "vlan": the kernel keeps the tag beside the
 * packet, where the expression would never see it.
 */
int bpf_expression_compile(struct bpf_expression *x, const char *text, struct err *e);
void bpf_expression_done(struct bpf_expression *x);

/*
 * Fill out[BPF_MAXINSNS]; returns the number of instructions, or -1 with err. x may be NULL; where
 * its raw is empty, nothing of raw interfaces passes. With more interfaces than instructions (about
 * 2000 in scattered order) neighbours are joined: then a few others pass too, so the reader must
 * look at ifindex itself.
 */
int bpf_build(struct sock_filter *out, const struct bpf_watch *watch, size_t n,
	      const struct bpf_expression *x, struct err *e);

/* Whether the filter's sampling decides about such a packet, so that it stands for N. */
bool bpf_is_sampled(const uint8_t *data, uint32_t len, bool raw);

#endif
