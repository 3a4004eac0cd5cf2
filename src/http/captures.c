/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/captures: the files that are written, and packets out of one. */
#include "http/api.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void put_time(struct text *t, const char *name, uint64_t ns)
{
	text_fmt(t, ",\"%s\":", name);
	if (ns)
		text_time_seconds(t, ns);
	else
		text_str(t, "null");
}

static void list(const struct request *r, struct reply *a)
{
	struct text *t = &a->body;

	text_str(t, "{\"captures\":[");
	for (size_t i = 0; i < r->view->health.capture_count; i++) {
		const struct capture_file *c = &r->view->captures[i];
		text_str(t, i ? ",\n{\"name\":" : "\n{\"name\":");
		text_quoted(t, c->name);
		text_fmt(t, ",\"writing\":%s,\"bytes\":%llu", c->ended ? "false" : "true",
			 (unsigned long long)c->bytes);
		put_time(t, "begun", c->begun);
		put_time(t, "ended", c->ended);
		text_str(t, ",\"filter\":");
		text_quoted(t, c->filter);
		text_char(t, '}');
	}
	text_str(t, "]}\n");
}

/* ---- packets out of one ---- */

static const struct capture_file *find(const struct view *v, const char *name)
{
	for (size_t i = v->health.capture_count; i-- > 0;)
		if (str_eq(v->captures[i].name, name))
			return &v->captures[i];
	return NULL;
}

/* A file that rotates gets its name when it is whole, which the view may not know yet. */
static int open_file(const struct capture_file *c)
{
	const char *const paths[] = {c->hidden ? c->hidden : c->path, c->path};
	int fd = -1;

	for (unsigned i = 0; i < ARRAY_SIZE(paths) && fd < 0; i++)
		fd = open(paths[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return fd;
}

static int parse_time(const struct request *r, const char *name, uint64_t base, uint64_t *out,
		      struct err *e)
{
	const char *text = request_argument(r, name);

	if (!text || !time_parse(text, base, out, e))
		return 0;
	return err_wrap(e, "%s", name);
}

static int parse_wish(const struct request *r, const struct capture_file *c, struct extract_wish *w,
		      struct err *e)
{
	const char *filter = request_argument(r, "filter");

	w->format = request_argument(r, "format");
	if (!w->format)
		w->format = extract_formats[0].name;
	for (unsigned i = 0; !str_eq(w->format, extract_formats[i].name);)
		if (!extract_formats[++i].name)
			return err_set(e, ERR_USAGE,
				       "format: pcapng, pcapng.lz4, json or text is wanted");
	if (parse_time(r, "from", c->begun, &w->from, e) ||
	    parse_time(r, "to", c->begun, &w->to, e))
		return -1;
	if (!filter)
		return 0;
	w->filter = filter_compile(filter, NULL, e);
	return w->filter ? 0 : -1;
}

static void extract(const struct request *r, struct reply *a)
{
	const struct capture_file *c = find(r->view, r->id);
	struct extract_wish w = {.fd = -1};
	struct err e = {0};

	if (!c) {
		reply_error(a, 404, "no such capture; /v1/captures lists them");
		return;
	}
	if (parse_wish(r, c, &w, &e)) {
		reply_error(a, 400, e.message);
		filter_free(w.filter);
		return;
	}
	if (!r->live) {
		reply_error(a, 503, "not served here");
		filter_free(w.filter);
		return;
	}
	w.name = c->name;
	w.bytes = c->ended ? UINT64_MAX : c->bytes;
	w.fd = open_file(c);
	if (w.fd < 0) {
		reply_error(a, errno == ENOENT ? 404 : 500, strerror(errno));
		filter_free(w.filter);
		return;
	}
	a->stream = extract_open(r->live->extracts, &w, &e);
	if (!a->stream)
		reply_error(a, 503, e.message);
}

void route_captures(const struct request *r, struct reply *a)
{
	if (r->id)
		extract(r, a);
	else
		list(r, a);
}
