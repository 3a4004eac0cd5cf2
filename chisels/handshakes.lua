-- SPDX-License-Identifier: Apache-2.0
description = "TCP connects that were slow (from a number of milliseconds on), refused, or not answered; at the end how many of each, and the median and slowest time by server port."
short_description = "Slow, refused and unanswered connects"
category = "Performance"

local report = require "report"
report.arguments {
	{name = "slow", argtype = "int", default = 100, description = "milliseconds that are slow (100)"},
	report.key_argument("marathon.app.id"),
}

local WAIT, OPEN_MAX, TIMES_MAX = 1, 100000, 10000
local f = {}
local open, n_open, last = {}, 0, 0
local ports = {}

function on_init()
	for key, name in pairs {conn = "fd.name", client = "fd.cip", server = "fd.sip", port = "fd.sport",
		syn = "tcp.flags.syn", ack = "tcp.flags.ack", failed = "evt.failed", time = "evt.time",
		key = report.given.key, leaves = "evt.is_io_write", res = "evt.res"} do
		f[key] = chisel.request_field(name)
	end
	report.request_time()
	chisel.set_filter("tcp or evt.failed=true")
	return true
end

local function of_port(port)
	local p = ports[port]
	if not p then
		p = {done = 0, slow = 0, refused = 0, silent = 0, times = {}}
		ports[port] = p
	end
	return p
end

local function say(c, what)
	print(("%s %s -> %s:%d %s%s"):format(c.time, c.client, c.server, c.port, what,
		c.tries > 1 and (", %d tries"):format(c.tries) or ""))
end

local function close(conn)
	open[conn] = nil
	n_open = n_open - 1
end

local function begin(conn, leaves)
	local c = open[conn]
	if not c then
		if n_open >= OPEN_MAX then return end
		c = {at = last, time = evt.field(f.time), tries = 0, leaves = leaves, port = evt.field(f.port),
			client = evt.field(f.client), server = evt.field(f.server)}
		open[conn] = c
		n_open = n_open + 1
	end
	-- Of a packet that both ends saw, one sight is a try.
	if c.leaves == leaves then c.tries = c.tries + 1 end
	local key = evt.field(f.key)
	if key ~= nil then
		if leaves then c.client = tostring(key) else c.server = tostring(key) end
	end
end

local function done(conn, c)
	local took, p = last - c.at, of_port(c.port)
	close(conn)
	p.done = p.done + 1
	if #p.times < TIMES_MAX then p.times[#p.times + 1] = took end
	p.slowest = math.max(p.slowest or 0, took)
	if took * 1000 >= report.given.slow then
		p.slow = p.slow + 1
		say(c, "took " .. report.time(took))
	end
end

function on_event()
	local conn, syn = evt.field(f.conn), evt.field(f.syn)
	last = report.now()
	if syn and not evt.field(f.ack) then
		begin(conn, evt.field(f.leaves))
		return true
	end
	local c = open[conn]
	if not c then return true end
	if evt.field(f.failed) then
		close(conn)
		of_port(c.port).refused = of_port(c.port).refused + 1
		say(c, evt.field(f.res) == "ECONNREFUSED" and "refused" or "failed: " .. evt.field(f.res))
	elseif not syn and evt.field(f.ack) then
		done(conn, c)
	end
	return true
end

local function silent()
	local late = {}
	for conn, c in pairs(open) do
		if last - c.at >= WAIT then late[#late + 1] = {conn, c} end
	end
	table.sort(late, function(a, b)
		if a[2].at ~= b[2].at then return a[2].at < b[2].at end
		return a[1] < b[1]
	end)
	for _, one in ipairs(late) do
		close(one[1])
		of_port(one[2].port).silent = of_port(one[2].port).silent + 1
		say(one[2], "no answer")
	end
end

function on_capture_start()
	if sysdig.is_live() then chisel.set_interval_s(1) end
	return true
end

function on_interval()
	silent()
	return true
end

function on_capture_end()
	silent()
	local list, rows = {}, {}
	for port in pairs(ports) do list[#list + 1] = port end
	table.sort(list)
	for i, port in ipairs(list) do
		local p = ports[port]
		table.sort(p.times)
		rows[i] = {port, p.done, p.slow, p.refused, p.silent, p.times[math.ceil(#p.times / 2)], p.slowest}
	end
	report.table({{title = "Port", show = report.count}, {title = "Connects", show = report.count},
		{title = "Slow", show = report.count}, {title = "Refused", show = report.count},
		{title = "Silent", show = report.count}, {title = "Median", show = report.time},
		{title = "Slowest", show = report.time}}, rows, "No connect was seen.")
end
