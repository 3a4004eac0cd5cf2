#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# dredged --check: what it says of a host that is fit and of those that are not, and that it leaves
# nothing behind. Numbers are those of the list of what Mesos' isolator refuses.
# shellcheck disable=SC2154
source "$(dirname "$0")/isolated.bash"
host_and_outside host outside
isolation_host=host
check() { # OPTIONS...
	on "$isolation_host" dredged --check "--resources=$resources" \
		--ephemeral_ports_per_container=16 "$@" >"$work/said" 2>"$work/check.err"
	status=$?
}
said() { grep -q "^$1  *$2" "$work/said" || bad "$1 $2 is not in: $(cat "$work/said")"; }
dump() {
	ip -n "$host" -d link; ip -n "$host" addr; ip -n "$host" route
	for dev in eth0 lo; do tc -n "$host" qdisc show dev $dev; tc -n "$host" filter show dev $dev ingress; done
	on host sysctl -a 2>/dev/null | grep -E 'accept_local|route_localnet|ip_local_port_range'
	grep dredge-check /proc/self/mountinfo; ls -d /run/dredge-check # others of the machine come and go
}
dump 2>&1 | grep -v valid_lft >"$work/before"
check
grep -q 'not built in' "$work/check.err" && skip "built without enforcement"
same "a host that is fit" 0 $status
dump 2>&1 | grep -v valid_lft >"$work/after"
cmp -s "$work/before" "$work/after" || bad "something changed: $(diff "$work/before" "$work/after" | head -n 5)"
for what in "libnl" "network namespaces" "veth pairs" "clsact, cls_bpf" "a container\$" \
	"outside to a container" "a container to outside" "a container to the host by its address" \
	"a container to the host over 127.0.0.1" "the host to a container over 127.0.0.1" htb \
	"notices from the namespaces" "rates above 32 bits" "socket diagnostics" "public interface and address: eth0, $address" flags; do
	said ok "$what"
done
if tc -n "$tag-outside" qdisc add dev eth0 root fq_codel 2>/dev/null; then
	said ok fq_codel
else
	said fallback "fq_codel: pfifo below limits"
fi
speed() { # MBIT: as the interface tells it
	echo "$1" >"$work/speed"
	on host unshare -m sh -c "mount -t sysfs sysfs /sys && mount --bind $work/speed \$(realpath /sys/class/net/eth0)/speed &&
		exec dredged --check '--resources=$resources' --ephemeral_ports_per_container=16" >"$work/said" 2>&1
}
speed 10000
said ok "link speed: 10000 Mbit/s"
speed -1
said fallback "link speed: the public interface tells none"
check --json
same "as JSON" "True 0" "$(python3 -c '
import json, sys
rows = json.load(sys.stdin)
print(len(rows) > 10, sum(r["result"] == "refused" for r in rows))' <"$work/said")"

on host python3 -c "
import socket, time
s = socket.socket()
s.bind(('0.0.0.0', 31005))
s.listen(1)
print('listening', flush=True)
time.sleep(600)" >"$work/listener" &
wait_for 5 grep -q listening "$work/listener"
check
same "a port that the host uses does not keep it from starting" 0 $status
said fallback "in use by the host: port 31005 (TCP): python3, process"
resources='ports:[31000-32000];ephemeral_ports:[32768-33000]'
check
same "ephemeral ports that the host gives away" 1 $status
said refused "flags.*ephemeral port 32768 is one that the host's kernel gives away" # 11
resources='ports:[31000-32000];ephemeral_ports:[30001-30999]'
check --eth0_name=nosuch
said refused "public interface.*nosuch" # 15
isolation_host=outside
check
same "no gateway" 1 $status
said refused "public interface.*no gateway" # 26
isolation_host=host
setpriv --reuid=65534 --clear-groups --bounding-set=-all --inh-caps=-all \
	"$(command -v dredged)" --check --ephemeral_ports_per_container=16 "--resources=$resources" \
	>"$work/said" 2>&1
same "not root" 1 $?
said refused "flags.*needs root" # 1
said refused "mount namespaces" # 2
verdict
