-- SPDX-License-Identifier: Apache-2.0
description = "Any fields of the events as CSV (RFC 4180) with a heading: -c csv evt.rawtime,container.name,fd.name,frame.len. A field that an event does not have is empty."
short_description = "Export fields as CSV"
category = "Export"

local report = require "report"
local handles = {}

report.arguments {
	{name = "fields", argtype = "fields", description = "field names with commas between"},
}

local function quoted(v)
	if v == nil then return "" end
	-- A spreadsheet would take the first of these for a formula.
	if v:find("^[=+@-]") and not tonumber(v) then v = "'" .. v end
	return v:find('[",\n\r]') and '"' .. v:gsub('"', '""') .. '"' or v
end

function on_init()
	for i, name in ipairs(report.given.fields) do handles[i] = chisel.request_field(name) end
	return true
end

function on_capture_start()
	print(table.concat(report.given.fields, ","))
	return true
end

function on_event()
	local cells = {}
	for i, handle in ipairs(handles) do cells[i] = quoted(evt.text(handle)) end
	print(table.concat(cells, ","))
	return true
end
