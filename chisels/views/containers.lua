-- SPDX-License-Identifier: Apache-2.0
local c = require("_columns")

local columns = {
	{ name = "NA", field = "container.id", is_key = true },
	c.cpu, c.mem, c.bytes_in, c.bytes_out, c.connections, c.rtt, c.retransmits, c.drops,
	c.packets_in, c.packets_out, c.disk,
	{ name = "PROCS", field = "processes", colsize = 5, description = "Processes." },
	{ name = "THREADS", field = "threads", colsize = 7, description = "Threads." },
	c.limit, c.state, c.ports,
	{ name = "ENGINE", field = "container.type", colsize = 8,
		description = "What runs the container: mesos, docker, dredge ..." },
	{ name = "IMAGE", field = "container.image", colsize = 20, description = "Image." },
	c.with(c.container, { name = "ID" }), c.host, c.app,
	{ name = "NAME", field = "container.name", colsize = 0, description = "Name, else the task's." },
}

view_info = {
	id = "containers",
	name = "Containers",
	description = "Containers with their CPU, memory and traffic, of Mesos or of any other engine.",
	tips = { "Enter lists the connections of the container." },
	tags = { "Default" },
	view_type = "table",
	is_root = true,
	applies_to = c.offered({ c.who, c.ends }, { "container.id" }),
	filter = "container.id != host",
	drilldown_target = "connections",
	columns = columns,
	actions = {
		{ hotkey = "l", argv = { "docker", "logs", "%container.id" }, description = "docker logs" },
		{ hotkey = "f", argv = { "docker", "logs", "-f", "%container.id" },
			description = "docker logs -f" },
		{ hotkey = "i", argv = { "docker", "inspect", "%container.id" },
			description = "docker inspect" },
		{ hotkey = "b", argv = { "docker", "exec", "-it", "%container.id", "/bin/sh" },
			description = "shell inside (docker)", wait_finish = false },
		{ hotkey = "k", argv = { "docker", "kill", "%container.id" }, description = "docker kill",
			ask_confirmation = true },
	},
}
