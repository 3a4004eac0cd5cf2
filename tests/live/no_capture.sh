#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# dredged --no-capture, as nobody: what Mesos says is served, how it was too, and at the port of an
# agent where there is none.
# shellcheck disable=SC2154
source "$(dirname "$0")/lib.bash"
need curl dredgectl python3 setpriv
python=$(PATH=/usr/bin:$PATH type -p python3)
cluster_start
api_start
chmod 755 "$work"

publish_tasks shop_web.1 /shop/web TASK_RUNNING 31005-31006 v1 true

serve() { # NAMESPACE ADDRESS: as nobody
	: >"$work/dredged.err"
	(exec nsenter --net="/run/netns/$1" setpriv --reuid=65534 --regid=65534 --clear-groups \
		--no-new-privs --inh-caps=-all --bounding-set=-all "$(command -v dredged)" --no-capture \
		-m http://127.0.0.1:5050,http://127.0.0.1:8080 --mesos-interval 300ms --status-interval 0 \
		--listen="$2" 2>"$work/dredged.err") &
	monitor=$!
}
get() { on_host curl -s --max-time 5 "$url$1"; }
ask() { get "$2" | "$python" -c "import json, sys
j = json.load(sys.stdin)
print($1)" 2>&1; }

# ---- where an agent listens --------------------------------------------------------------------

serve "$host" 127.0.0.1:5051 # taken
wait "$monitor"
same "a port that is taken" 1 $?
grep -q '127.0.0.1:5051.*in use' "$work/dredged.err" || bad "taken: $(cat "$work/dredged.err")"
ip netns add "$tag-alone"
ip -n "$tag-alone" link set lo up
serve "$tag-alone" 127.0.0.1:5051
wait_for 5 grep -q ready "$work/dredged.err" || die "does not run without root: $(cat "$work/dredged.err")"
same "at the agent's port" '[]' "$(nsenter --net="/run/netns/$tag-alone" curl -s --max-time 5 \
	http://127.0.0.1:5051/monitor/statistics)"
same "not ready without Mesos" 503 "$(nsenter --net="/run/netns/$tag-alone" curl -s --max-time 5 \
	-o /dev/null -w '%{http_code}' http://127.0.0.1:5051/readyz)"
status_of() { nsenter --net="/run/netns/$tag-alone" dredgectl status --listen 127.0.0.1:5051 2>&1; }
told() { [[ $(status_of) == *"ready:      no: no metadata yet"*"last error: "*onnect*"not ready"* ]]; }
wait_for 10 told || bad "status: $(status_of)"
status_of >/dev/null
same "status of dredgectl when it is not ready" 1 $?
monitor_stop
same "exit status" 0 "$status"

# ---- who holds a port, and who held it ---------------------------------------------------------

serve "$host" 127.0.0.1:0
wait_for 5 grep -q ready "$work/dredged.err" || die "does not run: $(cat "$work/dredged.err")"
url=$(sed -n 's/^dredged: HTTP at //p' "$work/dredged.err")
same "user" 65534 "$(awk '/^Uid:/ {print $2}' "/proc/$monitor/status")"
who="[(e['task'], e['app'], e['group'], e['hostname']) for e in j['now']]"
holds() { [ "$(ask "$who" /v1/ports/31005)" = "[('$1', '$2', '${2%/*}', 'h1')]" ]; }
wait_for 10 holds shop_web.1 /shop/web || bad "31005: $(get /v1/ports/31005)"
same "ready" True "$(ask "j['ready']" /readyz)"
sleep 1
then=$(date +%s.%N)
clock=$(date +%H:%M:%S)
sleep 1.1
publish_tasks shop_web.1 /shop/web TASK_FINISHED 31005-31006 v2 true data_db.7 /data/db TASK_RUNNING 31004-31007 v2 true
wait_for 10 holds data_db.7 /data/db || bad "31005 later: $(get /v1/ports/31005)"
both="[[(e['task'], e['app']) for e in j[k]] for k in ('now', 'then')]"
for at in "@$then" "$clock"; do
	same "now, and at $at" "[[('data_db.7', '/data/db')], [('shop_web.1', '/shop/web')]]" \
		"$(ask "$both" "/v1/ports/31005?at=$at")"
done
same "the tasks then" "[('shop_web.1', 'TASK_RUNNING')]" \
	"$(ask "[(e['id'], e['task_state']) for e in j['tasks']]" "/v1/tasks?at=@$then")"
same "the group then" "[1, 0]" "$(ask "[j['running'], j['containers']]" "/v1/groups/shop?at=@$then")"
versions="sorted((e['id'], e['app_version']) for e in j['apps'])"
same "the apps then" "[('/shop/web', 'v1')]" "$(ask "$versions" "/v1/apps?at=@$then")"
same "the apps now" "[('/data/db', 'v2'), ('/shop/web', 'v2')]" "$(ask "$versions" /v1/apps)"
same "since when" True "$(ask "float(j['since']) > $then and j['until'] is None" /v1/apps/data/db)"
same "the agents then" "[('h1', True)]" \
	"$(ask "[(e['hostname'], e['active']) for e in j['agents']]" "/v1/agents?at=@$then")"
same "its leaf now" "['data_db.7']" \
	"$(ask "[t['id'] for t in j['apps'][0]['tasks']]" /v1/groups/data)"
same "to come" 400 "$(get '/v1/tasks?at=2099-01-01' -o /dev/null | grep -c 'yet to come' | sed 's/1/400/')"

api_mode 500
troubled() { [[ $(ask "j['metadata']['error']" /readyz) == *500* ]]; }
wait_for 10 troubled || bad "readyz does not tell why there is no metadata"
holds data_db.7 /data/db || bad "names are gone with the API: $(get /v1/ports/31005)"
monitor_stop
same "exit status" 0 "$status"
verdict
