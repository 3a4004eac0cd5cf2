-- SPDX-License-Identifier: Apache-2.0
local c = require("_columns")

view_info = {
	id = "mesos_frameworks",
	name = "Mesos Frameworks",
	description = "Mesos frameworks with the CPU, memory and traffic of their containers.",
	tips = { "Enter lists the tasks of the framework." },
	tags = { "Default" },
	view_type = "table",
	is_root = true,
	applies_to = c.offered({ c.who, c.ends }, { "mesos.framework.name" }),
	filter = "container.id != host",
	drilldown_target = "mesos_tasks",
	columns = c.by({ field = "mesos.framework.name" }, { c.apps, c.tasks, c.containers }, {
		{ name = "ID", field = "mesos.framework.id", colsize = 45, absent = "n/a",
			description = "Framework id." },
		{ name = "NAME", field = "mesos.framework.name", absent = "n/a", colsize = 0,
			description = "Framework name." },
	}),
}
