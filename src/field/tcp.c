/* SPDX-License-Identifier: Apache-2.0 */
/* Class tcp: header fields of any layer, analysis of the innermost, with Wireshark's names. */
#include "field/class.h"

#include <errno.h>

#define TCP_SIZE 20u /* RFC 9293, 3.1 */

#define SIDE_SRC 1u
#define SIDE_DST 2u

enum tcp_part { TCP_SEQ, TCP_ACKNO, TCP_FLAGS, TCP_WINDOW, TCP_FLAG };
#define TCP_FLAG_BIT(bit) (TCP_FLAG | FIELD_TCP_FLAG(bit))

GETTER(get_port)
{
	const struct packet *p = context_packet(c);
	unsigned n = 0;

	if (!p)
		return 0;
	EACH_LAYER(p, l)
	{
		if ((l->has & (PACKET_TCP | PACKET_PORTS)) != (PACKET_TCP | PACKET_PORTS))
			continue;
		if (f->detail & SIDE_SRC)
			n += value_u64(&out[n], VALUE_PORT, l->sport);
		if (f->detail & SIDE_DST)
			n += value_u64(&out[n], VALUE_PORT, l->dport);
	}
	return n;
}

static unsigned tcp_part(const uint8_t *h, uint32_t detail, struct value *out)
{
	switch ((enum tcp_part)(detail & 0xff)) {
	case TCP_SEQ:
		return value_u64(out, VALUE_U64, load_be32(h + 4));
	case TCP_ACKNO:
		return value_u64(out, VALUE_U64, load_be32(h + 8));
	case TCP_FLAGS:
		return value_u64(out, VALUE_U64, load_be16(h + 12) & 0xfffu);
	case TCP_WINDOW:
		return value_u64(out, VALUE_U64, load_be16(h + 14));
	case TCP_FLAG:
		return value_bool(out, h[13] & detail >> 8);
	}
	return 0;
}

GETTER(get_header)
{
	const struct packet *p = context_packet(c);
	unsigned n = 0;

	if (!p)
		return 0;
	EACH_LAYER(p, l)
	{
		const uint8_t *h = l->has & PACKET_TCP ? packet_at(p, l->l4, TCP_SIZE) : NULL;

		if (h)
			n += tcp_part(h, f->detail, &out[n]);
	}
	return n;
}

GETTER(get_len)
{
	const struct packet *p = context_packet(c);
	unsigned n = 0;

	if (!p)
		return 0;
	EACH_LAYER(p, l)
	{
		if (l->has & PACKET_TCP)
			n += value_u64(&out[n], VALUE_U64, l->payload_len);
	}
	return n;
}

/* What the conversation tells; NULL for packets that belong to none. */
static const struct flow_facts *tcp_facts(struct context *c)
{
	const struct packet_layer *l = context_inner(c);

	return l && l->has & PACKET_TCP && c->facts.valid ? &c->facts : NULL;
}

enum number { NUMBER_STREAM, NUMBER_SEQ, NUMBER_ACK };

GETTER(get_number)
{
	const struct flow_facts *facts = tcp_facts(c);

	if (!facts)
		return 0;
	switch ((enum number)f->detail) {
	case NUMBER_STREAM:
		return value_u64(out, VALUE_U64, facts->stream);
	case NUMBER_SEQ:
		return value_u64(out, VALUE_U64, facts->seq);
	case NUMBER_ACK:
		return packet_inner(&c->packet)->tcp_flags & TCP_ACK
			       ? value_u64(out, VALUE_U64, facts->ack)
			       : 0;
	}
	return 0;
}

/* detail: where it stands in the facts. */
GETTER(get_truth)
{
	const struct flow_facts *facts = tcp_facts(c);

	return facts ? value_bool(out, *((const bool *)facts + f->detail)) : 0;
}

GETTER(get_time)
{
	const struct flow_facts *facts = tcp_facts(c);
	uint64_t ns = 0;

	if (facts)
		memcpy(&ns, (const char *)facts + f->detail, sizeof(ns));
	return ns ? value_u64(out, VALUE_RELTIME, ns) : 0;
}

/* As Linux' icmp_err_convert (net/ipv4/icmp.c); 0 = no failure. */
static int icmp_errno(const uint8_t *h)
{
	if (h[0] != 3)
		return 0;
	switch (h[1]) {
	case 0:
	case 6:
	case 9:
	case 11:
		return ENETUNREACH;
	case 2:
		return EPROTO;
	case 3:
		return ECONNREFUSED;
	case 4:
		return EMSGSIZE;
	default:
		return EHOSTUNREACH;
	}
}

/* As Linux' tab_unreach (net/ipv6/icmp.c), and packet too big; 0 = no failure. */
static int icmp6_errno(const uint8_t *h)
{
	if (h[0] == 2)
		return EMSGSIZE;
	if (h[0] != 1)
		return 0;
	switch (h[1]) {
	case 0:
		return ENETUNREACH;
	case 1:
	case 5:
	case 6:
		return EACCES;
	case 4:
		return ECONNREFUSED;
	default:
		return EHOSTUNREACH;
	}
}

/* A RST that answers a SYN acknowledges it and has sequence number 0 (RFC 9293, 3.10.7.1). */
static bool tcp_refuses(const struct context *c, const struct packet_layer *l)
{
	if (c->facts.valid)
		return c->facts.refused;
	const uint8_t *h = packet_at(&c->packet, l->l4, TCP_SIZE);

	return h && (h[13] & (TCP_RST | TCP_ACK)) == (TCP_RST | TCP_ACK) && load_be32(h + 4) == 0;
}

bool packet_failed(struct context *c, int *errno_value)
{
	const struct packet_layer *l = context_inner(c);
	const uint8_t *h;

	*errno_value = 0;
	if (!l)
		return false;
	if (l->has & PACKET_TCP && tcp_refuses(c, l))
		*errno_value = ECONNREFUSED;
	else if (l->has & (PACKET_ICMP | PACKET_ICMP6) && (h = packet_at(&c->packet, l->l4, 2)))
		*errno_value = l->has & PACKET_ICMP ? icmp_errno(h) : icmp6_errno(h);
	return *errno_value != 0;
}

#define TCP_FIELD    (FIELD_PACKETS | FIELD_LAYER(PACKET_TCP))
#define PACKET_FIELD (TCP_FIELD | FIELD_MULTI)
#define FLAG_FIELD   (PACKET_FIELD | FIELD_BIT)
#define FLOW_FIELD   (TCP_FIELD | FIELD_FLOW | FIELD_FOLLOW)
#define FACT_FIELD   (FLOW_FIELD | FIELD_FACT)
#define FACT(member) offsetof(struct flow_facts, member)

static const struct field rows[] = {
	{"tcp.srcport", VALUE_PORT, SCOPE_EVENT, PACKET_FIELD | FIELD_PORTS,
	 FIELD_SIDES(PACKET_TCP, SIDE_SRC), get_port, "sender's port"},
	{"tcp.dstport", VALUE_PORT, SCOPE_EVENT, PACKET_FIELD | FIELD_PORTS,
	 FIELD_SIDES(PACKET_TCP, SIDE_DST), get_port, "receiver's port"},
	{"tcp.port", VALUE_PORT, SCOPE_EVENT, PACKET_FIELD | FIELD_PORTS,
	 FIELD_SIDES(PACKET_TCP, SIDE_SRC | SIDE_DST), get_port, "either port"},
	{"tcp.flags", VALUE_U64, SCOPE_EVENT, PACKET_FIELD | FIELD_HEX, TCP_FLAGS, get_header,
	 "the twelve flag bits as a number"},
	{"tcp.flags.syn", VALUE_BOOL, SCOPE_EVENT, FLAG_FIELD | FIELD_SYN, TCP_FLAG_BIT(0x02u),
	 get_header, "SYN is set"},
	{"tcp.flags.ack", VALUE_BOOL, SCOPE_EVENT, FLAG_FIELD, TCP_FLAG_BIT(0x10u), get_header,
	 "ACK is set"},
	{"tcp.flags.fin", VALUE_BOOL, SCOPE_EVENT, FLAG_FIELD, TCP_FLAG_BIT(0x01u), get_header,
	 "FIN is set"},
	{"tcp.flags.reset", VALUE_BOOL, SCOPE_EVENT, FLAG_FIELD, TCP_FLAG_BIT(0x04u), get_header,
	 "RST is set"},
	{"tcp.flags.push", VALUE_BOOL, SCOPE_EVENT, FLAG_FIELD, TCP_FLAG_BIT(0x08u), get_header,
	 "PSH is set"},
	{"tcp.flags.urg", VALUE_BOOL, SCOPE_EVENT, FLAG_FIELD, TCP_FLAG_BIT(0x20u), get_header,
	 "URG is set"},
	{"tcp.seq_raw", VALUE_U64, SCOPE_EVENT, PACKET_FIELD, TCP_SEQ, get_header,
	 "sequence number as sent"},
	{"tcp.ack_raw", VALUE_U64, SCOPE_EVENT, PACKET_FIELD, TCP_ACKNO, get_header,
	 "acknowledgement number as sent"},
	{"tcp.window_size_value", VALUE_U64, SCOPE_EVENT, PACKET_FIELD, TCP_WINDOW, get_header,
	 "window as sent, not scaled"},
	{"tcp.len", VALUE_U64, SCOPE_EVENT, PACKET_FIELD, 0, get_len, "payload bytes"},
	{"tcp.seq", VALUE_U64, SCOPE_EVENT, FLOW_FIELD, NUMBER_SEQ, get_number,
	 "sequence number from the start of the conversation"},
	{"tcp.ack", VALUE_U64, SCOPE_EVENT, FLOW_FIELD, NUMBER_ACK, get_number,
	 "acknowledgement number from the start of the conversation"},
	{"tcp.stream", VALUE_U64, SCOPE_EVENT, TCP_FIELD | FIELD_FLOW | FIELD_ORDER, NUMBER_STREAM,
	 get_number, "number of the conversation, from 0"},
	{"tcp.analysis.retransmission", VALUE_BOOL, SCOPE_EVENT, FACT_FIELD, FACT(retransmission),
	 get_truth, "the segment was seen before"},
	{"tcp.analysis.out_of_order", VALUE_BOOL, SCOPE_EVENT, FACT_FIELD, FACT(out_of_order),
	 get_truth, "the segment comes later than it was sent"},
	{"tcp.analysis.duplicate_ack", VALUE_BOOL, SCOPE_EVENT, FACT_FIELD, FACT(duplicate_ack),
	 get_truth, "the acknowledgement was seen before"},
	{"tcp.analysis.zero_window", VALUE_BOOL, SCOPE_EVENT, FACT_FIELD, FACT(zero_window),
	 get_truth, "the receiver has no room left"},
	{"tcp.analysis.ack_rtt", VALUE_RELTIME, SCOPE_EVENT, FACT_FIELD | FIELD_SECONDS, FACT(rtt),
	 get_time, "seconds from a segment to this acknowledgement of it"},
	{"tcp.analysis.initial_rtt", VALUE_RELTIME, SCOPE_EVENT, FACT_FIELD | FIELD_SECONDS,
	 FACT(initial_rtt), get_time, "seconds the handshake of this conversation took"},
};

const struct field_class field_class_tcp = {"tcp", "TCP", rows, ARRAY_SIZE(rows)};
