#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the tests of Mesos' port-mapping isolator ask for, case by case and under its names. The
# numbers and the set-up are theirs: pools 31000-32000 and 30001-30999, 16 ephemeral ports each,
# container 1 owns 31000-31499, container 2 31500-32000, 31001 is a valid port, 32502 is nobody's.
# 18 and 19 are in isolate_stats.sh, 20 is PercentileRatesCollector of the unit tests.
# shellcheck disable=SC2154
source "$(dirname "$0")/isolated.bash"
need ping arping unshare mount
host_and_outside host outside
servers=("$far" 10.99.0.253) # the external name servers
ip -n "$tag-outside" addr add 10.99.0.253/24 dev eth0
for name in one two slow-out slow-in busy; do space $name; done

attach() { # NAME OPTIONS...
	ctl attach "$1" --netns "$(netns "$1")" "${@:2}" >/dev/null || bad "attach $1"
}
rate_of() { # NAME DEVICE: of its class, if the kernel's is the planned one
	ctl explain "$1" | sed -n "s/^ok .*class on $2 .* rate \([0-9]*\) B\/s/\1/p"
}
no_links() { ! ip -n "$host" -o link | grep -q ' dr[0-9]*[:@]'; }
handles() { ls "$run/netns"; }

start_dredged
attach one --ports 31000-31499
attach two --ports 31500-32000

# ---- 10, 11: they take their time, so they go on beside the others -------------------------

attach slow-out --egress 2000
attach slow-in --ingress 2000
read -r ephemeral _ < <(on slow-in cat /proc/sys/net/ipv4/ip_local_port_range)
timed() { # FILE FROM TO ADDRESS PORT: ms for 20480 bytes, behind what uses up the burst
	local start
	{
		"$python" "$talk_py" "$tag" tcp "$2" "$3" 0.0.0.0 "$4" "$5" 3000
		start=$(date +%s%3N)
		"$python" "$talk_py" "$tag" tcp "$2" "$3" 0.0.0.0 "$4" "$5" 20480
		echo $(($(date +%s%3N) - start))
	} >"$work/$1"
}
timed out slow-out outside "$far" 7001 &
slow_out=$!
timed in host slow-in $address "$ephemeral" &
slow_in=$!
small() { # FILE PID LEAST: the conversations went through, the second in no less than so many ms
	wait "$2"
	same transfers "got 3000 got 20480" "$(sed -n 1,2p "$work/$1" | xargs)"
	[ "$(sed -n 3p "$work/$1")" -gt "$3" ] || bad "took $(sed -n 3p "$work/$1") ms"
}

# ---- 1 to 8: connectivity ------------------------------------------------------------------

both() { # KIND FROM: to container one by localhost and by the host's address
	goes "localhost" "$1" "$2" one 127.0.0.1 127.0.0.1 31001 10000
	goes "host's address" "$1" "$2" one $address $address 31001 10000
	goes_not "invalid port by localhost" "$1" "$2" one 127.0.0.1 127.0.0.1 32502 100
	goes_not "invalid port by the host's address" "$1" "$2" one $address $address 32502 100
}
named "7.1/01 ContainerToContainerTCP"
both tcp two
named "7.1/02 ContainerToContainerUDP"
both udp two
named "7.1/03 HostToContainerUDP"
both udp host
named "7.1/04 HostToContainerTCP"
both tcp host

received() { on "$1" ping -c 1 -W 1 "$2" | grep -o '[0-9]* received.*duplicates\|[0-9]* received'; }
named "7.1/05 ContainerICMPExternal"
for server in "${servers[@]}"; do same "ping $server" "1 received" "$(received one "$server")"; done
named "7.1/06 ContainerICMPInternal"
for to in 127.0.0.1 $address; do same "ping $to" "1 received" "$(received one $to)"; done
named "7.1/07 ContainerARPExternal"
for server in "${servers[@]}"; do
	same "arping $server" 1 "$(on one arping -f -w 1 -I eth0 "$server" | grep -c reply)"
done

named "7.1/08 DNS"
cat >"$work/dns.py" <<'END'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 53))
print("ready", flush=True)
while True:
    q, peer = s.recvfrom(512)
    end = q.index(b"\0", 12) + 5
    a = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + socket.inet_aton("192.0.2.7")
    mine = q[end - 4:end - 2] == b"\0\1" # an A record is all we have
    s.sendto(q[:2] + b"\x81\x80\0\1" + (b"\0\1" if mine else b"\0\0") + b"\0\0\0\0" + q[12:end] + (a if mine else b""), peer)
END
for server in "${servers[@]}"; do
	become outside "$python" "$work/dns.py" "$server" >"$work/dns-$server" &
	wait_for 3 grep -q ready "$work/dns-$server" || bad "no name server"
	echo "nameserver $server" >"$work/resolv.conf"
	echo "hosts: dns" >"$work/nsswitch.conf"
	same "a name by $server" 192.0.2.7 "$(on one unshare -m sh -c "
		mount --bind $work/resolv.conf /etc/resolv.conf && mount --bind $work/nsswitch.conf /etc/nsswitch.conf &&
		getent ahostsv4 dredge.example" | awk 'NR == 1 {print $1}')"
done

# ---- 10, 11 --------------------------------------------------------------------------------

named "7.1/10 SmallEgressLimit"
same "the kernel's class" 2000 "$(rate_of slow-out drshape0)"
small out $slow_out 10240
named "7.1/11 SmallIngressLimit"
same "the kernel's class" 2000 "$(rate_of slow-in dr4)"
small in $slow_in 9240
named

# ---- 23 to 25: who is left over ------------------------------------------------------------

# Of dredged's memory nothing can be wiped but what the kernel holds, so nobody becomes an orphan
# by a lost file; one is a container of which nobody but the kernel knows, and detaching it works.
named "7.1/24 NetworkNamespaceHandleSymlink"
same "handles of those that run" "one slow-in slow-out two" "$(handles | xargs)"
ctl detach slow-out
same "handles when one has ended" "one slow-in two" "$(handles | xargs)"

named "7.1/25 RecoverMixedKnownAndUnKnownOrphans" # unknown: its handle is gone too
stop_dredged KILL
umount "$run/netns/slow-in" && rm "$run/netns/slow-in"
start_dredged
same recovered "one slow-in two" "$(rows | awk '{print $1}' | sort | xargs)"
ctl detach slow-in || bad "an orphan without handle"
ctl detach two || bad "an orphan with a handle"
same "their links" dr1 "$(ip -n "$host" -o link | grep -o ' dr[0-9]*[@:]' | tr -d ' @:' | xargs)"
same "their handles" one "$(handles)"
goes "the other one" tcp outside one 0.0.0.0 $address 31001 1000

named "7.1/23 CleanUpOrphan"
ctl detach one || bad "an orphan"
no_links || bad "links remain"
same "handles" "" "$(handles)"
for dev in eth0 lo; do
	same "clsact of $dev remains" 1 "$(tc -n "$host" qdisc show dev $dev | grep -c clsact)"
done
goes "a port of nobody is the host's" tcp outside host 0.0.0.0 $address 31001 1000
named

# ---- 9, 21: ephemeral ranges, one of which fits --------------------------------------------

stop_dredged
ephemeral_size=512
start_dredged
named "7.1/21 CleanupNotIsolated" # an attach that fails on the way gives its range back
ip -n "$tag-busy" link add eth0 type veth peer name other
ctl attach busy --netns "$(netns busy)" >/dev/null 2>&1 && bad "attached beside another eth0"
attach one --ports 31000-31499
same "its range" 30208-30719 "$(ctl list | awk '$1 == "one" {print $4}')"
named "7.1/09 TooManyContainers"
ctl attach two --netns "$(netns two)" >/dev/null 2>"$work/said" && bad "a second range of 512 was found"
grep -q ephemeral "$work/said" || bad "said: $(cat "$work/said")"
goes "the first one lives" tcp outside one 0.0.0.0 $address 31001 1000
named
ctl detach one
stop_dredged
ephemeral_size=16

# ---- 12 to 16: rates by cpu ----------------------------------------------------------------

scales() { # DEVICE CPUS RATE...: of container one
	local device=$1 verb=attach
	shift
	while [ $# -gt 0 ]; do
		if [ $verb = attach ]; then attach one --cpus "$1"; else ctl update one --cpus "$1"; fi
		same "$1 cpus" "$2" "$(rate_of one "$device")"
		verb=update
		shift 2
	done
	ctl detach one
}
directions() { # OPTION...: with DIRECTION in them, for both
	local option options=()
	for option; do options+=("${option//DIRECTION/egress}" "${option//DIRECTION/ingress}"); done
	start_dredged "${options[@]}"
}
directions --DIRECTION_rate_per_cpu=1000B --minimum_DIRECTION_rate_limit=2000B --maximum_DIRECTION_rate_limit=4000B
named "7.1/12 ScaleEgressWithCPU"
scales drshape0 2 2000 3.1 3000 5 4000
named "7.1/15 ScaleIngressWithCPU"
scales dr1 2 2000 3.1 3000 5 4000
named
stop_dredged

resources+=';cpus:64'
directions --network_link_speed=12500000000B --DIRECTION_rate_per_cpu=auto \
	--minimum_DIRECTION_rate_limit=625000000B --maximum_DIRECTION_rate_limit=11250000000B
named "7.1/13 ScaleEgressWithCPULarge" # 30 cpus: more than 32 bits hold
scales drshape0 64 11250000000 30 5859375000 1 625000000 60 11250000000
named
stop_dredged

resources=${resources%64}10
directions --network_link_speed=10000B --DIRECTION_rate_per_cpu=auto \
	--minimum_DIRECTION_rate_limit=1B --maximum_DIRECTION_rate_limit=4000B
named "7.1/14 ScaleEgressWithCPUAutoConfig" # the rate of one cpu is what Mesos' gauge tells
scales drshape0 1 1000 2 2000 3.1 3000 5 4000
named "7.1/16 ScaleIngressWithCPUAutoConfig"
scales dr1 1 1000 2 2000 3.1 3000 5 4000
named
stop_dredged
resources=${resources%;*}

named "7.1/17 Upgrade"
wanted() { # EGRESS INGRESS: after an update
	ctl update one --ports 31000-31499 >/dev/null || bad update
	same "$1 $2" "$1 $2" "$(rate_of one drshape0) $(rate_of one dr1)"
	stop_dredged
}
start_dredged
attach one --ports 31000-31499
stop_dredged
limits=(--egress_rate_limit_per_container=1MB --ingress_rate_limit_per_container=2MB)
start_dredged "${limits[@]}" --ingress_isolate_existing_containers=false
wanted 1048576 ""
start_dredged "${limits[@]}" --ingress_isolate_existing_containers=true
wanted 1048576 2097152
start_dredged
wanted "" ""

# One on a bridge, launched without the isolator, beside one with it: both are found again, and
# have counters.
named "7.1/22 RecoverMixedContainers"
make_cgroup_root
ip -n "$host" link add br0 type bridge
ip -n "$host" addr add 10.77.0.1/24 dev br0
ip -n "$host" link set br0 up
container plain 10.77.0.3 /plain
container_up plain
know one /one
make_cgroup "${id_of[one]}"
start one sleep 600
start_dredged
stop_dredged KILL
start_dredged --counters 100ms -w "$work/mixed.pcapng.lz4"
counted() { # NAME BYTES: it received so many at least
	[ "$(dredge -r "$work/mixed.pcapng.lz4" "evt.type=counters and container.id=${id_of[$1]} and net_rx_bytes>$2" | wc -l)" -gt 0 ]
}
received() { on "$1" ping -q -s 1400 -i 0.02 -c 20 -W 1 "$2" | grep -o '[0-9]* received'; }
same "the host pings the plain one" "20 received" "$(received host 10.77.0.3)"
goes "outside to the isolated one" tcp outside one 0.0.0.0 $address 31001 30000
sleep 0.5
stop_dredged
for name in plain one; do counted $name 25000 || bad "no counters of $name"; done
start_dredged
same "isolated" one "$(rows | awk '{print $1}')"
ctl detach one
named
stop_dredged
verdict
