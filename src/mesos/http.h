/* SPDX-License-Identifier: Apache-2.0 */
/* Private to room mesos: GET with bounds, redirects and a prompt end. */
#ifndef DREDGE_MESOS_HTTP_H
#define DREDGE_MESOS_HTTP_H

#include "base/base.h"

struct http;

/* A base address without "user:password@"; all strings owned. */
struct target {
	char *url;  /* "http://host:port", or with a path; no '/' at the end */
	char *user; /* NULL = no credentials */
	char *password;
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
/* Sleep, cut short by http_wake and http_stop. */
void http_sleep(struct http *h, uint64_t ns);
/* url without "http://" gets it. The message never shows user and password. */
int target_init(struct target *t, const char *url, struct err *e);
void target_done(struct target *t);
unsigned target_port(const struct target *t); /* the scheme's when the URL has none */
/*
 * GET url + path, redirects followed (5 at most; credentials never go from https to http).
 * Returns the status of the last answer with its body, or -1.
 */
int http_get(struct http *h, const struct target *t, const char *path, struct text *body,
	     struct err *e);

#endif
