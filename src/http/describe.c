/* SPDX-License-Identifier: Apache-2.0 */
/* / and /v1: the routes as an OpenAPI 3.0 document. */
#include "http/api.h"

static const struct argument {
	const char *name, *type, *text;
} arguments[] = {
	{"filter", "string", "a filter of dredge-filter(5)"},
	{"fields", "string", "members to show, with commas between"},
	{"sort", "string", "the member to sort by; - before it: the greatest first"},
	{"limit", "integer", "rows at most"},
	{"cursor", "string", "what `next` said: the page that follows"},
	{"at", "string", "as it was: 03:12, 2026-01-31T03:12Z or @1700000000"},
	{"from", "string", "packets from this time on"},
	{"to", "string", "packets up to this time"},
	{"format", "string",
	 "of a capture pcapng, pcapng.lz4, json or text; of a view text, csv or json"},
};

static void put_text(struct text *t, const char *name, const char *value)
{
	text_char(t, '"');
	text_str(t, name);
	text_str(t, "\":");
	text_quoted(t, value);
}

static void put_parameter(struct text *t, const char *name, size_t n, const char *in, bool required)
{
	const struct argument *a = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(arguments) && !a; i++)
		if (strlen(arguments[i].name) == n && !memcmp(arguments[i].name, name, n))
			a = &arguments[i];
	if (t->data[t->len - 1] != '[')
		text_char(t, ',');
	text_str(t, "\n{\"name\":\"");
	text_put(t, name, n);
	text_str(t, "\",\"in\":\"");
	text_str(t, in);
	text_str(t, required ? "\",\"required\":true," : "\",");
	put_text(t, "description", a ? a->text : "slashes need not be encoded");
	text_str(t, ",\"schema\":{");
	put_text(t, "type", a ? a->type : "string");
	text_str(t, "}}");
}

static void put_parameters(struct text *t, const struct route *route, bool id)
{
	text_str(t, "\"parameters\":[");
	if (id)
		put_parameter(t, "id", 2, "path", true);
	for (const char *s = route->arguments; s && *s; s += strcspn(s, " ") + 1)
		put_parameter(t, s, strcspn(s, " "), "query", false);
	text_char(t, ']');
}

static void put_responses(struct text *t, const char *type)
{
	text_str(t, ",\"responses\":{\"200\":{\"description\":\"the answer\",\"content\":{");
	text_quoted(t, type);
	text_str(t, ":{}}},\"default\":{\"description\":\"{\\\"error\\\":\\\"why\\\"}\","
		    "\"content\":{\"application/json\":{}}}}}");
}

static void put_get(struct text *t, const struct route *route, bool id)
{
	text_str(t, "\n\"get\":{");
	put_text(t, "summary", route->text);
	text_char(t, ',');
	put_parameters(t, route, id);
	put_responses(t, route->type ? route->type : "application/json");
}

/* The operations of one path: those that change something are told with what is behind it. */
static void put_path(struct text *t, const struct route *route, const char *behind)
{
	bool id = *behind, first = true;

	text_str(t, t->data[t->len - 1] == '{' ? "\n\"" : ",\n\"");
	text_str(t, route->path);
	text_str(t, behind);
	text_str(t, "\":{");
	if (!id || str_eq(behind, "/{id}")) {
		put_get(t, route, id);
		first = false;
	}
	for (unsigned i = 0; i < ROUTE_CHANGES && route->changes[i].method; i++) {
		if (!str_eq(route->changes[i].behind, behind))
			continue;
		text_str(t, first ? "\n" : ",\n");
		text_str(t,
			 str_eq(route->changes[i].method, "POST") ? "\"post\":{" : "\"delete\":{");
		put_text(t, "summary", route->changes[i].text);
		text_str(t, ",\"parameters\":[");
		if (id)
			put_parameter(t, "id", 2, "path", true);
		text_char(t, ']');
		if (route->changes[i].body)
			text_fmt(t,
				 ",\"requestBody\":{\"required\":true,\"content\":"
				 "{\"application/json\":{\"schema\":%s}}}",
				 route->changes[i].body);
		put_responses(t, "application/json");
		first = false;
	}
	text_char(t, '}');
}

void route_describe(const struct request *r, struct reply *a)
{
	struct text *t = &a->body;

	(void)r;
	text_str(t, "{\"openapi\":\"3.0.3\",\"info\":{\"title\":\"dredged\",\"version\":"
		    "\"" DREDGE_VERSION "\",\"description\":\"dredged(8), HTTP API\"},\"paths\":{");
	for (size_t i = 0; i < api_route_count; i++) {
		const struct route *route = &api_routes[i];
		put_path(t, route, "");
		if (route->ids)
			put_path(t, route, "/{id}");
		for (unsigned k = 0; k < ROUTE_CHANGES && route->changes[k].method; k++)
			if (strlen(route->changes[k].behind) > strlen("/{id}"))
				put_path(t, route, route->changes[k].behind);
	}
	text_str(t, "}}\n");
}
