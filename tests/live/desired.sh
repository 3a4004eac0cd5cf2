#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Ports that a scheduler assigned reach the containers by way of Mesos' answers, also when a task
# joins an executor; what is not to be had is told once.
# shellcheck disable=SC2154
source "$(dirname "$0")/isolated.bash"
need curl
host_and_outside host outside
space A
space B
know A /shop/web
know B /shop/db
api_start
publish A B

# Mesos' answers as they are, with these ports: NAME=PORTS or NAME+=PORTS, a further task that runs
# in a container nested in NAME's.
assign() {
	publish
	python3 - "$work/api/5050/master/state" "$@" <<-END
		import copy, json, sys
		ids = {"A": "${id_of[A]}", "B": "${id_of[B]}"}
		path = sys.argv[1]
		state = json.load(open(path))
		tasks = state["frameworks"][0]["tasks"]
		for arg in sys.argv[2:]:
		    name, ports = arg.split("=")
		    task = next(t for t in tasks if t["name"] == name.rstrip("+"))
		    if name.endswith("+"):
		        task = copy.deepcopy(task)
		        task["id"] += "-joined"
		        task["name"] += "-joined"
		        task["statuses"][0]["container_status"]["container_id"] = {
		            "value": "child", "parent": {"value": ids[name[0]]}}
		        tasks.append(task)
		    task["resources"] = {"cpus": 0.1, "ports": "[%s]" % ports}
		json.dump(state, open(path + ".new", "w"))
	END
	mv "$work/api/5050/master/state.new" "$work/api/5050/master/state"
}
ports() { rows | awk -v id="${id_of[$1]}" '$1 == id {print $3}'; }
has() { [ "$(ports "$1")" = "$2" ]; }
becomes() { wait_for 8 has "$1" "$2" || bad "$3: wanted '$2', got '$(ports "$1")'"; }

start_dredged -m http://127.0.0.1:5050,http://127.0.0.1:8080 --mesos-interval 300ms
ctl attach "${id_of[A]}" --netns "$(netns A)" --ports 31900 --egress 1MB || bad "attach A"
ctl attach "${id_of[B]}" --netns "$(netns B)" --ports 31004-31007 || bad "attach B"
assign A=31000-31001
becomes A 31000-31001 "assigned ports"
same "who they are" "APP TASK /shop/web /shop/db" \
	"$(ctl list | grep -oE 'APP +TASK|/shop/[a-z]+' | tr -s ' \n' ' ' | sed 's/ $//')"
same "who one is" '"app":"/shop/web","task":"' "$(curl -s --unix-socket "$run/control" \
	"http://dredged/v1/isolation/${id_of[A]}" | grep -o '"app":"/shop/web","task":"')"
assign A=31000-31001 A+=31010-31011
becomes A 31000-31001,31010-31011 "a task joins"
assign A=31000-31001
becomes A 31000-31001 "and leaves"
assign A=31002-31005,8080-8080
becomes A 31002-31003 "what can be had of it"
sleep 1.5 # several answers later
same "the rest is told once" 1 "$(grep -c 'ports 8080,31004-31005, which its tasks' "$work/dredged.err")"
ctl detach "${id_of[B]}"
becomes A 31002-31005 "what somebody else had is given when it is free"
same "what is not of the pool still is not" 1 \
	"$(grep -c 'ports 8080, which its tasks were assigned' "$work/dredged.err")"
assign A=9000-9001
sleep 1.5
same "a container keeps its ports when none of them can be had" 31002-31005 "$(ports A)"
api_mode hang
sleep 0.5
has A 31002-31005 || bad "Mesos that hangs changes nothing"
ctl update "${id_of[A]}" --ports 31500 || bad "and the socket answers"
api_mode good
stop_dredged
same "exit status" 0 "$status"
verdict
