/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/captures.h"

#include <stdlib.h>
#include <unistd.h>

#define FILES_MAX 1000u /* the oldest are forgotten */

static void forget(struct captures *c, size_t i)
{
	const struct capture_file *f = &c->items[i].file;

	free((char *)f->name);
	free((char *)f->path);
	free((char *)f->hidden);
	memmove(&c->items[i], &c->items[i + 1], (--c->n - i) * sizeof(*c->items));
}

static void file_ended(struct captures *c, const struct recording *r)
{
	for (size_t i = 0; i < c->n; i++) {
		struct captured *it = &c->items[i];
		if (it->recording != r)
			continue;
		it->file.ended = time_now();
		it->recording = NULL;
		free((char *)it->file.hidden);
		it->file.hidden = NULL;
	}
}

static void file_begun(struct captures *c, const struct recording *r, const char *path,
		       const char *hidden)
{
	const char *slash = strrchr(path, '/');

	/* A ring comes back to its names, or has removed what it had. */
	for (size_t i = c->n; i-- > 0;) {
		const struct capture_file *f = &c->items[i].file;
		if (str_eq(f->path, path) || (f->ended && access(f->path, F_OK)))
			forget(c, i);
	}
	if (c->n == FILES_MAX)
		forget(c, 0);
	GROW(c->items, c->n, c->cap);
	c->items[c->n++] = (struct captured){
		.file = {.name = xstrdup(slash ? slash + 1 : path),
			 .path = xstrdup(path),
			 .hidden = hidden ? xstrdup(hidden) : NULL,
			 .begun = time_now()},
		.recording = r,
	};
}

void captures_on_file(void *ctx, const char *path, const char *hidden)
{
	struct recording *r = ctx;

	if (path && !str_eq(path, "-"))
		file_begun(r->all, r, path, hidden);
	else
		file_ended(r->all, r);
}

void captures_tell(struct captures *c, struct health *h)
{
	c->told = xrealloc(c->told, (c->n + 1) * sizeof(*c->told));
	for (size_t i = 0; i < c->n; i++) {
		struct captured *it = &c->items[i];
		struct writer_stats w = {0};
		if (it->recording && it->recording->writer) {
			writer_get_stats(it->recording->writer, &w);
			it->file.bytes = w.open_bytes;
		}
		c->told[i] = it->file;
	}
	h->captures = c->told;
	h->capture_count = c->n;
}

void captures_done(struct captures *c)
{
	while (c->n)
		forget(c, c->n - 1);
	free(c->items);
	free(c->told);
}
