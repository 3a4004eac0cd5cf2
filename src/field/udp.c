/* SPDX-License-Identifier: Apache-2.0 */
/* Class udp, any layer, with Wireshark's names. */
#include "field/class.h"

#define UDP_SIZE 8u /* RFC 768 */
#define SIDE_SRC 1u
#define SIDE_DST 2u

GETTER(get_port)
{
	const struct packet *p = context_packet(c);
	unsigned n = 0;

	if (!p)
		return 0;
	EACH_LAYER(p, l)
	{
		if ((l->has & (PACKET_UDP | PACKET_PORTS)) != (PACKET_UDP | PACKET_PORTS))
			continue;
		if (f->detail & SIDE_SRC)
			n += value_u64(&out[n], VALUE_PORT, l->sport);
		if (f->detail & SIDE_DST)
			n += value_u64(&out[n], VALUE_PORT, l->dport);
	}
	return n;
}

GETTER(get_length)
{
	const struct packet *p = context_packet(c);
	unsigned n = 0;

	if (!p)
		return 0;
	EACH_LAYER(p, l)
	{
		const uint8_t *h = l->has & PACKET_UDP ? packet_at(p, l->l4, UDP_SIZE) : NULL;

		if (h)
			n += value_u64(&out[n], VALUE_U64, load_be16(h + 4));
	}
	return n;
}

#define PACKET_FIELD (FIELD_PACKETS | FIELD_MULTI | FIELD_LAYER(PACKET_UDP))

static const struct field rows[] = {
	{"udp.srcport", VALUE_PORT, SCOPE_EVENT, PACKET_FIELD | FIELD_PORTS,
	 FIELD_SIDES(PACKET_UDP, SIDE_SRC), get_port, "sender's port"},
	{"udp.dstport", VALUE_PORT, SCOPE_EVENT, PACKET_FIELD | FIELD_PORTS,
	 FIELD_SIDES(PACKET_UDP, SIDE_DST), get_port, "receiver's port"},
	{"udp.port", VALUE_PORT, SCOPE_EVENT, PACKET_FIELD | FIELD_PORTS,
	 FIELD_SIDES(PACKET_UDP, SIDE_SRC | SIDE_DST), get_port, "either port"},
	{"udp.length", VALUE_U64, SCOPE_EVENT, PACKET_FIELD, 0, get_length,
	 "length by the UDP header, header included"},
};

const struct field_class field_class_udp = {"udp", "UDP", rows, ARRAY_SIZE(rows)};
