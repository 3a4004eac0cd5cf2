/* SPDX-License-Identifier: Apache-2.0 */
/* Private to room mesos: requests with bounds, redirects and a prompt end; and streams. */
#ifndef DREDGE_MESOS_HTTP_H
#define DREDGE_MESOS_HTTP_H

#include "base/base.h"

struct http;

/* A base address without "user:password@"; all strings owned. */
struct target {
	char *url;  /* "http://host:port", or with a path; no '/' at the end */
	char *user; /* NULL = no credentials */
	char *password;
	bool trusted; /* gets what http_authorize was given, unless it has a user */
};

struct http_options {
	size_t max_body;
	unsigned timeout_ms;
	const char *ca_file; /* copied; NULL = the system's */
	bool no_follow;	     /* a redirect to another address is an error */
};

struct http *http_new(const struct http_options *o, struct err *e);
void http_free(struct http *h);
/* From any thread: end the request or the sleep; http_stop for good. */
void http_wake(struct http *h);
void http_stop(struct http *h);
bool http_is_stopped(const struct http *h);
/* Sleep, cut short by http_wake, http_stop, and bytes of a stream. */
void http_sleep(struct http *h, uint64_t ns);
/* "Bearer ...": what trusted targets are shown from now on; NULL = nothing. Copied. */
void http_authorize(struct http *h, const char *authorization);
/* url without "http://" gets it. The message never shows user and password. */
int target_init(struct target *t, const char *url, struct err *e);
void target_done(struct target *t);
unsigned target_port(const struct target *t); /* the scheme's when the URL has none */
/* Of body NULL a GET, else a POST of JSON. Borrowed. */
struct request {
	const char *path, *body;
	const char *accept; /* content type; NULL = any */
	bool secret;	    /* the body has credentials */
};

#define HTTP_TOO_LARGE (-2)
/*
 * Redirects are followed, method and body kept (5 at most; credentials never go from https to
 * http). Returns the status of the last answer with its body, -1, or HTTP_TOO_LARGE. The message
 * never shows user and password.
 */
int http_ask(struct http *h, const struct target *t, const struct request *r, struct text *body,
	     struct err *e);

/*
 * An answer without an end, in the background of everything else that is asked: its bytes gather
 * while http_ask and http_sleep run.
 */
struct http_stream;
/* When its answer begins. *status (and no stream) is set when that is not 200; -1 = none came. */
struct http_stream *http_stream_open(struct http *h, const struct target *t,
				     const struct request *r, int *status, struct err *e);
/* The address that answered, without its path. Borrowed. */
const char *http_stream_origin(const struct http_stream *s);
/* What has come and was not dropped yet. */
struct cursor http_stream_bytes(const struct http_stream *s);
/* When the last of it came, ns, monotonic. */
uint64_t http_stream_heard(const struct http_stream *s);
void http_stream_drop(struct http_stream *s, size_t n); /* the first n of them */
/* Whether no more bytes come, and why. */
bool http_stream_ended(const struct http_stream *s, struct err *e);
void http_stream_close(struct http_stream *s); /* NULL is fine */

#endif
