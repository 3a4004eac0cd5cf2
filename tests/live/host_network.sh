#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A redis on the host's network, a second one that cannot have its port, and a container that lives
# for 300 ms.
source "$(dirname "$0")/lib.bash"
need redis-server redis-cli python3
commands=200
cluster_start
file=$work/a.pcapng.lz4
container client 10.77.0.5 /shop/client
host_container redis /data/redis
publish client redis
api_start
monitor_start -w "$file" --counters 2s
container_up client
quiet=(redis-server --save '' --appendonly no --protected-mode no --dir "$work" --port 6379
	--bind 127.0.0.1 10.77.0.1)
start redis "${quiet[@]}"
wait_for 5 monitor_said 'listens on tcp .*6379' || bad "no listen notice"
wait_for 5 inside client redis-cli -h 10.77.0.1 ping || die "no redis"
inside client redis-cli -h 10.77.0.1 -r $commands incr counted >/dev/null || bad "redis"

# Again and again, each time as a new container of the same app.
for n in 1 2 3 4 5; do
	host_container "spare$n" /data/redis-spare
	(MARATHON_APP_ID=/data/redis-spare inside "spare$n" "${quiet[@]}" >>"$work/spare.out" 2>&1)
	remove_cgroup "${id_of[spare$n]}"
done
grep -qi 'address already in use' "$work/spare.out" || bad "the second redis got the port"
wait_for 4 monitor_said 'restarted again and again' || bad "no restart_loop notice"

# 300 ms of life with an interface of its own.
know brief /test/brief
ip netns add "$tag-brief"
make_cgroup "${id_of[brief]}"
ip -n "$host" link add vbrief type veth peer name eth0 netns "$tag-brief"
ip -n "$host" link set vbrief master br0 up
ip -n "$tag-brief" addr add 10.77.0.9/24 dev eth0
ip -n "$tag-brief" link set eth0 up
inside brief timeout 0.3 bash -c 'while echo hello >/dev/udp/10.77.0.1/9; do
	echo
	sleep 0.02
done' >"$work/brief.sent"
sleep 0.2 # its interface outlives it, so that its last counters can be read there
ip netns del "$tag-brief"
remove_cgroup "${id_of[brief]}"
sleep 1
monitor_stop
same "exit status of dredged" 0 "$status"

notice() { dredge -r "$file" -p '%notice.message' "notice.kind=$1" | grep -cE -- "$2"; }
[ "$(notice listen 'listens on tcp .* port 6379 \(pid [1-9][0-9]*, redis-server')" -gt 0 ] ||
	bad "no listen notice with pid and program"
[ "$(notice restart_loop '^/data/redis-spare')" -gt 0 ] || bad "no restart_loop notice of the app"
for kind in container_start container_end; do
	same "$kind of the brief container" 1 "$(dredge -r "$file" -p '%container.id' \
		"notice.kind=$kind" | grep -c "${id_of[brief]}")"
done
got=$(packets_of "$file" "container.id=${id_of[brief]} and udp.dstport=9")
sent=$(wc -l <"$work/brief.sent") # or one more, that it had no time to note
[[ $sent -gt 0 && ($got = "$sent" || $got = $((sent + 1))) ]] ||
	bad "$got datagrams of the brief container, it sent $sent"
# The counters of its last moment: what it sent, by its interface.
last=$(dredge -r "$file" -p '%net_tx_packets' "container.id=${id_of[brief]} and evt.type=counters" |
	tail -n 1)
[ "${last:-0}" -ge "$got" ] || bad "last counters of the brief container: '$last', datagrams: $got"
[ "$(packets_of "$file" "container.id=${id_of[brief]} and icmp.type=3")" -ge 1 ] ||
	bad "no answers for the brief container"

# Requests at the client are requests at the redis.
request="tcp.dstport=6379 and tcp.len>0 and ip.dst=10.77.0.1"
for name in client redis; do
	got=$(packets_of "$file" "container.id=${id_of[$name]} and $request")
	[ "$got" -ge $commands ] || bad "$got requests at $name, $commands were sent"
	eval "$name=$got"
done
same "requests at both ends" "$client" "$redis"
same "requests by the app's name" "$redis" "$(packets_of "$file" \
	"marathon.app.id=/data/redis and $request")"
verdict
