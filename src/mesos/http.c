/* SPDX-License-Identifier: Apache-2.0 */
#ifdef HAVE_CURL

#include "mesos/http.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

#define HOPS_MAX     5u
#define CONNECT_MS   3000L
#define POLL_MS	     1000
#define LOCATION_MAX 4096u
#define LIBCURL	     "libcurl.so.4" /* the soname since 2006 */

/*
 * libcurl comes with thirty libraries, which would be three quarters of the start of a program that
 * reads a file: loaded when somebody is to be asked.
 */
/* clang-format off */
#define CURL_CALLS(X) \
	X(easy_cleanup) X(easy_getinfo) X(easy_init) X(easy_reset) X(easy_setopt) \
	X(easy_strerror) X(free) X(global_init) X(multi_add_handle) X(multi_cleanup) \
	X(multi_info_read) X(multi_init) X(multi_perform) X(multi_poll) \
	X(multi_remove_handle) X(multi_wakeup) X(url) X(url_cleanup) X(url_get) X(url_set)
/* clang-format on */

static struct {
#define CALL(name) __typeof__(curl_##name) *name;
	CURL_CALLS(CALL)
#undef CALL
} curl;

static bool loaded;

struct http {
	CURLM *multi;
	CURL *easy;
	size_t max_body;
	unsigned timeout_ms;
	char *ca_file;
	bool no_follow;
	atomic_bool stop;
};

struct answer {
	struct text *body;
	size_t max;
	bool too_large;
};

static void load_once(void)
{
	void *library = dlopen(LIBCURL, RTLD_LAZY);

	loaded = library;
#define CALL(name) loaded = loaded && (curl.name = dlsym(library, "curl_" #name));
	CURL_CALLS(CALL)
#undef CALL
	loaded = loaded && !curl.global_init(CURL_GLOBAL_DEFAULT);
}

static int load(struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load_once);
	return loaded ? 0 : err_set(e, ERR_FAILED, LIBCURL " is missing or cannot be used");
}

struct http *http_new(const struct http_options *o, struct err *e)
{
	if (load(e))
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

void http_sleep(struct http *h, uint64_t ns)
{
	if (!http_is_stopped(h))
		curl.multi_poll(h->multi, NULL, 0, (int)MIN(ns / NSEC_PER_MSEC + 1, 3600000u),
				NULL);
}

/* ---- addresses ---- */

static char *url_part(CURLU *u, CURLUPart part, unsigned flags)
{
	char *s = NULL, *copy = NULL;

	if (curl.url_get(u, part, &s, flags) == CURLUE_OK)
		copy = xstrdup(s);
	curl.free(s);
	return copy;
}

/* What may be shown of a URL that may be anything: nothing up to its last '@', no query. */
static const char *url_shown(const char *url)
{
	const char *at = strrchr(url, '@');

	return at ? at + 1 : url;
}

static bool scheme_is_http(CURLU *u)
{
	cleanup_free char *scheme = url_part(u, CURLUPART_SCHEME, 0);

	return scheme && (str_eq(scheme, "http") || str_eq(scheme, "https"));
}

int target_init(struct target *t, const char *url, struct err *e)
{
	cleanup_free char *full = strstr(url, "://") ? xstrdup(url) : xasprintf("http://%s", url);

	*t = (struct target){0};
	if (load(e))
		return -1;
	CURLU *u = curl.url();
	if (!u || curl.url_set(u, CURLUPART_URL, full, 0) != CURLUE_OK || !scheme_is_http(u)) {
		curl.url_cleanup(u);
		return err_set(e, ERR_USAGE, "'%s' is no http:// or https:// URL", url_shown(url));
	}
	t->user = url_part(u, CURLUPART_USER, CURLU_URLDECODE);
	t->password = url_part(u, CURLUPART_PASSWORD, CURLU_URLDECODE);
	curl.url_set(u, CURLUPART_USER, NULL, 0);
	curl.url_set(u, CURLUPART_PASSWORD, NULL, 0);
	curl.url_set(u, CURLUPART_QUERY, NULL, 0);
	curl.url_set(u, CURLUPART_FRAGMENT, NULL, 0);
	t->url = url_part(u, CURLUPART_URL, 0);
	for (size_t n = strlen(t->url); n && t->url[n - 1] == '/'; n--)
		t->url[n - 1] = '\0';
	curl.url_cleanup(u);
	return 0;
}

void target_done(struct target *t)
{
	free(t->url);
	free(t->user);
	free(t->password);
	*t = (struct target){0};
}

unsigned target_port(const struct target *t)
{
	CURLU *u = curl.url();
	unsigned port = 0;

	if (u && curl.url_set(u, CURLUPART_URL, t->url, 0) == CURLUE_OK) {
		cleanup_free char *s = url_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT);
		port = s ? (unsigned)strtoul(s, NULL, 10) : 0;
	}
	curl.url_cleanup(u);
	return port;
}

/*
 * The next hop: Location is absolute, scheme-relative or a path (curl joins them). Old masters
 * name the leader alone: then the wanted path is put behind it. NULL = not to be followed.
 */
static char *next_hop(const char *from, const char *location, const char *path, bool secret,
		      struct err *e)
{
	CURLU *u = curl.url();
	char *next = NULL, *there = NULL;

	if (!u || strlen(location) > LOCATION_MAX ||
	    curl.url_set(u, CURLUPART_URL, from, 0) != CURLUE_OK ||
	    curl.url_set(u, CURLUPART_URL, location, 0) != CURLUE_OK || !scheme_is_http(u)) {
		err_set(e, ERR_FAILED, "redirect to no usable address");
		goto out;
	}
	curl.url_set(u, CURLUPART_USER, NULL, 0);
	curl.url_set(u, CURLUPART_PASSWORD, NULL, 0);
	there = url_part(u, CURLUPART_PATH, 0);
	if (!there || str_eq(there, "/")) {
		cleanup_free char *pure = xstrndup(path, strcspn(path, "?"));
		curl.url_set(u, CURLUPART_PATH, pure, 0);
		if (strchr(path, '?'))
			curl.url_set(u, CURLUPART_QUERY, strchr(path, '?') + 1, 0);
	}
	next = url_part(u, CURLUPART_URL, 0);
	if (next && secret && str_starts(from, "https:") && !str_starts(next, "https:")) {
		err_set(e, ERR_FAILED, "redirect from https to http refused");
		free(next);
		next = NULL;
	}
out:
	free(there);
	curl.url_cleanup(u);
	return next;
}

/* "http://host:port" of a URL that curl made. */
static size_t origin_length(const char *url)
{
	const char *host = strstr(url, "://");

	host = host ? host + 3 : url;
	return (size_t)(host - url) + strcspn(host, "/?");
}

static bool is_elsewhere(const char *from, const char *to)
{
	size_t n = origin_length(from);

	return n != origin_length(to) || strncmp(from, to, n) != 0;
}

/* ---- one request ---- */

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct answer *a = ctx;

	n *= size;
	if (n > a->max - a->body->len) {
		a->too_large = true;
		return 0;
	}
	text_put(a->body, p, n);
	return n;
}

static void set_options(struct http *h, const struct target *t, const char *url, struct answer *a)
{
	CURL *c = h->easy;

	curl.easy_reset(c);
	curl.easy_setopt(c, CURLOPT_URL, url);
	curl.easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl.easy_setopt(c, CURLOPT_PROXY, ""); /* a cluster's inside is not reached by proxies */
	curl.easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl.easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl.easy_setopt(c, CURLOPT_QUICK_EXIT, 1L); /* a slow name server must not hold the end */
	curl.easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)h->timeout_ms);
	curl.easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, MIN(CONNECT_MS, (long)h->timeout_ms));
	curl.easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl.easy_setopt(c, CURLOPT_USERAGENT, "dredge/" DREDGE_VERSION);
	curl.easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl.easy_setopt(c, CURLOPT_WRITEDATA, a);
	if (h->ca_file)
		curl.easy_setopt(c, CURLOPT_CAINFO, h->ca_file);
	if (t->user) {
		curl.easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl.easy_setopt(c, CURLOPT_USERNAME, t->user);
		curl.easy_setopt(c, CURLOPT_PASSWORD, t->password ? t->password : "");
	}
}

/* CURLE_ABORTED_BY_CALLBACK = http_stop. */
static CURLcode perform(struct http *h)
{
	CURLcode result = CURLE_FAILED_INIT;
	int running = 1;

	if (curl.multi_add_handle(h->multi, h->easy) != CURLM_OK)
		return result;
	while (running && !http_is_stopped(h)) {
		if (curl.multi_perform(h->multi, &running) != CURLM_OK)
			break;
		if (running)
			curl.multi_poll(h->multi, NULL, 0, POLL_MS, NULL);
	}
	if (running && http_is_stopped(h))
		result = CURLE_ABORTED_BY_CALLBACK;
	int left;
	for (CURLMsg *m; (m = curl.multi_info_read(h->multi, &left));)
		if (m->msg == CURLMSG_DONE && m->easy_handle == h->easy)
			result = m->data.result;
	curl.multi_remove_handle(h->multi, h->easy);
	return result;
}

/* 0 with the status, or -1. */
static int get_once(struct http *h, const struct target *t, const char *url, struct text *body,
		    long *status, struct err *e)
{
	struct answer a = {.body = body, .max = h->max_body};

	text_reset(body);
	set_options(h, t, url, &a);
	CURLcode result = perform(h);
	int shown = (int)strcspn(url, "?");
	if (a.too_large)
		return err_set(e, ERR_FAILED, "%.*s: answer larger than %zu bytes", shown, url,
			       h->max_body);
	if (result != CURLE_OK)
		return err_set(e, ERR_FAILED, "%.*s: %s", shown, url, curl.easy_strerror(result));
	curl.easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, status);
	return 0;
}

static bool is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

int http_get(struct http *h, const struct target *t, const char *path, struct text *body,
	     struct err *e)
{
	char *url = xasprintf("%s%s", t->url, path);
	int result = -1;

	for (unsigned hop = 0;; hop++) {
		long status = 0;
		char *location = NULL;
		if (get_once(h, t, url, body, &status, e))
			break;
		curl.easy_getinfo(h->easy, CURLINFO_REDIRECT_URL, &location);
		if (!is_redirect(status) || !location) {
			result = (int)status;
			break;
		}
		if (hop == HOPS_MAX) {
			err_set(e, ERR_FAILED, "%s: more than %u redirects", t->url, HOPS_MAX);
			break;
		}
		char *next = next_hop(url, location, path, t->user != NULL, e);
		if (!next) {
			err_wrap(e, "%s", t->url);
			break;
		}
		if (h->no_follow && is_elsewhere(url, next)) {
			err_set(e, ERR_FAILED, "%s: redirect to %.*s not followed", t->url,
				(int)origin_length(next), next);
			free(next);
			break;
		}
		free(url);
		url = next;
	}
	free(url);
	return result;
}

#endif
