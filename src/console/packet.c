/* SPDX-License-Identifier: Apache-2.0 */
#include "console/packet.h"
#include "console/menu.h"

#include <ctype.h>

#define HEX_ROW	  16u
#define HEX_WIDTH (6 + 3 * HEX_ROW + 2 + HEX_ROW)

const char *const packet_shapes[SHAPES] = {
	[SHAPE_DECODED] = "Decoded, and Hex",
	[SHAPE_PRINTABLE] = "Printable ASCII",
	[SHAPE_DOTTED] = "Dotted ASCII",
	[SHAPE_HEX] = "Hex",
	[SHAPE_JSON] = "JSON",
};

/* ---- fields ---- */

static const char *const layers[] = {"eth", "arp", "ip",  "ipv6", "icmp",
				     "tcp", "udp", "dns", "http", NULL};

static bool is_of(const struct field *f, const char *layer)
{
	size_t n = strlen(layer);

	return str_starts(f->name, layer) && f->name[n] == '.';
}

/* `put` is called for each value that the packet has by itself. */
static void each_field(struct context *c, const char *layer,
		       void (*put)(struct text *, const struct field *, const struct value *,
				   unsigned),
		       struct text *out)
{
	struct text scratch = {0};
	struct value values[FIELD_MAX_VALUES];

	for (size_t i = 0; field_classes[i]; i++)
		for (size_t j = 0; j < field_classes[i]->count; j++) {
			const struct field *f = &field_classes[i]->fields[j];
			if (!is_of(f, layer) || f->flags & (FIELD_ARG | FIELD_FLOW | FIELD_ORDER))
				continue;
			text_reset(&scratch);
			unsigned n = f->get(f, NULL, c, &scratch, values);
			if (n)
				put(out, f, values, n);
		}
	text_done(&scratch);
}

static void put_words(struct text *out, const struct field *f, const struct value *values,
		      unsigned n)
{
	text_fmt(out, "%s=", strchr(f->name, '.') + 1);
	for (unsigned i = 0; i < n; i++) {
		if (i)
			text_char(out, ',');
		value_text(out, f, &values[i]);
	}
	text_str(out, "  ");
}

/* One line for each layer that it has. */
static void decode(struct context *c, struct text *out)
{
	for (size_t l = 0; layers[l]; l++) {
		size_t from = out->len;
		text_fmt(out, "#%s\n", layers[l]);
		size_t named = out->len;
		each_field(c, layers[l], put_words, out);
		if (out->len == named)
			out->len = from;
		else
			out->data[out->len - 1] = '\n';
	}
}

static void put_member(struct text *out, const struct field *f, const struct value *values,
		       unsigned n)
{
	text_fmt(out, "%s\"%s\": %s", out->len > 2 ? ",\n  " : "  ", f->name, n > 1 ? "[" : "");
	for (unsigned i = 0; i < n; i++) {
		if (i)
			text_str(out, ", ");
		value_json(out, f, &values[i]);
	}
	text_str(out, n > 1 ? "]" : "");
}

static void json(struct context *c, struct text *out)
{
	text_str(out, "{\n");
	for (size_t l = 0; layers[l]; l++)
		each_field(c, layers[l], put_member, out);
	text_str(out, "\n}\n");
}

/* ---- bytes ---- */

/* What the innermost protocol carries, as text; others than ASCII are dots, or left out. */
static void ascii(struct context *c, bool dotted, struct text *out)
{
	const struct packet *p = context_packet(c);
	uint32_t at = packet_inner(p)->payload;

	for (; at && at < p->caplen; at++) {
		uint8_t b = p->data[at];
		if (b == '#' && (!out->len || out->data[out->len - 1] == '\n'))
			text_char(out, ' '); /* no heading */
		if (b < 0x7f && (isprint(b) || (!dotted && b == '\n')))
			text_char(out, (char)b);
		else if (dotted)
			text_char(out, '.');
	}
	if (!out->len)
		text_str(out, "no payload");
}

static void hex_row(const uint8_t *p, size_t at, size_t n, struct text *out)
{
	text_hex(out, at, 4);
	text_str(out, "  ");
	for (size_t i = 0; i < HEX_ROW; i++) {
		if (i < n)
			text_hex(out, p[i], 2);
		else
			text_str(out, "  ");
		text_str(out, i == HEX_ROW / 2 - 1 ? "  " : " ");
	}
	text_char(out, ' ');
	for (size_t i = 0; i < n; i++)
		text_char(out, isprint(p[i]) && p[i] < 0x7f ? (char)p[i] : '.');
}

static unsigned hex_rows(const struct packet_kept *k)
{
	return (unsigned)((k->bytes.len + HEX_ROW - 1) / HEX_ROW);
}

static void draw_hex(const struct packet_kept *k, unsigned top, unsigned y, unsigned x,
		     unsigned rows)
{
	struct text t = {0};

	for (unsigned i = 0; i < rows; i++) {
		size_t at = (size_t)(top + i) * HEX_ROW;
		if (at >= k->bytes.len)
			break;
		text_reset(&t);
		hex_row((const uint8_t *)k->bytes.data + at, at, MIN(HEX_ROW, k->bytes.len - at),
			&t);
		paint(y + i, x, screen_width() - x, STYLE_TEXT, t.data, t.len);
	}
	text_done(&t);
}

/* ---- all of it ---- */

/* How far down there is something that `rows` rows do not show. */
static unsigned beyond(unsigned lines, unsigned rows)
{
	return lines > rows ? lines - rows : 0;
}

/* Words and bytes: beside each other where there is room. */
static unsigned draw_decoded(const struct packet_kept *k, const struct text *t, unsigned top,
			     unsigned y, unsigned rows)
{
	unsigned width = screen_width();
	bool beside = width >= HEX_WIDTH + 50;
	unsigned room = beside ? width - HEX_WIDTH - 2 : width;
	unsigned lines = paint_wrapped(y, 0, room, 0, 0, t->data, t->len);
	unsigned words = beside ? rows : MIN(lines, rows / 2);
	unsigned bytes = beside ? rows : rows - words;

	paint_wrapped(y, 0, room, words, MIN(top, beyond(lines, words)), t->data, t->len);
	draw_hex(k, top, beside ? y : y + words, beside ? width - HEX_WIDTH : 0, bytes);
	return MAX(beyond(lines, words), beyond(hex_rows(k), bytes));
}

static void draw_title(const struct packet_kept *k, struct context *c, unsigned y)
{
	struct text t = {0}, scratch = {0};
	struct value v[FIELD_MAX_VALUES];
	size_t used;
	char *arg;
	const struct field *info = field_find("evt.info", 8, &used, &arg);

	text_fmt(&t, "packet %llu: %u of %u bytes  ", (unsigned long long)k->num, k->caplen,
		 k->len);
	if (info->get(info, NULL, c, &scratch, v))
		value_text(&t, info, v);
	paint(y, 0, screen_width(), STYLE_HEADER, t.data, t.len);
	text_done(&t);
	text_done(&scratch);
}

unsigned packet_draw(const struct packet_kept *k, enum packet_shape shape, unsigned top, unsigned y,
		     unsigned rows)
{
	const struct event ev = {
		.ts = k->ts,
		.num = k->num,
		.type = EVENT_PACKET,
		.data = (const uint8_t *)k->bytes.data,
		.caplen = (uint32_t)k->bytes.len,
		.len = k->len,
		.weight = 1,
	};
	const struct iface iface = {.record.linktype = k->linktype};
	struct context c = {.ev = &ev, .iface = &iface};
	struct text t = {0};
	unsigned last;

	draw_title(k, &c, y);
	y++;
	rows--;
	if (shape == SHAPE_DECODED) {
		decode(&c, &t);
		last = draw_decoded(k, &t, top, y, rows);
	} else if (shape == SHAPE_HEX) {
		draw_hex(k, top, y, 0, rows);
		last = beyond(hex_rows(k), rows);
	} else {
		if (shape == SHAPE_JSON)
			json(&c, &t);
		else
			ascii(&c, shape == SHAPE_DOTTED, &t);
		last = beyond(paint_wrapped(y, 0, screen_width(), rows, top, t.data, t.len), rows);
	}
	text_done(&t);
	return last;
}
