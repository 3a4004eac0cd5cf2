-- SPDX-License-Identifier: Apache-2.0
description = "Bandwidth limits at work, out and in: the limit, the rate that was used, the share of time in which packets had to wait for it, what waits now, and what was dropped. From counter samples."
short_description = "Limits, and the time spent at them"
category = "Performance"

local report = require "report"
local counted = require "counted"
report.arguments {report.key_argument("marathon.app.id")}

-- Mesos names what limits sending bw_limit and what limits receiving ingress_bw_limit.
local ways = {
	{name = "out", limit = "net_tx_rate_limit", bytes = "net_tx_bytes", of = "bw_limit",
		queue = "bloat_reduction"},
	{name = "in", limit = "net_rx_rate_limit", bytes = "net_rx_bytes", of = "ingress_bw_limit",
		queue = "ingress_bloat_reduction"},
}
local totals, gauges = {}, {}
for _, way in ipairs(ways) do
	for _, name in ipairs {way.bytes, way.of .. ".overlimits", way.of .. ".drops",
		way.queue .. ".drops"} do
		totals[#totals + 1] = name
	end
	for _, name in ipairs {way.limit, way.of .. ".backlog", way.queue .. ".backlog"} do
		gauges[#gauges + 1] = name
	end
end

local containers = counted.samples(totals, gauges, function(c, dt)
	for _, way in ipairs(ways) do
		if (c.grown[way.of .. ".overlimits"] or 0) > 0 then
			c[way.name] = (c[way.name] or 0) + dt
		end
	end
end)

local function limited(c, way)
	return c.last[way.limit] or c.last[way.of .. ".overlimits"]
end

report.each_second(function()
	local rows = {}
	for _, way in ipairs(ways) do
		local function if_limited(get)
			return function(c) return limited(c, way) and get(c) end
		end
		local function both(c, from, member)
			local a, b = c[from][way.of .. member], c[from][way.queue .. member]
			return (a or b) and math.max(a or 0, b or 0)
		end
		local keys, order = counted.by_key(containers, {
			n = if_limited(function() return 1 end),
			limit = function(c) return c.last[way.limit] end,
			bytes = if_limited(function(c) return c.sum[way.bytes] end),
			time = if_limited(function(c) return c.time end),
			at_limit = if_limited(function(c) return c[way.name] or 0 end),
			backlog = if_limited(function(c) return both(c, "last", ".backlog") end),
			drops = if_limited(function(c) return both(c, "sum", ".drops") end),
		})
		for _, key in ipairs(order) do
			local of = keys[key]
			if of.n then
				local time = of.time > 0 and of.time
				rows[#rows + 1] = {key, way.name, of.n, of.limit,
					time and of.bytes and of.bytes / (time / of.n), time and of.at_limit / time,
					of.backlog, of.drops}
			end
		end
	end
	local function rate(v) return report.bytes(v) .. "/s" end
	report.table({{title = report.given.key}, {title = "Way"},
		{title = "Containers", show = report.count}, {title = "Limit", show = rate},
		{title = "Used", show = rate}, {title = "Limited", show = report.percent},
		{title = "Waiting", show = report.bytes}, {title = "Dropped", show = report.count}}, rows,
		"No container had a limit.")
end)
