-- SPDX-License-Identifier: Apache-2.0
-- The helpers that chisels written for sysdig expect as globals of `require "common"`.
json = require "dkjson"

ONE_S_IN_NS = 1e9
ONE_MS_IN_NS = 1e6
ONE_US_IN_NS = 1e3

local COLUMN = 20
local SEPARATOR = "\1\1" -- between the parts of a key

-- Texts

function extend_string(s, width)
	if #s < width then return s .. (" "):rep(width - #s) end
	return width > 0 and s:sub(1, width - 1) .. " " or ""
end

function split(s, delimiter)
	local parts = {}
	for part in (s .. delimiter):gmatch("(.-)" .. delimiter) do
		parts[#parts + 1] = part
	end
	return parts
end

function starts_with(s, prefix)
	return s:sub(1, #prefix) == prefix
end

function ends_with(s, suffix)
	return suffix == "" or s:sub(-#suffix) == suffix
end

-- A value as text, for looking at it.
function st(v, name, on_one_line, depth)
	depth = depth or 0
	local out = (" "):rep(depth) .. (name and name .. " = " or "")
	if type(v) == "string" then return out .. ("%q"):format(v) end
	if type(v) == "number" or type(v) == "boolean" then return out .. tostring(v) end
	if type(v) ~= "table" then return out .. '"[inserializeable datatype:' .. type(v) .. ']"' end
	local newline = on_one_line and "" or "\n"
	out = out .. "{" .. newline
	for key, member in pairs(v) do
		out = out .. st(member, key, on_one_line, depth + 1) .. "," .. newline
	end
	return out .. (" "):rep(depth) .. "}"
end

-- Numbers

local byte_units = {{5, "P"}, {4, "T"}, {3, "G"}, {2, "M"}, {1, "KB"}}

function format_bytes(v)
	for _, unit in ipairs(byte_units) do
		local size = 1024 ^ unit[1]
		if v > size then return ("%.2f%s"):format(v / size, unit[2]) end
	end
	return ("%dB"):format(v)
end

-- A unit holds from a hundredth of it (whole) or from one of it (two decimals).
function format_time_interval(ns)
	if ns >= 1e9 then return ("%d.%02ds"):format(math.floor(ns / 1e9), ns % 1e9 / 1e7) end
	for _, unit in ipairs {{1e6, "ms"}, {1e3, "us"}} do
		local one, name = unit[1], unit[2]
		if ns >= one * 10 then return ("%d%s"):format(math.floor(ns / one), name) end
		if ns >= one then
			return ("%d.%02d%s"):format(math.floor(ns / one), ns % one / (one / 100), name)
		end
	end
	return ("%dns"):format(ns)
end

function ts_to_str(seconds, ns)
	return ("%d%.9d"):format(seconds, ns)
end

function parse_numeric_input(value, name)
	local number = tonumber(value)
	if not number then
		print(("Input %s must be a number."):format(name))
		os.exit()
	end
	return number
end

-- Tables

function pairs_top_by_val(t, number, order)
	local keys, i = {}, 0
	for k in pairs(t) do keys[#keys + 1] = k end
	table.sort(keys, function(a, b) return order(t, a, b) end)
	return function()
		i = i + 1
		local key = keys[i]
		if key ~= nil and (number == 0 or i <= number) then return key, t[key] end
	end
end

function copytable(v)
	if type(v) ~= "table" then return v end
	local copy = {}
	for key, member in pairs(v) do copy[copytable(key)] = copytable(member) end
	return setmetatable(copy, copytable(getmetatable(v)))
end

function concattable(to, from)
	for _, v in ipairs(from) do to[#to + 1] = v end
	return to
end

function typeof(v)
	local meta = type(v) == "table" and getmetatable(v)
	return meta and meta._NAME or type(v)
end

-- Greatest first, and by name where they are equal.
local function greatest_first(t, a, b)
	if t[a] ~= t[b] then return t[a] > t[b] end
	return tostring(a) < tostring(b)
end

local units = {
	none = function(v) return tostring(v) end,
	bytes = format_bytes,
	time = format_time_interval,
	timepct = function(v, interval)
		return ("%.2f%%"):format(interval > 0 and v / interval * 100 or 0)
	end,
}

local function print_json(rows, ts_s, ts_ns, about)
	local data, info = {}, {}
	for key, v in rows do
		local cells = split(tostring(key), SEPARATOR)
		cells[#cells + 1] = v
		data[#data + 1] = cells
	end
	for i, field in ipairs(about.key_fld) do
		info[i] = {name = field, desc = about.key_desc[i], is_key = true}
	end
	info[#info + 1] = {name = about.value_fld, desc = about.value_desc, is_key = false}
	print(json.encode({ts = sysdig.make_ts(ts_s, ts_ns), data = data, info = info}, {indent = true}))
end

-- about: key_fld, key_desc (lists), value_fld, value_desc, value_units, top_number, output_format.
function print_sorted_table(t, ts_s, ts_ns, interval, about)
	local rows = pairs_top_by_val(t, about.top_number, greatest_first)
	if about.output_format == "json" then
		print_json(rows, ts_s, ts_ns, about)
		return
	end
	local line = {extend_string(about.value_desc, COLUMN)}
	for _, name in ipairs(about.key_desc) do line[#line + 1] = extend_string(name, COLUMN) end
	print(table.concat(line))
	print(("-"):rep(80))
	local show = units[about.value_units] or units.none
	for key, v in rows do
		line = {extend_string(show(v, interval), COLUMN)}
		local cells = split(tostring(key), SEPARATOR)
		for i, cell in ipairs(cells) do
			line[#line + 1] = i < #cells and extend_string(cell, COLUMN) or cell
		end
		print(table.concat(line))
	end
end
