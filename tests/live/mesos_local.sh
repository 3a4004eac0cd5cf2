#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A master on this host is found by its process, wherever it listens; and a Marathon that another
# one runs: each names its own tasks, also where both have an app of the same id.
source "$(dirname "$0")/own.bash"
set -u -o pipefail
for tool in dredged curl python3; do
	command -v $tool >/dev/null || skip "needs $tool"
done

here=$(dirname "$0") work=$(mktemp -d) status=0
bad() {
	echo "not ok: $*"
	status=1
}
cat >"$work/marathons.py" <<'PY'
# A master, and two Marathons; arguments are those of a master.
import json, os, socketserver, http.server, sys, threading
sys.path.insert(0, sys.argv[1])
import answering
open("/proc/self/comm", "w").write(sys.argv[2])

def task(framework, identity):
    return {"id": identity, "name": identity, "framework_id": framework, "slave_id": "S0", "state": "TASK_RUNNING"}
FRAMEWORKS = [{"id": "F1", "name": "marathon", "active": True, "webui_url": "http://127.0.0.1:7071",
               "tasks": [task("F1", "team_marathon.1"), task("F1", "shop_web.1")]},
              {"id": "F2", "name": "marathon-team", "active": True, "webui_url": "http://127.0.0.1:7072",
               "tasks": [task("F2", "shop_web.2"), task("F2", "deep_app.2")]}]
GROUPS = {7071: [("/team/marathon", "team_marathon.1", "ops"), ("/shop/web", "shop_web.1", "host")],
          7072: [("/shop/web", "shop_web.2", "team"), ("/deep/app", "deep_app.2", "team")]}

class Handler(answering.Handler):
    def do_POST(self):
        self.close_connection = True
        self.answer(404)

    def do_GET(self):
        apps = GROUPS.get(self.server.server_port)
        if not apps and self.path == "/master/state":
            return self.answer(200, json.dumps({"pid": "master@" + self.headers["Host"],
                                                "leader": "master@" + self.headers["Host"], "frameworks": FRAMEWORKS,
                                                "slaves": [{"id": "S0", "hostname": "node0"}]}).encode())
        if apps and self.path.startswith("/v2/groups"):
            return self.answer(200, json.dumps({"id": "/", "apps": [
                {"id": app, "labels": {"OWNER": owner}, "tasks": [{"id": task}]} for app, task, owner in apps]}).encode())
        return self.answer(404)

class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = allow_reuse_address = True

for address in [tuple(a.split(":")) for a in os.environ["LISTEN"].split()]:
    threading.Thread(target=Server((address[0], int(address[1])), Handler).serve_forever).start()
open(os.environ["READY"], "w")
PY
# COMM ADDRESS [NAME=VALUE]... [FLAG]...: where the master listens is told by variables and flags
up() {
	local comm=$1 listen="$2 127.0.0.1:7071 127.0.0.1:7072" variables=()
	shift 2
	while [[ ${1:-} == MESOS_* ]]; do
		variables+=("$1")
		shift
	done
	rm -f "$work/ready"
	env "${variables[@]}" LISTEN="$listen" READY="$work/ready" python3 "$work/marathons.py" \
		"$(realpath "$here")" "$comm" "$@" 2>"$work/servers" &
	servers=$!
	for _ in {1..100}; do
		[ -e "$work/ready" ] && return
		sleep 0.1
	done
	bad "$comm does not listen: $(<"$work/servers")"
}
ask() { curl -s --max-time 5 "http://127.0.0.1:5055$1"; }
watch() { # NAME: how the master is found
	dredged --no-capture -m auto --mesos-interval 300ms --status-interval 0 --listen 127.0.0.1:5055 2>"$work/err" &
	monitor=$!
	for _ in {1..150}; do
		[[ $(ask /v1/tasks/deep_app.2) == *'"app":"/deep/app"'* ]] && return
		sleep 0.1
	done
	bad "$1: $(ask /v1/tasks/deep_app.2) $(<"$work/err")"
}
down() {
	kill "$monitor" "$servers"
	wait "$monitor" "$servers" 2>/dev/null
}
named() { # TASK APP FRAMEWORK OWNER: its app has that label
	[[ $(ask "/v1/tasks/$1") == *"\"app\":\"$2\","*"\"framework\":\"$3\","*"\"app_labels\":{\"OWNER\":\"$4\"}"* ]] ||
		bad "$1: $(ask "/v1/tasks/$1")"
}

up mesos-master 127.0.0.2:6060 MESOS_PORT=6061 --quorum=1 --ip=127.0.0.2 --port=6060
watch "its flags"
named team_marathon.1 /team/marathon marathon ops
named shop_web.1 /shop/web marathon host
named shop_web.2 /shop/web marathon-team team
named deep_app.2 /deep/app marathon-team team
down
up lt-mesos-master 127.0.0.1:6061 MESOS_PORT=6061
watch "its environment"
down
up anybody 127.0.0.1:5050
watch "the port of masters"
down
up anybody 127.0.0.1:6060
dredged --no-capture -m auto --status-interval 0 --listen 127.0.0.1:5055 2>"$work/err" &
monitor=$!
for _ in {1..50}; do
	grep -q "no Mesos master on this host" "$work/err" && break
	sleep 0.1
done
grep -q "no Mesos master on this host" "$work/err" || bad "nobody: $(<"$work/err")"
down
[ $status -ne 0 ] || echo ok
exit $status
