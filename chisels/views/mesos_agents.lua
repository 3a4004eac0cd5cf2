-- SPDX-License-Identifier: Apache-2.0
local c = require("_columns")

view_info = {
	id = "mesos_agents",
	name = "Mesos Agents",
	description = "Hosts of a Mesos cluster with the CPU, memory and traffic of their containers.",
	tips = { "Enter lists the tasks of the agent." },
	tags = { "Default" },
	view_type = "table",
	is_root = true,
	applies_to = c.offered({ c.who, c.ends }, { "mesos.agent.id" }),
	filter = "container.id != host",
	drilldown_target = "mesos_tasks",
	columns = c.by({ field = "mesos.agent.id" }, { c.apps, c.tasks, c.containers }, {
		{ name = "ID", field = "mesos.agent.id", colsize = 45, absent = "n/a",
			description = "Agent id." },
		{ name = "HOST", field = "mesos.agent.hostname", colsize = 0, absent = "n/a",
			description = "Host name of the agent." },
	}),
}
