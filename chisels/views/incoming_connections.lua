-- SPDX-License-Identifier: Apache-2.0
local c = require("_columns")

view_info = {
	id = "incoming_connections",
	name = "New Connections",
	description = "Connections as they are opened: each SYN, in order of time.",
	tips = { "Connects that nobody answered are here too; errors lists those that were refused." },
	tags = { "Default" },
	view_type = "list",
	is_root = true,
	applies_to = c.offered({ c.who, c.ends }),
	filter = "tcp.flags.syn=true and tcp.flags.ack=false",
	columns = {
		{ name = "TIME", field = "evt.time", colsize = 18, description = "When." },
		{ name = "DIR", field = "evt.dir", colsize = 3, description = "> out of the container, < in." },
		{ name = "CONNECTION", field = "fd.name", colsize = 44, description = "Both ends." },
		c.with(c.app, { colsize = 20 }),
		{ name = "CONTAINER", field = "container.name", colsize = 0, description = "Container's name." },
	},
}
