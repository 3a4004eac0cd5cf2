/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chunk directory. Of a complete file the lists of contents tell what each chunk has; where
 * there are none it hops from LZ4 block to LZ4 block by their length fields and decodes only the
 * beginning of each, where the summary stands.
 */
#include "savefile/read.h"

#include <lz4.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef HAVE_XXHASH
#define XXH_INLINE_ALL
#include <xxhash.h>
#endif

#define AHEAD_BYTES   (64u << 10)
#define SMALL_BLOCK   8192u
#define KEEP_BYTES    (6u << 20)
#define KEEP_LARGE    (256ull << 20) /* bytes of a file: its directory is worth large pages */
#define SUMMARY_AT    28u	     /* payload of the first custom option of an ISB */
#define SUMMARY_BYTES (SUMMARY_AT + SUMMARY_HEAD_SIZE)
#define TRY_BLOCKS    16u

#define FRAME_VERSION_MASK     0xc0u
#define FRAME_VERSION	       0x40u
#define FRAME_INDEPENDENT      0x20u
#define FRAME_BLOCK_CHECKSUM   0x10u
#define FRAME_CONTENT_SIZE     0x08u
#define FRAME_CONTENT_CHECKSUM 0x04u
#define FRAME_DICTIONARY       0x01u

/* Bytes at an offset; fewer than n only at the end of the file or when it cannot be read. */
static const uint8_t *peek(struct directory *d, uint64_t at, size_t n, size_t *got)
{
	uint64_t skip = at - d->ahead_at;
	size_t left = d->file_bytes > at ? (size_t)(d->file_bytes - at) : 0;

	if (at < d->ahead_at || skip > d->ahead_len || d->ahead_len - skip < n) {
		size_t want = d->usual_stored < SMALL_BLOCK ? AHEAD_BYTES : MAX(n, GLANCE_BYTES);
		ssize_t r = pread(d->fd, d->ahead, MIN(want, AHEAD_BYTES), (off_t)at);
		d->ahead_at = at;
		d->ahead_len = r > 0 ? (size_t)r : 0;
		d->work->bytes_read += d->ahead_len;
		skip = 0;
	}
	*got = MIN(MIN(n, left), d->ahead_len - (size_t)skip); /* a file may grow meanwhile */
	return d->ahead + skip;
}

static int stop(struct scan *s, bool cut, const char *why)
{
	s->done = true;
	s->cut = cut;
	s->damaged = !cut;
	reason_set(&s->why, "%s", why);
	return 0;
}

/* Frame header at the scan's offset: 1 good, 0 not a frame as ours. */
static int frame_header(struct directory *d)
{
	struct scan *s = &d->scan;
	size_t got;
	const uint8_t *p = peek(d, s->offset, 7, &got);

	if (got < 7 || load_le32(p) != LZ4_FRAME_MAGIC)
		return 0;
	uint8_t flags = p[4], size_id = p[5] >> 4 & 7;
	if ((flags & FRAME_VERSION_MASK) != FRAME_VERSION || !(flags & FRAME_INDEPENDENT) ||
	    flags & FRAME_DICTIONARY || size_id < 4 || size_id > 6)
		return 0;
	s->block_max = 1u << (8 + 2 * size_id);
	s->checksum = flags & FRAME_BLOCK_CHECKSUM;
	s->content_checksum = flags & FRAME_CONTENT_CHECKSUM;
	s->offset += flags & FRAME_CONTENT_SIZE ? 15 : 7;
	s->in_frame = true;
	return 1;
}

/* Behind an end mark: nothing more, a skippable frame, or one more frame of ours. */
static int next_frame(struct directory *d)
{
	struct scan *s = &d->scan;
	size_t got;

	while (s->offset < d->file_bytes) {
		const uint8_t *p = peek(d, s->offset, 8, &got);
		if (got == 8 && (load_le32(p) & 0xfffffff0u) == 0x184d2a50u) {
			s->offset += 8 + (uint64_t)load_le32(p + 4);
			continue;
		}
		if (frame_header(d))
			return 1;
		return stop(s, false, "what follows the end mark is no capture");
	}
	s->done = s->complete = true;
	return 0;
}

int chunk_load(int fd, const struct dir_entry *c, uint8_t *stored, uint8_t *to, size_t cap,
	       size_t *out, struct reason *why)
{
	size_t n = c->chunk.stored, all = n + (c->checksum ? 4 : 0);
	ssize_t got = pread(fd, stored, all, (off_t)c->chunk.offset + 4);

	if (got != (ssize_t)all)
		return reason_set(why, "cannot be read");
#ifdef HAVE_XXHASH
	if (c->checksum && XXH32(stored, n, 0) != load_le32(stored + n))
		return reason_set(why, "checksum is wrong");
#endif
	if (c->stored_plain) {
		if (n > cap)
			return reason_set(why, "block is too large");
		memcpy(to, stored, n);
		*out = n;
		return 0;
	}
	int made = LZ4_decompress_safe((const char *)stored, (char *)to, (int)n, (int)cap);
	if (made < 0)
		return reason_set(why, "compressed data is damaged");
	*out = (size_t)made;
	return 0;
}

/* The first `want` decoded bytes of the block at `at`, in d->decoded. */
static size_t glance(struct directory *d, const struct dir_entry *c, size_t want)
{
	for (size_t n = MIN(GLANCE_BYTES - 4, c->chunk.stored);; n = MIN(n * 4, c->chunk.stored)) {
		size_t got;
		const uint8_t *p = n <= AHEAD_BYTES ? peek(d, c->chunk.offset + 4, n, &got) : NULL;
		if (!p) {
			ssize_t r = pread(d->fd, d->stored, n, (off_t)c->chunk.offset + 4);
			got = r > 0 ? (size_t)r : 0;
			d->work->bytes_read += got;
			p = d->stored;
		}
		size_t made = MIN(got, want);
		if (c->stored_plain) {
			memcpy(d->decoded, p, made);
		} else {
			int r = LZ4_decompress_safe_partial((const char *)p, (char *)d->decoded,
							    (int)got, (int)want, (int)want);
			made = r > 0 ? (size_t)r : 0;
		}
		d->work->bytes_decoded += made;
		if (made >= want || n == c->chunk.stored)
			return made;
	}
}

/* in: what was described up to here. */
static void read_part(const uint8_t *p, const struct scan *in, struct chunk_part *out,
		      struct chunk *sum)
{
	uint32_t id = load_le32(p);

	*out = (struct chunk_part){
		.iface = id < in->limit ? in->base + id : IFACE_NONE,
		.packets = load_le32(p + 4),
		.bytes = load_le64(p + 8),
		.captured = load_le64(p + 16),
		.second_sights = load_le32(p + 24),
		.counters = load_le32(p + 28),
		.lost = load_le32(p + 32),
	};
	sum->packets += out->packets;
	sum->bytes += out->bytes;
	sum->captured += out->captured;
	sum->second_sights += out->second_sights;
	sum->counters += out->counters;
	sum->lost += out->lost;
}

static void read_ways(const uint8_t *p, struct chunk_part *out)
{
	out->packets_in = load_le32(p);
	out->packets_out = load_le32(p + 4);
	out->bytes_in = load_le64(p + 8);
	out->bytes_out = load_le64(p + 16);
}

/* p: n bytes of a summary from its number of parts on; the parts are whole. */
static void take_summary(struct directory *d, struct dir_entry *c, const uint8_t *p, size_t size)
{
	struct chunk *k = &c->chunk;
	uint32_t n = load_le16(p);

	k->window = load_le32(p + 2);
	k->first = load_le64(p + 6);
	k->last = load_le64(p + 14);
	k->ways = size >= SUMMARY_SIZE(n) + n * SUMMARY_WAYS_SIZE;
	for (uint32_t i = 0; i < n; i++)
		read_part(p + SUMMARY_SIZE(i), &d->scan, &d->parts[i], k);
	for (uint32_t i = 0; k->ways && i < n; i++)
		read_ways(p + SUMMARY_SIZE(n) + i * SUMMARY_WAYS_SIZE, &d->parts[i]);
	k->parts = d->parts;
	k->part_count = n;
	c->frames = (uint32_t)k->packets;
	/* Until it is decoded: the packets with their headers and the usual options. */
	uint64_t raw = SUMMARY_PARTS_AT + SUMMARY_SIZE(n) + 12 + k->captured + k->packets * 56 +
		       k->counters * 480;
	k->raw = (uint32_t)MIN(raw, d->scan.block_max);
	if (!d->scan.windows || k->window != d->scan.window)
		d->scan.windows++;
	d->scan.window = k->window;
}

/* True when the block begins with one of our summaries. */
static bool read_summary(struct directory *d, struct dir_entry *c, size_t got)
{
	const uint8_t *p = d->decoded;

	if (got < SUMMARY_BYTES || load_le32(p) != BLOCK_ISB ||
	    load_le16(p + 20) != OPT_CUSTOM_BYTES_NO_COPY || load_le32(p + 24) != SAVEFILE_PEN ||
	    p[SUMMARY_AT] != CUSTOM_SUMMARY || p[SUMMARY_AT + 1] != CUSTOM_VERSION)
		return false;
	/* The option's length, without enterprise number, kind and version. */
	size_t size = load_le16(p + 22) - 6u;
	uint32_t n = load_le16(p + SUMMARY_PARTS_AT);
	if (n > SUMMARY_MAX_PARTS || size < SUMMARY_SIZE(n) || size > UINT16_MAX)
		return false;
	size_t want = SUMMARY_PARTS_AT + MIN(size, SUMMARY_SIZE(n) + n * SUMMARY_WAYS_SIZE);
	if (got < want && glance(d, c, want) < want)
		return false;
	take_summary(d, c, p + SUMMARY_PARTS_AT, want - SUMMARY_PARTS_AT);
	return true;
}

/* How many interfaces and frames a metadata chunk brings; -1 when it is damaged. */
static int count_metadata(struct directory *d, struct dir_entry *c)
{
	struct scan *s = &d->scan;
	struct pcapng p = {0};
	struct reason why;
	size_t n, at = 0;

	d->work->bytes_read += c->chunk.stored;
	if (chunk_load(d->fd, c, d->stored, d->decoded, s->block_max, &n, &why))
		return -1;
	d->work->bytes_decoded += n;
	c->chunk.raw = (uint32_t)n;
	uint32_t ifaces = 0, all = 0;
	bool section = false, loose = s->loose;
	while (n - at >= 12) {
		const uint8_t *block = d->decoded + at;
		int64_t size = pcapng_length(&p, block, &why);
		uint32_t type = load_le32(block);
		if (size < 0 || (size_t)size > n - at || p.swap ||
		    pcapng_whole(&p, block, (uint32_t)size, &why))
			return -1;
		if (type == BLOCK_SHB) {
			ifaces = 0;
			section = true;
			loose = false;
		} else if (type == BLOCK_IDB) {
			ifaces += !loose;
			all += !loose;
		} else if (type == BLOCK_JEB) {
			c->frames++;
		} else {
			return -1;
		}
		at += (size_t)size;
	}
	if (at != n || all > READ_MAX_IFACES - s->total)
		return -1;
	s->loose = loose;
	s->total += all;
	s->limit = section ? ifaces : s->limit + ifaces;
	if (section)
		s->base = s->total - ifaces;
	c->chunk.notices = c->frames;
	return 0;
}

static bool is_metadata(const uint8_t *p)
{
	uint32_t type = load_le32(p);

	return type == BLOCK_SHB || type == BLOCK_IDB || type == BLOCK_JEB;
}

/* False: it is a list of contents, and no chunk for anybody else. */
static bool look_into(struct directory *d, struct dir_entry *c)
{
	struct scan *s = &d->scan;
	size_t got = glance(d, c, SUMMARY_BYTES + SUMMARY_PART_SIZE + SUMMARY_WAYS_SIZE);

	if (contents_begins(d->decoded, got))
		return false;
	if (got >= 12 && is_metadata(d->decoded)) {
		c->chunk.metadata = true;
		c->base = s->base;
		if (count_metadata(d, c)) {
			/* The numbers of all later interfaces are unknown from here on. */
			s->loose = true;
			c->unknown = true;
			c->frames = 0;
		}
		c->base = s->base;
		c->chunk.window = s->window;
	} else if (!read_summary(d, c, got)) {
		c->unknown = true;
		c->chunk.window = s->window;
		c->chunk.raw = s->block_max;
		c->chunk.last = UINT64_MAX;
	}
	return true;
}

/* The chunk at the scan's offset, which then stands behind it. */
static bool take_chunk(struct directory *d, const struct contents_chunk *k, struct dir_entry *out)
{
	struct scan *s = &d->scan;
	uint32_t size = k->length & ~LZ4_BLOCK_PLAIN_BIT;
	bool found = true;

	*out = (struct dir_entry){
		.chunk = {.offset = s->offset, .stored = size, .raw = size},
		.base = s->base,
		.block = s->block,
		.stored_plain = k->length & LZ4_BLOCK_PLAIN_BIT,
		.checksum = s->checksum,
	};
	if (k->summary)
		take_summary(d, out, k->summary, k->size);
	else
		found = look_into(d, out);
	out->limit = s->limit;
	out->loose = s->loose;
	out->chunk.frame = s->frames + 1;
	s->frames += out->frames;
	d->work->chunks_seen += found;
	d->usual_stored = MAX(size, d->usual_stored / 2);
	s->block++;
	s->offset += 4 + (uint64_t)size + (s->checksum ? 4 : 0);
	return found;
}

/* By the contents; false when they tell no more. */
static bool listed_next(struct directory *d, struct dir_entry *out)
{
	struct contents *c = &d->contents;
	struct scan *s = &d->scan;

	for (; s->list < c->count; s->list++, s->list_at = 0) {
		uint64_t from = s->list ? c->lists[s->list - 1].end : d->first;
		struct contents_chunk k;
		if (!contents_load(c, d->fd, s->list, from, d->work)) {
			c->count = 0; /* what they said so far was right: hop on from here */
			return false;
		}
		if (contents_next(c, &s->list_at, &k) && take_chunk(d, &k, out))
			return true;
		s->offset = c->lists[s->list].end;
		s->block++;
	}
	return false;
}

static bool scan_next(struct directory *d, struct dir_entry *out)
{
	struct scan *s = &d->scan;

	if (listed_next(d, out))
		return true;
	while (!s->done) {
		size_t got;
		if (!s->in_frame && !next_frame(d))
			return false;
		const uint8_t *p = peek(d, s->offset, 4, &got);
		if (!got) { /* no end mark: the writer was killed, or is still writing */
			s->done = true;
			return false;
		}
		if (got < 4)
			return stop(s, true, "the file ends in a block length");
		uint32_t word = load_le32(p), size = word & ~LZ4_BLOCK_PLAIN_BIT;
		if (!word) {
			s->offset += s->content_checksum ? 8 : 4;
			s->in_frame = false;
			continue;
		}
		if (size > s->block_max || !size)
			return stop(s, false, "block length is impossible");
		uint64_t whole = 4 + (uint64_t)size + (s->checksum ? 4 : 0);
		if (whole > d->file_bytes - s->offset)
			return stop(s, true, "the file ends in a block");
		const struct contents_chunk here = {.length = word};
		if (take_chunk(d, &here, out))
			return true;
	}
	return false;
}

static bool keep(struct directory *d, const struct dir_entry *c)
{
	uint32_t n = c->chunk.part_count;
	size_t bytes = (d->kept_count + 1) * sizeof(*c) +
		       (d->kept_parts_count + n) * sizeof(*d->parts);

	if (bytes > d->keep_bytes)
		return false;
	region_fit(&d->kept, (d->kept_count + 1) * sizeof(*c));
	region_fit(&d->kept_parts, (d->kept_parts_count + n) * sizeof(*d->parts));
	struct dir_entry *kept = (struct dir_entry *)d->kept.at + d->kept_count++;
	struct chunk_part *parts = d->kept_parts.at;
	*kept = *c;
	kept->parts_at = (uint32_t)d->kept_parts_count;
	if (n)
		memcpy(parts + d->kept_parts_count, c->chunk.parts, n * sizeof(*parts));
	d->kept_parts_count += n;
	return true;
}

/* With its parts, which may have moved since. */
static const struct dir_entry *kept_entry(struct directory *d, size_t i)
{
	struct dir_entry *c = (struct dir_entry *)d->kept.at + i;
	const struct chunk_part *parts = d->kept_parts.at;

	parts = c->chunk.part_count ? parts + c->parts_at : NULL;
	if (c->chunk.parts != parts)
		c->chunk.parts = parts;
	return c;
}

void directory_settle(struct directory *d)
{
	for (size_t i = 0; i < d->kept_count; i++)
		kept_entry(d, i);
}

const struct dir_entry *directory_next(struct directory *d)
{
	if (d->next < d->kept_count) {
		if (d->next + 1 == d->kept_count)
			d->scan = d->kept_scan;
		return kept_entry(d, d->next++);
	}
	/* The scan stands right behind what is kept: then this one may be kept too. */
	bool adjacent = d->next == d->kept_count && d->scan.offset == d->kept_scan.offset;
	bool more = scan_next(d, &d->entry);
	if (adjacent && (!more || keep(d, &d->entry))) {
		d->kept_scan = d->scan;
		d->next = d->kept_count;
	}
	return more ? &d->entry : NULL;
}

void directory_rewind(struct directory *d)
{
	d->next = 0;
	d->usual_stored = SMALL_BLOCK * 8;
	if (!d->kept_count)
		d->scan = d->kept_scan;
}

int directory_open(struct directory *d, int fd, uint64_t file_bytes, struct reader_work *work)
{
	static const char signature[] = "{\"dredge\":";
	const struct dir_entry *c;
	bool ours = false;

	*d = (struct directory){
		.fd = fd,
		.file_bytes = file_bytes,
		.work = work,
		.ahead = xmalloc(AHEAD_BYTES),
		.stored = xmalloc(LZ4_BLOCK_MAX + 4),
		.decoded = xmalloc(LZ4_BLOCK_MAX),
		.parts = xmalloc(SUMMARY_MAX_PARTS * sizeof(*d->parts)),
		.usual_stored = SMALL_BLOCK * 8,
		.kept.large = file_bytes > KEEP_LARGE,
		.kept_parts.large = file_bytes > KEEP_LARGE,
		.keep_bytes = KEEP_BYTES,
	};
	if (!frame_header(d))
		return 0;
	d->kept_scan = d->scan;
	d->first = d->scan.offset;
	if (d->scan.checksum)
		contents_open(&d->contents, fd, d->first, file_bytes, work);
	for (unsigned i = 0; i < TRY_BLOCKS && !ours && (c = directory_next(d)); i++) {
		if (!i && c->chunk.metadata && !c->unknown)
			ours = memmem(d->decoded, c->chunk.raw, signature, strlen(signature));
		else if (!c->unknown && !c->chunk.metadata)
			ours = true;
	}
	directory_rewind(d);
	return ours;
}

void directory_done(struct directory *d)
{
	contents_done(&d->contents);
	free(d->ahead);
	free(d->stored);
	free(d->decoded);
	free(d->parts);
	region_done(&d->kept);
	region_done(&d->kept_parts);
}
