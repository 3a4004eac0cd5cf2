#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Discovery on real cgroups and namespaces.
#
#     discover.sh [PROBE [CONTAINERS]]
#
# PROBE: the discover_probe program of the build. CONTAINERS: how many for the timing (200).
source "$(dirname "$0")/own.bash"
set -u -o pipefail

probe=${1:-${BUILD:-build}/discover_probe}
many=${2:-200}
[ -x "$probe" ] || skip "no $probe"
command -v ip >/dev/null || skip "needs ip(8)"

tag=0123 # four digits of an id
work=$(mktemp -d)
roots=()
for r in /sys/fs/cgroup /sys/fs/cgroup/{memory,cpuacct,pids,blkio,freezer,unified}; do
	[ -e "$r/cgroup.procs" ] && roots+=("$r")
done
[ ${#roots[@]} -gt 0 ] || skip "no cgroups"
v2=
[ -e /sys/fs/cgroup/unified/cgroup.procs ] && v2=/sys/fs/cgroup/unified

fails=0
check() { # name, command...
	local name=$1
	shift
	if "$@"; then echo "ok   $name"; else
		echo "FAIL $name"
		fails=$((fails + 1))
	fi
}

uuid() { printf 'c0ffee00-%s-4000-8000-%012d' "$tag" "$1"; }

cgroup() { # path, root...
	local path=$1 r
	shift
	for r in "$@"; do
		mkdir -p "$r/$path"
	done
}

space() { # name, number: namespace with a veth
	ip netns add "$1"
	ip link add "h$1" type veth peer name eth0 netns "$1"
	ip -n "$1" addr add "10.213.$(($2 / 250)).$(($2 % 250 + 1))/16" dev eth0
	ip -n "$1" link set eth0 up
	ip link set "h$1" up
}

enter() { # path, namespace or "-", roots..., "--", command...
	local path=$1 ns=$2 procs=()
	shift 2
	while [ "$1" != -- ]; do
		procs+=("$1/$path/cgroup.procs")
		shift
	done
	shift
	local run=("$@")
	[ "$ns" = - ] || run=(nsenter --net="/run/netns/$ns" "$@")
	sh -c 'n=$1; shift; while [ "$n" -gt 0 ]; do echo $$ >"$1"; shift; n=$((n - 1)); done; exec "$@"' \
		sh ${#procs[@]} "${procs[@]}" "${run[@]}" </dev/null >/dev/null 2>&1 &
}

begin() { # seconds
	"$probe" "$@" >"$work/out" 2>&1 &
	probe_pid=$!
	for _ in $(seq 200); do
		grep -q ^ready "$work/out" 2>/dev/null && return
		sleep 0.01
	done
	echo "FAIL the probe did not start"
	cat "$work/out"
	exit 1
}

finish() {
	wait "$probe_pid"
}

has() { grep -Eq -- "$1" "$work/out"; }
first() { grep -Em1 -- "$1" "$work/out"; }
field() { sed -n "s/.* $1=\([^ ]*\).*/\1/p"; }

# ---- what is there when it starts, and what comes and goes ----

a=$(uuid 1) b=$(uuid 2) n=$(uuid 3) short=$(uuid 4) host=$(uuid 5) late=$(uuid 6)
space "da$tag" 1
space "db$tag" 2
space "ds$tag" 3
cgroup "mesos/$a" "${roots[@]}"
MARATHON_APP_ID=/shop/web MESOS_TASK_ID=shop_web.1111 enter "mesos/$a" "da$tag" "${roots[@]}" -- sleep 60
if [ -n "$v2" ]; then
	cgroup "mesos/$b" "$v2"
	enter "mesos/$b" "db$tag" "$v2" -- sleep 60
fi
sleep 0.3
begin -c 4
sleep 0.5

cgroup "mesos/$a/mesos" "${roots[0]}"
cgroup "mesos/$a/mesos/$n" "${roots[0]}"
enter "mesos/$a/mesos/$n" "da$tag" "${roots[0]}" -- sleep 60

cgroup "mesos/$short" "${roots[@]}"
born=$(date +%s.%N)
enter "mesos/$short" "ds$tag" "${roots[@]}" -- \
	sh -c 'date +%s.%N >"$1"; exec sleep 0.3' sh "$work/began"
short_pid=$!

cgroup "mesos/$host" "${roots[@]}"
enter "mesos/$host" - "${roots[@]}" -- python3 -c '
import socket, time
s = socket.create_server(("127.0.0.1", 31479))
time.sleep(60)'

# The process first, the namespace's link after it.
ip netns add "dl$tag"
cgroup "mesos/$late" "${roots[0]}"
enter "mesos/$late" "dl$tag" "${roots[0]}" -- sleep 60

wait "$short_pid"
for r in "${roots[@]}"; do rmdir "$r/mesos/$short"; done
gone=$(date +%s.%N)
sleep 0.2
link_at=$(date +%s.%N)
ip link add "hdl$tag" type veth peer name eth0 netns "dl$tag"
ip -n "dl$tag" addr add 10.213.9.9/16 dev eth0
ip -n "dl$tag" link set eth0 up
finish

index() { cat "/sys/class/net/$1/ifindex"; }
check "known at the start" has "^start .* id=$a "
check "its app and task from the environment" has "id=$a .* app=/shop/web task=shop_web.1111 "
check "its interface and host end" has \
	"^start .* id=$a .* iface=eth0,$(index "hda$tag"),hda$tag,10.213.0.2,1500"
if [ -n "$v2" ]; then
	check "cgroup v2" has "^start .* id=$b .* iface=eth0,$(index "hdb$tag"),hdb$tag,10.213.0.3,"
fi
akey=$(first "^start .* id=$a " | field key)
check "nested: id and parent" has "^start .* id=$a\.$n .* parent=$akey "
check "nested: the parent's interfaces" has "id=$a\.$n .* owner=$akey "
check "300 ms: start" has "^start .* id=$short "
check "300 ms: its interface" has " id=$short .* iface=eth0,[1-9][0-9]*,hds$tag,10.213.0.4,"
check "300 ms: end" has "^end .* id=$short "
# Its process began when it was started (the kernel tells hundredths), and was there for 300 ms; the
# bound of its end is wide, for a busy machine.
life() {
	local end
	end=$(first "^end .* id=$short ")
	awk -v born="$born" -v began="$(cat "$work/began")" -v gone="$gone" \
		-v s="$(field start <<<"$end")" -v e="$(field end <<<"$end")" 'BEGIN {
		printf "     started %.1f ms after the command, ended after %.1f ms, removed after %.1f ms\n",
			(s - born) * 1e3, (e - s) * 1e3, (gone - s) * 1e3
		exit !(s > born - 0.05 && s < began + 0.02 && e > began + 0.29 && e < gone + 0.25) }'
}
check "300 ms: times" life
# From the moment the process is in its namespace until we are told of its interface; the bound is
# wide, for a busy machine.
prompt() {
	local at
	at=$(first " id=$short .* iface=eth0,[1-9]" | field at)
	awk -v a="$(cat "$work/began")" -v b="$at" 'BEGIN { printf "     interface known %.1f ms after the process\n", (b - a) * 1e3; exit !(b - a < 0.25) }'
}
check "300 ms: told soon" prompt
check "300 ms: last counters of its link" has "^end .* id=$short .* final_rx=[0-9]"
check "host network" has " id=$host .* host=1 "
check "host network: who listens" has "^listen .* id=$host .* port=31479 proto=6 by=[0-9]+,python3"
check "not host network" bash -c "! grep -E ' id=($a|$short) .* host=1 ' '$work/out'"
check "link after the process" has "^change .* id=$late .* iface=eth0,$(index "hdl$tag"),hdl$tag,10.213.9.9,"
linked() {
	local ts
	ts=$(grep -E " id=$late .* iface=eth0,[1-9]" "$work/out" | head -1 | field ts)
	awk -v a="$link_at" -v b="$ts" 'BEGIN { printf "     link known after %.1f ms, ip(8) included\n", (b - a) * 1e3; exit !(b - a < 0.2) }'
}
check "link after the process: soon" linked
check "counters of network and CPU" has "^counters id=$a .*0=[0-9]+ .* 8=[0-9]+"

# ---- a restart loop ----

begin 3
for i in 1 2 3 4; do
	loop=$(uuid 7$i)
	cgroup "mesos/$loop" "${roots[0]}"
	MARATHON_APP_ID=/shop/cache enter "mesos/$loop" - "${roots[0]}" -- sleep 0.1
	wait $!
	rmdir "${roots[0]}/mesos/$loop"
	sleep 0.2
done
finish
check "restart loop, once" test "$(grep -c '^loop .* loop="/shop/cache" count=3' "$work/out")" = 1

# ---- many ----

for ((i = 0; i < many; i++)); do
	space "m$tag$i" $((i + 10))
	id=$(uuid $((1000 + i)))
	cgroup "mesos/$id" "${roots[@]}"
	enter "mesos/$id" "m$tag$i" "${roots[@]}" -- sleep 120
done
sleep 0.5
begin -c 6
finish
grep -E '^(ready|cpu)' "$work/out"
grep '^sample' "$work/out" | tail -3
all() { test "$(grep -Ec "^start .* id=c0ffee00-$tag-4000-8000-00000000[12][0-9]{3} .* iface=eth0,[1-9]" "$work/out")" = "$many"; }
check "$many containers with their interfaces" all

[ $fails = 0 ] || sed 's/^/  | /' "$work/out" | cut -c1-240 | grep -v 'id=.*-00000000[12]' | head -60
exit $((fails > 0))
