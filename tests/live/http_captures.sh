#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Packets out of captures over HTTP: of files that are whole and of those being written, counted by
# tshark; clients that stop reading or leave.
# shellcheck disable=SC2154
source "$(dirname "$0")/lib.bash"
need curl python3 tshark lz4
python=$(PATH=/usr/bin:$PATH type -p python3)
cluster_start
container web 10.77.0.3 /shop/web
container db 10.77.0.4 /shop/db
publish web db
api_start
container_up web
container_up db

get() { # TARGET [CURL-OPTIONS]
	on_host curl -s --max-time 20 "${@:2}" "$url$1"
}
ask() { get "$2" | "$python" -c "import json, sys; j = json.load(sys.stdin); print($1)" 2>&1; }
# Notices are frames, too, for tshark.
frames() { tshark -r - -Y eth 2>"$work/tshark.err" | wc -l; }
out_of() { # FILE ARGUMENT...: as curl encodes them
	local arguments=()
	for argument in "${@:2}"; do arguments+=(--data-urlencode "$argument"); done
	on_host curl -s --max-time 20 -G "${arguments[@]}" "$url/v1/captures/$1"
}

monitor_start --counters 200ms --window 300ms -w "$work/shop.pcapng.lz4" --listen=127.0.0.1:0
url=$(sed -n 's/^dredged: HTTP at //p' "$work/dredged.err")
known() { [ "$(ask "j['total']" /v1/apps)" = 2 ]; }
wait_for 10 known || bad "apps are not known"
traffic() { inside web ping -c 20 -i 0.01 -q 10.77.0.4 >/dev/null; }

# ---- while it is written -----------------------------------------------------------------------

same "listed" "shop.pcapng.lz4 True" "$(ask "str(j['captures'][0]['name']) + ' ' + str(j['captures'][0]['writing'])" /v1/captures)"
traffic
now() { # what both sides saw: 40 frames each
	[ "$(out_of shop.pcapng.lz4 "filter=$1 and icmp" | frames)" -ge 40 ]
}
wait_for 10 now "marathon.app.id=/shop/web" || bad "packets of an app: $(cat "$work/tshark.err")"
wait_for 10 now "container.id=${id_of[db]}" || bad "packets of a container"
for _ in {1..10}; do # each cut at the end of a window
	traffic
	out_of shop.pcapng.lz4 format=pcapng >"$work/part.pcapng" || bad "cut off: $?"
	tshark -r "$work/part.pcapng" >/dev/null 2>"$work/tshark.err" || bad "tshark: $(cat "$work/tshark.err")"
done

# ---- against what dredge and tshark find in the file -------------------------------------------

sleep 2 # all of it is on disk
compare() { # FILTER [DREDGE-OPTIONS]
	local wanted got
	wanted=$(packets_of "$work/copy.pcapng.lz4" "$1")
	got=$(out_of shop.pcapng.lz4 "filter=$1" "${@:2}" | frames)
	[ "$wanted" -gt 0 ] || bad "$1: no packets at all"
	same "$1" "$wanted" "$got"
}
monitor_said_rotated() { [ "$(ask "len(j['captures'])" /v1/captures)" = 2 ]; }
kill -HUP "$monitor" # the file is whole now, and still served
wait_for 10 monitor_said_rotated || bad "the next file is not listed"
cp "$work/shop.pcapng.lz4" "$work/copy.pcapng.lz4"
same "whole" False "$(ask "j['captures'][0]['writing']" /v1/captures)"
compare "marathon.app.id=/shop/web"
compare "mesos.task.id=${task_of[db]}"
compare "container.id=${id_of[web]}"
compare "icmp and marathon.app.id=/shop/db"
same "lz4" "$(packets_of "$work/copy.pcapng.lz4" icmp)" \
	"$(out_of shop.pcapng.lz4 filter=icmp format=pcapng.lz4 | lz4 -dc | frames)"
same "JSON" "$(packets_of "$work/copy.pcapng.lz4" icmp)" \
	"$(out_of shop.pcapng.lz4 filter=icmp format=json | "$python" -c "
import json, sys
print(len([1 for line in sys.stdin if json.loads(line)['evt.type'] == 'packet']))")"
same "text" "$(dredge -r "$work/copy.pcapng.lz4" icmp | wc -l)" \
	"$(out_of shop.pcapng.lz4 filter=icmp format=text | wc -l)"
middle=$(dredge -r "$work/copy.pcapng.lz4" -p '%evt.rawtime' icmp | sed -n 30p)
middle=@${middle%?????????}.${middle: -9}
same "from" "$(dredge -r "$work/copy.pcapng.lz4" --from "$middle" icmp | wc -l)" \
	"$(out_of shop.pcapng.lz4 filter=icmp "from=$middle" | frames)"
same "to" 30 "$(out_of shop.pcapng.lz4 filter=icmp "to=$middle" | frames)"
out_of shop.pcapng.lz4 from=@1 to=@2 >"$work/none.pcapng"
tshark -r "$work/none.pcapng" >"$work/none" 2>"$work/tshark.err" || bad "an empty answer: $(cat "$work/tshark.err")"
same "nothing in the range" 0 "$(wc -l <"$work/none")"
[ -s "$work/none.pcapng" ] || bad "an empty answer is no capture"

# ---- what is refused ---------------------------------------------------------------------------

status_of() { get "$1" -o /dev/null -w '%{http_code}'; }
same "no such capture" 404 "$(status_of /v1/captures/nope)"
for name in ..%2f..%2f..%2fetc%2fpasswd "$work/shop.pcapng.lz4" ./shop.pcapng.lz4 .; do
	same "a path: $name" 404 "$(get "/v1/captures/$name" --path-as-is -o /dev/null -w '%{http_code}')"
done
for query in 'filter=((' 'format=pcap' 'from=noon' 'to=x' 'nope=1' 'filter=icmp&filter=tcp'; do
	same "$query" 400 "$(get "/v1/captures/shop.pcapng.lz4" -G -d "$query" -o /dev/null -w '%{http_code}')"
done
rm "$work/shop.pcapng.lz4"
same "removed" 404 "$(status_of /v1/captures/shop.pcapng.lz4)"
cp "$work/copy.pcapng.lz4" "$work/shop.pcapng.lz4"
printf 'garbage, no capture' >"$work/shop.pcapng.lz4"
same "garbage" 500 "$(status_of /v1/captures/shop.pcapng.lz4)"

# ---- clients that do not read ------------------------------------------------------------------

# A capture that is far longer than what sockets and pipes hold, taken back and forth.
dredge -r synth:rate=200000,seconds=2,size=700 -w "$work/shop.pcapng.lz4" || bad "no long capture"
threads() { ls "/proc/$monitor/task" | wc -l; }
resident() { awk '/^RssAnon/ {print $2}' "/proc/$monitor/status"; }
before=$(threads)
on_host "$python" -c "
import socket, time
all = [socket.create_connection(('127.0.0.1', ${url##*:})) for _ in range(6)]
for s in all:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.sendall(b'GET /v1/captures/shop.pcapng.lz4 HTTP/1.1\r\nHost: localhost\r\n\r\n')
time.sleep(2)
answers = [s.recv(12) for s in all]
print(sorted(a.split()[1].decode() for a in answers))
open('$work/slow', 'w').close()
time.sleep(600)" >"$work/slow.out" 2>&1 &
slow=$!
wait_for 10 test -e "$work/slow" || bad "no answers: $(cat "$work/slow.out")"
same "four at once" "['200', '200', '200', '200', '503', '503']" "$(cat "$work/slow.out")"
same "beside them" 200 "$(status_of /v1/containers)"
[ "$(threads)" = $((before + 4)) ] || bad "threads: $before before, $(threads) with four streams"
[ "$(resident)" -lt 400000 ] || bad "memory: $(resident) kB"
lost() { ask "j['packets']['lost']" /readyz; }
same "lost" 0 "$(lost)"
over() { [ "$(threads)" -le "$before" ]; }
wait_for 60 over || bad "streams of clients that do not read go on: $(threads) threads, $before before"
kill "$slow" 2>/dev/null
get /v1/captures/shop.pcapng.lz4 --max-time 1 --limit-rate 50k -o /dev/null
wait_for 10 over || bad "the stream of a client that left goes on"

# ---- captures that clients start ---------------------------------------------------------------

monitor_stop
mkdir "$work/dir"
echo old >"$work/dir/old.pcapng.lz4"
monitor_start --counters 200ms --window 300ms --capture-dir "$work/dir" -w "$work/main.pcapng.lz4" \
	--listen="unix:$work/api.socket"
url=http://localhost
get() { curl -s --max-time 20 --unix-socket "$work/api.socket" "${@:2}" "$url$1"; }
change() { # STATUS TARGET CURL-OPTIONS...
	local got
	got=$(get "$2" -o "$work/answer.json" -w '%{http_code}' "${@:3}")
	[ "$1" = "$got" ] || bad "${*:2}: wanted $1, got $got: $(<"$work/answer.json")"
}
known_again() { [ "$(ask "j['total']" /v1/apps)" = 2 ]; }
wait_for 10 known_again || bad "apps are not known"
change 201 /v1/captures -d "{\"name\":\"web\",\"filter\":\"icmp and marathon.app.id=/shop/web\"}"
same "its name" '{"name":"web.pcapng.lz4"}' "$(<"$work/answer.json")"
change 201 /v1/captures -d '{"name":"all.pcapng"}'
change 201 /v1/captures -d '{"name":"brief.pcapng","seconds":1}'
traffic
traffic
listed() { [ "$(ask "sorted((c['name'], c['writing']) for c in j['captures'])" /v1/captures)" = "$1" ]; }
wait_for 10 listed "[('all.pcapng', True), ('brief.pcapng', False), ('main.pcapng.lz4', True), ('web.pcapng.lz4', True)]" ||
	bad "the list: $(get /v1/captures)"
same "its filter" "icmp and marathon.app.id=/shop/web" \
	"$(ask "[c['filter'] for c in j['captures'] if c['name'] == 'web.pcapng.lz4'][0]" /v1/captures)"
change 200 /v1/captures/web.pcapng.lz4/rotate -X POST
traffic
change 404 /v1/captures/web.pcapng.lz4 -X DELETE # the next one is written
change 200 /v1/captures/web1.pcapng.lz4 -X DELETE
change 404 /v1/captures/web1.pcapng.lz4 -X DELETE
change 409 /v1/captures/main.pcapng.lz4 -X DELETE
change 200 /v1/captures/main.pcapng.lz4/rotate -X POST
change 409 /v1/captures -d '{"name":"old"}'
same "what was there" old "$(<"$work/dir/old.pcapng.lz4")"
ln -s "$work/victim" "$work/dir/link.pcapng"
change 500 /v1/captures -d '{"name":"link.pcapng"}'
[ ! -e "$work/victim" ] || bad "a link was followed"
for body in '' '{' '[]' '{}' '{"name":1}' '{"name":"../x"}' '{"name":"/x"}' '{"name":".x"}' '{"name":"a b"}' \
	'{"name":"x","filter":"(("}' '{"name":"x","seconds":-1}' '{"name":"x","path":"/"}' '{"name":"x","filter":5}'; do
	change 400 /v1/captures -d "$body"
done
change 409 /v1/captures -d '{"name":"x","filter":"tcp.analysis.retransmission=true"}'
head -c 70000 /dev/zero | tr '\0' x >"$work/long"
change 413 /v1/captures --data-binary "@$work/long"
change 413 /v1/captures --data-binary "@$work/long" -H 'Transfer-Encoding: chunked'
change 405 /v1/captures -X PUT
change 405 /v1/captures/x -X POST
change 405 /v1/apps -d x
change 200 /v1/captures/all.pcapng -X DELETE
same "frames of web: sent and received, at both rounds" 80 "$(packets_of "$work/dir/web.pcapng.lz4" "evt.type=packet")"
same "and behind the rotation" 40 "$(packets_of "$work/dir/web1.pcapng.lz4" "evt.type=packet")"
[ "$(packets_of "$work/dir/all.pcapng" icmp)" = 240 ] || bad "all: $(packets_of "$work/dir/all.pcapng" icmp)"
same "names in a file that began late" /shop/web "$(dredge -r "$work/dir/web.pcapng.lz4" -p %marathon.app.id | sort -u)"
control() { dredgectl captures --listen "unix:$work/api.socket" "$@" 2>"$work/control.err"; }
same "dredgectl start" late.pcapng.lz4 "$(control start late icmp and "container.id=${id_of[db]}")"
traffic
control rotate late.pcapng.lz4 || bad "dredgectl rotate: $(<"$work/control.err")"
control stop late1.pcapng.lz4 || bad "dredgectl stop: $(<"$work/control.err")"
whole() { control | grep -qE "^late.pcapng.lz4 +whole .* icmp and container.id=${id_of[db]}\$"; }
wait_for 10 whole || bad "dredgectl captures: $(control)"
same "dredgectl fetch" 20 "$(control fetch late.pcapng.lz4 ip.src=10.77.0.3 | frames)"
same "dredgectl fetch --format" 40 "$(control fetch late.pcapng.lz4 evt.type=packet --format text | wc -l)"
control stop nothing && bad "dredgectl stops what there is not"
same "and says why" "dredgectl: no such capture is being written" "$(<"$work/control.err")"
for ((i = 0; i < 16; i++)); do change 201 /v1/captures -d "{\"name\":\"n$i\"}"; done
change 503 /v1/captures -d '{"name":"n16"}'

monitor_stop
same "exit status of dredged" 0 "$status"
verdict
