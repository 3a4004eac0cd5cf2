-- SPDX-License-Identifier: Apache-2.0
-- Columns that the views of containers share; they differ in what containers are grouped by.
local M = {}

M.cpu = { name = "CPU%", field = "cpus_user_time_secs + cpus_system_time_secs",
	description = "CPU time used, in percent of one processor.",
	aggregation = "RATE", groupby_aggregation = "SUM", unit = "percent", colsize = 6 }
M.mem = { name = "MEM", field = "mem_total_bytes",
	description = "Memory charged to the containers' cgroups.",
	groupby_aggregation = "SUM", unit = "bytes", colsize = 6 }
M.disk = { name = "DISK/s", field = "disk_read_bytes + disk_write_bytes",
	description = "Bytes read from and written to block devices per second.",
	aggregation = "RATE", groupby_aggregation = "SUM", unit = "bytes", colsize = 6 }
M.bytes_in = { name = "IN/s", field = "frame.len.in",
	description = "Bytes received per second, as on the wire.", is_sorting = true,
	sparkline = true,
	aggregation = "TIME_AVG", groupby_aggregation = "SUM", unit = "bytes", colsize = 6 }
M.bytes_out = { name = "OUT/s", field = "frame.len.out",
	description = "Bytes sent per second, as on the wire.",
	aggregation = "TIME_AVG", groupby_aggregation = "SUM", unit = "bytes", colsize = 6 }
M.packets_in = { name = "PKIN/s", field = "frame.count.in",
	description = "Packets received per second.",
	aggregation = "TIME_AVG", groupby_aggregation = "SUM", unit = "count", colsize = 6 }
M.packets_out = { name = "PKOUT/s", field = "frame.count.out",
	description = "Packets sent per second.",
	aggregation = "TIME_AVG", groupby_aggregation = "SUM", unit = "count", colsize = 7 }
M.connections = { name = "CONN", field = "net_tcp_active_connections",
	description = "TCP connections in use.",
	groupby_aggregation = "SUM", unit = "count", colsize = 5 }
M.rtt = { name = "RTT", field = "tcp_handshake_secs", over = "tcp_handshakes",
	description = "Mean time of TCP handshakes; on a file only for small windows, or as sampled.",
	aggregation = "DELTA", groupby_aggregation = "AVG", unit = "seconds", colsize = 6 }
M.retransmits = { name = "RETR", field = "tcp_retransmits",
	description = "TCP segments seen again; on a file only for small windows, or as sampled.",
	aggregation = "DELTA", groupby_aggregation = "SUM", unit = "count", colsize = 5 }
M.drops = { name = "DROP",
	field = "net_rx_dropped + net_tx_dropped + bw_limit.drops + ingress_bw_limit.drops",
	description = "Packets dropped by the interfaces and by the limits.",
	aggregation = "DELTA", groupby_aggregation = "SUM", unit = "count", colsize = 5 }
M.limit = { name = "LIMIT/s", field = "net_tx_rate_limit",
	description = "Bytes per second that may be sent.",
	groupby_aggregation = "SUM", unit = "bytes", colsize = 7 }
M.containers = { name = "CONT", field = "container.id",
	description = "How many containers.", groupby_aggregation = "COUNT", colsize = 5 }
M.tasks = { name = "TASKS", field = "mesos.task.id",
	description = "How many tasks.", groupby_aggregation = "COUNT", colsize = 5 }
M.apps = { name = "APPS", field = "marathon.app.id",
	description = "How many apps.", groupby_aggregation = "COUNT", colsize = 5 }
M.state = { name = "STATE", field = "mesos.task.state",
	description = "Last known state of the task.", colsize = 13 }
M.ports = { name = "PORTS", field = "container.ports",
	description = "Ports that were assigned.", colsize = 12 }
M.host = { name = "HOST", field = "mesos.agent.hostname",
	description = "Host name of the Mesos agent.", colsize = 16 }
M.app = { name = "APP", field = "marathon.app.id", absent = "n/a",
	description = "Marathon app.", colsize = 20 }
M.task = { name = "TASK", field = "mesos.task.id", absent = "n/a",
	description = "Mesos task.", colsize = 24 }
M.container = { name = "CONTAINER", field = "container.id",
	description = "Container id.", colsize = 13 }

-- A column as it is, but for what is given.
function M.with(column, changes)
	local new = {}
	for k, v in pairs(column) do new[k] = v end
	for k, v in pairs(changes) do new[k] = v end
	return new
end

-- Rates of containers by a group key, with columns of one's own before the rest.
function M.by(key, counts, texts)
	local columns = {
		{ name = "NA", field = "container.id", is_key = true },
		M.with(key, { name = "NA", is_groupby_key = true, absent = "n/a" }),
		M.cpu, M.mem, M.bytes_in, M.bytes_out,
	}
	for _, c in ipairs(counts) do table.insert(columns, c) end
	for _, c in ipairs({ M.connections, M.rtt, M.retransmits, M.drops, M.packets_in,
		M.packets_out, M.disk, M.limit }) do
		table.insert(columns, c)
	end
	for _, c in ipairs(texts) do table.insert(columns, c) end
	return columns
end

-- Fields by which something can be selected and whose events are those of containers.
M.who = { "", "marathon.group.id", "marathon.app.id", "mesos.task.id", "mesos.framework.name",
	"mesos.agent.id", "container.id", "container.image" }
M.ends = { "fd.sport", "fd.dport", "fd.lport", "fd.rport", "fd.port", "fd.rip", "fd.lip",
	"fd.name", "evt.res", "dns.qry.name" }

-- All fields of the lists but those named.
function M.offered(lists, but)
	local fields, skip = {}, {}
	for _, f in ipairs(but or {}) do skip[f] = true end
	for _, list in ipairs(lists) do
		for _, f in ipairs(list) do
			if not skip[f] then table.insert(fields, f) end
		end
	end
	return fields
end

return M
