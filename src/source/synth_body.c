/* SPDX-License-Identifier: Apache-2.0 */
#include "source/synth.h"

#include <stdlib.h>

/* RFC 1071: the sum may be taken over wider words and in any byte order, then folded. */
uint64_t synth_sum(const uint8_t *p, uint32_t n)
{
	uint64_t sum = 0;

	for (; n >= 4; p += 4, n -= 4)
		sum += load_le32(p);
	if (n >= 2)
		sum += load_le16(p), p += 2, n -= 2;
	return n ? sum + *p : sum;
}

static uint64_t sum_u64(uint64_t v)
{
	return (v & 0xffffffffu) + (v >> 32);
}

static const char *const words[] = {
	"order",   "cart",  "basket", "quay",  "harbour", "price", "item",  "stock",
	"invoice", "total", "pier",   "crane", "dredge",  "tide",  "cargo", "berth",
};

static void fill_words(struct text *t, uint64_t *random, size_t upto)
{
	while (t->len < upto) {
		uint64_t r = synth_random(random);

		text_str(t, "{\"");
		text_str(t, words[r & 15]);
		text_str(t, "\":\"");
		text_str(t, words[r >> 4 & 15]);
		text_str(t, "\",\"id\":");
		text_u64(t, r >> 40);
		text_str(t, ",\"note\":\"");
		text_str(t, words[r >> 8 & 15]);
		text_char(t, ' ');
		text_str(t, words[r >> 12 & 15]);
		text_str(t, "\"},\n");
	}
}

static void http_request(struct text *t, uint64_t *random, uint32_t i, uint32_t size)
{
	(void)size;
	text_str(t, "GET /api/v1/");
	text_str(t, words[i % 16]);
	text_str(t, "?session=................ HTTP/1.1\r\nHost: shop.example\r\n"
		    "User-Agent: curl/7.88.1\r\nAccept: application/json, text/html;q=0.9\r\n"
		    "Accept-Encoding: identity\r\nX-Request-Id: ................\r\n");
	if (i % 3 == 0) {
		text_str(t, "Cookie: basket=");
		fill_words(t, random, t->len + 200);
		t->len -= 1;
		text_str(t, "\r\n");
	}
	text_str(t, "\r\n");
}

uint32_t synth_reply_segments(uint32_t i)
{
	return 1 + i / 2 % 3;
}

static void http_response(struct text *t, uint64_t *random, uint32_t i, uint32_t size)
{
	static const uint32_t lengths[] = {1448, 1448, 1448, 612, 180, 1448, 1448, 921};
	uint32_t n = size ? size : lengths[i % 8], more = size ? size : lengths[(i + 1) % 8];
	uint64_t body = 0;

	if (i % 2 == 0) {
		text_str(t,
			 "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nContent-Type: text/plain\r\n"
			 "ETag: \"................\"\r\nContent-Length: ");
		body = n + (synth_reply_segments(i) - 1) * more - (uint32_t)t->len - 8;
		text_u64_width(t, body, 4);
		text_str(t, "\r\n\r\n");
	}
	fill_words(t, random, n);
	t->len = n;
}

static void redis_request(struct text *t, uint64_t *random, uint32_t i, uint32_t size)
{
	(void)random;
	(void)size;
	text_str(t, i % 4 ? "*2\r\n$3\r\nGET\r\n$24\r\ncart:..................."
			  : "*3\r\n$3\r\nSET\r\n$24\r\ncart:...................");
	text_str(t, i % 4 ? "\r\n" : "\r\n$16\r\n................\r\n");
}

static void redis_response(struct text *t, uint64_t *random, uint32_t i, uint32_t size)
{
	size_t n = i % 4 == 2 ? 700 : 96;

	(void)size;
	if (i % 4 == 0) {
		text_str(t, "+OK\r\n");
		return;
	}
	text_str(t, "$");
	text_u64(t, n);
	text_str(t, "\r\n");
	n += t->len;
	fill_words(t, random, n);
	t->len = n;
	text_str(t, "\r\n");
}

/* Holes: runs of dots of the template, and 8 in 160 bytes of a long text. */
static void make_holes(struct synth_body *b, bool in_text)
{
	for (uint32_t i = 0; i + 8 <= b->len && b->holes < SYNTH_HOLES_MAX; i += 2) {
		bool dots = memcmp(b->at + i, "........", 8) == 0;

		if (!dots && (!in_text || i < 160 || i % 160))
			continue;
		b->hole[b->holes++] = (uint16_t)i;
		memset(b->at + i, 0, 8);
		i += 6;
	}
	b->sum = synth_sum(b->at, b->len);
}

void synth_bodies_make(struct synth_bodies *b, uint32_t size)
{
	static void (*const makers[TALKS][2])(struct text *, uint64_t *, uint32_t, uint32_t) = {
		[TALK_HTTP] = {http_request, http_response},
		[TALK_REDIS] = {redis_request, redis_response},
	};
	size_t room = SYNTH_HEADROOM + (size ? size : 1514u) + 16;
	uint32_t fixed = size ? size - SYNTH_HEADER : 0;
	uint64_t random = 42;
	struct text text = {0};
	uint8_t *at = b->bytes = xcalloc((size_t)TALKS * 2 * SYNTH_BODIES, room);

	for (uint32_t i = 0; i < TALKS * 2 * SYNTH_BODIES; i++, at += room) {
		uint32_t talk = i / (2 * SYNTH_BODIES), answer = i / SYNTH_BODIES % 2;
		struct synth_body *to = (answer ? b->response : b->request)[talk] +
					i % SYNTH_BODIES;

		text_reset(&text);
		makers[talk][answer](&text, &random, i % SYNTH_BODIES, fixed);
		if (fixed) {
			fill_words(&text, &random, fixed);
			text.len = fixed;
		}
		to->at = at + SYNTH_HEADROOM;
		to->len = (uint32_t)MIN(text.len, room - SYNTH_HEADROOM);
		memcpy(to->at, text.data, to->len);
		make_holes(to, answer || size);
	}
	text_done(&text);
}

void synth_bodies_done(struct synth_bodies *b)
{
	free(b->bytes);
}

uint64_t synth_body_refill(struct synth_body *b, uint64_t key)
{
	uint64_t sum = b->sum, r = key;

	for (uint32_t i = 0; i < b->holes; i++) {
		r = r * 0x5851f42d4c957f2dull + 0x14057b7ef767814full;
		uint64_t v = ((r ^ r >> 32) & 0x3f3f3f3f3f3f3f3full) + 0x3030303030303030ull;
		memcpy(b->at + b->hole[i], &v, 8);
		sum += sum_u64(v);
	}
	return sum;
}
