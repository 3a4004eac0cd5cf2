/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/list_table.h"

#include <jansson.h>

#include "cmd/options.h"

static void put_rate(struct text *t, const json_t *shape)
{
	const json_t *rate = json_object_get(shape, "rate");
	size_t start = t->len;

	if (rate) {
		text_bytes(t, (uint64_t)json_integer_value(rate));
		text_str(t, "/s");
	} else {
		text_char(t, '-');
	}
	while (t->len - start < 12)
		text_char(t, ' ');
}

static const char *member(const json_t *c, const char *key, const char *none)
{
	const json_t *text = json_object_get(c, key);

	return json_string_length(text) ? json_string_value(text) : none;
}

static bool has_name(const json_t *c)
{
	return json_object_get(c, "app") || json_object_get(c, "task");
}

/* What both kinds of container have. */
static void put_line(struct text *t, const json_t *c, bool names)
{
	const json_t *eph = json_object_get(c, "ephemeral_ports");
	const json_t *refused = json_object_get(json_object_get(c, "refused"), "foreign_port");
	cleanup_free char *range =
		eph ? xasprintf("%5lld-%lld",
				(long long)json_integer_value(json_object_get(eph, "begin")),
				(long long)json_integer_value(json_object_get(eph, "end")))
		    : xstrdup("-");

	text_fmt(t, "%-36s %-8s %-22s %-12s ", member(c, "id", "-"), member(c, "veth", "-"),
		 member(c, "ports", "-"), range);
	put_rate(t, json_object_get(c, "egress"));
	put_rate(t, json_object_get(c, "ingress"));
	if (refused)
		text_fmt(t, "%-12lld ", (long long)json_integer_value(refused));
	else
		text_fmt(t, "%-12s ", "-");
	if (names)
		text_fmt(t, "%-22s %-36s ", member(c, "app", "-"), member(c, "task", "-"));
}

static void put_agreement(struct text *t, const json_t *c)
{
	const json_t *missing = json_object_get(c, "missing");

	if (json_is_true(json_object_get(c, "ending")))
		text_str(t, "ending\n");
	else if (!missing)
		text_str(t, "unknown\n");
	else if (!json_integer_value(missing))
		text_str(t, "agrees\n");
	else
		text_fmt(t, "%lld missing\n", (long long)json_integer_value(missing));
}

void list_table(const char *json, struct text *t)
{
	json_t *root = json_loads(json, 0, NULL);
	const json_t *own = json_object_get(root, "containers");
	const json_t *foreign = json_object_get(root, "foreign");
	const json_t *room = json_object_get(root, "free");
	bool names = false;
	json_t *c;
	size_t k;

	json_array_foreach(own, k, c) names |= has_name(c);
	json_array_foreach(foreign, k, c) names |= has_name(c);
	text_fmt(t, "%-36s %-8s %-22s %-12s %-11s %-11s %-12s ", "ID", "LINK", "PORTS", "EPHEMERAL",
		 "EGRESS", "INGRESS", "FOREIGN PORT");
	if (names)
		text_fmt(t, "%-22s %-36s ", "APP", "TASK");
	text_str(t, "KERNEL\n");
	json_array_foreach(own, k, c)
	{
		put_line(t, c, names);
		put_agreement(t, c);
	}
	json_array_foreach(foreign, k, c)
	{
		const char *why = member(c, "why", NULL);
		put_line(t, c, names);
		text_fmt(t, "of Mesos' isolator%s%s\n", why ? ": " : "", why ? why : "");
	}
	text_fmt(t, "free: ports %s; ephemeral %s; %lld more containers\n",
		 member(room, "ports", "none"), member(room, "ephemeral_ports", "none"),
		 (long long)json_integer_value(json_object_get(room, "containers")));
	json_decref(root);
}
