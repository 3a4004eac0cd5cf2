-- SPDX-License-Identifier: Apache-2.0
description = "Which server ports the containers of an app (or another key) use: connects, packets and bytes on each, and the ports that were assigned. A port that is not among them is marked. Ports that somebody waits on without traffic are taken from the notices of dredged."
short_description = "Server ports in use, and those assigned"
category = "Ports"

local report = require "report"
report.arguments {report.key_argument("marathon.app.id")}

local sums, fkey, fports, fprotocol, fport
local waiting = {}

function on_init()
	local key = report.given.key
	sums = chisel.top {
		keys = {key, "fd.l4proto", "fd.lport", "container.ports"},
		values = {"evt.count", "frame.len",
			{field = "evt.count", filter = "tcp.flags.syn=true and tcp.flags.ack=false"}},
		filter = "fd.is_server=true and fd.lport exists",
		absent = "-",
	}
	fkey, fports = chisel.request_field(key), chisel.request_field("container.ports")
	fprotocol = chisel.request_field("evt.arg.DREDGE_PROTOCOL")
	fport = chisel.request_field("evt.arg.DREDGE_PORT")
	chisel.set_filter("notice.kind=listen")
	return true
end

local function id(key, protocol, port) return table.concat({key, protocol, port}, "\1") end

function on_event()
	local port = tonumber(evt.field(fport))
	if port then
		local key, protocol = evt.field(fkey) or "-", evt.field(fprotocol) or "tcp"
		waiting[id(key, protocol, port)] = {key, protocol, port, evt.field(fports) or "-"}
	end
	return true
end

-- "31000-31007,31016" has the port.
local function assigned(ports, port)
	if ports == "-" then return nil end
	for first, last in ports:gmatch("(%d+)%-?(%d*)") do
		local from = tonumber(first)
		if port >= from and port <= (tonumber(last) or from) then return true end
	end
	return false
end

report.each_second(function()
	local rows = {}
	local seen = {}
	local function add(key, protocol, port, ports, connects, packets, bytes)
		rows[#rows + 1] = {key, protocol, port, connects, packets, bytes, ports,
			assigned(ports, port) == false and "not assigned" or nil}
	end
	for _, row in ipairs(sums:rows()) do
		local k, v = row.key, row.value
		seen[id(k[1], k[2], k[3])] = true
		add(k[1], k[2], k[3], k[4], v[3], v[1], v[2])
	end
	for name, w in pairs(waiting) do
		if not seen[name] then add(w[1], w[2], w[3], w[4], 0, 0, 0) end
	end
	table.sort(rows, function(a, b)
		for i = 1, 3 do
			if a[i] ~= b[i] then return a[i] < b[i] end
		end
		return a[7] < b[7]
	end)
	report.table({{title = report.given.key}, {title = "Proto"}, {title = "Port", show = report.count},
		{title = "Connects", show = report.count}, {title = "Packets", show = report.count},
		{title = "Bytes", show = report.bytes}, {title = "Assigned"}, {title = "Remark"}}, rows,
		"No server port was used.")
end)
