#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two containers that share the address of their "host", and somebody outside: what must go through
# does, what must not does not, across kill -9, drift and refusals. Names in brackets are the traps
# of Mesos' isolator that a case guards against, or its conformance cases.
# shellcheck disable=SC2016,SC2154
source "$(dirname "$0")/isolated.bash"
need ping arping
host_and_outside host outside
space A
space B

# ---- conversations -------------------------------------------------------------------------

cat >"$work/talk.py" <<'EOF'
import socket, sys
kind, role, address, port, size = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
stream = kind == "tcp"
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
s.settimeout(4 if role == "listen" else 2)
if role == "listen":
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    if stream:
        s.listen(1)
    print("listening", flush=True)
    if stream:
        c, peer = s.accept()
        n = 0
        while n < size:
            n += len(c.recv(65536)) or size
        c.sendall(b"got %d" % n)
    else:
        data, peer = s.recvfrom(65536)
        s.sendto(b"got %d" % len(data), peer)
else:
    s.connect((address, port))
    s.sendall(b"x" * size)
    print(s.recv(100).decode())
EOF
talk() { # KIND FROM TO LISTEN-ADDRESS ADDRESS PORT SIZE: what the sender is told
	local listener
	: >"$work/listener" # else the one before could be taken for it
	on "$3" python3 "$work/talk.py" "$1" listen "$4" "$6" "$7" >"$work/listener" 2>/dev/null &
	listener=$!
	pids+=("$listener")
	wait_for 3 grep -q listening "$work/listener"
	on "$2" python3 "$work/talk.py" "$1" send "$5" "$6" "$7" 2>/dev/null
	kill "$listener" 2>/dev/null
	wait "$listener" 2>/dev/null
}
goes() { # TITLE KIND FROM TO LISTEN-ADDRESS ADDRESS PORT SIZE
	same "$1" "got $8" "$(talk "${@:2}")"
}
goes_not() { same "$1" '' "$(talk "${@:2}")"; }
basics() {
	goes "outside to A" tcp outside A 0.0.0.0 $address 31001 100000
	goes "A to outside" tcp A outside 0.0.0.0 $far 7000 100000
	goes "A to the host over 127.0.0.1" tcp A host 127.0.0.1 127.0.0.1 8080 100000
	goes "B to A over 127.0.0.1" tcp B A 127.0.0.1 127.0.0.1 31001 100000
}

start_dredged
ctl attach A --netns "$(netns A)" --ports 31000-31499 || bad "attach A"
ctl attach B --netns "$(netns B)" --ports 31500-32000 || bad "attach B"
same "ephemeral ranges" "30016-30031 30032-30047" "$(ctl list | awk 'NR > 1 {printf "%s%s", sep, $4; sep = " "}')"
basics
goes "outside to B" tcp outside B 0.0.0.0 $address 31501 100000
goes "outside to the host" tcp outside host 0.0.0.0 $address 8080 100000
goes "A to the host by its address" tcp A host 0.0.0.0 $address 8080 100000
goes "the host to A by its address (HostToContainerTCP)" tcp host A 0.0.0.0 $address 31001 100000
goes "the host to A over 127.0.0.1 (HostToContainerTCP)" tcp host A 127.0.0.1 127.0.0.1 31001 100000
goes "B to A by the address (ContainerToContainerTCP)" tcp B A 0.0.0.0 $address 31001 100000
goes "A to itself by the address" tcp A A 0.0.0.0 $address 31002 100000
goes "A to itself over 127.0.0.1" tcp A A 127.0.0.1 127.0.0.1 31002 100000
goes "A to its own listener on a foreign port (T20)" tcp A A 0.0.0.0 $address 32502 100000
goes_not "outside to a foreign port of A" tcp outside A 0.0.0.0 $address 32502 100
goes_not "B to a foreign port of A (ContainerToContainerTCP)" tcp B A 0.0.0.0 $address 32502 100
for size in 100 4000; do # 4000: in fragments
	goes "outside to A, UDP $size (T21)" udp outside A $address $address 31001 $size
	goes "A to outside, UDP $size (T21)" udp A outside 0.0.0.0 $far 7000 $size
	goes "B to A, UDP $size (ContainerToContainerUDP)" udp B A 127.0.0.1 127.0.0.1 31001 $size
	goes "the host to A, UDP $size (HostToContainerUDP)" udp host A $address $address 31001 $size
	goes "A to the host, UDP $size" udp A host $address $address 8080 $size
	goes "outside to the host, UDP $size (T21)" udp outside host $address $address 8080 $size
done
received() { on "$1" ping -c 2 -i 0.2 -W 1 "$2" | grep -o '[0-9]* received.*duplicates\|[0-9]* received'; }
same "ping from A to outside (ContainerICMPExternal)" "2 received" "$(received A $far)"
same "ping from A to itself (ContainerICMPInternal)" "2 received" "$(received A 127.0.0.1)"
same "ping from A to the address (ContainerICMPInternal)" "2 received" "$(received A $address)"
same "ping from outside is answered once" "2 received" "$(received outside $address)"
same "ARP from outside is answered once" 2 "$(on outside arping -c 2 -w 3 -I eth0 $address | grep -c reply)"
same "ARP from A is answered (ContainerARPExternal)" 1 "$(on A arping -f -c 3 -w 2 -I eth0 $far | grep -c reply)"

# ---- what a container must not send --------------------------------------------------------

refused() { ctl list --json | python3 -c "import json, sys
print(sum(c['refused']['$1'] for c in json.load(sys.stdin)['containers'] if c['id'] == 'A'))"; }
before=$(refused foreign_port)
on A python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('0.0.0.0', 32502))
s.sendto(b'x', ('$far', 7000))"
same "a packet from a foreign port is counted" $((before + 1)) "$(refused foreign_port)"
ip -n "$tag-A" addr add 10.99.0.77/32 dev lo
on A python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('10.99.0.77', 0))
s.sendto(b'x', ('$far', 7000))"
same "a foreign source address is dropped and counted (T18)" 1 "$(refused spoofed)"
ip -n "$tag-A" addr del 10.99.0.77/32 dev lo

# ---- refusals change nothing ---------------------------------------------------------------

dump() {
	{
		ip -n "$host" -d link; ip -n "$host" addr; ip -n "$host" route
		for dev in eth0 lo dr1 dr2; do
			tc -n "$host" qdisc show dev $dev; tc -n "$host" filter show dev $dev ingress
		done
		ctl list; cat /proc/self/mountinfo; ls "$run/netns"
	} 2>&1 | grep -v valid_lft
}
space C
dump >"$work/before"
refuse() { # WHY ARGUMENTS...
	local said
	said=$(ctl "${@:2}" 2>&1) && bad "accepted: ${*:2}"
	[[ $said == *"$1"* ]] || bad "refusal of ${*:2}: $said"
}
c=(--netns "$(netns C)")
refuse "belongs to container A" attach C "${c[@]}" --ports 31000
refuse "not all of the ports are managed" attach C "${c[@]}" --ports 80
refuse "no port and no range" attach C "${c[@]}" --ports 31000-
refuse "is no network namespace" attach C --netns /etc/passwd
refuse "No such file" attach C --netns /nosuch
refuse "the host's own" attach C --netns "/run/netns/$host"
refuse "No such file" attach C --pid 4194300
refuse "has an interface eth0 already" attach C --netns "$(netns A)"
refuse "attached already" attach A "${c[@]}"
refuse "container id" attach 'a%20b' "${c[@]}"
refuse "no container" detach C
refuse "no container" update C --ports 31000
dump >"$work/after"
cmp -s "$work/before" "$work/after" || bad "a refusal changed something: $(diff "$work/before" "$work/after" | head -n 5)"

# ---- updates leave nothing (T1) ------------------------------------------------------------

ctl update A --ports 31000-31003 && ctl update A --ports 31000-31007 && ctl update A --ports 31004-31007
goes_not "a port that was taken away" tcp outside A 0.0.0.0 $address 31001 100
goes "a port that stayed" tcp outside A 0.0.0.0 $address 31005 100
ctl attach C "${c[@]}" --ports 31000-31003 || bad "ports that were given back are free again (T1)"
ctl detach C || bad "detach C"
ctl update A --ports 31000-31499

# ---- limits --------------------------------------------------------------------------------

ctl update A --ports 31000-31499 --egress 1MB --ingress 2MB
rate_of() { tc -n "$host" class show dev "$1" | sed -n "s/^class htb $2 .* rate \([^ ]*\) .*/\1/p"; }
same "egress class" 8388Kbit "$(rate_of drshape0 1:1)"
same "ingress class" 16777Kbit "$(rate_of dr1 1:1)"
seconds() { # FROM TO ADDRESS PORT BYTES
	local start end
	start=$(date +%s%N)
	same "a limited transfer" "got $5" "$(talk tcp "$1" "$2" 0.0.0.0 "$3" "$4" "$5")"
	end=$(date +%s%N)
	echo $(((end - start) / 1000000))
}
[ "$(seconds A outside $far 7000 2000000)" -gt 1700 ] || bad "SmallEgressLimit: 2 MB at 1 MB/s were too fast"
[ "$(seconds A host 127.0.0.1 8080 2000000)" -gt 1700 ] 2>/dev/null || bad "SmallEgressLimit to the host"
[ "$(seconds outside A $address 31001 3000000)" -gt 1200 ] || bad "SmallIngressLimit: 3 MB at 2 MB/s were too fast"
ctl update A --ports 31000-31499 --egress 0 --ingress 0
same "no limit any more" "" "$(rate_of drshape0 1:1)$(rate_of dr1 1:1)"

# ---- kill -9, and drift --------------------------------------------------------------------

stop_dredged KILL
basics
start_dredged
same "recovered" "A B" "$(ctl list | awk 'NR > 1 {printf "%s%s", sep, $1; sep = " "}')"
same "recovered whole" "" "$(ctl explain A | grep -v '^ok')$(ctl explain host | grep -v '^ok')"
basics
drift() { # TITLE COMMAND...: undone within a second or so
	"${@:2}" || bad "$1: $*"
	wait_for 3 grep -q 'put right' "$work/dredged.err" || bad "$1 was not seen"
	same "$1 is put right" "" "$(ctl explain A | grep -v '^ok')$(ctl explain host | grep -v '^ok')"
	: >"$work/dredged.err"
}
drift "the program of a container" tc -n "$host" filter del dev dr1 ingress
drift "clsact of the public interface" tc -n "$host" qdisc del dev eth0 clsact
drift "clsact of loopback" tc -n "$host" qdisc del dev lo clsact
drift "a sysctl" on host sh -c 'echo 0 >/proc/sys/net/ipv4/conf/lo/accept_local'
drift "the MTU of a container's loopback" ip -n "$tag-A" link set lo mtu 65536
drift "a link that is down" ip -n "$host" link set dr1 down
drift "the container's address" ip -n "$tag-A" addr flush dev eth0
drift "the container's port range" on A sh -c 'echo 32768 60999 >/proc/sys/net/ipv4/ip_local_port_range'
basics

# ---- the host changes (T12) ----------------------------------------------------------------

ip -n "$host" link set eth0 mtu 1400
ip -n "$host" link set eth0 address 02:00:00:00:00:07
ip -n "$host" addr del $address/24 dev eth0
ip -n "$host" addr add 10.99.0.2/24 dev eth0
ip -n "$host" route replace default via $far
address=10.99.0.2
follows() { ip -n "$tag-A" addr show dev eth0 | grep -q 'inet 10.99.0.2/24' &&
	ip -n "$tag-A" link show dev eth0 | grep -q 'mtu 1400' &&
	ip -n "$tag-A" link show dev eth0 | grep -q 02:00:00:00:00:07; }
wait_for 3 follows || bad "the container does not follow address, MAC and MTU of the host (T12)"
same "the old address is gone (T12)" 1 "$(ip -n "$tag-A" -o -4 addr show dev eth0 | wc -l)"
on outside ip neigh flush all
basics

# ---- run, and the end ----------------------------------------------------------------------

refuse "belongs to container A" run --name r --ports 31000-31007 -- true
ctl update A --ports 31008-31499
same "run: a program in its own ports" "30048 30063" \
	"$(ctl run --name r --ports 31000-31007 -- cat /proc/sys/net/ipv4/ip_local_port_range | tr '\t' ' ')"
ctl run --name r -- sh -c 'exit 7'
same "run: the program's status" 7 $?
ctl detach A && ctl detach B || bad "detach"
same "nothing is left" "" "$(ip -n "$host" -o link | grep -o ' dr[0-9]*[:@]')$(ls "$run/netns")"
verdict
