-- SPDX-License-Identifier: Apache-2.0
-- JSON for chisels, under the name and with the calls that they expect: encode(value [, {indent =
-- true, keyorder = {...}}]), decode(text), null.
local json = {null = setmetatable({}, {__tostring = function() return "null" end})}

local escapes = {['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r",
	["\b"] = "\\b", ["\f"] = "\\f"}

function json.quotestring(s)
	return '"' .. s:gsub('[%c"\\\127]', function(c)
		return escapes[c] or ("\\u%04x"):format(c:byte())
	end) .. '"'
end

-- A list has the keys 1..n and no other; an empty table is a list.
local function list_length(t)
	local n = 0
	for _ in pairs(t) do n = n + 1 end
	return n == #t and n or nil
end

local function number(v)
	if v ~= v or v == math.huge or v == -math.huge then return "null" end
	if v == math.floor(v) and math.abs(v) < 2 ^ 53 then return ("%d"):format(v) end
	return (("%.14g"):format(v):gsub(",", "."))
end

local function sorted_keys(t, order)
	local keys, seen = {}, {}
	for _, k in ipairs(order or {}) do
		if t[k] ~= nil and not seen[k] then
			seen[k] = true
			keys[#keys + 1] = k
		end
	end
	local rest = {}
	for k in pairs(t) do
		if not seen[k] then rest[#rest + 1] = k end
	end
	table.sort(rest, function(a, b) return tostring(a) < tostring(b) end)
	for _, k in ipairs(rest) do keys[#keys + 1] = k end
	return keys
end

local function encode(v, o, out, depth)
	local kind = type(v)
	if v == nil or v == json.null then
		out[#out + 1] = "null"
	elseif kind == "string" then
		out[#out + 1] = json.quotestring(v)
	elseif kind == "number" then
		out[#out + 1] = number(v)
	elseif kind ~= "table" then
		out[#out + 1] = tostring(v)
	else
		if depth > 100 then error("json: nested too deeply", 0) end
		local n = list_length(v)
		local newline = o.indent and "\n" .. ("  "):rep(depth + 1) or ""
		local keys = not n and sorted_keys(v, o.keyorder)
		out[#out + 1] = n and "[" or "{"
		for i = 1, n or #keys do
			out[#out + 1] = (i > 1 and "," or "") .. newline
			if keys then
				out[#out + 1] = json.quotestring(tostring(keys[i])) .. ":"
			end
			encode(v[keys and keys[i] or i], o, out, depth + 1)
		end
		if o.indent and (n or #keys) > 0 then out[#out + 1] = "\n" .. ("  "):rep(depth) end
		out[#out + 1] = n and "]" or "}"
	end
end

function json.encode(v, options)
	local out = {}
	encode(v, options or {}, out, 0)
	return table.concat(out)
end

local unescapes = {b = "\b", f = "\f", n = "\n", r = "\r", t = "\t"}

local function utf8(code)
	if code < 0x80 then return string.char(code) end
	if code < 0x800 then return string.char(0xc0 + math.floor(code / 64), 0x80 + code % 64) end
	return string.char(0xe0 + math.floor(code / 4096), 0x80 + math.floor(code / 64) % 64,
		0x80 + code % 64)
end

local value

local function text(s, at)
	local from = at + 1
	local close = from
	while true do
		close = s:find('["\\]', close) or error("json: a string has no end", 0)
		if s:sub(close, close) == '"' then break end
		close = close + 2
	end
	local raw = s:sub(from, close - 1)
	raw = raw:gsub("\\u(%x%x%x%x)", function(h) return utf8(tonumber(h, 16)) end)
	return raw:gsub("\\(.)", function(c) return unescapes[c] or c end), close + 1
end

local function members(s, at, close, each)
	at = s:find("%S", at + 1) or error("json: something has no end", 0)
	if s:sub(at, at) == close then return at + 1 end
	while true do
		at = each(at)
		at = s:find("%S", at) or error("json: something has no end", 0)
		local c = s:sub(at, at)
		at = at + 1
		if c == close then return at end
		if c ~= "," then error("json: a comma is missing at " .. at - 1, 0) end
	end
end

local words = {["true"] = true, ["false"] = false}

function value(s, at, depth)
	if depth > 100 then error("json: nested too deeply", 0) end
	at = s:find("%S", at) or error("json: a value is missing", 0)
	local c, out = s:sub(at, at), {}
	if c == '"' then
		return text(s, at)
	elseif c == "{" then
		return out, members(s, at, "}", function(i)
			i = s:match('^%s*()"', i) or error("json: a name is missing at " .. i, 0)
			local key, after = text(s, i)
			after = s:match("^%s*:()", after) or error("json: a colon is missing", 0)
			out[key], after = value(s, after, depth + 1)
			return after
		end)
	elseif c == "[" then
		return out, members(s, at, "]", function(i)
			out[#out + 1], i = value(s, i, depth + 1)
			return i
		end)
	end
	local word = s:match("^[%w.+-]+", at) or ""
	if words[word] ~= nil then return words[word], at + #word end
	if word == "null" then return json.null, at + #word end
	return tonumber(word) or error("json: no value at " .. at, 0), at + #word
end

-- The value and where it ends; nil, the place and why not.
function json.decode(s)
	local ok, v, at = pcall(value, s, 1, 0)
	if ok then return v, at end
	return nil, 1, v
end

return json
