-- SPDX-License-Identifier: Apache-2.0
description = "Bandwidth over time: a line for each second (or another interval) with a bar, and at the end a line for each app (or another key) with its own little chart. A packet between two captured containers counts at both."
short_description = "Bandwidth over time, with charts"
category = "Net"

local report = require "report"
local BLOCKS = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}
local BAR, CHART = 40, 60
local fkey, flen, fread
local slot = {read = 0, written = 0}
local slots, by_key, most, at = {}, {}, 0, 0

report.arguments {
	{name = "interval", argtype = "int", default = 1, least = 1, description = "seconds (1)"},
	report.key_argument("marathon.app.id"),
}

function on_init()
	fkey = chisel.request_field(report.given.key)
	flen = chisel.request_field("frame.len")
	fread = chisel.request_field("evt.is_io_read")
	chisel.set_filter("evt.is_io=true")
	chisel.set_precise_interval_ns(report.given.interval * 1e9)
	return true
end

function on_event()
	local n = evt.field(flen)
	if evt.field(fread) then
		slot.read = slot.read + n
	else
		slot.written = slot.written + n
	end
	local key = evt.field(fkey)
	if key ~= nil then
		local of = by_key[key]
		if not of then
			of = {total = 0}
			by_key[key] = of
		end
		of.total = of.total + n
		of[at] = (of[at] or 0) + n
	end
	return true
end

local function rate(v) return report.bytes(v / report.given.interval) .. "/s" end

local function line(ts_s)
	local sum = slot.read + slot.written
	most = math.max(most, sum)
	local bar = ("#"):rep(most > 0 and math.floor(sum / most * BAR + 0.5) or 0)
	if sysdig.is_live() then
		print(("%s  in %12s  out %12s  %s"):format(os.date("%H:%M:%S", ts_s - report.given.interval),
			rate(slot.read), rate(slot.written), bar))
	end
	slots[at] = {ts = ts_s - report.given.interval, read = slot.read, written = slot.written}
	at = at + 1
	slot = {read = 0, written = 0}
end

-- Of a file: its length is known at the end alone, and a bar is as long as its share of the most.
local function lines()
	for i = 0, at - 1 do
		local s = slots[i]
		local bar = ("#"):rep(most > 0 and math.floor((s.read + s.written) / most * BAR + 0.5) or 0)
		print((("%s  in %12s  out %12s  %s"):format(os.date("%H:%M:%S", s.ts), rate(s.read),
			rate(s.written), bar):gsub(" +$", "")))
	end
end

function on_interval(ts_s)
	line(ts_s)
	return true
end

local function chart(of)
	local points, top = math.min(at, CHART), 0
	local sums = {}
	for p = 0, points - 1 do
		sums[p] = 0
		for i = math.floor(p * at / points), math.floor((p + 1) * at / points) - 1 do
			sums[p] = sums[p] + (of[i] or 0)
		end
		top = math.max(top, sums[p])
	end
	local out = {}
	for p = 0, points - 1 do
		out[p + 1] = sums[p] == 0 and " " or BLOCKS[math.max(1, math.ceil(sums[p] / top * #BLOCKS))]
	end
	return table.concat(out)
end

function on_capture_end(ts_s)
	line(ts_s - ts_s % report.given.interval + report.given.interval)
	if report.json() then
		local json = require "dkjson"
		for i = 0, at - 1 do
			print(json.encode({ts = slots[i].ts, ["in"] = slots[i].read, out = slots[i].written}))
		end
		return
	end
	if not sysdig.is_live() then lines() end
	local keys = {}
	for key in pairs(by_key) do keys[#keys + 1] = key end
	if #keys == 0 then return end
	table.sort(keys, function(a, b)
		if by_key[a].total ~= by_key[b].total then return by_key[a].total > by_key[b].total end
		return tostring(a) < tostring(b)
	end)
	local rows = {}
	for i, key in ipairs(keys) do rows[i] = {by_key[key].total, key, "|" .. chart(by_key[key]) .. "|"} end
	print ""
	report.table({{title = "Bytes", show = report.bytes}, {title = report.given.key},
		{title = "Over time"}}, rows)
end
