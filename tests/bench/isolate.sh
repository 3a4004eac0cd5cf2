#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a packet costs with 1, 64, 256 and 1000 containers that share an address: a sender's highest
# rate into a container and out of it, beside the linear u32 filters that Mesos' isolator makes and
# one filter alone as the limit; then the time of attaching. Prints Markdown tables; root.
#
#     isolate.sh [--quick]          each container has 8 ports and 32 ephemeral ones
# shellcheck disable=SC2154
source "$(dirname "$0")/../live/isolated.bash"
here=$(cd "$(dirname "$0")" && pwd)
need tc cc
counts=(1 64 256 1000) time_s=3 rounds=3
[ "${1:-}" != --quick ] || { counts=(1 64) time_s=1 rounds=1; }
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
	pids+=("$sink")
	sleep 0.3
	LOAD_PORT=$4 LOAD_FROM=$5 on "$1" "$work/load" udp "$3" "$(date +%s.%N)" $time_s |
		awk -v s=$time_s '{printf "%.3f\n", $1 / s / 1e6}'
	kill "$sink"
	wait "$sink" 2>/dev/null
}
median() { sort -g | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

# ---- with dredged --------------------------------------------------------------------------

host_and_outside h out
on h sh -c 'echo 32000 32999 >/proc/sys/net/ipv4/ip_local_port_range'
resources='ports:[10000-29999];ephemeral_ports:[33000-65535]' ephemeral_size=32 isolation_host=h
start_dredged --no-host-network
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

# ---- the same by linear filters, and by one -------------------------------------------------

host_and_outside lh lout
space lc
ip -n "$tag-lc" link set lo up
ip -n "$tag-lh" link add dr0 address 02:00:00:00:00:02 type veth peer name eth0 netns "$tag-lc"
ip -n "$tag-lc" addr add $address/24 dev eth0
ip -n "$tag-lc" link set eth0 address "$(ip -n "$tag-lh" -j link show eth0 | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["address"])')"
for link in "$tag-lc eth0" "$tag-lh dr0"; do ip -n ${link% *} link set ${link#* } up; done
ip -n "$tag-lc" route add default via $far
ip -n "$tag-lc" neigh add $far dev eth0 lladdr "$(ip -n "$tag-lout" -j link show eth0 | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["address"])')"
tc -n "$tag-lh" qdisc add dev eth0 ingress
tc -n "$tag-lh" qdisc add dev dr0 ingress
linear() { # COUNT: a filter for each container in either direction, ours the last
	local i
	tc -n "$tag-lh" filter del dev eth0 parent ffff: 2>/dev/null
	tc -n "$tag-lh" filter del dev dr0 parent ffff: 2>/dev/null
	for ((i = 1; i <= $1; i++)); do
		local port=$((i == $1 ? 10000 : 10000 + 8 * i))
		echo "filter add dev eth0 parent ffff: protocol ip prio 770 u32 match ip dst $address match ip dport $port 0xfff8 action mirred egress redirect dev dr0"
		echo "filter add dev dr0 parent ffff: protocol ip prio 771 u32 match ip sport $port 0xfff8 action mirred egress redirect dev eth0"
	done | tc -n "$tag-lh" -batch - || die "tc"
}

printf '\n| containers | into one: dredged | linear u32 | out of one: dredged | linear u32 |\n|--:|--:|--:|--:|--:|\n'
for n in "${counts[@]}"; do
	attach_up_to "$n"
	linear "$n"
	for ((round = 0; round < rounds; round++)); do
		rate out m0 $address 10001 0 >>"$work/in.$n.dredged"
		rate lout lc $address 10001 0 >>"$work/in.$n.linear"
		rate m0 out $far 7000 10001 >>"$work/out.$n.dredged"
		rate lc lout $far 7000 10001 >>"$work/out.$n.linear"
	done
	printf '| %s | %s | %s | %s | %s |\n' "$n" "$(median <"$work/in.$n.dredged")" \
		"$(median <"$work/in.$n.linear")" "$(median <"$work/out.$n.dredged")" "$(median <"$work/out.$n.linear")"
done
printf '\nM packets/s of one UDP sender, 408 bytes; linear u32 with one container is the limit.\n'
awk 'function around(n, s, i) {for (i = n - 4; i <= n; i++) s += v[i] / 5; return s}
	{v[NR] = $1; t += $1; if (NR == 500) half = t}
	END {printf "\nAttaching: the first five %.1f ms each", around(5)
	if (NR >= 500) printf ", five up to the 500th %.1f ms", around(500)
	printf ", the last five %.1f ms", around(NR)
	if (NR >= 500) printf "; 500 in %.2f s", half / 1e3
	printf "; all %d in %.2f s.\n", NR, t / 1e3}' "$work/attach.ms"
[ ! -e "$work/idle" ] || cat "$work/idle"
