/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A window in memory. While a freshly decoded chunk is still in the cache one
 * pass over it notes the time and place of each wanted event; merging then
 * compares these notes and never touches a packet before its turn.
 */
#include "savefile/encode.h"
#include "savefile/read.h"

#include <stdlib.h>
#include <sys/mman.h>

#define ARENA_BYTES  (WINDOW_BUDGET + LZ4_BLOCK_MAX)
#define REGION_BYTES (4u << 20) /* at first: costs nothing until it is used */
#define MARKS_KEPT   (4u << 20)
#define READY_BYTES  (128u << 10)

/* A fault for each page takes longer than all that is done with it. */
static void get_ready(struct region *r, size_t bytes)
{
	size_t more = MIN(READY_BYTES, r->size - r->ready);

	if (r->large || bytes <= r->ready)
		return;
	madvise((char *)r->at + r->ready, more, MADV_POPULATE_WRITE);
	r->ready += more;
}

void region_fit(struct region *r, size_t bytes)
{
	if (LIKELY(bytes <= r->size)) {
		get_ready(r, bytes);
		return;
	}
	size_t size = MAX(MAX(2 * r->size, REGION_BYTES), bytes);
	void *at = r->at ? mremap(r->at, r->size, size, MREMAP_MAYMOVE)
			 : mmap(NULL, size, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		at = xmalloc(SIZE_MAX); /* the usual end */
	if (r->large)
		madvise(at, size, MADV_HUGEPAGE);
	r->at = at;
	r->size = size;
}

void region_done(struct region *r)
{
	if (r->at)
		munmap(r->at, r->size);
}

void window_init(struct window *w)
{
	/* A merge walks through hundreds of chunks at once: small pages would not fit the TLB. */
	struct region arena = {.large = true};

	region_fit(&arena, ARENA_BYTES);
	*w = (struct window){.arena = arena.at};
}

void window_done(struct window *w)
{
	region_done(&(struct region){.at = w->arena, .size = ARENA_BYTES});
	free(w->marks);
	free(w->lanes);
	free(w->tree);
}

void window_reset(struct window *w, size_t keep)
{
	if (w->used > keep)
		madvise(w->arena + keep, ARENA_BYTES - keep, MADV_DONTNEED);
	if (w->mark_cap * sizeof(*w->marks) > MARKS_KEPT) {
		free(w->marks);
		w->marks = NULL;
		w->mark_cap = 0;
	}
	w->used = w->mark_count = w->lane_count = 0;
}

static int by_time(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;

	if (x->ts != y->ts)
		return x->ts < y->ts ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

struct indexer {
	struct window *w;
	const struct run *run;
	struct pcapng p;
	uint64_t last; /* time of the mark before */
	bool heads, disorder;
};

static inline void note(struct indexer *x, uint64_t ts, uint32_t at, uint32_t frame)
{
	struct window *w = x->w;

	GROW(w->marks, w->mark_count, w->mark_cap);
	w->marks[w->mark_count++] = (struct mark){ts, at, frame};
	x->disorder |= ts < x->last;
	x->last = ts;
}

static uint32_t keep_block(struct window *w, const uint8_t *block, uint32_t size)
{
	uint32_t at = (uint32_t)w->used;

	memcpy(w->arena + at, block, size);
	w->used += size;
	return at;
}

/* A block of its own in the arena: the packet's first n bytes, and its options. */
static uint32_t keep_head(struct window *w, const uint8_t *block, uint32_t size, uint32_t caplen,
			  uint32_t n)
{
	uint32_t kept = (n + 3) & ~3u, cut = ((caplen + 3) & ~3u) - kept, at = (uint32_t)w->used;
	uint32_t head = PACKET_AT + kept;
	uint8_t *to = w->arena + at;

	memcpy(to, block, head);
	memcpy(to + head, block + head + cut, size - head - cut);
	size -= cut;
	store_le32(to + 4, size);
	store_le32(to + 20, n);
	store_le32(to + 24, MAX(caplen, load_le32(block + 24)));
	store_le32(to + size - 4, size);
	w->used += size;
	return at;
}

/* Where the wanted packet lies in the arena. */
static inline uint32_t keep_packet(struct indexer *x, const uint8_t *block, uint32_t size,
				   uint32_t iface, uint32_t caplen)
{
	const struct reader_query *q = x->run->q;

	if (!x->heads)
		return (uint32_t)(block - x->w->arena);
	if (caplen <= q->head_least)
		return keep_block(x->w, block, size);
	uint32_t n = q->head(q->ctx, iface, block + 28, caplen, load_le32(block + 24));
	return keep_head(x->w, block, size, caplen, MIN(n, caplen));
}

/* The usual packet, checked as pcapng_block would: 1 noted, 0 not wanted, -1 look closer. */
static inline int quick_packet(struct indexer *x, const uint8_t *block, uint32_t size)
{
	uint32_t id = load_le32(block + 8), caplen = load_le32(block + 20);

	if (UNLIKELY(size < PACKET_LEAST || id >= x->p.limit || caplen > size - PACKET_LEAST ||
		     caplen > SAVEFILE_MAX_PACKET || load_le32(block + size - 4) != size))
		return -1;
	uint32_t iface = x->p.base + id;
	const struct iface_in *i = &x->p.ifaces->items[iface];
	if (UNLIKELY(!i->plain_ns))
		return -1;
	uint64_t ts = (uint64_t)load_le32(block + 12) << 32 | load_le32(block + 16);
	x->p.last_ts = ts;
	if (i->wanted && x->run->types >> EVENT_PACKET & 1 && run_wants_time(x->run, ts))
		note(x, ts, keep_packet(x, block, size, iface, caplen), (uint32_t)x->p.frames);
	x->p.frames++;
	return 0;
}

static int slow_block(struct indexer *x, const uint8_t *block, uint32_t size, struct reason *why)
{
	struct event ev = {0};
	uint32_t type = load_le32(block), frame = (uint32_t)x->p.frames;

	/* Descriptions have been taken in already; in a data chunk they would be out of place. */
	if (type == BLOCK_IDB || type == BLOCK_SHB)
		return 0;
	int got = pcapng_block(&x->p, NULL, block, size, &ev, why);
	if (got == 1 && run_wants(x->run, x->p.ifaces, &ev)) {
		note(x, ev.ts,
		     x->heads ? keep_block(x->w, block, size) : (uint32_t)(block - x->w->arena),
		     frame);
	}
	return got;
}

int window_add(struct window *w, const uint8_t *chunk, size_t n, const struct dir_entry *c,
	       const struct run *run, struct iface_table *ifaces, size_t *at, struct reason *why)
{
	const uint8_t *block = chunk, *end = chunk + n;
	struct indexer x = {.w = w, .run = run, .heads = keeps_heads(run)};
	size_t first = w->mark_count;
	int status = 0;

	/* The file may be another one since its interfaces were described. */
	x.p = (struct pcapng){
		.ifaces = ifaces, .base = MIN(c->base, ifaces->count), .loose = c->loose};
	x.p.limit = MIN(c->limit, ifaces->count - x.p.base);
	while (block < end) {
		uint32_t size = end - block >= 12 ? load_le32(block + 4) : 0;
		if (UNLIKELY(size < 12 || size % 4 || size > (size_t)(end - block))) {
			status = reason_set(why, "block length %u is impossible", size);
			break;
		}
		if (load_le32(block) != BLOCK_EPB || quick_packet(&x, block, size) < 0) {
			status = slow_block(&x, block, size, why) < 0 ? -1 : 0;
			if (status)
				break;
		}
		block += size;
	}
	*at = (size_t)(block - chunk);
	if (!status && !c->unknown && !c->chunk.metadata && x.p.frames != c->chunk.packets)
		status = reason_set(why, "%llu packets in place of the %llu of its summary",
				    (unsigned long long)x.p.frames,
				    (unsigned long long)c->chunk.packets);
	w->used += x.heads ? 0 : (n + 63) & ~(size_t)63;
	if (w->mark_count == first)
		return status;
	if (x.disorder && !run->q->unordered)
		qsort(w->marks + first, w->mark_count - first, sizeof(*w->marks), by_time);
	GROW(w->lanes, w->lane_count, w->lane_cap);
	w->lanes[w->lane_count++] = (struct lane){
		.next = first,
		.end = w->mark_count,
		.frame = c->chunk.frame - 1,
		.base = x.p.base,
		.limit = x.p.limit,
		.loose = c->loose,
	};
	return status;
}

/* Of the packets in n bytes, those of wanted interfaces; *all: of any. */
static uint64_t count_wanted(const uint8_t *chunk, size_t n, const struct dir_entry *c,
			     const struct run *run, const struct iface_table *ifaces, uint64_t *all)
{
	uint64_t wanted = 0;

	*all = 0;
	for (size_t at = 0; at < n; at += load_le32(chunk + at + 4)) {
		uint32_t type = load_le32(chunk + at);
		uint32_t id = type == BLOCK_EPB ? load_le32(chunk + at + 8) : 0;
		uint32_t number = id < c->limit ? c->base + id : IFACE_NONE;

		if (type != BLOCK_EPB && type != BLOCK_SPB)
			continue;
		wanted += run_wants_iface(run, ifaces, number);
		++*all;
	}
	return wanted;
}

void window_lost(struct window *w, const uint8_t *chunk, size_t n, const struct dir_entry *c,
		 uint64_t asked, const struct run *run, const struct iface_table *ifaces)
{
	uint64_t said = MIN(asked, LZ4_BLOCK_MAX / PACKET_LEAST), frames;
	uint64_t seen = count_wanted(chunk, n, c, run, ifaces, &frames);
	uint64_t ts = MIN(MAX(c->chunk.first, run->q->from), run->q->to);
	struct indexer x = {.w = w};
	struct builder b = {0};
	struct text t = {0};

	if (said <= seen || !(run->types >> EVENT_DROP & 1))
		return;
	cleanup_free char *count = xasprintf("%llu", (unsigned long long)(said - seen));
	cleanup_free char *message = xasprintf("%s packets lost: the capture is damaged", count);
	notice_format(&t, ts, "drop", 4, NULL, message);
	notice_add(&t, "DREDGE_COUNT", count);
	notice_add(&t, "DREDGE_REASON", "damaged capture");
	encode_journal(&b, t.data, t.len);
	note(&x, ts, keep_block(w, b.data, (uint32_t)b.len), 0);
	w->used = (w->used + 63) & ~(size_t)63;
	GROW(w->lanes, w->lane_count, w->lane_cap);
	w->lanes[w->lane_count++] = (struct lane){
		.next = w->mark_count - 1,
		.end = w->mark_count,
		.frame = c->chunk.frame - 1 + frames,
	};
	builder_done(&b);
	text_done(&t);
}
