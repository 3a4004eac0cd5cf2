/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/captures: the files that are written, and packets out of one. */
#include "http/api.h"
#include "http/orders.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#define USUAL_SECONDS 3600u /* that a capture runs, if nothing is said */

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

/* ---- what changes something ---- */

static int number_of(const json_t *root, const char *name, uint64_t unit, uint64_t usual,
		     uint64_t *out, struct err *e)
{
	const json_t *v = json_object_get(root, name);
	json_int_t n = json_integer_value(v);

	*out = usual * unit;
	if (!v)
		return 0;
	if (!json_is_integer(v) || n < 0 || n > INT32_MAX)
		return err_set(e, ERR_USAGE, "%s: a whole number is wanted", name);
	*out = (uint64_t)n * unit;
	return 0;
}

static int text_of(const json_t *root, const char *name, char **out, struct err *e)
{
	const json_t *v = json_object_get(root, name);

	if (v && !json_is_string(v))
		return err_set(e, ERR_USAGE, "%s: a text is wanted", name);
	*out = v ? xstrdup(json_string_value(v)) : NULL;
	return 0;
}

static bool is_member(const char *key)
{
	static const char *const members[] = {"name", "filter", "seconds", "megabytes"};
	size_t i = 0;

	while (i < ARRAY_SIZE(members) && !str_eq(members[i], key))
		i++;
	return i < ARRAY_SIZE(members);
}

/* {"name":"incident","filter":"tcp","seconds":600,"megabytes":100} */
static int parse_start(const struct text *body, struct capture_order *o, struct err *e)
{
	json_error_t why;
	json_t *root = body && body->len
			       ? json_loadb(body->data, body->len, JSON_REJECT_DUPLICATES, &why)
			       : NULL;
	const char *key;
	json_t *value;
	int status = json_is_object(root) ? 0 : err_set(e, ERR_USAGE, "a JSON object is wanted");

	json_object_foreach(root, key, value) if (!status && !is_member(key))
		status = err_set(e, ERR_USAGE,
				 "%.40s: there is name, filter, seconds and "
				 "megabytes",
				 key);
	if (!status)
		status = text_of(root, "name", &o->name, e) ||
					 text_of(root, "filter", &o->filter_text, e) ||
					 number_of(root, "seconds", NSEC_PER_SEC, USUAL_SECONDS,
						   &o->max_ns, e) ||
					 number_of(root, "megabytes", 1000000, 0, &o->max_bytes, e)
				 ? -1
				 : 0;
	json_decref(root);
	if (!status && !o->name)
		status = err_set(e, ERR_USAGE, "name: is wanted");
	if (status || !o->filter_text)
		return status;
	o->filter = filter_compile(o->filter_text, NULL, e);
	return o->filter ? 0 : -1;
}

/* POST /v1/captures, POST /v1/captures/NAME/rotate, DELETE /v1/captures/NAME. */
static int parse_order(const struct request *r, struct capture_order *o, struct err *e)
{
	static const char rotate[] = "/rotate";
	size_t n = r->id ? strlen(r->id) : 0, m = strlen(rotate);

	if (!r->id && str_eq(r->method, "POST")) {
		o->what = CAPTURE_START;
		return parse_start(r->body, o, e);
	}
	if (n && str_eq(r->method, "DELETE")) {
		o->what = CAPTURE_STOP;
		o->name = xstrdup(r->id);
		return 0;
	}
	if (n > m && str_eq(r->method, "POST") && str_eq(r->id + n - m, rotate)) {
		o->what = CAPTURE_ROTATE;
		o->name = xstrndup(r->id, n - m);
		return 0;
	}
	return err_set(e, ERR_FAILED, "no such method for this resource");
}

static void change(const struct request *r, struct reply *a)
{
	struct capture_order o = {0};
	struct err e = {0};

	if (parse_order(r, &o, &e)) {
		reply_error(a, e.code == ERR_USAGE ? 400 : 405, e.message);
		capture_order_done(&o);
	} else if (!r->live) {
		reply_error(a, 503, "not served here");
		capture_order_done(&o);
	} else {
		a->stream = orders_post(r->live->orders, &o, &e);
		if (!a->stream)
			reply_error(a, 503, e.message);
	}
}

void route_captures(const struct request *r, struct reply *a)
{
	if (!str_eq(r->method, "GET") && !str_eq(r->method, "HEAD"))
		change(r, a);
	else if (r->id)
		extract(r, a);
	else
		list(r, a);
}
