#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the isolator does and sees is in the capture: every kind is provoked, and read back by
# container, by app and by kind, with exact numbers where the cause has one.
# shellcheck disable=SC2154
source "$(dirname "$0")/isolated.bash"
need tshark curl
shop_a
publish A
api_start
start A sleep 600 # discovery sees the container, Mesos names it
a=${id_of[A]}
file=$work/events.pcapng.lz4
recorded() { # FILE OPTIONS...
	start_dredged -m http://127.0.0.1:5050,http://127.0.0.1:8080 --mesos-interval 500ms \
		--counters 200ms -w "$@"
}
notices() { # FILTER [FORMAT]
	dredge -r "$file" -p "${2:-%notice.message}" evt.type=notice and "$1"
}
number() { notices "$1" | wc -l; }
total() { notices "$1" %notice.count | awk '{n += $1} END {print n + 0}'; }
said() { grep -c -- "$1" "$work/dredged.err"; }

# ---- requests ------------------------------------------------------------------------------

recorded "$file"
wait_for 5 grep -q "container $a is task" "$work/dredged.err" || bad "A has no name"
ctl attach "$a" --netns "$(netns A)" --ports 31000-31007 || die "attach A"
ctl attach B --netns "$(netns B)" --ports 31008-31015 --ingress 2MB || die "attach B"
ctl update "$a" --ports 31000-31003 --egress 1MB || bad "update A"
ctl attach C --netns "$(netns B)" --ports 31002 2>/dev/null && bad "a port of A was given away"
ctl attach 'no%20id' --netns "$(netns B)" 2>/dev/null && bad "not an id"

# ---- packets that a container must not send ------------------------------------------------

cat >"$work/send.py" <<'END'
import socket, struct, sys, time
kind, count, pause, far, own = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4], sys.argv[5]
if kind == "foreign":
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("0.0.0.0", 32502))
    send = lambda: s.sendto(b"x", (far, 7000))
elif kind == "other":
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind(("eth0", 0x88b5))
    send = lambda: s.send(b"\xff" * 6 + s.getsockname()[4] + b"\x88\xb5" + b"x" * 50)
else: # an IP header of our own
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    source, offset = ("10.99.0.77", 0) if kind == "spoofed" else (own, 100)
    def send():
        s.sendto(struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, 7, offset, 64, 17, 0,
            socket.inet_aton(source), socket.inet_aton(far)) + struct.pack("!HHHH", 31000, 7000, 8, 0), (far, 0))
for n in range(count):
    send()
    time.sleep(pause)
END
send() { on A python3 "$work/send.py" "$@" $far $address || bad "cannot send: $1"; }
on A ping -c 1 -W 2 $far >/dev/null || bad "no way out" # and the neighbour is known
send foreign 5 0
wait_for 3 said 'from a port that is not its own' || bad "no notice of a foreign port"
send spoofed 3 0
send fragment 2 0
send other 4 0
sleep 1.2
send foreign 60 0.05 # for 3 seconds: not 60 notices
sleep 1.2

# ---- drift ---------------------------------------------------------------------------------

unfilter() { # NUMBER: each time it is there again
	local n
	for ((n = 0; n < $1; n++)); do
		wait_for 3 filtered || bad "the program of A is not put right"
		tc -n "$host" filter del dev dr1 ingress
	done
}
filtered() { tc -n "$host" filter show dev dr1 ingress | grep -q dredge:dp_out; }
start_ns=$(date +%s%N)
unfilter 1
wait_for 3 said 'put right' || bad "drift is not told"
seen_ms=$((($(date +%s%N) - start_ns) / 1000000))
[ $seen_ms -lt 1500 ] || bad "drift was told after $seen_ms ms"
unfilter 7 # it flaps: the seven are told together
wait_for 3 filtered
tc -n "$host" qdisc del dev lo clsact # the host's part
wait_for 3 said 'isolation: host: program on lo' || bad "drift of the host is not told"
ctl detach "$a" || bad "detach A" # what was held back is told now
sleep 0.5
stop_dredged
same "exit status of dredged" 0 "$status"

same "attached, by container" 1 "$(number "notice.kind=attached and container.id=$a")"
same "attached, by app" "isolation: $a attached: ports 31000-31007, ephemeral 30016-30031, egress unlimited, ingress unlimited task=${task_of[A]} app=/shop/a" \
	"$(notices "notice.kind=attached and marathon.app.id=/shop/a")"
same "attached, unknown to Mesos" 1 "$(number 'notice.kind=attached and container.id=B')"
same "updated" 1 "$(number "notice.kind=updated and container.id=$a and notice.message contains 'egress 1048576 B/s'")"
same "refused: a port of another" "port 31002 belongs to container $a" \
	"$(notices 'notice.kind=request_refused and container.id=C' %notice.reason)"
same "refused requests" 2 "$(number notice.kind=request_refused)"
for row in foreign_port:65 spoofed:3 fragment:2 other:4; do
	reason=${row%:*}
	same "refused packets: $reason" "${row#*:}" \
		"$(total "notice.kind=packets_refused and notice.reason=$reason and container.id=$a")"
	same "counter of $reason" "${row#*:}" "$(dredge -r "$file" -p "%net_refused_$reason" \
		"container.id=$a and net_refused_$reason>0" | tail -n 1)"
done
n=$(number "notice.kind=packets_refused and notice.reason=foreign_port")
[ "$n" -le 7 ] || bad "65 packets in 4 seconds made $n notices"
thing='host: program on dr1 dredge:dp_out'
same "drift: how often" 8 "$(dredge -r "$file" -p %notice.count \
	"notice.kind=drift_repaired and container.id=$a and notice.message contains '$thing'" | awk '{n += $1} END {print n}')"
same "drift: notices" 2 "$(number "notice.kind=drift_repaired and container.id=$a and notice.message contains '$thing'")"
[ "$(number "notice.kind=drift_repaired and container.id=host and notice.message contains 'program on lo'")" = 1 ] ||
	bad "drift of the host"
same "detached" 1 "$(number "notice.kind=detached and marathon.app.id=/shop/a")"
same "rows in tshark" 1 "$(tshark -r "$file" -Y "systemd_journal.message contains \"$a detached\"" 2>/dev/null | wc -l)"

# ---- recovery, and drift that is left alone ------------------------------------------------

file=$work/second.pcapng.lz4
start_dredged
ctl attach "$a" --netns "$(netns A)" --ports 31000-31007 || die "attach A again"
stop_dredged KILL
umount "$run/netns/B" && rm "$run/netns/B" # its namespace cannot be had any more
recorded "$file" --no-repair
tc -n "$host" filter del dev dr1 ingress
wait_for 3 said 'is missing: left alone' || bad "drift is not told without repair"
same "drift is left alone" missing "$(ctl explain "$a" | awk '/program on dr1/ {print $1}')"
sleep 3 # and not told again
stop_dredged
same "exit status of dredged" 0 "$status"
same "recovered" 1 "$(number "notice.kind=recovered and container.id=$a")"
same "quarantined" "the namespace of B is gone" "$(notices 'notice.kind=quarantined and container.id=B' %notice.reason)"
same "drift" 1 "$(number "notice.kind=drift and container.id=$a")"
same "no repair" 0 "$(number notice.kind=drift_repaired)"

# ---- attached under another id than its cgroup's: one container all the same ----------------

file=$work/third.pcapng.lz4
start_dredged
ctl detach "$a" && ctl detach B || bad "detach"
stop_dredged
names() { # PATH: as the API has them
	on host curl -s "http://127.0.0.1:5052$1" |
		grep -Eo '"(id|container_id)":"[^"]*"' | cut -d '"' -f 4 | sort -u | tr '\n' ' '
}
only_a() { [ "$(names /containers)" = "$a " ] && [ "$(names '/v1/containers?fields=id')" = "$a " ]; }
five_told() { # in one notice, or in two where a sample was taken between them
	grep -o 'web: [0-9]* packet' "$work/dredged.err" | awk '{n += $2} END {exit n != 5}'
}
for signal in TERM KILL; do # the second time it is confined before it is found
	recorded "$file" --listen=127.0.0.1:5052
	[ $signal = KILL ] || ctl attach web --netns "$(netns A)" --ports 31000-31007 || die "attach web"
	ctl attach spare --netns "$(netns B)" --ports 31000 2>/dev/null && bad "a port of web was given away"
	wait_for 5 only_a || bad "one container in A: $(names /containers)/ $(names '/v1/containers?fields=id')"
	send foreign 5 0
	wait_for 3 five_told || bad "no notice of web: $(cat "$work/dredged.err")"
	stop_dredged $signal
	only=$(dredge -r "$file" -q --summary=container.id notice.kind=packets_refused | awk 'NR > 1 {print $4}')
	[ $signal = KILL ] || same "the notice is of" "$a" "$only"
done
start_dredged
ctl detach web || bad "detach web"
stop_dredged
verdict
