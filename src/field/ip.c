/* SPDX-License-Identifier: Apache-2.0 */
/* Class ip: IPv4, IPv6 and ICMP, any layer of a tunnel, with Wireshark's names. */
#include "field/class.h"

#define SIDE_SRC 1u
#define SIDE_DST 2u

/* IPv4 header (RFC 791, 3.1) and IPv6 header (RFC 8200, 3). */
#define IP4_SIZE 20u
#define IP6_SIZE 40u

enum ip4_part { IP4_ID, IP4_LEN, IP4_TTL, IP4_DF, IP4_MF, IP4_OFFSET, IP4_DSCP };
enum ip6_part { IP6_FLOW, IP6_PLEN, IP6_NEXT, IP6_HOPS };

GETTER(get_addr)
{
	const struct packet *p = context_packet(c);
	uint32_t family = f->detail >> 8;
	unsigned n = 0;

	if (!p)
		return 0;
	EACH_LAYER(p, l)
	{
		if (!(l->has & family))
			continue;
		if (f->detail & SIDE_SRC)
			n += value_bytes(&out[n], VALUE_IP, l->src, layer_ip_size(l));
		if (f->detail & SIDE_DST)
			n += value_bytes(&out[n], VALUE_IP, l->dst, layer_ip_size(l));
	}
	return n;
}

/* The addresses as text, for contains, glob and regex. */
GETTER(get_host)
{
	struct value address[FIELD_MAX_VALUES];
	size_t at[FIELD_MAX_VALUES + 1];
	unsigned n = get_addr(f, arg, c, scratch, address);

	for (unsigned i = 0; i < n; i++) {
		at[i] = scratch->len;
		value_text(scratch, f, &address[i]);
	}
	at[n] = scratch->len;
	for (unsigned i = 0; i < n; i++)
		value_bytes(&out[i], VALUE_STRING, scratch->data + at[i], at[i + 1] - at[i]);
	return n;
}

GETTER(get_proto)
{
	const struct packet *p = context_packet(c);
	unsigned n = 0;

	if (!p)
		return 0;
	EACH_LAYER(p, l)
	{
		if (l->has & f->detail)
			n += value_u64(&out[n], VALUE_U64, l->proto);
	}
	return n;
}

static unsigned ip4_part(const uint8_t *h, uint32_t part, struct value *out)
{
	switch ((enum ip4_part)part) {
	case IP4_ID:
		return value_u64(out, VALUE_U64, load_be16(h + 4));
	case IP4_LEN:
		return value_u64(out, VALUE_U64, load_be16(h + 2));
	case IP4_TTL:
		return value_u64(out, VALUE_U64, h[8]);
	case IP4_DF:
		return value_bool(out, h[6] & 0x40);
	case IP4_MF:
		return value_bool(out, h[6] & 0x20);
	case IP4_OFFSET:
		return value_u64(out, VALUE_U64, (load_be16(h + 6) & 0x1fffu) * 8u);
	case IP4_DSCP:
		return value_u64(out, VALUE_U64, h[1] >> 2);
	}
	return 0;
}

GETTER(get_ip4)
{
	const struct packet *p = context_packet(c);
	unsigned n = 0;

	if (!p)
		return 0;
	EACH_LAYER(p, l)
	{
		const uint8_t *h = l->has & PACKET_IP4 ? packet_at(p, l->l3, IP4_SIZE) : NULL;

		if (h)
			n += ip4_part(h, f->detail, &out[n]);
	}
	return n;
}

static unsigned ip6_part(const uint8_t *h, uint32_t part, struct value *out)
{
	switch ((enum ip6_part)part) {
	case IP6_FLOW:
		return value_u64(out, VALUE_U64, load_be32(h) & 0xfffffu);
	case IP6_PLEN:
		return value_u64(out, VALUE_U64, load_be16(h + 4));
	case IP6_NEXT:
		return value_u64(out, VALUE_U64, h[6]);
	case IP6_HOPS:
		return value_u64(out, VALUE_U64, h[7]);
	}
	return 0;
}

GETTER(get_ip6)
{
	const struct packet *p = context_packet(c);
	unsigned n = 0;

	if (!p)
		return 0;
	EACH_LAYER(p, l)
	{
		const uint8_t *h = l->has & PACKET_IP6 ? packet_at(p, l->l3, IP6_SIZE) : NULL;

		if (h)
			n += ip6_part(h, f->detail, &out[n]);
	}
	return n;
}

/* Type and code are the first two bytes (RFC 792, RFC 4443). */
static unsigned get_icmp_byte(struct context *c, uint32_t bit, uint32_t at, struct value *out)
{
	const struct packet *p = context_packet(c);
	unsigned n = 0;

	if (!p)
		return 0;
	EACH_LAYER(p, l)
	{
		const uint8_t *h = l->has & bit ? packet_at(p, l->l4, 2) : NULL;

		if (h)
			n += value_u64(&out[n], VALUE_U64, h[at]);
	}
	return n;
}

GETTER(get_icmp)
{
	return get_icmp_byte(c, PACKET_ICMP, f->detail, out);
}

GETTER(get_icmp6)
{
	return get_icmp_byte(c, PACKET_ICMP6, f->detail, out);
}

#define PACKET_FIELD (FIELD_PACKETS | FIELD_MULTI)

static const struct field rows[] = {
	{"ip.src", VALUE_IP, SCOPE_EVENT, PACKET_FIELD | FIELD_ADDRS,
	 FIELD_SIDES(PACKET_IP4, SIDE_SRC), get_addr, "sender's IPv4 address"},
	{"ip.dst", VALUE_IP, SCOPE_EVENT, PACKET_FIELD | FIELD_ADDRS,
	 FIELD_SIDES(PACKET_IP4, SIDE_DST), get_addr, "receiver's IPv4 address"},
	{"ip.addr", VALUE_IP, SCOPE_EVENT, PACKET_FIELD | FIELD_ADDRS,
	 FIELD_SIDES(PACKET_IP4, SIDE_SRC | SIDE_DST), get_addr, "either IPv4 address"},
	{"ip.host", VALUE_STRING, SCOPE_EVENT, PACKET_FIELD,
	 FIELD_SIDES(PACKET_IP4, SIDE_SRC | SIDE_DST), get_host, "either IPv4 address as text"},
	{"ip.proto", VALUE_U64, SCOPE_EVENT, PACKET_FIELD, PACKET_IP4, get_proto,
	 "protocol: 1 ICMP, 6 TCP, 17 UDP"},
	{"ip.ttl", VALUE_U64, SCOPE_EVENT, PACKET_FIELD, IP4_TTL, get_ip4, "time to live"},
	{"ip.id", VALUE_U64, SCOPE_EVENT, PACKET_FIELD | FIELD_HEX, IP4_ID, get_ip4,
	 "identification"},
	{"ip.len", VALUE_U64, SCOPE_EVENT, PACKET_FIELD, IP4_LEN, get_ip4,
	 "total length by the IP header; 0 with segmentation offload of large packets"},
	{"ip.flags.df", VALUE_BOOL, SCOPE_EVENT, PACKET_FIELD, IP4_DF, get_ip4, "do not fragment"},
	{"ip.flags.mf", VALUE_BOOL, SCOPE_EVENT, PACKET_FIELD, IP4_MF, get_ip4,
	 "more fragments follow"},
	{"ip.frag_offset", VALUE_U64, SCOPE_EVENT, PACKET_FIELD, IP4_OFFSET, get_ip4,
	 "fragment offset in bytes"},
	{"ip.dsfield.dscp", VALUE_U64, SCOPE_EVENT, PACKET_FIELD, IP4_DSCP, get_ip4,
	 "differentiated services code point"},
	{"ipv6.src", VALUE_IP, SCOPE_EVENT, PACKET_FIELD | FIELD_ADDRS,
	 FIELD_SIDES(PACKET_IP6, SIDE_SRC), get_addr, "sender's IPv6 address"},
	{"ipv6.dst", VALUE_IP, SCOPE_EVENT, PACKET_FIELD | FIELD_ADDRS,
	 FIELD_SIDES(PACKET_IP6, SIDE_DST), get_addr, "receiver's IPv6 address"},
	{"ipv6.addr", VALUE_IP, SCOPE_EVENT, PACKET_FIELD | FIELD_ADDRS,
	 FIELD_SIDES(PACKET_IP6, SIDE_SRC | SIDE_DST), get_addr, "either IPv6 address"},
	{"ipv6.host", VALUE_STRING, SCOPE_EVENT, PACKET_FIELD,
	 FIELD_SIDES(PACKET_IP6, SIDE_SRC | SIDE_DST), get_host, "either IPv6 address as text"},
	{"ipv6.nxt", VALUE_U64, SCOPE_EVENT, PACKET_FIELD, IP6_NEXT, get_ip6,
	 "next header of the fixed header"},
	{"ipv6.hlim", VALUE_U64, SCOPE_EVENT, PACKET_FIELD, IP6_HOPS, get_ip6, "hop limit"},
	{"ipv6.plen", VALUE_U64, SCOPE_EVENT, PACKET_FIELD, IP6_PLEN, get_ip6, "payload length"},
	{"ipv6.flow", VALUE_U64, SCOPE_EVENT, PACKET_FIELD | FIELD_HEX, IP6_FLOW, get_ip6,
	 "flow label"},
	{"icmp.type", VALUE_U64, SCOPE_EVENT, PACKET_FIELD | FIELD_LAYER(PACKET_ICMP), 0, get_icmp,
	 "ICMP type: 0 echo reply, 3 unreachable, 8 echo, 11 time exceeded"},
	{"icmp.code", VALUE_U64, SCOPE_EVENT, PACKET_FIELD | FIELD_LAYER(PACKET_ICMP), 1, get_icmp,
	 "ICMP code"},
	{"icmpv6.type", VALUE_U64, SCOPE_EVENT, PACKET_FIELD | FIELD_LAYER(PACKET_ICMP6), 0,
	 get_icmp6,
	 "ICMPv6 type: 1 unreachable, 128 echo, 129 echo reply, 135 neighbour solicitation"},
	{"icmpv6.code", VALUE_U64, SCOPE_EVENT, PACKET_FIELD | FIELD_LAYER(PACKET_ICMP6), 1,
	 get_icmp6, "ICMPv6 code"},
};

const struct field_class field_class_ip = {"ip", "IPv4, IPv6 and ICMP", rows, ARRAY_SIZE(rows)};
