#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a packet costs with 1, 64, 256 and 1000 containers that share an address: a sender's highest
# rate into a container and out of it, also as a ratio to that with one container, beside the linear
# u32 filters that Mesos' isolator makes and plain forwarding between veths as the limit; then the
# time of attaching, what it costs to do nothing, and how long a neighbour waits. Prints Markdown
# tables; root.
#
#     isolate.sh [--quick|--attach]     each container has 8 ports and 32 ephemeral ones
# shellcheck disable=SC2154
source "$(dirname "$0")/../live/isolated.bash"
here=$(cd "$(dirname "$0")" && pwd)
need tc cc
counts=(1 64 256 1000) time_s=1 rounds=5
case ${1:-} in
--quick) counts=(1 64) rounds=1 ;;
--attach) counts=(1000) rounds=0 ;;
esac
cc -O2 -std=gnu17 -o "$work/load" "$here/load.c" || die "load.c does not compile"

# M packets/s that FROM sends to TO's PORT, from the port FROM-PORT. There they fill a socket that
# nobody reads, so that what is measured is the way.
rate() { # FROM TO ADDRESS PORT FROM-PORT
	local sink
	become "$2" /usr/bin/python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", int(sys.argv[1])))
time.sleep(1000)' "$4" &
	sink=$!
	sleep 0.3
	LOAD_PORT=$4 LOAD_FROM=$5 on "$1" "$work/load" udp "$3" "$(date +%s.%N)" $time_s |
		awk -v s=$time_s '{printf "%.3f\n", $1 / s / 1e6}'
	kill "$sink"
	wait "$sink" 2>/dev/null
}

# ---- with dredged --------------------------------------------------------------------------

resources='ports:[10000-29999];ephemeral_ports:[33000-65535]' ephemeral_size=32
dredged_on() { # HOST
	isolation_host=$1 run=$work/run-$1
	on "$1" sh -c 'echo 32000 32999 >/proc/sys/net/ipv4/ip_local_port_range'
	start_dredged --no-host-network
}
host_and_outside fh fout # with one container, for ever
space f0
dredged_on fh
ctl attach f0 --netns "$(netns f0)" --ports 10000-10007 || die "attach"
stop_dredged # what it enforces stays
umount -R "$run/netns"
host_and_outside h out
dredged_on h
cat >"$work/attach.py" <<'EOF'
import http.client, json, socket, sys, time
tag, path, first, last = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
c = Unix("dredged")
for i in range(first, last):
    begin = time.perf_counter()
    c.request("PUT", f"/v1/isolation/m{i}", json.dumps({
        "netns": f"/run/netns/{tag}-m{i}", "ports": f"{10000 + 8 * i}-{10007 + 8 * i}"}))
    r = c.getresponse()
    answer = r.read()
    if r.status != 200:
        sys.exit(answer.decode())
    print(1e3 * (time.perf_counter() - begin))
EOF
have=0
idle() { # what dredged takes of a processor while nothing happens
	local before after
	sleep 3
	before=$(awk '{print $14 + $15}' "/proc/$dredged/stat")
	sleep 10
	after=$(awk '{print $14 + $15}' "/proc/$dredged/stat")
	awk -v n="$have" -v ticks=$((after - before)) 'BEGIN {printf "\nIdle with %d containers: %.1f %% of a processor.\n", n, ticks / 10}' >>"$work/idle"
}
attach_up_to() { # COUNT; on the way, how it is to do nothing with 200 and with 500
	local i
	for i in 200 500; do
		[ "$have" -ge $i ] || [ "$1" -le $i ] || { attach_up_to $i && idle; }
	done
	for ((i = have; i < $1; i++)); do space m$i; done
	/usr/bin/python3 "$work/attach.py" "$tag" "$run/control" "$have" "$1" >>"$work/attach.ms" || die "attach"
	have=$1
}

# ---- the same by linear filters -------------------------------------------------------------

mac_of() { ip -n "$tag-$1" -j link show eth0 | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["address"])'; }
linear_host() { # NAME: with one container, which all filters lead to
	host_and_outside "$1h" "$1out"
	space "$1c"
	ip -n "$tag-$1c" link set lo up
	ip -n "$tag-$1h" link add dr0 address 02:00:00:00:00:02 type veth peer name eth0 netns "$tag-$1c"
	ip -n "$tag-$1c" addr add $address/24 dev eth0
	ip -n "$tag-$1c" link set eth0 address "$(mac_of "$1h")" up
	ip -n "$tag-$1h" link set dr0 up
	ip -n "$tag-$1c" route add default via $far
	ip -n "$tag-$1c" neigh add $far dev eth0 lladdr "$(mac_of "$1out")"
	tc -n "$tag-$1h" qdisc add dev eth0 ingress
	tc -n "$tag-$1h" qdisc add dev dr0 ingress
}
linear() { # NAME COUNT: a filter for each container in either direction, ours the last
	local i
	tc -n "$tag-$1h" filter del dev eth0 parent ffff: 2>/dev/null
	tc -n "$tag-$1h" filter del dev dr0 parent ffff: 2>/dev/null
	for ((i = 1; i <= $2; i++)); do
		local port=$((i == $2 ? 10000 : 10000 + 8 * i))
		echo "filter add dev eth0 parent ffff: protocol ip prio 770 u32 match ip dst $address match ip dport $port 0xfff8 action mirred egress redirect dev dr0"
		echo "filter add dev dr0 parent ffff: protocol ip prio 771 u32 match ip sport $port 0xfff8 action mirred egress redirect dev eth0"
	done | tc -n "$tag-$1h" -batch - || die "tc"
}
linear_host lf
linear lf 1
linear_host l

# ---- and a container with an address of its own, to which the host forwards -----------------

host_and_outside ph pout
space pc
ip -n "$tag-ph" link add pc0 type veth peer name eth0 netns "$tag-pc"
ip -n "$tag-ph" addr add 10.98.0.1/24 dev pc0
ip -n "$tag-pc" addr add 10.98.0.2/24 dev eth0
for link in "$tag-pc eth0" "$tag-ph pc0"; do ip -n ${link% *} link set ${link#* } up; done
ip -n "$tag-pc" route add default via 10.98.0.1
ip -n "$tag-pout" route add 10.98.0.0/24 via $address
on ph sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'

# One container and many in turns, so that what else the machine does meets both.
measure() { # COUNT
	local round
	for ((round = 0; round < rounds; round++)); do
		echo "$(rate fout f0 $address 10001 0) $(rate out m0 $address 10001 0)" \
			"$(rate lfout lfc $address 10001 0) $(rate lout lc $address 10001 0)" \
			"$(rate pout pc 10.98.0.2 10001 0)" >>"$work/in.$1"
		echo "$(rate f0 fout $far 7000 10001) $(rate m0 out $far 7000 10001)" \
			"$(rate lfc lfout $far 7000 10001) $(rate lc lout $far 7000 10001)" \
			"$(rate pc pout $far 7000 10001)" >>"$work/out.$1"
	done
}
row() { # COUNT WAY
	/usr/bin/python3 - "$1" "$2" "$work/$2.$1" <<'EOF'
import statistics, sys
rounds = [tuple(map(float, line.split())) for line in open(sys.argv[3])]
def median(of): return statistics.median(map(of, rounds))
print("| %s | %s | %.3f | %.2f | %.3f | %.2f | %.3f |" % (sys.argv[1], sys.argv[2],
    median(lambda r: r[1]), median(lambda r: r[1] / r[0]),
    median(lambda r: r[3]), median(lambda r: r[3] / r[2]), median(lambda r: r[4])))
EOF
}
for n in "${counts[@]}"; do
	attach_up_to "$n"
	[ $rounds = 0 ] || { linear l "$n" && measure "$n"; }
done
if [ $rounds -gt 0 ]; then
	printf '\n| containers | way | dredged | to one | linear u32 | to one | plain forwarding |\n|--:|--|--:|--:|--:|--:|--:|\n'
	for way in in out; do
		for n in "${counts[@]}"; do row "$n" $way; done
	done
	printf '\nM packets/s of one UDP sender, 408 bytes, and the ratio to one container in the same round; medians of %s.\n' $rounds
fi
awk 'function median(from, n, i, j, w, x) { # of n from there on
		for (i = 1; i <= n; i++) {
			for (j = i - 1; j && w[j] > v[from + i - 1]; j--) w[j + 1] = w[j]
			w[j + 1] = v[from + i - 1]
		}
		return w[int((n + 1) / 2)]
	}
	function upto(n) {
		if (NR >= n) printf "| %d | %.2f | %.2f | %.2f |\n", n, median(n - 19, 20), median(n - 19, 20) / median(1, 20), sum[n] / 1e3
	}
	{v[NR] = $1; sum[NR] = sum[NR - 1] + $1}
	END {
		print "\n| attached | the last 20, ms each | to the first 20 | all, s |\n|--:|--:|--:|--:|"
		upto(20); upto(64); upto(200); upto(500); upto(1000)
	}' "$work/attach.ms"
[ ! -e "$work/idle" ] || cat "$work/idle"
stop_dredged
[ $rounds = 0 ] || "$here/shaping.sh" --neighbour
