-- SPDX-License-Identifier: Apache-2.0
description = "TCP conversations in which segments were sent again, came out of order, or stood still before a closed window: the container's (or another key's) view, worst first."
short_description = "Retransmissions by conversation"
category = "Performance"

local report = require "report"
local function flag(title, field)
	return {title = title, field = "evt.count", filter = field .. "=true", show = report.count}
end
report.arguments {report.rows_argument(30), report.key_argument("marathon.app.id")}
report.top {
	keys = function()
		return {{title = report.given.key, field = report.given.key},
			{title = "Connection", field = "fd.name"}}
	end,
	values = {
		flag("Again", "tcp.analysis.retransmission"),
		flag("Disorder", "tcp.analysis.out_of_order"),
		flag("Dup ACK", "tcp.analysis.duplicate_ack"),
		flag("Window 0", "tcp.analysis.zero_window"),
		{title = "Segments", field = "evt.count", show = report.count},
	},
	filter = "tcp",
	absent = "-",
	keep = function(row)
		return row.value[1] + row.value[2] + row.value[3] + row.value[4] > 0
	end,
	empty = "No retransmission, no disorder, no closed window.",
}
