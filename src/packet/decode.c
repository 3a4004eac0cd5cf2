/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/packet.h"
#include "packet/wire.h"

#define VLAN_TAGS_MAX	4u
#define IP6_HEADERS_MAX 8u
#define LENGTH_MAX	0x7fffffffu /* so that an offset plus a header never wraps */

/* What is ATTR_INLINE here makes one straight path of the usual packet: a third less to do. */

/* Offsets where the captured bytes and the packet itself end for the layer at hand; cap <= end. */
struct bounds {
	uint32_t cap, end;
};

static inline struct bounds bounds_until(struct bounds b, uint32_t end)
{
	b.end = MIN(b.end, end);
	b.cap = MIN(b.cap, b.end);
	return b;
}

static inline void set_payload(struct packet_layer *l, struct bounds b, uint32_t at)
{
	if (UNLIKELY(at > b.cap))
		l->has |= PACKET_CUT;
	l->payload = MIN(at, b.cap);
	l->payload_len = at < b.end ? b.end - at : 0;
}

/* Ports stand in the first 4 bytes of TCP, UDP and SCTP alike, so even a cut header tells them. */
static inline ATTR_INLINE bool decode_ports(struct packet_layer *l, const uint8_t *data,
					    struct bounds b, uint32_t at, uint32_t need)
{
	l->l4 = at;
	if (LIKELY(b.cap - at >= 4)) {
		l->sport = load_be16(data + at);
		l->dport = load_be16(data + at + 2);
		l->has |= PACKET_PORTS;
	}
	if (LIKELY(b.cap - at >= need))
		return true;
	set_payload(l, b, at + need);
	return false;
}

static inline ATTR_INLINE void decode_tcp(struct packet_layer *l, const uint8_t *data,
					  struct bounds b, uint32_t at)
{
	if (!decode_ports(l, data, b, at, TCP_SIZE))
		return;
	uint32_t size = (data[at + 12] >> 4) * 4u;
	l->tcp_flags = data[at + 13];
	l->has |= PACKET_TCP;
	if (UNLIKELY(size < TCP_SIZE)) {
		b.end = b.cap = at + TCP_SIZE;
		size = TCP_SIZE;
	}
	set_payload(l, b, at + size);
}

static void decode_udp(struct packet_layer *l, const uint8_t *data, struct bounds b, uint32_t at)
{
	if (!decode_ports(l, data, b, at, UDP_SIZE))
		return;
	uint32_t length = load_be16(data + at + 4);
	l->has |= PACKET_UDP;
	/* 0 stands for "longer than 16 bits can tell" (RFC 2675); the IP length decides then. */
	if (length)
		b = bounds_until(b, at + MAX(length, UDP_SIZE));
	set_payload(l, b, at + UDP_SIZE);
}

static void decode_icmp(struct packet_layer *l, struct bounds b, uint32_t at, uint32_t bit)
{
	l->l4 = at;
	if (b.cap - at >= ICMP_MIN)
		l->has |= bit;
	set_payload(l, b, at + ICMP_SIZE);
}

/* at <= b.cap */
static inline ATTR_INLINE void decode_transport(struct packet_layer *l, const uint8_t *data,
						struct bounds b, uint32_t at)
{
	if (LIKELY(l->proto == PROTO_TCP)) {
		decode_tcp(l, data, b, at);
	} else if (l->proto == PROTO_UDP) {
		decode_udp(l, data, b, at);
	} else if (l->proto == PROTO_ICMP && l->has & PACKET_IP4) {
		decode_icmp(l, b, at, PACKET_ICMP);
	} else if (l->proto == PROTO_ICMP6 && l->has & PACKET_IP6) {
		decode_icmp(l, b, at, PACKET_ICMP6);
	} else if (l->proto == PROTO_SCTP) {
		if (decode_ports(l, data, b, at, SCTP_SIZE)) {
			l->has |= PACKET_SCTP;
			set_payload(l, b, at + SCTP_SIZE);
		}
	} else {
		set_payload(l, b, at);
	}
}

static inline ATTR_INLINE void decode_ip4(struct packet_layer *l, const uint8_t *data,
					  struct bounds b, uint32_t at)
{
	const uint8_t *h = data + at;

	if (UNLIKELY(b.cap - at < IP4_SIZE)) {
		set_payload(l, b, at + IP4_SIZE);
		return;
	}
	uint32_t size = (h[0] & 15) * 4u;
	if (UNLIKELY(h[0] >> 4 != 4 || size < IP4_SIZE)) {
		set_payload(l, b, at);
		return;
	}
	l->l3 = at;
	l->proto = h[9];
	l->src = h + 12;
	l->dst = h + 16;
	l->has |= PACKET_IP4;
	/* 0 is what the kernel leaves in segments that the card, or nobody, will cut (TSO). */
	uint32_t total = load_be16(h + 2);
	if (LIKELY(total))
		b = bounds_until(b, at + MAX(total, IP4_SIZE));
	uint16_t fragment = load_be16(h + 6);
	at += size;
	if (UNLIKELY(at > b.cap)) {
		set_payload(l, b, at);
		return;
	}
	if (UNLIKELY(fragment & IP4_OFFSET)) {
		l->has |= PACKET_FRAG;
		set_payload(l, b, at);
		return;
	}
	if (fragment & IP4_MORE)
		l->has |= PACKET_MORE;
	decode_transport(l, data, b, at);
}

/*
 * Step over one extension header; false when it is none, or ends the decoding. RFC 8200, section 4:
 * all but the fragment header start with the next header and their length in 8 bytes less one;
 * authentication counts in 4 bytes less two (RFC 4302, 2.2).
 */
static bool ip6_extension(struct packet_layer *l, const uint8_t *data, struct bounds b,
			  uint32_t *at)
{
	if (l->proto != IP6_HOP_BY_HOP && l->proto != IP6_ROUTING && l->proto != IP6_OPTIONS &&
	    l->proto != IP6_FRAGMENT && l->proto != IP6_AUTH && l->proto != IP6_MOBILITY &&
	    l->proto != IP6_HIP && l->proto != IP6_SHIM6)
		return false;
	if (b.cap - *at < IP6_EXTENSION_MIN) {
		*at += IP6_EXTENSION_MIN;
		return false;
	}
	const uint8_t *h = data + *at;
	if (l->proto == IP6_FRAGMENT) {
		uint16_t fragment = load_be16(h + 2);
		if (fragment & IP6_OFFSET_MASK)
			l->has |= PACKET_FRAG;
		else if (fragment & 1)
			l->has |= PACKET_MORE;
		*at += 8;
	} else {
		*at += l->proto == IP6_AUTH ? (h[1] + 2u) * 4 : (h[1] + 1u) * 8;
	}
	l->proto = h[0];
	return *at <= b.cap && !(l->has & PACKET_FRAG);
}

static void decode_ip6(struct packet_layer *l, const uint8_t *data, struct bounds b, uint32_t at)
{
	const uint8_t *h = data + at;

	if (b.cap - at < IP6_SIZE) {
		set_payload(l, b, at + IP6_SIZE);
		return;
	}
	if (h[0] >> 4 != 6) {
		set_payload(l, b, at);
		return;
	}
	l->l3 = at;
	l->proto = h[6];
	l->src = h + 8;
	l->dst = h + 24;
	l->has |= PACKET_IP6;
	uint32_t length = load_be16(h + 4);
	at += IP6_SIZE;
	/* 0 with something behind it is a jumbogram (RFC 2675), or a segment longer than 64 KiB. */
	if (length || l->proto == IP6_NONE)
		b = bounds_until(b, at + length);
	unsigned headers = 0;
	while (headers < IP6_HEADERS_MAX && ip6_extension(l, data, b, &at))
		headers++;
	if (UNLIKELY(at > b.cap || headers == IP6_HEADERS_MAX || l->has & PACKET_FRAG))
		set_payload(l, b, at);
	else
		decode_transport(l, data, b, at);
}

/* Only what Ethernet and IPv4 use: 6 and 4 bytes of address (RFC 826). */
static void decode_arp(struct packet_layer *l, const uint8_t *data, struct bounds b, uint32_t at)
{
	const uint8_t *h = data + at;

	if (b.cap - at >= ARP_SIZE && load_be16(h) == 1 && load_be16(h + 2) == ETHERTYPE_IP4 &&
	    h[4] == 6 && h[5] == 4) {
		l->has |= PACKET_ARP;
		l->l3 = at;
		l->src = h + 14;
		l->dst = h + 24;
	}
	set_payload(l, b, at + ARP_SIZE);
}

static inline bool is_vlan(uint16_t type)
{
	return type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ || type == ETHERTYPE_QINQ_OLD;
}

/* at <= b.cap */
static inline ATTR_INLINE void decode_network(struct packet_layer *l, const uint8_t *data,
					      struct bounds b, uint32_t at, uint16_t type)
{
	for (unsigned tags = 0; UNLIKELY(is_vlan(type)) && tags < VLAN_TAGS_MAX; tags++) {
		if (b.cap - at < VLAN_SIZE) {
			l->ethertype = type;
			set_payload(l, b, at + VLAN_SIZE);
			return;
		}
		if (!(l->has & PACKET_VLAN))
			l->vlan = load_be16(data + at) & 0xfff;
		l->has |= PACKET_VLAN;
		type = load_be16(data + at + 2);
		at += VLAN_SIZE;
	}
	l->ethertype = type;
	if (LIKELY(type == ETHERTYPE_IP4))
		decode_ip4(l, data, b, at);
	else if (type == ETHERTYPE_IP6)
		decode_ip6(l, data, b, at);
	else if (type == ETHERTYPE_ARP)
		decode_arp(l, data, b, at);
	else
		set_payload(l, b, at);
}

/* The first `size` bytes are a link header with the EtherType `type_at` bytes into it. */
static inline ATTR_INLINE void decode_framed(struct packet_layer *l, const uint8_t *data,
					     struct bounds b, uint32_t at, uint32_t size,
					     uint32_t type_at, uint32_t bit)
{
	l->l2 = at;
	if (UNLIKELY(b.cap - at < size)) {
		set_payload(l, b, at + size);
		return;
	}
	l->has |= bit;
	decode_network(l, data, b, at + size, load_be16(data + at + type_at));
}

static void decode_raw(struct packet_layer *l, const uint8_t *data, struct bounds b, uint32_t at)
{
	if (at >= b.cap) {
		set_payload(l, b, at + 1);
		return;
	}
	if (data[at] >> 4 == 4)
		decode_network(l, data, b, at, ETHERTYPE_IP4);
	else if (data[at] >> 4 == 6)
		decode_network(l, data, b, at, ETHERTYPE_IP6);
	else
		set_payload(l, b, at);
}

/* The family is in the byte order of the machine that captured, and IPv6 has a number per system;
 * the version in the IP header tells the rest (tcpdump.org/linktypes/LINKTYPE_NULL.html). */
static void decode_null(struct packet_layer *l, const uint8_t *data, struct bounds b)
{
	if (b.cap < NULL_SIZE) {
		set_payload(l, b, NULL_SIZE);
		return;
	}
	uint32_t family = load_be32(data);
	if (family > 0xffff)
		family = __builtin_bswap32(family);
	if (family == 2 || family == 10 || family == 24 || family == 28 || family == 30)
		decode_raw(l, data, b, NULL_SIZE);
	else
		set_payload(l, b, NULL_SIZE);
}

/* RFC 7348 and RFC 8926. What does not look like the header stays an ordinary UDP packet. */
static void decode_tunnel(struct packet *p)
{
	const struct packet_layer *outer = &p->layer[0];
	struct packet_layer *l = &p->layer[1];
	uint32_t at = outer->payload;
	const uint8_t *h = p->data + at;
	struct bounds b = bounds_until((struct bounds){p->caplen, LENGTH_MAX},
				       at + outer->payload_len);
	bool geneve = outer->dport == PORT_GENEVE;
	uint32_t size = TUNNEL_SIZE;
	uint16_t type = ETHERTYPE_TEB;

	if (b.cap - at < TUNNEL_SIZE)
		return;
	if (geneve) {
		if (h[0] >> 6)
			return;
		size += (h[0] & 0x3f) * 4u;
		type = load_be16(h + 2);
	} else if (!(h[0] & VXLAN_HAS_VNI)) {
		return;
	}
	p->tunnel = geneve ? TUNNEL_GENEVE : TUNNEL_VXLAN;
	p->vni = load_be32(h + 4) >> 8;
	p->layers = 2;
	*l = (struct packet_layer){0};
	at += size;
	if (at > b.cap)
		set_payload(l, b, at);
	else if (type == ETHERTYPE_TEB)
		decode_framed(l, p->data, b, at, ETH_SIZE, 12, PACKET_ETH);
	else
		decode_network(l, p->data, b, at, type);
}

static inline bool is_tunnel_port(uint16_t port)
{
	return port == PORT_VXLAN || port == PORT_VXLAN_OLD || port == PORT_GENEVE;
}

#define USUAL_HEADERS (ETH_SIZE + IP4_SIZE + TCP_SIZE)

/* The usual packet in one go: Ethernet, IPv4 without options or fragments, TCP, nothing cut. False:
 * it is another one, and nothing of the layer is to be relied on. */
static inline bool decode_usual(struct packet_layer *l, const uint8_t *data, struct bounds b)
{
	const uint8_t *ip = data + ETH_SIZE, *tcp = ip + IP4_SIZE;

	if (b.cap < USUAL_HEADERS || load_be16(data + 12) != ETHERTYPE_IP4 || ip[0] != 0x45 ||
	    ip[9] != PROTO_TCP || load_be16(ip + 6) & (IP4_MORE | IP4_OFFSET))
		return false;
	uint32_t total = load_be16(ip + 2), size = (tcp[12] >> 4) * 4u;
	uint32_t at = ETH_SIZE + IP4_SIZE + size;
	b = bounds_until(b, ETH_SIZE + total);
	if (size < TCP_SIZE || at > b.cap)
		return false;
	*l = (struct packet_layer){
		.has = PACKET_ETH | PACKET_IP4 | PACKET_TCP | PACKET_PORTS,
		.l3 = ETH_SIZE,
		.l4 = ETH_SIZE + IP4_SIZE,
		.payload = at,
		.payload_len = b.end - at,
		.ethertype = ETHERTYPE_IP4,
		.proto = PROTO_TCP,
		.tcp_flags = tcp[13],
		.sport = load_be16(tcp),
		.dport = load_be16(tcp + 2),
		.src = ip + 12,
		.dst = ip + 16,
	};
	return true;
}

void packet_decode(struct packet *p, uint32_t linktype, const uint8_t *data, uint32_t caplen,
		   uint32_t len)
{
	struct packet_layer *l = &p->layer[0];

	p->data = data;
	p->caplen = MIN(caplen, LENGTH_MAX);
	p->len = len = MIN(MAX(len, caplen), LENGTH_MAX);
	p->tunnel = TUNNEL_NONE;
	p->vni = 0;
	p->layers = 1;

	struct bounds b = {p->caplen, len};
	if (LIKELY(linktype == LINKTYPE_ETHERNET && decode_usual(l, data, b)))
		return;
	*l = (struct packet_layer){0};
	if (LIKELY(linktype == LINKTYPE_ETHERNET))
		decode_framed(l, data, b, 0, ETH_SIZE, 12, PACKET_ETH);
	else if (linktype == LINKTYPE_LINUX_SLL)
		decode_framed(l, data, b, 0, SLL_SIZE, 14, 0);
	else if (linktype == LINKTYPE_LINUX_SLL2)
		decode_framed(l, data, b, 0, SLL2_SIZE, 0, 0);
	else if (linktype == LINKTYPE_NULL)
		decode_null(l, data, b);
	else if (linktype == LINKTYPE_RAW || linktype == LINKTYPE_IPV4 || linktype == LINKTYPE_IPV6)
		decode_raw(l, data, b, 0);
	else
		set_payload(l, b, 0);

	if (UNLIKELY(l->has & PACKET_UDP && is_tunnel_port(l->dport)))
		decode_tunnel(p);
}

uint32_t packet_kept(enum packet_depth depth, uint32_t linktype, const uint8_t *data,
		     uint32_t caplen, uint32_t len)
{
	struct packet p;

	if (depth == PACKET_WHOLE)
		return caplen;
	packet_decode(&p, linktype, data, caplen, len);
	const struct packet_layer *l = packet_inner(&p);
	/* What was not understood is not understood for what comes later in it. */
	bool known = l->has & (PACKET_TCP | PACKET_UDP);
	uint32_t behind = depth == PACKET_HEADERS && known ? 8 : PACKET_HEAD;
	return caplen - l->payload > behind ? l->payload + behind : caplen;
}
