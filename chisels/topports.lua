-- SPDX-License-Identifier: Apache-2.0
description = "Server ports by traffic, with the name that /etc/services has for them. A packet between two captured containers counts at both."
short_description = "Top server ports by bytes"
category = "Net"

local report = require "report"
report.arguments {report.rows_argument(20)}
report.top {
	keys = function()
		return {{title = "Proto", field = "fd.l4proto"}, {title = "Port", field = "fd.sport"},
			{title = "Service", field = "fd.sproto"}}
	end,
	values = report.traffic,
	filter = "fd.sport exists",
	absent = "-",
}
