/* SPDX-License-Identifier: Apache-2.0 */
#ifdef HAVE_CURL

#include "mesos/curl.h"

#include <stdlib.h>

#define HOPS_MAX    5u
#define CONNECT_MS  3000L
#define POLL_MS	    1000
#define STREAM_KEPT (1u << 20) /* bytes of room that an empty stream keeps */

struct http {
	CURLM *multi;
	CURL *easy; /* of requests with an end, one at a time */
	size_t max_body;
	unsigned timeout_ms;
	char *ca_file, *authorization;
	bool no_follow;
	atomic_bool stop;
};

/* One answer that is coming. */
struct transfer {
	struct text *body;
	size_t max;
	struct curl_slist *headers;
	uint64_t heard; /* ns, monotonic */
	CURLcode result;
	bool informational, begun, done, too_large;
};

struct http *http_new(const struct http_options *o, struct err *e)
{
	if (curl_load(e))
		return NULL;
	struct http *h = xcalloc(1, sizeof(*h));

	h->multi = curl.multi_init();
	h->easy = curl.easy_init();
	h->max_body = o->max_body;
	h->timeout_ms = o->timeout_ms;
	h->ca_file = o->ca_file ? xstrdup(o->ca_file) : NULL;
	h->no_follow = o->no_follow;
	if (h->multi && h->easy)
		return h;
	err_set(e, ERR_FAILED, "libcurl does not start");
	http_free(h);
	return NULL;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	curl.easy_cleanup(h->easy);
	curl.multi_cleanup(h->multi);
	free(h->ca_file);
	free(h->authorization);
	free(h);
}

void http_wake(struct http *h)
{
	curl.multi_wakeup(h->multi);
}

void http_stop(struct http *h)
{
	atomic_store(&h->stop, true);
	http_wake(h);
}

bool http_is_stopped(const struct http *h)
{
	return atomic_load(&h->stop);
}

void http_authorize(struct http *h, const char *authorization)
{
	free(h->authorization);
	h->authorization = authorization ? xstrdup(authorization) : NULL;
}

/* ---- answers that are coming ---- */

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct transfer *x = ctx;

	n *= size;
	x->heard = time_monotonic();
	if (n > x->max - MIN(x->max, x->body->len)) {
		x->too_large = true;
		return 0;
	}
	text_put(x->body, p, n);
	return n;
}

/* The empty line ends the head; that of a 100 is followed by another. */
static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
	static const char version[] = "HTTP/";
	struct transfer *x = ctx;

	n *= size;
	if (n > strlen(version) && !memcmp(p, version, strlen(version))) {
		const char *blank = memchr(p, ' ', n - 1);
		x->informational = blank && blank[1] == '1';
	}
	x->begun = n <= 2 && !x->informational;
	return n;
}

static void add_header(struct transfer *x, const char *name, const char *value)
{
	cleanup_free char *line = value ? xasprintf("%s: %s", name, value) : NULL;

	if (line)
		x->headers = curl.slist_append(x->headers, line);
}

static void set_options(struct http *h, CURL *c, const struct target *t, const char *url,
			const struct request *r, struct transfer *x)
{
	curl.easy_reset(c);
	curl.easy_setopt(c, CURLOPT_URL, url);
	curl.easy_setopt(c, CURLOPT_PRIVATE, x);
	curl.easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl.easy_setopt(c, CURLOPT_PROXY, ""); /* a cluster's inside is not reached by proxies */
	curl.easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl.easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl.easy_setopt(c, CURLOPT_QUICK_EXIT, 1L); /* a slow name server must not hold the end */
	curl.easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, MIN(CONNECT_MS, (long)h->timeout_ms));
	curl.easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl.easy_setopt(c, CURLOPT_USERAGENT, "dredge/" DREDGE_VERSION);
	curl.easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl.easy_setopt(c, CURLOPT_WRITEDATA, x);
	curl.easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl.easy_setopt(c, CURLOPT_HEADERDATA, x);
	if (h->ca_file)
		curl.easy_setopt(c, CURLOPT_CAINFO, h->ca_file);
	add_header(x, "Accept", r->accept);
	if (r->body) {
		add_header(x, "Content-Type", "application/json");
		curl.easy_setopt(c, CURLOPT_POSTFIELDS, r->body);
	}
	if (t->user) {
		curl.easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl.easy_setopt(c, CURLOPT_USERNAME, t->user);
		curl.easy_setopt(c, CURLOPT_PASSWORD, t->password ? t->password : "");
	} else if (t->trusted) {
		add_header(x, "Authorization", h->authorization);
	}
	curl.easy_setopt(c, CURLOPT_HTTPHEADER, x->headers);
}

/* All that are under way go on for a while: of the network, or until something happens. */
static void go_on(struct http *h, int ms)
{
	int running, left;

	curl.multi_poll(h->multi, NULL, 0, ms, NULL);
	if (curl.multi_perform(h->multi, &running) != CURLM_OK)
		return;
	for (CURLMsg *m; (m = curl.multi_info_read(h->multi, &left));) {
		struct transfer *x = NULL;
		if (m->msg != CURLMSG_DONE)
			continue;
		curl.easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&x);
		x->result = m->data.result;
		x->done = true;
	}
}

void http_sleep(struct http *h, uint64_t ns)
{
	if (!http_is_stopped(h))
		go_on(h, (int)MIN(ns / NSEC_PER_MSEC + 1, 3600000u));
}

static int tell_result(const struct http *h, const struct transfer *x, const char *url,
		       struct err *e)
{
	int shown = (int)strcspn(url, "?");

	if (x->too_large) {
		err_set(e, ERR_FAILED, "%.*s: answer larger than %zu bytes", shown, url,
			h->max_body);
		return HTTP_TOO_LARGE;
	}
	if (x->result != CURLE_OK)
		return err_set(e, ERR_FAILED, "%.*s: %s", shown, url,
			       curl.easy_strerror(x->result));
	return 0;
}

/*
 * Until the answer has ended, or begun. One that has not at the end of the time is taken off:
 * streams have no time of their own.
 */
static void await(struct http *h, CURL *c, struct transfer *x, bool whole)
{
	uint64_t end = time_monotonic() + h->timeout_ms * NSEC_PER_MSEC;

	x->result = CURLE_FAILED_INIT;
	if (curl.multi_add_handle(h->multi, c) != CURLM_OK)
		x->done = true;
	go_on(h, 0);
	while (!x->done && (whole || !x->begun)) {
		uint64_t now = time_monotonic();
		if (http_is_stopped(h) || now >= end) {
			x->result = http_is_stopped(h) ? CURLE_ABORTED_BY_CALLBACK
						       : CURLE_OPERATION_TIMEDOUT;
			x->done = true;
			break;
		}
		go_on(h, (int)MIN((end - now) / NSEC_PER_MSEC + 1, POLL_MS));
	}
}

static bool is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/*
 * Where an answer sends the client: 1 with *url replaced, 0 when it is no redirect, -1 when it
 * cannot be followed.
 */
static int follow(struct http *h, CURL *c, const struct target *t, const struct request *r,
		  unsigned hop, char **url, long *status, struct err *e)
{
	char *location = NULL;

	curl.easy_getinfo(c, CURLINFO_RESPONSE_CODE, status);
	curl.easy_getinfo(c, CURLINFO_REDIRECT_URL, &location);
	if (!is_redirect(*status) || !location)
		return 0;
	if (hop == HOPS_MAX)
		return err_set(e, ERR_FAILED, "%s: more than %u redirects", t->url, HOPS_MAX);
	char *next = next_hop(*url, location, r->path, t->user || t->trusted || r->secret, e);
	if (!next)
		return err_wrap(e, "%s", t->url);
	if (h->no_follow && is_elsewhere(*url, next)) {
		err_set(e, ERR_FAILED, "%s: redirect to %.*s not followed", t->url,
			(int)origin_length(next), next);
		free(next);
		return -1;
	}
	free(*url);
	*url = next;
	return 1;
}

int http_ask(struct http *h, const struct target *t, const struct request *r, struct text *body,
	     struct err *e)
{
	char *url = xasprintf("%s%s", t->url, r->path);
	int result = 1;

	for (unsigned hop = 0; result == 1; hop++) {
		struct transfer x = {.body = body, .max = h->max_body};
		long status = 0;
		text_reset(body);
		set_options(h, h->easy, t, url, r, &x);
		await(h, h->easy, &x, true);
		curl.multi_remove_handle(h->multi, h->easy);
		curl.slist_free_all(x.headers);
		result = tell_result(h, &x, url, e);
		if (!result)
			result = follow(h, h->easy, t, r, hop, &url, &status, e);
		if (!result)
			result = (int)status;
	}
	free(url);
	return result;
}

/* ---- streams ---- */

struct http_stream {
	struct http *http;
	CURL *easy;
	struct transfer x;
	struct text bytes;
	char *url;
};

static int stream_begin(struct http_stream *s, const struct target *t, const struct request *r,
			struct err *e)
{
	struct http *h = s->http;
	int result = 1;

	for (unsigned hop = 0; result == 1; hop++) {
		long status = 0;
		/* Room for one whole record and the head of the next. */
		s->x = (struct transfer){
			.body = &s->bytes, .max = h->max_body + 4096, .heard = time_monotonic()};
		text_reset(&s->bytes);
		set_options(h, s->easy, t, s->url, r, &s->x);
		curl.easy_setopt(s->easy, CURLOPT_TCP_KEEPALIVE, 1L);
		await(h, s->easy, &s->x, false);
		result = s->x.done ? tell_result(h, &s->x, s->url, e) : 0;
		if (!result)
			result = follow(h, s->easy, t, r, hop, &s->url, &status, e);
		if (!result)
			result = (int)status;
		if (result == 200)
			return result;
		curl.multi_remove_handle(h->multi, s->easy);
		curl.slist_free_all(s->x.headers);
		s->x.headers = NULL;
	}
	return result;
}

struct http_stream *http_stream_open(struct http *h, const struct target *t,
				     const struct request *r, int *status, struct err *e)
{
	struct http_stream *s = xcalloc(1, sizeof(*s));

	s->http = h;
	s->easy = curl.easy_init();
	s->url = xasprintf("%s%s", t->url, r->path);
	*status = s->easy ? stream_begin(s, t, r, e) : -1;
	if (*status == 200) {
		s->url[origin_length(s->url)] = '\0';
		return s;
	}
	if (*status >= 0)
		err_set(e, ERR_FAILED, "%s%s: HTTP status %d", t->url, r->path, *status);
	http_stream_close(s);
	return NULL;
}

const char *http_stream_origin(const struct http_stream *s)
{
	return s->url;
}

struct cursor http_stream_bytes(const struct http_stream *s)
{
	return cursor_of(s->bytes.data ? s->bytes.data : "", s->bytes.len);
}

uint64_t http_stream_heard(const struct http_stream *s)
{
	return s->x.heard;
}

void http_stream_drop(struct http_stream *s, size_t n)
{
	if (!n)
		return;
	memmove(s->bytes.data, s->bytes.data + n, s->bytes.len - n);
	s->bytes.len -= n;
	if (!s->bytes.len && s->bytes.cap > STREAM_KEPT)
		text_done(&s->bytes); /* the first record is larger than all others */
}

bool http_stream_ended(const struct http_stream *s, struct err *e)
{
	if (s->x.done && !tell_result(s->http, &s->x, s->url, e))
		err_set(e, ERR_FAILED, "%s: the stream was closed", s->url);
	return s->x.done;
}

void http_stream_close(struct http_stream *s)
{
	if (!s)
		return;
	if (s->easy) {
		curl.multi_remove_handle(s->http->multi, s->easy);
		curl.easy_cleanup(s->easy);
	}
	curl.slist_free_all(s->x.headers);
	text_done(&s->bytes);
	free(s->url);
	free(s);
}

#endif
