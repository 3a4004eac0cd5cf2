// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * Containers that share the host's address are told apart by port. One array
 * says who owns each port; every packet costs one look at it, however many
 * containers there are.
 *
 *   dp_wire       ingress of the public interface: to the owner of the destination port
 *   dp_host_lo    ingress of the host's loopback: the same for what the host sends to itself
 *   dp_out        ingress of a container's veth: what the container sends; the filter's class id
 *                 is its slot
 *   dp_inner_lo   ingress of a container's loopback: what is not its own leaves it
 *   dp_inner_eth  ingress of a container's interface: what is for 127/8 goes on to its loopback
 *
 * What has no port is followed by what asked for it: later fragments by the first one, echo
 * replies by the request, ICMP errors by the packet they quote, ARP replies by the request.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "isolate/datapath.h"

#define PASS TC_ACT_UNSPEC /* as if we were not there: others may look too */

#define IP_MF	  0x2000
#define IP_OFFSET 0x1fff

/* RFC 792; the kernel's header of that name wants a C library. */
enum icmp_type {
	ICMP_ECHOREPLY = 0,
	ICMP_DEST_UNREACH = 3,
	ICMP_SOURCE_QUENCH = 4,
	ICMP_REDIRECT = 5,
	ICMP_ECHO = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETERPROB = 12,
};

struct arp { /* RFC 826, for Ethernet and IPv4 */
	__be16 hardware, protocol;
	__u8 hardware_size, protocol_size;
	__be16 operation;
	__u8 sha[6], spa[4], tha[6], tpa[4];
} __attribute__((packed));

#define ARP_REQUEST 1
#define ARP_REPLY   2

/* Who saw a first fragment: programs at different places do not share what they saw. */
enum place { AT_WIRE, AT_HOST, AT_INNER };

/* Where a packet belongs. */
#define TO_HOST	  0
#define TO_WIRE	  -1
#define TO_NOBODY -2

struct fragment_key {
	__be32 src, dst;
	__be16 id;
	__u8 protocol, place;
	__u32 slot; /* of the container that sends or holds it: loopback addresses are everybody's
		     */
};

struct echo_key {
	__be32 peer;
	__be16 id;
	__u16 pad;
};

/* dredged maps these three into its memory. */
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
	__type(key, __be32);
	__type(value, __u32); /* slot that asked last for this address */
} dp_neighbours SEC(".maps");

/* ---- looking things up ---- */

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

static __always_inline int drop(__u32 slot, enum dp_counter why)
{
	struct dp_counters *c = bpf_map_lookup_elem(&dp_counters, &slot);

	if (c)
		c->packets[why]++;
	return TC_ACT_SHOT;
}

/* ---- a packet ---- */

struct packet {
	__be32 src, dst;
	__be16 sport, dport;
	__be16 id;
	__u8 protocol;
	__u8 icmp_type;
	_Bool first, more; /* fragments: carries the ports; others follow */
	_Bool ports;
	__u32 l4;
};

static __always_inline _Bool is_loopback(__be32 ip)
{
	return (ip & bpf_htonl(0xff000000)) == bpf_htonl(0x7f000000);
}

static __always_inline _Bool has_ports(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
	       protocol == IPPROTO_UDPLITE || protocol == IPPROTO_DCCP;
}

/* at: of the IPv4 header. -1: it is not whole. The usual packet takes one load. */
static __always_inline int read_ip(struct __sk_buff *skb, __u32 at, struct packet *p)
{
	struct {
		struct iphdr ip;
		__be16 ports[2];
	} h;

	__builtin_memset(p, 0, sizeof(*p));
	if (bpf_skb_load_bytes(skb, at, &h, sizeof(h)) || h.ip.version != 4 || h.ip.ihl < 5)
		return -1;
	p->src = h.ip.saddr;
	p->dst = h.ip.daddr;
	p->id = h.ip.id;
	p->protocol = h.ip.protocol;
	p->first = !(h.ip.frag_off & bpf_htons(IP_OFFSET));
	p->more = !!(h.ip.frag_off & bpf_htons(IP_MF));
	p->l4 = at + h.ip.ihl * 4;
	if (!p->first)
		return 0;
	if (h.ip.ihl > 5 && bpf_skb_load_bytes(skb, p->l4, h.ports, sizeof(h.ports)))
		return -1;
	p->icmp_type = *(__u8 *)h.ports;
	p->ports = has_ports(p->protocol);
	p->sport = h.ports[0];
	p->dport = h.ports[1];
	return 0;
}

static __always_inline _Bool is_icmp_error(__u8 type)
{
	return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
	       type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
}

static __always_inline __be16 echo_id(struct __sk_buff *skb, const struct packet *p)
{
	__be16 id = 0;

	bpf_skb_load_bytes(skb, p->l4 + 4, &id, sizeof(id));
	return id;
}

static __always_inline struct fragment_key fragment_of(const struct packet *p, enum place place,
						       __u32 slot)
{
	struct fragment_key k = {p->src, p->dst, p->id, p->protocol, place, slot};

	return k;
}

/* ---- to the host or a container, by what it is for ---- */

static __always_inline int destination_of_icmp(struct __sk_buff *skb, const struct packet *p)
{
	struct packet quoted;

	if (p->icmp_type == ICMP_ECHOREPLY) {
		struct echo_key k = {.peer = p->src, .id = echo_id(skb, p)};
		__u32 *slot = bpf_map_lookup_elem(&dp_echoes, &k);

		return slot ? (int)*slot : TO_HOST;
	}
	/* An error belongs to who sent the packet it quotes. */
	if (!is_icmp_error(p->icmp_type) || read_ip(skb, p->l4 + 8, &quoted))
		return TO_HOST;
	if (quoted.protocol == IPPROTO_ICMP && quoted.icmp_type == ICMP_ECHO) {
		struct echo_key k = {.peer = quoted.dst, .id = echo_id(skb, &quoted)};
		__u32 *slot = bpf_map_lookup_elem(&dp_echoes, &k);

		return slot ? (int)*slot : TO_HOST;
	}
	return quoted.ports ? (int)owner(quoted.sport) : TO_HOST;
}

static __always_inline int destination(struct __sk_buff *skb, const struct packet *p,
				       enum place place)
{
	struct fragment_key k = fragment_of(p, place, 0);
	int to = TO_HOST;

	if (!p->first) {
		__s32 *known = bpf_map_lookup_elem(&dp_fragments, &k);
		return known ? *known : TO_HOST;
	}
	if (p->protocol == IPPROTO_ICMP)
		to = destination_of_icmp(skb, p);
	else if (p->ports)
		to = (int)owner(p->dport);
	if (p->more && to > 0)
		bpf_map_update_elem(&dp_fragments, &k, &to, BPF_ANY);
	return to;
}

static __always_inline int to_container(__u32 slot)
{
	struct dp_container *c = container(slot);

	return c && c->ifindex ? bpf_redirect(c->ifindex, 0) : TC_ACT_SHOT;
}

/* What comes from a loopback is not addressed to the container's interface yet. */
static __always_inline int from_here_to_container(struct __sk_buff *skb, const struct dp_host *h,
						  __u32 slot)
{
	bpf_skb_store_bytes(skb, 0, h->mac, sizeof(h->mac), 0);
	return to_container(slot);
}

/* Into a stack by way of its loopback, whose address is all zero. */
static __always_inline int to_loopback(struct __sk_buff *skb, __u32 lo)
{
	static const __u8 none[6];

	bpf_skb_store_bytes(skb, 0, none, sizeof(none), 0);
	return bpf_redirect(lo, BPF_F_INGRESS);
}

/* ---- programs on the host ---- */

static __always_inline int wire_arp(struct __sk_buff *skb)
{
	struct arp a;
	__be32 who;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &a, sizeof(a)) || a.operation != bpf_htons(ARP_REPLY))
		return PASS; /* requests are answered by the host, once */
	__builtin_memcpy(&who, a.spa, sizeof(who));
	__u32 *slot = bpf_map_lookup_elem(&dp_neighbours, &who);
	struct dp_container *c = slot ? container(*slot) : 0;
	if (c && c->ifindex)
		bpf_clone_redirect(skb, c->ifindex, 0);
	return PASS;
}

SEC("tc")
int dp_wire(struct __sk_buff *skb)
{
	struct dp_host *h = host();
	struct packet p;

	if (!h)
		return PASS;
	if (skb->protocol == bpf_htons(ETH_P_ARP))
		return wire_arp(skb);
	if (skb->protocol != bpf_htons(ETH_P_IP) || read_ip(skb, ETH_HLEN, &p) || p.dst != h->ip)
		return PASS;
	int to = destination(skb, &p, AT_WIRE);
	return to > 0 ? to_container((__u32)to) : PASS;
}

SEC("tc")
int dp_host_lo(struct __sk_buff *skb)
{
	struct dp_host *h = host();
	struct packet p;

	if (!h || skb->protocol != bpf_htons(ETH_P_IP) || read_ip(skb, ETH_HLEN, &p) ||
	    (p.dst != h->ip && !is_loopback(p.dst)))
		return PASS;
	int to = destination(skb, &p, AT_HOST);
	return to > 0 ? from_here_to_container(skb, h, (__u32)to) : PASS;
}

/* ---- what a container sends ---- */

static __always_inline _Bool same_mac(const __u8 *a, const __u8 *b)
{
	__u8 differ = 0;

#pragma unroll
	for (int i = 0; i < 6; i++)
		differ |= a[i] ^ b[i];
	return !differ;
}

static __always_inline int out_arp(struct __sk_buff *skb, const struct dp_host *h, __u32 slot)
{
	struct arp a;
	__be32 sender, target;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &a, sizeof(a)))
		return drop(slot, DP_OTHER);
	__builtin_memcpy(&sender, a.spa, sizeof(sender));
	__builtin_memcpy(&target, a.tpa, sizeof(target));
	if (sender != h->ip || !same_mac(a.sha, h->mac))
		return drop(slot, DP_SPOOFED);
	if (a.operation == bpf_htons(ARP_REQUEST))
		bpf_map_update_elem(&dp_neighbours, &target, &slot, BPF_ANY);
	return bpf_redirect(h->eth, 0);
}

/* May the container send this? 0, or why not plus one. */
static __always_inline int out_refused(const struct dp_host *h, const struct packet *p, __u32 slot)
{
	if (p->src != h->ip && !(is_loopback(p->src) && is_loopback(p->dst)))
		return DP_SPOOFED + 1;
	if (p->ports && owner(p->sport) != slot)
		return DP_FOREIGN_PORT + 1;
	return 0;
}

static __always_inline int out_destination(struct __sk_buff *skb, const struct dp_host *h,
					   const struct packet *p, __u32 slot)
{
	struct fragment_key k = fragment_of(p, AT_HOST, slot);
	int to;

	if (!p->first) {
		__s32 *known = bpf_map_lookup_elem(&dp_fragments, &k);
		return known ? *known : TO_NOBODY;
	}
	if (p->dst == h->ip || is_loopback(p->dst)) {
		to = p->protocol == IPPROTO_ICMP ? destination_of_icmp(skb, p)
						 : (int)(p->ports ? owner(p->dport) : 0);
	} else {
		to = TO_WIRE;
		if (p->protocol == IPPROTO_ICMP && p->icmp_type == ICMP_ECHO) {
			struct echo_key e = {.peer = p->dst, .id = echo_id(skb, p)};
			bpf_map_update_elem(&dp_echoes, &e, &slot, BPF_ANY);
		}
	}
	if (p->more)
		bpf_map_update_elem(&dp_fragments, &k, &to, BPF_ANY);
	return to;
}

static __always_inline int forward(struct __sk_buff *skb, const struct dp_host *h,
				   const struct packet *p, __u32 slot)
{
	int to = out_destination(skb, h, p, slot);

	if (to == TO_NOBODY)
		return drop(slot, DP_FRAGMENT);
	if (to == TO_HOST)
		return to_loopback(skb, h->lo);
	if (to > 0)
		return from_here_to_container(skb, h, (__u32)to);
	struct dp_container *c = container(slot);
	if (c && c->flow)
		skb->priority = c->flow;
	return bpf_redirect(h->eth, 0);
}

SEC("tc")
int dp_out(struct __sk_buff *skb)
{
	__u32 slot = skb->tc_classid & 0xffff;
	struct dp_host *h = host();
	struct packet p;

	if (!h)
		return TC_ACT_SHOT;
	if (skb->protocol == bpf_htons(ETH_P_ARP))
		return out_arp(skb, h, slot);
	if (skb->protocol != bpf_htons(ETH_P_IP) || read_ip(skb, ETH_HLEN, &p))
		return drop(slot, DP_OTHER);
	int refused = out_refused(h, &p, slot);
	if (refused)
		return drop(slot, refused - 1);
	struct dp_container *c = container(slot);
	if (c && c->class && h->shaper) {
		skb->priority = c->class;
		skb->mark = slot;
		return bpf_redirect(h->shaper, 0);
	}
	return forward(skb, h, &p, slot);
}

/* Behind the shaper: what dp_out let through, at its rate. The mark is its slot. */
SEC("tc")
int dp_shaped(struct __sk_buff *skb)
{
	struct dp_host *h = host();
	__u32 slot = skb->mark;
	struct packet p;

	if (!h || skb->protocol != bpf_htons(ETH_P_IP) || read_ip(skb, ETH_HLEN, &p))
		return TC_ACT_SHOT;
	skb->mark = 0;
	skb->priority = 0;
	return forward(skb, h, &p, slot);
}

/* ---- programs in the container ---- */

/* Does somebody in this namespace listen there? Then the container means itself. */
static __always_inline _Bool listens_here(struct __sk_buff *skb, const struct packet *p)
{
	struct bpf_sock_tuple t = {
		.ipv4 = {.saddr = p->src, .daddr = p->dst, .sport = p->sport, .dport = p->dport}};
	struct bpf_sock *sk;

	if (p->protocol == IPPROTO_TCP)
		sk = bpf_sk_lookup_tcp(skb, &t, sizeof(t.ipv4), BPF_F_CURRENT_NETNS, 0);
	else if (p->protocol == IPPROTO_UDP)
		sk = bpf_sk_lookup_udp(skb, &t, sizeof(t.ipv4), BPF_F_CURRENT_NETNS, 0);
	else
		return 0;
	if (!sk)
		return 0;
	bpf_sk_release(sk);
	return 1;
}

SEC("tc")
int dp_inner_lo(struct __sk_buff *skb)
{
	__u32 slot = skb->tc_classid & 0xffff;
	struct dp_container *c = container(slot);
	struct dp_host *h = host();
	struct packet p;

	if (!h || !c || skb->protocol != bpf_htons(ETH_P_IP) || read_ip(skb, ETH_HLEN, &p) ||
	    (p.dst != h->ip && !is_loopback(p.dst)))
		return PASS;
	if (!p.first) {
		struct fragment_key k = fragment_of(&p, AT_INNER, slot);
		if (!bpf_map_lookup_elem(&dp_fragments, &k))
			return PASS;
		return bpf_redirect(c->inner, 0);
	}
	if (!p.ports || owner(p.dport) == slot || listens_here(skb, &p))
		return PASS; /* also what it sends to itself without ports */
	if (p.more) {
		struct fragment_key k = fragment_of(&p, AT_INNER, slot);
		int out = TO_WIRE;
		bpf_map_update_elem(&dp_fragments, &k, &out, BPF_ANY);
	}
	return bpf_redirect(c->inner, 0);
}

SEC("tc")
int dp_inner_eth(struct __sk_buff *skb)
{
	__be32 dst;

	if (skb->protocol != bpf_htons(ETH_P_IP) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN + __builtin_offsetof(struct iphdr, daddr), &dst,
			       sizeof(dst)))
		return PASS;
	return is_loopback(dst) ? to_loopback(skb, 1) : PASS; /* 1: loopback is made first */
}

char _license[] SEC("license") = "GPL";
