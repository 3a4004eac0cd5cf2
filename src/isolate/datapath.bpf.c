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
 *   dp_inner_eth  ingress of a container's interface: what is for a loopback goes on to its own
 *
 * What has no port is followed by what asked for it: later fragments by the first one, echo
 * replies by the request, ICMP errors by the packet they quote, ARP replies and neighbour
 * advertisements by the request. IPv4 and IPv6 differ in how a packet is read, not in where it
 * goes.
 */
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>

#include "isolate/maps.bpf.h"
#include "isolate/packet.bpf.h"

#define PASS TC_ACT_UNSPEC /* as if we were not there: others may look too */

/* Where a packet belongs. */
#define TO_HOST	  0
#define TO_WIRE	  -1
#define TO_NOBODY -2

/* ---- notes about packets that others follow, or that are dropped ---- */

static __always_inline int drop(__u32 slot, enum dp_counter why)
{
	struct dp_counters *c = bpf_map_lookup_elem(&dp_counters, &slot);

	__u64 *moved = bpf_map_lookup_elem(&dp_moved, &slot);

	if (c)
		c->packets[why]++;
	if (moved)
		*moved = 1;
	return TC_ACT_SHOT;
}

/* In IPv6 each may tell of another protocol (RFC 8200 4.5). */
static __always_inline struct fragment_key fragment_of(const struct packet *p, enum place place,
						       __u32 slot)
{
	struct fragment_key k = {.src = p->src,
				 .dst = p->dst,
				 .id = p->id,
				 .protocol = p->ip6 ? 0 : p->protocol,
				 .place = place,
				 .slot = slot};

	return k;
}

/*
 * Where those go that follow a first one. The host's need no note: what is not known is its; but
 * an older note must not take them away when their number comes round again.
 */
static __always_inline void remember_fragments(const struct fragment_key *k, int to)
{
	if (to == TO_HOST)
		bpf_map_delete_elem(&dp_fragments, k);
	else
		bpf_map_update_elem(&dp_fragments, k, &to, BPF_ANY);
}

/* ---- to the host or a container, by what it is for ---- */

static __always_inline int who_asked(__be16 id, const union dp_address *peer)
{
	struct echo_key k = {.peer = *peer, .id = id};
	__u32 *slot = bpf_map_lookup_elem(&dp_echoes, &k);

	return slot ? (int)*slot : TO_HOST;
}

static __always_inline int destination_of_icmp(struct __sk_buff *skb, const struct dp_host *h,
					       const struct packet *p)
{
	struct packet quoted;

	if (p->icmp == ICMP_ECHO_REPLY)
		return who_asked(echo_id(skb, p), &p->src);
	/* An error belongs to who sent the packet it quotes. */
	if (p->icmp != ICMP_ERROR || read_quoted(skb, h, p, &quoted))
		return TO_HOST;
	if (quoted.icmp == ICMP_ECHO_REQUEST)
		return who_asked(echo_id(skb, &quoted), &quoted.dst);
	return quoted.ports ? (int)owner(quoted.sport) : TO_HOST;
}

/* Of what is for the host's address. */
static __always_inline int destination_of_first(struct __sk_buff *skb, const struct dp_host *h,
						const struct packet *p)
{
	if (p->ports)
		return (int)owner(p->dport);
	return p->icmp ? destination_of_icmp(skb, h, p) : TO_HOST;
}

static __always_inline int destination(struct __sk_buff *skb, const struct dp_host *h,
				       const struct packet *p, enum place place)
{
	if (p->first && !p->more)
		return destination_of_first(skb, h, p);
	struct fragment_key k = fragment_of(p, place, 0);
	if (!p->first) {
		__s32 *known = bpf_map_lookup_elem(&dp_fragments, &k);
		return known ? *known : TO_HOST;
	}
	int to = destination_of_first(skb, h, p);
	remember_fragments(&k, to);
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

/* Into the host's stack by way of its loopback; addressed so that a filter of somebody else there
 * can send it on into a container of his. */
static __always_inline int to_host(struct __sk_buff *skb, const struct dp_host *h)
{
	bpf_skb_store_bytes(skb, 0, h->mac, sizeof(h->mac), 0);
	return bpf_redirect(h->lo, BPF_F_INGRESS);
}

/* Whatever the address of the loopback is, all zero or, where Mesos' isolator was, the host's. */
static __always_inline int pass_here(struct __sk_buff *skb)
{
	if (skb->pkt_type == PACKET_OTHERHOST)
		bpf_skb_change_type(skb, PACKET_HOST);
	return PASS;
}

/* ---- programs on the host ---- */

/* Who asked for a neighbour gets the answer too; requests are answered by the host, once. */
static __always_inline int answer_from(struct __sk_buff *skb, const union dp_address *who)
{
	__u32 *slot = bpf_map_lookup_elem(&dp_neighbours, who);
	struct dp_container *c = slot ? container(*slot) : 0;

	if (c && c->ifindex)
		bpf_clone_redirect(skb, c->ifindex, 0);
	return PASS;
}

static __always_inline int wire_arp(struct __sk_buff *skb)
{
	struct arp a;
	__be32 who;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &a, sizeof(a)) || a.operation != bpf_htons(ARP_REPLY))
		return PASS;
	__builtin_memcpy(&who, a.spa, sizeof(who));
	union dp_address from = mapped(who);
	return answer_from(skb, &from);
}

SEC("tc")
int dp_wire(struct __sk_buff *skb)
{
	struct dp_host *h = host();
	struct packet p;

	if (!h || skb->vlan_present) /* a tag: of another network, whatever its addresses */
		return PASS;
	if (skb->protocol == bpf_htons(ETH_P_ARP))
		return wire_arp(skb);
	if (read_packet(skb, h, &p) || p.to != HOSTS)
		return PASS;
	if (p.protocol == IPPROTO_ICMPV6 && p.icmp_type == ND_NEIGHBOUR_ADVERT) {
		union dp_address who;
		if (bpf_skb_load_bytes(skb, p.l4 + __builtin_offsetof(struct neighbour, target),
				       &who, sizeof(who)))
			return PASS;
		return answer_from(skb, &who);
	}
	int to = destination(skb, h, &p, AT_WIRE);
	return to > 0 ? to_container((__u32)to) : PASS;
}

SEC("tc")
int dp_host_lo(struct __sk_buff *skb)
{
	struct dp_host *h = host();
	struct packet p;

	if (!h || read_packet(skb, h, &p) || p.to == OTHERS)
		return pass_here(skb);
	int to = destination(skb, h, &p, AT_HOST);
	return to > 0 ? from_here_to_container(skb, h, (__u32)to) : pass_here(skb);
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

/* A switch would learn any other address to be here. */
static __always_inline int to_wire(struct __sk_buff *skb, const struct dp_host *h, __u32 slot)
{
	__u8 source[ETH_ALEN];

	if (bpf_skb_load_bytes(skb, ETH_ALEN, source, sizeof(source)) || !same_mac(source, h->mac))
		return drop(slot, DP_SPOOFED);
	return bpf_redirect(h->eth, 0);
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
	if (a.operation == bpf_htons(ARP_REQUEST)) {
		union dp_address who = mapped(target);
		bpf_map_update_elem(&dp_neighbours, &who, &slot, BPF_ANY);
	}
	return to_wire(skb, h, slot);
}

/* What a stack says of groups and routers by itself: the host says it for all. */
static __always_inline _Bool is_chatter(const struct packet *p)
{
	return p->protocol == IPPROTO_ICMPV6 &&
	       (p->icmp_type == ND_ROUTER_SOLICIT || p->icmp_type == MLD2_REPORT ||
		(p->icmp_type >= MLD_FIRST && p->icmp_type <= MLD_LAST) ||
		(p->icmp_type == ND_NEIGHBOUR_SOLICIT && is_none(&p->src)));
}

static __always_inline _Bool is_discovery(const struct packet *p)
{
	return p->protocol == IPPROTO_ICMPV6 && p->icmp_type > ND_ROUTER_SOLICIT &&
	       p->icmp_type <= ND_REDIRECT;
}

/* Solicitations, and advertisements of the host's own address; with one option or none, so that
 * nothing hides behind. Nobody here is a router. */
static __always_inline int out_discovery(struct __sk_buff *skb, const struct dp_host *h,
					 const struct packet *p, __u32 slot)
{
	struct neighbour n;
	_Bool asks = p->icmp_type == ND_NEIGHBOUR_SOLICIT;
	_Bool plain = skb->len == ETH_HLEN + sizeof(struct ipv6hdr) + NEIGHBOUR_PLAIN;

	if (p->from != HOSTS || p->l4 != ETH_HLEN + sizeof(struct ipv6hdr) ||
	    (!plain && skb->len != p->l4 + sizeof(n)))
		return drop(slot, DP_SPOOFED);
	if (bpf_skb_load_bytes(skb, p->l4, &n, NEIGHBOUR_PLAIN))
		return drop(slot, DP_OTHER);
	if (!plain && bpf_skb_load_bytes(skb, p->l4, &n, sizeof(n)))
		return drop(slot, DP_OTHER);
	if (!plain &&
	    (n.option != (asks ? ND_OPTION_SOURCE : ND_OPTION_TARGET) || !same_mac(n.mac, h->mac)))
		return drop(slot, DP_SPOOFED);
	union dp_address target = n.target;
	if (asks)
		bpf_map_update_elem(&dp_neighbours, &target, &slot, BPF_ANY);
	else if (p->icmp_type != ND_NEIGHBOUR_ADVERT || whose6(h, &target) != HOSTS)
		return drop(slot, DP_SPOOFED);
	return to_wire(skb, h, slot);
}

/* An ICMP error about a packet that was for somebody else? It could end or slow his connection. Of
 * a later fragment there is none (RFC 1122 3.2.2), and who gets it may look for ports in there. */
static __always_inline _Bool about_others(struct __sk_buff *skb, const struct dp_host *h,
					  const struct packet *p, __u32 slot)
{
	struct packet quoted;

	if (p->icmp != ICMP_ERROR)
		return 0;
	if (read_quoted(skb, h, p, &quoted) || !quoted.first || quoted.to == OTHERS)
		return 1;
	return quoted.ports && owner(quoted.dport) != slot;
}

/* May the container send this? 0, or why not plus one. */
static __always_inline int out_refused(struct __sk_buff *skb, const struct dp_host *h,
				       const struct packet *p, __u32 slot)
{
	if (p->from == OTHERS || (p->from == LOOPBACK && p->to != LOOPBACK))
		return DP_SPOOFED + 1;
	if ((p->ports && owner(p->sport) != slot) || about_others(skb, h, p, slot))
		return DP_FOREIGN_PORT + 1;
	return 0;
}

static __always_inline int out_destination_of_first(struct __sk_buff *skb, const struct dp_host *h,
						    const struct packet *p, __u32 slot)
{
	if (p->to != OTHERS)
		return destination_of_first(skb, h, p);
	if (p->icmp == ICMP_ECHO_REQUEST) {
		struct echo_key e = {.peer = p->dst, .id = echo_id(skb, p)};
		bpf_map_update_elem(&dp_echoes, &e, &slot, BPF_ANY);
	}
	return TO_WIRE;
}

static __always_inline int out_destination(struct __sk_buff *skb, const struct dp_host *h,
					   const struct packet *p, __u32 slot)
{
	if (p->first && !p->more)
		return out_destination_of_first(skb, h, p, slot);
	struct fragment_key k = fragment_of(p, AT_HOST, slot);
	if (!p->first) {
		__s32 *known = bpf_map_lookup_elem(&dp_fragments, &k);
		return known ? *known : TO_NOBODY;
	}
	int to = out_destination_of_first(skb, h, p, slot);
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
		return to_host(skb, h);
	if (to > 0)
		return from_here_to_container(skb, h, (__u32)to);
	struct dp_container *c = container(slot);
	if (c && c->flow)
		skb->priority = c->flow;
	return to_wire(skb, h, slot);
}

SEC("tc")
int dp_out(struct __sk_buff *skb)
{
	__u32 slot = skb->tc_classid & 0xffff;
	struct dp_host *h = host();
	struct packet p;

	if (!h)
		return TC_ACT_SHOT;
	if (skb->vlan_present)
		return drop(slot, DP_OTHER);
	if (skb->protocol == bpf_htons(ETH_P_ARP))
		return out_arp(skb, h, slot);
	if (read_packet(skb, h, &p))
		return drop(slot, DP_OTHER);
	if (is_chatter(&p))
		return TC_ACT_SHOT;
	if (is_discovery(&p))
		return out_discovery(skb, h, &p, slot);
	int refused = out_refused(skb, h, &p, slot);
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

	if (!h || !slot || read_packet(skb, h, &p))
		return TC_ACT_SHOT;
	skb->mark = 0;
	skb->priority = 0;
	return forward(skb, h, &p, slot);
}

/* ---- programs in the container ---- */

/* Does somebody in this namespace listen there? Then the container means itself. */
static __always_inline _Bool listens_here(struct __sk_buff *skb, const struct packet *p)
{
	struct bpf_sock_tuple t = {0};
	__u32 size = p->ip6 ? sizeof(t.ipv6) : sizeof(t.ipv4);
	struct bpf_sock *sk;

	if (p->ip6) {
		__builtin_memcpy(t.ipv6.saddr, &p->src, sizeof(t.ipv6.saddr));
		__builtin_memcpy(t.ipv6.daddr, &p->dst, sizeof(t.ipv6.daddr));
		t.ipv6.sport = p->sport;
		t.ipv6.dport = p->dport;
	} else {
		t.ipv4.saddr = p->src.words[3];
		t.ipv4.daddr = p->dst.words[3];
		t.ipv4.sport = p->sport;
		t.ipv4.dport = p->dport;
	}
	if (p->protocol == IPPROTO_TCP)
		sk = bpf_sk_lookup_tcp(skb, &t, size, BPF_F_CURRENT_NETNS, 0);
	else if (p->protocol == IPPROTO_UDP)
		sk = bpf_sk_lookup_udp(skb, &t, size, BPF_F_CURRENT_NETNS, 0);
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

	if (!h || !c || read_packet(skb, h, &p) || p.to == OTHERS)
		return pass_here(skb);
	if (!p.first) {
		struct fragment_key k = fragment_of(&p, AT_INNER, slot);
		if (!bpf_map_lookup_elem(&dp_fragments, &k))
			return pass_here(skb);
		return bpf_redirect(c->inner, 0);
	}
	/* Its own is also what it sends to itself without ports. */
	_Bool own = !p.ports || owner(p.dport) == slot || listens_here(skb, &p);
	if (p.more) {
		struct fragment_key k = fragment_of(&p, AT_INNER, slot);
		remember_fragments(&k, own ? TO_HOST : TO_WIRE);
	}
	return own ? pass_here(skb) : bpf_redirect(c->inner, 0);
}

SEC("tc")
int dp_inner_eth(struct __sk_buff *skb)
{
	struct dp_host *h = host();
	struct packet p;

	if (!h || read_packet(skb, h, &p) || p.to != LOOPBACK)
		return PASS;
	return bpf_redirect(1, BPF_F_INGRESS); /* loopback is made first */
}

char _license[] SEC("license") = "GPL";
