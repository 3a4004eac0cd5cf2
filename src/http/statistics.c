/* SPDX-License-Identifier: Apache-2.0 */
#include "http/statistics.h"

/* In Mesos' message these are doubles though they count. */
static bool is_double(const struct counter_row *row)
{
	return row->kind == COUNTER_SECONDS || str_starts(row->name, "net_tcp_");
}

static json_t *value_json(const struct counter_row *row, uint64_t v)
{
	if (!is_double(row))
		return json_integer((json_int_t)v);
	return json_real(row->kind == COUNTER_SECONDS ? (double)v / (double)NSEC_PER_SEC
						      : (double)v);
}

static json_t *member(json_t *of, const char *name, json_t *(*make)(void))
{
	json_t *found = json_object_get(of, name);

	if (!found) {
		found = make();
		json_object_set_new(of, name, found);
	}
	return found;
}

/* The element of a list of objects with this id. */
static json_t *element(json_t *list, const char *id)
{
	json_t *e;
	size_t i;

	json_array_foreach(list, i,
			   e) if (str_eq(json_string_value(json_object_get(e, "id")), id)) return e;
	e = json_pack("{s:s}", "id", id);
	json_array_append_new(list, e);
	return e;
}

static bool ends(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && str_eq(s + n - m, end);
}

/* Where "GROUP.name" belongs; group is empty for names without one. */
static json_t *place(json_t *root, const char *group, const char *name)
{
	if (ends(group, "bw_limit") || ends(group, "bloat_reduction"))
		return element(member(root, "net_traffic_control_statistics", json_array), group);
	if (ends(group, "_stats"))
		return member(member(root, "net_snmp_statistics", json_object), group, json_object);
	if (ends(group, "_rate"))
		return member(member(root, "net_rate_statistics", json_object), group, json_object);
	if (*group)
		return member(root, group, json_object);
	return str_starts(name, "sampling_") ? member(root, "net_rate_statistics", json_object)
					     : root;
}

static void add_counter(json_t *root, const struct counter_row *row, uint64_t v)
{
	const char *dot = strchr(row->name, '.'), *name = dot ? dot + 1 : row->name;
	cleanup_free char *group = xstrndup(row->name, dot ? (size_t)(dot - row->name) : 0);

	json_object_set_new(place(root, group, name), name, value_json(row, v));
}

json_t *statistics_json(const struct control_sample *s)
{
	json_t *values = json_pack("{s:f}", "timestamp", (double)s->ts / (double)NSEC_PER_SEC);

	for (unsigned i = 0; i < COUNTERS; i++)
		if (counters_has(s->counters, i))
			add_counter(values, &counter_rows[i], s->counters->value[i]);
	json_t *one = json_pack("{s:s,s:o}", "id", s->id, "statistics", values);
	if (*s->container)
		json_object_set_new(one, "container_id", json_string(s->container));
	return one;
}
