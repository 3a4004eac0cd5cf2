-- SPDX-License-Identifier: Apache-2.0
-- Escape sequences of a terminal (ECMA-48), for chisels that draw.
local terminal = {}
local CSI = string.char(27) .. "["

local colours = {reset = 0, clear = 0, bright = 1, dim = 2, underscore = 4, blink = 5, reverse = 7,
	hidden = 8}
for i, name in ipairs {"black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"} do
	colours[name] = 29 + i
	colours["on" .. name] = 39 + i
end

-- terminal.red and the others: what switches the colour on, or nothing.
function terminal.enable_color(yes)
	for name, code in pairs(colours) do
		terminal[name] = yes == true and CSI .. code .. "m" or ""
	end
end

local function send(...)
	io.write(CSI, ...)
end

function terminal.clearscreen() send("2J") end
function terminal.clearline() send("2K") end
function terminal.hidecursor() send("?25l") end
function terminal.showcursor() send("?25h") end
function terminal.moveto(row, column) send(row, ";", column, "H") end
function terminal.moveup(lines) send(lines, "F") end
function terminal.setfgcol(colour) send("38;5;", colour, "m") end
function terminal.setbgcol(colour) send("48;5;", colour, "m") end

return terminal
