-- SPDX-License-Identifier: Apache-2.0
local c = require("_columns")

view_info = {
	id = "errors",
	name = "Errors",
	description = "What programs in containers get to see of the network's refusals: connects that were refused, hosts and networks that cannot be reached.",
	tips = { "Enter lists the conversations that failed." },
	tags = { "Default" },
	view_type = "table",
	is_root = true,
	applies_to = c.offered({ c.who, c.ends }, { "evt.res" }),
	filter = "evt.failed=true",
	drilldown_target = "connections",
	columns = {
		{ name = "NA", field = "evt.res", is_key = true },
		{ name = "COUNT", field = "frame.count", aggregation = "SUM", unit = "count", is_sorting = true,
			sparkline = true, colsize = 6, description = "Packets that say so." },
		{ name = "CONN", field = "fd.name", aggregation = "COUNT", unit = "count", colsize = 5,
			description = "Conversations." },
		{ name = "CONTS", field = "container.id", aggregation = "COUNT", unit = "count", colsize = 5,
			description = "Containers." },
		{ name = "ERROR", field = "evt.res", colsize = 16, description = "The error." },
		{ name = "EXAMPLE", field = "fd.name", colsize = 0, description = "The first conversation seen." },
	},
}
