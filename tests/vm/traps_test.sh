#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The traps of Mesos' isolator that need fq_codel; the others are in tests/live/traps.sh.
# shellcheck disable=SC2154
source "$(dirname "$0")/../live/isolated.bash"
need ping
modprobe tun
sysctl -q net.core.default_qdisc=fq_codel
host_and_outside host outside
for name in A B; do space $name; done
flow=(--egress_unique_flow_per_container)
fq_codel() { tc -n "$tag-${1:-host}" qdisc show dev eth0 | grep -c '^qdisc fq_codel 1: root'; }
attach() { # NAME OPTIONS...
	ctl attach "$1" --netns "$(netns "$1")" "${@:2}" >/dev/null || bad "attach $1"
}

named "T2 no packet of the host is lost when the first container gets its queue"
start_dredged "${flow[@]}" --no-host-network
same "fq_codel" 1 "$(fq_codel)"
on host ping -q -i 0.02 -c 100 $far >"$work/ping" &
pinger=$!
attach A --ports 31000-31499
attach B --ports 31500-32000
ctl detach B
wait $pinger
same "pings" "100 received" "$(grep -o '[0-9]* received' "$work/ping")"
same "drops" 0 "$(tc -n "$host" -s qdisc show dev eth0 root | grep -o 'dropped [0-9]*' | cut -d ' ' -f 2)"
same "filters below it, without which nothing is dropped" "" "$(tc -n "$host" filter show dev eth0 parent 1:)"

named "T3 ICMP is in the container's queue too"
queue() { # PRIORITY MINOR TC-EMATCH...: count what goes there
	tc -n "$host" filter add dev eth0 egress protocol ip prio "$1" basic \
		match "meta(priority eq $((0x10000 + $2))) and ${*:3}" action ok || bad "cannot count"
}
counted() { tc -n "$host" -s filter show dev eth0 egress prio "$1" | grep -oE '[0-9]+ pkt' | head -n 1; }
queue 1 3 'cmp(u8 at 9 layer network eq 1)'
queue 2 3 'cmp(u8 at 9 layer network eq 17)'
on A ping -q -i 0.1 -c 5 $far >/dev/null
goes "UDP" udp A outside 0.0.0.0 $far 7000 100
same "ICMP of A in 1:3" "5 pkt" "$(counted 1)"
same "UDP of A in 1:3" "1 pkt" "$(counted 2)"
on host ping -q -c 1 $far >/dev/null
same "of the host not" "5 pkt" "$(counted 1)"
ctl detach A
stop_dredged

named "T4 a default root qdisc gives way, fq_codel and mq too"
for queues in "" multi_queue; do
	name=tap${queues:0:5}
	space "$name"
	ip -n "$tag-$name" link set lo up
	# shellcheck disable=SC2086
	ip -n "$tag-$name" tuntap add eth0 mode tap $queues
	ip -n "$tag-$name" addr add $address/24 dev eth0
	ip -n "$tag-$name" link set eth0 up
	ip -n "$tag-$name" route add default via $far dev eth0
	tc -n "$tag-$name" qdisc show dev eth0 | head -n 1 >"$work/before"
	grep -qE ' (fq_codel|mq) 0: root' "$work/before" || bad "before: $(cat "$work/before")"
	isolation_host=$name run=$work/run-$name
	start_dredged "${flow[@]}" --no-host-network
	same "instead of $(cat "$work/before")" 1 "$(fq_codel "$name")"
	stop_dredged
done
named
verdict
