/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>

static const char digit_pairs[200] =
	"0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243"
	"4445464748495051525354555657585960616263646566676869707172737475767778798081828384858687"
	"888990919293949596979899";

void text_done(struct text *t)
{
	free(t->data);
	*t = (struct text){0};
}

char *text_room(struct text *t, size_t n)
{
	if (UNLIKELY(t->cap - t->len < n)) {
		t->cap = MAX(t->cap * 2, t->len + n + 256);
		t->data = xrealloc(t->data, t->cap);
	}
	return t->data + t->len;
}

void text_put(struct text *t, const char *p, size_t n)
{
	if (!n)
		return;
	memcpy(text_room(t, n), p, n);
	t->len += n;
}

void text_str(struct text *t, const char *s)
{
	text_put(t, s, strlen(s));
}

/* Digits of v written backwards from end; returns where they begin. */
static char *digits_before(char *end, uint64_t v)
{
	while (v >= 100) {
		end -= 2;
		memcpy(end, digit_pairs + v % 100 * 2, 2);
		v /= 100;
	}
	if (v >= 10) {
		end -= 2;
		memcpy(end, digit_pairs + v * 2, 2);
	} else {
		*--end = (char)('0' + v);
	}
	return end;
}

void text_u64(struct text *t, uint64_t v)
{
	char digits[20], *end = digits + sizeof(digits);
	const char *at = digits_before(end, v);

	text_put(t, at, (size_t)(end - at));
}

void text_i64(struct text *t, int64_t v)
{
	if (v < 0)
		text_char(t, '-');
	text_u64(t, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void text_u64_width(struct text *t, uint64_t v, unsigned width)
{
	char digits[20], *end = digits + sizeof(digits);
	const char *at = digits_before(end, v);

	for (size_t n = (size_t)(end - at); n < width; n++)
		text_char(t, '0');
	text_put(t, at, (size_t)(end - at));
}

void text_double(struct text *t, double v, unsigned decimals)
{
	char digits[340];
	int n = snprintf(digits, sizeof(digits), "%.*f", (int)MIN(decimals, 9u), v);

	text_put(t, digits, (size_t)n);
}

void text_hex(struct text *t, uint64_t v, unsigned digits)
{
	char *out = text_room(t, digits);

	for (unsigned i = digits; i-- > 0; v >>= 4)
		out[i] = "0123456789abcdef"[v & 15];
	t->len += digits;
}

static char *put_octet(char *p, uint8_t v)
{
	if (v >= 100) {
		*p++ = (char)('0' + v / 100);
		v %= 100;
		memcpy(p, digit_pairs + v * 2, 2);
		return p + 2;
	}
	if (v >= 10) {
		memcpy(p, digit_pairs + v * 2, 2);
		return p + 2;
	}
	*p++ = (char)('0' + v);
	return p;
}

void text_ipv4(struct text *t, const uint8_t ip[4])
{
	char *start = text_room(t, 16), *p = start;

	for (unsigned i = 0; i < 4; i++) {
		if (i)
			*p++ = '.';
		p = put_octet(p, ip[i]);
	}
	t->len += (size_t)(p - start);
}

static void put_group(struct text *t, unsigned v)
{
	unsigned digits = v >= 0x1000 ? 4 : v >= 0x100 ? 3 : v >= 0x10 ? 2 : 1;

	text_hex(t, v, digits);
}

void text_ipv6(struct text *t, const uint8_t ip[16])
{
	unsigned group[8], best = 8, best_len = 1;

	for (unsigned i = 0; i < 8; i++)
		group[i] = load_be16(ip + i * 2);
	for (unsigned i = 0; i < 8; i++) {
		unsigned n = 0;
		while (i + n < 8 && !group[i + n])
			n++;
		if (n > best_len) {
			best = i;
			best_len = n;
		}
	}
	for (unsigned i = 0; i < 8; i++) {
		if (i == best) {
			text_put(t, "::", 2);
			i += best_len - 1;
			continue;
		}
		if (i && i != best + best_len)
			text_char(t, ':');
		put_group(t, group[i]);
	}
}

void text_mac(struct text *t, const uint8_t mac[6])
{
	for (unsigned i = 0; i < 6; i++) {
		if (i)
			text_char(t, ':');
		text_hex(t, mac[i], 2);
	}
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

/* Length of the valid UTF-8 sequence (RFC 3629) at p, 0 when there is none. */
static unsigned utf8_length(const uint8_t *p, size_t n)
{
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

static bool json_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
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
	const uint8_t *p = (const uint8_t *)s, *end = p + n;

	while (p < end) {
		const uint8_t *from = p;
		while (p < end && json_plain(*p))
			p++;
		text_put(t, (const char *)from, (size_t)(p - from));
		if (p == end)
			break;
		unsigned len = utf8_length(p, (size_t)(end - p));
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

void text_plain(struct text *t, const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s, *end = p + n;

	while (p < end) {
		const uint8_t *from = p;
		while (p < end && *p >= 0x20 && *p < 0x7f)
			p++;
		text_put(t, (const char *)from, (size_t)(p - from));
		if (p == end)
			break;
		unsigned len = utf8_length(p, (size_t)(end - p));
		/* U+0080..U+009F are control characters too. */
		if (len < 2 || (p[0] == 0xc2 && p[1] < 0xa0)) {
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
