-- SPDX-License-Identifier: Apache-2.0
local c = require("_columns")

view_info = {
	id = "talkers",
	name = "Top Talkers",
	description = "Addresses that containers talk with.",
	tips = { "Enter lists the connections with the address." },
	tags = { "Default" },
	view_type = "table",
	is_root = true,
	applies_to = c.offered({ c.who, c.ends }, { "fd.rip" }),
	filter = "fd.rip exists",
	drilldown_target = "connections",
	columns = {
		{ name = "NA", field = "fd.rip", is_key = true },
		c.bytes_in, c.bytes_out, c.packets_in, c.packets_out,
		{ name = "CONTS", field = "container.id", aggregation = "COUNT", unit = "count", colsize = 5,
			description = "Containers that talk with it." },
		{ name = "PORTS", field = "fd.rport", aggregation = "COUNT", unit = "count", colsize = 5,
			description = "Different ports of it." },
		{ name = "FAIL", field = "frame.count",
			where = "tcp.flags.reset=true or icmp.type=3 or icmpv6.type=1", aggregation = "SUM",
			unit = "count", colsize = 5, description = "Resets and unreachables." },
		{ name = "ADDRESS", field = "fd.rip", colsize = 0, description = "Address of the other end." },
	},
	actions = {
		{ hotkey = "c", argv = { "tcpdump", "-ni", "any", "host", "%fd.rip" },
			description = "tcpdump of the address" },
		{ hotkey = "P", argv = { "ping", "-c", "5", "%fd.rip" }, description = "ping it" },
		{ hotkey = "n", argv = { "getent", "hosts", "%fd.rip" }, description = "its name" },
	},
}
