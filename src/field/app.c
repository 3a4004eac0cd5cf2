/* SPDX-License-Identifier: Apache-2.0 */
/* Class app: the little of DNS and HTTP that one packet tells, with Wireshark's names. */
#include "field/class.h"

#define DNS_PORT     53u
#define DNS_HEADER   12u /* RFC 1035, 4.1.1 */
#define DNS_NAME_MAX 255u
#define HTTP_URI_MAX 4096u

/* Captured payload of the innermost layer, *n bytes, or NULL. */
static const uint8_t *payload_at(struct context *c, const struct packet_layer *l, uint32_t *n)
{
	if (l->payload >= c->packet.caplen)
		return NULL;
	*n = MIN(l->payload_len, c->packet.caplen - l->payload);
	return c->packet.data + l->payload;
}

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

static const uint8_t *http_at(struct context *c, uint32_t *n)
{
	const struct packet_layer *l = context_inner(c);

	return l && l->has & PACKET_TCP ? payload_at(c, l, n) : NULL;
}

/* Bytes of the method when the payload begins with a request line (RFC 9112, 3), else 0. */
static uint32_t http_method(const uint8_t *p, uint32_t n)
{
	static const char *const methods[] = {"GET",	 "POST",  "PUT",     "HEAD", "DELETE",
					      "OPTIONS", "PATCH", "CONNECT", "TRACE"};

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		uint32_t len = (uint32_t)strlen(methods[i]);

		if (n > len && p[len] == ' ' && memcmp(p, methods[i], len) == 0)
			return len;
	}
	return 0;
}

GETTER(get_http_method)
{
	uint32_t n, len;
	const uint8_t *p = http_at(c, &n);

	if (!p || !(len = http_method(p, n)))
		return 0;
	return value_bytes(out, VALUE_STRING, p, len);
}

GETTER(get_http_uri)
{
	uint32_t n, len, end;
	const uint8_t *p = http_at(c, &n);

	if (!p || !(len = http_method(p, n)))
		return 0;
	n = MIN(n, len + 1 + HTTP_URI_MAX);
	for (end = len + 1; end < n && p[end] > ' '; end++)
		;
	return end > len + 1 ? value_bytes(out, VALUE_STRING, p + len + 1, end - len - 1) : 0;
}

GETTER(get_http_code)
{
	uint32_t n;
	const uint8_t *p = http_at(c, &n);

	/* "HTTP/1.1 200": status line of RFC 9112, 4. */
	if (!p || n < 12 || memcmp(p, "HTTP/1.", 7) != 0 || p[8] != ' ')
		return 0;
	unsigned a = p[9] - '0', b = p[10] - '0', d = p[11] - '0';

	return a < 10 && b < 10 && d < 10 ? value_u64(out, VALUE_U64, a * 100 + b * 10 + d) : 0;
}

static const struct field rows[] = {
	{"dns.qry.name", VALUE_STRING, SCOPE_EVENT, FIELD_PACKETS, 0, get_dns_name,
	 "name asked for (UDP port 53)"},
	{"dns.flags.response", VALUE_BOOL, SCOPE_EVENT, FIELD_PACKETS, 0, get_dns_response,
	 "the message is an answer"},
	{"dns.flags.rcode", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS, 0, get_dns_rcode,
	 "result of an answer: 0 good, 2 server failure, 3 no such name"},
	{"http.request.method", VALUE_STRING, SCOPE_EVENT, FIELD_PACKETS, 0, get_http_method,
	 "method, when the payload begins with an HTTP/1 request"},
	{"http.request.uri", VALUE_STRING, SCOPE_EVENT, FIELD_PACKETS, 0, get_http_uri,
	 "target of that request as far as it was captured"},
	{"http.response.code", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS, 0, get_http_code,
	 "status, when the payload begins with an HTTP/1 response"},
};

const struct field_class field_class_app = {"app", "DNS and HTTP as one packet tells them", rows,
					    ARRAY_SIZE(rows)};
