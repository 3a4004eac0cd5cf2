/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/info.h"

#define LINE_MAX_SHOWN 120u
#define WORD_MAX_SHOWN 40u
#define REDIS_WORDS    2u
#define DNS_HEADER     12u
#define DNS_NAME_MAX   255u /* RFC 1035, 2.3.4 */
#define DNS_LABEL_MAX  63u
#define DNS_POINTER    0xc0u

/* RFC 1035, RFC 6895 and the IANA registry of DNS parameters. */
static const struct {
	uint16_t type;
	const char *name;
} dns_types[] = {
	{1, "A"},     {2, "NS"},     {5, "CNAME"},  {6, "SOA"},	   {12, "PTR"}, {15, "MX"},
	{16, "TXT"},  {28, "AAAA"},  {33, "SRV"},   {35, "NAPTR"}, {43, "DS"},	{48, "DNSKEY"},
	{64, "SVCB"}, {65, "HTTPS"}, {252, "AXFR"}, {255, "ANY"},
};

static const char *const dns_rcodes[] = {
	"NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",  "REFUSED",
	"YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE",
};

static void put_dns_type(struct text *t, uint16_t type)
{
	for (unsigned i = 0; i < ARRAY_SIZE(dns_types); i++) {
		if (dns_types[i].type == type) {
			text_str(t, dns_types[i].name);
			return;
		}
	}
	text_str(t, "TYPE");
	text_u64(t, type);
}

/*
 * The name of the first question, which can have no compression pointers as nothing stands in
 * front of it. Returns the offset behind it, or 0 when it is cut or malformed.
 */
static uint32_t put_dns_name(struct text *t, const uint8_t *p, uint32_t n, uint32_t at)
{
	uint32_t start = at;

	if (at < n && p[at] == 0) {
		text_char(t, '.');
		return at + 1;
	}
	while (at < n && p[at]) {
		uint32_t size = p[at];
		if (size > DNS_LABEL_MAX || size >= n - at || at - start + size > DNS_NAME_MAX)
			return 0;
		if (at > start)
			text_char(t, '.');
		text_plain(t, (const char *)p + at + 1, size);
		at += size + 1;
	}
	return at < n ? at + 1 : 0;
}

static void put_dns_question(struct text *t, const uint8_t *p, uint32_t n)
{
	size_t mark = t->len;

	text_char(t, ' ');
	size_t name = t->len;
	uint32_t at = put_dns_name(t, p, n, DNS_HEADER);
	if (!at || n - at < 2) {
		t->len = mark;
		text_str(t, " (cut)");
		return;
	}
	/* The type is read behind the name, but stands in front of it on the line. */
	struct {
		char bytes[DNS_NAME_MAX * 4];
		size_t len;
	} kept = {.len = MIN(t->len - name, sizeof(kept.bytes))};
	memcpy(kept.bytes, t->data + name, kept.len);
	t->len = name;
	put_dns_type(t, load_be16(p + at));
	text_char(t, ' ');
	text_put(t, kept.bytes, kept.len);
}

void info_dns(struct text *t, const uint8_t *p, uint32_t n)
{
	if (n < DNS_HEADER)
		return;
	uint16_t flags = load_be16(p + 2), questions = load_be16(p + 4);
	unsigned rcode = flags & 15;

	text_str(t, flags & 0x8000 ? " DNS response 0x" : " DNS query 0x");
	text_hex(t, load_be16(p), 4);
	if (questions)
		put_dns_question(t, p, n);
	if (!(flags & 0x8000))
		return;
	text_char(t, ' ');
	if (rcode < ARRAY_SIZE(dns_rcodes)) {
		text_str(t, dns_rcodes[rcode]);
	} else {
		text_str(t, "RCODE");
		text_u64(t, rcode);
	}
	text_str(t, " answers=");
	text_u64(t, load_be16(p + 6));
}

static void put_line(struct text *t, const uint8_t *p, uint32_t n)
{
	n = MIN(n, LINE_MAX_SHOWN);
	size_t plain = text_plain_start(t, (const char *)p, n);
	p += plain;
	n -= (uint32_t)plain;
	if (LIKELY(!n || *p == '\r' || *p == '\n'))
		return;
	for (const char *s = "\n\r"; *s; s++) {
		const uint8_t *end = memchr(p, *s, n);
		n = end ? (uint32_t)(end - p) : n;
	}
	text_plain(t, (const char *)p, n);
}

/* What a payload may be by its first byte. */
enum { KIND_OTHER, KIND_HTTP, KIND_REDIS_COMMAND, KIND_REDIS_REPLY };
static const uint8_t kinds[256] = {
	['C'] = KIND_HTTP,	  ['D'] = KIND_HTTP,	      ['G'] = KIND_HTTP,
	['H'] = KIND_HTTP,	  ['O'] = KIND_HTTP,	      ['P'] = KIND_HTTP,
	['T'] = KIND_HTTP,	  ['*'] = KIND_REDIS_COMMAND, ['+'] = KIND_REDIS_REPLY,
	['-'] = KIND_REDIS_REPLY, [':'] = KIND_REDIS_REPLY,
};

/* RFC 9110, 9, and RFC 5789; "PRI" opens HTTP/2 (RFC 9113, 3.4). */
static bool is_http(const uint8_t *p, uint32_t n)
{
	static const struct {
		char text[8];
		unsigned bytes;
	} starts[] = {{"GET ", 4},     {"POST ", 5},   {"HTTP/", 5},	{"PUT ", 4},
		      {"HEAD ", 5},    {"DELETE ", 7}, {"OPTIONS ", 8}, {"PATCH ", 6},
		      {"CONNECT ", 8}, {"TRACE ", 6}};
	static const char http2[] = "PRI * HTTP/";
	uint64_t head = 0;

	if (LIKELY(n >= sizeof(head)))
		head = load_le64(p);
	else
		memcpy(&head, p, n);
	for (unsigned i = 0; i < ARRAY_SIZE(starts); i++)
		if (!((head ^ load_le64(starts[i].text)) << (64 - 8 * starts[i].bytes)))
			return true;
	return n >= sizeof(http2) - 1 && !memcmp(p, http2, sizeof(http2) - 1);
}

/* Decimal number and CR LF at *at; -1 when there is none. */
static int32_t redis_number(const uint8_t *p, uint32_t n, uint32_t *at)
{
	uint32_t i = *at;
	int32_t v = 0;

	while (i < n && i - *at < 7 && p[i] >= '0' && p[i] <= '9')
		v = v * 10 + (p[i++] - '0');
	if (i == *at || n - i < 2 || p[i] != '\r' || p[i + 1] != '\n')
		return -1;
	*at = i + 2;
	return v;
}

/* A command in RESP: "*2", then "$3", "GET", "$4", "name", each with CR LF. */
static void put_redis_command(struct text *t, const uint8_t *p, uint32_t n)
{
	uint32_t at = 1;
	int32_t words = redis_number(p, n, &at);

	for (int32_t i = 0; i < words && i < (int32_t)REDIS_WORDS; i++) {
		if (at >= n || p[at] != '$')
			return;
		at++;
		int32_t size = redis_number(p, n, &at);
		if (size < 0)
			return;
		if (i == 0)
			text_str(t, " redis");
		text_char(t, ' ');
		uint32_t here = MIN((uint32_t)size, n - at);
		text_plain(t, (const char *)p + at, MIN(here, WORD_MAX_SHOWN));
		if (n - at < (uint32_t)size + 2)
			return;
		at += (uint32_t)size + 2;
	}
}

void info_stream(struct text *t, const uint8_t *p, uint32_t n, bool redis)
{
	unsigned kind = n ? kinds[p[0]] : KIND_OTHER;

	if (kind == KIND_OTHER)
		return;
	if (kind == KIND_HTTP) {
		if (!is_http(p, n))
			return;
		text_char(t, ' ');
		put_line(t, p, n);
	} else if (!redis) {
		return;
	} else if (kind == KIND_REDIS_COMMAND) {
		put_redis_command(t, p, n);
	} else {
		text_str(t, " redis ");
		put_line(t, p, n);
	}
}
