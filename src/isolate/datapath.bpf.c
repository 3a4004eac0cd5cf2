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
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "isolate/datapath.h"

#define PASS TC_ACT_UNSPEC /* as if we were not there: others may look too */

#define IP_MF	  0x2000
#define IP_OFFSET 0x1fff

#define IP6_MORE   1 /* of frag_off, RFC 8200 4.5 */
#define IP6_OFFSET 0xfff8
#define IP6_EXTENSIONS                                                             \
	6 /* headers in front of the upper protocol: more of them are not followed \
	   */

enum icmp_kind { ICMP_NONE, ICMP_ECHO_REQUEST, ICMP_ECHO_REPLY, ICMP_ERROR };

/* RFC 4861 and RFC 2710, RFC 3810: neighbour discovery and multicast groups. */
enum {
	MLD_FIRST = 130,
	MLD_LAST = 132,
	ND_ROUTER_SOLICIT = 133,
	ND_NEIGHBOUR_SOLICIT = 135,
	ND_NEIGHBOUR_ADVERT = 136,
	ND_REDIRECT = 137,
	MLD2_REPORT = 143,
	ND_OPTION_SOURCE = 1,
	ND_OPTION_TARGET = 2,
};

struct neighbour { /* solicitation or advertisement */
	__u8 type, code;
	__be16 checksum;
	__be32 flags;
	union dp_address target;
	__u8 option, option_size; /* in units of 8 bytes */
	__u8 mac[6];
} __attribute__((packed));
#define NEIGHBOUR_PLAIN 24 /* bytes, without the option */

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
	__type(key, union dp_address);
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

enum whose { OTHERS, HOSTS, LOOPBACK };

struct packet {
	union dp_address src, dst;
	enum whose from, to;
	__be16 sport, dport;
	__be32 id;
	__u8 protocol;
	enum icmp_kind icmp;
	__u8 icmp_type;
	_Bool first, more; /* fragments: carries the ports; others follow */
	_Bool ports;
	_Bool ip6;
	__u32 l4;
};

static __always_inline _Bool has_ports(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
	       protocol == IPPROTO_UDPLITE || protocol == IPPROTO_DCCP;
}

static __always_inline void set_ports(struct packet *p, const __be16 *ports)
{
	p->icmp_type = *(const __u8 *)ports;
	p->ports = has_ports(p->protocol);
	p->sport = ports[0];
	p->dport = ports[1];
}

static __always_inline union dp_address mapped(__be32 ip)
{
	union dp_address a = {.words = {0, 0, bpf_htonl(0xffff), ip}};

	return a;
}

static __always_inline _Bool same_address(const union dp_address *a, const union dp_address *b)
{
	return a->halves[0] == b->halves[0] && a->halves[1] == b->halves[1];
}

static __always_inline enum whose whose4(const struct dp_host *h, __be32 ip)
{
	if (ip == h->ip)
		return HOSTS;
	return (ip & bpf_htonl(0xff000000)) == bpf_htonl(0x7f000000) ? LOOPBACK : OTHERS;
}

static __always_inline enum icmp_kind icmp4_kind(__u8 type) /* RFC 792 */
{
	switch (type) {
	case 0:
		return ICMP_ECHO_REPLY;
	case 8:
		return ICMP_ECHO_REQUEST;
	case 3:	 /* destination unreachable */
	case 4:	 /* source quench */
	case 5:	 /* redirect */
	case 11: /* time exceeded */
	case 12: /* parameter problem */
		return ICMP_ERROR;
	default:
		return ICMP_NONE;
	}
}

/* at: of the IPv4 header. -1: it is not whole. The usual packet takes one load. */
static __always_inline int read_ip4(struct __sk_buff *skb, const struct dp_host *host, __u32 at,
				    struct packet *p)
{
	struct {
		struct iphdr ip;
		__be16 ports[2];
	} h;

	__builtin_memset(p, 0, sizeof(*p));
	if (bpf_skb_load_bytes(skb, at, &h, sizeof(h)) || h.ip.version != 4 || h.ip.ihl < 5)
		return -1;
	p->src = mapped(h.ip.saddr);
	p->dst = mapped(h.ip.daddr);
	p->from = whose4(host, h.ip.saddr);
	p->to = whose4(host, h.ip.daddr);
	p->id = h.ip.id;
	p->protocol = h.ip.protocol;
	p->first = !(h.ip.frag_off & bpf_htons(IP_OFFSET));
	p->more = !!(h.ip.frag_off & bpf_htons(IP_MF));
	p->l4 = at + h.ip.ihl * 4;
	if (!p->first)
		return 0;
	if (h.ip.ihl > 5 && bpf_skb_load_bytes(skb, p->l4, h.ports, sizeof(h.ports)))
		return -1;
	set_ports(p, h.ports);
	if (p->protocol == IPPROTO_ICMP)
		p->icmp = icmp4_kind(p->icmp_type);
	return 0;
}

static __always_inline _Bool is_none(const union dp_address *a)
{
	return !(a->halves[0] | a->halves[1]);
}

static __always_inline enum whose whose6(const struct dp_host *h, const union dp_address *a)
{
	if (is_none(a))
		return OTHERS; /* also where the host has no IPv6 address */
	if (same_address(a, &h->ip6) || same_address(a, &h->link_local))
		return HOSTS;
	return !a->halves[0] && !a->words[2] && a->words[3] == bpf_htonl(1) ? LOOPBACK : OTHERS;
}

static __always_inline enum icmp_kind icmp6_kind(__u8 type) /* RFC 4443 */
{
	if (type == 128)
		return ICMP_ECHO_REQUEST;
	if (type == 129)
		return ICMP_ECHO_REPLY;
	return type < 128 ? ICMP_ERROR : ICMP_NONE;
}

/* Past the extension headers; p->protocol is the first of them, p->l4 where it is. */
static __always_inline int skip_extensions(struct __sk_buff *skb, struct packet *p)
{
	struct { /* RFC 8200 4.5: longer than what the others have in front */
		__u8 next, size;
		__be16 offset;
		__be32 id;
	} x;

#pragma unroll
	for (int i = 0; i < IP6_EXTENSIONS; i++) {
		if (p->protocol != IPPROTO_HOPOPTS && p->protocol != IPPROTO_ROUTING &&
		    p->protocol != IPPROTO_DSTOPTS && p->protocol != IPPROTO_FRAGMENT)
			return 0;
		if (bpf_skb_load_bytes(skb, p->l4, &x, sizeof(x)))
			return -1;
		p->l4 += 8;
		if (p->protocol == IPPROTO_FRAGMENT) {
			p->id = x.id;
			p->first = !(x.offset & bpf_htons(IP6_OFFSET));
			p->more = !!(x.offset & bpf_htons(IP6_MORE));
		} else {
			p->l4 += x.size * 8;
		}
		p->protocol = x.next;
		if (!p->first)
			return 0;
	}
	return 0;
}

/* Not static: so the verifier looks at it once, not on every way to it, which takes a tenth. */
__noinline int read_ip6(struct __sk_buff *skb, const struct dp_host *host, __u32 at,
			struct packet *p)
{
	struct {
		struct ipv6hdr ip;
		__be16 ports[2];
	} h;

	if (!host || !p)
		return -1;
	__builtin_memset(p, 0, sizeof(*p));
	if (bpf_skb_load_bytes(skb, at, &h, sizeof(h)) || h.ip.version != 6)
		return -1;
	__builtin_memcpy(&p->src, &h.ip.saddr, sizeof(p->src));
	__builtin_memcpy(&p->dst, &h.ip.daddr, sizeof(p->dst));
	p->from = whose6(host, &p->src);
	p->to = whose6(host, &p->dst);
	p->protocol = h.ip.nexthdr;
	p->first = 1;
	p->ip6 = 1;
	p->l4 = at + sizeof(h.ip);
	if (skip_extensions(skb, p))
		return -1;
	if (!p->first)
		return 0;
	if (p->l4 != at + sizeof(h.ip) && bpf_skb_load_bytes(skb, p->l4, h.ports, sizeof(h.ports)))
		return -1;
	set_ports(p, h.ports);
	if (p->protocol == IPPROTO_ICMPV6)
		p->icmp = icmp6_kind(p->icmp_type);
	return 0;
}

/* -1: not IP, or not whole. */
static __always_inline int read_packet(struct __sk_buff *skb, const struct dp_host *h,
				       struct packet *p)
{
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return read_ip4(skb, h, ETH_HLEN, p);
	return skb->protocol == bpf_htons(ETH_P_IPV6) ? read_ip6(skb, h, ETH_HLEN, p) : -1;
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
	struct fragment_key k = {.src = p->src,
				 .dst = p->dst,
				 .id = p->id,
				 .protocol = p->protocol,
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

/* The packet that an ICMP error is about. -1: it is not whole. */
static __always_inline int read_quoted(struct __sk_buff *skb, const struct dp_host *h,
				       const struct packet *p, struct packet *quoted)
{
	__u32 at = p->l4 + 8;

	return p->ip6 ? read_ip6(skb, h, at, quoted) : read_ip4(skb, h, at, quoted);
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

/* Into a stack by way of its loopback, whose address is all zero. */
static __always_inline int to_loopback(struct __sk_buff *skb, __u32 lo)
{
	static const __u8 none[6];

	bpf_skb_store_bytes(skb, 0, none, sizeof(none), 0);
	return bpf_redirect(lo, BPF_F_INGRESS);
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
		return PASS;
	int to = destination(skb, h, &p, AT_HOST);
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

/* An ICMP error about a packet that was for somebody else? It could end or slow his connection. */
static __always_inline _Bool about_others(struct __sk_buff *skb, const struct dp_host *h,
					  const struct packet *p, __u32 slot)
{
	struct packet quoted;

	if (p->icmp != ICMP_ERROR)
		return 0;
	return read_quoted(skb, h, p, &quoted) || (quoted.ports && owner(quoted.dport) != slot);
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
		return to_loopback(skb, h->lo);
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
		return PASS;
	if (!p.first) {
		struct fragment_key k = fragment_of(&p, AT_INNER, slot);
		if (!bpf_map_lookup_elem(&dp_fragments, &k))
			return PASS;
		return bpf_redirect(c->inner, 0);
	}
	/* Its own is also what it sends to itself without ports. */
	_Bool own = !p.ports || owner(p.dport) == slot || listens_here(skb, &p);
	if (p.more) {
		struct fragment_key k = fragment_of(&p, AT_INNER, slot);
		remember_fragments(&k, own ? TO_HOST : TO_WIRE);
	}
	return own ? PASS : bpf_redirect(c->inner, 0);
}

SEC("tc")
int dp_inner_eth(struct __sk_buff *skb)
{
	struct dp_host *h = host();
	struct packet p;

	if (!h || read_packet(skb, h, &p) || p.to != LOOPBACK)
		return PASS;
	return to_loopback(skb, 1); /* loopback is made first */
}

char _license[] SEC("license") = "GPL";
