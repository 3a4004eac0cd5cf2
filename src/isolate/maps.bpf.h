/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* For the programs in the kernel: their maps, and what is looked up there. */
#ifndef DREDGE_ISOLATE_MAPS_BPF_H
#define DREDGE_ISOLATE_MAPS_BPF_H

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "isolate/datapath.h"

/* Who saw a first fragment: programs at different places do not share what they saw. */
enum place { AT_WIRE, AT_HOST, AT_INNER };

struct fragment_key {
	union dp_address src, dst;
	__be32 id;
	__u8 protocol, place;
	__u16 pad;
	__u32 slot; /* of the container that sends or holds it: loopback addresses are everybody's
		     */
	__u32 pad2;
};

struct echo_key {
	union dp_address peer;
	__be16 id;
	__u16 pad[3];
};

/* dredged maps these four into its memory. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dp_host);
} dp_host SEC(".maps");

struct { /* port -> slot */
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, DP_PORTS);
	__type(key, __u32);
	__type(value, __u64);
} dp_owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, DP_SLOTS);
	__type(key, __u32);
	__type(value, struct dp_container);
} dp_containers SEC(".maps");

struct { /* slots whose counters have moved since dredged looked */
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, DP_SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} dp_moved SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DP_SLOTS);
	__type(key, __u32);
	__type(value, struct dp_counters);
} dp_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct fragment_key);
	__type(value, __s32); /* where the first one went */
} dp_fragments SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct echo_key);
	__type(value, __u32); /* slot that asked */
} dp_echoes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, union dp_address);
	__type(value, __u32); /* slot that asked last for this address */
} dp_neighbours SEC(".maps");

static __always_inline struct dp_host *host(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&dp_host, &zero);
}

static __always_inline __u32 owner(__be16 port)
{
	__u32 key = bpf_ntohs(port);
	__u64 *slot = bpf_map_lookup_elem(&dp_owners, &key);

	return slot ? (__u32)*slot : 0;
}

static __always_inline struct dp_container *container(__u32 slot)
{
	return bpf_map_lookup_elem(&dp_containers, &slot);
}

#endif
