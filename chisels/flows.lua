-- SPDX-License-Identifier: Apache-2.0
description = "Conversations as NetFlow has them, one line each in order of their start: start and duration in seconds, protocol, client, server, packets and bytes each way, TCP flags that were seen, and the app. Each side of a conversation between two captured containers has its line."
short_description = "NetFlow-like lines, one per conversation"
category = "Net"

local report = require "report"
report.arguments {report.key_argument("marathon.app.id")}

local sums
local FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32

function on_init()
	sums = chisel.top {
		keys = {"fd.l4proto", "fd.cip", "fd.cport", "fd.sip", "fd.sport", report.given.key},
		values = {
			"evt.count", "frame.len",
			{field = "evt.count", way = "out"},
			{field = "frame.len", way = "out"},
			{field = "evt.reltime", fold = "min"}, {field = "evt.reltime", fold = "max"},
			{field = "tcp.flags", fold = "or"},
		},
		filter = "fd.sockfamily=ip",
		absent = "-",
	}
	return true
end

local function flags(v)
	if v == 0 then return "-" end
	local out = ""
	for _, f in ipairs {{URG, "U"}, {ACK, "A"}, {PSH, "P"}, {RST, "R"}, {SYN, "S"}, {FIN, "F"}} do
		out = out .. (bit.band(v, f[1]) ~= 0 and f[2] or ".")
	end
	return out
end

local function port(v) return v ~= "-" and ":" .. v or "" end
local function seconds(v) return ("%.6f"):format(v) end

report.each_second(function()
	local rows = sums:rows()
	table.sort(rows, function(a, b)
		if a.value[5] ~= b.value[5] then return a.value[5] < b.value[5] end
		return table.concat(a.key, " ") < table.concat(b.key, " ")
	end)
	for i, row in ipairs(rows) do
		local k, v = row.key, row.value
		rows[i] = {v[5] / 1e9, (v[6] - v[5]) / 1e9, k[1], k[2] .. port(k[3]), k[4] .. port(k[5]),
			v[1] - v[3], v[3], v[2] - v[4], v[4], flags(v[7]), k[6]}
	end
	report.table({{title = "Start", show = seconds}, {title = "Duration", show = seconds},
		{title = "Proto"}, {title = "Client"}, {title = "Server"},
		{title = "Packets in", show = report.count}, {title = "out", show = report.count},
		{title = "Bytes in", show = report.count}, {title = "out ", show = report.count},
		{title = "Flags"}, {title = report.given.key}}, rows)
end, function() sums:clear() end)
