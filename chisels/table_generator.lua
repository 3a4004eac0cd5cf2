-- SPDX-License-Identifier: Apache-2.0
-- A top-N table of any key and value; chisels hand over to it by chisel.exec.
description = "Sums a field by one or more key fields, and prints the greatest sums: once at the end of a capture, each second live."
short_description = "Sums of a field by key fields"
category = "Filter"
hidden = true

args = {
	{name = "keys", description = "key fields, with commas between", argtype = "string"},
	{name = "keydescs", description = "their headings", argtype = "string"},
	{name = "value", description = "the field to sum", argtype = "string"},
	{name = "valuedesc", description = "its heading", argtype = "string"},
	{name = "filter", description = "the events that count; '' for all", argtype = "string"},
	{name = "top_number", description = "how many rows; 0 for all", argtype = "int"},
	{name = "value_units", description = "bytes, time, timepct or none", argtype = "string"},
}

require "common"
local terminal = require "ansiterminal"

local given = {}
local about, sums

function on_set_arg(name, value)
	given[name] = value
	return name ~= "top_number" or tonumber(value) ~= nil
end

function on_init()
	about = {
		key_fld = split(given.keys, ","),
		key_desc = split(given.keydescs, ","),
		value_fld = given.value,
		value_desc = given.valuedesc,
		value_units = given.value_units,
		top_number = tonumber(given.top_number),
	}
	if #about.key_fld ~= #about.key_desc then
		print("error: number of entries in keys different from number entries in keydescs")
		return false
	end
	sums = chisel.top {
		keys = about.key_fld,
		values = {about.value_fld},
		filter = given.filter ~= "" and given.filter or nil,
	}
	return true
end

local function show(ts_s, interval)
	local t = {}
	for _, row in ipairs(sums:rows(about.top_number)) do
		local key = {}
		for i, v in ipairs(row.key) do key[i] = tostring(v) end
		t[table.concat(key, "\1\1")] = row.value[1]
	end
	print_sorted_table(t, ts_s, 0, interval, about)
end

local function clear()
	if about.output_format ~= "json" then
		terminal.clearscreen()
		terminal.moveto(0, 0)
	end
end

function on_capture_start()
	about.output_format = sysdig.get_output_format()
	if sysdig.is_live() then
		chisel.set_interval_s(1)
		if about.output_format ~= "json" then
			terminal.clearscreen()
			terminal.hidecursor()
		end
	end
	return true
end

function on_interval(ts_s, ts_ns, interval)
	clear()
	show(ts_s, interval)
	sums:clear()
	return true
end

function on_capture_end(ts_s, ts_ns, interval)
	if sysdig.is_live() and about.output_format ~= "json" then
		clear()
		terminal.showcursor()
		return
	end
	show(ts_s, interval)
end
