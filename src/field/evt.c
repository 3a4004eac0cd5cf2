/* SPDX-License-Identifier: Apache-2.0 */
/* Class evt: any event, with sysdig's names. */
#include "field/class.h"

#include <errno.h>

/* What a row of the time fields picks out of its nanoseconds. */
enum part { PART_WHOLE, PART_SECONDS, PART_REST, PART_TEXT, PART_ISO, PART_HUMAN };

static unsigned time_part(struct value *out, enum value_type type, uint32_t part, uint64_t ns)
{
	switch (part) {
	case PART_SECONDS:
		return value_u64(out, VALUE_U64, ns / NSEC_PER_SEC);
	case PART_REST:
		return value_u64(out, VALUE_U64, ns % NSEC_PER_SEC);
	default:
		return value_u64(out, type, ns);
	}
}

static uint64_t since(uint64_t ts, uint64_t before)
{
	return before && ts > before ? ts - before : 0;
}

GETTER(get_num)
{
	return c->ev->num ? value_u64(out, VALUE_U64, c->ev->num) : 0;
}

GETTER(get_time)
{
	size_t from = scratch->len;

	if (f->detail == PART_ISO)
		text_time_iso(scratch, c->ev->ts);
	else
		text_time_local(scratch, c->ev->ts, f->detail == PART_WHOLE);
	return value_scratch(out, scratch, from);
}

GETTER(get_datetime)
{
	size_t from = scratch->len;

	text_time_datetime(scratch, c->ev->ts);
	if (f->detail == PART_SECONDS) {
		const char *dot = memchr(scratch->data + from, '.', scratch->len - from);

		if (dot)
			scratch->len = (size_t)(dot - scratch->data);
	}
	return value_scratch(out, scratch, from);
}

GETTER(get_rawtime)
{
	return time_part(out, VALUE_ABSTIME, f->detail, c->ev->ts);
}

GETTER(get_reltime)
{
	return time_part(out, VALUE_RELTIME, f->detail, since(c->ev->ts, c->first_ts));
}

GETTER(get_deltatime)
{
	return time_part(out, VALUE_RELTIME, f->detail, since(c->ev->ts, c->previous_ts));
}

/* "850ns", "50us", "10.3ms", "1.5s": at most one decimal. */
static void text_human(struct text *t, uint64_t ns)
{
	static const struct {
		uint64_t size;
		const char *unit;
	} units[] = {{NSEC_PER_SEC, "s"}, {NSEC_PER_MSEC, "ms"}, {NSEC_PER_USEC, "us"}, {1, "ns"}};
	size_t i = 0;

	while (units[i].size > 1 && ns < units[i].size)
		i++;
	text_u64(t, ns / units[i].size);
	uint64_t tenths = ns % units[i].size * 10 / units[i].size;

	if (tenths) {
		text_char(t, '.');
		text_u64(t, tenths);
	}
	text_str(t, units[i].unit);
}

GETTER(get_latency)
{
	const struct flow_facts *facts = &c->facts;

	if (!facts->valid || !facts->response || !facts->response_time)
		return 0;
	if (f->detail != PART_HUMAN)
		return time_part(out, VALUE_RELTIME, f->detail, facts->response_time);
	size_t from = scratch->len;

	text_human(scratch, facts->response_time);
	return value_scratch(out, scratch, from);
}

static bool is_packet(const struct context *c)
{
	return c->ev->type == EVENT_PACKET;
}

GETTER(get_dir)
{
	/* By EVENT_IN and EVENT_OUT. */
	static const struct word ways[] = {WORD(""), WORD("<"), WORD(">"), WORD(">")};

	if (is_packet(c))
		return value_word(out, &ways[c->ev->flags & EVENT_DIR_MASK]);
	return c->ev->type == EVENT_COUNTERS ? value_word(out, &ways[EVENT_IN]) : 0;
}

GETTER(get_type)
{
	static const struct word packet = WORD("packet");

	if (is_packet(c)) /* nearly always */
		return value_word(out, &packet);
	return value_str(out, event_type_name((enum event_type)c->ev->type));
}

GETTER(get_category)
{
	return value_str(out, is_packet(c) ? "net" : event_type_name((enum event_type)c->ev->type));
}

GETTER(get_absent)
{
	(void)out;
	return 0;
}

static void counters_part(struct text *t, const struct counters *k, const char *word,
			  enum counter_id packets, enum counter_id bytes)
{
	if (!counters_has(k, packets) && !counters_has(k, bytes))
		return;
	text_str(t, word);
	text_u64(t, k->value[packets]);
	text_str(t, " pkts ");
	text_u64(t, k->value[bytes]);
	text_str(t, " bytes");
}

static void counters_info(struct text *t, const struct counters *k)
{
	size_t from = t->len;

	counters_part(t, k, "rx ", COUNTER_NET_RX_PACKETS, COUNTER_NET_RX_BYTES);
	counters_part(t, k, t->len > from ? " tx " : "tx ", COUNTER_NET_TX_PACKETS,
		      COUNTER_NET_TX_BYTES);
	if (counters_has(k, COUNTER_MEM_TOTAL)) {
		text_str(t, t->len > from ? " mem " : "mem ");
		text_u64(t, k->value[COUNTER_MEM_TOTAL]);
		text_str(t, " bytes");
	}
	if (counters_has(k, COUNTER_CPUS_USER)) {
		text_str(t, t->len > from ? " cpu " : "cpu ");
		text_double(t,
			    (double)(k->value[COUNTER_CPUS_USER] + k->value[COUNTER_CPUS_SYSTEM]) /
				    (double)NSEC_PER_SEC,
			    3);
		text_str(t, " s");
	}
}

/* "10.0.0.1 -> 10.0.0.2 " before the decode of an IP packet. */
static void put_ends(struct text *t, const struct packet_layer *l)
{
	if (!l->src || !(l->has & (PACKET_IP4 | PACKET_IP6)))
		return;
	if (l->has & PACKET_IP4) {
		char *start = text_room(t, 40);
		char *p = digits_ipv4(PUT(digits_ipv4(start, l->src), " -> "), l->dst);
		t->len += (size_t)(PUT(p, " ") - start);
		return;
	}
	text_ipv6(t, l->src);
	text_put(t, " -> ", 4);
	text_ipv6(t, l->dst);
	text_char(t, ' ');
}

GETTER(get_info)
{
	size_t from = scratch->len;

	switch (c->ev->type) {
	case EVENT_PACKET: {
		const struct packet *p = context_packet(c);

		if (!p)
			return 0;
		put_ends(scratch, packet_inner(p));
		packet_info(p, scratch);
		break;
	}
	case EVENT_COUNTERS:
		if (!c->counters)
			return 0;
		counters_info(scratch, c->counters);
		break;
	default:
		return notice_value(c, "MESSAGE", out);
	}
	if (scratch->len == from)
		return 0;
	value_scratch(out, scratch, from);
	out->plain = true;
	return 1;
}

static bool is_size_arg(const char *arg)
{
	return str_eq(arg, "res") || str_eq(arg, "size");
}

GETTER(get_arg)
{
	if (!arg)
		return 0;
	if (!is_packet(c))
		return notice_value(c, arg, out);
	if (!is_size_arg(arg))
		return 0;
	size_t from = scratch->len;

	text_u64(scratch, c->ev->len);
	return value_scratch(out, scratch, from);
}

GETTER(get_rawarg)
{
	if (!arg || !is_packet(c) || !is_size_arg(arg))
		return 0;
	return value_u64(out, VALUE_U64, c->ev->len);
}

GETTER(get_buffer)
{
	const struct packet_layer *l = context_inner(c);
	uint32_t n;

	if (!l || !(l->has & (PACKET_PORTS | PACKET_ICMP | PACKET_ICMP6)))
		return 0;
	if (l->payload >= c->packet.caplen || l->payload_len == 0)
		return 0;
	n = MIN(l->payload_len, c->packet.caplen - l->payload);
	return value_bytes(out, VALUE_BYTES, c->packet.data + l->payload, n);
}

GETTER(get_buflen)
{
	const struct packet_layer *l = context_inner(c);

	if (!l || !(l->has & (PACKET_PORTS | PACKET_ICMP | PACKET_ICMP6)))
		return 0;
	if (f->detail && !(packet_way(c) & f->detail))
		return 0;
	return value_u64(out, VALUE_U64, l->payload_len);
}

GETTER(get_is_io)
{
	bool yes = is_packet(c) && (!f->detail || c->ev->flags & f->detail);

	return value_bool(out, yes);
}

GETTER(get_io_dir)
{
	if (!is_packet(c) || !(c->ev->flags & EVENT_DIR_MASK))
		return 0;
	return value_str(out, c->ev->flags & EVENT_IN ? "r" : "w");
}

GETTER(get_count)
{
	return value_u64(out, VALUE_U64, 1);
}

GETTER(get_failed)
{
	int errno_value;

	return is_packet(c) ? value_bool(out, packet_failed(c, &errno_value)) : 0;
}

GETTER(get_count_error)
{
	int errno_value;

	return value_u64(out, VALUE_U64, is_packet(c) && packet_failed(c, &errno_value));
}

static const char *errno_name(int value)
{
	switch (value) {
	case ECONNREFUSED:
		return "ECONNREFUSED";
	case EHOSTUNREACH:
		return "EHOSTUNREACH";
	case ENETUNREACH:
		return "ENETUNREACH";
	case EMSGSIZE:
		return "EMSGSIZE";
	case EACCES:
		return "EACCES";
	default:
		return "EPROTO";
	}
}

GETTER(get_res)
{
	int errno_value;

	if (!is_packet(c))
		return 0;
	return value_str(out, packet_failed(c, &errno_value) ? errno_name(errno_value) : "SUCCESS");
}

GETTER(get_rawres)
{
	int errno_value;

	if (!is_packet(c))
		return 0;
	if (packet_failed(c, &errno_value))
		return value_i64(out, -errno_value);
	return value_i64(out, c->ev->len);
}

#define LATENCY (FIELD_PACKETS | FIELD_FLOW | FIELD_FOLLOW)

static const struct field rows[] = {
	{"evt.num", VALUE_U64, SCOPE_EVENT, 0, 0, get_num,
	 "the frame number that Wireshark shows for the same file; live: counted from 1"},
	{"evt.time", VALUE_STRING, SCOPE_EVENT, 0, PART_WHOLE, get_time,
	 "local time of day with nanoseconds"},
	{"evt.time.s", VALUE_STRING, SCOPE_EVENT, 0, PART_SECONDS, get_time,
	 "local time of day without fraction"},
	{"evt.time.iso8601", VALUE_STRING, SCOPE_EVENT, 0, PART_ISO, get_time,
	 "date and time in UTC, ISO 8601, with nanoseconds"},
	{"evt.datetime", VALUE_STRING, SCOPE_EVENT, 0, PART_WHOLE, get_datetime,
	 "local date and time with nanoseconds"},
	{"evt.datetime.s", VALUE_STRING, SCOPE_EVENT, 0, PART_SECONDS, get_datetime,
	 "local date and time without fraction"},
	{"evt.rawtime", VALUE_ABSTIME, SCOPE_TIME, 0, PART_WHOLE, get_rawtime,
	 "time in ns since 1970"},
	{"evt.rawtime.s", VALUE_U64, SCOPE_TIME, 0, PART_SECONDS, get_rawtime,
	 "whole seconds of evt.rawtime"},
	{"evt.rawtime.ns", VALUE_U64, SCOPE_EVENT, 0, PART_REST, get_rawtime,
	 "nanoseconds of evt.rawtime beyond the second"},
	{"evt.reltime", VALUE_RELTIME, SCOPE_EVENT, FIELD_ORDER, PART_WHOLE, get_reltime,
	 "time since the first event, ns"},
	{"evt.reltime.s", VALUE_U64, SCOPE_EVENT, FIELD_ORDER, PART_SECONDS, get_reltime,
	 "whole seconds of evt.reltime"},
	{"evt.reltime.ns", VALUE_U64, SCOPE_EVENT, FIELD_ORDER, PART_REST, get_reltime,
	 "nanoseconds of evt.reltime beyond the second"},
	{"evt.deltatime", VALUE_RELTIME, SCOPE_EVENT, FIELD_ORDER, PART_WHOLE, get_deltatime,
	 "time since the event before, ns"},
	{"evt.deltatime.s", VALUE_U64, SCOPE_EVENT, FIELD_ORDER, PART_SECONDS, get_deltatime,
	 "whole seconds of evt.deltatime"},
	{"evt.deltatime.ns", VALUE_U64, SCOPE_EVENT, FIELD_ORDER, PART_REST, get_deltatime,
	 "nanoseconds of evt.deltatime beyond the second"},
	{"evt.latency", VALUE_RELTIME, SCOPE_EVENT, LATENCY, PART_WHOLE, get_latency,
	 "on the first packet of an answer: time since the request ended, ns"},
	{"evt.latency.s", VALUE_U64, SCOPE_EVENT, LATENCY, PART_SECONDS, get_latency,
	 "whole seconds of evt.latency"},
	{"evt.latency.ns", VALUE_U64, SCOPE_EVENT, LATENCY, PART_REST, get_latency,
	 "nanoseconds of evt.latency beyond the second"},
	{"evt.latency.human", VALUE_STRING, SCOPE_EVENT, LATENCY, PART_HUMAN, get_latency,
	 "evt.latency with a unit, e.g. 10.3ms"},
	{"evt.outputtime", VALUE_ABSTIME, SCOPE_EVENT, FIELD_PRINT, PART_WHOLE, get_rawtime,
	 "the time as option -t wants it"},
	{"evt.dir", VALUE_STRING, SCOPE_EVENT, FIELD_PACKETS | FIELD_COUNTERS, 0, get_dir,
	 "'>' leaves the container, '<' arrives at it; '<' for counter samples"},
	{"evt.type", VALUE_STRING, SCOPE_TYPE, 0, 0, get_type,
	 "packet, counters, notice, drop; syscall and hop are reserved"},
	{"evt.category", VALUE_STRING, SCOPE_TYPE, 0, 0, get_category,
	 "net for packets, else as evt.type"},
	{"evt.cpu", VALUE_I64, SCOPE_EVENT, 0, 0, get_absent,
	 "always absent: packets do not belong to a CPU"},
	{"evt.args", VALUE_STRING, SCOPE_EVENT, FIELD_HEAD, 0, get_info, "same as evt.info"},
	{"evt.info", VALUE_STRING, SCOPE_EVENT, FIELD_HEAD, 0, get_info,
	 "short decode of a packet, totals of a counter sample, text of a notice"},
	{"evt.arg", VALUE_STRING, SCOPE_EVENT, FIELD_ARG, 0, get_arg,
	 "res or size of a packet (bytes on the wire), or a journal key of a notice"},
	{"evt.rawarg", VALUE_U64, SCOPE_EVENT, FIELD_ARG | FIELD_PACKETS, 0, get_rawarg,
	 "res or size of a packet as a number: bytes on the wire, as frame.len"},
	{"evt.buffer", VALUE_BYTES, SCOPE_EVENT, FIELD_PACKETS | FIELD_PAYLOAD, 0, get_buffer,
	 "captured bytes of the innermost transport payload"},
	{"evt.buflen", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS, 0, get_buflen,
	 "true length of the innermost transport payload"},
	{"evt.buflen.in", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS, EVENT_IN, get_buflen,
	 "evt.buflen of packets that arrive, for sums"},
	{"evt.buflen.out", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS, EVENT_OUT, get_buflen,
	 "evt.buflen of packets that leave, for sums"},
	{"evt.buflen.net", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS, 0, get_buflen,
	 "same as evt.buflen"},
	{"evt.buflen.net.in", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS, EVENT_IN, get_buflen,
	 "same as evt.buflen.in"},
	{"evt.buflen.net.out", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS, EVENT_OUT, get_buflen,
	 "same as evt.buflen.out"},
	{"evt.is_io", VALUE_BOOL, SCOPE_TYPE, 0, 0, get_is_io, "true for packets"},
	{"evt.is_io_read", VALUE_BOOL, SCOPE_EVENT, 0, EVENT_IN, get_is_io,
	 "true for packets that arrive at the container"},
	{"evt.is_io_write", VALUE_BOOL, SCOPE_EVENT, 0, EVENT_OUT, get_is_io,
	 "true for packets that leave the container"},
	{"evt.io_dir", VALUE_STRING, SCOPE_EVENT, FIELD_PACKETS, 0, get_io_dir,
	 "r for packets that arrive, w for packets that leave"},
	{"evt.count", VALUE_U64, SCOPE_EVENT, 0, 0, get_count, "always 1, for sums"},
	{"evt.count.error", VALUE_U64, SCOPE_EVENT, FIELD_FLOW | FIELD_FACT,
	 offsetof(struct flow_facts, refused), get_count_error,
	 "1 when evt.failed is true, for sums"},
	{"evt.failed", VALUE_BOOL, SCOPE_EVENT, FIELD_FLOW | FIELD_PACKETS, 0, get_failed,
	 "the packet refuses a connection or says that something is unreachable"},
	{"evt.res", VALUE_STRING, SCOPE_EVENT, FIELD_FLOW | FIELD_PACKETS, 0, get_res,
	 "SUCCESS, or the error a program gets to see: ECONNREFUSED, EHOSTUNREACH ..."},
	{"evt.rawres", VALUE_I64, SCOPE_EVENT, FIELD_FLOW | FIELD_PACKETS, 0, get_rawres,
	 "bytes on the wire, or the negative error number"},
};

const struct field_class field_class_evt = {"evt", "any event", rows, ARRAY_SIZE(rows)};
