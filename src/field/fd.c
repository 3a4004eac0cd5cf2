/* SPDX-License-Identifier: Apache-2.0 */
/* Class fd: sysdig's names for the ends of a conversation, taken from the innermost layer. */
#include "field/class.h"

#define TCP_SYN 0x02u
#define TCP_ACK 0x10u

/* Which end a row asks for; END_EITHER gives both. */
enum end { END_CLIENT, END_SERVER, END_LOCAL, END_REMOTE, END_EITHER };

/*
 * Tracked conversations know, and say the same of a SYN. Without them: a SYN comes from the client,
 * and otherwise the server has the lower port, since Linux takes client ports from the upper range
 * (ip_local_port_range).
 */
static bool from_client(const struct context *c, const struct packet_layer *l)
{
	if (c->facts.valid)
		return c->facts.from_client;
	if (l->has & PACKET_TCP && l->tcp_flags & TCP_SYN)
		return !(l->tcp_flags & TCP_ACK);
	return !(l->has & PACKET_PORTS) || l->sport >= l->dport;
}

/* 1: the sender, 2: the receiver, 3: both. */
static unsigned end_sides(struct context *c, const struct packet_layer *l, uint32_t end)
{
	switch (end) {
	case END_CLIENT:
		return from_client(c, l) ? 1 : 2;
	case END_SERVER:
		return from_client(c, l) ? 2 : 1;
	case END_LOCAL:
		return packet_way(c) == EVENT_OUT ? 1 : 2;
	case END_REMOTE:
		return packet_way(c) == EVENT_OUT ? 2 : 1;
	default:
		return 3;
	}
}

static const struct packet_layer *ip_layer(struct context *c)
{
	const struct packet_layer *l = context_inner(c);

	return l && layer_ip_size(l) ? l : NULL;
}

unsigned packet_way_of_server(struct context *c)
{
	const struct packet_layer *l = ip_layer(c);

	return !l ? 0 : from_client(c, l) ? EVENT_IN : EVENT_OUT;
}

static const struct packet_layer *port_layer(struct context *c)
{
	const struct packet_layer *l = ip_layer(c);

	return l && l->has & PACKET_PORTS ? l : NULL;
}

GETTER(get_ip)
{
	const struct packet_layer *l = ip_layer(c);
	unsigned n = 0, sides = l ? end_sides(c, l, f->detail) : 0;

	if (sides & 1)
		n += value_bytes(&out[n], VALUE_IP, l->src, layer_ip_size(l));
	if (sides & 2)
		n += value_bytes(&out[n], VALUE_IP, l->dst, layer_ip_size(l));
	return n;
}

GETTER(get_port)
{
	const struct packet_layer *l = port_layer(c);
	unsigned n = 0, sides = l ? end_sides(c, l, f->detail) : 0;

	if (sides & 1)
		n += value_u64(&out[n], VALUE_PORT, l->sport);
	if (sides & 2)
		n += value_u64(&out[n], VALUE_PORT, l->dport);
	return n;
}

/* Service names; a port without one has no value. */
GETTER(get_proto)
{
	const struct packet_layer *l = port_layer(c);
	unsigned n = 0, sides = l ? end_sides(c, l, f->detail) : 0;
	bool udp = l && l->has & PACKET_UDP;

	if (sides & 1)
		n += value_str(&out[n], service_name(l->sport, udp));
	if (sides & 2)
		n += value_str(&out[n], service_name(l->dport, udp));
	return n;
}

static void end_text(struct text *t, const struct packet_layer *l, bool source)
{
	const uint8_t *ip = source ? l->src : l->dst;
	bool ports = l->has & PACKET_PORTS;

	if (l->has & PACKET_IP4) {
		text_ipv4(t, ip);
	} else {
		/* The brackets of RFC 3986, 3.2.2: without them the port is part of the address. */
		if (ports)
			text_char(t, '[');
		text_ipv6(t, ip);
		if (ports)
			text_char(t, ']');
	}
	if (ports) {
		text_char(t, ':');
		text_u64(t, source ? l->sport : l->dport);
	}
}

/* detail: with the container in front, as sysdig's fd.containername. */
GETTER(get_name)
{
	const struct packet_layer *l = ip_layer(c);
	size_t from = scratch->len;

	if (!l)
		return 0;
	bool forward = from_client(c, l);

	if (f->detail) {
		const char *id = context_meta(c, META_CONTAINER);
		if (id)
			text_str(scratch, id);
		text_char(scratch, ':');
	}
	end_text(scratch, l, forward);
	text_put(scratch, "->", 2);
	end_text(scratch, l, !forward);
	return value_scratch(out, scratch, from);
}

GETTER(get_type)
{
	const struct packet_layer *l = ip_layer(c);

	if (!l)
		return 0;
	if (f->detail)
		return value_str(out, l->has & PACKET_IP4 ? "4" : "6");
	return value_str(out, l->has & PACKET_IP4 ? "ipv4" : "ipv6");
}

GETTER(get_l4proto)
{
	const struct packet_layer *l = ip_layer(c);

	if (!l)
		return 0;
	if (l->has & PACKET_TCP)
		return value_str(out, "tcp");
	if (l->has & PACKET_UDP)
		return value_str(out, "udp");
	if (l->has & (PACKET_ICMP | PACKET_ICMP6))
		return value_str(out, "icmp");
	return value_str(out, l->has & PACKET_SCTP ? "sctp" : "raw");
}

GETTER(get_sockfamily)
{
	return ip_layer(c) ? value_str(out, "ip") : 0;
}

GETTER(get_is_server)
{
	const struct packet_layer *l = port_layer(c);

	if (!l || !(c->ev->flags & EVENT_DIR_MASK))
		return 0;
	return value_bool(out, from_client(c, l) == !!(c->ev->flags & EVENT_IN));
}

GETTER(get_absent)
{
	(void)out;
	return 0;
}

#define ENDS   (FIELD_PACKETS | FIELD_ENDS)
#define EITHER (ENDS | FIELD_MULTI | FIELD_FILTER)

static const struct field rows[] = {
	{"fd.num", VALUE_I64, SCOPE_EVENT, 0, 0, get_absent,
	 "always absent: packets do not belong to a descriptor"},
	{"fd.type", VALUE_STRING, SCOPE_EVENT, ENDS, 0, get_type, "ipv4 or ipv6"},
	{"fd.typechar", VALUE_STRING, SCOPE_EVENT, ENDS, 1, get_type, "4 or 6"},
	{"fd.name", VALUE_STRING, SCOPE_EVENT, ENDS | FIELD_FLOW, 0, get_name,
	 "client:port->server:port"},
	{"fd.containername", VALUE_STRING, SCOPE_EVENT, ENDS | FIELD_FLOW, 1, get_name,
	 "container id and fd.name, with a colon between: one end of a conversation"},
	{"fd.cip", VALUE_IP, SCOPE_EVENT, ENDS | FIELD_FLOW, END_CLIENT, get_ip, "client address"},
	{"fd.sip", VALUE_IP, SCOPE_EVENT, ENDS | FIELD_FLOW, END_SERVER, get_ip, "server address"},
	{"fd.lip", VALUE_IP, SCOPE_EVENT, ENDS, END_LOCAL, get_ip,
	 "address of the container's end"},
	{"fd.rip", VALUE_IP, SCOPE_EVENT, ENDS, END_REMOTE, get_ip, "address of the other end"},
	{"fd.ip", VALUE_IP, SCOPE_EVENT, EITHER, END_EITHER, get_ip, "address of either end"},
	{"fd.cport", VALUE_PORT, SCOPE_EVENT, ENDS | FIELD_FLOW, END_CLIENT, get_port,
	 "client port"},
	{"fd.sport", VALUE_PORT, SCOPE_EVENT, ENDS | FIELD_FLOW, END_SERVER, get_port,
	 "server port"},
	{"fd.lport", VALUE_PORT, SCOPE_EVENT, ENDS, END_LOCAL, get_port,
	 "port of the container's end"},
	{"fd.rport", VALUE_PORT, SCOPE_EVENT, ENDS, END_REMOTE, get_port, "port of the other end"},
	{"fd.port", VALUE_PORT, SCOPE_EVENT, EITHER, END_EITHER, get_port, "port of either end"},
	{"fd.cproto", VALUE_STRING, SCOPE_EVENT, ENDS | FIELD_FLOW, END_CLIENT, get_proto,
	 "service name of the client port"},
	{"fd.sproto", VALUE_STRING, SCOPE_EVENT, ENDS | FIELD_FLOW, END_SERVER, get_proto,
	 "service name of the server port"},
	{"fd.lproto", VALUE_STRING, SCOPE_EVENT, ENDS, END_LOCAL, get_proto,
	 "service name of the container's port"},
	{"fd.rproto", VALUE_STRING, SCOPE_EVENT, ENDS, END_REMOTE, get_proto,
	 "service name of the other end's port"},
	{"fd.proto", VALUE_STRING, SCOPE_EVENT, EITHER, END_EITHER, get_proto,
	 "service name of either port"},
	{"fd.cnet", VALUE_IP, SCOPE_EVENT, ENDS | FIELD_FLOW | FIELD_FILTER, END_CLIENT, get_ip,
	 "network of the client, as address/bits"},
	{"fd.snet", VALUE_IP, SCOPE_EVENT, ENDS | FIELD_FLOW | FIELD_FILTER, END_SERVER, get_ip,
	 "network of the server, as address/bits"},
	{"fd.lnet", VALUE_IP, SCOPE_EVENT, ENDS | FIELD_FILTER, END_LOCAL, get_ip,
	 "network of the container's end, as address/bits"},
	{"fd.rnet", VALUE_IP, SCOPE_EVENT, ENDS | FIELD_FILTER, END_REMOTE, get_ip,
	 "network of the other end, as address/bits"},
	{"fd.net", VALUE_IP, SCOPE_EVENT, EITHER, END_EITHER, get_ip,
	 "network of either end, as address/bits"},
	{"fd.l4proto", VALUE_STRING, SCOPE_EVENT, ENDS, 0, get_l4proto,
	 "tcp, udp, icmp, sctp or raw"},
	{"fd.sockfamily", VALUE_STRING, SCOPE_EVENT, ENDS, 0, get_sockfamily, "always ip"},
	{"fd.is_server", VALUE_BOOL, SCOPE_EVENT, ENDS | FIELD_FLOW, 0, get_is_server,
	 "the container's end is the server"},
};

const struct field_class field_class_fd = {
	"fd", "the ends of a packet's conversation, with sysdig's names", rows, ARRAY_SIZE(rows)};
