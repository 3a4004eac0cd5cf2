#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How long the HTTP server lets a client wait: 500 containers with full statistics, sampled each
# second, beside a capture under load; and metadata of 100 000 tasks. wrk asks; prints a Markdown
# table; root.
#
#     http.sh [CONTAINERS] [TASKS]
# shellcheck disable=SC2016,SC2086,SC2154
source "$(dirname "$0")/containers.bash"
need wrk cc curl
count=${1:-500} tasks=${2:-100000} seconds=20
cc -O2 -std=gnu17 -o "$work/load" "$(dirname "$0")/load.c" || die "load.c does not compile"
echo 'function delay() return 39 end' >"$work/rate.lua" # of 4 connections: 100 requests a second

cat >"$work/other.lua" <<'END'
-- each request another one: what was asked before is not made anew within a second
local n = 0
function request()
	n = n + 1
	return wrk.format("GET", wrk.path .. "&limit=" .. 1000 + n % 99000)
end
END

head_row() { printf '\n| %s | p50 | p90 | p99 | requests | bytes of one |\n|---|--:|--:|--:|--:|--:|\n' "$1"; }
row() { # TITLE TARGET WRK-OPTIONS...
	on host curl -s -o /dev/null "$url$2" # the first one is made when it is asked for
	sleep 2
	on host wrk --latency -d $seconds "${@:3}" "$url$2" >"$work/wrk"
	awk -v title="$1" -v size="$(on host curl -s "$url$2" | wc -c)" \
		'/^ +(50|90|99)%/ {p[$1] = $2} /requests in/ {n = $1} /Non-2xx/ {bad = " (" $NF " refused)"}
		END {printf "| %s | %s | %s | %s | %s%s | %s |\n", title, p["50%"], p["90%"], p["99%"], n, bad, size}' \
		"$work/wrk"
}
url_of() { url=$(sed -n 's/^dredged: HTTP at //p' "$work/dredged.err" | tail -n 1); }

# ---- numbers -------------------------------------------------------------------------------------

containers_make "$count"
make_cgroup_root # by which they are found
for ((i = 0; i < count; i++)); do
	know m$i /bench/m$i
	make_cgroup "${id_of[m$i]}"
	start m$i sleep 1000
done
start_dredged --no-host-network $summary $details $snmp "${rates[@]}" --listen=127.0.0.1:0 -w "$work/all.pcapng.lz4"
url_of
on m0 env LOAD_PORT=10001 "$work/load" sink >/dev/null &
on outside env LOAD_PORT=10001 "$work/load" udp $address "$(date +%s)" 1000 5000 >/dev/null &
all_known() { [ "$(on host curl -s "$url/monitor/statistics" | grep -o '"rx_rate"' | wc -l)" = "$count" ]; }
wait_for 60 all_known || die "not all have statistics"
head_row "$count containers, 100 requests/s, capture of 5000 packets/s"
for target in /monitor/statistics /metrics /healthz; do
	row "\`$target\`" $target -t1 -c4 -s "$work/rate.lua"
done
head_row "$count containers, as fast as it goes"
row '`/monitor/statistics`' /monitor/statistics -t1 -c2
seen=$(on host curl -s "$url/readyz" | grep -o '"packets":{[^}]*}')
printf '\nCapture beside it: %s\n' "$seen"
stop_dredged

# ---- metadata ------------------------------------------------------------------------------------

mkdir -p "$work/api/master"
"$python" - "$tasks" >"$work/api/master/state" <<'END'
import json, sys
agents = [{"id": f"S{a}", "hostname": f"h{a}", "pid": f"slave(1)@10.1.{a // 250}.{a % 250}:5051",
           "active": True} for a in range(1000)]
tasks = []
for i in range(int(sys.argv[1])):
    name = f"app{i % 2000}.group{i % 50}.team{i % 20}"
    tasks.append({"id": f"team{i % 20}_group{i % 50}_app{i % 2000}.{i:08x}-0c2a-11f0-9d3e-0242ac110002",
        "name": name, "framework_id": "F-0", "executor_id": "", "slave_id": f"S{i % 1000}",
        "state": "TASK_RUNNING", "resources": {"ports": f"[{31000 + i // 1000 * 4}-{31003 + i // 1000 * 4}]"},
        "labels": [{"key": "team", "value": f"t{i % 20}"}], "statuses": [{"state": "TASK_RUNNING",
        "timestamp": 1700000000.5, "container_status": {"container_id": {"value": f"c0ffee00-{i:012d}"}}}]})
json.dump({"version": "1.11.0", "pid": "master@127.0.0.1:5050", "leader": "master@127.0.0.1:5050",
           "slaves": agents, "frameworks": [{"id": "F-0", "name": "marathon", "active": True,
           "tasks": tasks}]}, sys.stdout)
END
become host "$python" -m http.server -b 127.0.0.1 -d "$work/api" 5050 >/dev/null 2>&1 &
wait_for 10 on host curl -s -o /dev/null http://127.0.0.1:5050/
: >"$work/dredged.err"
become host dredged --no-capture -m http://127.0.0.1:5050 --mesos-interval 600s --max-body 512MB \
	--listen=127.0.0.1:0 --status-interval 0 2>>"$work/dredged.err" </dev/null &
wait_for 30 grep -q ready "$work/dredged.err" || die "dredged did not start"
url_of
known() { on host curl -s "$url/readyz" | grep -q "\"tasks\":$tasks"; }
wait_for 120 known || die "the tasks are not known"
head_row "$tasks tasks, one request after another"
for target in '/v1/tasks?filter=marathon.app.id=/team1/group1/app1' \
	'/v1/tasks?filter=mesos.task.name=app7.group7.team7' '/v1/tasks?filter=mesos.agent.hostname=h5' \
	'/v1/tasks?filter=mesos.task.id%20contains%20team7'; do
	row "\`$target\`" "$target" -t1 -c1 -s "$work/other.lua"
done
