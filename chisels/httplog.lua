-- SPDX-License-Identifier: Apache-2.0
description = "A line for each HTTP/1 request and its answer: time, who asked whom (apps or containers where they are known, else addresses), method, URL, status, time to the answer and its size. With 'slow' in milliseconds only answers that took at least that long, and those with a status from 400 on."
short_description = "Log of HTTP requests and answers"
category = "Application"

local report = require "report"
report.arguments {
	{name = "slow", argtype = "int", default = 0,
		description = "milliseconds from which an answer is shown; errors always are (0)"},
	report.key_argument("marathon.app.id"),
}

local OPEN_MAX = 100000
local f = {}
local open, n_open = {}, 0

function on_init()
	for key, name in pairs {method = "http.request.method", uri = "http.request.uri", host = "http.host",
		code = "http.response.code", size = "http.content_length_header", conn = "fd.name",
		client = "fd.cip", server = "fd.sip", time = "evt.time", key = report.given.key,
		arrives = "evt.is_io_read", seq = "tcp.seq_raw"} do
		f[key] = chisel.request_field(name)
	end
	report.request_time()
	chisel.set_filter("http.request.method exists or http.response.code exists")
	return true
end

-- A request between two captured containers is seen twice: leaving the client, then at the server.
local function request(conn)
	local seq = evt.field(f.seq)
	local r = open[conn]
	if not r or r.seq ~= seq then
		if not r then
			if n_open >= OPEN_MAX then return end
			n_open = n_open + 1
		end
		local host = evt.field(f.host)
		r = {
			seq = seq, at = report.now(), time = evt.field(f.time), method = evt.field(f.method),
			url = (host or evt.field(f.server)) .. (evt.field(f.uri) or ""),
			client = evt.field(f.client), server = evt.field(f.server),
		}
		open[conn] = r
	end
	local key = evt.field(f.key)
	if key ~= nil then r[evt.field(f.arrives) and "server" or "client"] = tostring(key) end
end

function on_event()
	local conn = evt.field(f.conn)
	if evt.field(f.method) then
		request(conn)
		return true
	end
	local r = open[conn]
	if not r then return true end
	open[conn] = nil
	n_open = n_open - 1
	local took, code, size = report.now() - r.at, evt.field(f.code), evt.field(f.size)
	if took * 1000 >= report.given.slow or code >= 400 then
		print(("%s %s -> %s %s %s %d %s%s"):format(r.time, r.client, r.server, r.method, r.url, code,
			report.time(took), size and " " .. report.bytes(size) or ""))
	end
	return true
end
