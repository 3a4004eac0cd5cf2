-- SPDX-License-Identifier: Apache-2.0
description = "Ports that two want: an address and port that several containers answered on (together, or one after the other), ports assigned to two containers at once, packets refused since they came from a port that is not the container's, and what is restarted again and again without ever listening, with the ports that others listened on meanwhile."
short_description = "Ports that several containers claim"
category = "Ports"

local report = require "report"
report.arguments {report.key_argument("marathon.app.id")}

local ends, owners, refused, listens, loops = nil, {}, {}, {}, {}
local fkey, fid, fports, fkind, freason, fcount, fforeign, fmessage

function on_init()
	local key = report.given.key
	ends = chisel.top {
		keys = {"fd.l4proto", "fd.lip", "fd.lport", "container.full_id", key},
		values = {"evt.count", {field = "evt.reltime", fold = "min"},
			{field = "evt.reltime", fold = "max"}},
		filter = "fd.is_server=true and fd.lport exists and container.full_id exists",
		absent = "-",
	}
	fkey, fid = chisel.request_field(key), chisel.request_field("container.full_id")
	fports, fmessage = chisel.request_field("container.ports"), chisel.request_field("notice.message")
	fkind, freason = chisel.request_field("notice.kind"), chisel.request_field("notice.reason")
	fcount = chisel.request_field("notice.count")
	fforeign = chisel.request_field("net_refused_foreign_port")
	report.request_time()
	chisel.set_filter("container.full_id exists and evt.type in (counters, notice)")
	return true
end

local notices = {}

function notices.container_end(id) owners[id] = nil end

function notices.listen(id, key)
	local proto, port = evt.field(fmessage):match("listens on (%S+) %S+ port (%d+)")
	if not proto then return end
	local name = proto .. " port " .. port
	listens[name .. id] = {name = name, port = tonumber(port), key = key, id = id}
end

function notices.restart_loop(id, key)
	loops[key] = {id = id, n = math.max(evt.field(fcount) or 0, loops[key] and loops[key].n or 0)}
end

-- From counters as far as there are any, else from notices.
function on_event()
	local id, key = evt.field(fid), evt.field(fkey) or "-"
	local ports, kind = evt.field(fports), evt.field(fkind)
	if ports then owners[id] = {key = key, ports = ports} end
	if notices[kind] then notices[kind](id, key) end
	local of = refused[id] or {key = key, notices = 0}
	refused[id] = of
	local n = evt.field(fforeign)
	if n then
		of.first = of.first or n
		of.last = n
	elseif evt.field(freason) == "foreign_port" then
		of.notices = of.notices + (evt.field(fcount) or 1)
	end
	return true
end

local function several(rows)
	local by_end, order = {}, {}
	for _, row in ipairs(ends:rows()) do
		local k = row.key
		local name = k[2]:find(":") and ("[%s]:%d"):format(k[2], k[3]) or ("%s:%d"):format(k[2], k[3])
		name = k[1] .. " " .. name
		if not by_end[name] then
			by_end[name] = {}
			order[#order + 1] = name
		end
		table.insert(by_end[name], {id = k[4], key = k[5], from = row.value[2], to = row.value[3]})
	end
	table.sort(order)
	for _, name in ipairs(order) do
		local all = by_end[name]
		table.sort(all, function(a, b)
			if a.from ~= b.from then return a.from < b.from end
			return a.id < b.id
		end)
		local last = 0
		for i, one in ipairs(all) do
			if #all > 1 then
				local how = i == 1 and "first" or one.from <= last and "at the same time" or "took over"
				rows[#rows + 1] = {name, how, one.key, one.id}
			end
			last = math.max(last, one.to)
		end
	end
end

local function assigned_twice(rows)
	local spans = {}
	for id, owner in pairs(owners) do
		for first, last in owner.ports:gmatch("(%d+)%-?(%d*)") do
			local from = tonumber(first)
			spans[#spans + 1] = {from = from, to = tonumber(last) or from, id = id, key = owner.key}
		end
	end
	table.sort(spans, function(a, b)
		if a.from ~= b.from then return a.from < b.from end
		return a.id < b.id
	end)
	local widest
	for _, span in ipairs(spans) do
		if widest and span.from <= widest.to and span.id ~= widest.id then
			local to = math.min(span.to, widest.to)
			rows[#rows + 1] = {("ports %d-%d"):format(span.from, to), "assigned twice",
				span.key .. ", " .. widest.key, span.id .. ", " .. widest.id}
		end
		if not widest or span.to > widest.to then widest = span end
	end
end

local function refusals(rows)
	local ids = {}
	for id in pairs(refused) do ids[#ids + 1] = id end
	table.sort(ids)
	for _, id in ipairs(ids) do
		local of = refused[id]
		local n = of.last and of.last - of.first or 0
		n = math.max(n, of.notices)
		if n > 0 then
			rows[#rows + 1] = {("%d packets"):format(n), "refused: port of another", of.key, id}
		end
	end
end

-- A program that cannot have its port ends, and is started again.
local function restarts(rows)
	local keys, held, listened = {}, {}, {}
	for key in pairs(loops) do keys[#keys + 1] = key end
	table.sort(keys)
	for _, by in pairs(listens) do
		held[#held + 1] = by
		listened[by.key] = true
	end
	table.sort(held, function(a, b)
		if a.port ~= b.port then return a.port < b.port end
		return a.name .. a.id < b.name .. b.id
	end)
	for _, key in ipairs(keys) do
		if not listened[key] then
			rows[#rows + 1] = {("%d restarts"):format(loops[key].n), "never listened", key, loops[key].id}
			for _, by in ipairs(held) do rows[#rows + 1] = {by.name, "held meanwhile", by.key, by.id} end
		end
	end
end

report.each_second(function()
	local rows = {}
	several(rows)
	assigned_twice(rows)
	refusals(rows)
	restarts(rows)
	report.table({{title = "What"}, {title = "How"}, {title = report.given.key}, {title = "Container"}},
		rows, "No port was claimed by two.")
end)
