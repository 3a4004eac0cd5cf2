# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2086,SC2154
# For tests beside Mesos' own isolator (src/slave/containerizer/mesos/isolators/network/
# port_mapping.cpp of Mesos): what it makes on a host and for a container, with ip and tc.
source "${BASH_SOURCE[0]%/*}/isolated.bash"
need tc mount
mkdir -p /run/netns /run/mesos/netns

in_host() { tc -n "$host" "$@"; }
redirect=(action mirred egress redirect dev)
ihl=(match u32 0x05000000 0x0f000000 at 0)
icmp=(match u32 0x00010000 0x00ff0000 at 8)
dst() { echo "match ip dst $1"; }
sport() { printf 'match u32 0x%08x 0x%08x at 20' $(($1 << 16)) $((((~($2 - 1)) & 0xffff) << 16)); } # BEGIN SIZE
dport() { printf 'match u32 0x%08x 0x%08x at 20' "$1" $(((~($2 - 1)) & 0xffff)); }
u32() { # DEV PRIORITY MATCH... ACTION...: on the host
	local dev=$1 priority=$2
	# shellcheck disable=SC2068
	in_host filter add dev "$dev" parent ffff: protocol ip prio "$priority" u32 ${@:3} || bad "u32 $*"
}

mesos_host() { # what it prepares
	local mac key
	mac=$(cat_mac host eth0)
	ip -n "$host" link set lo address "$mac" mtu 1500
	in_host qdisc add dev eth0 ingress
	in_host qdisc add dev lo ingress
	for key in lo/route_localnet=1 all/rp_filter=0 lo/rp_filter=0 all/send_redirects=0 \
		lo/send_redirects=0 lo/accept_local=1; do
		on host sh -c "echo ${key#*=} >/proc/sys/net/ipv4/conf/${key%=*}"
	done
}
cat_mac() { ip -n "$tag-$1" -o link show dev "$2" | grep -o 'link/[a-z]* [0-9a-f:]*' | cut -d ' ' -f 2; }

mirrors() { # the shared filters, to all veths that there are
	local veth actions=()
	for veth in "${veths[@]}"; do actions+=(action mirred egress mirror dev "$veth"); done
	in_host filter del dev eth0 parent ffff: prio 258 2>/dev/null
	in_host filter del dev eth0 parent ffff: prio 514 2>/dev/null
	[ ${#veths[@]} -gt 0 ] || return 0
	in_host filter add dev eth0 parent ffff: protocol arp prio 258 u32 match u32 0 0 "${actions[@]}"
	u32 eth0 514 "${icmp[@]}" "$(dst $address)" "${actions[@]}"
}

declare -A pid_of=()
veths=()
mesos_container() { # NAME ID BEGIN/SIZE... EPHEMERAL-BEGIN/SIZE [EGRESS INGRESS]: rates of tc
	local name=$1 id=$2 mac veth pid block begin size blocks=() args=("${@:3}")
	while [[ ${args[0]:-} == */* ]]; do blocks+=("${args[0]}"); args=("${args[@]:1}"); done
	space "$name"
	become "$name" sleep 1000 &
	pid=$!
	pid_of[$name]=$pid
	wait_for 5 test "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)"
	until [ "$(stat -Lc %i "/proc/$pid/ns/net")" = "$(stat -Lc %i "$(netns "$name")")" ]; do sleep 0.05; done
	veth=mesos$pid mac=$(cat_mac host eth0)
	: >"/run/netns/$pid"
	mount --bind "/proc/$pid/ns/net" "/run/netns/$pid"
	ln -s "/var/run/netns/$pid" "/run/mesos/netns/$id"
	ip -n "$host" link add "$veth" address "$mac" type veth peer name eth0 address "$mac" netns "$tag-$name"
	in_host qdisc add dev "$veth" ingress
	for block in "${blocks[@]}"; do
		begin=${block%/*} size=${block#*/}
		u32 "$veth" 771 "${ihl[@]}" "$(sport "$begin" "$size")" "${redirect[@]}" eth0
		u32 "$veth" 770 "${ihl[@]}" "$(dst $address)" "$(sport "$begin" "$size")" "${redirect[@]}" lo
		u32 "$veth" 770 "${ihl[@]}" "$(dst 127.0.0.1)" "$(sport "$begin" "$size")" "${redirect[@]}" lo
		u32 eth0 770 "${ihl[@]}" "match ether dst $mac" "$(dst $address)" "$(dport "$begin" "$size")" \
			"${redirect[@]}" "$veth"
		u32 lo 770 "${ihl[@]}" "$(dport "$begin" "$size")" "${redirect[@]}" "$veth"
	done
	u32 "$veth" 514 "${icmp[@]}" "${redirect[@]}" eth0
	in_host filter add dev "$veth" parent ffff: protocol arp prio 258 u32 match u32 0 0 "${redirect[@]}" eth0
	veths+=("$veth")
	mirrors
	[ "${args[1]:-0}" = 0 ] || htb "$host" "$veth" "${args[1]}"
	ip -n "$host" link set "$veth" up
	mesos_inside "$name" "$mac" "${args[0]:-0}" "${blocks[@]}"
}
id=9b1f6e3c-0000-4000-8000-00000000000
mesos_three() { # a host with M1, M2 and M3, whose ids are $id and a digit
	host_and_outside host outside
	mesos_host
	mesos_container M1 ${id}1 31000/8 31016/4 30016/16 8mbit 16mbit
	mesos_container M2 ${id}2 31100/4 30064/16
	mesos_container M3 ${id}3 40000/8 30128/16 # not in our pool
}
htb() { # NAMESPACE DEV RATE
	tc -n "$1" qdisc add dev "$2" root handle 1: htb default 1
	tc -n "$1" class add dev "$2" parent 1: classid 1:1 htb rate "$3"
}
mesos_inside() { # NAME MAC EGRESS BLOCKS...: the start script
	local block begin size last=${*: -1} in="$tag-$1"
	inner() { # DEV PRIORITY MATCH...
		# shellcheck disable=SC2068
		tc -n "$in" filter add dev "$1" parent ffff: protocol ip prio "$2" u32 ${@:3} || bad "inside: $*"
	}
	on "$1" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6' 2>/dev/null
	ip -n "$in" link set lo address "$2" mtu 1500 up
	ip -n "$in" link set eth0 mtu 1500 up
	ip -n "$in" addr add $address/24 dev eth0
	ip -n "$in" route add default via $far
	on "$1" sh -c "echo ${last%/*} $((${last%/*} + ${last#*/} - 1)) >/proc/sys/net/ipv4/ip_local_port_range
		cd /proc/sys/net/ipv4/conf; echo 1 >eth0/accept_local; echo 1 >lo/accept_local
		echo 1 >lo/route_localnet"
	tc -n "$in" qdisc add dev lo ingress
	tc -n "$in" qdisc add dev eth0 ingress
	inner lo 770 "$(dst $address)" flowid ffff:0 "${redirect[@]}" eth0
	inner lo 770 "$(dst 127.0.0.1)" flowid ffff:0 "${redirect[@]}" eth0
	for block in "${@:4}"; do
		begin=${block%/*} size=${block#*/}
		inner lo 769 "$(dport "$begin" "$size")" flowid ffff:0
		inner eth0 770 "$(dst 127.0.0.1)" "$(dport "$begin" "$size")" flowid ffff:0 "${redirect[@]}" lo
	done
	inner lo 514 "${icmp[@]}" "$(dst $address)" flowid ffff:0
	inner lo 514 "${icmp[@]}" "$(dst 127.0.0.1)" flowid ffff:0
	[ "$3" = 0 ] || htb "$in" eth0 "$3"
}

# Everything that is Mesos' in the kernel, without what only counts or ages.
mesos_dump() {
	local name veth dev
	{
		for veth in "${veths[@]}"; do
			ip -n "$host" -d link show dev "$veth"
			tc -n "$host" qdisc show dev "$veth"; tc -n "$host" class show dev "$veth"
			tc -n "$host" filter show dev "$veth" ingress
		done
		for dev in eth0 lo; do # without ours
			tc -n "$host" filter show dev $dev ingress | grep -v 'bpf'
			ip -n "$host" link show dev $dev | grep -o 'link/.*'
		done
		for name in "${!pid_of[@]}"; do
			ip -n "$tag-$name" -d link; ip -n "$tag-$name" addr; ip -n "$tag-$name" route
			for dev in lo eth0; do
				tc -n "$tag-$name" qdisc show dev $dev; tc -n "$tag-$name" class show dev $dev
				tc -n "$tag-$name" filter show dev $dev ingress
			done
			on "$name" cat /proc/sys/net/ipv4/ip_local_port_range
			on "$name" grep -r . /proc/sys/net/ipv4/conf/eth0 /proc/sys/net/ipv4/conf/lo
		done
		ls -l /run/mesos/netns; ls /run/netns | grep '^[0-9]'; grep ' /run/netns/[0-9]' /proc/self/mountinfo
	} 2>&1 | sed 's/valid_lft.*//; s/ used [0-9]* sec//; s/^filter parent ffff: /filter /'
}
