#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Server-sent events: what listeners get and when, by filter; those that come back, that are slow,
# that leave.
# shellcheck disable=SC2154
source "$(dirname "$0")/lib.bash"
need curl python3
python=$(PATH=/usr/bin:$PATH type -p python3)
cluster_start
container web 10.77.0.3 /shop/web
container db 10.77.0.4 /shop/db
publish web db
api_start
container_up web
container_up db
monitor_start --counters 200ms --listen=127.0.0.1:0
url=$(sed -n 's/^dredged: HTTP at //p' "$work/dredged.err")
known() { on_host curl -s "$url/v1/apps" | grep -q '"total":2'; }
wait_for 10 known || bad "apps are not known"

listener=
listen() { # FILE FILTER [CURL-OPTIONS]: in the background
	become_on_host curl -sNG --data-urlencode "filter=$2" "${@:3}" "$url/v1/events" >"$work/$1" &
	listener=$!
	wait_for 5 grep -q retry "$work/$1" || bad "no stream begins: $1"
}
# FILE EXPRESSION: over d, the objects of events without a name, and m, those of "missed"
of() {
	"$python" -c "
import json, sys
d, m, ids = [], [], []
for block in open(sys.argv[1]).read().split('\n\n')[:-1]:
    lines = dict(l.split(': ', 1) for l in block.split('\n') if ': ' in l and l[0] != ':')
    if 'data' in lines:
        (m if lines.get('event') == 'missed' else d).append(json.loads(lines['data']))
    if 'id' in lines:
        ids.append(lines['id'])
print($2)" "$work/$1" 2>&1
}
ping_db() { inside web ping -c 5 -i 0.01 -q 10.77.0.4 >/dev/null; }

listen icmp "icmp and marathon.app.id=/shop/web"
first=$listener
listen notices "evt.type=notice"
listen all ""
ping_db
got() { [ "$(of "$1" "$2")" = "$3" ]; }
wait_for 5 got icmp "len(d)" 10 || bad "ICMP of web: $(of icmp "len(d)") events"
same "one container" "{'web'}" "$(of icmp "{e['container.name'] for e in d}")"
same "as dredge -j" "['container.name', 'evt.dir', 'evt.info', 'evt.num', 'evt.outputtime', 'evt.type']" \
	"$(of icmp "sorted(d[0])")"
same "ids" True "$(of icmp "len(set(ids)) == 10 and ids[9].endswith('-10')")"
wait_for 5 got all "{'packet', 'counters'} <= {e['evt.type'] for e in d}" True || bad "all: $(of all "len(d)")"
same "no other type" "set()" "$(of notices "{e['evt.type'] for e in d} - {'notice'}")"
inside db true
container late 10.77.0.6 /shop/late
container_up late
wait_for 10 got notices "len(d) > 0" True || bad "no notice of a container"

# ---- coming back -------------------------------------------------------------------------------

last=$(of icmp "ids[3]")
listen again "icmp and marathon.app.id=/shop/web" -H "Last-Event-ID: $last"
wait_for 5 got again "len(d)" 6 || bad "behind the last one: $(of again "len(d)")"
same "the same ids" "$(of icmp "ids[4:]")" "$(of again "ids")"
kill "$listener" "$first"
ping_db # nobody listens
listen back "icmp and marathon.app.id=/shop/web" -H "Last-Event-ID: $last"
wait_for 5 got back "len(d)" 16 || bad "what came meanwhile: $(of back "len(d)")"
same "none missed" "[]" "$(of back "m")"
listen other "icmp" -H "Last-Event-ID: $last"
same "of another stream" "[{'missed': None}]" "$(of other "m")"
listen odd "icmp" -H "Last-Event-ID: ((("
same "of none" "[{'missed': None}]" "$(of odd "m")"

# ---- refused -----------------------------------------------------------------------------------

status_of() { on_host curl -s --max-time 3 -o /dev/null -w '%{http_code}' -G "$url/v1/events" "$@"; }
same "a bad filter" 400 "$(status_of --data-urlencode 'filter=((')"
same "an odd argument" 400 "$(status_of -d format=json)"

# ---- slow listeners ----------------------------------------------------------------------------

on_host "$python" - "${url##*:}" "$work" <<'PY' >"$work/slow.out" 2>&1 &
import re, socket, sys, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
s.connect(("127.0.0.1", int(sys.argv[1])))
s.sendall(b"GET /v1/events?filter=icmp HTTP/1.1\r\nHost: localhost\r\n\r\n")
got = s.recv(4096)
open(sys.argv[2] + "/slow.ready", "w").close()
while not __import__("os").path.exists(sys.argv[2] + "/flooded"):
    time.sleep(0.1)
s.settimeout(6)
try:
    while True:
        more = s.recv(65536)
        if not more:
            break
        got += more
except TimeoutError:
    pass
# Chunks of HTTP are taken apart.
body, rest = b"", got.split(b"\r\n\r\n", 1)[1]
while b"\r\n" in rest: # the last one may be cut
    size, rest = rest.split(b"\r\n", 1)
    n = int(size, 16)
    body, rest = body + rest[:n], rest[n + 2:]
missed = [int(n) for n in re.findall(rb'event: missed\ndata: {"missed":(\d+)}', body)]
ids = [int(n) for n in re.findall(rb"id: [0-9a-f]+-(\d+)\n", body)]
print(len(missed) > 0, ids == sorted(ids), len(ids) + sum(missed) == max(ids), sum(missed))
PY
slow=$!
wait_for 5 test -e "$work/slow.ready" || bad "the slow listener does not begin"
inside web ping -f -c 8000 -q 10.77.0.4 >/dev/null
sleep 1
touch "$work/flooded"
wait "$slow"
same "a slow listener knows what it missed" "True True True" "$(cut -d " " -f 1-3 "$work/slow.out")"
monitor_stop
same "exit status of dredged" 0 "$status"
verdict
