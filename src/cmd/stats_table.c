/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/stats_table.h"

#include <jansson.h>

#include "cmd/options.h"

#define WIDTH 11u

/* "net_rx_bytes", or a member of an element of the list: "bw_limit.backlog". */
static const json_t *find(const json_t *statistics, const char *name)
{
	const char *dot = strchr(name, '.');
	const json_t *e;
	size_t i;

	if (!dot)
		return json_object_get(statistics, name);
	json_array_foreach(json_object_get(statistics, "net_traffic_control_statistics"), i, e)
	{
		const char *id = json_string_value(json_object_get(e, "id"));
		if (id && strlen(id) == (size_t)(dot - name) && str_starts(name, id))
			return json_object_get(e, dot + 1);
	}
	return NULL;
}

static void put_count(struct text *t, uint64_t n)
{
	text_u64(t, n);
}

static void put_msec(struct text *t, uint64_t us)
{
	text_fmt(t, "%.2f ms", (double)us / 1000);
}

static const struct column {
	const char *head, *name;
	void (*put)(struct text *t, uint64_t n);
} columns[] = {
	{"RECEIVED", "net_rx_bytes", text_bytes},
	{"SENT", "net_tx_bytes", text_bytes},
	{"DROPPED IN", "net_rx_dropped", put_count},
	{"DROPPED OUT", "net_tx_dropped", put_count},
	{"LIMITED", "bw_limit.overlimits", put_count},
	{"WAITS", "bw_limit.backlog", text_bytes},
	{"CONNECTIONS", "net_tcp_active_connections", put_count},
	{"RTT P50", "net_tcp_rtt_microsecs_p50", put_msec},
	{"RTT P99", "net_tcp_rtt_microsecs_p99", put_msec},
};

static void put_line(struct text *t, const json_t *one)
{
	const json_t *statistics = json_object_get(one, "statistics");
	const char *id = json_string_value(json_object_get(one, "id"));

	text_fmt(t, "%-24s", id ? id : "");
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		const json_t *v = find(statistics, columns[i].name);
		struct text cell = {0};
		if (v)
			columns[i].put(&cell, (uint64_t)json_number_value(v));
		else
			text_char(&cell, '-');
		text_fmt(t, " %*s", (int)WIDTH, text_cstr(&cell));
		text_done(&cell);
	}
	text_char(t, '\n');
}

void stats_table(const char *json, struct text *out)
{
	json_t *root = json_loads(json, 0, NULL);
	const json_t *all = json_object_get(root, "containers"), *one;
	size_t i;

	text_fmt(out, "%-24s", "ID");
	for (i = 0; i < ARRAY_SIZE(columns); i++)
		text_fmt(out, " %*s", (int)WIDTH, columns[i].head);
	text_char(out, '\n');
	if (all)
		json_array_foreach(all, i, one) put_line(out, one);
	else
		put_line(out, root);
	json_decref(root);
}
