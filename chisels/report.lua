-- SPDX-License-Identifier: Apache-2.0
-- What the chisels that come with dredge share: arguments, numbers with units, tables, and the
-- driver of a top-N table (once at the end of a capture, each second live).
local json = require "dkjson"
local terminal = require "ansiterminal"

local report = {given = {}}

-- ---- arguments ----

-- The value of an argument of a type, or nil when it is none.
local checks = {}

function checks.int(text, least)
	local value = tonumber(text)
	return value and value >= least and value == math.floor(value) and value or nil
end

function checks.field(name)
	local known, why = pcall(chisel.request_field, name)
	if known then return name end
	print((why:gsub("^.-:%d+: ", "")))
end

function checks.fields(names)
	local list = {}
	for name in names:gmatch("[^,%s]+") do
		if not checks.field(name) then return nil end
		list[#list + 1] = name
	end
	return #list > 0 and list or nil
end

-- rows as in `args`, and `default` and `least`; report.given has the values.
function report.arguments(rows)
	args = rows
	for _, row in ipairs(rows) do
		row.optional = row.default ~= nil
		report.given[row.name] = row.default
	end
	function on_set_arg(name, value)
		for _, row in ipairs(rows) do
			if row.name == name then
				local check = checks[row.argtype]
				if check then value = check(value, row.least or 0) end
			end
		end
		report.given[name] = value
		return value ~= nil
	end
end

function report.rows_argument(default)
	return {name = "rows", description = "how many rows; 0 for all (" .. default .. ")",
		argtype = "int", default = default}
end

function report.key_argument(default)
	return {name = "key", argtype = "field", default = default,
		description = "the field to tell by, such as marathon.app.id, mesos.task.id, container.id ("
			.. default .. ")"}
end

-- ---- numbers ----

local function with_unit(v, units)
	local unit = 1
	while v >= 999.95 and unit < #units do
		v = v / 1000
		unit = unit + 1
	end
	return (unit == 1 and "%d%s" or "%.1f%s"):format(v, units[unit])
end

function report.bytes(v) return with_unit(v, {" B", " kB", " MB", " GB", " TB", " PB"}) end
function report.count(v) return ("%d"):format(v) end
function report.percent(v) return ("%.1f %%"):format(v * 100) end

-- Seconds.
function report.time(v)
	for _, unit in ipairs {{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}} do
		if v >= unit[1] then return ("%.2f %s"):format(v / unit[1], unit[2]) end
	end
	return ("%.0f ns"):format(v * 1e9)
end

-- Time of the event since the first, s.
local relative

function report.request_time()
	relative = chisel.request_field("evt.reltime")
end

function report.now() return evt.field(relative) / 1e9 end

-- ---- tables ----

-- Columns that UTF-8 text takes, one for each character.
function report.width(s)
	return select(2, s:gsub("[^\128-\191]", ""))
end

function report.pad(s, width, right)
	local blanks = (" "):rep(width - report.width(s))
	return right and blanks .. s or s .. blanks
end

-- columns: {title =, show = function of a number (then it stands on the right)}; rows: lists of
-- values, nil shown as "-".
function report.table(columns, rows, empty)
	if report.json() then
		for i, row in ipairs(rows) do
			local object = {}
			for c, column in ipairs(columns) do object[column.title] = row[c] end
			rows[i] = object
		end
		print(json.encode(rows))
		return
	end
	if #rows == 0 then
		print(empty or "Nothing of the kind was seen.")
		return
	end
	local cells, widths = {}, {}
	for c, column in ipairs(columns) do widths[c] = report.width(column.title) end
	for i, row in ipairs(rows) do
		cells[i] = {}
		for c, column in ipairs(columns) do
			local v = row[c]
			local shown = v == nil and "-" or column.show and column.show(v) or tostring(v)
			cells[i][c] = shown
			widths[c] = math.max(widths[c], report.width(shown))
		end
	end
	local function line(of)
		local out = {}
		for c, column in ipairs(columns) do
			out[c] = report.pad(of(c, column), widths[c], column.show)
		end
		print((table.concat(out, "  "):gsub(" +$", "")))
	end
	line(function(_, column) return column.title end)
	for _, row in ipairs(cells) do
		line(function(c) return row[c] end)
	end
end

function report.json() return sysdig.get_output_format() == "json" end

-- ---- live: the screen each second ----

local function clear()
	if not sysdig.is_tty() then return end
	terminal.clearscreen()
	terminal.moveto(1, 1)
end

-- show(seconds) prints what was counted, forget() begins anew; seconds = length of the interval.
function report.each_second(show, forget)
	function on_capture_start()
		if not sysdig.is_live() then return true end
		chisel.set_interval_s(1)
		if sysdig.is_tty() and not report.json() then terminal.hidecursor() end
		return true
	end
	function on_interval(_, _, ns)
		if not report.json() then clear() end
		show(ns / 1e9)
		if forget then forget() end
		return true
	end
	function on_capture_end(_, _, ns)
		if sysdig.is_live() then
			if sysdig.is_tty() and not report.json() then terminal.showcursor() end
			return
		end
		show(ns / 1e9)
	end
end

-- ---- top-N ----

-- Bytes, and where they went, as the container sees it.
report.traffic = {
	{title = "Bytes", field = "frame.len", show = report.bytes},
	{title = "In", field = "frame.len", way = "in", show = report.bytes},
	{title = "Out", field = "frame.len", way = "out", show = report.bytes},
	{title = "Packets", field = "evt.count", show = report.count},
}

-- t.keys() gives the key columns {title, field} once the arguments are known; t.values as above;
-- t.filter; t.absent for events without a key; t.keep(row) may leave rows out.
function report.top(t)
	local keys, sums, columns
	function on_init()
		keys, columns = t.keys(), {}
		local fields, values = {}, {}
		for i, value in ipairs(t.values) do
			columns[i] = value
			values[i] = {field = value.field, way = value.way, filter = value.filter, fold = value.fold}
		end
		for i, key in ipairs(keys) do
			columns[#columns + 1], fields[i] = key, key.field
		end
		sums = chisel.top {keys = fields, values = values, filter = t.filter, absent = t.absent}
		return true
	end
	local function show()
		local rows = {}
		for _, row in ipairs(sums:rows(report.given.rows or 0)) do
			local cells = {}
			for i = 1, #t.values do cells[i] = row.value[i] end
			for i = 1, #keys do cells[#t.values + i] = row.key[i] end
			if not t.keep or t.keep(row) then rows[#rows + 1] = cells end
		end
		report.table(columns, rows, t.empty)
		if sums:beyond() > 0 then
			print(("%d events of keys beyond the first 1048576 are not counted."):format(sums:beyond()))
		end
	end
	report.each_second(show, function() sums:clear() end)
end

return report
