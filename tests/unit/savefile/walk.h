/* SPDX-License-Identifier: Apache-2.0 */
/* A capture file taken apart without a line of the room's own code: lengths and codes are written
 * out as dredge-capture(5) gives them. */
#ifndef TESTS_SAVEFILE_WALK_H
#define TESTS_SAVEFILE_WALK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/base.h"

#include <lz4.h>
#include <stdio.h>
#include <stdlib.h>

#define WALK_MAX 4096

struct walk_block { /* of pcapng */
	uint32_t type, size, chunk;
	const uint8_t *data; /* the whole block */
};

struct walk_chunk { /* of LZ4; a plain file is one */
	bool data;
	uint32_t head; /* as it stands in front of it */
	uint32_t window, parts, bytes;
	uint64_t first, last;
	const uint8_t *part; /* the first, 36 bytes each */
	const uint8_t *ways; /* the first, 24 bytes each */
};

struct walk {
	uint8_t *file;
	size_t size;
	bool complete; /* end mark */
	struct walk_chunk chunks[WALK_MAX];
	struct walk_block blocks[WALK_MAX];
	uint8_t *owned[WALK_MAX];
	unsigned chunk_count, block_count;
	/* lists of contents */
	unsigned lists, listed; /* how many, and chunks that they told of */
	size_t list_at;		/* offset of the last one */
	bool ended;		/* it has no chunks */
};

static inline uint8_t *walk_load(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");

	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	*n = (size_t)ftell(f);
	rewind(f);
	uint8_t *p = malloc(*n + 1);
	assert_int_equal(fread(p, 1, *n, f), *n);
	fclose(f);
	return p;
}

/* Value of an option of a block whose options begin at `from`, or NULL. */
static inline const uint8_t *walk_option(const struct walk_block *b, uint32_t from, unsigned code,
					 unsigned *n)
{
	uint32_t at = from;

	while (at + 4 <= b->size - 4 && load_le16(b->data + at)) {
		*n = load_le16(b->data + at + 2);
		if (load_le16(b->data + at) == code)
			return b->data + at + 4;
		at += 4 + ((*n + 3) & ~3u);
	}
	return NULL;
}

static inline void walk_summary(struct walk_chunk *c, const struct walk_block *b)
{
	unsigned n;
	const uint8_t *v = walk_option(b, 20, 19373, &n);

	assert_non_null(v);
	assert_int_equal(load_le32(v), 32473);
	assert_int_equal(v[4], 1);
	assert_int_equal(v[5], 1);
	c->parts = load_le16(v + 6);
	c->window = load_le32(v + 8);
	c->first = load_le64(v + 12);
	c->last = load_le64(v + 20);
	c->part = v + 28;
	c->ways = c->part + 36 * c->parts;
	assert_int_equal(n, 28 + (36 + 24) * c->parts);
	assert_int_equal(load_le32(b->data + 8), load_le32(c->part));
}

static inline void walk_pcapng(struct walk *w, const uint8_t *p, size_t n)
{
	struct walk_chunk *c = &w->chunks[w->chunk_count];

	c->bytes = (uint32_t)n;
	c->data = load_le32(p) == 5;
	for (size_t at = 0; at < n;) {
		assert_true(n - at >= 12);
		uint32_t size = load_le32(p + at + 4);
		assert_true(size >= 12 && size % 4 == 0 && size <= n - at);
		assert_int_equal(load_le32(p + at + size - 4), size);
		assert_true(w->block_count < WALK_MAX);
		struct walk_block *b = &w->blocks[w->block_count++];
		*b = (struct walk_block){load_le32(p + at), size, w->chunk_count, p + at};
		if (c->data && at == 0)
			walk_summary(c, b);
		at += size;
	}
	w->chunk_count++;
}

/* A list of contents: an ISB of custom options, which says of the chunks since the list before what
 * they say themselves. */
static inline bool walk_list(struct walk *w, size_t offset, const uint8_t *p, size_t n)
{
	if (load_le32(p) != 5 || p[28] != 4)
		return false;
	assert_int_equal(load_le32(p + 4), n);
	assert_int_equal(load_le16(p + 20), 19373);
	assert_int_equal(load_le16(p + 22), 16);
	assert_int_equal(load_le64(p + 32), w->list_at);
	w->ended = w->listed == w->chunk_count;
	assert_true(!w->ended || w->lists);
	size_t at = 40;
	for (; load_le16(p + at); w->listed++) {
		unsigned size = load_le16(p + at + 2);
		const struct walk_chunk *c = &w->chunks[w->listed];
		assert_true(w->listed < w->chunk_count);
		assert_int_equal(load_le16(p + at), 19373);
		assert_int_equal(load_le32(p + at + 4), 32473);
		assert_int_equal(p[at + 8], 5);
		assert_int_equal(p[at + 9], 1);
		assert_int_equal(load_le32(p + at + 12), c->head);
		assert_int_equal(size, c->data ? 34 + 60 * c->parts : 12);
		if (c->data)
			assert_memory_equal(p + at + 16, c->part - 22, size - 12);
		at += 4 + ((size + 3) & ~3u);
	}
	assert_int_equal(at + 8, n);
	assert_int_equal(w->listed, w->chunk_count);
	w->list_at = offset;
	w->lists++;
	return true;
}

static inline void walk_lz4(struct walk *w)
{
	/* magic, flags: version 1, independent blocks, block checksums; 1 MB blocks; their check */
	assert_memory_equal(w->file, "\x04\x22\x4d\x18\x70\x60", 6);
	size_t at = 7;
	while (at + 4 <= w->size) {
		uint32_t head = load_le32(w->file + at), size = head & 0x7fffffff;
		at += 4;
		if (!head) {
			w->complete = true;
			break;
		}
		assert_true(size + 4 <= w->size - at);
		uint8_t *raw = malloc(1 << 20);
		int n = (int)size;
		if (head >> 31)
			memcpy(raw, w->file + at, size);
		else
			n = LZ4_decompress_safe((char *)w->file + at, (char *)raw, (int)size,
						1 << 20);
		assert_true(n > 0);
		assert_true(w->chunk_count < WALK_MAX);
		if (walk_list(w, at - 4, raw, (size_t)n)) {
			free(raw);
		} else {
			w->owned[w->chunk_count] = raw;
			w->chunks[w->chunk_count].head = head;
			walk_pcapng(w, raw, (size_t)n);
		}
		at += size + 4;
	}
	assert_int_equal(at, w->size);
}

static inline struct walk *walk_open(const char *path)
{
	struct walk *w = calloc(1, sizeof(*w));

	w->file = walk_load(path, &w->size);
	if (w->size >= 4 && load_le32(w->file) == 0x184d2204)
		walk_lz4(w);
	else
		walk_pcapng(w, w->file, w->size);
	return w;
}

static inline void walk_close(struct walk *w)
{
	for (unsigned i = 0; i < w->chunk_count; i++)
		free(w->owned[i]);
	free(w->file);
	free(w);
}

static inline unsigned walk_count(const struct walk *w, uint32_t type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->block_count; i++)
		n += w->blocks[i].type == type;
	return n;
}

/* The n-th block of a type. */
static inline const struct walk_block *walk_block(const struct walk *w, uint32_t type, unsigned n)
{
	for (unsigned i = 0; i < w->block_count; i++)
		if (w->blocks[i].type == type && !n--)
			return &w->blocks[i];
	return NULL;
}

static inline uint64_t walk_time(const struct walk_block *b)
{
	return (uint64_t)load_le32(b->data + 12) << 32 | load_le32(b->data + 16);
}

#endif
