#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The operator's side: the command lines of Mesos' agent, and other flags after a restart.
# shellcheck disable=SC2054,SC2154
source "$(dirname "$0")/isolated.bash"
host_and_outside host outside
space A

# ---- the command line of an agent ----------------------------------------------------------

agent=(--checkpoint --log_dir=/var/log/mesos --work_dir /var/lib/mesos --ip=10.0.0.1 --port=5051
	--master=zk://10.0.0.2:2181/mesos --hostname=h1 --attributes=rack:2 --containerizers=mesos
	--launcher_dir=/usr/libexec/mesos --default_role='*' --credential=/etc/mesos/credential
	--no-switch_user --no-docker-kill-orphans
	--isolation=cgroups/cpu,cgroups/mem,network/port_mapping
	'--resources=cpus:22;mem:62189;ports:[31000-32000];disk:400000;ephemeral_ports:[30001-30999]'
	--egress-rate-limit-per-container=2MB --no-egress_unique_flow_per_container)
start_dredged "${agent[@]}"
told=$(grep -c 'of no use here' "$work/dredged.err")
same "one notice for what is none of ours" 1 "$told"
for name in checkpoint log_dir work_dir ip port master hostname attributes containerizers \
	launcher_dir default_role credential switch_user docker_kill_orphans; do
	grep -q "of no use here.* --$name\( \|\$\)" "$work/dredged.err" || bad "--$name is not told"
done
ctl attach A --netns "$(netns A)" --ports 31000-31499 || bad "attach"
rate_of() { tc -n "$host" class show dev "$1" | sed -n "s/^class htb $2 .* rate \([^ ]*\) .*/\1/p"; }
same "a flag with '-' for '_' counts" 16777Kbit "$(rate_of drshape0 1:1)"
ctl detach A
stop_dredged

json='[{"name":"cpus","type":"SCALAR","scalar":{"value":22}},
	{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":31000,"end":31009}]}},
	{"name":"ephemeral_ports","type":"RANGES","ranges":{"range":[{"begin":30016,"end":30047}]}}]'
start_dredged --resources="$json"
ctl attach A --netns "$(netns A)" --ports 31000-31009 || bad "pools in JSON"
ctl detach A
stop_dredged
refused() { # WHY OPTIONS...: does not start
	local said
	said=$(on "$isolation_host" timeout 10 dredged --runtime_dir="$run" "--resources=$resources" \
		--ephemeral_ports_per_container=16 "${@:2}" 2>&1)
	[ $? != 0 ] || bad "accepted: ${*:2}"
	[[ $said == *"$1"* ]] || bad "refusal of ${*:2}: $said"
}
refused "unknown isolator 'network/nosuch'" --isolation=network/port_mapping,network/nosuch
refused "one network isolator only" --isolation=network/port_mapping,network/cni
refused "unknown option --no-such" --no-such
# By the numbers of the list of what Mesos' isolator refuses:
refused "no public interface: link nosuch" --enforce --eth0_name=nosuch # 15
refused "no loopback: link nosuch" --enforce --lo_name=nosuch	      # 16
refused "has no Ethernet address" --enforce --eth0_name=lo	      # 26
space bare
isolation_host=bare
refused "no gateway" --enforce # 26
ip -n "$tag-bare" link add eth0 type veth peer name eth1
ip -n "$tag-bare" link set eth0 up
ip -n "$tag-bare" route add default dev eth0
refused "eth0 has no IPv4 address" --enforce # 26
isolation_host=host
refused "cannot make" --enforce --runtime_dir=/proc/nosuch # 27
kernel_state() {
	ip -n "$host" -d link; ip -n "$host" addr; ip -n "$host" route show table all
	for dev in lo eth0; do tc -n "$host" qdisc show dev $dev; tc -n "$host" filter show dev $dev ingress; done
	on host grep -r . /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf 2>/dev/null
	ls "$run" /run/dredge; grep -c . /proc/self/mountinfo
}
observed=$(kernel_state 2>&1)
on host timeout 2 dredged "--resources=$resources" --cgroups_root "$cgroup_name" \
	--isolation=cgroups/cpu 2>/dev/null
same "without port_mapping nothing changes" "$observed" "$(kernel_state 2>&1)"

# ---- ephemeral ranges ----------------------------------------------------------------------

ephemeral_size=100
start_dredged
grep -q '100 is no power of two; as filters a range would be' "$work/dredged.err" || bad "no warning of 100"
ctl attach A --netns "$(netns A)" || bad "attach with a range of 100"
same "a range of 100" 30001-30100 "$(rows | awk '{print $3 == "-" ? $4 : $3}')"
# Who binds to port 0 gets one of its own, as many as it has, and none of others after that.
own_ports() { # KIND
	on A python3 -c "import socket
kept, ports = [], []
while True:
    s = socket.socket(socket.AF_INET, socket.$1)
    try: s.bind(('0.0.0.0', 0))
    except OSError: break
    kept.append(s); ports.append(s.getsockname()[1])
    if len(ports) > 200: break
print(len(set(ports)), min(ports), max(ports))"
}
same "TCP ports for the asking" "100 30001 30100" "$(own_ports SOCK_STREAM)"
same "UDP ports for the asking" "100 30001 30100" "$(own_ports SOCK_DGRAM)"
ctl detach A
stop_dredged
ephemeral_size=16

# ---- other limits after a restart (Upgrade) ------------------------------------------------

start_dredged
ctl attach A --netns "$(netns A)" --ports 31000-31499 || bad "attach"
limits() { echo "$(rate_of drshape0 1:1)/$(rate_of dr1 1:1)"; }
restart() {
	stop_dredged
	start_dredged "$@"
}
same "launched without limits" / "$(limits)"
both=(--egress_rate_limit_per_container=1MB --ingress_rate_limit_per_container=2MB)
restart "${both[@]}" --ingress_isolate_existing_containers=false
same "a restart alone changes nothing (Upgrade)" / "$(limits)"
ctl update A --ports 31000-31499
same "the update limits what it sends only (Upgrade)" 8388Kbit/ "$(limits)"
ctl update A --ports 31000-31499 --ingress 3MB
same "but what is asked for is done" 8388Kbit/25165Kbit "$(limits)"
ctl update A --ports 31000-31499 --ingress 0
ctl update A --ports 31000-31499
same "and it stays unlimited" 8388Kbit/ "$(limits)"
restart "${both[@]}"
ctl update A --ports 31000-31499
same "the update limits both (Upgrade)" 8388Kbit/16777Kbit "$(limits)"
restart
ctl update A --ports 31000-31499
same "the update takes both away (Upgrade)" / "$(limits)"
ctl detach A

# ---- what is left, and what is in the way --------------------------------------------------

free() { ctl list | sed -n 's/^free: //p'; }
listen() { # KIND PORT: on the host
	: >"$work/listener" # not the word of the one before
	on host python3 -c "
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_$1)
s.bind(('0.0.0.0', $2))
if '$1' == 'STREAM':
    s.listen(1)
print('listening', flush=True)
time.sleep(600)" >"$work/listener" &
	wait_for 5 grep -q listening "$work/listener"
}
same "all is free" "ports 31000-32000; ephemeral 30001-30999; 61 more containers" "$(free)"
ctl attach A --netns "$(netns A)" --ports 31000-31007,31500 || bad "attach"
same "and what is left" \
	"ports 31008-31499,31501-32000; ephemeral 30001-30015,30032-30999; 60 more containers" "$(free)"
listen STREAM 31600
listen DGRAM 31601
listen DGRAM 30040
stop_dredged
start_dredged
for line in "port 31600 (TCP): python3, process" "port 31601 (UDP): python3" "port 30040 (UDP)"; do
	grep -qF "in the way of containers: $line" "$work/dredged.err" || bad "not told: $line"
done
same "what the host uses is not free" "ports 31008-31499,31501-31599,31602-32000; \
ephemeral 30001-30015,30032-30039,30041-30999; 59 more containers" "$(free)"
space B
no "port 31600: a process of the host uses it" attach B --netns "$(netns B)" --ports 31600-31607
no "port 31601: a process of the host uses it" attach B --netns "$(netns B)" --ports 31601
no "port 31600: a process of the host uses it" update A --ports 31000-31007,31600
listen STREAM 31000 # a container's already: its own updates go on
ctl update A --ports 31000-31003 || bad "update of a container whose port the host took"
ctl attach B --netns "$(netns B)" || bad "attach B"
same "the range with the host's port is left out" 30048-30063 "$(rows | awk '$1 == "B" {print $4}')"

# ---- drift that is left --------------------------------------------------------------------

kernel() { rows | awk '$1 == "'"$1"'"' | grep -o '[0-9a-z]* *[a-z]*$' | xargs; }
agrees() { [ "$(kernel "$1")" = "$2" ]; }
wait_for 5 agrees A "0 agrees" || bad "the kernel agrees: $(kernel A)"
restart --no-repair
ip -n "$host" link set dr1 mtu 1300
wait_for 5 agrees A "1 missing" || bad "a thing is missing: $(kernel A)"
same "of the other nothing" "0 agrees" "$(kernel B)"
same "nothing is put right" 1 "$(ip -n "$host" link show dev dr1 | grep -c 'mtu 1300')"
ip -n "$tag-outside" addr add 10.99.0.252/24 dev eth0
ip -n "$host" route replace default via 10.99.0.252
follows() { ip -n "$tag-B" route | grep -q 'default via 10.99.0.252'; }
wait_for 5 follows || bad "what the host itself changes is not followed"
stop_dredged # all is told by then
grep -q 'host has now gateway 10.99.0.252' "$work/dredged.err" || bad "what the host changed is not told"
same "that is no drift" 0 "$(grep -c 'default route' "$work/dredged.err")"
start_dredged
same "a restart puts it right" "0 agrees" "$(kernel A)"
verdict
