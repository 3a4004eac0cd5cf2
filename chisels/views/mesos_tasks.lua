-- SPDX-License-Identifier: Apache-2.0
local c = require("_columns")

view_info = {
	id = "mesos_tasks",
	name = "Mesos Tasks",
	description = "Mesos tasks of any framework with the CPU, memory and traffic of their containers.",
	tips = { "Enter lists the containers of the task: its own, and those nested in it." },
	tags = { "Default" },
	view_type = "table",
	is_root = true,
	applies_to = c.offered({ c.who, c.ends }, { "mesos.task.id" }),
	filter = "container.id != host",
	drilldown_target = "containers",
	columns = c.by({ field = "mesos.task.id" }, { c.containers }, {
		c.state, c.ports,
		{ name = "ID", field = "mesos.task.id", absent = "n/a", colsize = 38,
			description = "Task id." },
		{ name = "NAME", field = "mesos.task.name", colsize = 25, description = "Task name." },
		c.with(c.app, { colsize = 25 }), c.host,
		{ name = "LABELS", field = "mesos.task.labels", colsize = 0,
			description = "Labels of the task." },
	}),
}
