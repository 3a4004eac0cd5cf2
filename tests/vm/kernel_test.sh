#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the tests in the virtual machine rely on: its kernel shapes, delays and redirects traffic, has
# one cgroup tree, and our programs run there. Usage: tests/vm/vm.sh tests/vm/kernel_test.sh
# shellcheck disable=SC2317 # check calls them
set -uo pipefail
PATH=${BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}:$PATH

fail=0
check() { # WHAT COMMAND...
	local said
	if said=$("${@:2}" 2>&1); then
		echo "ok: $1"
	else
		echo "not ok: $1: $said"
		fail=1
	fi
}

packets() { # DEVICE KIND: how many this queueing discipline sent
	tc -s qdisc show dev "$1" | awk -v kind="$2" '$1 == "qdisc" {mine = $2 == kind}
		mine && $1 == "Sent" {n += $4} END {print n + 0}'
}
sent() { [ "$(packets "$@")" -ge 5 ] || { tc -s qdisc show dev "$1"; false; }; }
send() { # 5 datagrams over the pair
	local i
	for i in 1 2 3 4 5; do echo "$i" >/dev/udp/10.99.0.2/9; done
}
received() { ip -n peer -s -j link show eth0 | grep -qE '"rx":\{"bytes":[0-9]+,"packets":([5-9]|[0-9]{2,}),'; }

delayed() { # sent at once, there only later
	local before now
	before=$(date +%s%3N)
	send
	until received; do
		now=$(date +%s%3N)
		[ $((now - before)) -lt 10000 ] || { echo "nothing arrived"; return 1; }
		sleep 0.02
	done
	now=$(date +%s%3N)
	[ $((now - before)) -ge 300 ] || { echo "after only $((now - before)) ms"; return 1; }
}

echo "kernel $(uname -r)"
check "dredge runs" dredge --version
check "dredged runs" dredged --version
check "one cgroup tree" test -f /sys/fs/cgroup/cgroup.controllers
check "a cgroup" mkdir /sys/fs/cgroup/kernel-test
check "BPF file system" mkdir /sys/fs/bpf/kernel-test

# Its own datagrams would be counted with ours.
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
check "network namespace" ip netns add peer
check "veth" ip link add pair type veth peer name eth0 netns peer
ip addr add 10.99.0.1/24 dev pair && ip -n peer addr add 10.99.0.2/24 dev eth0
ip link set pair up && ip -n peer link set eth0 up
ip neigh replace 10.99.0.2 dev pair lladdr "$(ip netns exec peer cat /sys/class/net/eth0/address)"

check "netem" tc qdisc add dev pair root netem delay 300ms
check "netem delays" delayed
check "htb" tc qdisc replace dev pair root handle 1: htb default 1
check "htb class" tc class add dev pair parent 1: classid 1:1 htb rate 10mbit
check "fq_codel" tc qdisc add dev pair parent 1:1 handle 10: fq_codel
check "traffic" send
check "htb sends" sent pair htb
check "fq_codel sends" sent pair fq_codel

check "ifb" ip link add mirror type ifb
ip link set mirror up
check "ingress" tc qdisc add dev pair handle ffff: ingress
check "u32 and mirred" tc filter add dev pair parent ffff: protocol ip prio 1 u32 match u32 0 0 \
	action mirred egress redirect dev mirror
check "bpf" tc filter add dev pair parent ffff: protocol ip prio 2 bpf bytecode '1,6 0 0 4294967295,'
check "flower and police" tc filter add dev pair parent ffff: protocol ip prio 3 flower \
	ip_proto udp action police rate 1mbit burst 10k conform-exceed drop
check "mq" bash -c 'ip link add queues numtxqueues 2 type dummy && tc qdisc add dev queues root mq'
exit $fail
