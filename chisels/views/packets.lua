-- SPDX-License-Identifier: Apache-2.0
local c = require("_columns")

view_info = {
	id = "packets",
	name = "Packets",
	description = "Packets with a short decode, in order of time; the newest 10000.",
	tags = { "Default" },
	view_type = "list",
	applies_to = c.offered({ c.who, c.ends, { "fd.sproto" } }),
	filter = "evt.type=packet",
	columns = {
		{ name = "NUM", field = "evt.num", colsize = 8, description = "Number, as Wireshark counts." },
		{ name = "TIME", field = "evt.time", colsize = 18, description = "When." },
		{ name = "DIR", field = "evt.dir", colsize = 3, description = "> out of the container, < in." },
		{ name = "LEN", field = "frame.len", colsize = 6, description = "Bytes on the wire." },
		{ name = "CONTAINER", field = "container.name", colsize = 16, description = "Container's name." },
		{ name = "INFO", field = "evt.info", colsize = 0, description = "Short decode." },
	},
}
