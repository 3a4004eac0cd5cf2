/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/captures.h"

#include <stdlib.h>
#include <unistd.h>

#define FILES_MAX   1000u /* the oldest are forgotten */
#define STARTED_MAX 16u	  /* by clients, at once */
#define NAME_BYTES  100u

static void forget(struct captures *c, size_t i)
{
	const struct capture_file *f = &c->items[i].file;

	free((char *)f->name);
	free((char *)f->path);
	free((char *)f->hidden);
	free((char *)f->filter);
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
			 .filter = r->filter_text ? xstrdup(r->filter_text) : NULL,
			 .begun = time_now()},
		.recording = r,
	};
}

/* As writer_options.on_file. */
static void on_file(void *ctx, const char *path, const char *hidden)
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
		if (it->recording && it->recording->recorder.writer) {
			writer_get_stats(it->recording->recorder.writer, &w);
			it->file.bytes = w.open_bytes;
		}
		c->told[i] = it->file;
	}
	h->captures = c->told;
	h->capture_count = c->n;
}

/* ---- recordings ---- */

static struct recording *recording_open(struct captures *c, const struct writer_options *o,
					struct err *e)
{
	struct recording *r = xcalloc(1, sizeof(*r));
	struct writer_options with = *o;

	r->all = c;
	with.on_file = on_file;
	with.ctx = r;
	r->recorder.writer = writer_open(&with, e);
	if (r->recorder.writer)
		return r;
	free(r);
	return NULL;
}

static void add(struct captures *c, struct recording *r)
{
	r->recorder.next = c->recorders;
	c->recorders = &r->recorder;
}

static int recording_close(struct captures *c, struct recording *r, struct err *e)
{
	struct recorder **at = &c->recorders;

	while (*at && *at != &r->recorder)
		at = &(*at)->next;
	if (*at)
		*at = r->recorder.next;
	c->started -= r->recorder.spare;
	int status = writer_close(r->recorder.writer, e);
	filter_free(r->filter);
	free(r->filter_text);
	free(r);
	return status;
}

struct writer *captures_open(struct captures *c, const struct writer_options *o, struct err *e)
{
	struct recording *r = recording_open(c, o, e);

	if (!r)
		return NULL;
	add(c, r);
	return r->recorder.writer;
}

int captures_close(struct captures *c, struct err *e)
{
	int status = 0;

	while (c->recorders)
		if (recording_close(c, (struct recording *)c->recorders, e))
			status = -1;
	while (c->n)
		forget(c, c->n - 1);
	free(c->items);
	free(c->told);
	return status;
}

static bool is_over(const struct recording *r, uint64_t now)
{
	struct writer_stats w = {0};

	writer_get_stats(r->recorder.writer, &w);
	return now >= r->end || (r->max_bytes && w.file_bytes >= r->max_bytes);
}

void captures_tick(struct captures *c, uint64_t now)
{
	for (struct recorder *at = c->recorders, *next; at; at = next) {
		struct recording *r = (struct recording *)at;
		const char *trouble = writer_trouble(at->writer);
		struct err e = {0};
		next = at->next;
		if (trouble)
			log_warn("%s", trouble);
		if (at->broken)
			log_warn("%s", at->why.message);
		if (at->spare && (at->broken || is_over(r, now)) && recording_close(c, r, &e))
			log_warn("%s", e.message);
	}
}

/* ---- what clients want ---- */

/* Letters, digits and "._-"; no dot in front. */
static bool is_name(const char *s)
{
	static const char known[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "._-";
	size_t n = strspn(s, known);

	return n && n <= NAME_BYTES && !s[n] && *s != '.';
}

static unsigned refuse(struct err *e, unsigned status, const char *why)
{
	err_set(e, ERR_FAILED, "%s", why);
	return status;
}

static unsigned start(struct captures *c, struct capture_order *o, struct err *e)
{
	if (!c->dir)
		return refuse(e, 409, "no captures are started: dredged has no --capture-dir");
	if (!is_name(o->name))
		return refuse(e, 400,
			      "name: letters, digits, '.', '_' and '-' are wanted, no dot "
			      "in front");
	if (filter_needs(o->filter, FIELD_FLOW) && !c->flows)
		return refuse(e, 409, "filter: it needs dredged's --latency");
	if (c->started == STARTED_MAX)
		return refuse(e, 503, "too many captures are written; stop one");
	/* What is no name of a capture gets the usual ending. */
	const char *const ends[] = {"", ".pcapng.lz4"};
	bool whole = strstr(o->name, ".pcap") || strstr(o->name, ".lz4");
	cleanup_free char *path = xasprintf("%s/%s%s", c->dir, o->name, ends[!whole]);
	struct writer_options w = {.path = path, .fresh = true};
	if (savefile_format_of(path, &w.format, e))
		return 400;
	if (!access(path, F_OK))
		return refuse(e, 409, "there is such a file already");
	struct recording *r = recording_open(c, &w, e);
	if (!r)
		return 500;
	r->recorder.spare = true;
	r->recorder.filter = r->filter = o->filter;
	r->filter_text = o->filter_text;
	r->end = o->max_ns ? time_now() + o->max_ns : UINT64_MAX;
	r->max_bytes = o->max_bytes;
	c->items[c->n - 1].file.filter = r->filter_text ? xstrdup(r->filter_text) : NULL;
	o->filter = NULL;
	o->filter_text = NULL;
	free(o->name);
	o->name = xstrdup(c->items[c->n - 1].file.name);
	add(c, r);
	c->started++;
	if (!recorder_begin(&r->recorder, c->state, e))
		return 201;
	recording_close(c, r, NULL);
	return 500;
}

static struct recording *writing(const struct captures *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->items[i].recording && str_eq(c->items[i].file.name, name))
			return (struct recording *)c->items[i].recording;
	return NULL;
}

unsigned captures_order(void *ctx, struct capture_order *o, struct err *e)
{
	struct captures *c = ctx;

	if (o->what == CAPTURE_START)
		return start(c, o, e);
	struct recording *r = writing(c, o->name);
	if (!r)
		return refuse(e, 404, "no such capture is being written");
	if (o->what == CAPTURE_ROTATE)
		return writer_rotate(r->recorder.writer, e) ? 500 : 200;
	if (!r->recorder.spare)
		return refuse(e, 409, "the capture of --write lasts as long as dredged");
	return recording_close(c, r, e) ? 500 : 200;
}
