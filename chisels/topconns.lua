-- SPDX-License-Identifier: Apache-2.0
description = "Conversations by traffic, client first; with -pc those of each container. A packet between two captured containers counts at both."
short_description = "Top network connections by bytes"
category = "Net"

local report = require "report"
report.arguments {report.rows_argument(30)}
report.top {
	keys = function()
		local keys = {{title = "Proto", field = "fd.l4proto"}, {title = "Connection", field = "fd.name"}}
		if sysdig.is_print_container_data() then
			table.insert(keys, 1, {title = "Container", field = "container.name"})
		end
		return keys
	end,
	values = report.traffic,
	filter = "fd.sockfamily=ip",
}
