/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chunked file from end to end: first everybody is introduced, then window
 * after window is loaded (only chunks that somebody wants) and delivered. With
 * two threads the loading runs ahead by one window. The loader touches the
 * directory, the windows it fills and the trouble; the caller's thread the
 * sink and the windows that are full.
 */
#include "savefile/read.h"

#include <pthread.h>
#include <stdlib.h>

enum { EMPTY, FULL, LAST };

/* Handed to the other thread at once where order does not matter: worth a wake-up, and still in
 * the cache when it gets there. */
#define BATCH_BYTES (1u << 20)

struct loader {
	struct directory *d;
	struct iface_table *ifaces;
	struct run *run;
	const char *path;
	_Atomic uint64_t *progress;
	struct trouble trouble;
	uint8_t *stored;
	struct window windows[2];
	struct dir_entry pending; /* read from the directory, not loaded yet */
	bool has_pending, finished;
	bool ahead; /* in a thread of its own */
	/* between the threads */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int state[2];
	size_t cost[2];
	bool stop;
};

int chunk_describe(struct pcapng *p, struct run *run, const uint8_t *data, size_t n,
		   struct reason *why)
{
	struct event ev;

	for (size_t at = 0; n - at >= 12 && !run->ended;) {
		int64_t size = pcapng_length(p, data + at, why);
		if (size < 0 || (size_t)size > n - at)
			return reason_set(why, "descriptions are damaged");
		/* Numbers are not to be trusted any more; whom a journal names still is. */
		bool skip = p->loose && load_le32(data + at) == BLOCK_IDB;
		if (!skip && pcapng_block(p, run, data + at, (uint32_t)size, &ev, why) < 0)
			return -1;
		at += (size_t)size;
	}
	return 0;
}

/* Everybody, before the first event. */
static void introduce(struct loader *l)
{
	struct directory *d = l->d;
	struct dir_entry c;

	directory_rewind(d);
	while (!l->run->ended && directory_next(d, &c)) {
		struct reason why;
		size_t n;
		if (!c.chunk.metadata || c.unknown)
			continue;
		d->work->bytes_read += c.chunk.stored;
		if (chunk_load(d->fd, &c, l->stored, d->decoded, LZ4_BLOCK_MAX, &n, &why))
			continue; /* told when its notices are to be read */
		d->work->bytes_decoded += n;
		/* limit counts the chunk's own interfaces already */
		struct pcapng p = {.ifaces = l->ifaces, .base = c.base, .loose = c.loose};
		uint32_t own = 0;
		for (size_t at = 0; n - at >= 12; at += load_le32(d->decoded + at + 4))
			own += load_le32(d->decoded + at) == BLOCK_IDB;
		p.limit = c.limit >= own ? c.limit - own : 0;
		chunk_describe(&p, l->run, d->decoded, n, &why);
	}
	/* A name that stands late in the file may decide about an interface that stands early. */
	for (uint32_t i = 0; !l->run->ended && i < l->ifaces->count; i++)
		run_ask(l->run, l->ifaces, i);
}

static bool chunk_wanted(const struct loader *l, const struct dir_entry *c)
{
	const struct run *run = l->run;
	const struct chunk *k = &c->chunk;
	const uint32_t data = 1u << EVENT_PACKET | 1u << EVENT_COUNTERS;

	if (c->unknown)
		return true;
	if (k->metadata)
		return c->frames && run->types & (1u << EVENT_NOTICE | 1u << EVENT_DROP);
	if (!(run->types & data) || k->last < run->q->from || k->first > run->q->to)
		return false;
	for (uint32_t i = 0; i < k->part_count; i++) {
		const struct chunk_part *p = &k->parts[i];
		bool wanted = p->iface < l->ifaces->count ? l->ifaces->items[p->iface].wanted
							  : run->all_wanted;
		if (wanted && ((p->packets && run->types >> EVENT_PACKET & 1) ||
			       (p->counters && run->types >> EVENT_COUNTERS & 1)))
			return true;
	}
	return false;
}

static void load(struct loader *l, struct window *w, const struct dir_entry *c)
{
	struct reader_work *work = l->d->work;
	struct reason why;
	size_t n, at;

	work->bytes_read += c->chunk.stored + (c->checksum ? 4 : 0);
	if (chunk_load(l->d->fd, c, l->stored, w->arena + w->used, LZ4_BLOCK_MAX, &n, &why)) {
		trouble_damaged(&l->trouble, l->path, c->chunk.offset, c->block, why.text);
		return;
	}
	work->chunks_decoded += !c->chunk.metadata;
	work->bytes_decoded += n;
	int status = window_add(w, n, c, l->run, l->ifaces, &at, &why);
	if (!status && c->chunk.metadata && c->unknown)
		status = reason_set(&why, "descriptions are damaged");
	if (status)
		trouble_damaged(&l->trouble, l->path, c->chunk.offset, c->block, why.text);
}

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
	int slot = w == &l->windows[1];

	if (cost > WINDOW_BUDGET)
		return false;
	pthread_mutex_lock(&l->lock);
	while (cost > room_beside(l, slot) && !l->stop)
		pthread_cond_wait(&l->changed, &l->lock);
	pthread_mutex_unlock(&l->lock);
	return true;
}

/* Fill w with the next window, or with the part of it that the budget holds. */
static bool fill(struct loader *l, struct window *w)
{
	bool has_data = false;
	uint32_t window = 0;

	for (;;) {
		if (!l->has_pending && !directory_next(l->d, &l->pending)) {
			l->finished = true;
			break;
		}
		const struct dir_entry *c = &l->pending;
		l->has_pending = true;
		if (begins_window(c, has_data, window) && w->lane_count)
			break;
		bool wanted = chunk_wanted(l, c);
		if (wanted && (w->used + LZ4_BLOCK_MAX > WINDOW_BUDGET ||
			       !has_room(l, w, window_cost(w) + c->chunk.raw)))
			break;
		if (wanted)
			load(l, w, c);
		if (!c->chunk.metadata && !c->unknown) {
			has_data = true;
			window = c->chunk.window;
		}
		atomic_store_explicit(l->progress, c->chunk.offset + c->chunk.stored,
				      memory_order_relaxed);
		l->has_pending = false;
		if (l->run->q->unordered && w->used >= (l->ahead ? BATCH_BYTES : 1))
			break; /* deliver while it is in the cache */
	}
	return w->lane_count;
}

static void run_alone(struct loader *l)
{
	struct window *w = &l->windows[0];

	while (!l->finished && !l->run->ended) {
		if (fill(l, w))
			merge_run(w, l->run, l->ifaces);
		window_reset(w, window_cost(w) > WINDOW_BUDGET);
	}
}

/* ---- two threads ---- */

static void await(struct loader *l, int slot, int a, int b)
{
	while (l->state[slot] != a && l->state[slot] != b && !l->stop)
		pthread_cond_wait(&l->changed, &l->lock);
}

static void *load_ahead(void *arg)
{
	struct loader *l = arg;

	for (int slot = 0; !l->finished; slot ^= 1) {
		pthread_mutex_lock(&l->lock);
		await(l, slot, EMPTY, EMPTY);
		bool stop = l->stop;
		pthread_mutex_unlock(&l->lock);
		if (stop)
			break;
		struct window *w = &l->windows[slot];
		fill(l, w);
		pthread_mutex_lock(&l->lock);
		l->cost[slot] = window_cost(w);
		l->state[slot] = l->finished ? LAST : FULL;
		pthread_cond_signal(&l->changed);
		pthread_mutex_unlock(&l->lock);
	}
	return NULL;
}

static void run_ahead(struct loader *l)
{
	pthread_t thread;

	l->ahead = true;
	if (pthread_create(&thread, NULL, load_ahead, l)) {
		l->ahead = false;
		run_alone(l);
		return;
	}
	for (int slot = 0, last = 0; !last && !l->run->ended; slot ^= 1) {
		struct window *w = &l->windows[slot];
		pthread_mutex_lock(&l->lock);
		await(l, slot, FULL, LAST);
		last = l->state[slot] == LAST;
		pthread_mutex_unlock(&l->lock);
		merge_run(w, l->run, l->ifaces);
		/* Two windows in turn may together be more than either was meant to be. */
		window_reset(w, window_cost(w) > WINDOW_BUDGET / 2);
		pthread_mutex_lock(&l->lock);
		l->state[slot] = EMPTY;
		l->cost[slot] = 0;
		pthread_cond_signal(&l->changed);
		pthread_mutex_unlock(&l->lock);
	}
	pthread_mutex_lock(&l->lock);
	l->stop = true;
	pthread_cond_signal(&l->changed);
	pthread_mutex_unlock(&l->lock);
	pthread_join(thread, NULL);
}

int chunked_run(struct directory *d, struct iface_table *ifaces, struct run *run, const char *path,
		_Atomic uint64_t *progress, struct err *e)
{
	struct loader l = {
		.d = d,
		.ifaces = ifaces,
		.run = run,
		.path = path,
		.progress = progress,
		.stored = xmalloc(LZ4_BLOCK_MAX + 4),
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER,
	};
	bool two = run->q->threads > 1;

	introduce(&l);
	directory_rewind(d);
	window_init(&l.windows[0]);
	if (two)
		window_init(&l.windows[1]);
	if (two && !run->ended)
		run_ahead(&l);
	else if (!run->ended)
		run_alone(&l);
	window_done(&l.windows[0]);
	if (two)
		window_done(&l.windows[1]);
	free(l.stored);
	if (run->ended)
		return 1;
	const struct scan *s = &d->scan;
	if (s->damaged)
		trouble_damaged(&l.trouble, path, s->offset, s->block, s->why.text);
	else if (s->cut)
		trouble_cut(&l.trouble, path, d->file_bytes, s->why.text);
	return trouble_result(&l.trouble, e);
}
