/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* For the programs in the kernel: what is said of a packet, read from its headers. */
#ifndef DREDGE_ISOLATE_PACKET_BPF_H
#define DREDGE_ISOLATE_PACKET_BPF_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "isolate/datapath.h"

#define IP_MF	  0x2000
#define IP_OFFSET 0x1fff

#define IP6_MORE   1 /* of frag_off, RFC 8200 4.5 */
#define IP6_OFFSET 0xfff8
/* Headers in front of the upper protocol; who has more of them has no protocol that is known. */
#define IP6_EXTENSIONS 6

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
	/* The last fragment may be shorter than ports are. */
	_Bool tiny = bpf_skb_load_bytes(skb, at, &h, sizeof(h));
	if ((tiny && bpf_skb_load_bytes(skb, at, &h.ip, sizeof(h.ip))) || h.ip.version != 4 ||
	    h.ip.ihl < 5)
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
	if ((tiny || h.ip.ihl > 5) && bpf_skb_load_bytes(skb, p->l4, h.ports, sizeof(h.ports)))
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

static __always_inline _Bool is_extension(__u8 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_DSTOPTS || protocol == IPPROTO_FRAGMENT;
}

/* Past the extension headers; p->protocol is the first of them, p->l4 where it is. -1: they are not
 * whole, or too many to tell what is behind. */
static __always_inline int skip_extensions(struct __sk_buff *skb, struct packet *p)
{
	struct { /* RFC 8200 4.5: longer than what the others have in front */
		__u8 next, size;
		__be16 offset;
		__be32 id;
	} x;

#pragma unroll
	for (int i = 0; i < IP6_EXTENSIONS; i++) {
		if (!is_extension(p->protocol))
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
	return is_extension(p->protocol) ? -1 : 0;
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

/* The packet that an ICMP error is about. -1: it is not whole. */
static __always_inline int read_quoted(struct __sk_buff *skb, const struct dp_host *h,
				       const struct packet *p, struct packet *quoted)
{
	__u32 at = p->l4 + 8;

	return p->ip6 ? read_ip6(skb, h, at, quoted) : read_ip4(skb, h, at, quoted);
}

#endif
