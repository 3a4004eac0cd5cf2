#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Somebody deletes or alters what dredged planned, each kind of thing one at a time, on the host and
# in the container: it is seen within a second or so, told of by its name, and put right.
# shellcheck disable=SC2016,SC2154
source "$(dirname "$0")/isolated.bash"
host_and_outside host outside
space A
space B
link_local=$(ip -n "$host" -6 -o addr show dev eth0 scope link | awk '{print $4}')
ip -n "$host" addr del "$link_local" dev eth0
start_dredged --no-host-network
ctl attach A --netns "$(netns A)" --ports 31000-31499 --egress 1MB --ingress 2MB || die "attach A"
ctl attach B --netns "$(netns B)" --ports 31500-32000 || die "attach B"

# An address that the host gets after a second or two, as it does when it comes up, is no drift.
ip -n "$host" addr add "$link_local" dev eth0
wait_for 5 grep -q "host has now link-local address $link_local" "$work/dredged.err" ||
	bad "the host's new address is not told of"
sleep 2.5
! grep 'put right' "$work/dredged.err" || bad "something drifted while nobody touched it"

whole() { ! { ctl explain A; ctl explain B; ctl explain host; } | grep -v '^ok'; }
drift() { # THING COMMAND...: what is told, and what was done
	cat "$work/dredged.err" >>"$work/told"
	if grep -qF "$1" "$work/told"; then # it is told of again after 10 s only
		stop_dredged
		start_dredged --no-host-network
		rm "$work/told"
	fi
	: >"$work/dredged.err"
	"${@:2}" || bad "$1: $*"
	wait_for 5 grep -qF "$1" "$work/dredged.err" || bad "$1 was not seen after: ${*:2}"
	grep -F "$1" "$work/dredged.err" | grep 'put right' >/dev/null || bad "$1 is not put right after: ${*:2}"
	wait_for 5 whole || bad "after ${*:2}: $(ctl explain A | grep -v '^ok') $(ctl explain host | grep -v '^ok')"
	seen=$((seen + 1))
}
seen=0
h() { tc -n "$host" "$@"; }
i() { tc -n "$tag-A" "$@"; }
set_to() { on "$1" sh -c "echo $3 >/proc/sys/net/$2"; } # SPACE NAME VALUE

# ---- links ---------------------------------------------------------------------------------

drift "veth pair dr1" ip -n "$host" link del dr1
drift "veth pair dr1" ip -n "$tag-A" link del eth0
drift "veth pair drshape0" ip -n "$host" link del drshape0
for link in dr1 lo drshape0 drshape1; do
	drift "host: link up $link" ip -n "$host" link set $link mtu 1400
done
for link in dr1 drshape0 drshape1; do
	drift "host: link up $link" ip -n "$host" link set $link down
done
for link in eth0 lo; do
	drift "container: link up $link" ip -n "$tag-A" link set $link mtu 1400
	drift "container: link up $link" ip -n "$tag-A" link set $link down
done
drift "host: link up dr1" ip -n "$host" link set dr1 address 02:00:00:00:00:99
drift "container: link up eth0" ip -n "$tag-A" link set eth0 address 02:00:00:00:00:99

# ---- addresses, routes, sysctls ------------------------------------------------------------

drift "the host's address on eth0" ip -n "$tag-A" addr add 10.99.0.77/24 dev eth0
drift "the host's address on eth0" ip -n "$tag-A" -4 addr flush dev eth0
drift "the host's address on eth0 (IPv6)" ip -n "$tag-A" -6 addr del $address6/64 dev eth0
drift "default route through eth0" ip -n "$tag-A" route del default
drift "default route through eth0" ip -n "$tag-A" route replace default via 10.99.0.7 onlink dev eth0
drift "default route through eth0 (IPv6)" ip -n "$tag-A" -6 route del default
for name in accept_local route_localnet; do
	drift "host: sysctl ipv4/conf/lo/$name" set_to host ipv4/conf/lo/$name 0
	drift "container: sysctl ipv4/conf/lo/$name" set_to A ipv4/conf/lo/$name 0
done
drift "sysctl ipv4/conf/eth0/accept_local" set_to A ipv4/conf/eth0/accept_local 0
drift "sysctl ipv4/ip_local_port_range" set_to A ipv4/ip_local_port_range '32768 60999'
for link in all lo eth0; do
	drift "sysctl ipv6/conf/$link/disable_ipv6" set_to A ipv6/conf/$link/disable_ipv6 1
done
drift "sysctl ipv6/conf/eth0/accept_ra" set_to A ipv6/conf/eth0/accept_ra 1
drift "sysctl ipv6/conf/eth0/addr_gen_mode" set_to A ipv6/conf/eth0/addr_gen_mode 0
drift "sysctl ipv6/conf/dr1/disable_ipv6" set_to host ipv6/conf/dr1/disable_ipv6 0
drift "sysctl ipv6/conf/drshape1/disable_ipv6" set_to host ipv6/conf/drshape1/disable_ipv6 0

# Who is root in a container may call its interface otherwise, and another one by its name.
rename_to() { # OLD NEW: with nobody in between
	kill -STOP "$dredged"
	ip -n "$tag-A" link set "$1" down && ip -n "$tag-A" link set "$1" name "$2"
	local failed=$?
	kill -CONT "$dredged"
	return $failed
}
drift "container: link up eth0" rename_to eth0 other
ip -n "$tag-A" link add eth0 type veth peer name end
drift "container: link up eth0" ip -n "$tag-A" link set other mtu 1400
drift "the host's address on eth0" ip -n "$tag-A" -4 addr flush dev other
drift "default route through eth0" ip -n "$tag-A" route replace default via 10.99.0.7 onlink dev other
drift "sysctl ipv6/conf/eth0/accept_ra" set_to A ipv6/conf/other/accept_ra 1
drift "container: program on eth0" i filter del dev other ingress
ctl update A --ports 31000-31499 --egress 1MB --ingress 2MB >/dev/null || bad "update with an interface called otherwise"
same "the other interface" 'DOWN ' "$(ip -n "$tag-A" -br addr show dev eth0 | awk '{print $2, $3}')"
ip -n "$tag-A" link del eth0
drift "container: link up eth0" rename_to other eth0

# ---- programs ------------------------------------------------------------------------------

for link in eth0:clsact lo:clsact dr1:ingress drshape1:ingress; do
	hook=${link#*:} link=${link%:*}
	drift "host: $hook on $link" h qdisc del dev $link $hook
	drift "host: program on $link" h filter del dev $link ingress
	drift "host: program on $link" h filter del dev $link ingress prio 200 handle 1 bpf
done
for link in eth0 lo; do
	drift "container: ingress on $link" i qdisc del dev $link ingress
	drift "container: program on $link" i filter del dev $link ingress
done
h filter add dev dr1 ingress prio 1 protocol ip u32 match u32 0 0 flowid 1:1
wait_for 5 grep -q 'nothing in front on dr1.*left alone' "$work/dredged.err" || bad "a filter in front was not seen"
h filter del dev dr1 ingress prio 1
drift "program on dr1" h filter replace dev dr1 ingress prio 200 protocol all handle 1 bpf bytecode '1,6 0 0 0' flowid 1:1

# ---- shaping -------------------------------------------------------------------------------

drift "htb on dr1" h qdisc del dev dr1 root
drift "htb on drshape0" h qdisc del dev drshape0 root
tbf() { # with nobody in between
	kill -STOP "$dredged"
	h qdisc del dev dr1 root && h qdisc add dev dr1 root handle 1: tbf rate 1mbit burst 10k latency 10ms
	local failed=$?
	kill -CONT "$dredged"
	return $failed
}
drift "htb on dr1" tbf
drift "htb on drshape0" h qdisc replace dev drshape0 root handle 7: pfifo
for link in dr1 drshape0; do
	drift "host: class on $link" h class change dev $link parent 1: classid 1:1 htb rate 5mbit
	drift "queue of the class on $link" h qdisc del dev $link parent 1:1
	drift "queue of the class on $link" h qdisc replace dev $link parent 1:1 tbf rate 1mbit burst 10k latency 10ms
	drift "host: class on $link" h class del dev $link classid 1:1
done
drift "no htb on dr2" h qdisc add dev dr2 root handle 1: htb
drift "no class on drshape0 1:2" h class add dev drshape0 parent 1: classid 1:2 htb rate 5mbit

# ---- the port table ------------------------------------------------------------------------

alter() { table flip "$(map_id "$1")" "$2" "$3"; } # MAP KEY BYTE
drift "the host in the port table" alter dp_host 0 12
drift "the container in the port table" alter dp_containers 1 8
drift "its ports in the port table" alter dp_owners 31007 0
drift "its ports in the port table" alter dp_owners 30017 0

goes "outside to A" tcp outside A 0.0.0.0 $address 31001 10000
goes "A to B" tcp A B 0.0.0.0 $address 31501 10000
echo "$seen things deleted or altered"
verdict
