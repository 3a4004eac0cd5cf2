#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Statistics of a container during a throttled transfer and after it, by the control socket and read
# back from the capture, beside independent witnesses: tc, ss, /proc of the namespace. Names are the
# conformance cases of Mesos' isolator.
# shellcheck disable=SC2154
source "$(dirname "$0")/isolated.bash"
need tc ss
shop_a

# ---- the transfer: 3 MB at 1 MB/s, and then a connection that stays ---------------------------

on outside "$python" -c "
import socket
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('0.0.0.0', 7000))
s.listen(1)
c, peer = s.accept()
while c.recv(65536):
    pass" >"$work/outside" 2>&1 &
cat >"$work/send.py" <<'END'
import os, socket, sys, time
while not os.path.exists(sys.argv[2] + "/go"):
    time.sleep(0.05)
s = socket.create_connection((sys.argv[1], 7000))
s.sendall(b"x" * 3000000)
while any(part != "0" for part in [open("/proc/net/tcp").read().split("\n")[1].split()[4].split(":")[0].lstrip("0") or "0"]):
    time.sleep(0.05)
open(sys.argv[2] + "/sent", "w").close()
time.sleep(600)
END
start A "$python" "$work/send.py" $far "$work"

file=$work/stats.pcapng.lz4
switches=(--network_enable_socket_statistics_summary --network_enable_socket_statistics_details
	--network_enable_snmp_statistics)
rates=(--network_enable_rate_statistics --network_rate_statistics_window=5secs
	--network_rate_statistics_interval=50ms)
start_dredged --counters 200ms -w "$file" "${switches[@]}" "${rates[@]}"
ctl attach A --netns "$(netns A)" --ports 31000-31499 --egress 1MB --ingress 2MB || die "attach A"
ctl attach B --netns "$(netns B)" --ports 31500-32000 || die "attach B"

# A number of a container's statistics, or "absent": bw_limit.bytes, tcp_stats.RetransSegs ...
cat >"$work/flat.py" <<'END'
import json, sys
def flat(v, prefix=""):
    for k, x in v.items():
        if k == "net_traffic_control_statistics":
            for e in x:
                yield from flat({n: m for n, m in e.items() if n != "id"}, e["id"] + ".")
        elif k in ("net_snmp_statistics", "net_rate_statistics"):
            yield from flat(x)
        elif isinstance(x, dict):
            yield from flat(x, prefix + k + ".")
        else:
            yield prefix + k, x
for name, value in flat(json.load(sys.stdin)["statistics"]):
    print(name, int(value) if value == int(value) else value)
END
stats() { ctl stats "$1" --json | "$python" "$work/flat.py"; } # CONTAINER: lines "name value"
value() { awk -v name="$1" '$1 == name {print $2; found = 1} END {if (!found) print "absent"}' "$work/stats"; }
look() { stats "$1" >"$work/stats"; }
above() { # NAME LEAST: within the newest sample
	look A
	local v
	v=$(value "$1")
	[ "$v" != absent ] && [ "$v" -gt "$2" ]
}
class_of() { tc -n "$host" -s class show dev drshape0 | awk '/^class htb 1:1 / {f = 1} f && /Sent/ {print $2; exit}'; }

named "7.1/18 PortMappingStatistics: during a throttled transfer"
touch "$work/go"
wait_for 3 above bw_limit.overlimits 0 || bad "overlimits of bw_limit do not grow"
wait_for 3 above bw_limit.backlog 10000 || bad "no backlog of bw_limit"
wait_for 3 above bloat_reduction.qlen 0 || bad "nothing waits in the queue"
wait_for 3 above bloat_reduction.backlog 10000 || bad "no backlog of bloat_reduction"
same "who waits for the rate waits in bw_limit" 0 "$(value bloat_reduction.overlimits)"
wait_for 3 above net_tcp_rtt_microsecs_p50 1000 || bad "no RTT: $(value net_tcp_rtt_microsecs_p50)"
wait_for 3 above net_tcp_active_connections 0 || bad "no active connection"
before=$(class_of)
sleep 0.5
look A
after=$(class_of)
{ [ "$(value bw_limit.bytes)" -ge "$before" ] && [ "$(value bw_limit.bytes)" -le "$after" ]; } ||
	bad "bw_limit.bytes $(value bw_limit.bytes) is not between tc's $before and $after"

named "7.1/19 PortMappingRateStatistics: window and interval are told, and not more points than fit"
look A
same "window" 5 "$(value sampling_window_secs)"
same "interval" 0.05 "$(value sampling_interval_secs)"
for series in {rx,tx}_{rate,packet_rate,drop_rate,error_rate}; do
	[ "$(value $series.p90)" != absent ] || bad "no p90 of $series"
	{ [ "$(value $series.samples)" -ge 2 ] && [ "$(value $series.samples)" -le 100 ]; } ||
		bad "$series has $(value $series.samples) points"
done
[ "$(value tx_rate.max)" -gt 200000 ] || bad "tx_rate.max is $(value tx_rate.max)"
[ "$(value tx_rate.max)" -gt "$(value rx_rate.max)" ] || bad "rates are not swapped"

# ---- after it: nothing moves, so that everything must be the same ------------------------------

named "7.1/18 PortMappingStatistics: what the witnesses say"
wait_for 10 test -e "$work/sent" || bad "the transfer does not end"
sleep 1
look A
sent=$(value bw_limit.bytes)
{ [ "$sent" -ge 3000000 ] && [ "$sent" -le 3400000 ]; } || bad "3000000 bytes were sent, bw_limit says $sent"
same "bytes of the class" "$(class_of)" "$sent"
same "bytes of its queue" "$sent" "$(value bloat_reduction.bytes)"
read -r packets drops over < <(tc -n "$host" -s class show dev drshape0 |
	awk '/^class htb 1:1 / {f = 1} f && /Sent/ {gsub("[,)]", ""); print $4, $7, $9; exit}')
same "packets, drops and overlimits of the class" "$packets $drops $over" \
	"$(value bw_limit.packets) $(value bw_limit.drops) $(value bw_limit.overlimits)"
same "ingress bytes" "$(tc -n "$host" -s qdisc show dev dr1 | awk '/^qdisc htb 1: / {f = 1} f && /Sent/ {print $2; exit}')" \
	"$(value ingress_bw_limit.bytes)"
same "ingress of the queue" "$(value ingress_bw_limit.bytes)" "$(value ingress_bloat_reduction.bytes)"
link() { ip -n "$host" -s -j link show dr1 | "$python" -c "
import json, sys
print(json.load(sys.stdin)[0]['stats64']['$1']['$2'])"; }
for what in bytes packets dropped errors; do
	same "what A sent: $what" "$(link rx $what)" "$(value net_tx_$what)"
	same "what A received: $what" "$(link tx $what)" "$(value net_rx_$what)"
done
[ "$(value net_tx_bytes)" -gt "$(value net_rx_bytes)" ] || bad "sent and received are swapped"
same "limits" "1048576 2097152 absent absent" "$(value net_tx_rate_limit) $(value net_rx_rate_limit) \
$(value net_tx_burst_rate_limit) $(value net_rx_burst_size)"
same "ephemeral ports" "$(on A cat /proc/sys/net/ipv4/ip_local_port_range | tr '\t' ' ')" \
	"$(value net_ephemeral_ports.begin) $(value net_ephemeral_ports.end)"
same "their number" $ephemeral_size $(($(value net_ephemeral_ports.end) - $(value net_ephemeral_ports.begin) + 1))
same "active and TIME_WAIT" "$(on A awk '/^TCP:/ {print $3, $7}' /proc/net/sockstat)" \
	"$(value net_tcp_active_connections) $(value net_tcp_time_wait_connections)"
same "RTT of the one connection" "$(on A ss -tinH | grep -o ' rtt:[0-9.]*' | awk -F: '{printf "%.0f\n", 1000 * $2}')" \
	"$(value net_tcp_rtt_microsecs_p50)"
same "its other percentiles" "$(value net_tcp_rtt_microsecs_p50) $(value net_tcp_rtt_microsecs_p50)" \
	"$(value net_tcp_rtt_microsecs_p90) $(value net_tcp_rtt_microsecs_p99)"
on A cat /proc/net/snmp | awk '{
	sub(":", "", $1)
	if ($1 == last) { for (i = 2; i <= NF; i++) print tolower($1) "_stats." name[i], $i }
	else { split($0, name); last = $1; next }
	last = ""}' >"$work/snmp"
count=0
while read -r name wanted; do
	case $name in icmpmsg_* | udplite_* | *.OutTransmits | *.MemErrors | *.OutRateLimit*) continue ;; esac
	same "$name" "$wanted" "$(value "$name")"
	count=$((count + 1))
done <"$work/snmp"
same "how many of /proc/net/snmp" 69 $count
same "MaxConn" -1 "$(value tcp_stats.MaxConn)"

look B
named "7.1/18 PortMappingStatistics: a container without limits and connections"
same "absent" "absent absent absent absent absent" "$(value bw_limit.bytes) $(value ingress_bw_limit.bytes) \
$(value net_tx_rate_limit) $(value net_tcp_rtt_microsecs_p50) $(value bloat_reduction.bytes)"
same "there" "0 0" "$(value net_tcp_active_connections) $(value tcp_stats.CurrEstab)"
same "unknown" "dredgectl: no such container" "$(ctl stats nope 2>&1)"
same "both are known by what they are attached as" "A B" "$(ctl stats | awk 'NR > 1 {print $1}' | sort | xargs)"
same "and by what they were found as" 1 "$(ctl stats "${id_of[A]}" | grep -c '^A ')"

# ---- the same from the capture -------------------------------------------------------------------

named "counter samples of the capture have the same values"
look A
stop_dredged
fields=(bw_limit.bytes bw_limit.packets bw_limit.overlimits bloat_reduction.bytes ingress_bw_limit.bytes
	net_tx_rate_limit net_ephemeral_ports.begin net_tcp_rtt_microsecs_p50 net_tcp_active_connections
	tcp_stats.MaxConn tcp_stats.OutSegs tcp_stats.RetransSegs ip_stats.DefaultTTL udp_stats.NoPorts)
for field in "${fields[@]}"; do
	same "$field" "$(value "$field")" "$(dredge -r "$file" -p "%$field" evt.type=counters and \
		container.id="${id_of[A]}" | tail -n 1)"
done
[ "$(dredge -r "$file" 'bw_limit.backlog>10000 and tx_rate.p90>0' | wc -l)" -gt 0 ] ||
	bad "no sample with backlog in the capture"
same "a filter on overlimits" 0 "$(dredge -r "$file" "bw_limit.overlimits>$over" | wc -l)"

# ---- each switch, and nothing else ---------------------------------------------------------------

families() {
	stats A | awk '/^net_tcp_active_connections /{a++} /^net_tcp_time_wait_connections /{t++}
		/^net_tcp_rtt_microsecs_p(50|90|95|99) /{r++} /^(ip|icmp|tcp|udp)_stats\./{s++}
		/^(sampling_|[rt]x_[a-z_]*rate)/{x++} {n++} END {print a + t + 0, r + 0, s + 0, x + 0, n - a - t - r - s - x}'
}
others=$(awk '!/^net_tcp_|_stats\.|^sampling_|^[rt]x_[a-z_]*rate/' "$work/stats" | wc -l)
ready() { ctl stats A --json >/dev/null; }
for on in {false,true}\ {false,true}\ {false,true}; do
	read -r summary details snmp <<<"$on"
	named "7.1/18 PortMappingStatistics: summary $summary, details $details, SNMP $snmp"
	start_dredged --counters 100ms "${switches[0]}=$summary" "${switches[1]}=$details" "${switches[2]}=$snmp"
	wait_for 3 ready
	sleep 0.3
	wanted="$([ $summary = true ] && echo 2 || echo 0) $([ $details = true ] && echo 4 || echo 0)"
	same "members" "$wanted $([ $snmp = true ] && echo 69 || echo 0) 0 $others" "$(families)"
	stop_dredged
done

named "the rates are refused as Mesos refuses them"
refused() { dredged --network_enable_rate_statistics "$@" 2>&1 </dev/null; }
[[ $(refused) == *"wants network_rate_statistics_window"* ]] || bad "without a window"
[[ $(refused "${rates[1]}" --network_rate_statistics_interval=5secs) == *"longer than the interval"* ]] ||
	bad "a window as long as the interval"
[[ $(refused "${rates[1]}" --network_rate_statistics_interval=19ms) == *"shorter than 20ms"* ]] || bad "19 ms"

# ---- without enforcement -------------------------------------------------------------------------

named "what can be read is read without isolation, of a container that somebody else limits"
become host dredged --cgroups_root "$cgroup_name" --counters 100ms --max-time 1 -w "$work/observed.pcapng.lz4" \
	"${switches[@]}" 2>"$work/observed.err" &
wait $!
observed() { dredge -r "$work/observed.pcapng.lz4" -p "%$1" evt.type=counters and container.id="${id_of[A]}" | tail -n 1; }
for field in ingress_bw_limit.bytes ingress_bloat_reduction.packets tcp_stats.MaxConn \
	net_tcp_rtt_microsecs_p99 net_tcp_active_connections; do
	look A 2>/dev/null
	[ -n "$(observed $field)" ] || bad "no $field"
done
same "what only dredged's own isolation knows" "" "$(observed net_ephemeral_ports.begin)$(observed net_tx_rate_limit)"
named
verdict
