-- SPDX-License-Identifier: Apache-2.0
local c = require("_columns")

view_info = {
	id = "marathon_groups",
	name = "Marathon Groups",
	description = "The tree of Marathon's groups with the CPU, memory and traffic of their containers; a group has all that is below it. Containers that belong to no app, as those of other frameworks, are the row n/a.",
	tips = { "Enter lists the apps of the group and of those below." },
	tags = { "Default" },
	view_type = "table",
	is_root = true,
	tree = true,
	applies_to = c.offered({ c.who, c.ends }, { "marathon.group.id" }),
	filter = "container.id != host",
	drilldown_target = "marathon_apps",
	columns = c.by({ field = "marathon.group.id" }, { c.apps, c.tasks, c.containers }, {
		{ name = "GROUP", field = "marathon.group.id", absent = "n/a", colsize = 0,
			description = "Path of the group." },
	}),
}
