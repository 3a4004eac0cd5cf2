-- SPDX-License-Identifier: Apache-2.0
local c = require("_columns")

view_info = {
	id = "dns",
	name = "DNS",
	description = "Names that containers ask for, over UDP port 53: how often, how it went, how long it took.",
	tips = { "Enter lists the packets." },
	tags = { "Default" },
	view_type = "table",
	is_root = true,
	applies_to = c.offered({ c.who, c.ends }, { "dns.qry.name" }),
	filter = "dns.qry.name exists",
	drilldown_target = "packets",
	columns = {
		{ name = "NA", field = "dns.qry.name", is_key = true },
		{ name = "QUERIES", field = "frame.count", where = "dns.flags.response=false",
			aggregation = "SUM", unit = "count", is_sorting = true, colsize = 7,
			description = "Questions." },
		{ name = "ANSWERS", field = "frame.count", where = "dns.flags.response=true",
			aggregation = "SUM", unit = "count", colsize = 7, description = "Answers." },
		{ name = "FAILED", field = "frame.count", where = "dns.flags.rcode != 0", aggregation = "SUM",
			unit = "count", colsize = 6, description = "Answers that say no." },
		{ name = "RCODE", field = "dns.flags.rcode", aggregation = "MAX", colsize = 5,
			description = "Worst result: 0 good, 2 server failure, 3 no such name." },
		{ name = "LATENCY", field = "evt.latency", aggregation = "AVG", unit = "time", colsize = 7,
			description = "Mean time to the answer." },
		{ name = "CONTS", field = "container.id", aggregation = "COUNT", unit = "count", colsize = 5,
			description = "Containers that ask." },
		{ name = "NAME", field = "dns.qry.name", colsize = 0, description = "The name asked for." },
	},
}
