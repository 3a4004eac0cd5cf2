/* SPDX-License-Identifier: Apache-2.0 */
/* Class http: the little of HTTP/1 that one packet tells, with Wireshark's names. */
#include "field/class.h"

#define HTTP_URI_MAX 4096u

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

/*
 * A header of a message that begins in this packet (RFC 9112, 5): the value behind its name, as far
 * as it was captured whole. detail of the row: the name.
 */
static const char *const header_names[] = {"host:", "content-length:"};
enum { HEADER_HOST, HEADER_LENGTH };

static bool is_message(const uint8_t *p, uint32_t n)
{
	return http_method(p, n) || (n >= 12 && memcmp(p, "HTTP/1.", 7) == 0);
}

/* The value of the line [p, end) when that is its name, else NULL. */
static const uint8_t *header_value(const uint8_t *p, const uint8_t *end, const char *name)
{
	for (; *name; name++, p++)
		if (p == end || (*p | (*p >= 'A' && *p <= 'Z' ? 0x20 : 0)) != *name)
			return NULL;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return p;
}

static const uint8_t *http_header(struct context *c, const char *name, uint32_t *n)
{
	const uint8_t *p = http_at(c, n);

	if (!p || !is_message(p, *n))
		return NULL;
	for (const uint8_t *end = p + *n, *eol; (eol = memchr(p, '\n', (size_t)(end - p)));
	     p = eol + 1) {
		const uint8_t *stop = eol > p && eol[-1] == '\r' ? eol - 1 : eol;
		const uint8_t *value = header_value(p, stop, name);
		if (stop == p) /* the head ends */
			return NULL;
		if (!value)
			continue;
		*n = (uint32_t)(stop - value);
		return value;
	}
	return NULL;
}

GETTER(get_http_header)
{
	uint32_t n;
	const uint8_t *p = http_header(c, header_names[f->detail], &n);

	return p ? value_bytes(out, VALUE_STRING, p, n) : 0;
}

GETTER(get_http_length)
{
	uint32_t n;
	const uint8_t *p = http_header(c, header_names[HEADER_LENGTH], &n);
	uint64_t length = 0;

	if (!p || !n || n > 18)
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return 0;
		length = length * 10 + (p[i] - '0');
	}
	return value_u64(out, VALUE_U64, length);
}

static const struct field rows[] = {
	{"http.request.method", VALUE_STRING, SCOPE_EVENT, FIELD_PACKETS | FIELD_HEAD, 0,
	 get_http_method, "method, when the payload begins with an HTTP/1 request"},
	{"http.request.uri", VALUE_STRING, SCOPE_EVENT, FIELD_PACKETS | FIELD_PAYLOAD, 0,
	 get_http_uri, "target of that request as far as it was captured"},
	{"http.response.code", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS | FIELD_HEAD, 0, get_http_code,
	 "status, when the payload begins with an HTTP/1 response"},
	{"http.host", VALUE_STRING, SCOPE_EVENT, FIELD_PACKETS | FIELD_PAYLOAD, HEADER_HOST,
	 get_http_header, "Host header of a request"},
	{"http.content_length_header", VALUE_U64, SCOPE_EVENT, FIELD_PACKETS | FIELD_PAYLOAD,
	 HEADER_LENGTH, get_http_length,
	 "Content-Length header of a message that begins in this packet"},
};

const struct field_class field_class_http = {"http", "HTTP/1 as one packet tells it", rows,
					     ARRAY_SIZE(rows)};
