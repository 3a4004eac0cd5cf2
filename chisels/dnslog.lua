-- SPDX-License-Identifier: Apache-2.0
description = "A line for each DNS question and its answer: time, who asked whom, type and name, result, addresses, and how long it took. With 'slow' in milliseconds only answers that took at least that long, failures, and questions that nobody answered."
short_description = "Log of DNS questions and answers"
category = "Application"

local report = require "report"
report.arguments {
	{name = "slow", argtype = "int", default = 0,
		description = "milliseconds from which an answer is shown; failures always are (0)"},
}

local WAIT, OPEN_MAX = 5, 100000 -- seconds; questions without an answer that are remembered
local types = {[1] = "A", [2] = "NS", [5] = "CNAME", [6] = "SOA", [12] = "PTR", [15] = "MX",
	[16] = "TXT", [28] = "AAAA", [33] = "SRV", [65] = "HTTPS", [255] = "ANY"}
local results = {[0] = "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"}
local f = {}
local open, n_open = {}, 0

function on_init()
	for key, name in pairs {id = "dns.id", name = "dns.qry.name", kind = "dns.qry.type",
		response = "dns.flags.response", code = "dns.flags.rcode", a = "dns.a", aaaa = "dns.aaaa",
		answers = "dns.count.answers", conn = "fd.name", client = "fd.cip", server = "fd.sip",
		time = "evt.time", container = "container.name"} do
		f[key] = chisel.request_field(name)
	end
	report.request_time()
	chisel.set_filter("dns.id exists")
	return true
end

local function say(q, result, took)
	print(("%s %s -> %s %s %s %s%s"):format(q.time, q.who, q.server, types[q.kind] or "TYPE" .. q.kind,
		q.name, result, took and " " .. report.time(took) or ""))
end

local function unanswered(now)
	local late = {}
	for key, q in pairs(open) do
		if now - q.ts >= WAIT then late[#late + 1] = {key, q} end
	end
	table.sort(late, function(a, b) return a[2].n < b[2].n end)
	for _, one in ipairs(late) do
		say(one[2], "no answer")
		open[one[1]] = nil
		n_open = n_open - 1
	end
end

local asked = 0

local function question(key)
	-- Seen again at the other container, or asked again.
	if open[key] or n_open >= OPEN_MAX then return end
	local who = evt.field(f.container)
	asked = asked + 1
	open[key] = {
		n = asked, at = report.now(), ts = evt.get_ts(), time = evt.field(f.time), server = evt.field(f.server),
		who = (who and who ~= "host") and who or evt.field(f.client), name = evt.field(f.name) or "-",
		kind = evt.field(f.kind) or 0,
	}
	n_open = n_open + 1
end

function on_event()
	local key = evt.field(f.conn) .. " " .. evt.field(f.id)
	if not evt.field(f.response) then
		question(key)
		return true
	end
	local q = open[key]
	if not q then return true end
	open[key] = nil
	n_open = n_open - 1
	local took, code = report.now() - q.at, evt.field(f.code)
	if code == 0 and took * 1000 < report.given.slow then return true end
	local address = evt.field(f.a) or evt.field(f.aaaa)
	local result = results[code] or "RCODE " .. code
	if code == 0 then
		local n = evt.field(f.answers)
		result = address and result .. " " .. address .. (n > 1 and (" (+%d)"):format(n - 1) or "")
			or ("%s, %d answers"):format(result, n)
	end
	say(q, result, took)
	return true
end

function on_capture_start()
	if sysdig.is_live() then chisel.set_interval_s(1) end
	return true
end

function on_interval(ts_s)
	unanswered(ts_s)
	return true
end

function on_capture_end()
	unanswered(math.huge)
end
