/* SPDX-License-Identifier: Apache-2.0 */
/* The order of time out of the chunks of a window: a tree of losers over their notes. */
#include "savefile/read.h"

#include <stdlib.h>

/*
 * Time first, then the place in the file: ns since the merger's base above the number of the lane.
 * What lies further ahead than that can tell waits like what is at its end, for a later base.
 */
typedef uint64_t sort_key;

#define KEY_NONE UINT64_MAX

struct merger {
	struct window *w;
	struct run *run;
	struct pcapng p;
	uint64_t base;
	unsigned lane_bits;
};

static inline sort_key key_of(const struct merger *m, uint32_t lane)
{
	const struct lane *l = &m->w->lanes[lane];

	if (UNLIKELY(l->next == l->end))
		return KEY_NONE;
	uint64_t since = m->w->marks[l->next].ts - m->base;
	return LIKELY(since < KEY_NONE >> m->lane_bits) ? since << m->lane_bits | lane : KEY_NONE;
}

/*
 * What will be looked at when this lane's next turns come. With hundreds of lanes that is long
 * enough for memory to answer when it is asked two turns ahead; one turn ahead the packet's lines
 * are fetched (its first one is the tail of the packet before).
 */
static inline void prefetch(const struct window *w, const struct lane *l)
{
	__builtin_prefetch(&w->marks[l->next + 6]);
	if (l->next + 2 < l->end)
		__builtin_prefetch(w->arena + w->marks[l->next + 2].at);
	if (l->next + 1 < l->end) {
		const uint8_t *next = w->arena + w->marks[l->next + 1].at;
		(void)*(const volatile uint8_t *)next; /* measured: a hint often comes late */
		__builtin_prefetch(next - 16);
		__builtin_prefetch(next + 48);
		__builtin_prefetch(next + 112);
	}
}

/* The usual packet: window_add has checked it. False: it takes a closer look. */
static inline bool quick_packet(struct merger *m, const uint8_t *block, struct event *ev)
{
	uint32_t id = load_le32(block + 8), caplen = load_le32(block + 20);

	if (UNLIKELY(load_le32(block) != BLOCK_EPB || id >= m->p.limit))
		return false;
	uint32_t number = m->p.base + id;
	const struct iface_in *i = &m->p.ifaces->items[number];
	if (UNLIKELY(!i->plain_ns))
		return false;
	*ev = (struct event){
		.ts = (uint64_t)load_le32(block + 12) << 32 | load_le32(block + 16),
		.num = ++m->p.frames,
		.data = block + PACKET_AT,
		.caplen = caplen,
		.len = MAX(caplen, load_le32(block + 24)),
		.iface = number,
		.container = CONTAINER_NONE,
		.type = EVENT_PACKET,
		.hop = i->hop,
		.weight = i->weight,
	};
	pcapng_packet_options(&m->p, ev->data + ((caplen + 3) & ~3u),
			      block + load_le32(block + 4) - 4, ev);
	return true;
}

static inline int deliver(struct merger *m, struct lane *l, const struct mark *mark)
{
	const uint8_t *block = m->w->arena + mark->at;
	struct event ev;
	struct reason why;

	m->p.base = l->base;
	m->p.limit = l->limit;
	m->p.loose = l->loose;
	m->p.frames = l->frame + mark->frame;
	m->p.last_ts = mark->ts; /* of a packet without a time of its own */
	if (UNLIKELY(!quick_packet(m, block, &ev)) &&
	    pcapng_block(&m->p, NULL, block, load_le32(block + 4), &ev, &why) != 1)
		return 0; /* cannot be: it has been checked */
	return m->run->sink->event(m->run->sink->ctx, &ev);
}

static void run_lane(struct merger *m, struct lane *l)
{
	for (; l->next < l->end && !m->run->ended; l->next++) {
		if (LIKELY(l->next + 4 < l->end)) {
			/* What another thread decoded is in the cache of the other processor. The
			 * packet before ends where this one begins, with its options. */
			const uint8_t *ahead = m->w->arena + m->w->marks[l->next + 4].at;
			__builtin_prefetch(ahead - 16);
			__builtin_prefetch(ahead + 48);
		}
		m->run->ended = deliver(m, l, &m->w->marks[l->next]);
	}
}

static void build(const struct merger *m, sort_key *tree, uint32_t leaves)
{
	for (uint32_t i = 0; i < leaves; i++)
		tree[i] = 0; /* below every key, until all lanes have come */
	for (uint32_t lane = leaves; lane-- > 0;) {
		sort_key k = lane < m->w->lane_count ? key_of(m, lane) : KEY_NONE;
		for (uint32_t i = (lane + leaves) / 2; i; i /= 2) {
			if (tree[i] < k) {
				sort_key t = tree[i];
				tree[i] = k;
				k = t;
			}
		}
		tree[0] = k;
	}
}

/* Marks are left; the earliest is the base from here on. */
static void rebase(struct merger *m, sort_key *tree, uint32_t leaves)
{
	const struct window *w = m->w;

	m->base = UINT64_MAX;
	for (const struct lane *l = w->lanes; l < w->lanes + w->lane_count; l++)
		if (l->next < l->end)
			m->base = MIN(m->base, w->marks[l->next].ts);
	build(m, tree, leaves);
}

static void run_tree(struct merger *m, sort_key *tree, uint32_t leaves)
{
	struct window *w = m->w;

	for (size_t left = w->mark_count; left && !m->run->ended; left--) {
		if (UNLIKELY(tree[0] == KEY_NONE))
			rebase(m, tree, leaves);
		uint32_t lane = (uint32_t)(tree[0] & ((1ull << m->lane_bits) - 1));
		struct lane *l = &w->lanes[lane];
		const struct mark *mark = &w->marks[l->next++];
		prefetch(w, l);
		sort_key k = key_of(m, lane);
		for (uint32_t i = (lane + leaves) / 2; i; i /= 2) {
			sort_key a = tree[i];
			bool swap = a < k;
			tree[i] = swap ? k : a;
			k = swap ? a : k;
		}
		tree[0] = k;
		m->run->ended = deliver(m, l, mark);
	}
}

void merge_run(struct window *w, struct run *run, struct iface_table *ifaces)
{
	struct merger m = {.w = w, .run = run, .p = {.ifaces = ifaces}};

	if (w->lane_count < 2 || run->q->unordered) {
		for (size_t i = 0; i < w->lane_count && !run->ended; i++)
			run_lane(&m, &w->lanes[i]);
		return;
	}
	uint32_t leaves = (uint32_t)w->lane_count;
	while (leaves > w->tree_cap)
		GROW(w->tree, w->tree_cap, w->tree_cap);
	m.lane_bits = 32 - (unsigned)__builtin_clz(leaves - 1);
	rebase(&m, w->tree, leaves);
	run_tree(&m, w->tree, leaves);
}
