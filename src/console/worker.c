/* SPDX-License-Identifier: Apache-2.0 */
#include "console/worker.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PART_NS	 (300 * NSEC_PER_MSEC) /* between looks at what has been read so far */
#define LIST_NS	 (200 * NSEC_PER_MSEC) /* between looks at a list */
#define EARLY_NS (500 * NSEC_PER_MSEC) /* between looks at what has just been opened */

struct worker {
	struct view_feed *feed;
	uint64_t interval;
	pthread_t thread;
	struct mailbox orders, shots;
	int wake_worker, wake_screen;
	atomic_bool stop;
	atomic_uint part; /* percent */
	_Atomic(const char *) trouble;
	/* the thread's own */
	struct table *table;
	struct order current;
	uint64_t began, shown; /* live: this interval, the newest snapshot; ns */
	bool whole;	       /* an interval is over */
	bool counted;	       /* a file: bins are known, and need not be asked for again */
	bool covered;	       /* a file: the directory's numbers are on the screen */
	double *bins;	       /* of the time axis, not yet handed over */
};

static void wake(int fd)
{
	uint64_t one = 1;
	ssize_t n = write(fd, &one, sizeof(one));

	(void)n;
}

static void settle(int fd)
{
	uint64_t n;
	ssize_t got = read(fd, &n, sizeof(n));

	(void)got;
}

static void show_rows(struct worker *w, const struct table_rows *rows, double part,
		      const struct err *e)
{
	struct shot *s = shot_new(w->table, rows);

	s->order = w->current.number;
	s->part = part;
	s->lost = w->feed->lost;
	s->bins = w->bins;
	w->bins = NULL;
	if (e)
		s->trouble = *e;
	struct shot *old = mailbox_take(&w->shots);
	/* The axis is told once: it must not be lost with a snapshot nobody took. */
	if (old && old->bins && !s->bins) {
		s->bins = old->bins;
		old->bins = NULL;
	}
	shot_free(old);
	mailbox_send(&w->shots, s);
	wake(w->wake_screen);
}

static void show(struct worker *w, uint64_t now, double part, const struct err *e)
{
	show_rows(w, table_refresh(w->table, now), part, e);
}

/* Is there a new order? It becomes the current one. */
static bool take_order(struct worker *w)
{
	struct order *o = mailbox_take(&w->orders);

	if (!o)
		return false;
	struct table *old = w->table;
	struct look *look = w->current.look;
	free(w->current.filter);
	w->current = *o;
	w->feed->look = o->look ? &o->look->view : NULL;
	if (o->look && w->feed->live && o->look != look)
		look_begin(o->look, 0, 0);
	look_unref(look);
	if (o->table) {
		w->table = o->table;
		w->feed->table = o->table;
		table_close(old);
	}
	free(o);
	return true;
}

/* ---- live ---- */

static int live_tick(void *ctx, uint64_t now, double part)
{
	struct worker *w = ctx;

	(void)part;
	atomic_store(&w->trouble, w->feed->trouble);
	if (atomic_load(&w->stop))
		return 1;
	const struct table *before = w->table;
	if (take_order(w) && w->table != before) {
		table_next(w->table, now);
		w->began = w->shown = now;
		w->whole = false;
	}
	if (!w->table)
		return 0;
	bool list = table_info(w->table)->kind == VIEW_LIST;
	if (now - w->began >= w->interval) {
		show(w, now, 1, NULL);
		table_next(w->table, now);
		w->began = w->shown = now;
		w->whole = true;
	} else if (now - w->shown >= (list ? LIST_NS : EARLY_NS) && (list || !w->whole)) {
		show(w, now, 1, NULL);
		w->shown = now;
	}
	return 0;
}

static void serve_live(struct worker *w)
{
	struct err e = {0};

	if (w->feed->run(w->feed, &e) == 0)
		return;
	/* It failed: whatever is asked for from now on, this is the answer. */
	while (!atomic_load(&w->stop)) {
		if (w->table)
			show(w, time_now(), 1, &e);
		settle(w->wake_worker);
		take_order(w);
	}
}

/* ---- a file ---- */

static int file_tick(void *ctx, uint64_t now, double part)
{
	struct worker *w = ctx;
	uint64_t clock = time_monotonic();

	(void)now;
	atomic_store(&w->part, (unsigned)(part * 100));
	if (atomic_load(&w->stop) || atomic_load_explicit(&w->orders.slot, memory_order_relaxed))
		return 1;
	/* What the directory told is nearer to the truth than a part. */
	if (!w->current.look && !w->covered && clock - w->shown >= PART_NS) {
		show(w, 0, part, NULL);
		w->shown = time_monotonic();
	}
	return 0;
}

static void answer_look(struct worker *w)
{
	struct look *l = w->current.look;

	look_begin(l, w->current.from, w->current.to);
	if (w->feed->scan(w->feed, &l->view, l->from, l->to, NULL) == 0)
		atomic_store(&l->whole, true);
}

static int count(void *ctx, struct context *c)
{
	struct worker *w = ctx;
	const struct view_feed *f = w->feed;
	uint64_t ts = MIN(c->ev->ts, f->last); /* a file may grow */

	if (c->ev->type != EVENT_PACKET || ts < f->first)
		return 0;
	/* All may be of one moment. */
	double part = (double)(ts - f->first) / ((double)(f->last - f->first) + 1);
	w->bins[MIN((size_t)(part * SHOT_BINS), SHOT_BINS - 1)] += c->ev->weight;
	return 0;
}

/* No directory tells how many packets were when: they are counted once the rows are shown. */
static void count_packets(struct worker *w)
{
	const struct view_look look = {.filter = table_filter(w->table), .event = count, .ctx = w};

	w->covered = true;
	free(w->bins);
	w->bins = xcalloc(SHOT_BINS, sizeof(*w->bins));
	w->counted = w->feed->scan(w->feed, &look, w->feed->first, w->feed->last, NULL) <= 0;
	if (w->counted)
		show(w, 0, 1, NULL);
}

static bool has_any(const double *bins)
{
	for (size_t i = 0; i < SHOT_BINS; i++)
		if (bins[i] > 0)
			return true;
	return false;
}

static void answer(struct worker *w, bool new_table)
{
	struct view_feed *f = w->feed;
	const struct order *o = &w->current;
	struct err e = {0};

	if (!w->table)
		return;
	if (new_table && f->last > f->first) {
		free(w->bins);
		w->bins = xcalloc(SHOT_BINS, sizeof(*w->bins));
		f->histogram(f, w->table, f->first, f->last, w->bins, SHOT_BINS);
		w->counted = f->packets || has_any(w->bins);
	}
	w->covered = f->overview(f, w->table, o->from, o->to);
	if (w->covered)
		show(w, 0, 0, NULL);
	w->shown = time_monotonic();
	int status = f->fill(f, w->table, o->from, o->to, &e);
	if (status <= 0)
		show(w, 0, 1, status < 0 ? &e : NULL);
	if (status == 0 && !w->counted && o->from <= f->first && o->to >= f->last)
		count_packets(w);
}

static void serve_file(struct worker *w)
{
	while (!atomic_load(&w->stop)) {
		const struct table *before = w->table;
		if (!take_order(w))
			settle(w->wake_worker);
		else if (w->current.look)
			answer_look(w);
		else
			answer(w, w->table != before);
		atomic_store(&w->part, 100);
	}
}

/* ---- another host ---- */

static void serve_remote(struct worker *w)
{
	const struct table_rows none = {0};

	while (!atomic_load(&w->stop)) {
		struct pollfd p = {.fd = w->wake_worker, .events = POLLIN};
		struct err e = {0};
		take_order(w);
		const struct table_rows *rows =
			w->table ? w->feed->ask(w->feed, w->table, w->current.filter, &e) : NULL;
		atomic_store(&w->trouble, w->table && !rows ? "the host" : NULL);
		/* Meanwhile something else may have been asked for. */
		if (w->table && !atomic_load_explicit(&w->orders.slot, memory_order_relaxed))
			show_rows(w, rows ? rows : &none, 1, rows ? NULL : &e);
		if (poll(&p, 1, (int)(w->interval / NSEC_PER_MSEC)) > 0)
			settle(w->wake_worker);
	}
}

/* ---- all ---- */

static void *work(void *ctx)
{
	struct worker *w = ctx;

	w->feed->ctx = w;
	w->feed->tick = w->feed->live ? live_tick : file_tick;
	if (w->feed->ask)
		serve_remote(w);
	else if (w->feed->live)
		serve_live(w);
	else
		serve_file(w);
	return NULL;
}

struct worker *worker_start(struct view_feed *f, uint64_t interval)
{
	struct worker *w = xcalloc(1, sizeof(*w));
	sigset_t all, before;

	w->feed = f;
	w->interval = interval;
	atomic_init(&w->part, 100);
	w->wake_worker = eventfd(0, EFD_CLOEXEC);
	w->wake_screen = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* Signals are for the thread that has the terminal. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	int status = pthread_create(&w->thread, NULL, work, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (status)
		abort();
	return w;
}

void worker_stop(struct worker *w)
{
	if (!w)
		return;
	atomic_store(&w->stop, true);
	wake(w->wake_worker);
	pthread_join(w->thread, NULL);
	struct order *o = mailbox_take(&w->orders);
	if (o) {
		table_close(o->table);
		look_unref(o->look);
		free(o->filter);
	}
	free(o);
	look_unref(w->current.look);
	free(w->current.filter);
	shot_free(mailbox_take(&w->shots));
	table_close(w->table);
	w->feed->table = NULL;
	w->feed->look = NULL;
	free(w->bins);
	close(w->wake_worker);
	close(w->wake_screen);
	free(w);
}

void worker_order(struct worker *w, const struct order *o)
{
	struct order *letter = xcalloc(1, sizeof(*letter));
	struct order *old = mailbox_take(&w->orders);

	*letter = *o;
	/* The table of an order that nobody took is still to come. */
	if (old && !letter->table)
		letter->table = old->table;
	else if (old)
		table_close(old->table);
	if (old) {
		look_unref(old->look);
		free(old->filter);
	}
	free(old);
	mailbox_send(&w->orders, letter);
	wake(w->wake_worker);
}

struct shot *worker_take(struct worker *w)
{
	settle(w->wake_screen);
	return mailbox_take(&w->shots);
}

unsigned worker_part(const struct worker *w)
{
	return atomic_load(&w->part);
}

const char *worker_trouble(const struct worker *w)
{
	return atomic_load(&w->trouble);
}

int worker_fd(const struct worker *w)
{
	return w->wake_screen;
}
