#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What enforcement costs, as Markdown tables, each line as soon as it is known; root.
#
#     isolate.sh [--quick] [PART...]     all, or some of
#         curve      a packet with 1, 64, 256 and 1000 containers that share an address, into one of
#                    them and out of it, beside the linear u32 filters that Mesos' isolator makes
#                    and plain forwarding between veths as the limit (under 3 minutes)
#         attach     the time of attaching the first and the 500th, five times (a minute)
#         idle       what dredged takes of a processor while nothing happens (a minute)
#         neighbour  how long others wait beside one who sends all he can (shaping.sh)
#
# Each container has 8 ports and 32 ephemeral ones.
# shellcheck disable=SC2154
source "$(dirname "$0")/../live/isolated.bash"
mount -t tmpfs none "$work" || die "no tmpfs" # as /run is, where the state file usually stands
here=$(cd "$(dirname "$0")" && pwd)
need tc cc

counts=(1 64 256 1000) rounds=100 burst=2500 seconds=10 attached=500 attach_rounds=5
if [ "${1:-}" = --quick ]; then
	shift
	counts=(1 64) rounds=20 seconds=2 attached=64 attach_rounds=2
fi
[ $# -gt 0 ] || set -- curve attach idle neighbour
resources='ports:[10000-29999];ephemeral_ports:[33000-65535]' ephemeral_size=32

dredged_on() { # NAME: its host NAMEh, with NAMEo outside
	host_and_outside "$1h" "$1o"
	isolation_host=$1h run=$work/run-$1
	on "$1h" sh -c 'echo 32000 32999 >/proc/sys/net/ipv4/ip_local_port_range'
	start_dredged --no-host-network
}
# Milliseconds of each, and how much of it dredged was on a processor.
cat >"$work/attach.py" <<'EOF'
import glob, http.client, json, socket, sys, time
prefix, path, pid, first, last = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
def processor():
    return sum(int(open(f).read().split()[0]) for f in glob.glob(f"/proc/{pid}/task/*/schedstat")) / 1e6
c = Unix("dredged")
for i in range(first, last):
    begin, worked = time.perf_counter(), processor()
    c.request("PUT", f"/v1/isolation/m{i}", json.dumps({
        "netns": f"{prefix}{i}", "ports": f"{10000 + 8 * i}-{10007 + 8 * i}"}))
    r = c.getresponse()
    answer = r.read()
    if r.status != 200:
        sys.exit(answer.decode())
    print(1e3 * (time.perf_counter() - begin), processor() - worked)
EOF
attach() { # NAME FIRST LAST: containers NAMEm0 ...; their times to NAME.ms
	local i
	for ((i = $2; i < $3; i++)); do space "$1m$i"; done
	/usr/bin/python3 "$work/attach.py" "/run/netns/$tag-$1m" "$run/control" "$dredged" "$2" "$3" \
		>>"$work/$1.ms" || die "attach"
}

# ---- the curve -----------------------------------------------------------------------------

mac_of() { ip -n "$tag-$1" -j link show eth0 | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["address"])'; }
linear() { # NAME COUNT: one container, and a filter for each of COUNT in either direction, its the last
	local i
	host_and_outside "$1h" "$1o"
	space "$1c"
	ip -n "$tag-$1c" link set lo up
	ip -n "$tag-$1h" link add dr0 address 02:00:00:00:00:02 type veth peer name eth0 netns "$tag-$1c"
	ip -n "$tag-$1c" addr add $address/24 dev eth0
	ip -n "$tag-$1c" link set eth0 address "$(mac_of "$1h")" up
	ip -n "$tag-$1h" link set dr0 up
	ip -n "$tag-$1c" route add default via $far
	ip -n "$tag-$1c" neigh add $far dev eth0 lladdr "$(mac_of "$1o")"
	tc -n "$tag-$1h" qdisc add dev eth0 ingress
	tc -n "$tag-$1h" qdisc add dev dr0 ingress
	for ((i = 1; i <= $2; i++)); do
		local port=$((i == $2 ? 10000 : 10000 + 8 * i))
		echo "filter add dev eth0 parent ffff: protocol ip prio 770 u32 match ip dst $address match ip dport $port 0xfff8 action mirred egress redirect dev dr0"
		echo "filter add dev dr0 parent ffff: protocol ip prio 771 u32 match ip sport $port 0xfff8 action mirred egress redirect dev eth0"
	done | tc -n "$tag-$1h" -batch - || die "tc"
}
forwarding() { # a container with an address of its own
	host_and_outside ph po
	space pc
	ip -n "$tag-ph" link add pc0 type veth peer name eth0 netns "$tag-pc"
	ip -n "$tag-ph" addr add 10.98.0.1/24 dev pc0
	ip -n "$tag-pc" addr add 10.98.0.2/24 dev eth0
	for link in "$tag-pc eth0" "$tag-ph pc0"; do ip -n ${link% *} link set ${link#* } up; done
	ip -n "$tag-pc" route add default via 10.98.0.1
	ip -n "$tag-po" route add 10.98.0.0/24 via $address
	on ph sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
}
ways() { # NAME OUTSIDE CONTAINER [ADDRESS]
	echo "in.$1 $(netns "$2") 7001 $(netns "$3") ${4:-$address} 10001"
	echo "out.$1 $(netns "$3") 10002 $(netns "$2") $far 7000"
}
# Of all sizes, and once more one container, at the same time: nothing but the turn is another.
curve() {
	local n
	cc -O2 -std=gnu17 -o "$work/cost" "$here/cost.c" || die "cost.c does not compile"
	for n in again "${counts[@]}"; do
		dredged_on d$n
		attach d$n 0 $((${n/again/1}))
		stop_dredged # what it enforces stays
		ways d$n d${n}o d${n}m0
		[ $n = again ] && continue
		linear l$n "$n"
		ways l$n l${n}o l${n}c
	done >"$work/ways"
	forwarding
	ways p po pc 10.98.0.2 >>"$work/ways"
	"$work/cost" $rounds $burst <"$work/ways" >"$work/bursts" || die "cost"
	/usr/bin/python3 - "$work/bursts" "${counts[@]}" <<'EOF'
import random, statistics, sys
counts, ns = sys.argv[2:], {}
for line in open(sys.argv[1]):
    turn, name, cost = line.split()
    ns.setdefault(name, []).append(float(cost))
def ratio(a, b): # cost of a to that of b, turn by turn: median, and where it lies 95 times of 100
    each = [y / x for x, y in zip(ns[a], ns[b])]
    many = sorted(statistics.median(random.choices(each, k=len(each))) for _ in range(1000))
    return "%.3f (%.3f-%.3f)" % (statistics.median(each), many[25], many[975])
print("\n| containers | way | dredged, ns | rate to one | linear u32, ns | rate to one | dredged to forwarding |")
print("|--:|--|--:|--:|--:|--:|--:|")
for way in "in", "out":
    for n in counts + ["again"]:
        mine, list_ = f"{way}.d{n}", f"{way}.l{n}"
        row = [n.replace("again", "1, another"), way, "%.0f" % statistics.median(ns[mine]), ratio(mine, f"{way}.d1")]
        row += ["%.0f" % statistics.median(ns[list_]), ratio(list_, f"{way}.l1")] if list_ in ns else ["", ""]
        print("| " + " | ".join(row + [ratio(mine, f"{way}.p")]) + " |")
print("\nProcessor time of one UDP packet of 408 bytes from one socket into another; forwarding takes "
      "%.0f ns in and %.0f out. Medians of %d turns, and of the ratios with 95 %% confidence."
      % (statistics.median(ns["in.p"]), statistics.median(ns["out.p"]), len(ns["in.p"])))
EOF
}

# ---- attaching, and doing nothing ----------------------------------------------------------

# Each round begins with an empty host; namespaces are made just before they are attached.
attaching() {
	local round i
	for ((round = 1; round <= attach_rounds; round++)); do
		dredged_on a$round
		attach a$round 0 20
		attach a$round 20 $((attached - 20))
		attach a$round $((attached - 20)) $attached
		stop_dredged
		for ((i = 0; i < attached; i++)); do ip netns del "$tag-a${round}m$i"; done
		ip netns del "$tag-a${round}h"
		sleep 3 # the kernel puts them away later, and is busy with that
	done
	/usr/bin/python3 - "$work"/a[0-9]*.ms <<'EOF'
import statistics, sys
columns = []
print("\n| round | first 20, ms each | last 20 | ratio | on a processor: first 20, ms each | last 20 | ratio | all, s |")
print("|--:|--:|--:|--:|--:|--:|--:|--:|")
for path in sys.argv[1:]:
    wall, worked = zip(*(map(float, line.split()) for line in open(path)))
    row = []
    for each in wall, worked:
        first, last = statistics.median(each[:20]), statistics.median(each[-20:])
        row += [first, last, last / first]
    columns.append(row + [sum(wall) / 1e3])
    print("| %d | " % len(columns) + " | ".join("%.2f" % x for x in columns[-1]) + " |")
print("| all | " + " | ".join("%.2f (%.2f-%.2f)" % (statistics.median(c), min(c), max(c)) for c in zip(*columns)) + " |")
print("\nOf %d containers, each round on an empty host: medians of twenty, and of the rounds (lowest-highest)." % len(wall))
EOF
}
idle() {
	local n have=0
	worked() { cat /proc/"$dredged"/task/*/schedstat | awk '{n += $1} END {printf "%.0f", n}'; }
	dredged_on i
	for n in 200 500; do
		attach i $have $n
		have=$n
		sleep 3
		local before
		before=$(worked)
		sleep $seconds
		awk -v n="$have" -v ns=$(($(worked) - before)) -v s=$seconds \
			'BEGIN {printf "\nIdle with %d containers: %.2f %% of a processor.\n", n, ns / s / 1e7}'
	done
	stop_dredged
}

for part; do
	case $part in
	curve) curve ;;
	attach) attaching ;;
	idle) idle ;;
	neighbour) "$here/shaping.sh" --neighbour ;;
	*) die "no part '$part'" ;;
	esac
done
exit $fail
