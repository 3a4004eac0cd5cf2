-- SPDX-License-Identifier: Apache-2.0
description = "Mesos tasks by traffic, with their apps. A packet between two captured containers counts at both."
short_description = "Top Mesos tasks by bytes"
category = "Net"

local report = require "report"
report.arguments {report.rows_argument(20)}
report.top {
	keys = function()
		return {{title = "Task", field = "mesos.task.id"}, {title = "App", field = "marathon.app.id"}}
	end,
	values = report.traffic,
	filter = "evt.is_io=true",
	absent = "-",
}
