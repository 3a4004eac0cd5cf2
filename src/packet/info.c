/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/packet.h"
#include "packet/info.h"
#include "packet/wire.h"

/* More than the fixed part of any line of a transport protocol. */
#define LINE_ROOM 256u

static const uint8_t *captured(const struct packet *p, uint32_t at, uint32_t n)
{
	return at <= p->caplen && n <= p->caplen - at ? p->data + at : NULL;
}

static void put_address(struct text *t, const struct packet_layer *l, const uint8_t *at)
{
	if (l->has & PACKET_IP6)
		text_ipv6(t, at);
	else
		text_ipv4(t, at);
}

/* Names are literals nearly always: their length is known where this is inlined. */
static inline ATTR_INLINE void put_number(struct text *t, const char *name, uint64_t v)
{
	text_str(t, name);
	text_u64(t, v);
}

/* " 40000 -> 80" */
static char *put_ports(char *p, const struct packet_layer *l)
{
	p = digits_u64(PUT(p, " "), l->sport);
	return digits_u64(PUT(p, " -> "), l->dport);
}

static char *put_tcp_flags(char *p, uint8_t flags)
{
	static const char names[8][6] = {"FIN, ", "SYN, ", "RST, ", "PSH, ",
					 "ACK, ", "URG, ", "ECE, ", "CWR, "};

	/* Nearly all: data or an acknowledgment alone, which nobody can guess. */
	if (LIKELY((flags & ~TCP_PSH) == TCP_ACK)) {
		static const char usual[2][16] = {" [ACK]", " [PSH, ACK]"};
		bool push = flags & TCP_PSH;
		memcpy(p, usual[push], sizeof(usual[push]));
		return p + (push ? 11 : 6);
	}
	if (!flags)
		return PUT(p, " [none]");
	p = PUT(p, " [");
	for (unsigned left = flags; left; left &= left - 1, p += 5)
		memcpy(p, names[__builtin_ctz(left)], 5);
	p[-2] = ']'; /* for the last comma */
	return p - 1;
}

static void put_tcp(struct text *t, const struct packet *packet, const struct packet_layer *l)
{
	const uint8_t *h = packet->data + l->l4;
	char *start = text_room(t, LINE_ROOM), *p = start;

	p = put_ports(PUT(p, "TCP"), l);
	p = put_tcp_flags(p, l->tcp_flags);
	p = digits_u64(PUT(p, " seq="), load_be32(h + 4));
	if (l->tcp_flags & TCP_ACK)
		p = digits_u64(PUT(p, " ack="), load_be32(h + 8));
	p = digits_u64(PUT(p, " win="), load_be16(h + 14));
	p = digits_u64(PUT(p, " len="), l->payload_len);
	t->len += (size_t)(p - start);
	info_stream(t, packet->data + l->payload, packet_head_here(packet, l),
		    l->sport == PORT_REDIS || l->dport == PORT_REDIS);
}

static void put_transport(struct text *t, const char *name, const struct packet_layer *l)
{
	text_str(t, name);
	char *start = text_room(t, LINE_ROOM), *p = put_ports(start, l);
	p = digits_u64(PUT(p, " len="), l->payload_len);
	t->len += (size_t)(p - start);
}

static void put_udp(struct text *t, const struct packet *p, const struct packet_layer *l)
{
	put_transport(t, "UDP", l);
	if (l->sport == PORT_DNS || l->dport == PORT_DNS)
		info_dns(t, p->data + l->payload, packet_head_here(p, l));
}

static void put_arp(struct text *t, const struct packet *p, const struct packet_layer *l)
{
	const uint8_t *h = p->data + l->l3;
	uint16_t operation = load_be16(h + 6);

	text_str(t, "ARP ");
	if (operation == 1 && memcmp(l->src, l->dst, 4) == 0) {
		text_str(t, "announcement ");
		text_ipv4(t, l->src);
	} else if (operation == 1) {
		text_str(t, "who-has ");
		text_ipv4(t, l->dst);
		text_str(t, " tell ");
		text_ipv4(t, l->src);
	} else if (operation == 2) {
		text_ipv4(t, l->src);
		text_str(t, " is-at ");
		text_mac(t, h + 8);
	} else {
		put_number(t, "operation=", operation);
	}
}

/* The packet an ICMP error quotes: " (TCP 10.0.0.1:40000 -> 10.0.0.2:80)". */
static void put_quoted(struct text *t, const struct packet *p, const struct packet_layer *l)
{
	struct packet quoted;
	uint32_t here = packet_head_here(p, l);

	packet_decode(&quoted, LINKTYPE_RAW, p->data + l->payload, here, here);
	const struct packet_layer *q = &quoted.layer[0];
	if (!(q->has & (PACKET_IP4 | PACKET_IP6)))
		return;
	bool ports = q->has & PACKET_PORTS;
	text_str(t, " (");
	if (q->proto == PROTO_TCP || q->proto == PROTO_UDP)
		text_str(t, q->proto == PROTO_TCP ? "TCP" : "UDP");
	else
		put_number(t, "protocol ", q->proto);
	for (int end = 0; end < 2; end++) {
		text_str(t, end ? " -> " : " ");
		put_address(t, q, end ? q->dst : q->src);
		if (ports)
			put_number(t, q->has & PACKET_IP6 ? "." : ":", end ? q->dport : q->sport);
	}
	text_char(t, ')');
}

static void put_echo(struct text *t, const struct packet *p, const struct packet_layer *l,
		     bool reply)
{
	const uint8_t *h = captured(p, l->l4, ICMP_SIZE);

	text_str(t, reply ? "echo reply" : "echo request");
	if (!h)
		return;
	put_number(t, " id=", load_be16(h + 4));
	put_number(t, " seq=", load_be16(h + 6));
	put_number(t, " len=", l->payload_len);
}

static void put_name(struct text *t, const char *const *names, size_t n, const char *other,
		     unsigned v)
{
	if (v < n)
		text_str(t, names[v]);
	else
		put_number(t, other, v);
}

/* Types and codes: RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1. */
static void put_icmp(struct text *t, const struct packet *p, const struct packet_layer *l)
{
	static const char *const unreachable[] = {
		"network unreachable",
		"host unreachable",
		"protocol unreachable",
		"port unreachable",
		"fragmentation needed",
		"source route failed",
		"network unknown",
		"host unknown",
		"source host isolated",
		"network prohibited",
		"host prohibited",
		"network unreachable for this service",
		"host unreachable for this service",
		"communication prohibited",
		"host precedence violation",
		"precedence cutoff",
	};
	const uint8_t *h = p->data + l->l4;
	const uint8_t *full = captured(p, l->l4, ICMP_SIZE);

	text_str(t, "ICMP ");
	switch (h[0]) {
	case 0:
	case 8:
		put_echo(t, p, l, h[0] == 0);
		return;
	case 3:
		put_name(t, unreachable, ARRAY_SIZE(unreachable), "unreachable code=", h[1]);
		if (h[1] == 4 && full)
			put_number(t, " mtu=", load_be16(full + 6));
		break;
	case 5:
		text_str(t, "redirect");
		if (full) {
			text_str(t, " to ");
			text_ipv4(t, full + 4);
		}
		break;
	case 11:
		text_str(t, h[1] ? "reassembly time exceeded" : "time to live exceeded");
		break;
	case 12:
		text_str(t, "parameter problem");
		break;
	default:
		put_number(t, "type=", h[0]);
		put_number(t, " code=", h[1]);
		return;
	}
	put_quoted(t, p, l);
}

/* Neighbour discovery: RFC 4861, 4. */
static void put_neighbour(struct text *t, const struct packet *p, const struct packet_layer *l,
			  uint8_t type)
{
	static const char *const names[] = {"router solicitation", "router advertisement",
					    "neighbor solicitation", "neighbor advertisement",
					    "redirect"};
	const uint8_t *target = type >= 135 ? captured(p, l->l4 + ICMP_SIZE, 16) : NULL;

	text_str(t, names[type - 133]);
	if (target) {
		text_char(t, ' ');
		text_ipv6(t, target);
	}
}

/* Types and codes: RFC 4443. */
static void put_icmp6(struct text *t, const struct packet *p, const struct packet_layer *l)
{
	static const char *const unreachable[] = {
		"no route",	    "communication prohibited",
		"beyond scope",	    "address unreachable",
		"port unreachable", "source address policy",
		"route rejected",
	};
	const uint8_t *h = p->data + l->l4;
	const uint8_t *full = captured(p, l->l4, ICMP_SIZE);

	text_str(t, "ICMPv6 ");
	if (h[0] >= 133 && h[0] <= 137) {
		put_neighbour(t, p, l, h[0]);
		return;
	}
	switch (h[0]) {
	case 1:
		put_name(t, unreachable, ARRAY_SIZE(unreachable), "unreachable code=", h[1]);
		break;
	case 2:
		text_str(t, "packet too big");
		if (full)
			put_number(t, " mtu=", load_be32(full + 4));
		break;
	case 3:
		text_str(t, h[1] ? "reassembly time exceeded" : "hop limit exceeded");
		break;
	case 4:
		text_str(t, "parameter problem");
		break;
	case 128:
	case 129:
		put_echo(t, p, l, h[0] == 129);
		return;
	case 130:
		text_str(t, "multicast listener query");
		return;
	case 131:
	case 143:
		text_str(t, "multicast listener report");
		return;
	case 132:
		text_str(t, "multicast listener done");
		return;
	default:
		put_number(t, "type=", h[0]);
		put_number(t, " code=", h[1]);
		return;
	}
	put_quoted(t, p, l);
}

/* Fragments, protocols without a decoder, and headers that are cut. */
static void put_ip(struct text *t, const struct packet *p, const struct packet_layer *l)
{
	bool ip6 = l->has & PACKET_IP6;
	const uint8_t *ip = p->data + l->l3;

	text_str(t, ip6 ? "IPv6" : "IPv4");
	put_number(t, " protocol=", l->proto);
	if (l->has & PACKET_FRAG) {
		const uint8_t *h = ip6 ? p->data + l->payload - IP6_EXTENSION_MIN : ip;
		text_str(t, " fragment id=0x");
		text_hex(t, ip6 ? load_be32(h + 4) : load_be16(h + 4), ip6 ? 8 : 4);
		put_number(t, " offset=",
			   ip6 ? load_be16(h + 2) & IP6_OFFSET_MASK
			       : (load_be16(h + 6) & IP4_OFFSET) * 8u);
	}
	if (l->has & PACKET_PORTS)
		put_transport(t, "", l);
	else
		put_number(t, " len=", l->payload_len);
}

static void put_link(struct text *t, const struct packet_layer *l)
{
	if (l->ethertype >= ETHERTYPE_MIN) {
		text_str(t, "ethertype=0x");
		text_hex(t, l->ethertype, 4);
		text_char(t, ' ');
	} else if (l->has & PACKET_ETH) {
		text_str(t, "802.3 ");
	}
	put_number(t, "len=", l->payload_len);
}

static void put_layer(struct text *t, const struct packet *p, const struct packet_layer *l)
{
	if (l->has & PACKET_TCP)
		put_tcp(t, p, l);
	else if (l->has & PACKET_UDP)
		put_udp(t, p, l);
	else if (l->has & PACKET_ICMP)
		put_icmp(t, p, l);
	else if (l->has & PACKET_ICMP6)
		put_icmp6(t, p, l);
	else if (l->has & PACKET_ARP)
		put_arp(t, p, l);
	else if (l->has & PACKET_SCTP)
		put_transport(t, "SCTP", l);
	else if (l->has & (PACKET_IP4 | PACKET_IP6))
		put_ip(t, p, l);
	else
		put_link(t, l);
	if (l->has & PACKET_MORE)
		text_str(t, " (first fragment)");
	if (l->has & PACKET_CUT)
		text_str(t, " (cut)");
}

void packet_info(const struct packet *p, struct text *t)
{
	if (p->tunnel != TUNNEL_NONE) {
		put_number(t, p->tunnel == TUNNEL_VXLAN ? "VXLAN " : "Geneve ", p->vni);
		text_str(t, " | ");
	}
	put_layer(t, p, packet_inner(p));
}
