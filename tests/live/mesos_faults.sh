#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each way in which the master's API goes wrong: capture goes on, names stay, and the reason and the
# age of the metadata are told by /readyz, /metrics, dredgectl status and the summary.
# shellcheck disable=SC2154
source "$(dirname "$0")/lib.bash"
need curl dredgectl openssl python3
cluster_start
container web 10.77.0.3 /shop/web
container_up web
id=${id_of[web]} task=${task_of[web]}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=x \
	-addext subjectAltName=DNS:elsewhere.invalid -keyout "$work/bad.key" -out "$work/bad.pem" 2>/dev/null
cat >"$work/state" <<END
{"version":"1.11.0","pid":"master@127.0.0.1:5050","leader":"master@127.0.0.1:5050","slaves":[],
"frameworks":[{"id":"$framework","name":"marathon","active":true,"tasks":[{"id":"$task","name":"web",
"state":"TASK_RUNNING","slave_id":"$agent","resources":{"ports":"[31005-31006]"},"statuses":[{"state":
"TASK_RUNNING","container_status":{"container_id":{"value":"$id"}}}]}]}]}
END
cat >"$work/stream" <<END
{"get_frameworks":{"frameworks":[{"active":true,"framework_info":{"id":{"value":"$framework"},"name":"marathon"}}]},
"get_tasks":{"tasks":[{"task_id":{"value":"$task"},"name":"web","framework_id":{"value":"$framework"},
"agent_id":{"value":"$agent"},"state":"TASK_RUNNING","resources":[{"name":"ports","type":"RANGES","ranges":
{"range":[{"begin":31005,"end":31006}]}}],"statuses":[{"state":"TASK_RUNNING","container_status":{"container_id":
{"value":"$id"}}}]}]}}
END
fault() { echo "$1" >"$work/fault.new" && mv "$work/fault.new" "$work/fault"; }
fault none
echo no >"$work/streams"
become_on_host python3 "$(dirname "$0")/mesos_faults.py" "$work" 2>"$work/api.err" &
wait_for 10 on_host curl -s -o /dev/null http://127.0.0.1:5050/ || die "the API did not start"

get() { on_host curl -s --max-time 5 "http://127.0.0.1:5052$1"; }
error() { get /readyz | python3 -c 'import json, sys
print(json.load(sys.stdin)["metadata"]["error"])'; }
says() { error | grep -qiE -- "$1"; }
packets() { get /readyz | sed -n 's/.*"seen":\([0-9]*\).*/\1/p'; }
more_packets() { inside web bash -c 'echo x >/dev/udp/10.77.0.1/9'; [ "$(packets)" -gt "$1" ]; }
one() { # FAULT REASON
	local before line metrics
	fault "$1"
	wait_for 15 says "$2" || { bad "$1: readyz tells '$(error)', not '$2'"; fault none; return; }
	before=$(packets)
	wait_for 5 more_packets "$before" || bad "$1: the capture stands still at $(packets)"
	[[ $(get /v1/ports/31005) == *"\"task\":\"$task\",\"task_name\":\"web\""*'"app":"/shop/web"'* ]] ||
		bad "$1: the names are gone: $(get /v1/ports/31005)"
	[[ $(get '/v1/containers?fields=app') == *'"app":"/shop/web"'* ]] || bad "$1: the container's name is gone"
	metrics=$(get /metrics)
	for line in 'dredge_metadata_error{reason="[^"]*('"$2"')[^"]*"} 1' 'dredge_metadata_up 0' \
		'dredge_metadata_age_seconds{source="mesos"} [0-9]'; do
		grep -qiE -- "^$line" <<<"$metrics" || bad "$1: /metrics has no '$line': $(grep ^dredge_metadata <<<"$metrics")"
	done
	line=$(on_host dredgectl status --listen 127.0.0.1:5052)
	grep -qiE "metadata: .* tasks, [0-9.]+ s old; last error: .*($2)" <<<"$line" || bad "$1: dredgectl status: $line"
	: >"$work/dredged.err"
	kill -USR1 "$monitor"
	wait_for 5 monitor_said "Mesos metadata of .* tasks, [0-9]* s old; last error: " || bad "$1: the summary"
	fault none
	wait_for 30 says '^None$' || bad "$1: after it, still '$(error)'"
	[[ $(get /metrics) == *dredge_metadata_error* ]] && bad "$1: after it, still in /metrics"
}

monitor_start --listen 127.0.0.1:5052 -w "$work/a.pcapng.lz4" --no-stream
known() { [[ $(get '/v1/containers?fields=app') == *'/shop/web'* ]]; }
wait_for 15 known || die "no names at all: $(get /readyz)"
one nesting 'deeper than 64'
one type 'no valid JSON'
one half 'transfer closed|partial file|end of'
one garbage 'no valid JSON'
one 500 'HTTP status 500'
one loop 'redirects'
one dead 'connect'
one certificate 'certificate|SSL'
monitor_stop
same "exit status" 0 "$status"
echo yes >"$work/streams"
monitor_start --listen 127.0.0.1:5052 -w "$work/b.pcapng.lz4"
wait_for 15 known || die "no names in the stream: $(get /readyz)"
one silence 'no heartbeat for'
one cut 'partial file|closed'
monitor_stop
same "exit status" 0 "$status"
for file in a b; do
	[ "$(packets_of "$work/$file.pcapng.lz4" 'marathon.app.id=/shop/web and udp.dstport=9')" -ge 2 ] ||
		bad "$file: no packets by name"
done
verdict
