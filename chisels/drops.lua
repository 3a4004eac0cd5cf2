-- SPDX-License-Identifier: Apache-2.0
description = "What was lost, and where: packets that interfaces and limits dropped, errors, packets refused by the isolator, and packets that the monitor did not see. From counter samples and notices; keys without a loss are left out."
short_description = "Drops, errors and refusals"
category = "Errors"

local report = require "report"
local counted = require "counted"
report.arguments {report.key_argument("marathon.app.id")}

local columns = {
	{title = "In", fields = {"net_rx_dropped"}},
	{title = "Out", fields = {"net_tx_dropped"}},
	{title = "Limit", fields = {"bw_limit.drops", "ingress_bw_limit.drops"}},
	{title = "Errors", fields = {"net_rx_errors", "net_tx_errors"}},
	{title = "Refused", fields = {"net_refused_foreign_port", "net_refused_spoofed",
		"net_refused_fragment", "net_refused_other"}},
	{title = "Retransmits", fields = {"tcp_retransmits"}},
	{title = "Unseen", fields = {"packets_lost"}},
}
local totals = {}
for _, column in ipairs(columns) do
	for _, name in ipairs(column.fields) do totals[#totals + 1] = name end
end
local containers = counted.samples(totals, {})

-- What the source itself reports as lost.
local lost, flost = 0, nil
local init, event = on_init, on_event

function on_init()
	if not init() then return false end
	flost = chisel.request_field("notice.lost")
	chisel.set_filter("evt.type in (counters, drop)")
	return true
end

function on_event()
	local n = evt.field(flost)
	if n then
		lost = lost + n
		return true
	end
	return event()
end

report.each_second(function()
	local names = {}
	for i, column in ipairs(columns) do
		names[i] = function(c)
			local sum
			for _, field in ipairs(column.fields) do
				if c.sum[field] then sum = (sum or 0) + c.sum[field] end
			end
			return sum
		end
	end
	local keys, order = counted.by_key(containers, names)
	local rows = {}
	for _, key in ipairs(order) do
		local row, any = {key}, 0
		for i = 1, #columns do
			row[i + 1] = keys[key][i]
			any = any + (row[i + 1] or 0)
		end
		if any > 0 then rows[#rows + 1] = row end
	end
	local titles = {{title = report.given.key}}
	for _, column in ipairs(columns) do
		titles[#titles + 1] = {title = column.title, show = report.count}
	end
	report.table(titles, rows, "No interface, limit or isolator dropped a packet.")
	if lost > 0 and not report.json() then
		print(("The monitor itself lost %d packets."):format(lost))
	end
end)
