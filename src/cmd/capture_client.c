/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/capture_client.h"
#include "cmd/options.h"

#ifdef HAVE_CURL
#include <curl/curl.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#define ANSWER_MAX (16u << 20)
#define TOKEN_MAX  255u
#define CONNECT_S  10L
#define SILENT_S   60L /* without a byte */

struct request {
	const struct capture_client *client;
	CURL *curl;
	char *url;  /* owned */
	bool fetch; /* the answer goes to standard output as it comes */
	struct text answer;
};

/* ---- what is asked ---- */

static char *escaped(const struct request *r, const char *s)
{
	char *by_curl = curl_easy_escape(r->curl, s, 0), *ours = xstrdup(by_curl ? by_curl : "");

	curl_free(by_curl);
	return ours;
}

/* The words of a filter with blanks between; owned by the caller, NULL = none. */
static char *join(char **words)
{
	struct text t = {0};

	for (; *words; words++)
		text_fmt(&t, "%s%s", t.len ? " " : "", *words);
	char *all = t.len ? xstrdup(text_cstr(&t)) : NULL;
	text_done(&t);
	return all;
}

static void set_path(struct request *r, const char *path)
{
	const char *server = r->client->server ? r->client->server : CAPTURE_SERVER;
	bool socket = str_starts(server, "unix:"), whole = strstr(server, "://");

	if (socket)
		curl_easy_setopt(r->curl, CURLOPT_UNIX_SOCKET_PATH, server + strlen("unix:"));
	free(r->url);
	r->url = xasprintf("%s%s%s", whole ? "" : "http://", socket ? "localhost" : server, path);
}

static void set_url(struct request *r, const char *name, const char *tail)
{
	cleanup_free char *id = name ? escaped(r, name) : NULL;
	cleanup_free char *path = xasprintf("/v1/captures%s%s%s", id ? "/" : "", id ? id : "",
					    tail);

	set_path(r, path);
}

static void add_argument(const struct request *r, struct text *query, const char *name,
			 const char *value)
{
	cleanup_free char *safe = value ? escaped(r, value) : NULL;

	if (safe)
		text_fmt(query, "%c%s=%s", query->len ? '&' : '?', name, safe);
}

/* "Authorization: Bearer TOKEN": the last word of the file's first line, which may be one of
 * dredged's own; nothing where there is no file. */
static int add_token(const char *path, struct curl_slist **headers, struct err *e)
{
	char line[TOKEN_MAX + 16] = "";
	cleanup_close int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (!path)
		return 0;
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	if (n < 0)
		return err_sys(e, "%s", path);
	line[strcspn(line, "\r\n")] = '\0';
	const char *token = line + strlen(line);
	while (token > line && token[-1] != ' ' && token[-1] != '\t')
		token--;
	cleanup_free char *header = xasprintf("Authorization: Bearer %s", token);
	*headers = curl_slist_append(*headers, header);
	explicit_bzero(line, sizeof(line));
	return 0;
}

/* ---- the answer ---- */

static size_t take(char *p, size_t size, size_t n, void *ctx)
{
	struct request *r = ctx;
	long status = 0;

	curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &status);
	if (r->fetch && status == 200)
		return write_all(STDOUT_FILENO, p, size * n) ? 0 : size * n;
	if (r->answer.len + size * n > ANSWER_MAX)
		return 0;
	text_put(&r->answer, p, size * n);
	return size * n;
}

static int refused(struct request *r, long status, struct err *e)
{
	json_t *root = json_loads(text_cstr(&r->answer), 0, NULL);
	const char *why = json_string_value(json_object_get(root, "error"));
	int code = status < 500 ? ERR_USAGE : ERR_FAILED;

	if (why)
		err_set(e, code, "%s", why);
	else /* dredged says why */
		err_set(e, code, "%s: HTTP status %ld (is it dredged?)", r->url, status);
	json_decref(root);
	return -1;
}

static int send_request(struct request *r, const char *method, const char *body, struct err *e)
{
	struct curl_slist *headers = NULL;
	char why[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURL *c = r->curl;

	if (add_token(r->client->token_file, &headers, e))
		return -1;
	curl_easy_setopt(c, CURLOPT_URL, r->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_PROXY, ""); /* whatever the environment says */
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, SILENT_S);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, r);
	if (r->client->ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, r->client->ca_file);
	if (body)
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
	CURLcode rc = curl_easy_perform(c);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	if (rc)
		return err_set(e, ERR_FAILED, "%s: %s", r->url,
			       *why ? why : curl_easy_strerror(rc));
	return status >= 300 ? refused(r, status, e) : 0;
}

/* ---- commands ---- */

/* What others wrote, fit for a terminal. */
static void put_member(struct text *t, const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	if (s)
		text_plain(t, s, strlen(s));
}

static void put_line(struct text *t, const json_t *c)
{
	struct text name = {0};
	double begun = json_number_value(json_object_get(c, "begun"));
	size_t start = t->len;

	put_member(&name, c, "name");
	text_fmt(t, "%-32s %-8s ", text_cstr(&name),
		 json_is_true(json_object_get(c, "writing")) ? "writing" : "whole");
	text_bytes(t, (uint64_t)json_integer_value(json_object_get(c, "bytes")));
	while (t->len - start < 52)
		text_char(t, ' ');
	text_time_datetime(t, (uint64_t)(begun * (double)NSEC_PER_SEC));
	t->len -= strlen(".000000000");
	text_str(t, "  ");
	put_member(t, c, "filter");
	text_char(t, '\n');
	text_done(&name);
}

static int do_list(struct request *r, char **words, struct text *out, struct err *e)
{
	const json_t *c;
	size_t i;

	(void)words;
	set_url(r, NULL, "");
	if (send_request(r, "GET", NULL, e))
		return -1;
	if (r->client->json) {
		text_put(out, r->answer.data, r->answer.len);
		return 0;
	}
	json_t *root = json_loads(text_cstr(&r->answer), 0, NULL);
	text_fmt(out, "%-32s %-8s %-10s %-20s %s\n", "NAME", "STATE", "SIZE", "BEGUN", "FILTER");
	json_array_foreach(json_object_get(root, "captures"), i, c) put_line(out, c);
	json_decref(root);
	return 0;
}

static int do_start(struct request *r, char **words, struct text *out, struct err *e)
{
	cleanup_free char *filter = join(words + 1);
	json_t *root = json_pack("{s:s,s:s*}", "name", words[0], "filter", filter);
	cleanup_free char *body = json_dumps(root, JSON_COMPACT);

	json_decref(root);
	set_url(r, NULL, "");
	if (send_request(r, "POST", body, e))
		return -1;
	root = json_loads(text_cstr(&r->answer), 0, NULL);
	put_member(out, root, "name");
	text_char(out, '\n');
	json_decref(root);
	return 0;
}

static int do_stop(struct request *r, char **words, struct text *out, struct err *e)
{
	(void)out;
	set_url(r, words[0], "");
	return send_request(r, "DELETE", NULL, e);
}

static int do_rotate(struct request *r, char **words, struct text *out, struct err *e)
{
	(void)out;
	set_url(r, words[0], "/rotate");
	return send_request(r, "POST", "", e);
}

static int do_fetch(struct request *r, char **words, struct text *out, struct err *e)
{
	cleanup_free char *filter = join(words + 1);
	struct text query = {0};

	(void)out;
	r->fetch = true;
	add_argument(r, &query, "filter", filter);
	add_argument(r, &query, "from", r->client->from);
	add_argument(r, &query, "to", r->client->to);
	add_argument(r, &query, "format", r->client->format);
	set_url(r, words[0], text_cstr(&query));
	text_done(&query);
	return send_request(r, "GET", NULL, e);
}

static const struct {
	const char *name;
	bool named; /* a capture is wanted */
	int (*run)(struct request *r, char **words, struct text *out, struct err *e);
} commands[] = {
	{"list", false, do_list},    {"start", true, do_start}, {"stop", true, do_stop},
	{"rotate", true, do_rotate}, {"fetch", true, do_fetch},
};

static int run_command(struct request *r, char **words, struct text *out, struct err *e)
{
	static char *list[] = {(char *)"list", NULL};

	if (!words[0])
		words = list;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!str_eq(words[0], commands[i].name))
			continue;
		if (commands[i].named && !words[1])
			return err_set(e, ERR_USAGE, "captures %s: the name of one is wanted",
				       words[0]);
		return commands[i].run(r, words + 1, out, e);
	}
	return err_set(e, ERR_USAGE,
		       "captures: there is list, start, stop, rotate and fetch, no '%s'", words[0]);
}

int capture_client_run(const struct capture_client *c, char **words, struct text *out,
		       struct err *e)
{
	struct request r = {.client = c, .curl = curl_easy_init()};

	if (!r.curl)
		return err_set(e, ERR_FAILED, "cannot start libcurl");
	int status = run_command(&r, words, out, e);
	curl_easy_cleanup(r.curl);
	text_done(&r.answer);
	free(r.url);
	return status;
}

/* Not ready is an answer too, with status 503. */
int capture_client_ready(const struct capture_client *c, struct text *out, struct err *e)
{
	struct request r = {.client = c, .curl = curl_easy_init()};
	struct err why = {0};

	if (!r.curl)
		return err_set(e, ERR_FAILED, "cannot start libcurl");
	set_path(&r, "/readyz");
	int status = send_request(&r, "GET", NULL, &why);
	json_t *root = json_loads(text_cstr(&r.answer), 0, NULL);
	if (json_is_boolean(json_object_get(root, "ready"))) {
		text_put(out, r.answer.data, r.answer.len);
		status = 0;
	} else if (!status) {
		status = err_set(&why, ERR_FAILED, "%s: this is no dredged", r.url);
	}
	if (status)
		*e = why;
	json_decref(root);
	curl_easy_cleanup(r.curl);
	text_done(&r.answer);
	free(r.url);
	return status;
}

#else

int capture_client_ready(const struct capture_client *c, struct text *out, struct err *e)
{
	(void)c;
	(void)out;
	return err_set(e, ERR_FAILED, "not built in (libcurl was missing)");
}

int capture_client_run(const struct capture_client *c, char **words, struct text *out,
		       struct err *e)
{
	(void)c;
	(void)words;
	(void)out;
	return err_set(e, ERR_FAILED, "not built in (libcurl was missing)");
}

#endif
