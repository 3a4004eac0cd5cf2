/* SPDX-License-Identifier: Apache-2.0 */
#include "console/look.h"

#include <stdlib.h>

static int on_event(void *ctx, struct context *c)
{
	struct look *l = ctx;

	if (atomic_load_explicit(&l->held, memory_order_relaxed))
		return 0;
	pthread_mutex_lock(&l->lock);
	int status = l->kind->event(l, c);
	pthread_mutex_unlock(&l->lock);
	return status;
}

/* A table that is never fed has the filter of the path, the user's and `more` in one. */
static struct table *open_scope(const struct view_path *path, const char *filter, const char *more,
				const char *const *dirs, struct err *e)
{
	static char name[] = "NUM", field[] = "evt.num", packets[] = "evt.type=packet";
	static struct view_column column = {.name = name, .field = field};
	static const struct view_info info = {
		.kind = VIEW_LIST, .filter = packets, .columns = &column, .n_columns = 1};
	struct text both = {0};

	if (filter && more)
		text_fmt(&both, "(%s) and (%s)", filter, more);
	const struct table_options o = {.info = &info,
					.path = path,
					.filter = both.len ? text_cstr(&both)
						  : filter ? filter
							   : more,
					.dirs = dirs};
	struct table *t = table_open(&o, e);
	text_done(&both);
	return t;
}

struct look *look_new(const struct look_kind *kind, const struct view_path *path,
		      const char *filter, const char *more, const char *const *dirs, struct err *e)
{
	struct table *scope = open_scope(path, filter, more, dirs, e);

	if (!scope)
		return NULL;
	struct look *l = xcalloc(1, kind->size);
	l->kind = kind;
	l->scope = scope;
	l->view = (struct view_look){
		.filter = table_filter(scope), .flows = kind->flows, .event = on_event, .ctx = l};
	pthread_mutex_init(&l->lock, NULL);
	atomic_init(&l->refs, 1);
	return l;
}

struct look *look_ref(struct look *l)
{
	if (l)
		atomic_fetch_add(&l->refs, 1);
	return l;
}

void look_unref(struct look *l)
{
	if (!l || atomic_fetch_sub(&l->refs, 1) > 1)
		return;
	l->kind->done(l);
	table_close(l->scope);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

void look_begin(struct look *l, uint64_t from, uint64_t to)
{
	pthread_mutex_lock(&l->lock);
	l->from = from;
	l->to = to;
	atomic_store(&l->whole, false);
	l->kind->begin(l);
	pthread_mutex_unlock(&l->lock);
}
