-- SPDX-License-Identifier: Apache-2.0
local c = require("_columns")

view_info = {
	id = "changes",
	name = "Changes",
	description = "What happened to containers: started, ended, got a name, listens on a port, was limited; what drifted and was repaired; what was lost.",
	tags = { "Default" },
	view_type = "list",
	is_root = true,
	applies_to = c.offered({ c.who }),
	filter = "evt.type in (notice, drop)",
	columns = {
		{ name = "TIME", field = "evt.time", colsize = 18, description = "When." },
		{ name = "KIND", field = "evt.arg.DREDGE_EVENT", colsize = 15, description = "What kind." },
		c.with(c.app, { colsize = 20 }),
		{ name = "CONTAINER", field = "container.name", colsize = 16, description = "Container's name." },
		{ name = "MESSAGE", field = "evt.info", colsize = 0, description = "What happened." },
	},
}
