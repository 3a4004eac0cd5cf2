#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What 1000 listeners of /v1/events cost dredged: CPU and memory while nothing happens, and while
# packets come, and whether each listener got all of them.
# Usage: BUILD=build tests/bench/events.sh [LISTENERS] [FILTERS]
# shellcheck disable=SC2154
source "$(dirname "$0")/../live/lib.bash"
need curl python3
python=$(PATH=/usr/bin:$PATH type -p python3)
listeners=${1:-1000} filters=${2:-10} seconds=10
ulimit -n $((listeners * 2 + 200)) || die "too few descriptors"
cluster_start
container web 10.77.0.3 /shop/web
container db 10.77.0.4 /shop/db
publish web db
api_start
container_up web
container_up db
monitor_start --counters 10s -w "$work/all.pcapng.lz4" --listen=127.0.0.1:0
url=$(sed -n 's/^dredged: HTTP at //p' "$work/dredged.err")

cat >"$work/listen.py" <<'END'
import os, selectors, socket, sys
port, n, filters, work = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
s, all = selectors.DefaultSelector(), []
for i in range(n):
    c = socket.create_connection(("127.0.0.1", port))
    c.sendall(b"GET /v1/events?filter=icmp+and+frame.len%%3e%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % (i % filters))
    s.register(c, selectors.EVENT_READ, i)
    all.append([c, b"", 0, 0])
open(work + "/connected", "w").close()
while True:
    ready = s.select(3)
    if not ready and os.path.exists(work + "/over"):
        break # and nothing is on its way
    for key, _ in ready:
        a = all[key.data]
        data = a[0].recv(1 << 16)
        if not data:
            s.unregister(a[0])
            a[3] += 1
            continue
        data = a[1] + data # what was cut in two
        a[2] += data.count(b"id: ")
        a[3] += data.count(b"event: missed")
        a[1] = data[-3:]
print("each got %d to %d events; missed or left: %d" % (min(a[2] for a in all), max(a[2] for a in all), sum(a[3] for a in all)))
END
ticks() { awk '{print $14 + $15}' "/proc/$monitor/stat"; }
rss() { awk '/^VmRSS/ {print $2}' "/proc/$monitor/status"; }
share() { # TICKS: percent of a core over the seconds
	awk -v t="$1" -v hz="$(getconf CLK_TCK)" -v s=$seconds 'BEGIN {printf "%.1f %% of a core", 100 * t / hz / s}'
}
during() { # WHAT RATE: pings a second
	local before
	before=$(ticks)
	if [ "$2" = 0 ]; then
		sleep $seconds
	else
		inside web ping -q -c $(($2 * seconds)) -i "$(awk -v r="$2" 'BEGIN {print 1 / r}')" 10.77.0.4 >/dev/null
	fi
	echo "$1: $(share $(($(ticks) - before))), $(rss) kB"
}

during "no listener, 100 pings/s (400 events/s)" 100
on_host "$python" "$work/listen.py" "${url##*:}" "$listeners" "$filters" "$work" >"$work/listen.out" 2>&1 &
client=$!
wait_for 60 test -e "$work/connected" || die "no connections: $(cat "$work/listen.out")"
sleep 1
during "$listeners listeners, $filters filters, nothing happens" 0
during "$listeners listeners, 10 pings/s (40 events/s)" 10
during "$listeners listeners, 100 pings/s (400 events/s)" 100
sleep 1
touch "$work/over"
wait "$client"
cat "$work/listen.out"
echo "sent: $((4 * (10 + 100) * seconds)) events that fit; $(on_host curl -s "$url/readyz" | grep -o '"packets":{[^}]*}')"
monitor_stop
verdict
