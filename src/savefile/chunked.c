/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chunked file from end to end: first everybody is introduced, then window
 * after window is loaded (only chunks that somebody wants) and delivered. With
 * two threads the loading runs ahead by one window; where the order of time
 * does not matter, both load, and what is ready is delivered. The other
 * thread touches the directory, its window and its own hand, the caller's the
 * sink and the windows that are full. The directory is behind the lock when
 * both take from it.
 */
#include "savefile/read.h"

#include <stdlib.h>

enum { EMPTY, FULL, LAST };

/* Handed over at once where order does not matter: worth a wake-up, and still in the cache when it
 * gets there. */
#define BATCH_BYTES (512u << 10)

struct hand {			  /* what a thread needs to load chunks */
	struct window windows[2]; /* filled in turn */
	uint8_t *stored;
	uint8_t *decoded; /* where only heads are kept, else NULL */
	struct trouble trouble;
	struct reader_work work;
};

struct loader {
	struct directory *d;
	struct iface_table *ifaces;
	struct run *run;
	const char *path;
	_Atomic uint64_t *progress;
	struct hand hands[2]; /* the caller's, the other thread's */
	uint8_t *enough;      /* by block: need not be decoded; NULL = none */
	size_t enough_cap;
	const struct dir_entry *pending; /* in order of time: found, not loaded yet; or NULL */
	bool finished;
	struct introduction introduction;
	/* between the threads */
	pthread_t helper;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int state[2];
	size_t cost[2];
	bool introduced, stop;
};

/* Where no description was lost that is damage, which is told whoever is asked for. */
static bool nobodys(const struct loader *l, const struct dir_entry *c)
{
	bool told = !c->loose && !l->run->q->half;

	for (uint32_t i = 0; i < c->chunk.part_count && told; i++)
		if (c->chunk.parts[i].iface == IFACE_NONE)
			return true;
	return false;
}

static bool chunk_wanted(const struct loader *l, const struct dir_entry *c)
{
	const struct run *run = l->run;
	const struct chunk *k = &c->chunk;
	const uint32_t data = 1u << EVENT_PACKET | 1u << EVENT_COUNTERS;

	if (c->unknown)
		return true;
	if (c->block < l->enough_cap && l->enough[c->block])
		return false;
	if (k->metadata)
		return c->frames && !run->q->half &&
		       run->types & (1u << EVENT_NOTICE | 1u << EVENT_DROP);
	if (!(run->types & data) || k->last < run->q->from || k->first > run->q->to)
		return false;
	if (nobodys(l, c))
		return true;
	for (uint32_t i = 0; i < k->part_count; i++) {
		const struct chunk_part *p = &k->parts[i];
		bool wanted = run_wants_iface(run, l->ifaces, p->iface);
		if (wanted && ((p->packets && run->types >> EVENT_PACKET & 1) ||
			       (p->counters && run->types >> EVENT_COUNTERS & 1)))
			return true;
	}
	return false;
}

/* Packets in it of interfaces that are wanted. */
static uint64_t count_asked(const struct loader *l, const struct dir_entry *c)
{
	bool told = nobodys(l, c);
	uint64_t asked = 0;

	for (uint32_t i = 0; i < c->chunk.part_count; i++) {
		const struct chunk_part *p = &c->chunk.parts[i];
		bool wanted = (told && p->iface == IFACE_NONE) ||
			      run_wants_iface(l->run, l->ifaces, p->iface);
		asked += wanted ? p->packets : 0;
	}
	return asked;
}

/* What the directory can tell by itself. */
static void ask_enough(struct loader *l)
{
	const struct reader_query *q = l->run->q;
	const struct dir_entry *c;

	directory_rewind(l->d);
	while (q->chunk_enough && !l->run->ended && (c = directory_next(l->d))) {
		if (c->chunk.metadata || c->unknown || nobodys(l, c) || !chunk_wanted(l, c) ||
		    !q->chunk_enough(q->ctx, &c->chunk))
			continue;
		if (c->block >= l->enough_cap) {
			size_t cap = MAX(1024, 2 * (size_t)c->block);
			l->enough = xrealloc(l->enough, cap);
			memset(l->enough + l->enough_cap, 0, cap - l->enough_cap);
			l->enough_cap = cap;
		}
		l->enough[c->block] = 1;
	}
}

/* asked: count_asked of it, which needs its parts. */
static void load(struct loader *l, struct hand *h, struct window *w, const struct dir_entry *c,
		 uint64_t asked)
{
	struct reason why;
	size_t n, at = 0;

	uint8_t *chunk = h->decoded ? h->decoded : w->arena + w->used;
	h->work.bytes_read += c->chunk.stored + (c->checksum ? 4 : 0);
	int status = chunk_load(l->d->fd, c, h->stored, chunk, LZ4_BLOCK_MAX, &n, &why);
	if (!status) {
		h->work.chunks_decoded += !c->chunk.metadata;
		h->work.bytes_decoded += n;
		status = window_add(w, chunk, n, c, l->run, l->ifaces, &at, &why);
	}
	if (!status && c->chunk.metadata && c->unknown)
		status = reason_set(&why, "descriptions are damaged");
	if (!status)
		return;
	trouble_damaged(&h->trouble, l->path, c->chunk.offset, c->block, why.text);
	window_lost(w, chunk, at, c, asked, l->run, l->ifaces);
}

static void passed(struct loader *l, const struct dir_entry *c)
{
	atomic_store_explicit(l->progress, c->chunk.offset + c->chunk.stored, memory_order_relaxed);
}

/* ---- in order of time: a window after the other ---- */

/* Descriptions belong to the window of the data behind them. */
static bool begins_window(const struct dir_entry *c, bool has_data, uint32_t window)
{
	return has_data && (c->chunk.metadata || c->chunk.window != window);
}

static size_t room_beside(struct loader *l, int slot)
{
	return WINDOW_BUDGET - MIN(l->cost[!slot], WINDOW_BUDGET);
}

/* May w grow to `cost` bytes? Waits for the other window where that helps. */
static bool has_room(struct loader *l, const struct window *w, size_t cost)
{
	int slot = w == &l->hands[1].windows[1];

	if (cost > WINDOW_BUDGET)
		return false;
	pthread_mutex_lock(&l->lock);
	while (cost > room_beside(l, slot) && !l->stop)
		pthread_cond_wait(&l->changed, &l->lock);
	pthread_mutex_unlock(&l->lock);
	return true;
}

/* The next window, or the part of it that the budget holds. False: it was the last. */
static bool fill_window(struct loader *l, struct hand *h, struct window *w)
{
	bool has_data = false;
	uint32_t window = 0;

	for (;;) {
		const struct dir_entry *c = l->pending ? l->pending : directory_next(l->d);
		l->pending = c;
		l->finished = !c;
		if (!c)
			break;
		if (begins_window(c, has_data, window) && w->lane_count)
			break;
		bool wanted = chunk_wanted(l, c);
		if (wanted && (w->used + LZ4_BLOCK_MAX > WINDOW_BUDGET ||
			       !has_room(l, w, window_cost(w) + c->chunk.raw)))
			break;
		if (wanted)
			load(l, h, w, c, count_asked(l, c));
		if (!c->chunk.metadata && !c->unknown) {
			has_data = true;
			window = c->chunk.window;
		}
		passed(l, c);
		l->pending = NULL;
	}
	return !l->finished;
}

/* ---- in any order: whoever is free takes the next chunk ---- */

static bool take(struct loader *l, struct dir_entry *out, uint64_t *asked)
{
	const struct dir_entry *c = NULL;
	bool found = false;

	pthread_mutex_lock(&l->lock);
	while (!found && !l->finished) {
		c = directory_next(l->d);
		l->finished = !c;
		if (!c)
			break;
		found = chunk_wanted(l, c);
		passed(l, c);
	}
	if (found) {
		*out = *c;
		*asked = count_asked(l, c);
	}
	pthread_mutex_unlock(&l->lock);
	return found;
}

/* So many bytes or a little more. False: there are no more. */
static bool fill_bytes(struct loader *l, struct hand *h, struct window *w, size_t bytes)
{
	struct dir_entry c;
	uint64_t asked;

	while (w->used < bytes && take(l, &c, &asked))
		load(l, h, w, &c, asked);
	return w->used >= bytes;
}

static bool fill(struct loader *l, struct hand *h, struct window *w, size_t bytes)
{
	return l->run->q->unordered ? fill_bytes(l, h, w, bytes) : fill_window(l, h, w);
}

/* ---- one thread ---- */

static void deliver(struct loader *l, struct window *w, size_t keep)
{
	merge_run(w, l->run, l->ifaces);
	window_reset(w, keep);
}

/* One chunk, while it is in the cache. False: there are no more. */
static bool deliver_one(struct loader *l)
{
	struct window *w = &l->hands[0].windows[0];
	bool more = fill(l, &l->hands[0], w, 1);

	deliver(l, w, WINDOW_BUDGET);
	return more;
}

static void run_alone(struct loader *l)
{
	while (!l->run->ended && deliver_one(l))
		;
}

/* ---- two threads ---- */

/* Two large windows do not fit side by side, and to give back and fault in pages for a part of the
 * next one costs more than loading it ahead saves: from the first one on, one thread does it all.
 */
static bool is_large(size_t cost)
{
	return cost > WINDOW_BUDGET / 2;
}

static void await(struct loader *l, int slot, int a, int b)
{
	while (l->state[slot] != a && l->state[slot] != b && !l->stop)
		pthread_cond_wait(&l->changed, &l->lock);
}

static void load_ahead(struct loader *l)
{
	bool more = true, large = false;

	for (int slot = 0; more && !large; slot ^= 1) {
		pthread_mutex_lock(&l->lock);
		await(l, slot, EMPTY, EMPTY);
		bool stop = l->stop;
		pthread_mutex_unlock(&l->lock);
		if (stop)
			break;
		struct window *w = &l->hands[1].windows[slot];
		more = fill(l, &l->hands[1], w, BATCH_BYTES);
		pthread_mutex_lock(&l->lock);
		large = is_large(window_cost(w));
		l->cost[slot] = window_cost(w);
		l->state[slot] = more ? FULL : LAST;
		pthread_cond_signal(&l->changed);
		pthread_mutex_unlock(&l->lock);
	}
}

/* One thread for both: a new one may wait for its turn for milliseconds. */
static void *help(void *arg)
{
	struct loader *l = arg;

	introduction_walk(&l->introduction);
	pthread_mutex_lock(&l->lock);
	while (!l->introduced && !l->stop)
		pthread_cond_wait(&l->changed, &l->lock);
	pthread_mutex_unlock(&l->lock);
	load_ahead(l);
	return NULL;
}

static void tell(struct loader *l, bool *what)
{
	pthread_mutex_lock(&l->lock);
	*what = true;
	pthread_cond_signal(&l->changed);
	pthread_mutex_unlock(&l->lock);
}

static void set_empty(struct loader *l, int slot)
{
	pthread_mutex_lock(&l->lock);
	l->state[slot] = EMPTY;
	l->cost[slot] = 0;
	pthread_cond_signal(&l->changed);
	pthread_mutex_unlock(&l->lock);
}

/* FULL or LAST; EMPTY only when there is something better to do than to wait. */
static int state_of(struct loader *l, int slot, bool busy)
{
	pthread_mutex_lock(&l->lock);
	if (!busy)
		await(l, slot, FULL, LAST);
	int state = l->state[slot];
	pthread_mutex_unlock(&l->lock);
	return state;
}

static void run_ahead(struct loader *l)
{
	/* One who loads, one who delivers: then chunks come as they stand in the file. */
	bool both = l->run->q->unordered && !l->run->q->by_iface, busy = both;
	bool large = false;
	int state = FULL;

	tell(l, l->run->ended ? &l->stop : &l->introduced);
	for (int slot = 0; state != LAST && !large && !l->run->ended;) {
		state = state_of(l, slot, busy);
		if (state == EMPTY) {
			busy = deliver_one(l) && both;
			continue;
		}
		struct window *w = &l->hands[1].windows[slot];
		large = is_large(window_cost(w));
		deliver(l, w, large ? 0 : WINDOW_KEEP);
		set_empty(l, slot);
		slot ^= 1;
	}
	tell(l, &l->stop);
	pthread_join(l->helper, NULL);
	if (state != LAST && large)
		run_alone(l);
}

/* ---- both ---- */

static void hand_init(struct hand *h, const struct run *run, unsigned windows)
{
	h->stored = xmalloc(LZ4_BLOCK_MAX + 4);
	h->decoded = keeps_heads(run) ? xmalloc(LZ4_BLOCK_MAX) : NULL;
	for (unsigned i = 0; i < windows; i++)
		window_init(&h->windows[i]);
}

static void hand_done(struct hand *h, struct reader_work *work, struct trouble *t)
{
	free(h->stored);
	free(h->decoded);
	window_done(&h->windows[0]);
	window_done(&h->windows[1]);
	work->bytes_read += h->work.bytes_read;
	work->chunks_decoded += h->work.chunks_decoded;
	work->bytes_decoded += h->work.bytes_decoded;
	trouble_join(t, &h->trouble);
	trouble_done(&h->trouble);
}

void chunked_run(struct directory *d, struct iface_table *ifaces, struct run *run, const char *path,
		 _Atomic uint64_t *progress, struct trouble *trouble)
{
	struct loader l = {
		.d = d,
		.ifaces = ifaces,
		.run = run,
		.path = path,
		.progress = progress,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER,
	};
	bool two = run->q->threads > 1;

	hand_init(&l.hands[0], run, 1);
	if (two)
		hand_init(&l.hands[1], run, 2);
	introduction_init(&l.introduction, d);
	two = two && !pthread_create(&l.helper, NULL, help, &l);
	introduce(&l.introduction, run, ifaces, &l.hands[0].work, l.hands[0].stored,
		  l.hands[0].windows[0].arena);
	ask_enough(&l);
	directory_rewind(d);
	if (two)
		run_ahead(&l);
	else
		run_alone(&l);
	introduction_done(&l.introduction);
	for (unsigned i = 0; i < ARRAY_SIZE(l.hands); i++)
		hand_done(&l.hands[i], d->work, trouble);
	free(l.enough);
	const struct scan *s = &d->scan;
	if (s->damaged && !run->ended)
		trouble_damaged(trouble, path, s->offset, s->block, s->why.text);
	else if (s->cut && !run->ended)
		trouble_cut(trouble, path, d->file_bytes, s->why.text);
}
