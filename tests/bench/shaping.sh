#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a limit lets through: TCP for 10 s at several rates in either direction, as bytes of the wire
# (which HTB counts) and as goodput; then how long a neighbour without limit waits for an answer,
# beside nobody and beside somebody who sends all he can, with a limit and without. Where the kernel
# has fq_codel the same on a public interface that is slower than they are, without and with a queue
# for each container. Prints Markdown tables; root.
#
#     shaping.sh [--quick|--neighbour]
# shellcheck disable=SC2154
source "$(dirname "$0")/../live/isolated.bash"
need tc
seconds=10 limits=(1MB 37500KB 100MB)
case ${1:-} in
--quick) seconds=2 limits=(37500KB) ;;
--neighbour) limits=() ;;
esac

cat >"$work/flow.py" <<'END'
import socket, sys, time
role, address, port, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
def until(end):
    while time.monotonic() < end:
        yield
if role in ("sink", "echo"):
    listener = socket.create_server((address, port))
    s, _ = listener.accept()
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    total, begin, data = 0, None, s.recv(1 << 18)
    while data:
        if role == "echo":
            s.sendall(data)
        now = time.monotonic()
        begin = begin or now
        if now - begin < seconds:
            total += len(data)
        data = s.recv(1 << 18)
    if role == "sink":
        print(int(total / seconds))
else:
    for _ in range(100):
        try:
            s = socket.create_connection((address, port))
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    end = time.monotonic() + seconds
    if role == "send":
        block = bytes(1 << 17)
        for _ in until(end + 1):
            s.sendall(block)
    else:
        waits = []
        for _ in until(end):
            begin = time.perf_counter()
            s.sendall(b"?")
            s.recv(1)
            waits.append(1e6 * (time.perf_counter() - begin))
            time.sleep(0.001)
        waits.sort()
        print(*(round(waits[int(q * len(waits))]) for q in (0.5, 0.99)))
END
flow() { on "$1" /usr/bin/python3 "$work/flow.py" "${@:2}"; } # SPACE ROLE ADDRESS PORT SECONDS

host_and_outside host outside
space A
space B
start_dredged --no-host-network
ctl attach A --netns "$(netns A)" --ports 31000-31499 || die "attach A"
ctl attach B --netns "$(netns B)" --ports 31500-32000 || die "attach B"

port=7000
sent() { # LINK CLASS: bytes of the wire and drops so far
	tc -n "$host" -s class show dev "$1" classid "$2" | sed -n 's/^ *Sent \([0-9]*\) bytes.*(dropped \([0-9]*\),.*/\1 \2/p'
}
limited() { # LIMIT DIRECTION
	local from=A to=outside where=$far link=drshape0 at=7000 sink before after
	[ "$2" = egress ] || { from=outside to=A where=$address link=dr1 at=31001; }
	ctl update A --ports 31000-31499 --"$2" "$1"
	flow $to sink 0.0.0.0 $at "$seconds" >"$work/goodput" &
	sink=$!
	flow $from send "$where" $at "$seconds" &
	sleep 0.5 # its burst is used up
	before="$(date +%s%N) $(sent $link 1:1)"
	sleep "$seconds"
	after="$(date +%s%N) $(sent $link 1:1)"
	wait $sink
	wait $!
	/usr/bin/python3 - "$1" "$2" "$seconds" "$(cat "$work/goodput")" "$before" "$after" <<'END'
import sys
limit, direction, seconds, goodput, before, after = sys.argv[1:]
t0, b0, d0 = map(int, before.split())
t1, b1, d1 = map(int, after.split())
rate = int(limit[:-2]) << {"KB": 10, "MB": 20}[limit[-2:]]
wire = (b1 - b0) / (t1 - t0) * 1e9
print(f"| {limit} | {direction} | {wire / 1e6:.2f} | {100 * wire / rate:.1f} % | {int(goodput) / 1e6:.2f} | {d1 - d0} |")
END
	ctl update A --ports 31000-31499 --egress 0 --ingress 0
}

[ ${#limits[@]} = 0 ] || printf '\n| limit | direction | wire MB/s | of the limit | goodput MB/s | dropped |\n|--:|--|--:|--:|--:|--:|\n'
for direction in egress ingress; do
	for limit in "${limits[@]}"; do limited "$limit" $direction; done
done

waits() { # TITLE
	port=$((port + 1))
	flow outside echo 0.0.0.0 $port 0 &
	flow B ask "$far" $port 3 | awk -v title="$1" '{print "| " title " | " $1 " | " $2 " |"}'
}
beside() { # LIMIT TITLE: somebody who sends all he can
	ctl update A --ports 31000-31499 --egress "$1"
	port=$((port + 1))
	flow outside sink 0.0.0.0 $port 100 >/dev/null &
	local sink=$! sender
	become A /usr/bin/python3 "$work/flow.py" send "$far" $port 100 &
	sender=$!
	sleep 0.5
	waits "$2"
	kill "$sender"
	wait "$sender" $sink 2>/dev/null
}
printf '\n| the neighbour beside | p50 µs | p99 µs |\n|--|--:|--:|\n'
waits nobody
beside 0 "one who sends all he can"
beside 37500KB "one who is limited to 37500KB"

slow() { # the public interface, with a queue for all
	tc -n "$host" qdisc add dev eth0 root handle 1: htb default 1 &&
		tc -n "$host" class add dev eth0 parent 1: classid 1:1 htb rate 100mbit &&
		tc -n "$host" qdisc add dev eth0 parent 1:1 pfifo limit 1000
}
space probe
ip -n "$tag-probe" link add probe type veth peer name other
if tc -n "$tag-probe" qdisc add dev probe root fq_codel 2>/dev/null; then
	slow || die "tc"
	waits "nobody, at 100 Mbit/s"
	beside 0 "one who sends all he can, at 100 Mbit/s, one queue for all"
	stop_dredged
	tc -n "$host" qdisc del dev eth0 parent 1:1
	start_dredged --no-host-network --egress_unique_flow_per_container --egress_flow_classifier_parent=1:1
	beside 0 "the same, a queue for each container"
fi
