/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl, and addresses as it reads them. */
#ifdef HAVE_CURL

#include "mesos/curl.h"

#include <pthread.h>
#include <stdlib.h>

#define LOCATION_MAX 4096u
#define LIBCURL	     "libcurl.so.4" /* the soname since 2006 */

struct curl_calls curl;
static int status;
static struct err trouble;

static void load_once(void)
{
#define CALL(name) "curl_" #name,
	static const char *const names[] = {CURL_CALLS(CALL)};
#undef CALL

	status = library_load(LIBCURL, names, ARRAY_SIZE(names), &curl, &trouble);
	if (!status && curl.global_init(CURL_GLOBAL_DEFAULT))
		status = err_set(&trouble, ERR_FAILED, LIBCURL " cannot be used");
}

int curl_load(struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load_once);
	if (status && e)
		*e = trouble;
	return status;
}

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
	if (curl_load(e))
		return -1;
	CURLU *u = curl.url();
	if (!u || curl.url_set(u, CURLUPART_URL, full, 0) != CURLUE_OK || !scheme_is_http(u)) {
		curl.url_cleanup(u);
		return err_set(e, ERR_USAGE, "'%.*s' is no http:// or https:// URL",
			       (int)strcspn(url_shown(url), "?"), url_shown(url));
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

char *next_hop(const char *from, const char *location, const char *path, bool secret, struct err *e)
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

size_t origin_length(const char *url)
{
	const char *host = strstr(url, "://");

	host = host ? host + 3 : url;
	return (size_t)(host - url) + strcspn(host, "/?");
}

bool is_elsewhere(const char *from, const char *to)
{
	size_t n = origin_length(from);

	return n != origin_length(to) || strncmp(from, to, n) != 0;
}

#endif
