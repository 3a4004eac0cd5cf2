-- SPDX-License-Identifier: Apache-2.0
-- Requests and answers of HTTP/1 put together, for chisels written for sysdig: http_init in on_init,
-- run_http_parser(evt, function(transaction)) in on_event. A transaction is {dir, container, request
-- = {method, url, ts}, response = {code, length, ts}}, ts in ns.
partial_transactions = {}

local f = {}

function http_init()
	for key, name in pairs {method = "http.request.method", uri = "http.request.uri",
		host = "http.host", code = "http.response.code", length = "http.content_length_header",
		conn = "fd.name", server = "fd.sip", dir = "evt.dir", container = "container.name",
		id = "container.id", ts = "evt.reltime"} do
		f[key] = chisel.request_field(name)
	end
	datetime_field = chisel.request_field("evt.datetime") -- httplog's
	chisel.set_filter("http.request.method exists or http.response.code exists")
end

function run_http_parser(_, on_transaction)
	-- Each of two captured containers has its own transaction.
	local key = evt.field(f.conn) .. " " .. (evt.field(f.id) or "")
	local method = evt.field(f.method)
	if method then
		partial_transactions[key] = {
			dir = evt.field(f.dir) or "<NA>",
			container = evt.field(f.container) or "<NA>",
			request = {
				method = method,
				url = (evt.field(f.host) or evt.field(f.server)) .. (evt.field(f.uri) or ""),
				ts = evt.field(f.ts),
			},
		}
		return
	end
	local transaction = partial_transactions[key]
	if not transaction then return end
	partial_transactions[key] = nil
	transaction.response = {
		code = evt.field(f.code),
		length = evt.field(f.length) or 0,
		ts = evt.field(f.ts),
	}
	on_transaction(transaction)
end
