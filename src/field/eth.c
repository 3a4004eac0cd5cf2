/* SPDX-License-Identifier: Apache-2.0 */
/* Class eth: Ethernet, VLAN and ARP, with Wireshark's names. */
#include "field/class.h"

#define MAC_SIZE 6u
#define SIDE_SRC 1u
#define SIDE_DST 2u

/* ARP over Ethernet for IPv4 (RFC 826): hardware and protocol lengths, then the operation. */
#define ARP_SIZE   28u
#define ARP_OPCODE 6u
#define ARP_SHA	   8u
#define ARP_SPA	   14u
#define ARP_THA	   18u
#define ARP_TPA	   24u

GETTER(get_mac)
{
	const struct packet *p = context_packet(c);
	unsigned n = 0;

	if (!p)
		return 0;
	EACH_LAYER(p, l)
	{
		const uint8_t *head = l->has & PACKET_ETH ? packet_at(p, l->l2, 2 * MAC_SIZE)
							  : NULL;

		if (!head)
			continue;
		if (f->detail & SIDE_SRC)
			n += value_bytes(&out[n], VALUE_MAC, head + MAC_SIZE, MAC_SIZE);
		if (f->detail & SIDE_DST)
			n += value_bytes(&out[n], VALUE_MAC, head, MAC_SIZE);
	}
	return n;
}

GETTER(get_type)
{
	const struct packet *p = context_packet(c);
	unsigned n = 0;

	if (!p)
		return 0;
	EACH_LAYER(p, l)
	{
		if (l->has & PACKET_ETH)
			n += value_u64(&out[n], VALUE_U64, l->ethertype);
	}
	return n;
}

GETTER(get_vlan)
{
	const struct packet *p = context_packet(c);
	unsigned n = 0;

	if (!p)
		return 0;
	EACH_LAYER(p, l)
	{
		if (l->has & PACKET_VLAN)
			n += value_u64(&out[n], VALUE_U64, l->vlan);
	}
	return n;
}

/* The ARP packet when it is the Ethernet and IPv4 kind, else NULL. */
static const uint8_t *arp_at(struct context *c)
{
	const struct packet *p = context_packet(c);

	if (!p)
		return NULL;
	EACH_LAYER(p, l)
	{
		const uint8_t *arp = l->has & PACKET_ARP ? packet_at(p, l->l3, ARP_SIZE) : NULL;

		if (arp && arp[4] == MAC_SIZE && arp[5] == 4)
			return arp;
	}
	return NULL;
}

GETTER(get_arp_opcode)
{
	const uint8_t *arp = arp_at(c);

	return arp ? value_u64(out, VALUE_U64, load_be16(arp + ARP_OPCODE)) : 0;
}

GETTER(get_arp_ip)
{
	const uint8_t *arp = arp_at(c);

	return arp ? value_bytes(out, VALUE_IP, arp + f->detail, 4) : 0;
}

GETTER(get_arp_mac)
{
	const uint8_t *arp = arp_at(c);

	return arp ? value_bytes(out, VALUE_MAC, arp + f->detail, MAC_SIZE) : 0;
}

#define PACKET_FIELD (FIELD_PACKETS | FIELD_MULTI)

static const struct field rows[] = {
	{"eth.src", VALUE_MAC, SCOPE_EVENT, PACKET_FIELD, SIDE_SRC, get_mac,
	 "sender's MAC address"},
	{"eth.dst", VALUE_MAC, SCOPE_EVENT, PACKET_FIELD, SIDE_DST, get_mac,
	 "receiver's MAC address"},
	{"eth.addr", VALUE_MAC, SCOPE_EVENT, PACKET_FIELD, SIDE_SRC | SIDE_DST, get_mac,
	 "either MAC address"},
	{"eth.type", VALUE_U64, SCOPE_EVENT, PACKET_FIELD | FIELD_HEX, 0, get_type,
	 "EtherType behind any VLAN tag, e.g. 0x800"},
	{"vlan.id", VALUE_U64, SCOPE_EVENT, PACKET_FIELD, 0, get_vlan, "outermost VLAN id"},
	{"arp.opcode", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS, 0, get_arp_opcode,
	 "1 request, 2 reply"},
	{"arp.src.proto_ipv4", VALUE_IP, SCOPE_EVENT, FIELD_PACKETS, ARP_SPA, get_arp_ip,
	 "sender's IPv4 address"},
	{"arp.dst.proto_ipv4", VALUE_IP, SCOPE_EVENT, FIELD_PACKETS, ARP_TPA, get_arp_ip,
	 "IPv4 address that is asked for"},
	{"arp.src.hw_mac", VALUE_MAC, SCOPE_EVENT, FIELD_PACKETS, ARP_SHA, get_arp_mac,
	 "sender's MAC address"},
	{"arp.dst.hw_mac", VALUE_MAC, SCOPE_EVENT, FIELD_PACKETS, ARP_THA, get_arp_mac,
	 "target's MAC address"},
};

const struct field_class field_class_eth = {"eth", "Ethernet, VLAN and ARP", rows,
					    ARRAY_SIZE(rows)};
