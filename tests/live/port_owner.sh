#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tasks on the host's network whose containers nobody sees: packets on an interface of the host are
# theirs by the agent's address and their ports, live and in the file, each as of its time.
# shellcheck disable=SC2016,SC2154
source "$(dirname "$0")/lib.bash"
need curl python3 tcpdump
cluster_start
file=$work/a.pcapng.lz4 agent_address=10.78.0.1
far=$tag-far
ip netns add "$far"
ip -n "$host" link add vfar type veth peer name eth0 netns "$far"
ip -n "$host" addr add 10.78.0.1/24 dev vfar
ip -n "$host" link set vfar up
ip -n "$far" addr add 10.78.0.2/24 dev eth0
ip -n "$far" link set eth0 up

ear() { # PORT: counts nothing, only listens
	become_on_host python3 -c "import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('', $1))
time.sleep(600)" &
}
say() { # PORT COUNT
	nsenter --net="/run/netns/$far" python3 -c "import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range($2): s.sendto(b'hello', ('10.78.0.1', $1)); time.sleep(0.002)"
}
told() { dredge -r "$file" -p '%notice.message' 'evt.type=notice' | grep -c -- "$1"; }

publish_tasks shop_web.1 /shop/web TASK_RUNNING 31005-31006 v1 true data_db.1 /data/db TASK_RUNNING 31010-31010 v1 true
api_start
ear 31005
ear 31010
monitor_start -w "$file" --interface vfar --counters 1s --listen 127.0.0.1:5052
witness_start far
get() { on_host curl -s --max-time 5 "http://127.0.0.1:5052$1"; }
wait_for 10 monitor_said 'ports 31005-31006 of 10.78.0.1 are of task=shop_web.1 app=/shop/web' ||
	die "the ports of a task without a container are not told"
say 31005 30
say 31010 20
say 31999 10
share() { get /metrics | sed -n "s/^dredge_attributed_packets_total{result=\"$1\"} //p"; }
wait_for 5 eval '[ "$(share port)" = 50 ]' || bad "by port: $(share port)"
wait_for 5 eval '[ "$(share unknown)" -ge 10 ]' || bad "unknown: $(share unknown)"

# Another health, then another version, then the port is another task's.
publish_tasks shop_web.1 /shop/web TASK_RUNNING 31005-31006 v1 false data_db.1 /data/db TASK_RUNNING 31010-31010 v1 true
wait_for 10 monitor_said 'shop_web.1 has now.* health=unhealthy' || bad "the health is not told"
say 31005 7
sleep 2
stamp=$(date -d '-1 second' +%s.%N)
publish_tasks shop_web.1 /shop/web TASK_KILLING 31005-31006 v1 false data_db.1 /data/db TASK_RUNNING 31010-31010 v1 true
wait_for 10 monitor_said 'shop_web.1 has now.* task_state=TASK_KILLING' || bad "the state is not told"
changed=$stamp stamp=
publish_tasks shop_web.1 /shop/web TASK_FINISHED 31005-31006 v1 false shop_cart.1 /shop/cart TASK_RUNNING 31005-31005 v2 true
wait_for 10 monitor_said 'are no longer of task=shop_web.1' || bad "the end of a task is not told"
wait_for 10 monitor_said 'ports 31005 of 10.78.0.1 are of task=shop_cart.1' || bad "nor who is next"
say 31005 5
wait_for 5 eval '[ "$(share port)" = 62 ]' || bad "by port in the end: $(share port)"
monitor_stop
witnesses_stop
same "exit status of dredged" 0 "$status"

for row in "marathon.app.id=/shop/web 37" "marathon.app.id=/data/db 20" "marathon.app.id=/shop/cart 5" \
	"mesos.task.id=shop_web.1 37" "mesos.task.health=healthy 55" "mesos.task.health=unhealthy 7" \
	"container.rung=port 62" "marathon.app.version=v2 5"; do
	same "packets of ${row% *}" "${row##* }" "$(packets_of "$file" "${row% *} and udp")"
done
# A part of the file tells the same: names are those of the time, not of the last description.
same "packets of the second part" 7 "$(packets_of "$file" 'mesos.task.health=unhealthy and marathon.app.id=/shop/web')"
same "notices of the change" 1 "$(told 'shop_web.1 has now.* health=unhealthy')"
# With the time that Mesos told, not that of the answer.
at=$(dredge -r "$file" -p '%evt.rawtime' 'notice.kind=changed and mesos.task.state=TASK_KILLING')
[ "${at:0:13}" = "$(printf %s "$changed" | tr -d . | cut -c 1-13)" ] || bad "changed at $at, not $changed"
# An app that changed and that came; the filter finds them by the app.
same "notice of an app" "app /shop/cart is new" \
	"$(dredge -r "$file" -p '%notice.message' 'notice.kind=app_changed and marathon.app.id=/shop/cart')"
dredge -r "$file" -w "$work/b.pcapng" || bad "cannot be written again"
same "written again" 37 "$(packets_of "$work/b.pcapng" 'marathon.app.id=/shop/web and udp')"
# What tcpdump wrote there has no containers; beside the capture its packets have their owners.
for row in "/shop/web 37" "/data/db 20" "/shop/cart 5"; do
	same "of tcpdump, ${row% *}" $((2 * ${row##* })) "$(dredge -r "$file" -r "$work/far.pcap" -q \
		--summary=evt.type "marathon.app.id=${row% *} and udp" | awk '$4 == "packet" {print $2}')"
done
# A master and a Marathon on this host are found by themselves.
become_on_host dredged --no-capture -m auto --mesos-interval 300ms --status-interval 0 \
	--listen 127.0.0.1:5054 2>"$work/auto.err" &
found() { [[ $(on_host curl -s --max-time 5 http://127.0.0.1:5054/v1/tasks/shop_cart.1) == *'"app":"/shop/cart"'* ]]; }
wait_for 15 found || bad "-m auto: $(cat "$work/auto.err")"
verdict
