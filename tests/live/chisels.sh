#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Chisels on live traffic: a top-N table each second, whose sums are what was sent; one that fails ends
# alone, and a signal ends the run.
source "$(dirname "$0")/lib.bash"
need python3
dredge -cl | grep '^topapps' >/dev/null || skip "built without LuaJIT"
datagrams=3000
cluster_start
container sender 10.77.0.3 /test/sender
container taker 10.77.0.4 /test/taker
cat >"$work/datagrams.py" <<'END'
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(int(sys.argv[2])):
    s.sendto(b"%-400d" % i, (sys.argv[1], 9999))
    if i % 100 == 99:
        time.sleep(0.05)
END
cat >"$work/broken.lua" <<'END'
function on_event() error("on purpose") end
END
container_up sender
container_up taker
sleep 0.5
inside sender python3 "$work/datagrams.py" 10.77.0.4 1 # who has that address? is asked now

export XDG_DATA_HOME=$work/share
mkdir "$XDG_DATA_HOME" && ln -s "$(realpath "$(dirname "$0")/../..")" "$XDG_DATA_HOME/dredge"
# The sender's end on the host is enough: it needs no names.
become_on_host dredge --interface vsender -j -c topapps 0 ip.src -c "$work/broken.lua" udp.dstport=9999 \
	>"$work/top" 2>"$work/dredge.err" </dev/null &
dredge_pid=$!
# It sees packets from now on.
# shellcheck disable=SC2317 # wait_for calls it
seen() {
	inside sender python3 "$work/datagrams.py" 10.77.0.4 1
	grep -q Packets "$work/top"
}
wait_for 30 seen || die "no table within 30 s: $(head -c 300 "$work/top" "$work/dredge.err")"
# What those had counted is told; then nothing is sent for two seconds.
sleep 2.5
: >"$work/top"
inside sender python3 "$work/datagrams.py" 10.77.0.4 $datagrams
sleep 2.5
kill -TERM "$dredge_pid"
wait "$dredge_pid"
same "exit status, as one chisel failed" 1 $?
sum() { # KEY: of all the tables
	python3 - "$work/top" "$1" <<'END'
import json, sys
print(sum(row[sys.argv[2]] for line in open(sys.argv[1]) for row in json.loads(line.strip("\0\n"))
          if row["ip.src"] == "10.77.0.3"))
END
}
same "datagrams" $datagrams "$(sum Packets)"
same "bytes" $((datagrams * 442)) "$(sum Bytes)"
grep -q 'broken.lua:1: on purpose' "$work/dredge.err" || bad "the broken chisel is not told"
[ "$(grep -c 'on purpose' "$work/dredge.err")" = 1 ] || bad "it goes on"
verdict
