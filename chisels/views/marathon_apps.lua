-- SPDX-License-Identifier: Apache-2.0
local c = require("_columns")

view_info = {
	id = "marathon_apps",
	name = "Marathon Apps",
	description = "Marathon apps with the CPU, memory and traffic of their containers. Containers that belong to no app, as those of other frameworks, are the row n/a.",
	tips = { "Enter lists the tasks of the app." },
	tags = { "Default" },
	view_type = "table",
	is_root = true,
	applies_to = c.offered({ c.who, c.ends }, { "marathon.app.id" }),
	filter = "container.id != host",
	drilldown_target = "mesos_tasks",
	columns = c.by({ field = "marathon.app.id" }, { c.tasks, c.containers }, {
		{ name = "APP", field = "marathon.app.id", absent = "n/a", colsize = 30,
			description = "Path of the app." },
		{ name = "VERSION", field = "marathon.app.version", colsize = 24,
			description = "Version the tasks were started from." },
		{ name = "LABELS", field = "marathon.app.labels", colsize = 0,
			description = "Labels of the app." },
	}),
}
