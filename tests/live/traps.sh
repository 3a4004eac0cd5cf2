#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The traps in Mesos' port-mapping isolator, T1 to T22, each with what must not happen here. What
# needs fq_codel (T2, T3, T4) is in tests/vm/traps_test.sh, T9 in the unit tests.
# shellcheck disable=SC2154
source "$(dirname "$0")/isolated.bash"
need ping unshare mount iptables tcpdump
host_and_outside host outside
host_and_outside host2 outside2 # for a second dredged
host_and_outside host3 outside3
man=$(dirname "$0")/../../src/man/dredged.8
for name in A B C; do space $name; done

attach() { # NAME OPTIONS...
	ctl attach "$1" --netns "$(netns "$1")" "${@:2}" >/dev/null || bad "attach $1"
}
listed() { # NAME KEY...: of ctl list
	ctl list --json | "$python" -c "import json, sys
d = [c for c in json.load(sys.stdin)['containers'] if c['id'] == '$1'][0]
for k in sys.argv[1:]: d = d[k]
print(d)" "${@:2}"
}
of_foreign=00007921/0000ffff # a filter of somebody else: for port 31009
whole() { [ -z "$(missing "$1")" ]; }
missing() { ctl explain "$1" | grep -v '^ok'; }
rate_of() { tc -n "$host" class show dev "$1" | sed -n "s/^class htb $2 .* rate \([^ ]*\) .*/\1/p"; }
reached() { goes "$1" tcp outside A 0.0.0.0 $address "${2:-31001}" 1000; }
documented() { tr '\n' ' ' <"$man" | grep -q -- "$1" || bad "the manual does not say: $1"; }
said() { grep -q -- "$1" "$work/dredged.err" || bad "dredged does not say: $1"; }

start_dredged
attach A --ports 31000-31499
attach B --ports 31500-32000

named "T1 ports that are taken away are free, after any updates"
for ports in 31000-31007 31000-31003 31000-31007 31002-31005,31100 31004-31007 31001; do
	ctl update A --ports $ports >/dev/null || bad "update to $ports"
done
reached "a port that stayed"
goes "a port that was taken away is the host's" tcp outside host 0.0.0.0 $address 31004 1000
attach C --ports 31000,31002-31499
goes "or the next container's" tcp outside C 0.0.0.0 $address 31004 1000
ctl detach C
goes "and the host's again" tcp outside host 0.0.0.0 $address 31004 1000
ctl update A --ports 31000-31499 >/dev/null

named "T5 a rate of 0 is no limit; the speed of the link may be unknown"
ctl update A --ports 31000-31499 --egress 1MB --ingress 1MB >/dev/null
same "limits" "8388Kbit 8388Kbit" "$(rate_of drshape0 1:1) $(rate_of dr1 1:1)"
ctl update A --ports 31000-31499 --egress 0 --ingress 0 >/dev/null
same "0" " " "$(rate_of drshape0 1:1) $(rate_of dr1 1:1)"
with_speed() { # SPEED OPTION: what dredged says where the interface tells that speed
	echo "$1" >"$work/speed"
	on host2 unshare -m sh -c "mount -t sysfs sysfs /sys && mount --bind $work/speed \$(realpath /sys/class/net/eth0)/speed &&
		exec timeout 5 dredged --isolation=network/port_mapping '--resources=$resources;cpus:2' $2 \
			--ephemeral_ports_per_container=16 --runtime_dir='$work/other' -M 1 --no-host-network" </dev/null 2>&1
}
auto=--egress_rate_per_cpu=auto
[[ $(with_speed -1 $auto) == *speed* ]] || bad "auto of an unknown speed"
[[ $(with_speed 10 --egress_rate_limit_per_container=1MB) == *ready* ]] || bad "1 MB/s of 10 Mbit/s"
[[ $(with_speed 10 --egress_rate_limit_per_container=2MB) == *speed* ]] || bad "2 MB/s of 10 Mbit/s"
[[ $(with_speed -1 --egress_rate_limit_per_container=2MB) == *ready* ]] || bad "a limit beside an unknown speed"

named "T6 an update that fails inside the container fails, and changes nothing"
space away
ip -n "$tag-A" link set eth0 netns "$tag-away"
ctl update A --ports 31000-31003 --egress 1MB >/dev/null 2>"$work/said" && bad "success was told"
grep -q "in another namespace" "$work/said" || bad "said: $(cat "$work/said")"
same "record" "31000-31499 None" "$(listed A ports) $(listed A egress)"
ip -n "$tag-away" link set eth0 netns "$tag-A"
wait_for 3 whole A || bad "not put right"
reached "as before" 31400

named "T11 the first process may end, the container goes on"
space D
for _ in second first; do
	become D sleep 300 &
	first=$!
	wait_for 3 grep -q sleep "/proc/$first/comm"
done
ctl attach D --pid "$first" >/dev/null || bad "attach by pid"
kill -9 "$first"
wait "$first" 2>/dev/null
ctl update D --egress 1MB >/dev/null || bad "update"
same "its limit" 8388Kbit "$(rate_of drshape0 1:3)"
same "nothing is missing" "" "$(missing D)"
ctl detach D

named "T12 the host's gateway, MTU, MAC and address change"
follows() { # WORDS COMMAND...: the container's has them, by and by
	says() { ip -n "$tag-A" -o "${@:2}" | grep -q -- "$1"; }
	wait_for 3 says "$@" || bad "no '$1': $(ip -n "$tag-A" -o "${@:2}")"
}
sleep 0.5 # what came before is told
drifts=$(grep 'put right' "$work/dredged.err")
ip -n "$tag-outside" addr add 10.99.0.252/24 dev eth0
ip -n "$host" route replace default via 10.99.0.252
follows 'default via 10.99.0.252' route
ip -n "$tag-outside" link set eth0 mtu 1400
ip -n "$host" link set eth0 mtu 1400
follows 'mtu 1400' link show dev eth0
ip -n "$host" link set eth0 address 02:00:00:00:00:07
follows 02:00:00:00:00:07 link show dev eth0
said_so() { grep -q 'host has now Ethernet address 02:00:00:00:00:07: containers follow' "$work/dredged.err"; }
wait_for 3 said_so || bad "nobody says so"
ip -n "$host" addr del $address/24 dev eth0
ip -n "$host" addr add 10.99.0.2/24 dev eth0
ip -n "$host" route replace default via 10.99.0.252
address=10.99.0.2
follows 'inet 10.99.0.2/24' -4 addr show dev eth0
same "the old address is gone" 1 "$(ip -n "$tag-A" -o -4 addr show dev eth0 | wc -l)"
on outside ip neigh flush all
reached "outside to A"
goes "A to outside" tcp A outside 0.0.0.0 $far 7000 10000
goes "A to the host" tcp A host 127.0.0.1 127.0.0.1 8080 10000
same "drift that was none" "$drifts" "$(grep 'put right' "$work/dredged.err")"
goes "B to A" tcp B A $address $address 31001 10000

named "T18 root in a container takes everything away that is inside"
ctl update A --ports 31000-31499 --egress 1MB >/dev/null
inner() {
	tc -n "$tag-A" qdisc del dev lo ingress
	tc -n "$tag-A" qdisc del dev eth0 ingress
	tc -n "$tag-A" qdisc add dev eth0 root pfifo
	on A sh -c 'echo 1024 65535 >/proc/sys/net/ipv4/ip_local_port_range'
	ip -n "$tag-A" addr add 10.99.0.77/24 dev eth0
	ip -n "$tag-A" addr add 10.99.0.78/32 dev lo
	ip -n "$tag-A" link set eth0 address 02:00:00:00:00:99
} 2>>"$work/inner"
kill -STOP "$dredged" # nothing of this is put right meanwhile
on outside tcpdump --immediate-mode -nei eth0 -w "$work/outside.pcap" 2>"$work/tcpdump" </dev/null &
dump=$!
wait_for 5 grep -q 'listening on' "$work/tcpdump"
inner
packets "
def send(address, port):
    s = sock('A', socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, port)); s.sendto(b'forged', (far, 7000))
send('0.0.0.0', 31001)
w, am, hm = wire('A'), mac_of('outside'), mac_of('host')
w.send(frame(am, hm, ip('10.99.0.77', far, 17, udp(31001, 7000, b'forged'))))
w.send(frame(am, hm, ip(host, far, 17, udp(31501, 7000, b'forged'))))
w.send(frame(am, b'\2\0\0\0\0\x99', ip(host, far, 17, udp(31001, 7000, b'forged'))))
for sha, spa in (hm, '10.99.0.77'), (b'\2\0\0\0\0\x99', host), (b'\2\0\0\0\0\x99', '10.99.0.77'):
    w.send(frame(b'\xff' * 6, hm, struct.pack('!HHBBH6s4s6s4s', 1, 0x800, 6, 4, 2,
        sha, socket.inet_aton(spa), am, socket.inet_aton(far)), 0x806))
import time; time.sleep(0.1)" >>"$work/inner"
ip -n "$tag-A" link set eth0 address 02:00:00:00:00:07
packets "
s = sock('A', socket.AF_INET, socket.SOCK_DGRAM)
s.bind((host, 31001)); s.sendto(b'honest', (far, 7000))
import time; time.sleep(0.1)" >>"$work/inner"
same "as planned" "" "$(cat "$work/inner")"
on A sh -c 'echo 30016 30031 >/proc/sys/net/ipv4/ip_local_port_range' # else its own are refused
start=$(date +%s%3N)
goes "at its rate" tcp A outside $far $far 7000 1500000
[ $(($(date +%s%3N) - start)) -gt 1200 ] || bad "1.5 MB at 1 MB/s were too fast"
kill "$dump"
wait "$dump" 2>/dev/null
outside() { tcpdump -nr "$work/outside.pcap" "$@" 2>/dev/null | wc -l; }
same "what came out: forged, honest" "0 1" "$(outside 'udp[8:4] = 0x666f7267') $(outside 'udp[8:4] = 0x686f6e65')"
same "forged ARP and addresses" 0 "$(outside 'arp src 10.99.0.77 or src host 10.99.0.77 or ether src 02:00:00:00:00:99 or (arp and arp[8:4] = 0x02000000 and arp[12:2] = 0x0099)')"
kill -CONT "$dredged"
ip -n "$tag-A" link del eth0
wait_for 3 on A ip link show eth0 || bad "an interface that was deleted does not come back"
wait_for 3 whole A || bad "not all is put right: $(missing A)"
reached "in the end"
ctl update A --ports 31000-31499 --egress 0 >/dev/null

named "T19 what is nested"
ctl attach A.child --netns "$(netns A)" >/dev/null 2>"$work/said" && bad "the namespace of another container was taken"
same "refusal" 1 "$(grep -c 'has an interface eth0 already' "$work/said")"
same "a namespace of its own is the host's in nothing" lo "$(on A unshare -n ip -o link | awk -F': ' '{print $2}' | xargs)"
documented "nested container"

named "T20 a listener on a foreign port is reached from inside, and from nowhere else"
for at in 127.0.0.1 $address; do goes "from inside" tcp A A 0.0.0.0 "$at" 32502 1000; done
for from in outside host B; do goes_not "from $from" tcp $from A 0.0.0.0 $address 32502 100; done

named "T21 fragments are neither lost nor stolen"
for kind in outside:A:0.0.0.0:$address:31001 A:outside:0.0.0.0:$far:7000 B:A:127.0.0.1:127.0.0.1:31001 \
	host:A:$address:$address:31001 A:host:$address:$address:8080 outside:host:0.0.0.0:$address:8080 host:outside:0.0.0.0:$far:7000; do
	IFS=: read -r from to listen at port <<<"$kind"
	goes "4000 bytes, $from to $to" udp "$from" "$to" "$listen" "$at" "$port" 4000
done
before=$(listed A refused fragment)
# The second halves of datagrams of the host's look as if they were for A's port 31001; one of them
# has the number that A's had before.
same "halves: A, host, host" "2000 2000 2000" "$(packets "
o, am, hm = wire('outside'), mac_of('outside'), mac_of('host')
a, h = receiver('A', 31001), receiver('host', 8080)
def halves(port, id):
    data = udp(7000, port, b'x' * 992 + struct.pack('!HH', 7000, 31001) * 252)
    o.send(frame(hm, am, ip(far, host, 17, data[:1000], id, 0x2000)))
    o.send(frame(hm, am, ip(far, host, 17, data[1000:], id, 125)))
def got(s):
    s.settimeout(1)
    return len(s.recv(4096))
halves(31001, 7); print(got(a), end=' ')
halves(8080, 8); print(got(h), end=' ')
halves(8080, 7); print(got(h))
wire('A').send(frame(am, hm, ip(host, far, 17, b'x' * 100, 9, 125)))")"
same "one without a first is counted" $((before + 1)) "$(listed A refused fragment)"

named "T22 the host's netfilter does not see what goes between container and outside"
on host iptables -A INPUT -p udp --dport 31001 -j DROP
goes "a rule against A's port" udp outside A 0.0.0.0 $address 31001 100
same "sees nothing" 0 "$(on host iptables -nvxL INPUT | awk '/dpt:31001/ {print $1}')"
on host iptables -D INPUT -p udp --dport 31001 -j DROP
documented "netfilter"

# ---- restarts ------------------------------------------------------------------------------

named "T10 what is strange at the start concerns one container"
stop_dredged KILL
tc -n "$host" filter add dev dr1 ingress protocol ip prio 1 u32 match ip dport 31009 0xffff flowid 1:1
echo text >"$run/netns/foreign"
mkdir "$run/netns/directory"
ln -s /nosuch "$run/netns/link"
umount "$run/netns/B"
pools=$resources
resources='ports:[31100-31999];ephemeral_ports:[30101-30999]'
start_dredged
reached "one whose ports are of no pool any more"
same "keeps them" "31000-31499 30016" "$(listed A ports) $(listed A ephemeral_ports begin)"
said 'A .*30016-30031'
said 'A .*31000-31099'
same "a foreign filter stays" 1 "$(tc -n "$host" filter show dev dr1 ingress | grep -c "$of_foreign")"
said 'B.*\(quarantined\|namespace\)'
attach C
same "the next one is served from the new pool" 30112 "$(listed C ephemeral_ports begin)"
ctl detach B || bad "detach B"
tc -n "$host" filter del dev dr1 ingress prio 1
rm -rf "${run:?}/netns/"{foreign,directory,link}
ctl detach C

named "T14 what an earlier run left does not fail the first attach"
ctl detach A
stop_dredged KILL
resources=$pools
ip -n "$host" link add dr1 type veth peer name stray # and what looks like ours
start_dredged
attach A --ports 31000-31499
reached "attached"
ctl detach A
stop_dredged

named "T7 pools that touch"
resources='ports:[31000-31999];ephemeral_ports:[32000-32767]'
start_dredged
attach A --ports 31984-31999
same "before" "31984-31999 32000" "$(listed A ports) $(listed A ephemeral_ports begin)"
stop_dredged KILL
start_dredged
same "after a restart" "31984-31999 32000" "$(listed A ports) $(listed A ephemeral_ports begin)"
ctl update A --ports 31000-31001 >/dev/null || bad update
same "after an update" "31000-31001 32000 32015" "$(listed A ports) $(listed A ephemeral_ports begin) $(listed A ephemeral_ports end)"
reached "it works"
ctl detach A
stop_dredged

named "T8 the first and the last port"
resources='ports:[64000-65535];ephemeral_ports:[1024-2047]'
start_dredged
attach A --ports 65535
reached "port 65535" 65535
ctl detach A
stop_dredged
refused() { # RESOURCES: what dredged says to them
	on host2 timeout 5 dredged --isolation=network/port_mapping "--resources=$1" \
		--ephemeral_ports_per_container=16 --runtime_dir="$work/other" -M 1 --no-host-network </dev/null 2>&1
}
[[ $(refused 'ports:[0-100];ephemeral_ports:[30000-30999]') == *"no port"* ]] || bad "port 0 is accepted"
[[ $(refused 'ports:[1-65536];ephemeral_ports:[30000-30999]') == *"no port"* ]] || bad "port 65536 is accepted"

named "T16 the host's own range of ports is read as the kernel writes it"
on host2 sh -c 'echo 40000 40999 >/proc/sys/net/ipv4/ip_local_port_range'
[[ $(refused 'ports:[31000-32000];ephemeral_ports:[40999-42000]') == *40999* ]] || bad "an overlap of one port is accepted"
[[ $(refused 'ports:[31000-32000];ephemeral_ports:[41000-42000]') == *ready* ]] || bad "the ports behind are refused"

named "T13 more ports than filters could be had for"
resources='ports:[10000-19999];ephemeral_ports:[20000-29999]'
start_dredged
attach A --ports "$(seq -s, 10001 2 19999)"
reached "the first" 10001
reached "the last" 19999
goes "one between is the host's" tcp outside host 0.0.0.0 $address 15000 1000
ctl detach A

named "T15 a list longer than a pipe or a packet arrives whole"
"$python" -c "
import ctypes, os, sys, time
libc = ctypes.CDLL(None)
for n in range(200):
    libc.unshare(0x40000000)
    os.dup2(os.open('/proc/self/ns/net', 0), 100 + n)
print('ready', flush=True)
time.sleep(300)" >"$work/many" &
many=$!
wait_for 10 grep -q ready "$work/many"
"$python" - "$run/control" "$many" <<'END' || bad "attach 200"
import socket, sys
for n in range(200):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    body = b'{"netns": "/proc/%s/fd/%d"}' % (sys.argv[2].encode(), 100 + n)
    s.sendall(b"PUT /v1/isolation/%s-%03d HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
              % (b"n" * 100, n, len(body), body))
    answer = b""
    while part := s.recv(65536):
        answer += part
    if b" 200 " not in answer:
        sys.exit(answer.decode())
END
ctl list --json >"$work/list"
[ "$(stat -c %s "$work/list")" -gt 71680 ] || bad "only $(stat -c %s "$work/list") bytes"
same "containers in the list" 200 "$("$python" -c "import json; print(len(json.load(open('$work/list'))['containers']))")"
kill "$many"
stop_dredged

named "T17 clsact, or ingress, is there already and holds what others put there"
address=10.99.0.1
isolation_host=host3 run=$work/run2 resources=$pools
tc -n "$tag-host3" qdisc add dev eth0 clsact
tc -n "$tag-host3" qdisc add dev lo ingress
tc -n "$tag-host3" filter add dev eth0 ingress protocol ip prio 1 u32 match ip dport 31009 0xffff flowid 1:1
tc -n "$tag-host3" filter add dev eth0 egress protocol ip prio 1 u32 match ip dport 31009 0xffff flowid 1:1
tc -n "$tag-host3" filter add dev lo ingress protocol ip prio 1 u32 match ip dport 31009 0xffff flowid 1:1
foreign() {
	for at in "eth0 ingress" "eth0 egress" "lo ingress"; do
		# shellcheck disable=SC2086
		tc -n "$tag-host3" filter show dev $at | grep -B1 "$of_foreign"
	done
}
before=$(foreign)
[ -n "$before" ] || bad "no foreign filters"
start_dredged
space E
attach E --ports 31000-31499
goes "outside to E" tcp outside3 E 0.0.0.0 $address 31001 1000
goes "the host to E" tcp host3 E 0.0.0.0 $address 31001 1000
goes "what the foreign filter takes" udp outside3 host3 0.0.0.0 $address 31009 100
ctl detach E
stop_dredged
same "they stay" "$before" "$(foreign)"
named
verdict
