#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# IPv6 by the same port table: what goes through, what a container must not say to its neighbours,
# and the host's address that comes and goes.
# shellcheck disable=SC2154
source "$(dirname "$0")/isolated.bash"
need ping
host_and_outside host outside
space A
space B
start_dredged --no-host-network
ctl attach A --netns "$(netns A)" --ports 31000-31499 || bad "attach A"
ctl attach B --netns "$(netns B)" --ports 31500-32000 --egress 50MB || bad "attach B"
link_local=$(ip -n "$host" -6 -o addr show dev eth0 scope link | awk '{print $4}')
has_address() { ip -n "$tag-$1" -6 -o addr show dev eth0 | grep -q " ${2%/*}/"; }
wait_for 5 has_address A "$link_local" || bad "A has no link-local address as the host's"

goes "outside to A" tcp outside A :: $address6 31001 100000
goes "outside to B" tcp outside B :: $address6 31501 100000
goes "outside to the host" tcp outside host :: $address6 8080 100000
goes "A to outside" tcp A outside :: $far6 7000 100000
goes "B to outside, limited" tcp B outside :: $far6 7000 100000
goes "A to the host by ::1" tcp A host ::1 ::1 8080 100000
goes "A to the host by its address" tcp A host :: $address6 8080 100000
goes "the host to A by its address" tcp host A :: $address6 31001 100000
goes "the host to A by ::1" tcp host A ::1 ::1 31001 100000
goes "B to A by the address" tcp B A :: $address6 31001 100000
goes "B to A by ::1" tcp B A ::1 ::1 31001 100000
goes "A to itself by ::1" tcp A A ::1 ::1 31002 100000
goes "A to its own listener on a foreign port" tcp A A :: $address6 32502 100000
goes_not "outside to a foreign port of A" tcp outside A :: $address6 32502 100
for size in 100 4000; do # 4000: in fragments
	goes "outside to A, UDP $size" udp outside A $address6 $address6 31001 $size
	goes "A to outside, UDP $size" udp A outside :: $far6 7000 $size
	goes "B to outside, UDP $size, limited" udp B outside :: $far6 7000 $size
	goes "B to A, UDP $size" udp B A ::1 ::1 31001 $size
	goes "the host to A, UDP $size" udp host A $address6 $address6 31001 $size
	goes "A to the host, UDP $size" udp A host $address6 $address6 8080 $size
	goes "outside to the host, UDP $size" udp outside host $address6 $address6 8080 $size
done
received() { on "$1" ping -c 2 -i 0.2 -W 1 "$2" | grep -o '[0-9]* received.*duplicates\|[0-9]* received'; }
same "ping from A to outside" "2 received" "$(received A $far6)"
same "ping from A to itself" "2 received" "$(received A ::1)"
same "ping from outside is answered once" "2 received" "$(received outside $address6)"

# ---- by hand -------------------------------------------------------------------------------

cat >"$work/by_hand.py" <<'EOF'
import ipaddress, socket, struct
def a6(text):
    return ipaddress.IPv6Address(text).packed
def ip6(source, to, next_header, payload, hops=255):
    return struct.pack("!IHBB", 6 << 28, len(payload), next_header, hops) + a6(source) + a6(to) + payload
def icmp6(source, to, kind, body, code=0):
    data = struct.pack("!BBH", kind, code, 0) + body
    pseudo = a6(source) + a6(to) + struct.pack("!II", len(data), 58)
    return ip6(source, to, 58, data[:2] + struct.pack("!H", checksum(pseudo + data)) + data[4:])
def udp6(source, to, sport, dport, data):
    head = struct.pack("!HHHH", sport, dport, 8 + len(data), 0)
    pseudo = a6(source) + a6(to) + struct.pack("!II", len(head + data), 17)
    return head[:6] + struct.pack("!H", checksum(pseudo + head + data) or 0xffff) + data
EOF
by_hand() { # python
	packets "address6, far6, link_local = '$address6', '$far6', '${link_local%/*}'
$(cat "$work/by_hand.py")
own = mac_of('A')
ends = {'outside': wire('outside')}
def says(packet, word, to=mac_of('outside')):
    # what A sends as it likes, and who outside hears it
    wire('A').send(frame(to, own, packet, 0x86dd))
    return ' '.join(set(seen_by(ends, word))) or 'nobody' # once more where it is refused
$1"
}
solicit() { # TARGET SOURCE MAC: a neighbour solicitation by A
	by_hand "word = a6('$1')
print(says(icmp6('$2', '$far6', 135, bytes(4) + word + b'\\1\\1' + $3), word))"
}
same "a solicitation goes out" outside "$(solicit fd00:99::77 $address6 own)"
same "not with a foreign source" nobody "$(solicit fd00:99::78 fd00:99::5 own)"
same "not with a foreign Ethernet address" nobody "$(solicit fd00:99::79 $address6 'bytes(6)')"
advert() { # TARGET KIND
	by_hand "word = a6('$1')
print(says(icmp6(address6, far6, $2, struct.pack('!I', 0x20000000) + word + b'\\2\\1' + own), word))"
}
same "an advertisement of the host's address goes out" outside "$(advert $address6 136)"
same "one of a foreign address does not" nobody "$(advert fd00:99::fe 136)"
same "nor a router's" nobody "$(advert $address6 134)"
same "nor a redirect" nobody "$(advert $address6 137)"
same "an option behind the first is not let through" nobody "$(by_hand "
word = a6('fd00:99::7a')
print(says(icmp6(address6, far6, 135, bytes(4) + word + b'\\1\\1' + own + b'\\1\\1' + bytes(6)), word))")"
same "nor one behind an extension header" nobody "$(by_hand "
word = a6('fd00:99::7b')
inner = icmp6(address6, far6, 135, bytes(4) + word + b'\\1\\1' + own)[40:]
print(says(ip6(address6, far6, 60, struct.pack('!BB', 58, 0) + bytes(6) + inner), word))")"
datagram() { # SOURCE PORT
	by_hand "print(says(ip6('$1', far6, 17, udp6('$1', far6, $2, 7000, b'fingerprint')), b'fingerprint'))"
}
same "a datagram from an own port" outside "$(datagram $address6 31001)"
same "from a foreign port" nobody "$(datagram $address6 32502)"
behind_headers() { # NUMBER PORT: a datagram behind so many extension headers
	by_hand "
n, inner = $1, udp6(address6, far6, $2, 7000, b'fingerprint')
heads = b''.join(struct.pack('!BB', 60 if i + 1 < n else 17, 0) + b'\\1\\4' + bytes(4) for i in range(n))
print(says(ip6(address6, far6, 60, heads + inner), b'fingerprint'))"
}
same "behind six extension headers" outside "$(behind_headers 6 31001)"
same "behind six from a foreign port" nobody "$(behind_headers 6 32502)"
same "behind seven from a foreign port" nobody "$(behind_headers 7 32502)"
same "the second fragment of what has a header behind the fragment's" outside "$(by_hand "
def fragment(offset, more, next_header, data):
    return frame(mac_of('outside'), own, ip6(address6, far6, 44,
        struct.pack('!BBHI', next_header, 0, offset * 8 | more, 7) + data), 0x86dd)
word, head = b'fingerprint', struct.pack('!BB', 17, 0) + b'\\1\\4' + bytes(4)
whole = head + udp6(address6, far6, 31001, 7000, bytes(8) + word)
for part in fragment(0, 1, 60, whole[:24]), fragment(3, 0, 60, whole[24:]):
    wire('A').send(part)
print(*set(seen_by(ends, word)))")"
same "from a foreign address" nobody "$(datagram fd00:99::5 31001)"
same "from no address" nobody "$(datagram :: 31001)"

arrives() { # python for the packet and the word: who of A, B and the host gets it from outside
	packets "address6, far6 = '$address6', '$far6'
$(cat "$work/by_hand.py")
$1
ends = {name: wire(name) for name in ('A', 'B')}
wire('outside').send(frame(mac_of('host'), mac_of('outside'), packet, 0x86dd))
print(*sorted(set(seen_by(ends, word))))"
}
same "behind a hop-by-hop header" A "$(arrives "word = b'fingerprint'
packet = ip6(far6, address6, 0, struct.pack('!BB', 17, 0) + bytes(6) + udp6(far6, address6, 7000, 31001, word))")"
same "'too big' reaches who sent the packet, and nobody else" B "$(arrives "word = b'fingerprint'
sent = ip6(address6, far6, 17, udp6(address6, far6, 31501, 7000, word))
packet = icmp6(far6, address6, 2, struct.pack('!I', 1280) + sent)")"
same "a later fragment without its first reaches nobody" "" "$(arrives "word = b'fingerprint'
packet = ip6(far6, address6, 44, struct.pack('!BBHI', 17, 0, 8, 77) + struct.pack('!HH', 7000, 31001) + word)")"
same "headers without end reach nobody" "" "$(arrives "word = b'fingerprint'
packet = ip6(far6, address6, 60, (struct.pack('!BB', 60, 0) + bytes(6)) * 30 + word)")"

# ---- the host's address comes and goes -----------------------------------------------------

ip -n "$host" addr del $address6/64 dev eth0
off() { [ -z "$(ip -n "$tag-A" -6 -o addr)" ]; }
wait_for 5 off || bad "IPv6 is not off in A when the host has no address"
goes "IPv4 goes on" tcp outside A 0.0.0.0 $address 31001 1000
address6=fd00:99::2
ip -n "$host" addr add $address6/64 dev eth0 nodad
ip -n "$host" -6 route replace default via $far6
wait_for 5 has_address A $address6 || bad "A does not get the host's new address"
goes "outside to A by the new address" tcp outside A :: $address6 31001 1000
goes "A to outside from the new address" tcp A outside :: $far6 7000 1000
has_route() { ip -n "$tag-A" -6 route | grep -q "default via $far6"; }
wait_for 5 has_route || bad "A does not get the host's default route"

stop_dredged
start_dredged --no-host-network --ipv6=false
wait_for 5 off || bad "--ipv6=false leaves IPv6 on in A"
verdict
