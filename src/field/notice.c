/* SPDX-License-Identifier: Apache-2.0 */
/* Class notice: lifecycle and metadata changes, and losses. */
#include "field/class.h"

unsigned notice_value(struct context *c, const char *key, struct value *out)
{
	size_t n;

	if (c->ev->type != EVENT_NOTICE && c->ev->type != EVENT_DROP)
		return 0;
	const char *v = notice_find(c->ev->data, c->ev->caplen, key, &n);

	return v ? value_bytes(out, VALUE_STRING, v, n) : 0;
}

GETTER(get_kind)
{
	return notice_value(c, "DREDGE_EVENT", out);
}

GETTER(get_message)
{
	return notice_value(c, "MESSAGE", out);
}

/* One digit, syslog's severity (RFC 5424, 6.2.1). */
GETTER(get_priority)
{
	struct value v;

	if (!notice_value(c, "PRIORITY", &v) || v.n != 1 || v.p[0] < '0' || v.p[0] > '7')
		return 0;
	return value_u64(out, VALUE_U64, (uint64_t)(v.p[0] - '0'));
}

GETTER(get_reason)
{
	return notice_value(c, "DREDGE_REASON", out);
}

GETTER(get_count)
{
	struct value v;
	char text[24];
	uint64_t n;

	if (!notice_value(c, "DREDGE_COUNT", &v) || v.n >= sizeof(text))
		return 0;
	memcpy(text, v.p, v.n);
	text[v.n] = '\0';
	return str_u64(text, false, &n) ? 0 : value_u64(out, VALUE_U64, n);
}

GETTER(get_lost)
{
	return c->ev->type == EVENT_DROP ? value_u64(out, VALUE_U64, c->ev->lost) : 0;
}

static const struct field rows[] = {
	{"notice.kind", VALUE_STRING, SCOPE_EVENT, FIELD_NOTICES, 0, get_kind,
	 "what happened: container_start, named, attached, packets_refused, drift, drop, gap ..."},
	{"notice.message", VALUE_STRING, SCOPE_EVENT, FIELD_NOTICES, 0, get_message,
	 "the notice in plain words"},
	{"notice.priority", VALUE_U64, SCOPE_EVENT, FIELD_NOTICES, 0, get_priority,
	 "syslog severity: 3 error, 4 warning, 5 notice, 6 info"},
	{"notice.reason", VALUE_STRING, SCOPE_EVENT, FIELD_NOTICES, 0, get_reason,
	 "why, where there is a reason: foreign_port, spoofed, what a refusal says, ring full"},
	{"notice.count", VALUE_U64, SCOPE_EVENT, FIELD_NOTICES, 0, get_count,
	 "how many, where something was counted: packets, times, restarts"},
	{"notice.lost", VALUE_U64, SCOPE_EVENT, FIELD_NOTICES, 0, get_lost,
	 "of a drop event: how many packets were lost"},
};

const struct field_class field_class_notice = {"notice", "lifecycle notices and losses", rows,
					       ARRAY_SIZE(rows)};
