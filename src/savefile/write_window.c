/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of NAME.pcapng.lz4 are encoded at once into the arena of the open
 * window and noted in a list. When the window ends, the list is sorted by
 * interface, each interface's packets are gathered into chunks, interfaces with
 * little in them share one, and each chunk becomes one LZ4 block. Counter
 * samples have chunks of their own: who asks for them need not decode packets,
 * and packets alone can be told by the summary. Now and then, and at the end of
 * a file, comes a list of what the chunks before it have.
 */
#include "savefile/writer.h"

#include <lz4frame.h>
#include <stdlib.h>

#define SMALL_LANE	(32u << 10) /* lanes below share a chunk */
#define SAMPLES_CHUNK	(32u << 10)
#define MAX_BLOCK_BYTES (SAVEFILE_MAX_PACKET + 128u)
#define ENTRY_SHARE	64u /* one list entry for so many bytes of the window */
#define META_BYTES	SAVEFILE_CHUNK_BYTES
#define LEAST_WINDOW	(256u << 10) /* before a file is full */

enum entry_kind { ENTRY_COUNTERS, ENTRY_PACKET, ENTRY_SECOND_SIGHT };

struct entry { /* a block in the arena */
	uint64_t ts;
	uint32_t at, size;
	uint32_t lane, idb;
	uint32_t captured, bytes; /* of the packet, and on the wire */
	uint32_t lost;
	uint16_t kind; /* enum entry_kind */
	uint16_t way;  /* EVENT_IN, EVENT_OUT */
};

struct contents { /* of the open file since the last list */
	struct builder list;
	size_t begun;	 /* where its block begins */
	uint64_t before; /* offset of the last list, 0 = none yet */
	uint64_t ts;	 /* of the newest event in it */
	/* It does without: it was cut back, and offsets may be wrong; or it had no interface until
	 * the list was full. */
	bool lost;
};

struct open_window {
	uint8_t *arena;
	size_t arena_len, bytes;
	struct entry *entries;
	uint32_t *order; /* entries sorted by lane */
	uint32_t count, max;
	uint32_t number; /* of the window in its file */
	LZ4F_cctx *lz4;
	struct builder chunk;
	struct contents contents;
	uint8_t *packed;
	size_t packed_cap;
	struct encode_part parts[SUMMARY_MAX_PARTS];
};

static const LZ4F_preferences_t preferences = {
	.frameInfo =
		{
			.blockSizeID = LZ4F_max1MB,
			.blockMode = LZ4F_blockIndependent,
			.blockChecksumFlag = LZ4F_blockChecksumEnabled,
		},
	.autoFlush = 1, /* one update = one block */
};

struct open_window *open_window_new(size_t bytes, struct err *e)
{
	struct open_window *d = xcalloc(1, sizeof(*d));

	if (LZ4F_isError(LZ4F_createCompressionContext(&d->lz4, LZ4F_VERSION))) {
		free(d);
		err_set(e, ERR_FAILED, "LZ4: no compression context");
		return NULL;
	}
	d->bytes = MIN(MAX(bytes, MAX_BLOCK_BYTES), UINT32_MAX - 2 * MAX_BLOCK_BYTES);
	d->arena = xmalloc(d->bytes + MAX_BLOCK_BYTES);
	d->max = (uint32_t)(d->bytes / ENTRY_SHARE);
	d->entries = xcalloc(d->max, sizeof(*d->entries));
	d->order = xcalloc(d->max, sizeof(*d->order));
	d->packed_cap = LZ4F_compressBound(LZ4_BLOCK_MAX, &preferences);
	d->packed = xmalloc(d->packed_cap);
	return d;
}

void open_window_free(struct open_window *d)
{
	if (!d)
		return;
	LZ4F_freeCompressionContext(d->lz4);
	builder_done(&d->chunk);
	builder_done(&d->contents.list);
	free(d->arena);
	free(d->entries);
	free(d->order);
	free(d->packed);
	free(d);
}

/* ---- events ---- */

static bool window_full(const struct writer *w)
{
	const struct open_window *d = w->window;

	if (d->arena_len >= d->bytes || d->count == d->max || w->stream.len >= META_BYTES)
		return true;
	if (!w->o.rotate_bytes || w->file.bytes >= w->o.rotate_bytes)
		return false;
	/* Traffic shrinks to a third or so: half makes the file end near its size. */
	uint64_t left = w->o.rotate_bytes - w->file.bytes;
	return d->arena_len >= MAX(left * 2, LEAST_WINDOW);
}

static bool window_event(struct writer *w, struct lane *l, const struct event *ev)
{
	struct open_window *d = w->window;

	if (!l) {
		encode_journal(&w->stream, ev->data, ev->caplen);
		return window_full(w);
	}
	struct entry *k = &d->entries[d->count++];
	*k = (struct entry){
		.ts = ev->ts,
		.at = (uint32_t)d->arena_len,
		.lane = ev->iface,
		.idb = writer_describe(w, l),
	};
	if (ev->type == EVENT_PACKET) {
		k->kind = event_is_second_sight(ev) ? ENTRY_SECOND_SIGHT : ENTRY_PACKET;
		k->captured = ev->caplen;
		k->bytes = ev->len;
		k->lost = ev->lost;
		k->way = ev->flags & EVENT_DIR_MASK;
		k->size = (uint32_t)encode_packet_size(ev);
		encode_packet(d->arena + k->at, k->size, k->idb, ev);
	} else {
		w->scratch.len = 0;
		encode_counters(&w->scratch, k->idb, ev->ts, (const void *)ev->data);
		k->size = (uint32_t)w->scratch.len;
		memcpy(d->arena + k->at, w->scratch.data, k->size);
	}
	struct lane_share *share = k->kind == ENTRY_COUNTERS ? &l->samples : &l->packets;
	d->arena_len += k->size;
	share->count++;
	share->bytes += k->size;
	return window_full(w);
}

/* ---- chunks ---- */

static int put_block(struct writer *w, const uint8_t *p, size_t n, struct err *e)
{
	struct open_window *d = w->window;
	size_t packed = LZ4F_compressUpdate(d->lz4, d->packed, d->packed_cap, p, n, NULL);

	if (LZ4F_isError(packed))
		return err_set(e, ERR_FAILED, "LZ4: %s", LZ4F_getErrorName(packed));
	w->stats.raw_bytes += n;
	return writer_put(w, d->packed, packed, e);
}

static int put_contents(struct writer *w, struct err *e)
{
	struct contents *c = &w->window->contents;
	uint64_t at = w->file.bytes;

	if (!c->list.len)
		c->begun = encode_contents_begin(&c->list, c->ts, c->before);
	encode_contents_end(&c->list, c->begun);
	int status = put_block(w, c->list.data, c->list.len, e);
	c->list.len = 0;
	c->before = at;
	return status;
}

/* A block that readers shall find in the contents. A file without an interface has none: the
 * statistics block has to name one. */
static int put_listed(struct writer *w, const struct builder *b, struct err *e)
{
	struct open_window *d = w->window;
	struct contents *c = &d->contents;
	int status = put_block(w, b->data, b->len, e);

	if (status || c->lost)
		return status;
	c->ts = w->batch.last;
	if (!c->list.len)
		c->begun = encode_contents_begin(&c->list, c->ts, c->before);
	/* The option's length, without enterprise number, kind and version. */
	size_t n = load_le32(b->data) == BLOCK_ISB ? load_le16(b->data + 22) - 6u : 0;
	encode_contents_chunk(&c->list, load_le32(d->packed), b->data + SUMMARY_PARTS_AT, n);
	if (c->list.len < CONTENTS_BYTES)
		return 0;
	c->lost = !w->idb_count;
	return c->lost ? 0 : put_contents(w, e);
}

/* The rest of the list, and one without chunks. */
static int end_contents(struct writer *w, struct err *e)
{
	struct contents *c = &w->window->contents;

	if (c->lost || !w->idb_count)
		return 0;
	int status = c->list.len ? put_contents(w, e) : 0;
	return status ? status : put_contents(w, e);
}

/* Descriptions and notices; a window ends before they get too many for one block. */
static int put_meta(struct writer *w, struct err *e)
{
	return w->stream.len ? put_listed(w, &w->stream, e) : 0;
}

static void count_entry(const struct entry *k, struct encode_part *p)
{
	p->idb = k->idb;
	if (k->kind == ENTRY_COUNTERS) {
		p->counters++;
		return;
	}
	p->packets++;
	p->second_sights += k->kind == ENTRY_SECOND_SIGHT;
	p->lost += k->lost;
	p->captured += k->captured;
	p->bytes += k->bytes;
	p->packets_in += k->way == EVENT_IN;
	p->packets_out += k->way == EVENT_OUT;
	p->bytes_in += k->way == EVENT_IN ? k->bytes : 0;
	p->bytes_out += k->way == EVENT_OUT ? k->bytes : 0;
}

/* Make a chunk of entries[order[0..n)], which are in the order of time. */
static int put_chunk(struct writer *w, const uint32_t *order, uint32_t n, unsigned parts,
		     struct err *e)
{
	struct open_window *d = w->window;
	uint64_t first = UINT64_MAX, last = 0;
	size_t size = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct entry *k = &d->entries[order[i]];
		first = MIN(first, k->ts);
		last = MAX(last, k->ts);
		size += k->size;
	}
	d->chunk.len = 0;
	encode_summary(&d->chunk, d->number, first, last, d->parts, parts);
	uint8_t *to = builder_room(&d->chunk, size);
	d->chunk.len += size;
	for (uint32_t i = 0; i < n; i++) {
		const struct entry *k = &d->entries[order[i]];
		if (i + 2 < n)
			__builtin_prefetch(d->arena + d->entries[order[i + 2]].at);
		memcpy(to, d->arena + k->at, k->size);
		to += k->size;
	}
	return put_listed(w, &d->chunk, e);
}

/* ---- sorting ---- */

static int by_time(const void *a, const void *b, void *ctx)
{
	const struct entry *entries = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (entries[x].ts != entries[y].ts)
		return entries[x].ts < entries[y].ts ? -1 : 1;
	return x < y ? -1 : x > y; /* as they came */
}

static void sort_by_time(struct open_window *d, uint32_t *order, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (d->entries[order[i]].ts < d->entries[order[i - 1]].ts) {
			qsort_r(order, n, sizeof(*order), by_time, d->entries);
			return;
		}
}

/* Lanes whose packets share chunks first, then the others, then the samples; each by number. */
static void sort_by_lane(struct writer *w)
{
	struct open_window *d = w->window;
	uint32_t at = 0;

	for (int small = 1; small >= 0; small--)
		for (size_t i = 0; i < w->lane_count; i++) {
			struct lane_share *l = &w->lanes[i].packets;
			if (l->count && (l->bytes < SMALL_LANE) == small) {
				l->at = at;
				at += l->count;
			}
		}
	for (size_t i = 0; i < w->lane_count; i++) {
		w->lanes[i].samples.at = at;
		at += w->lanes[i].samples.count;
	}
	for (uint32_t i = 0; i < d->count; i++) {
		struct lane *l = &w->lanes[d->entries[i].lane];
		bool sample = d->entries[i].kind == ENTRY_COUNTERS;
		d->order[sample ? l->samples.at++ : l->packets.at++] = i;
	}
	for (size_t i = 0; i < w->lane_count; i++) {
		w->lanes[i].packets.at -= w->lanes[i].packets.count;
		w->lanes[i].samples.at -= w->lanes[i].samples.count;
	}
}

/* A lane of its own: cut into chunks of equal size, and where its description
 * changed. */
static int put_lane(struct writer *w, const struct lane_share *l, struct err *e)
{
	struct open_window *d = w->window;
	uint32_t *order = d->order + l->at;
	size_t chunks = (l->bytes + SAVEFILE_CHUNK_BYTES - 1) / SAVEFILE_CHUNK_BYTES;
	size_t target = l->bytes / chunks;

	for (uint32_t from = 0, to; from < l->count; from = to) {
		uint32_t idb = d->entries[order[from]].idb;
		size_t size = 0;
		d->parts[0] = (struct encode_part){0};
		for (to = from; to < l->count && size < target; to++) {
			const struct entry *k = &d->entries[order[to]];
			if (k->idb != idb)
				break;
			count_entry(k, &d->parts[0]);
			size += k->size;
		}
		int status = put_chunk(w, order + from, to - from, 1, e);
		if (status)
			return status;
	}
	return 0;
}

struct shared {		      /* a chunk of several lanes that is being put together */
	uint32_t from, count; /* in order[] */
	unsigned parts;
	size_t bytes;
};

static int put_shared(struct writer *w, struct shared *s, struct err *e)
{
	struct open_window *d = w->window;

	if (!s->count)
		return 0;
	sort_by_time(d, d->order + s->from, s->count);
	int status = put_chunk(w, d->order + s->from, s->count, s->parts, e);
	*s = (struct shared){0};
	return status;
}

/* Its entries stay in the order of lanes until the chunk is put, so parts are
 * runs of one IDB. */
static int share_lane(struct writer *w, const struct lane_share *l, size_t limit, struct shared *s,
		      struct err *e)
{
	struct open_window *d = w->window;

	if (s->bytes + l->bytes > limit) {
		int status = put_shared(w, s, e);
		if (status)
			return status;
	}
	for (uint32_t i = l->at; i < l->at + l->count; i++) {
		const struct entry *k = &d->entries[d->order[i]];
		if (!s->parts || d->parts[s->parts - 1].idb != k->idb) {
			if (s->parts == SUMMARY_MAX_PARTS) {
				int status = put_shared(w, s, e);
				if (status)
					return status;
			}
			d->parts[s->parts++] = (struct encode_part){0};
		}
		if (!s->count)
			s->from = i;
		count_entry(k, &d->parts[s->parts - 1]);
		s->bytes += k->size;
		s->count++;
	}
	return 0;
}

static int put_lanes(struct writer *w, struct err *e)
{
	struct open_window *d = w->window;
	struct shared shared = {0};
	int status = 0;

	for (size_t i = 0; i < w->lane_count && !status; i++) {
		const struct lane_share *l = &w->lanes[i].packets;
		if (l->count && l->bytes < SMALL_LANE)
			status = share_lane(w, l, SAVEFILE_CHUNK_BYTES, &shared, e);
	}
	if (!status)
		status = put_shared(w, &shared, e);
	for (size_t i = 0; i < w->lane_count && !status; i++) {
		const struct lane_share *l = &w->lanes[i].packets;
		if (l->bytes < SMALL_LANE)
			continue;
		sort_by_time(d, d->order + l->at, l->count);
		status = put_lane(w, l, e);
	}
	for (size_t i = 0; i < w->lane_count && !status; i++)
		status = share_lane(w, &w->lanes[i].samples, SAMPLES_CHUNK, &shared, e);
	return status ? status : put_shared(w, &shared, e);
}

static int window_flush(struct writer *w, struct err *e)
{
	struct open_window *d = w->window;
	int status = put_meta(w, e);

	if (!status && d->count) {
		sort_by_lane(w);
		status = put_lanes(w, e);
		d->number += !status;
	}
	for (size_t i = 0; i < w->lane_count; i++)
		w->lanes[i].packets = w->lanes[i].samples = (struct lane_share){0};
	d->arena_len = 0;
	d->count = 0;
	d->contents.lost |= status > 0;
	return status;
}

/* ---- files ---- */

static int window_header(struct writer *w, struct err *e)
{
	struct open_window *d = w->window;
	size_t n = LZ4F_compressBegin(d->lz4, d->packed, d->packed_cap, &preferences);

	if (LZ4F_isError(n))
		return err_set(e, ERR_FAILED, "LZ4: %s", LZ4F_getErrorName(n));
	d->number = 0;
	d->contents.list.len = 0;
	d->contents.before = 0;
	d->contents.lost = false;
	int status = writer_put(w, d->packed, n, e);
	if (status)
		return status;
	d->chunk.len = 0;
	encode_section(&d->chunk, w->description);
	status = put_listed(w, &d->chunk, e);
	if (status > 0)
		outfile_cut(&w->file, 0);
	w->headed = !status;
	return status;
}

static int window_end(struct writer *w, struct err *e)
{
	struct open_window *d = w->window;
	uint64_t good = w->file.bytes;

	if (!w->headed)
		return 0;
	int status = end_contents(w, e);
	size_t n = LZ4F_compressEnd(d->lz4, d->packed, d->packed_cap, NULL);
	if (LZ4F_isError(n))
		return err_set(e, ERR_FAILED, "LZ4: %s", LZ4F_getErrorName(n));
	if (!status)
		status = writer_put(w, d->packed, n, e);
	if (status > 0)
		outfile_cut(&w->file, good);
	return status;
}

const struct writer_format writer_window = {
	.event = window_event,
	.header = window_header,
	.flush = window_flush,
	.end = window_end,
	.windows = true,
};
