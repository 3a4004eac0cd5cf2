#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The packet ring and the live source: what is counted equals what was sent. A namespace plays the
# host.
#
#     ring.sh [PROBE]        PROBE: the ring_probe program of the build
source "$(dirname "$0")/own.bash"
set -u -o pipefail

probe=${1:-${BUILD:-build}/ring_probe}
[ -x "$probe" ] || skip "no $probe"
for tool in ip nsenter python3 setpriv; do
	command -v $tool >/dev/null || skip "needs $tool"
done
probe=$(realpath "$probe")

tag=dredgering
root=
for r in /sys/fs/cgroup/unified /sys/fs/cgroup /sys/fs/cgroup/memory; do
	[ -e "$r/cgroup.procs" ] && { root=$r/$tag; break; }
done
[ -n "$root" ] || skip "no cgroups"
work=$(mktemp -d)

fails=0
check() { # name, what was found, what is right
	if [ "$2" = "$3" ]; then echo "ok   $1"; else
		echo "FAIL $1: \"$2\" instead of \"$3\""
		fails=$((fails + 1))
	fi
}

inside() { # namespace, command...
	local ns=$1
	shift
	nsenter --net="/run/netns/$tag$ns" "$@"
}

is_inside() { # id: until its process is
	until grep -q . "$root/$(id "$1")/cgroup.procs"; do sleep 0.05; done 2>/dev/null
}

contain() { # id, namespace, command...: run it as the container's process
	local id=$1 ns=$2
	shift 2
	mkdir -p "$root/$id"
	# shellcheck disable=SC2016
	inside "$ns" sh -c 'echo $$ >"$1"; shift; exec "$@"' sh "$root/$id/cgroup.procs" "$@"
}

space() { # name, address: a namespace with a veth on the host's bridge
	ip netns add "$tag$1"
	ip -n "$tag" link add "v$1" type veth peer name eth0 netns "$tag$1"
	ip -n "$tag" link set "v$1" master br0 up
	ip -n "$tag$1" addr add "$2/24" dev eth0
	ip -n "$tag$1" link set eth0 up
	ip -n "$tag$1" link set lo up
}

begin() { # options of the probe
	: >"$work/out" # of the probe before, which was ready too
	nsenter --net="/run/netns/$tag" "$probe" count "$tag" "$@" >"$work/out" 2>&1 &
	counting=$!
	for _ in {1..3000}; do
		grep -q ^ready "$work/out" && return
		sleep 0.01
	done
	echo "FAIL the probe did not start"
	cat "$work/out"
	exit 1
}

finish() {
	kill "$counting"
	wait "$counting"
}

value() { # iface, container, key
	awk -v i="iface=$1" -v c="container=$2" -v k="$3=" '
		$1 == i && $2 == c { for (n = 3; n <= NF; n++) if (index($n, k) == 1) print substr($n, length(k) + 1) }
	' "$work/out"
}

send() { # namespace, address, port, count...
	inside "$1" "$probe" send "${@:2}" >"$work/sent"
}

id() { printf 'dec0de00-0000-4000-8000-%012d' "$1"; }

ip netns add "$tag"
ip -n "$tag" link set lo up
ip -n "$tag" link add br0 type bridge
ip -n "$tag" link set br0 up
ip -n "$tag" addr add 10.214.0.1/24 dev br0
mkdir "$root"
for i in 1 2; do
	space "-c$i" "10.214.0.1$i"
	contain "$(id $i)" "-c$i" sleep 300 2>/dev/null &
done
a=$(id 1) b=$(id 2) name=dec0de00-000
for i in 1 2; do # neighbours known, so nothing of the test itself waits or is lost
	inside "-c$i" "$probe" send 10.214.0.1 9 1 >/dev/null
	inside "-c$i" "$probe" send "10.214.0.1$((3 - i))" 9 1 >/dev/null
done
is_inside 1
is_inside 2

begin "filter=udp port 9000 or udp port 9001"
send -c1 10.214.0.12 9000 20000
send -c2 10.214.0.1 9001 300
send -c2 10.214.0.1 9002 100 # not in the filter
finish
check "sender's sight" "$(value $name:eth0 "$a" out)" 20000
check "receiver's sight" "$(value $name:eth0 "$b" in)" 20000
check "both sights carry an id" \
	"$(value $name:eth0 "$a" out_twice) $(value $name:eth0 "$b" in_twice)" "20000 20000"
check "to the host: one sight, no id" \
	"$(value $name:eth0 "$b" out) $(value $name:eth0 "$b" out_twice)" "300 0"
check "nothing lost" "$(grep -o 'lost=.* kernel_lost=[0-9]*' "$work/out")" "lost=0 kernel_lost=0"
check "stopped by the signal" "$(grep -o 'end rc=[0-9-]*' "$work/out")" "end rc=0"

begin "filter=udp port 9000" sample=8 snaplen=96
send -c1 10.214.0.12 9000 8000
finish
kept=$(value $name:eth0 "$a" out)
check "sampling decides alike at both ends" "$(value $name:eth0 "$b" in)" "$kept"
check "one in eight is kept" "$((kept > 800 && kept < 1200))" 1
check "each stands for eight" "$(value $name:eth0 "$a" weight)" "$((kept * 8))"

# The whole way of a packet, from the ring into a file: no memory is asked for because of it.
nsenter --net="/run/netns/$tag" "${probe%/*}/record_probe" "$tag" "$work/file.pcapng.lz4" 40000 >"$work/out" 2>&1 &
recording=$!
until grep -q ^ready "$work/out"; do sleep 0.05; done
while kill -0 "$recording" 2>/dev/null; do send -c1 10.214.0.12 9000 5000; done
wait "$recording"
sed -n 's/^packets/     &/p' "$work/out"
check "memory asked for while 20000 packets are recorded, less than 200 times" \
	"$(sed -n 's/^packets=20000 allocations=\([0-9]*\)$/\1/p' "$work/out" | awk '{ print $1 < 200 }')" 1

# A container nobody knew: its interface sends before its cgroup is there.
c=$(id 3)
begin "filter=udp port 9000"
ip -n "$tag" link add p0 type veth peer name p1 # both ends on the host: no container's
ip -n "$tag" link set p0 up
ip -n "$tag" link set p1 up
ip -n "$tag" addr add 10.215.0.1/24 dev p0
ip -n "$tag" neigh add 10.215.0.2 dev p0 lladdr 02:00:00:00:00:02
send "" 10.215.0.2 9000 50
space -c3 10.214.0.13
ip -n "$tag-c3" neigh add 10.214.0.12 dev eth0 \
	lladdr "$(ip -n "$tag-c2" -br link show eth0 | awk '{ print $3 }')"
send -c3 10.214.0.12 9000 200
contain "$c" -c3 "$probe" send 10.214.0.12 9000 200 100 1000 >/dev/null
rmdir "$root/$c"
ip netns del "$tag-c3"
sleep 0.5
finish
check "packets before the name" "$(value $name:eth0 "$c" out)" 400
check "the receiver's sight carries an id from the first on" "$(value $name:eth0 "$b" in_twice)" 400
check "a pair on the host is not watched" "$(grep -c 'iface=p[01] ' "$work/out")" 0
check "one interface all along" "$(grep -c "container=$c" "$work/out")" 1

# One whose pair is made on the host, and one end of it moved when the other is up already.
m=$(id 6)
ip netns add "$tag-c6"
begin "filter=udp port 9000"
ip -n "$tag" link add v-c6 type veth peer name moved
ip -n "$tag" link set v-c6 master br0 up
sleep 0.1
ip -n "$tag" link set moved netns "$tag-c6" name eth0
ip -n "$tag-c6" addr add 10.214.0.16/24 dev eth0
ip -n "$tag-c6" neigh add 10.214.0.12 dev eth0 \
	lladdr "$(ip -n "$tag-c2" -br link show eth0 | awk '{ print $3 }')"
# From "up" to the first packet there is no time: as if the probe got no processor meanwhile.
sleep 1
kill -STOP "$counting"
: >"$work/sent"
# shellcheck disable=SC2016
contain "$m" -c6 sh -c 'ip link set eth0 up && exec "$0" send 10.214.0.12 9000 200 100 2000' \
	"$probe" >"$work/sent" &
moving=$!
until [ -s "$work/sent" ]; do sleep 0.05; done
kill -CONT "$counting"
wait "$moving"
rmdir "$root/$m"
ip netns del "$tag-c6"
sleep 0.5
finish
check "an end that was moved" "$(value $name:eth0 "$m" out)" 200

# A container on the host's network, known by its socket only, and that only after it has sent.
# Another one is there before: without any, the host's own interfaces are not watched.
d=$(id 4)
contain "$(id 5)" "" sleep 300 2>/dev/null &
is_inside 5
begin "filter=udp port 9000"
contain "$d" "" "$probe" send 127.0.0.1 9000 100 100 1800 >/dev/null
rmdir "$root/$d"
send "" 127.0.0.1 9000 50 # of no container
sleep 0.5
finish
check "host network, loopback" "$(value $name:lo "$d" out)" 100
check "its packets only" "$(grep -c ' \(in\|out\)=[1-9]' "$work/out")" 1

# A tun, as VPNs have, which comes while there is a filter. Its packets begin with the IP header.
e=$(id 7)
begin "filter=udp port 9000"
nsenter --net="/run/netns/$tag" python3 -c '
import fcntl, os, struct, time
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, 0x400454ca, struct.pack("16sH", b"tun0", 0x1001)) # TUNSETIFF: IFF_TUN, IFF_NO_PI
time.sleep(300)' &
holding=$!
until ip -n "$tag" link set tun0 up; do sleep 0.05; done 2>/dev/null
ip -n "$tag" addr add 10.216.0.1/24 dev tun0
sleep 0.5
contain "$e" "" "$probe" send 10.216.0.2 9000 100 100 1800 >/dev/null
rmdir "$root/$e"
sleep 0.5
finish
kill "$holding"
check "host network, a tun" "$(value $name:tun0 "$e" out) $(grep -o 'end rc=.*' "$work/out" | cut -d ' ' -f 2)" "100 rc=0"

# So many, at uneven times, that sockets are listed while some of them are hardly found.
newcomers=()
begin "filter=udp port 9000"
for i in {10..49}; do
	contain "$(id "$i")" "" "$probe" send 127.0.0.1 9000 10 100 1800 >/dev/null &
	newcomers+=($!)
	sleep 0.037
done
wait "${newcomers[@]}"
sleep 0.5
finish
check "newcomers on the host's network" \
	"$(for i in {10..49}; do value $name:lo "$(id "$i")" out; done | grep -cx 10)" 40

check "without the capability" \
	"$(setpriv --bounding-set=-all --inh-caps=-all --reuid=65534 --clear-groups \
		"$probe" count "$tag" 2>&1 | head -1)" \
	"error cannot open a packet socket: Operation not permitted (needs CAP_NET_RAW; run as root)"

[ $fails = 0 ] || { cat "$work/out"; exit 1; }
