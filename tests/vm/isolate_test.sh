#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Enforcement on a distribution's kernel, which has fq_codel: leaves below limits, a queue for each
# container on the public interface, a foreign root qdisc left alone, and traffic through all of it.
set -uo pipefail
PATH=${BUILD:?}:/usr/sbin:/usr/bin:/sbin:/bin
failed=0
same() { # WHAT WANTED GOT
	if [ "$2" = "$3" ]; then echo "ok: $1"; else echo "not ok: $1: wanted '$2', got '$3'"; failed=1; fi
}
work=$(mktemp -d)
for ns in host outside A; do ip netns add $ns; ip -n $ns link set lo up; done
ip -n host link add eth0 type veth peer name eth0 netns outside
ip -n host addr add 10.99.0.1/24 dev eth0
ip -n outside addr add 10.99.0.254/24 dev eth0
ip -n host link set eth0 up
ip -n outside link set eth0 up
ip -n host route add default via 10.99.0.254
on() { nsenter --net="/run/netns/$1" "${@:2}"; }
ctl() { dredgectl --socket "$work/run/control" "$@"; }
start() { # OPTIONS...
	nsenter --net=/run/netns/${start_in:-host} dredged --isolation=network/port_mapping --egress_unique_flow_per_container \
		'--resources=ports:[31000-32000];ephemeral_ports:[30001-30999]' \
		--ephemeral_ports_per_container=16 --egress_rate_limit_per_container=1MB \
		--runtime_dir="$work/run" --cgroups_root vmtest --status-interval 0 "$@" 2>"$work/err" </dev/null &
	pid=$!
	for _ in {1..200}; do grep -q ready "$work/err" && return; sleep 0.1; done
	echo "not ok: dredged: $(tail -n 1 "$work/err")"
	exit 1
}
start
ctl attach A --netns /run/netns/A --ports 31000-31007 --ingress 2MB || failed=1
qdisc() { tc -n host qdisc show dev "$1" | grep -c "$2"; }
same "fq_codel on the public interface" 1 "$(qdisc eth0 'fq_codel 1: root')"
same "fq_codel below the ingress limit" 1 "$(qdisc dr1 'fq_codel .* parent 1:1 ')"
same "fq_codel below the egress limit" 1 "$(qdisc drshape0 'fq_codel .* parent 1:1 ')"
same "nothing is missing" "" "$(ctl explain A | grep -v ^ok)$(ctl explain host | grep -v ^ok)"
cat >"$work/talk.py" <<'EOF'
import socket, sys
s = socket.socket()
s.settimeout(20)
if sys.argv[1] == "listen":
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("0.0.0.0", int(sys.argv[2])))
    s.listen(1)
    print("listening", flush=True)
    c, peer = s.accept()
    n = 0
    while n < 500000:
        n += len(c.recv(65536)) or 500000
    c.sendall(b"got %d" % n)
else:
    s.connect((sys.argv[2], int(sys.argv[3])))
    s.sendall(b"x" * 500000)
    print(s.recv(100).decode())
EOF
talk() { # FROM TO ADDRESS PORT
	: >"$work/listener" # else the one before could be taken for it
	on "$2" /usr/bin/python3 "$work/talk.py" listen "$4" >"$work/listener" 2>&1 &
	for _ in {1..100}; do grep -q listening "$work/listener" && break; sleep 0.1; done
	on "$1" /usr/bin/python3 "$work/talk.py" send "$3" "$4" 2>&1
}
same "outside to A" "got 500000" "$(talk outside A 10.99.0.1 31001)"
same "A to outside" "got 500000" "$(talk A outside 10.99.0.254 7000)"
same "A to the host" "got 500000" "$(talk A host 127.0.0.1 8080)"
kill "$pid"
wait "$pid"
tc -n host qdisc replace dev eth0 root handle 7: pfifo
start
same "a foreign root qdisc stays" 1 "$(qdisc eth0 'pfifo 7: root')"
same "and is told of" 1 "$(grep -c 'no queue of its own' "$work/err")"
same "outside to A, still" "got 500000" "$(talk outside A 10.99.0.1 31001)"
kill "$pid"
wait "$pid"
tc -n host qdisc del dev eth0 root
tc -n host qdisc add dev eth0 root handle 7: htb default 1
tc -n host class add dev eth0 parent 7: classid 7:1 htb rate 1gbit
start --egress_flow_classifier_parent=7:1
same "queues below a class of somebody else's" 1 "$(qdisc eth0 'fq_codel 8: parent 7:1 ')"
same "which stays" 1 "$(qdisc eth0 'htb 7: root')"
ctl update A --ports 31000-31007
same "A to outside by its queue" "got 500000" "$(talk A outside 10.99.0.254 7000)"
same "nothing is missing there" "" "$(ctl explain A | grep -v ^ok)$(ctl explain host | grep -v ^ok)"
kill "$pid"
wait "$pid"

# An interface that has a queue, so that the kernel gives it its default (T4).
ip netns add nic
modprobe tun
mkdir -p /dev/net
[ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200
sysctl -qw net.core.default_qdisc=fq_codel
for kind in '' multi_queue; do
	root=${kind:+mq}
	root=${root:-fq_codel}
	ip -n nic tuntap add dev tap0 mode tap $kind
	ip -n nic addr add 10.98.0.1/24 dev tap0
	ip -n nic link set tap0 up
	ip -n nic route add default via 10.98.0.254
	same "by default $root 0:" 1 "$(tc -n nic qdisc show dev tap0 | grep -c "$root 0: root")"
	start_in=nic start
	same "gives way (T4)" 1 "$(tc -n nic qdisc show dev tap0 | grep -c 'fq_codel 1: root')"
	kill "$pid"
	wait "$pid"
	ip -n nic link del tap0
done
exit $failed
