/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of contents are a convenience for readers: what they say is taken only from a complete file
 * whose lists follow each other up to its end, and whose block checksums hold.
 */
#include "savefile/read.h"

#include <lz4.h>
#include <stdlib.h>
#include <unistd.h>

#define OPTIONS_AT 20u /* in an ISB */
#define BEFORE_AT  32u
#define HEAD_BYTES 40u
#define END_MARK   4u
#define AROUND	   8u /* bytes of a block's length and checksum */

static bool is_ours(const uint8_t *option, uint8_t kind)
{
	return load_le16(option) == OPT_CUSTOM_BYTES_NO_COPY &&
	       load_le32(option + 4) == SAVEFILE_PEN && option[8] == kind &&
	       option[9] == CUSTOM_VERSION;
}

bool contents_begins(const uint8_t *p, size_t n)
{
	return n >= HEAD_BYTES && load_le32(p) == BLOCK_ISB &&
	       is_ours(p + OPTIONS_AT, CUSTOM_CONTENTS);
}

/* The first decoded bytes of the chunk that begins at p with its length. */
static bool is_list(const uint8_t *p, size_t n, uint64_t *before)
{
	uint8_t head[HEAD_BYTES];
	size_t size = MIN(n - 4, load_le32(p) & ~LZ4_BLOCK_PLAIN_BIT);
	int made = (int)MIN(size, sizeof(head));

	if (load_le32(p) & LZ4_BLOCK_PLAIN_BIT)
		memcpy(head, p + 4, (size_t)made);
	else
		made = LZ4_decompress_safe_partial((const char *)p + 4, (char *)head, (int)size,
						   sizeof(head), sizeof(head));
	if (made < (int)sizeof(head) || !contents_begins(head, sizeof(head)))
		return false;
	*before = load_le64(head + BEFORE_AT);
	return true;
}

static void add_list(struct contents *c, uint64_t at, uint64_t end)
{
	GROW(c->lists, c->count, c->cap);
	c->lists[c->count++] = (struct contents_list){at, end};
}

/* The last one, by what stands between it and the end of the file: nothing. */
static bool find_last(struct contents *c, int fd, uint64_t first, uint64_t file_bytes,
		      uint64_t *before)
{
	uint8_t tail[CONTENTS_LAST_BYTES];
	size_t want = (size_t)MIN(sizeof(tail), file_bytes - first);
	uint64_t from = file_bytes - want;

	if (pread(fd, tail, want, (off_t)from) != (ssize_t)want || want < AROUND + END_MARK ||
	    load_le32(tail + want - END_MARK))
		return false;
	for (size_t i = 0; i + AROUND + END_MARK < want; i++) {
		size_t size = load_le32(tail + i) & ~LZ4_BLOCK_PLAIN_BIT;
		if (i + AROUND + size + END_MARK != want || !is_list(tail + i, want - i, before))
			continue;
		add_list(c, from + i, file_bytes - END_MARK);
		return true;
	}
	return false;
}

static bool find_before(struct contents *c, int fd, uint64_t at, uint64_t *before)
{
	uint8_t head[GLANCE_BYTES];
	ssize_t n = pread(fd, head, sizeof(head), (off_t)at);

	if (n < (ssize_t)AROUND || !is_list(head, (size_t)n, before))
		return false;
	add_list(c, at, at + AROUND + (load_le32(head) & ~LZ4_BLOCK_PLAIN_BIT));
	return true;
}

static void put_in_order(struct contents *c)
{
	for (size_t i = 0, k = c->count; i + 1 < k; i++) {
		struct contents_list l = c->lists[i];
		c->lists[i] = c->lists[--k];
		c->lists[k] = l;
	}
}

void contents_open(struct contents *c, int fd, uint64_t first, uint64_t file_bytes,
		   struct reader_work *work)
{
	uint64_t before = 0;

	*c = (struct contents){.loaded = SIZE_MAX};
#ifndef HAVE_XXHASH
	return; /* nothing would vouch for them */
#endif
	bool good = file_bytes > first && find_last(c, fd, first, file_bytes, &before);
	while (good && before) {
		work->bytes_read += GLANCE_BYTES;
		good = before >= first && before < c->lists[c->count - 1].at &&
		       find_before(c, fd, before, &before);
	}
	if (good)
		put_in_order(c);
	else
		c->count = 0;
}

void contents_done(struct contents *c)
{
	free(c->lists);
	free(c->data);
}

/* Do the chunks fill what lies between? */
static bool fills(const struct contents *c, uint64_t from, uint64_t to)
{
	struct contents_chunk k;

	for (size_t at = 0; from < to && contents_next(c, &at, &k);)
		from += AROUND + (k.length & ~LZ4_BLOCK_PLAIN_BIT);
	return from == to;
}

bool contents_load(struct contents *c, int fd, size_t list, uint64_t from, struct reader_work *work)
{
	const struct contents_list *l = &c->lists[list];
	struct reason why;
	uint8_t length[4];

	if (c->loaded == list)
		return true;
	c->loaded = SIZE_MAX;
	if (!c->data)
		c->data = xmalloc(LZ4_BLOCK_MAX);
	if (l->end - l->at > LZ4_BLOCK_MAX || pread(fd, length, 4, (off_t)l->at) != 4)
		return false;
	const struct dir_entry chunk = {
		.chunk = {.offset = l->at, .stored = (uint32_t)(l->end - l->at - AROUND)},
		.stored_plain = load_le32(length) & LZ4_BLOCK_PLAIN_BIT,
		.checksum = true,
	};
	cleanup_free uint8_t *stored = xmalloc(chunk.chunk.stored + 4);
	if (chunk_load(fd, &chunk, stored, c->data, LZ4_BLOCK_MAX, &c->size, &why) ||
	    !contents_begins(c->data, c->size))
		return false;
	work->bytes_read += l->end - l->at;
	work->bytes_decoded += c->size;
	if (!fills(c, from, l->at))
		return false;
	c->loaded = list;
	return true;
}

bool contents_next(const struct contents *c, size_t *at, struct contents_chunk *out)
{
	const uint8_t *p = c->data + HEAD_BYTES + *at;
	/* A list that was taken in anew may be another one, and end before *at. */
	size_t left = c->size - HEAD_BYTES > *at ? c->size - HEAD_BYTES - *at : 0;
	size_t n = left < 16 ? 0 : load_le16(p + 2);

	/* kind, version, zero, length; what is longer has a summary */
	if (n < 12 || n > left - 4 || !is_ours(p, CUSTOM_CHUNK))
		return false;
	out->length = load_le32(p + 12);
	out->summary = n > 12 ? p + 16 : NULL;
	out->size = n - 12;
	if ((out->length & ~LZ4_BLOCK_PLAIN_BIT) > LZ4_BLOCK_MAX)
		return false;
	if (out->summary && (out->size < SUMMARY_SIZE(0) || load_le16(p + 16) > SUMMARY_MAX_PARTS ||
			     out->size < SUMMARY_SIZE(load_le16(p + 16))))
		return false;
	*at += 4 + ((n + 3) & ~(size_t)3);
	return *at <= c->size - HEAD_BYTES;
}
