/* SPDX-License-Identifier: Apache-2.0 */
/* Class frame: the packet as it was captured, with Wireshark's names. */
#include "field/class.h"

GETTER(get_number)
{
	return value_u64(out, VALUE_U64, c->ev->num);
}

/* detail: EVENT_IN, EVENT_OUT or 0 = both. */
static bool goes(const struct field *f, struct context *c)
{
	return c->ev->type == EVENT_PACKET && (!f->detail || packet_way(c) & f->detail);
}

GETTER(get_len)
{
	return goes(f, c) ? value_u64(out, VALUE_U64, c->ev->len) : 0;
}

GETTER(get_count)
{
	return goes(f, c) ? value_u64(out, VALUE_U64, 1) : 0;
}

GETTER(get_cap_len)
{
	return c->ev->type == EVENT_PACKET ? value_u64(out, VALUE_U64, c->ev->caplen) : 0;
}

GETTER(get_time_epoch)
{
	return value_u64(out, VALUE_ABSTIME, c->ev->ts);
}

GETTER(get_time_delta)
{
	uint64_t before = c->previous_ts;

	return value_u64(out, VALUE_RELTIME, before && c->ev->ts > before ? c->ev->ts - before : 0);
}

GETTER(get_time_relative)
{
	uint64_t first = c->first_ts;

	return value_u64(out, VALUE_RELTIME, first && c->ev->ts > first ? c->ev->ts - first : 0);
}

GETTER(get_iface_id)
{
	return c->iface ? value_u64(out, VALUE_U64, c->iface->record.number) : 0;
}

GETTER(get_iface_name)
{
	return c->iface ? value_str(out, c->iface->record.name) : 0;
}

GETTER(get_iface_description)
{
	size_t from = scratch->len;

	if (c->iface && c->iface->record.description)
		return value_str(out, c->iface->record.description);
	if (!c->iface || !c->container)
		return 0;
	meta_describe(scratch, (const char *const *)c->container->meta);
	return scratch->len > from ? value_scratch(out, scratch, from) : 0;
}

GETTER(get_packet_id)
{
	uint64_t id = c->ev->type == EVENT_PACKET ? c->ev->packet_id : 0;

	if (id == PACKET_ID_OF_BYTES) {
		const struct packet *p = context_packet(c);
		id = p ? packet_id(p) : 0;
	}
	return id ? value_u64(out, VALUE_U64, id) : 0;
}

GETTER(get_drop_count)
{
	return value_u64(out, VALUE_U64, c->ev->lost);
}

/* Wireshark's colon-separated list, without its pseudo layer "ethertype". */
GETTER(get_protocols)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {{PACKET_ETH, ":eth"},  {PACKET_VLAN, ":vlan"}, {PACKET_ARP, ":arp"},
		     {PACKET_IP4, ":ip"},   {PACKET_IP6, ":ipv6"},  {PACKET_TCP, ":tcp"},
		     {PACKET_UDP, ":udp"},  {PACKET_ICMP, ":icmp"}, {PACKET_ICMP6, ":icmpv6"},
		     {PACKET_SCTP, ":sctp"}};
	const struct packet *p = context_packet(c);
	size_t from = scratch->len;

	if (!p)
		return 0;
	EACH_LAYER(p, l)
	{
		if (l > p->layer && p->tunnel != TUNNEL_NONE)
			text_str(scratch, p->tunnel == TUNNEL_VXLAN ? ":vxlan" : ":geneve");
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			if (l->has & names[i].bit)
				text_str(scratch, names[i].name);
		}
	}
	return scratch->len > from ? value_scratch(out, scratch, from + 1) : 0;
}

static const struct field rows[] = {
	{"frame.number", VALUE_U64, SCOPE_EVENT, 0, 0, get_number, "same as evt.num"},
	{"frame.len", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS, 0, get_len, "bytes on the wire"},
	{"frame.len.in", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS, EVENT_IN, get_len,
	 "bytes on the wire of packets that arrive, for sums"},
	{"frame.len.out", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS, EVENT_OUT, get_len,
	 "bytes on the wire of packets that leave, for sums"},
	{"frame.count", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS, 0, get_count,
	 "1 for packets, for sums"},
	{"frame.count.in", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS, EVENT_IN, get_count,
	 "1 for packets that arrive, for sums"},
	{"frame.count.out", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS, EVENT_OUT, get_count,
	 "1 for packets that leave, for sums"},
	{"frame.cap_len", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS | FIELD_PAYLOAD, 0, get_cap_len,
	 "bytes captured"},
	{"frame.time_epoch", VALUE_ABSTIME, SCOPE_TIME, FIELD_SECONDS, 0, get_time_epoch,
	 "time in seconds since 1970"},
	{"frame.time_delta", VALUE_RELTIME, SCOPE_EVENT, FIELD_SECONDS | FIELD_ORDER, 0,
	 get_time_delta, "seconds since the event before"},
	{"frame.time_relative", VALUE_RELTIME, SCOPE_EVENT, FIELD_SECONDS | FIELD_ORDER, 0,
	 get_time_relative, "seconds since the first event"},
	{"frame.interface_id", VALUE_U64, SCOPE_IFACE, 0, 0, get_iface_id,
	 "number of the interface in this run"},
	{"frame.interface_name", VALUE_STRING, SCOPE_IFACE, 0, 0, get_iface_name,
	 "name of the interface, e.g. web.0:eth0"},
	{"frame.interface_description", VALUE_STRING, SCOPE_IFACE, 0, 0, get_iface_description,
	 "identity of the interface's container: app= task= framework= container= ..."},
	{"frame.packet_id", VALUE_U64, SCOPE_EVENT, FIELD_HEX | FIELD_PACKETS, 0, get_packet_id,
	 "equal for one packet seen at several points; absent when it was seen once"},
	{"frame.drop_count", VALUE_U64, SCOPE_EVENT, 0, 0, get_drop_count,
	 "events lost on this interface just before this one"},
	{"frame.protocols", VALUE_STRING, SCOPE_EVENT, FIELD_PACKETS, 0, get_protocols,
	 "layers from the outside in, e.g. eth:ip:udp:vxlan:eth:ip:tcp"},
};

const struct field_class field_class_frame = {
	"frame", "packets as captured, with Wireshark's names", rows, ARRAY_SIZE(rows)};
