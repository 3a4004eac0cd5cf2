/* SPDX-License-Identifier: Apache-2.0 */
#include "http/api.h"

#include <stdlib.h>
#include <strings.h>

const struct ask api_prepared[PREPARED] = {
	{.target = "/monitor/statistics"},
	{.target = "/monitor/statistics.json"},
	{.target = "/metrics"},
	{.target = "/metrics", .openmetrics = true},
};

bool api_is_light(const char *target)
{
	size_t n = strcspn(target, "?");

	for (size_t i = 0; i < api_route_count; i++)
		if (api_routes[i].pace == LIGHT && strlen(api_routes[i].path) == n &&
		    !memcmp(api_routes[i].path, target, n))
			return true;
	return false;
}

bool api_is_live(const char *target)
{
	for (size_t i = 0; i < api_route_count; i++) {
		size_t n = strlen(api_routes[i].path);
		if (api_routes[i].pace >= LIVE && !strncmp(api_routes[i].path, target, n) &&
		    strchr("/?", target[n]))
			return true;
	}
	return false;
}

void reply_error(struct reply *a, unsigned status, const char *why)
{
	a->status = status;
	a->type = NULL;
	text_reset(&a->body);
	text_str(&a->body, "{\"error\":");
	text_quoted(&a->body, why);
	text_str(&a->body, "}\n");
}

const char *request_argument(const struct request *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (str_eq(r->arguments[i].name, name))
			return r->arguments[i].value;
	return NULL;
}

/* ---- the target ---- */

/* NULL: control bytes, which no name here has. Owned by the caller. */
static char *decode(const char *s, size_t n, bool plus)
{
	struct text t = {0};

	cleanup_free char *raw = xstrndup(s, n);
	for (char *c = plus ? raw : NULL; c && (c = strchr(c, '+'));)
		*c = ' ';
	text_unpercent(&t, raw, n);
	for (size_t i = 0; i < t.len; i++) {
		if ((uint8_t)t.data[i] < 0x20 || t.data[i] == 0x7f) {
			text_done(&t);
			return NULL;
		}
	}
	char *out = xstrdup(text_cstr(&t));
	text_done(&t);
	return out;
}

static bool add_argument(struct request *r, const char *s, size_t n)
{
	const char *equals = memchr(s, '=', n);
	size_t name = equals ? (size_t)(equals - s) : n;
	struct api_argument *to = &r->arguments[r->n];

	if (r->n == API_ARGUMENTS)
		return false;
	r->n++;
	to->name = decode(s, name, true);
	to->value = equals ? decode(equals + 1, n - name - 1, true) : xstrdup("");
	return to->name && to->value;
}

static bool target_parse(struct request *r, const char *target)
{
	size_t n = strcspn(target, "?");
	const char *s = target + n;

	if (*target != '/' || strlen(target) > API_TARGET_MAX)
		return false;
	r->path = decode(target, n, false);
	if (!r->path)
		return false;
	while (*s) {
		s++; /* '?' or '&' */
		n = strcspn(s, "&");
		if (n && !add_argument(r, s, n))
			return false;
		s += n;
	}
	return true;
}

static void request_done(struct request *r)
{
	free(r->path);
	for (size_t i = 0; i < r->n; i++) {
		free(r->arguments[i].name);
		free(r->arguments[i].value);
	}
}

/* The weight of a media range ("text/plain;q=0.5") in thousandths, if it is of that type. */
static unsigned weight_of(const char *range, size_t n, const char *type)
{
	size_t m = strlen(type);

	if (n < m || strncasecmp(range, type, m) || (n > m && !strchr("; \t", range[m])))
		return 0;
	for (const char *s = range; (s = memchr(s, ';', (size_t)(range + n - s)));) {
		s += 1 + strspn(s + 1, " \t");
		if (!strncasecmp(s, "q=", 2))
			return (unsigned)(MAX(MIN(strtod(s + 2, NULL), 1.0), 0.0) * 1000 + 0.5);
	}
	return 1000;
}

bool api_wants_openmetrics(const char *accept)
{
	unsigned open = 0, plain = 0;

	for (const char *s = accept; s && *s;) {
		s += strspn(s, ", \t");
		size_t n = strcspn(s, ",");
		open = MAX(open, weight_of(s, n, "application/openmetrics-text"));
		plain = MAX(plain, weight_of(s, n, "text/plain"));
		s += n;
	}
	return open && open >= plain;
}

/* ---- finding the route ---- */

static bool fits(const struct route *route, struct request *r)
{
	size_t n = strlen(route->path);

	r->id = NULL;
	if (strncmp(r->path, route->path, n))
		return false;
	const char *rest = r->path + n;
	if (!*rest || (str_eq(rest, "/") && n > 1))
		return true;
	r->id = rest + 1;
	return route->ids && *rest == '/';
}

static bool in_list(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *s = list; *s; s += strcspn(s, " ") + 1)
		if (n && strcspn(s, " ") == n && !memcmp(s, name, n))
			return true;
	return false;
}

static bool arguments_fit(const struct route *route, const struct request *r, struct reply *a)
{
	for (size_t i = 0; i < r->n && route->arguments; i++) {
		const char *name = r->arguments[i].name;
		struct text why = {0};
		bool twice = request_argument(r, name) != r->arguments[i].value;
		if (!twice && in_list(route->arguments, name))
			continue;
		text_fmt(&why, "%s: %s; there is %s", name,
			 twice ? "given twice" : "no such argument",
			 *route->arguments ? route->arguments : "none");
		reply_error(a, 400, text_cstr(&why));
		text_done(&why);
		return false;
	}
	return true;
}

void api_reply(const struct view *view, const struct ask *ask, struct reply *a)
{
	struct request r = {.view = view,
			    .live = ask->live,
			    .method = ask->method ? ask->method : "GET",
			    .body = ask->body,
			    .last_event_id = ask->last_event_id,
			    .openmetrics = ask->openmetrics};
	const struct route *route = NULL;

	if (!target_parse(&r, ask->target)) {
		reply_error(a, 400, "the target of the request is malformed or too long");
		request_done(&r);
		return;
	}
	for (size_t i = 0; i < api_route_count && !route; i++)
		if (fits(&api_routes[i], &r))
			route = &api_routes[i];
	a->status = 200;
	if (!route)
		reply_error(a, 404, "no such resource; / describes what there is");
	else if (route->pace != CONTROL && !str_eq(r.method, "GET") && !str_eq(r.method, "HEAD"))
		reply_error(a, 405, "only GET and HEAD are served");
	else if (!view)
		reply_error(a, 503, "not ready yet");
	else if (arguments_fit(route, &r, a))
		route->run(&r, a);
	request_done(&r);
}
