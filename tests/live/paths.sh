#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every way a packet can take between two containers that share the address of their host, the host
# itself and somebody outside: what must go through does, once, and what must not does not.
# shellcheck disable=SC2154
source "$(dirname "$0")/isolated.bash"
need ping arping
host_and_outside host outside
space A
space B
start_dredged
ctl attach A --netns "$(netns A)" --ports 31000-31499 >/dev/null || bad "attach A"
ctl attach B --netns "$(netns B)" --ports 31500-32000 >/dev/null || bad "attach B"

paths() { # KIND ANY LOOPBACK HOST OUTSIDE SIZE
	local kind=$1 any=$2 lo=$3 at=$4 far=$5 size=$6
	goes "outside to A" "$kind" outside A "$any" "$at" 31001 "$size"
	goes "outside to B" "$kind" outside B "$any" "$at" 31501 "$size"
	goes "outside to the host" "$kind" outside host "$any" "$at" 8080 "$size"
	goes "A to outside" "$kind" A outside "$any" "$far" 7000 "$size"
	goes "A to B over loopback" "$kind" A B "$lo" "$lo" 31501 "$size"
	goes "A to B by the address" "$kind" A B "$at" "$at" 31501 "$size"
	goes "A to the host over loopback" "$kind" A host "$lo" "$lo" 8080 "$size"
	goes "A to the host by its address" "$kind" A host "$at" "$at" 8080 "$size"
	goes "A to itself over loopback" "$kind" A A "$lo" "$lo" 31002 "$size"
	goes "A to itself by the address" "$kind" A A "$at" "$at" 31002 "$size"
	goes_not "outside to a foreign port of A" "$kind" outside A "$any" "$at" 32502 100
}
for kind in tcp udp; do
	for size in 100 1474 4000; do # in fragments: 4000, and 1474, whose last one has 2 bytes
		named "IPv4 $kind $size"
		paths $kind 0.0.0.0 127.0.0.1 $address $far $size
		named "IPv6 $kind $size"
		paths $kind :: ::1 $address6 $far6 $size
	done
done
named
received() { on "$1" ping -c 2 -i 0.2 -W 1 "$2" | grep -o '[0-9]* received.*duplicates\|[0-9]* received'; }
same "ping from outside is answered once" "2 received" "$(received outside $address)"
same "ARP from outside is answered once" 2 "$(on outside arping -c 2 -w 3 -I eth0 $address | grep -c reply)"

refused() { ctl list --json | python3 -c "import json, sys
print(sum(c['refused']['$1'] for c in json.load(sys.stdin)['containers'] if c['id'] == 'A'))"; }
before=$(refused foreign_port)
packets "s = receiver('A', 32502); s.sendto(b'x', (far, 7000))"
same "a packet from a foreign port is counted" $((before + 1)) "$(refused foreign_port)"

# ---- what few packets carry ----------------------------------------------------------------

# Options of four bytes: three times no operation, and the end.
same "IP options, outside to A and back" "there and back" "$(packets "
a, o = receiver('A', 31001), receiver('outside', 7000)
for s in a, o: s.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, b'\1\1\1\0'), s.settimeout(1)
o.sendto(b'there', (host, 31001))
data, peer = a.recvfrom(100)
a.sendto(data + b' and back', peer)
print(o.recv(100).decode())")"

# A router says that what A sent is too large for it. B and the host have such a socket too.
same "path MTU of A, B and the host" "1000 none none" "$(packets "
import re, subprocess, time
held = [receiver(name, 31001) for name in ('A', 'B', 'host')]
for s in held: s.connect((far, 7000))
quoted = ip(host, far, 17, udp(31001, 7000, b'x' * 1400))
wire('outside').send(frame(mac_of('host'), mac_of('outside'),
    ip(far, host, 1, icmp(3, 4, struct.pack('!HH', 0, 1000), quoted[:28]))))
def mtu(name):
    said = subprocess.run(['ip', '-n', talk.tag + '-' + name, 'route', 'get', far], capture_output=True, text=True).stdout
    return (re.findall(r'mtu (\d+)', said) or ['none'])[0]
time.sleep(0.1)
print(mtu('A'), mtu('B'), mtu('host'))")"

# ---- packets by hand: who gets them --------------------------------------------------------

# by: sends a frame with that word in it and prints who gets it, once for each time.
by_hand="
ends = {name: wire(name) for name in ('outside', 'A', 'B')}
ends['host'] = receiver('host', 31001)
ends['host by GRE'] = sock('host', socket.AF_INET, socket.SOCK_RAW, 47)
# Without these there would be ICMP errors that quote it.
taken = receiver('A', 31001), receiver('outside', 7000), sock('outside', socket.AF_INET, socket.SOCK_RAW, 47)
am, hm, everybody, group = mac_of('outside'), mac_of('host'), b'\xff' * 6, mac('01:00:5e:00:00:01')
def by(name, word, make, **how):
    ends[name].send(make(word.encode(), **how))
    print(word + ':', *seen_by(ends, word.encode()), end='; ')
def inward(word, to=host, protocol=17, at=hm): # to a port of A
    return frame(at, am, ip(far, to, protocol, udp(7000, 31001, word)))
def outward(word, to=far, protocol=17, at=am, source=hm, sender=host): # from a port of A
    return frame(at, source, ip(sender, to, protocol, udp(31001, 7000, word)))
def tagged(word, of): # VLAN 100
    f = of(word)
    return f[:12] + b'\x81\0\0\x64' + f[12:]
def ipx(word): return frame(am, hm, word, 0x8137)
def error(word, port, to=host, fragment=0): # what outside sent to that port was too large
    return frame(am, hm, ip(host, far, 1, icmp(3, 4, struct.pack('!HH', 0, 600),
        ip(far, to, 6, struct.pack('!HHII', 7000, port, 1, 0) + word, 1, fragment))))
"
same "packets from outside" "port: A; address:; GRE: host by GRE; VLAN:; multicast: host; broadcast: host; " "$(packets "$by_hand
by('outside', 'port', inward)
by('outside', 'address', inward, to='10.99.0.9')
by('outside', 'GRE', inward, protocol=47)
by('outside', 'VLAN', tagged, of=inward)
by('outside', 'multicast', inward, to='224.0.0.1', at=group)
by('outside', 'broadcast', inward, to='255.255.255.255', at=everybody)")"
foreign=$(refused foreign_port) other=$(refused other)
same "packets from A" "port: outside; GRE: outside; multicast: outside; own error: outside; error:; error of a fragment:; error of an address:; VLAN:; IPX:; " "$(packets "$by_hand
by('A', 'port', outward)
by('A', 'GRE', outward, protocol=47)
by('A', 'multicast', outward, to='224.0.0.1', at=group)
by('A', 'own error', error, port=31001)
by('A', 'error', error, port=31501)
by('A', 'error of a fragment', error, port=31501, fragment=1)
by('A', 'error of an address', error, port=31001, to='10.99.0.9')
by('A', 'VLAN', tagged, of=outward)
by('A', 'IPX', ipx)")"
same "errors about others' connections are counted" $((foreign + 3)) "$(refused foreign_port)"
same "a tagged frame and IPX are counted" $((other + 2)) "$(refused other)"
verdict
