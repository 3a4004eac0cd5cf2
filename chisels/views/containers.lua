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

-- Mesos has no such commands.
local actions = {}
for _, engine in ipairs({ { "docker", "docker" }, { "libpod", "podman" } }) do
	local kind, program = engine[1], engine[2]
	local function add(hotkey, words, more)
		local action = more or {}
		action.when = "container.type=" .. kind
		action.hotkey = hotkey
		action.argv = { program, unpack(words) }
		action.description = action.description or program .. " " .. table.concat(words, " ", 1, #words - 1)
		actions[#actions + 1] = action
	end
	add("l", { "logs", "%container.id" })
	add("f", { "logs", "-f", "%container.id" })
	add("i", { "inspect", "%container.id" })
	add("b", { "exec", "-it", "%container.id", "/bin/sh" },
		{ description = "shell inside (" .. program .. ")", wait_finish = false })
	add("a", { "attach", "%container.id" })
	add("w", { "wait", "%container.id" })
	add("z", { "pause", "%container.id" }, { ask_confirmation = true })
	add("u", { "unpause", "%container.id" })
	add("s", { "stop", "%container.id" }, { ask_confirmation = true })
	add("k", { "kill", "%container.id" }, { ask_confirmation = true })
end

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
	actions = actions,
}
