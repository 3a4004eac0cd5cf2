-- SPDX-License-Identifier: Apache-2.0
description = "Marathon apps by traffic: bytes and packets of all containers of an app, as they see them (In arrives, Out leaves). A packet between two captured containers counts at both. With another key the same of any field, such as container.image or marathon.app.label.team."
short_description = "Top Marathon apps by bytes"
category = "Net"

local report = require "report"
report.arguments {report.rows_argument(20), report.key_argument("marathon.app.id")}
report.top {
	keys = function()
		local key = report.given.key
		return {{title = key == "marathon.app.id" and "App" or key, field = key}}
	end,
	values = report.traffic,
	filter = "evt.is_io=true",
	absent = "-",
}
