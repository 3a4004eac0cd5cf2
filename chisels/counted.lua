-- SPDX-License-Identifier: Apache-2.0
-- Counter samples by a key: how much totals grew, and what gauges are now; summed over the
-- containers of a key. What shaping and drops share.
local report = require "report"

local counted = {}

-- totals, gauges: lists of field names. each(c, id, key, dt) sees every sample, dt = seconds since
-- the one before, c.grown[field] = how much a total grew in them. Sets on_init and on_event.
function counted.samples(totals, gauges, each)
	local handles, containers = {}, {}
	local fkey, fid
	function on_init()
		fkey, fid = chisel.request_field(report.given.key), chisel.request_field("container.id")
		for _, name in ipairs(totals) do handles[name] = chisel.request_field(name) end
		for _, name in ipairs(gauges) do handles[name] = chisel.request_field(name) end
		report.request_time()
		chisel.set_filter("evt.type=counters")
		return true
	end
	function on_event()
		local id, at = evt.field(fid), report.now()
		local c = containers[id]
		if not c then
			c = {last = {}, sum = {}, time = 0}
			containers[id] = c
		end
		c.key = evt.field(fkey) or "-"
		c.grown = {}
		local dt = c.at and at - c.at or 0
		for _, name in ipairs(totals) do
			local v = evt.field(handles[name])
			local before = c.last[name]
			if v then
				-- A total that shrank began anew.
				local grown = before and (v >= before and v - before or v) or 0
				c.grown[name] = grown
				c.sum[name] = (c.sum[name] or 0) + grown
				c.last[name] = v
			end
		end
		for _, name in ipairs(gauges) do c.last[name] = evt.field(handles[name]) or c.last[name] end
		c.at, c.time = at, c.time + dt
		if each then each(c, dt) end
		return true
	end
	return containers
end

-- Sums of members over the containers of each key, as {key = {name = sum}}; names as
-- {name, function of a container}, which may give nil.
function counted.by_key(containers, names)
	local keys, order = {}, {}
	for _, c in pairs(containers) do
		local of = keys[c.key]
		if not of then
			of = {}
			keys[c.key] = of
			order[#order + 1] = c.key
		end
		for name, get in pairs(names) do
			local v = get(c)
			if v then of[name] = (of[name] or 0) + v end
		end
	end
	table.sort(order, function(a, b) return tostring(a) < tostring(b) end)
	return keys, order
end

return counted
