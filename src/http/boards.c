/* SPDX-License-Identifier: Apache-2.0 */
#include "http/boards.h"
#include "http/api.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct board {
	char *view, *filter; /* owned; view NULL = nobody has this place */
	enum table_format format;
	struct table *table; /* of the event thread, once it is in `filling` */
	uint64_t asked;	     /* monotonic ns, the last time */
	uint64_t printed;    /* monotonic ns, 0 = not yet */
	struct text text;
};

struct waiting {
	struct stream base;
	struct boards *all;
	struct board *board; /* keeps its place while somebody waits */
};

struct boards {
	const struct views *views;
	/* Held for the time of a copy, by the event thread only once a second. */
	pthread_mutex_t lock;
	struct board of[BOARDS_MAX];
	struct waiting *waiting[BOARD_WAITING_MAX];
	size_t n_waiting;
	/* of the event thread */
	struct table *filling[BOARDS_MAX];
	size_t n_filling;
};

struct boards *boards_new(void)
{
	struct boards *b = xcalloc(1, sizeof(*b));

	pthread_mutex_init(&b->lock, NULL);
	return b;
}

static void clear_board(struct board *o)
{
	free(o->view);
	free(o->filter);
	table_close(o->table);
	text_done(&o->text);
	*o = (struct board){0};
}

void boards_free(struct boards *b)
{
	if (!b)
		return;
	for (unsigned i = 0; i < BOARDS_MAX; i++)
		clear_board(&b->of[i]);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

void boards_set_views(struct boards *b, const struct views *views)
{
	b->views = views;
}

const struct views *boards_views(const struct boards *b)
{
	return b->views;
}

/* ---- the event thread ---- */

void boards_put(struct boards *b, struct context *c)
{
	for (size_t i = 0; i < b->n_filling; i++)
		table_event(b->filling[i], c);
}

static bool is_waited_for(const struct boards *b, const struct board *o)
{
	for (size_t i = 0; i < b->n_waiting; i++)
		if (b->waiting[i]->board == o)
			return true;
	return false;
}

static void print_board(struct board *o, uint64_t now)
{
	struct table_rows rows = *table_refresh(o->table, now);

	rows.n = MIN(rows.n, BOARD_ROWS_MAX);
	text_reset(&o->text);
	table_print(o->table, &rows, o->format, &o->text);
	o->printed = time_monotonic();
}

/* One place stays free: who goes from view to view asks something new again and again. */
static void make_room(struct boards *b)
{
	struct board *oldest = NULL;

	for (unsigned i = 0; i < BOARDS_MAX; i++) {
		struct board *o = &b->of[i];
		if (!o->view)
			return;
		if (!is_waited_for(b, o) && (!oldest || o->asked < oldest->asked))
			oldest = o;
	}
	if (oldest)
		clear_board(oldest);
}

void boards_tick(struct boards *b, uint64_t now)
{
	uint64_t clock = time_monotonic();

	pthread_mutex_lock(&b->lock);
	make_room(b);
	struct table *were[BOARDS_MAX];
	size_t n = b->n_filling;
	memcpy(were, b->filling, sizeof(were));
	b->n_filling = 0;
	for (unsigned i = 0; i < BOARDS_MAX; i++) {
		struct board *o = &b->of[i];
		bool filled = false;
		if (!o->view)
			continue;
		if (clock - o->asked > BOARD_KEEP_NS && !is_waited_for(b, o)) {
			clear_board(o);
			continue;
		}
		for (size_t k = 0; k < n; k++)
			filled |= were[k] == o->table;
		if (filled)
			print_board(o, now);
		table_next(o->table, now);
		b->filling[b->n_filling++] = o->table;
	}
	for (size_t i = 0; i < b->n_waiting; i++)
		if (b->waiting[i]->board->printed)
			(void)!eventfd_write(b->waiting[i]->base.fd, 1);
	pthread_mutex_unlock(&b->lock);
}

/* ---- who asks ---- */

static bool begin(struct stream *s, struct reply *a)
{
	static const char *const types[] = {[TABLE_TEXT] = "text/plain; charset=utf-8",
					    [TABLE_CSV] = "text/csv; charset=utf-8"};
	struct waiting *w = (struct waiting *)s;

	pthread_mutex_lock(&w->all->lock);
	const struct board *o = w->board;
	bool there = o->printed;
	if (there) {
		a->status = 200;
		a->type = o->format == TABLE_JSON ? NULL : types[o->format];
		text_put(&a->body, o->text.data ? o->text.data : "", o->text.len);
	}
	pthread_mutex_unlock(&w->all->lock);
	return there;
}

static ssize_t nothing_more(struct stream *s, char *to, size_t n)
{
	(void)s;
	(void)to;
	(void)n;
	return STREAM_END;
}

static void leave(struct stream *s)
{
	struct waiting *w = (struct waiting *)s;
	struct boards *b = w->all;

	pthread_mutex_lock(&b->lock);
	for (size_t i = 0; i < b->n_waiting; i++)
		if (b->waiting[i] == w)
			b->waiting[i] = b->waiting[--b->n_waiting];
	pthread_mutex_unlock(&b->lock);
	close(w->base.fd);
	free(w);
}

static const struct stream_kind board_stream = {begin, nothing_more, leave, 0};

/* The place of a question, a free one, or NULL. */
static struct board *find_board(struct boards *b, const char *view, const char *filter,
				enum table_format format)
{
	struct board *free_one = NULL;

	for (unsigned i = 0; i < BOARDS_MAX; i++) {
		struct board *o = &b->of[i];
		if (!o->view)
			free_one = free_one ? free_one : o;
		else if (str_eq(o->view, view) && str_eq(o->filter, filter) && o->format == format)
			return o;
	}
	return free_one;
}

/* With the lock held; t is taken over. */
static struct waiting *join(struct boards *b, const char *view, const char *filter,
			    enum table_format format, struct table *t)
{
	struct board *o = find_board(b, view, filter, format);

	if (!o || b->n_waiting == BOARD_WAITING_MAX) {
		table_close(t);
		return NULL;
	}
	if (o->view) {
		table_close(t);
	} else {
		o->view = xstrdup(view);
		o->filter = xstrdup(filter);
		o->format = format;
		o->table = t;
	}
	o->asked = time_monotonic();
	struct waiting *w = xcalloc(1, sizeof(*w));
	w->base.kind = &board_stream;
	w->all = b;
	w->board = o;
	b->waiting[b->n_waiting++] = w;
	return w;
}

struct stream *boards_ask(struct boards *b, const char *view, const char *filter,
			  enum table_format format, struct err *e)
{
	const struct view_info *info = b->views ? views_find(b->views, view) : NULL;

	if (!info) {
		err_set(e, ERR_USAGE, "%s: no such view; /v1/views lists them", view);
		return NULL;
	}
	/* Made here, so that a bad filter is told at once. */
	struct table *t = table_open(
		&(struct table_options){.info = info, .filter = filter, .max_rows = 4096}, e);
	if (!t)
		return NULL;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0) {
		err_sys(e, "cannot make an event descriptor");
		table_close(t);
		return NULL;
	}
	pthread_mutex_lock(&b->lock);
	struct waiting *w = join(b, view, filter ? filter : "", format, t);
	if (w)
		w->base.fd = fd;
	pthread_mutex_unlock(&b->lock);
	if (w)
		return &w->base;
	err_set(e, ERR_FAILED, "too many different views are asked for");
	close(fd);
	return NULL;
}
