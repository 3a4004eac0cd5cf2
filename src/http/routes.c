/* SPDX-License-Identifier: Apache-2.0 */
/* The list of all that can be asked of the server; it is described from here too. */
#include "http/api.h"

#define TREE  "filter fields at "
#define QUERY TREE "sort limit cursor "

const struct route api_routes[] = {
	{"/", false, LIGHT, "", route_describe,
	 .text = "what can be asked, as an OpenAPI document"},
	{"/v1", false, LIGHT, "", route_describe, .text = "the same"},
	{"/monitor/statistics", false, HEAVY, NULL, route_statistics,
	 .text = "statistics of executors, as of Mesos' agent"},
	{"/monitor/statistics.json", false, HEAVY, NULL, route_statistics, .text = "the same"},
	{"/containers", false, HEAVY, NULL, route_containers,
	 .text = "containers, as of Mesos' agent"},
	{"/healthz", false, LIGHT, NULL, route_health, .text = "200 while it runs"},
	{"/readyz", false, LIGHT, NULL, route_ready,
	 .text = "200 when names are known and fresh; losses"},
	{"/metrics", false, HEAVY, NULL, route_metrics,
	 .text = "numbers, in Prometheus' text format or OpenMetrics", .type = "text/plain"},
	{"/v1/containers", true, HEAVY, QUERY, route_rows, .text = "containers that are alive"},
	{"/v1/tasks", true, HEAVY, QUERY, route_rows,
	 .text = "tasks of Mesos, of the whole cluster"},
	{"/v1/apps", true, HEAVY, QUERY, route_rows, .text = "apps of Marathon, with their sums"},
	{"/v1/groups", true, HEAVY, TREE, route_groups,
	 .text = "the tree of groups, apps and tasks, with the sums of each"},
	{"/v1/frameworks", true, HEAVY, QUERY, route_rows, .text = "frameworks, with their sums"},
	{"/v1/agents", true, HEAVY, QUERY, route_rows, .text = "agents"},
	{"/v1/ports", true, HEAVY, QUERY, route_rows,
	 .text = "who has which ports; /v1/ports/31005?at=03:12: who has it now, and had it then"},
	{"/v1/views", true, LIVE, "filter format ", route_views,
	 .text = "views; /v1/views/marathon_apps: its rows, of the last second"},
	{"/v1/events", false, LIVE, "filter ", route_events,
	 .text = "what happens from now on, as server-sent events", .type = "text/event-stream"},
	{"/v1/captures", true, CONTROL, "filter from to format ", route_captures,
	 .text = "captures that are written; /v1/captures/NAME: packets out of one",
	 .changes = {{"POST", "", "start one",
		      "{\"type\":\"object\",\"required\":[\"name\"],\"properties\":{"
		      "\"name\":{\"type\":\"string\"},\"filter\":{\"type\":\"string\"},"
		      "\"seconds\":{\"type\":\"integer\"},"
		      "\"megabytes\":{\"type\":\"integer\"}}}"},
		     {"POST", "/{id}/rotate", "go on in a new file", NULL},
		     {"DELETE", "/{id}", "stop one", NULL}}},
};
const size_t api_route_count = ARRAY_SIZE(api_routes);
