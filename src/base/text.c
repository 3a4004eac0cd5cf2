/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>

static const char hex_digits[] = "0123456789abcdef";

void text_done(struct text *t)
{
	free(t->data);
	*t = (struct text){0};
}

void text_grow(struct text *t, size_t n)
{
	t->cap = MAX(t->cap * 2, t->len + n + 256);
	t->data = xrealloc(t->data, t->cap);
}

/* "000" to "999", the first digit in the lowest byte. */
#define TRIPLE(v)    (0x303030u + ((v) / 100u | (v) / 10u % 10 << 8 | (v) % 10u << 16))
#define TRIPLES_5(v) TRIPLE(v), TRIPLE(v + 1), TRIPLE(v + 2), TRIPLE(v + 3), TRIPLE(v + 4)
#define TRIPLES_25(v) \
	TRIPLES_5(v), TRIPLES_5(v + 5), TRIPLES_5(v + 10), TRIPLES_5(v + 15), TRIPLES_5(v + 20)
#define TRIPLES_100(v) TRIPLES_25(v), TRIPLES_25(v + 25), TRIPLES_25(v + 50), TRIPLES_25(v + 75)
static const uint32_t triples[1000] = {
	TRIPLES_100(0),	  TRIPLES_100(100), TRIPLES_100(200), TRIPLES_100(300), TRIPLES_100(400),
	TRIPLES_100(500), TRIPLES_100(600), TRIPLES_100(700), TRIPLES_100(800), TRIPLES_100(900)};

/* Three digits, and a byte that what comes next takes. */
static inline char *three_digits(char *p, uint32_t v)
{
	memcpy(p, &triples[v], 4);
	return p + 3;
}

/* 1 to 6 digits, in 8 bytes of which what comes next takes the rest. Lengths are not guessed well,
 * so nothing here depends on them but where it ends. */
static inline char *leading_digits(char *p, uint32_t v)
{
	uint32_t thousands = v / 1000;
	uint64_t six = triples[thousands] | (uint64_t)triples[v - thousands * 1000] << 24;
	unsigned zeros = (unsigned)__builtin_ctzll((six ^ 0x303030303030) | 1ull << 40) & 0x38;

	six >>= zeros;
	memcpy(p, &six, 8);
	return p + 6 - zeros / 8;
}

char *digits_u64(char *p, uint64_t v)
{
	if (v < 1000000)
		return leading_digits(p, (uint32_t)v);
	uint64_t millions = v / 1000000;
	uint32_t rest = (uint32_t)(v - millions * 1000000);
	p = LIKELY(millions < 1000000) ? leading_digits(p, (uint32_t)millions)
				       : digits_u64(p, millions);
	return three_digits(three_digits(p, rest / 1000), rest % 1000);
}

void text_u64(struct text *t, uint64_t v)
{
	char *p = text_room(t, 24);

	t->len += (size_t)(digits_u64(p, v) - p);
}

void digits_nine(char out[9], uint32_t v)
{
	uint32_t thousands = v / 1000, last = triples[v % 1000];

	three_digits(three_digits(out, thousands / 1000), thousands % 1000);
	memcpy(out + 6, &last, 3);
}

void text_i64(struct text *t, int64_t v)
{
	if (v < 0)
		text_char(t, '-');
	text_u64(t, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void text_u64_width(struct text *t, uint64_t v, unsigned width)
{
	char digits[24];
	size_t n = (size_t)(digits_u64(digits, v) - digits);

	for (size_t i = n; i < width; i++)
		text_char(t, '0');
	text_put(t, digits, n);
}

void text_double(struct text *t, double v, unsigned decimals)
{
	static const uint32_t scales[] = {1,	  10,	   100,	     1000,	10000,
					  100000, 1000000, 10000000, 100000000, 1000000000};
	double size = v < 0 ? -v : v;

	decimals = MIN(decimals, 9u);
	if (UNLIKELY(!(size < 1e15))) { /* also infinite, and not a number */
		char digits[340];
		int n = snprintf(digits, sizeof(digits), "%.*f", (int)decimals, v);

		text_put(t, digits, (size_t)n);
		return;
	}
	uint32_t scale = scales[decimals];
	uint64_t whole = (uint64_t)size;
	/* The difference is exact; adding a half and cutting rounds to the nearest. */
	uint64_t fraction = (uint64_t)((size - (double)whole) * scale + 0.5);
	if (fraction >= scale) {
		whole++;
		fraction = 0;
	}
	if (v < 0 && (whole || fraction))
		text_char(t, '-');
	text_u64(t, whole);
	if (decimals) {
		text_char(t, '.');
		text_u64_width(t, fraction, decimals);
	}
}

void text_hex(struct text *t, uint64_t v, unsigned digits)
{
	char *out = text_room(t, digits);

	for (unsigned i = digits; i-- > 0; v >>= 4)
		out[i] = hex_digits[v & 15];
	t->len += digits;
}

/* An octet and a dot: four bytes, the first in the lowest one, without zeros in front; its length.
 */
#define OCTET_ZEROS(v) (((v) < 10) + ((v) < 100))
#define OCTET(v)                                                                        \
	{                                                                               \
		(0x2e303030u + ((v) / 100u | (v) / 10u % 10 << 8 | (v) % 10u << 16)) >> \
			8 * OCTET_ZEROS(v),                                             \
			4 - OCTET_ZEROS(v)                                              \
	}
#define OCTETS_5(v) OCTET(v), OCTET(v + 1), OCTET(v + 2), OCTET(v + 3), OCTET(v + 4)
#define OCTETS_25(v) \
	OCTETS_5(v), OCTETS_5(v + 5), OCTETS_5(v + 10), OCTETS_5(v + 15), OCTETS_5(v + 20)
#define OCTETS_75(v) OCTETS_25(v), OCTETS_25(v + 25), OCTETS_25(v + 50)
static const struct {
	uint32_t text, len;
} octets[256] = {OCTETS_75(0),	 OCTETS_75(75), OCTETS_75(150),
		 OCTETS_25(225), OCTETS_5(250), OCTET(255)};

char *digits_ipv4(char *p, const uint8_t ip[4])
{
	for (unsigned i = 0; i < 4; i++) {
		memcpy(p, &octets[ip[i]].text, 4);
		p += octets[ip[i]].len;
	}
	return p - 1; /* without the last dot */
}

void text_ipv4(struct text *t, const uint8_t ip[4])
{
	char *p = text_room(t, 16);

	t->len += (size_t)(digits_ipv4(p, ip) - p);
}

static char *put_group(char *p, unsigned v)
{
	unsigned digits = v >= 0x1000 ? 4 : v >= 0x100 ? 3 : v >= 0x10 ? 2 : 1;

	for (unsigned shift = digits * 4; shift;)
		*p++ = hex_digits[v >> (shift -= 4) & 15];
	return p;
}

/* The longest run of two or more zero groups, the first of equals: what "::" stands for. */
static unsigned longest_zeros(const unsigned group[8], unsigned *length)
{
	unsigned best = 8;

	*length = 1;
	for (unsigned i = 0; i < 8; i++) {
		unsigned n = 0;
		while (i + n < 8 && !group[i + n])
			n++;
		if (n > *length) {
			best = i;
			*length = n;
		}
	}
	return best;
}

void text_ipv6(struct text *t, const uint8_t ip[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, 0xff};
	unsigned group[8], length;
	char *start = text_room(t, 40), *p = start;

	if (UNLIKELY(!memcmp(ip, mapped, sizeof(mapped)))) {
		text_put(t, "::ffff:", 7);
		text_ipv4(t, ip + 12);
		return;
	}
	for (unsigned i = 0; i < 8; i++)
		group[i] = load_be16(ip + i * 2);
	unsigned zeros = longest_zeros(group, &length);
	for (unsigned i = 0; i < 8; i++) {
		if (i == zeros) {
			*p++ = ':';
			*p++ = ':';
			i += length - 1;
			continue;
		}
		if (i && i != zeros + length)
			*p++ = ':';
		p = put_group(p, group[i]);
	}
	t->len += (size_t)(p - start);
}

void text_mac(struct text *t, const uint8_t mac[6])
{
	char *p = text_room(t, 18);

	for (unsigned i = 0; i < 6; i++) {
		*p++ = hex_digits[mac[i] >> 4];
		*p++ = hex_digits[mac[i] & 15];
		*p++ = ':';
	}
	t->len += 17; /* without the last colon */
}

void text_fmt(struct text *t, const char *fmt, ...)
{
	va_list ap, again;

	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n > 0) {
		vsnprintf(text_room(t, (size_t)n + 1), (size_t)n + 1, fmt, again);
		t->len += (size_t)n;
	}
	va_end(again);
}

unsigned text_utf8(const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s;

	if (p[0] < 0x80)
		return 1;
	unsigned len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || len > n)
		return 0;
	for (unsigned i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

/*
 * Eight bytes at a time: the high bit of each byte that is below 0x20, 0x7f or above, or one of two
 * special ones. A borrow may mark a byte after one that is truly marked, never before it and never
 * alone, so "is there one" is exact.
 */
#define EACH_BYTE(c) ((c)*0x0101010101010101ull)

static inline uint64_t zero_bytes(uint64_t w)
{
	return (w - EACH_BYTE(1)) & ~w & EACH_BYTE(0x80);
}

static inline uint64_t special_bytes(uint64_t w)
{
	return ((w - EACH_BYTE(0x20)) & ~w & EACH_BYTE(0x80)) | (w & EACH_BYTE(0x80)) |
	       zero_bytes(w ^ EACH_BYTE(0x7f));
}

/* The same of 16 bytes at once, and exactly: 0x20 .. 0x7e are the only plain ones. */
static inline bool all_plain(const uint8_t *p)
{
	typedef uint8_t bytes __attribute__((vector_size(16)));
	typedef uint64_t halves __attribute__((vector_size(16)));
	bytes v;

	memcpy(&v, p, sizeof(v));
	halves special = (halves)(v - 0x20 > 0x5e);
	return !(special[0] | special[1]);
}

bool text_is_plain(const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s, *end = p + n;

	/* The last look overlaps the one before. */
	if (n >= 16) {
		for (; end - p > 16; p += 16)
			if (!all_plain(p))
				return false;
		return all_plain(end - 16);
	}
	if (n >= 8)
		return !(special_bytes(load_le64(p)) | special_bytes(load_le64(end - 8)));
	if (n >= 4)
		return !special_bytes(load_le32(p) | (uint64_t)load_le32(end - 4) << 32);
	while (p < end && *p >= 0x20 && *p < 0x7f)
		p++;
	return p == end;
}

size_t text_plain_start(struct text *t, const char *s, size_t n)
{
	size_t i = 0;

	if (UNLIKELY(!n))
		return 0;
	char *to = text_room(t, n);
	for (; n - i >= 8; i += 8) {
		uint64_t w = load_le64(s + i), special = special_bytes(w);
		memcpy(to + i, &w, 8);
		if (special) {
			i += (unsigned)__builtin_ctzll(special) / 8;
			goto done;
		}
	}
	for (; i < n && s[i] >= 0x20 && s[i] < 0x7f; i++)
		to[i] = s[i];
done:
	t->len += i;
	return i;
}

static const uint8_t *skip_json_plain(const uint8_t *p, const uint8_t *end)
{
	for (; end - p >= 8; p += 8) {
		uint64_t w = load_le64(p);
		if (special_bytes(w) | zero_bytes(w ^ EACH_BYTE('"')) |
		    zero_bytes(w ^ EACH_BYTE('\\')))
			break;
	}
	while (p < end && *p >= 0x20 && *p < 0x7f && *p != '"' && *p != '\\')
		p++;
	return p;
}

static void json_escape(struct text *t, uint8_t c)
{
	static const char names[] = "btn\0fr";

	text_char(t, '\\');
	if (c == '"' || c == '\\') {
		text_char(t, (char)c);
	} else if (c >= 8 && c <= 13 && names[c - 8]) {
		text_char(t, names[c - 8]);
	} else {
		text_char(t, 'u');
		text_hex(t, c, 4);
	}
}

void text_json(struct text *t, const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s, *end = n ? p + n : p; /* s may be NULL then */

	while (p < end) {
		const uint8_t *from = p;
		p = skip_json_plain(p, end);
		text_put(t, (const char *)from, (size_t)(p - from));
		if (p == end)
			break;
		unsigned len = text_utf8((const char *)p, (size_t)(end - p));
		if (!len) {
			text_put(t, "\xef\xbf\xbd", 3);
			p++;
		} else if (len == 1) {
			json_escape(t, *p++);
		} else {
			text_put(t, (const char *)p, len);
			p += len;
		}
	}
}

bool text_is_unseen(const uint8_t *p, unsigned len)
{
	if (len < 2)
		return true;
	if (len == 2)
		return (p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xd8 && p[1] == 0x9c);
	if (len != 3 || p[0] != 0xe2)
		return false;
	if (p[1] == 0x80)
		return p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae);
	return p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9;
}

void text_plain(struct text *t, const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s, *end = p + n;

	for (;;) {
		p += text_plain_start(t, (const char *)p, (size_t)(end - p));
		if (p == end)
			break;
		unsigned len = text_utf8((const char *)p, (size_t)(end - p));
		if (text_is_unseen(p, len)) {
			text_char(t, '.');
			p += len ? len : 1;
		} else {
			text_put(t, (const char *)p, len);
			p += len;
		}
	}
}

const char *text_cstr(struct text *t)
{
	*text_room(t, 1) = '\0';
	return t->data;
}
