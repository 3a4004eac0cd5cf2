/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <stdlib.h>

void builder_done(struct builder *b)
{
	free(b->data);
	*b = (struct builder){0};
}

uint8_t *builder_room(struct builder *b, size_t n)
{
	if (UNLIKELY(b->cap - b->len < n)) {
		b->cap = MAX(b->cap * 2, b->len + n + 256);
		b->data = xrealloc(b->data, b->cap);
	}
	return b->data + b->len;
}

void builder_put(struct builder *b, const void *p, size_t n)
{
	if (!n)
		return;
	memcpy(builder_room(b, n), p, n);
	b->len += n;
}

/* The hosts Dredge runs on are little-endian, as its files are. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "little-endian host");

void builder_u16(struct builder *b, uint16_t v)
{
	builder_put(b, &v, sizeof(v));
}

void builder_u32(struct builder *b, uint32_t v)
{
	builder_put(b, &v, sizeof(v));
}

void builder_u64(struct builder *b, uint64_t v)
{
	builder_put(b, &v, sizeof(v));
}

void builder_pad4(struct builder *b)
{
	static const uint8_t zero[4];

	builder_put(b, zero, -b->len & 3);
}

void builder_patch_u32(struct builder *b, size_t at, uint32_t v)
{
	memcpy(b->data + at, &v, sizeof(v));
}
