#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# dredge-cni with the environment and the standard input that Mesos' network/cni isolator gives to a
# plugin, then as other runtimes call it: every command and version, twice over, wrong requests,
# traffic, and nothing left at the end. The host's interface is not called eth0, as Mesos takes it to be.
# shellcheck disable=SC2154
source "$(dirname "$0")/isolated.bash"
need dredge-cni unshare
mesos_root=$work/isolators/network/cni
pod() {
	CONTAINERS_CONF=$work/containers.conf nsenter --net="/run/netns/$host" podman --root "$work/root" \
		--runroot "$work/runroot" --tmpdir "$work/tmp" --storage-driver vfs \
		--cgroup-manager cgroupfs --events-backend none --runtime runc "$@"
}

host_and_outside host outside ens3
mac=$(ip -n "$host" -o link show ens3 | sed -n 's/.*ether \([^ ]*\).*/\1/p')
start_dredged --no-host-network

# ---- the runtime's side --------------------------------------------------------------------

mkdir "$work/plugins"
ln -s "$(command -v dredge-cni)" "$work/plugins/dredge-cni"
container() { # ID: a namespace, held as Mesos holds it
	mkdir -p "$mesos_root/$1"
	touch "$mesos_root/$1/ns"
	unshare --net="$mesos_root/$1/ns" true || die "no namespace for $1"
}
plugin() { # COMMAND ID NETNS STDIN [VARIABLE=VALUE...]: its answer in $out and its end in $status
	local netns=()
	[ -z "$3" ] || netns=("CNI_NETNS=$3")
	out=$(env -i CNI_COMMAND="$1" CNI_CONTAINERID="$2" CNI_PATH="$work/plugins" CNI_IFNAME=eth0 \
		"${netns[@]}" PATH="$PATH" "${@:5}" "$work/plugins/dredge-cni" <<<"$4" 2>"$work/plugin.err")
	status=$?
	[ ! -s "$work/plugin.err" ] || bad "$1 $2 wrote on stderr: $(cat "$work/plugin.err")"
}
get() { python3 -c "import json, sys; d = json.load(sys.stdin); print($1)" <<<"${2-$out}"; }
good() { # TITLE OUTPUT
	same "$1: status" 0 $status
	same "$1" "$2" "$out"
}
fails() { # TITLE CODE WHY
	same "$1: status" 1 $status
	same "$1: code" "$2" "$(get "d['code']")"
	[[ $(get "d['msg'], d.get('details', '')") == *"$3"* ]] || bad "$1: '$out' does not say '$3'"
}
# What an operator writes, with what Mesos adds to it.
mesos_network() { # NETWORK-INFO [KEYS]
	printf '{"name":"ports","type":"dredge-cni","socket":"%s"%s,"args":{"org.apache.mesos":{"network_info":{"name":"ports"%s}}}}' \
		"$run/control" "${2-}" "$1"
}
mapping() { # PORT [PROTOCOL]
	printf '{"host_port":%s,"container_port":%s,"protocol":"%s"}' "$1" "$1" "${2:-tcp}"
}
label() { printf '{"key":"%s","value":"%s"}' "$1" "$2"; }
listed() { ctl list --json | python3 -c "import json, sys
for c in json.load(sys.stdin)['containers']:
    print(c['id'], c['ports'], *[c[k] and c[k]['rate'] for k in ('egress', 'ingress')])"; }

cat >"$work/listen.py" <<'PY'
import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("0.0.0.0", int(sys.argv[1])))
s.listen(1)
print("listening", flush=True)
c, peer = s.accept()
c.sendall(c.recv(100))
PY
reach() { # NETNS PORT: what somebody outside hears from a server in the container
	local listener
	: >"$work/listener" # here: the shell in the background may be late
	nsenter --net="$1" python3 "$work/listen.py" "$2" >"$work/listener" 2>&1 &
	listener=$!
	wait_for 3 grep -q listening "$work/listener" || cat "$work/listener"
	timeout 3 ip netns exec "$tag-outside" python3 -c "
import socket
s = socket.create_connection(('$address', $2), 2)
s.sendall(b'hello')
print(s.recv(100).decode())" 2>/dev/null
	kill "$listener" 2>/dev/null
	wait "$listener" 2>/dev/null
}

# ---- Mesos ---------------------------------------------------------------------------------

old_result='{"ip4":{"ip":"10.99.0.1/24","gateway":"10.99.0.254","routes":[{"dst":"0.0.0.0/0","gw":"10.99.0.254"}]},'
old_result+='"ip6":{"ip":"fd00:99::1/64","gateway":"fd00:99::fe","routes":[{"dst":"::/0","gw":"fd00:99::fe"}]}}'
a=4b2f7f2e-0d0f-4c44-9d5f-3f2a5fb1f001 nested=$a.0d9c5b34-7a43-4f7b-b6a2-6a4e7c7e7f02
container $a
container $nested
ns_a=$mesos_root/$a/ns ns_nested=$mesos_root/$nested/ns
net_a=$(mesos_network ",\"port_mappings\":[$(mapping 31001),$(mapping 31001 udp),$(mapping 31005 TCP)]" ',"egress":"10MB","ingress":2097152')
net_nested=$(mesos_network ",\"labels\":{\"labels\":[{\"key\":\"team\"},$(label dredge.ports 31100-31103),$(label dredge.egress 4MB)]}" ',"ports":"31110","egress":"10MB"')
plugin ADD $a "$ns_a" "$net_a"
good "ADD" "$old_result"
plugin ADD $nested "$ns_nested" "$net_nested"
good "ADD of a nested container" "$old_result"
same "ports and rates" "$a 31001,31005 10485760 2097152
$nested 31100-31103,31110 4194304 None" "$(listed)"
same "traffic to its port" hello "$(reach "$ns_a" 31001)"
same "traffic to the nested container" hello "$(reach "$ns_nested" 31102)"
same "no traffic to another's port" '' "$(reach "$ns_a" 31102)"
listed >"$work/before"
plugin ADD $a "$ns_a" "$net_a"
good "ADD again" "$old_result"
plugin ADD $a "$ns_a" "$net_a" http_proxy=http://127.0.0.1:9 ALL_PROXY=socks5://127.0.0.1:9
good "ADD in an environment with a proxy" "$old_result"
kill -9 "$dredged"
wait "$dredged" 2>/dev/null
plugin ADD $nested "$ns_nested" "$net_nested"
fails "ADD without dredged" 11 "is dredged running?"
plugin DEL $nested "$ns_nested" "$net_nested"
fails "DEL without dredged" 11 "is dredged running?"
start_dredged --no-host-network
plugin ADD $nested "$ns_nested" "$net_nested"
good "ADD again after a crash" "$old_result"
same "nothing changed" "$(cat "$work/before")" "$(listed)"

plugin DEL $a "$ns_a" "$net_a"
runtimes=()
for n in {1..6}; do # several at once, of which one is the first
	(plugin ADD $a "$ns_a" "$net_a"; echo "$status $out" >"$work/add.$n") &
	runtimes+=($!)
done
wait "${runtimes[@]}"
same "ADDs at the same time" "0 $old_result" "$(sort -u "$work"/add.*)"

# ---- what is refused -----------------------------------------------------------------------

b=9d1c33a5-55aa-4a38-b0fd-6b7c1ff2aa03
container $b
ns_b=$mesos_root/$b/ns
add() { plugin ADD $b "$ns_b" "$@"; }
mappings() { mesos_network ",\"port_mappings\":[$1]"; }
labels() { mesos_network ",\"labels\":{\"labels\":[$1]}" "${2-}"; }
plugin ADD $a "$ns_a" "$(mappings "$(mapping 31009)")"
fails "ADD with other ports" 102 "with other ports"
plugin ADD $a "$ns_b" "$net_a"
fails "ADD with another namespace" 102 "another network namespace"
plugin ADD $a "$ns_a" "${net_a/10MB/9MB}"
fails "ADD with another rate" 102 "egress rate is 10485760"
add "$(mappings '{"host_port":31200,"container_port":80}')"
fails "translation of ports" 7 "host port 31200 and container port 80"
add "$(mappings '{"container_port":80}')"
fails "a mapping without a host port" 7 "host_port"
add "$(mappings "$(mapping 31200 sctp)")"
fails "a protocol" 7 "tcp or udp"
add "$(mappings "$(mapping 80)")"
fails "a port that is not managed" 100 "not all of the ports are managed"
add "$(mappings "$(mapping 31001)")"
fails "a port of another container" 100 "belongs to container $a"
add "$(labels "$(label dredge.ports 31000-)")"
fails "a list of ports" 7 "dredge.ports"
add "$(labels "$(label dredge.port 31300)")"
fails "a label that is unknown" 7 "dredge.port"
add "$(labels "$(label dredge.egress 11MB)" ',"egress":"10MB"')"
fails "a label beyond the network's rate" 7 "at most"
add "$(labels "$(label dredge.ingress 0)" ',"ingress":"10MB"')"
fails "a label without limit" 7 "at most"
add "$(mesos_network '' ',"egress":"10 MB"')"
fails "a size" 7 "egress"
add "$(mesos_network '' ',"egress":-1')"
fails "a negative size" 7 "egress"
add "$(mesos_network '' ',"prevResult":{}')"
fails "a second place in a list" 7 "first plugin"
add "$(mesos_network '' ',"cniVersion":"0.9.0"')"
fails "a version" 1 "supported: 0.1.0"
add "$(mesos_network '' ',"cniVersion":1')"
fails "a version that is a number" 7 cniVersion
add '{"socket":"/nosuch/control"}'
fails "no socket" 11 "is dredged running?"
add '{"socket":"control"}'
fails "a relative socket" 7 socket
add '{"name":"x",'
fails "half of a configuration" 6 "no valid JSON"
add '{"name":"x","name":"y"}'
fails "a key twice" 6 "duplicate"
add '[]'
fails "a list" 6 "no JSON object"
add ''
fails "no configuration" 6 "no valid JSON"
add "$(printf '{"name":"%*s"}' 1048576 x)"
fails "a configuration beyond 1 MiB" 6 "longer than 1 MiB"
plugin ADD $b '' "$net_a"
fails "no namespace" 4 CNI_NETNS
plugin ADD $b /nosuch "$(mesos_network '')"
fails "a namespace that does not exist" 4 "No such file"
plugin ADD $b /proc/self/ns/net "$(mesos_network '')"
fails "a namespace by a path that is each one's own" 4 CNI_NETNS
plugin ADD $b /etc/passwd "$(mesos_network '')"
fails "no network namespace" 100 "is no network namespace"
plugin ADD $b "/run/netns/$host" "$(mesos_network '')"
fails "the host's namespace" 100 "the host's own"
plugin ADD '../x' "$ns_b" "$net_a"
fails "an id" 4 CNI_CONTAINERID
plugin ADD '' "$ns_b" "$net_a"
fails "no id" 4 CNI_CONTAINERID
plugin ADD "$(printf '%0200d' 7)" "$ns_b" "$(mesos_network '')"
fails "a long id" 100 "container id"
add "$net_a" CNI_IFNAME=a/b
fails "an interface" 4 CNI_IFNAME
add "$net_a" CNI_IFNAME=
fails "no interface" 4 CNI_IFNAME
add "$net_a" CNI_COMMAND=add
fails "a command" 4 CNI_COMMAND
add "$net_a" CNI_COMMAND=
fails "no command" 4 CNI_COMMAND
same "no refusal changed anything" "$(cat "$work/before")" "$(listed)"
dredge-cni ADD </dev/null 2>/dev/null
same "an argument" 2 $?

# ---- DEL -----------------------------------------------------------------------------------

plugin DEL $nested "$ns_nested" "$net_nested"
good "DEL" ''
plugin DEL $nested "$ns_nested" "$net_nested"
good "DEL again" ''
plugin ADD $nested "$ns_nested" "$net_nested"
good "ADD of a namespace that was let go" "$old_result"
umount "$ns_nested"
plugin DEL $nested '' "$net_nested" # after a reboot (MESOS-9518)
good "DEL without a namespace" ''
plugin DEL $a /nosuch "$(mappings '{"host_port":31200,"container_port":80}')"
good "DEL with a namespace that is gone, and what ADD would refuse" ''
plugin DEL $b "$ns_b" "$(mesos_network '')"
good "DEL of a container that never was" ''
same "all were let go" '' "$(listed)"

# ---- versions and other runtimes -----------------------------------------------------------

versions='0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0'
plugin VERSION '' '' ''
good "VERSION" "{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"${versions// /\",\"}\"]}"
network() { # VERSION KEYS
	printf '{"cniVersion":"%s","name":"ports","type":"dredge-cni","socket":"%s"%s}' "$1" "$run/control" "$2"
}
keys=',"runtimeConfig":{"portMappings":[{"hostPort":31001,"containerPort":31001,"protocol":"udp","hostIP":""}]}'
for version in $versions; do
	plugin VERSION '' '' "{\"cniVersion\":\"$version\"}"
	same "VERSION $version" "$version" "$(get "d['cniVersion']")"
	plugin ADD $b "$ns_b" "$(network $version "$keys")"
	same "ADD $version: status" 0 $status
	result=$out
	same "ADD $version: version" $version "$(get "d['cniVersion']")"
	case $version in
	0.[12].0) same "ADD $version" "10.99.0.1/24 10.99.0.254" "$(get "d['ip4']['ip'], d['ip4']['gateway']" | tr -d "(',)")" ;;
	*)
		same "ADD $version: the container's interface, by its real name" \
			"{'name': 'ens3', 'mac': '$mac', 'sandbox': '$ns_b'}" "$(get "d['interfaces'][1]")"
		same "ADD $version: the host's end" "{'name': 'dr1'}" "$(get "d['interfaces'][0]")"
		same "ADD $version: address" "10.99.0.1/24 10.99.0.254 1" "$(get "' '.join(str(d['ips'][0][k]) for k in ('address', 'gateway', 'interface'))")"
		same "ADD $version: IPv6 address" "fd00:99::1/64 fd00:99::fe 1" "$(get "' '.join(str(d['ips'][1][k]) for k in ('address', 'gateway', 'interface'))")"
		same "ADD $version: families" "$([[ $version = 1.* ]] && echo 'None None' || echo '4 6')" "$(get "*[ip.get('version') for ip in d['ips']]")"
		same "ADD $version: routes" "0.0.0.0/0 10.99.0.254 ::/0 fd00:99::fe" "$(get "*[r[k] for r in d['routes'] for k in ('dst', 'gw')]")"
		;;
	esac
	same "what it says is so" "$mac" "$(nsenter --net="$ns_b" ip -o link show ens3 | sed -n 's/.*ether \([^ ]*\).*/\1/p')"
	plugin ADD $b "$ns_b" "$(network $version "$keys")"
	good "ADD $version again" "$result"
	plugin CHECK $b "$ns_b" "$(network $version "$keys,\"prevResult\":$result")"
	case $version in
	0.[123].*) fails "CHECK $version" 1 "from cniVersion 0.4.0 on" ;;
	*) good "CHECK $version" '' ;;
	esac
	plugin DEL $b "$ns_b" "$(network $version "$keys,\"prevResult\":$result")"
	good "DEL $version" ''
done
for command in STATUS GC; do
	plugin $command '' '' "$(network 1.1.0 ',"cni.dev/valid-attachments":[]')"
	good "$command" ''
	plugin $command '' '' "$(network 1.0.0 '')"
	fails "$command before 1.1.0" 1 "from cniVersion 1.1.0 on"
done
plugin STATUS '' '' '{"cniVersion":"1.1.0","socket":"/nosuch/control"}'
fails "STATUS without dredged" 50 "is dredged running?"

# ---- CHECK ---------------------------------------------------------------------------------

plugin CHECK $b "$ns_b" "$(network 1.0.0 "$keys")"
fails "CHECK of a container that is not attached" 103 "is not attached"
plugin ADD $b "$ns_b" "$(network 1.0.0 "$keys")"
result=$out
plugin CHECK $b "$ns_b" "$(network 1.0.0 "$keys,\"prevResult\":${result/10.99.0.1\//10.99.0.2/}")"
fails "CHECK of an address that changed" 102 "10.99.0.1/24 in place of 10.99.0.2/24"
plugin CHECK $b "$ns_b" "$(network 1.0.0 "${keys//31001/31002},\"prevResult\":$result")"
fails "CHECK of other ports" 102 "ports 31001; wanted: 31002"
nsenter --net="$ns_b" ip addr flush dev ens3
plugin CHECK $b "$ns_b" "$(network 1.0.0 "$keys,\"prevResult\":$result")"
good "CHECK waits for what dredged puts right" ''
plugin DEL $b "$ns_b" "$(network 1.0.0 "$keys")"

# ---- many at once --------------------------------------------------------------------------

for i in {1..8}; do container "c$i"; done
jobs=()
for i in {1..8}; do
	(plugin ADD "c$i" "$mesos_root/c$i/ns" "$(mappings "$(mapping $((31400 + i)))")" && good "c$i" "$old_result"; exit $fail) &
	jobs+=($!)
done
for pid in "${jobs[@]}"; do wait "$pid" || fail=1; done
same "eight at once" "c1 c2 c3 c4 c5 c6 c7 c8" "$(listed | cut -d ' ' -f 1 | sort | xargs)"
same "traffic to one of eight" hello "$(reach "$mesos_root/c5/ns" 31405)"
for i in {1..8}; do
	plugin DEL "c$i" '' "$(mesos_network '')"
	good "DEL c$i" ''
done

# ---- podman, which calls by libcni, the library of the specification ------------------------

pod_run() { # ARGUMENTS... -- COMMAND
	pod run --name web --cgroup-parent "/$cgroup_name" --ulimit nofile=1024:1024 \
		--ulimit nproc=1024:1024 --security-opt seccomp=unconfined "$@" 2>"$work/podman.err"
}
podman_prepare() {
	mount -t tmpfs none /var/lib # libcni keeps its results there
	mkdir -p "$work"/net "$work"/rootfs/{bin,proc,sys,dev,etc,tmp}
	cp "$(command -v busybox)" "$work/rootfs/bin/busybox"
	cat >"$work/net/ports.conflist" <<-END
	{"cniVersion":"0.4.0","name":"ports","plugins":[{"type":"dredge-cni","socket":"$run/control",
	 "egress":"10MB","capabilities":{"portMappings":true}}]}
	END
	cat >"$work/containers.conf" <<-END
	[engine]
	lock_type = "file"
	[network]
	network_backend = "cni"
	cni_plugin_dirs = ["$work/plugins"]
	network_config_dir = "$work/net"
	END
	pod_run --rm --network none --rootfs "$work/rootfs" busybox true >/dev/null
}
with_podman() {
	local id answer='echo hello | busybox nc -l -p 31001'
	id=$(pod_run -d --network ports -p 31001:31001 -p 31003:31003/udp \
		--rootfs "$work/rootfs" busybox sh -c "busybox sleep 0.5; $answer; $answer; busybox sleep 60")
	same "podman: ports and rates" "$id 31001,31003 10485760 None" "$(listed)"
	same "podman: its address" "10.99.0.1" "$(pod inspect web --format '{{.NetworkSettings.Networks.ports.IPAddress}}')"
	hear() { timeout 3 ip netns exec "$tag-outside" python3 -c "
import socket
print(socket.create_connection(('$address', 31001), 2).recv(100).decode())" 2>/dev/null; }
	heard() { [ "$(hear)" = hello ]; }
	wait_for 5 heard || bad "podman: nobody answers on the container's port"
	pod restart -t 0 web >/dev/null || bad "podman restart"
	same "podman: restarted" "$id 31001,31003 10485760 None" "$(listed)"
	wait_for 5 heard || bad "podman: nobody answers after the restart"
	pod rm -f -t 0 web >/dev/null || bad "podman rm"
	same "podman: removed" "" "$(listed)"
	pod_run --rm --network ports -p 31001:80 --rootfs "$work/rootfs" busybox true &&
		bad "podman: ports are translated"
	grep -q "host port 31001 and container port 80" "$work/podman.err" ||
		bad "podman does not say why: $(cat "$work/podman.err")"
}
if ! command -v podman >/dev/null || ! command -v runc >/dev/null || ! command -v busybox >/dev/null; then
	echo "without podman, runc and busybox"
elif ! podman_prepare; then
	echo "without podman, which runs no container here: $(tail -n 1 "$work/podman.err")"
else
	with_podman
fi

same "nothing is left" "" "$(listed)$(ip -n "$host" -o link | grep -o ' dr[0-9]*[:@]')$(ls "$run/netns")"
verdict
