/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/ask.h"

#ifdef HAVE_CURL
#include <curl/curl.h>
#include <jansson.h>

#define ANSWER_MAX    (64u << 20)
#define ANSWER_SECOND 30L

static size_t take(char *p, size_t size, size_t n, void *ctx)
{
	struct text *t = ctx;

	if (t->len + size * n > ANSWER_MAX)
		return 0;
	text_put(t, p, size * n);
	return size * n;
}

static int refused(const char *name, long status, struct text *answer, struct err *e)
{
	json_t *root = json_loads(text_cstr(answer), 0, NULL);
	const char *why = json_string_value(json_object_get(root, "error"));
	int code = status < 500 ? ERR_USAGE : ERR_FAILED;

	if (why)
		err_set(e, code, "%s", why);
	else /* dredged says why */
		err_set(e, code, "%s: HTTP status %ld (is it dredged?)", name, status);
	json_decref(root);
	return -1;
}

/* name: what is asked, for messages; hint: behind a failure to reach it. */
static int perform(CURL *c, const char *name, const char *hint, long *status, struct text *out,
		   struct err *e)
{
	char why[CURL_ERROR_SIZE] = "";
	struct text answer = {0};

	curl_easy_setopt(c, CURLOPT_PROXY, ""); /* whatever the environment says */
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, ANSWER_SECOND);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, &answer);
	CURLcode rc = curl_easy_perform(c);
	if (!rc)
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, status);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, NULL);
	int failed = 0;
	if (rc)
		failed = err_set(e, ERR_FAILED, "%s: %s%s", name,
				 *why ? why : curl_easy_strerror(rc), hint);
	else if (*status >= 300)
		failed = refused(name, *status, &answer, e);
	else if (answer.len)
		text_put(out, answer.data, answer.len);
	text_done(&answer);
	return failed;
}

int ask_status(const char *socket, const char *method, const char *path, const char *body,
	       long *status, struct text *out, struct err *e)
{
	cleanup_free char *url = xasprintf("http://dredged%s", path);
	CURL *c = curl_easy_init();

	*status = 0;
	if (!c)
		return err_set(e, ERR_FAILED, "cannot start libcurl");
	curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, socket);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
	if (body)
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
	int failed = perform(c, socket, " (is dredged running?)", status, out, e);
	curl_easy_cleanup(c);
	return failed;
}

/* Percent-encodes what follows "filter=". */
static char *address_of(CURL *c, const struct ask_host *h, const char *path, const char *filter)
{
	char *escaped = filter ? curl_easy_escape(c, filter, 0) : NULL;
	size_t n = strlen(h->url);

	while (n && h->url[n - 1] == '/')
		n--;
	char *url = xasprintf("%.*s%s%s%s", (int)n, h->url, path, escaped ? "?filter=" : "",
			      escaped ? escaped : "");
	curl_free(escaped);
	return url;
}

int ask_host(const struct ask_host *h, const char *path, const char *filter, struct text *out,
	     struct err *e)
{
	struct curl_slist *headers = NULL;
	CURL *c = curl_easy_init();
	long status = 0;

	if (!c)
		return err_set(e, ERR_FAILED, "cannot start libcurl");
	cleanup_free char *url = address_of(c, h, path, filter);
	cleanup_free char *token = h->token ? xasprintf("Authorization: Bearer %s", h->token)
					    : NULL;
	if (token)
		headers = curl_slist_append(NULL, token);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	if (h->ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, h->ca_file);
	int failed = perform(c, h->url, "", &status, out, e);
	curl_slist_free_all(headers);
	curl_easy_cleanup(c);
	return failed;
}

#else

int ask_status(const char *socket, const char *method, const char *path, const char *body,
	       long *status, struct text *out, struct err *e)
{
	(void)socket;
	(void)method;
	(void)path;
	(void)body;
	(void)out;
	*status = 0;
	return err_set(e, ERR_FAILED, "not built in (libcurl was missing)");
}

int ask_host(const struct ask_host *h, const char *path, const char *filter, struct text *out,
	     struct err *e)
{
	(void)h;
	(void)path;
	(void)filter;
	(void)out;
	return err_set(e, ERR_FAILED, "not built in (libcurl was missing)");
}

#endif

int ask(const char *socket, const char *method, const char *path, const char *body,
	struct text *out, struct err *e)
{
	long status;

	return ask_status(socket, method, path, body, &status, out, e);
}
