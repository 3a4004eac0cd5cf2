/* SPDX-License-Identifier: Apache-2.0 */
/* Class tunnel: what wraps a packet between hosts. */
#include "field/class.h"

GETTER(get_vni)
{
	const struct packet *p = context_packet(c);

	return p && p->tunnel == (enum packet_tunnel)f->detail ? value_u64(out, VALUE_U64, p->vni)
							       : 0;
}

static const struct field rows[] = {
	{"vxlan.vni", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS, TUNNEL_VXLAN, get_vni,
	 "VXLAN network identifier (RFC 7348)"},
	{"geneve.vni", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS, TUNNEL_GENEVE, get_vni,
	 "Geneve virtual network identifier (RFC 8926)"},
};

const struct field_class field_class_tunnel = {"tunnel", "VXLAN and Geneve", rows,
					       ARRAY_SIZE(rows)};
