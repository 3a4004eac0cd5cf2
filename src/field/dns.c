/* SPDX-License-Identifier: Apache-2.0 */
/* Class dns: messages of UDP port 53 (RFC 1035), with Wireshark's names. */
#include "field/class.h"

#define DNS_PORT     53u
#define DNS_HEADER   12u /* 4.1.1 */
#define DNS_NAME_MAX 255u

static const uint8_t *dns_at(struct context *c, uint32_t *n)
{
	const struct packet_layer *l = context_inner(c);

	if (!l || (l->has & (PACKET_UDP | PACKET_PORTS)) != (PACKET_UDP | PACKET_PORTS))
		return NULL;
	if (l->sport != DNS_PORT && l->dport != DNS_PORT)
		return NULL;
	const uint8_t *p = payload_at(c, l, n);

	return p && *n >= DNS_HEADER ? p : NULL;
}

GETTER(get_dns_name)
{
	uint32_t n, at = DNS_HEADER;
	const uint8_t *p = dns_at(c, &n);
	size_t from = scratch->len;

	if (!p || load_be16(p + 4) == 0)
		return 0;
	while (at < n && p[at]) {
		uint32_t label = p[at];

		/* A question's name is not compressed: there is nothing before it to point to. */
		if (label > 63 || label >= n - at || at - DNS_HEADER + label > DNS_NAME_MAX) {
			scratch->len = from;
			return 0;
		}
		if (at > DNS_HEADER)
			text_char(scratch, '.');
		text_put(scratch, (const char *)p + at + 1, label);
		at += label + 1;
	}
	if (at >= n || scratch->len == from) {
		scratch->len = from;
		return 0;
	}
	return value_scratch(out, scratch, from);
}

/* Offset behind the name at `at` (4.1.4), or 0 when it goes beyond the message. */
static uint32_t skip_name(const uint8_t *p, uint32_t n, uint32_t at)
{
	while (at < n) {
		if ((p[at] & 0xc0) == 0xc0) /* the rest is elsewhere */
			return at + 2 <= n ? at + 2 : 0;
		if (!p[at])
			return at + 1;
		at += p[at] + 1u;
	}
	return 0;
}

GETTER(get_dns_id)
{
	uint32_t n;
	const uint8_t *p = dns_at(c, &n);

	return p ? value_u64(out, VALUE_U64, load_be16(p)) : 0;
}

GETTER(get_dns_type)
{
	uint32_t n, at;
	const uint8_t *p = dns_at(c, &n);

	if (!p || !load_be16(p + 4) || !(at = skip_name(p, n, DNS_HEADER)) || n - at < 2)
		return 0;
	return value_u64(out, VALUE_U64, load_be16(p + at));
}

GETTER(get_dns_answers)
{
	uint32_t n;
	const uint8_t *p = dns_at(c, &n);

	return p ? value_u64(out, VALUE_U64, load_be16(p + 6)) : 0;
}

/* Addresses of the answers (4.1.3): records of type A (1) or AAAA (28). */
GETTER(get_dns_address)
{
	uint32_t n, at = DNS_HEADER;
	const uint8_t *p = dns_at(c, &n);
	unsigned found = 0, questions = p ? load_be16(p + 4) : 0,
		 answers = p ? load_be16(p + 6) : 0;

	for (; questions && at; questions--)
		at = (at = skip_name(p, n, at)) && n - at >= 4 ? at + 4 : 0;
	for (; answers && at && found < FIELD_MAX_VALUES; answers--) {
		if (!(at = skip_name(p, n, at)) || n - at < 10)
			break;
		uint32_t type = load_be16(p + at), size = load_be16(p + at + 8);
		at += 10;
		if (size > n - at)
			break;
		if (type == f->detail && size == (type == 1 ? 4 : 16))
			found += value_bytes(&out[found], VALUE_IP, p + at, size);
		at += size;
	}
	return found;
}

GETTER(get_dns_rcode)
{
	uint32_t n;
	const uint8_t *p = dns_at(c, &n);

	/* Only responses have one. */
	return p && p[2] & 0x80 ? value_u64(out, VALUE_U64, p[3] & 0xfu) : 0;
}

GETTER(get_dns_response)
{
	uint32_t n;
	const uint8_t *p = dns_at(c, &n);

	return p ? value_bool(out, p[2] & 0x80) : 0;
}

static const struct field rows[] = {
	{"dns.id", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS | FIELD_HEX | FIELD_HEAD, 0, get_dns_id,
	 "number that an answer shares with its question (UDP port 53)"},
	{"dns.qry.name", VALUE_STRING, SCOPE_EVENT, FIELD_PACKETS | FIELD_HEAD, 0, get_dns_name,
	 "name asked for (UDP port 53)"},
	{"dns.qry.type", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS | FIELD_PAYLOAD, 0, get_dns_type,
	 "type asked for: 1 A, 5 CNAME, 12 PTR, 28 AAAA, 33 SRV"},
	{"dns.flags.response", VALUE_BOOL, SCOPE_EVENT, FIELD_PACKETS | FIELD_HEAD, 0,
	 get_dns_response, "the message is an answer"},
	{"dns.flags.rcode", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS | FIELD_HEAD, 0, get_dns_rcode,
	 "result of an answer: 0 good, 2 server failure, 3 no such name"},
	{"dns.count.answers", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS | FIELD_HEAD, 0,
	 get_dns_answers, "answer records by the header"},
	{"dns.a", VALUE_IP, SCOPE_EVENT, FIELD_PACKETS | FIELD_PAYLOAD | FIELD_MULTI, 1,
	 get_dns_address, "IPv4 addresses of the answer"},
	{"dns.aaaa", VALUE_IP, SCOPE_EVENT, FIELD_PACKETS | FIELD_PAYLOAD | FIELD_MULTI, 28,
	 get_dns_address, "IPv6 addresses of the answer"},
};

const struct field_class field_class_dns = {"dns", "DNS as one packet tells it", rows,
					    ARRAY_SIZE(rows)};
