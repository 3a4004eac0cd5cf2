/* SPDX-License-Identifier: Apache-2.0 */
/* A protocol's bare name as a condition, as Wireshark's users write it: "tcp", "not arp". */
#include "field/class.h"

GETTER(get_protocol)
{
	const struct packet *p = context_packet(c);

	if (!p)
		return 0;
	EACH_LAYER(p, l)
	if (l->has & f->detail)
		return value_bool(out, true);
	return 0;
}

GETTER(get_tunnel)
{
	const struct packet *p = context_packet(c);

	return p && p->tunnel == (enum packet_tunnel)f->detail ? value_bool(out, true) : 0;
}

#define PROTOCOL(name, mask, text)                                                               \
	{                                                                                        \
		name, VALUE_BOOL, SCOPE_EVENT, FIELD_FILTER | FIELD_PACKETS, mask, get_protocol, \
			text                                                                     \
	}

static const struct field rows[] = {
	PROTOCOL("eth", PACKET_ETH, "true for packets with an Ethernet header"),
	PROTOCOL("vlan", PACKET_VLAN, "true for packets with a VLAN tag"),
	PROTOCOL("arp", PACKET_ARP, "true for ARP"),
	PROTOCOL("ip", PACKET_IP4, "true for IPv4"),
	PROTOCOL("ipv6", PACKET_IP6, "true for IPv6"),
	PROTOCOL("tcp", PACKET_TCP, "true for TCP"),
	PROTOCOL("udp", PACKET_UDP, "true for UDP"),
	PROTOCOL("sctp", PACKET_SCTP, "true for SCTP"),
	PROTOCOL("icmp", PACKET_ICMP, "true for ICMP"),
	PROTOCOL("icmpv6", PACKET_ICMP6, "true for ICMPv6"),
	{"vxlan", VALUE_BOOL, SCOPE_EVENT, FIELD_FILTER | FIELD_PACKETS, TUNNEL_VXLAN, get_tunnel,
	 "true for packets inside VXLAN"},
	{"geneve", VALUE_BOOL, SCOPE_EVENT, FIELD_FILTER | FIELD_PACKETS, TUNNEL_GENEVE, get_tunnel,
	 "true for packets inside Geneve"},
};

const struct field_class field_class_protocol = {"protocol", "protocols by their bare name", rows,
						 ARRAY_SIZE(rows)};
