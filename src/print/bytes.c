/* SPDX-License-Identifier: Apache-2.0 */
#include "print/bytes.h"

static bool printable(uint8_t c)
{
	return c >= 0x20 && c < 0x7f;
}

static void put_dotted(struct text *t, const uint8_t *p, size_t n, bool keep_newlines)
{
	char *out = text_room(t, n);

	for (size_t i = 0; i < n; i++) {
		bool keep = printable(p[i]) || (keep_newlines && p[i] == '\n');
		out[i] = keep ? (char)p[i] : '.';
	}
	t->len += n;
}

/* "\t0x0000:  4745 5420 ..." lines of 16 bytes, as tcpdump and sysdig print them. */
static void put_hex(struct text *t, const uint8_t *p, size_t n, bool ascii)
{
	for (size_t row = 0; row < n; row += 16) {
		size_t left = MIN(n - row, 16);
		text_put(t, "\t0x", 3);
		text_hex(t, row, 4);
		text_put(t, ": ", 2);
		for (size_t i = 0; i < (ascii ? 16 : left); i++) {
			if (i && i % 2 == 0)
				text_char(t, ' ');
			if (i < left)
				text_hex(t, p[row + i], 2);
			else
				text_put(t, "  ", 2);
		}
		if (ascii) {
			text_put(t, "  ", 2);
			put_dotted(t, p + row, left, false);
		}
		text_char(t, '\n');
	}
}

static void put_base64(struct text *t, const uint8_t *p, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t v = (uint32_t)p[i] << 16;
		if (left > 1)
			v |= (uint32_t)p[i + 1] << 8;
		if (left > 2)
			v |= p[i + 2];
		text_char(t, digits[v >> 18]);
		text_char(t, digits[v >> 12 & 63]);
		text_char(t, left > 1 ? digits[v >> 6 & 63] : '=');
		text_char(t, left > 2 ? digits[v & 63] : '=');
	}
}

void bytes_inline(struct text *t, enum print_buffer how, const char *p, size_t n)
{
	const uint8_t *bytes = (const uint8_t *)p;

	switch (how) {
	case BUFFER_DOTTED:
		put_dotted(t, bytes, n, false);
		break;
	case BUFFER_ASCII:
		put_dotted(t, bytes, n, true);
		break;
	case BUFFER_HEX:
	case BUFFER_HEX_ASCII:
		text_char(t, '\n');
		put_hex(t, bytes, n, how == BUFFER_HEX_ASCII);
		break;
	case BUFFER_BASE64:
		put_base64(t, bytes, n);
		break;
	}
}

void bytes_json(struct text *t, enum print_buffer how, const char *p, size_t n)
{
	text_char(t, '"');
	if (how == BUFFER_BASE64) {
		put_base64(t, (const uint8_t *)p, n);
	} else if (how == BUFFER_HEX || how == BUFFER_HEX_ASCII) {
		for (size_t i = 0; i < n; i++)
			text_hex(t, (uint8_t)p[i], 2);
	} else {
		text_json(t, p, n);
	}
	text_char(t, '"');
}

void bytes_payload(struct text *t, enum print_buffer how, const struct packet *p)
{
	if (!p)
		return;
	const struct packet_layer *l = packet_inner(p);
	if (!l->payload || l->payload >= p->caplen || !l->payload_len)
		return;
	size_t n = MIN(l->payload_len, p->caplen - l->payload);
	const uint8_t *bytes = p->data + l->payload;

	if (how == BUFFER_HEX || how == BUFFER_HEX_ASCII) {
		put_hex(t, bytes, n, how == BUFFER_HEX_ASCII);
		return;
	}
	bytes_inline(t, how, (const char *)bytes, n);
	text_char(t, '\n');
}
