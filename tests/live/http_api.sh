#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The HTTP server of dredged beside what is known of its containers: each route, malformed requests,
# clients that are slow, addresses that are not of this host alone.
# shellcheck disable=SC2154
source "$(dirname "$0")/lib.bash"
need curl python3 dredgectl
python=$(PATH=/usr/bin:$PATH type -p python3)
cluster_start
container web 10.77.0.3 /shop/web
container db 10.77.0.4 /shop/db
container lone 10.77.0.5 /none # Mesos does not know it
publish web db
api_start
mkdir "$work/share" && ln -s "$(realpath "$(dirname "$0")/../..")" "$work/share/dredge"
export XDG_DATA_HOME=$work/share # views are those of this tree
container_up web
container_up db
container_up lone

get() { # TARGET [CURL-OPTIONS]
	on_host curl -s --max-time 10 "${@:2}" "$url$1"
}
# EXPRESSION TARGET: of the answer, which is j; c(NAME) the element of a container by its id
ask() {
	get "$2" | "$python" -c "
import json, sys
j = json.load(sys.stdin)
ids = dict(zip(sys.argv[2::2], sys.argv[3::2]))
def by(key, value): return [e for e in j if e[key] == value][0]
print($1)" - web "${id_of[web]}" db "${id_of[db]}" lone "${id_of[lone]}" 2>&1
}
server_start() { # ADDRESS OPTIONS...
	monitor_start --counters 200ms --listen="$1" "${@:2}"
	url=$(sed -n 's/^dredged: HTTP at //p' "$work/dredged.err")
}

# ---- where it listens --------------------------------------------------------------------------

for address in 0.0.0.0:5052 10.77.0.1:5052 '[::]:5052' '[fe80::1]:5052' 5052 127.0.0.1 127.0.0.1:70000 ::1:5052; do
	said=$(on_host timeout 5 dredged --listen="$address" 2>&1)
	same "$address is refused" 2 $?
	[[ $said == *listen:* ]] || bad "$address: $said"
done
[[ $(on_host dredged --listen=0.0.0.0:5052 2>&1) == *"TLS and tokens"* ]] || bad "no reason is given"
server_start '[::1]:0'
[[ $url =~ ^http://\[::1\]:[1-9][0-9]*$ ]] || bad "IPv6: $url"
same "over IPv6" 200 "$(get / -g -o /dev/null -w '%{http_code}')"
monitor_stop
server_start "unix:$work/api.socket"
same "over a unix socket" 200 "$(curl -s --unix-socket "$work/api.socket" http://x/ -o /dev/null -w '%{http_code}')"
same "its mode" 600 "$(stat -c %a "$work/api.socket")"
monitor_stop
[ ! -e "$work/api.socket" ] || bad "the socket is left behind"

server_start 127.0.0.1:0
[[ $url =~ ^http://127.0.0.1:[1-9][0-9]*$ ]] || die "no address is printed: $url"

# ---- as Mesos' agent answers -------------------------------------------------------------------

known() { [ "$(ask "sorted(e['executor_id'] for e in j if e['framework_id'])" /monitor/statistics)" = \
	"$(printf '%s\n' "${task_of[web]}" "${task_of[db]}" | sort | "$python" -c \
		"import sys; print(sys.stdin.read().split())")" ]; }
wait_for 10 known || bad "statistics: $(ask "j" /monitor/statistics)"
inside web ping -c 3 -i 0.2 -q 10.77.0.4 >/dev/null
counted() { # the host's end, seen from the container
	[ "$(ask "by('executor_id', '${task_of[web]}')['statistics']['net_tx_packets']" /monitor/statistics)" = \
		"$(cat_on_host /sys/class/net/vweb/statistics/rx_packets)" ]
}
cat_on_host() { on_host ip -s -j link show vweb | "$python" -c \
	"import json, sys; print(json.load(sys.stdin)[0]['stats64']['rx']['packets'])"; }
wait_for 5 counted || bad "net_tx_packets is not what the link says"
web="by('container_id', '${id_of[web]}')"
same "framework" "$framework" "$(ask "${web}['framework_id']" /containers)"
same "executor" "${task_of[web]}" "$(ask "${web}['executor_id']" /containers)"
same "first process" "$(cat "${cgroup_roots[0]}/$cgroup_name/${id_of[web]}/cgroup.procs")" \
	"$(ask "${web}['status']['executor_pid']" /containers)"
same "one container" 1 "$(ask "len(j)" "/containers?container_id=${id_of[db]}")"
same "executors of a framework" 2 "$(ask "len(j)" "/containers?framework_id=$framework")"
same "executor alone" 400 "$(get '/containers?executor_id=x' -o /dev/null -w '%{http_code}')"
same "both names" True "$(ask "len(j) == 3 and 'timestamp' in j[0]['statistics']" /monitor/statistics.json)"
same "who is unknown stands under its id" "${id_of[lone]}" \
	"$(ask "[e['executor_id'] for e in j if not e['framework_id']][0]" /monitor/statistics)"
etag=$(get / -D - -o /dev/null | tr -d '\r' | sed -n 's/^[Ee][Tt]ag: //p')
same "nothing new" 304 "$(get / -H "If-None-Match: $etag" -o /dev/null -w '%{http_code}')"
same "HEAD" "200 0" "$(get /containers -I -o /dev/null -w '%{http_code} %{size_download}')"
same "POST" 403 "$(get /containers -d x -o /dev/null -w '%{http_code}')"
same "no such resource" "{\"error\":\"no such resource; / describes what there is\"}" "$(get /nope)"

# ---- how it is, and numbers --------------------------------------------------------------------

same "alive" ok "$(ask "j['status']" /healthz)"
same "ready" "True None" "$(ask "str(j['ready']) + ' ' + str(j['why'])" /readyz)"
same "metadata" "True 2 None" "$(ask "str(j['metadata']['age_seconds'] < 10) + ' ' + str(j['metadata']['tasks']) + ' ' + str(j['metadata']['error'])" /readyz)"
api_mode 500
troubled() { [[ $(ask "j['metadata']['error']" /readyz) == *500* ]]; }
wait_for 10 troubled || bad "readyz does not tell why there is no metadata"
api_mode good
status_of() { on_host dredgectl status --listen "${url#http://}" 2>&1; }
[[ $(status_of) == *"ready:      yes"*"metadata:   2 tasks, "*" s old; last error: "*"500"*"packets:    "*" 0 lost"* ]] ||
	bad "dredgectl status: $(status_of)"
healed() { [ "$(ask "j['metadata']['error']" /readyz)" = None ]; }
wait_for 10 healed || bad "readyz does not tell that there is metadata again"
cat >"$work/exposition.py" <<'END'
# The rules of Prometheus' text format: families whole and with one TYPE before them, no series twice.
import re, sys
label = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
line_of = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:%s(?:,%s)*)?)\})? (-?[0-9.e+-]+)$' % (label, label))
text = sys.stdin.read()
assert text.endswith("\n"), "no end of line"
types, series, last, closed = {}, {}, None, set()
for line in text.splitlines():
    if line.startswith("# "):
        word, name, rest = line[2:].split(" ", 2)
        if word == "TYPE":
            assert name not in types, "TYPE twice: " + name
            types[name] = rest
        continue
    m = line_of.match(line)
    assert m, "malformed: " + line
    name = m.group(1)
    assert name in types, "no TYPE: " + name
    assert (types[name] == "counter") == name.endswith("_total"), "not the name of a " + types[name] + ": " + name
    if name != last:
        assert name not in closed, "in two pieces: " + name
        closed.add(last)
        last = name
    assert (name, m.group(2)) not in series, "twice: " + line
    series[name, m.group(2)] = float(m.group(3))
got = [v for (name, labels), v in series.items() if name == sys.argv[1] and sys.argv[2] in labels]
print(len(types) > 20, *map(int, got))
END
metric() { get /metrics | "$python" "$work/exposition.py" "$@" 2>&1; }
in_metrics() { [ "True $(cat_on_host)" = "$(metric container_network_transmit_packets_total 'app="/shop/web"')" ]; }
wait_for 10 in_metrics || bad "a counter by app: $(metric container_network_transmit_packets_total 'app="/shop/web"')"
same "what is lost" "True 0" "$(metric dredge_events_lost_total 'reason="ring_full"')"
! command -v promtool >/dev/null || same "promtool" '' "$(get /metrics | promtool check metrics 2>&1)"

# ---- metadata ----------------------------------------------------------------------------------

same "an app by id" "1 /shop/web" "$(ask "str(j['containers']) + ' ' + j['id']" /v1/apps/shop/web)"
same "a group" 2 "$(ask "j['containers']" /v1/groups/shop)"
same "who is in none" 1 "$(ask "j['containers']" /v1/groups/n/a)"
same "a task" "${id_of[db]}" "$(ask "j['container']" "/v1/tasks/${task_of[db]}")"
same "a filter" "${id_of[web]}" "$(ask "j['containers'][0]['id']" '/v1/containers?filter=marathon.app.id=/shop/web&fields=id')"
in_fields() { [ "$(cat_on_host)" = "$(ask "j['net_tx_packets']" "/v1/containers/${id_of[web]}?fields=net_tx_packets")" ]; }
wait_for 10 in_fields || bad "net_tx_packets of /v1/containers is not what the link says"
same "a bad filter" 400 "$(get '/v1/tasks?filter=((' -o /dev/null -w '%{http_code}')"
page=$(ask "j['next']" '/v1/containers?limit=2&sort=-net_tx_packets&fields=id')
same "the last page" "1 False" "$(ask "str(len(j['containers'])) + ' ' + str('next' in j)" \
	"/v1/containers?limit=2&sort=-net_tx_packets&fields=id&cursor=$page")"

# ---- views -------------------------------------------------------------------------------------

same "the views" True "$(ask "'marathon_apps' in [v['id'] for v in j]" /v1/views)"
traffic() { on_host ping -qc 3 -i 0.2 10.77.0.3 >/dev/null; }
rows_of_apps() {
	traffic
	[ "$(ask "sorted(r['APP'] for r in j)" /v1/views/marathon_apps)" = "['/shop/db', '/shop/web', 'n/a']" ]
}
wait_for 10 rows_of_apps || bad "rows of marathon_apps: $(get /v1/views/marathon_apps)"
counts_packets() {
	traffic
	[ "$(ask "(by('APP', '/shop/web')['PKIN/s'] or 0) > 0" \
		'/v1/views/marathon_apps?filter=marathon.app.id=/shop/web')" = True ]
}
wait_for 10 counts_packets || bad "packets of a view: $(get /v1/views/marathon_apps)"
same "a view as CSV" ID, "$(get '/v1/views/containers?format=csv' | head -n 1 | grep -o 'ID,')"
# One who goes from question to question, as cdredge --connect does; places for eight are kept.
asked() { for port in {1..12}; do get "/v1/views/containers?filter=fd.port=$port" -o /dev/null -w '%{http_code} '; done; }
same "twelve questions in turn" "$(printf '200 %.0s' {1..12})" "$(asked)"
same "no such view" 400 "$(get /v1/views/nosuch -o /dev/null -w '%{http_code}')"
same "a bad filter of a view" 400 "$(get '/v1/views/containers?filter=((' -o /dev/null -w '%{http_code}')"

# ---- malformed requests and slow clients -------------------------------------------------------

cat >"$work/hostile.py" <<'END'
import random, socket, sys, time
host, port = "127.0.0.1", int(sys.argv[1])
random.seed(7)
words = [b"GET", b"HEAD", b"POST", b"BREW", b"/", b"/containers", b"/monitor/statistics", b"?", b"%", b"%00",
         b"%zz", b"&", b"=", b" ", b"  ", b"\t", b"\r", b"\0", b"HTTP/1.1", b"HTTP/9.9", b"HTTP/1.", b"\xff" * 9,
         b"Host: localhost", b":", b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"A" * 40000,
         b"Transfer-Encoding: chunked", b"..", b"/../../etc/passwd", b"filter=", b"((((", b"\x16\x03\x01"]
whole = [b"GET /nope HTTP/1.1\r\nHost: localhost\r\n\r\n", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
         b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /%0d%0aX:y HTTP/1.1\r\nHost: localhost\r\n\r\n",
         b"GET / HTTP/1.1\r\nHost: localhost\r\nA: " + b"b" * 50000 + b"\r\n\r\n", b"GET /\r\n\r\n",
         b"GET / HTTP/1.1\r\n\r\n",
         b"\x16\x03\x01\x02\r\n\r\n", b"GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /?" + b"&".join(b"a%d=1" % i for i in range(400)) + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"]
seen = {}
def send(bytes_, patience=0.5):
    s = socket.create_connection((host, port), 5)
    s.settimeout(patience or 1)
    try:
        s.sendall(bytes_)
        answer = s.recv(64) if patience else b""
    except OSError:
        answer = b""
    s.close()
    status = answer.split(b" ")[1].decode() if answer.startswith(b"HTTP/1.") else "closed"
    seen[status] = seen.get(status, 0) + 1
    return status
for bytes_ in whole:
    status = send(bytes_)
    if status[0] != "4":
        print("not refused:", status, bytes_[:60])
for i in range(int(sys.argv[2])):
    line = b"".join(random.choice(words) for _ in range(random.randrange(1, 9)))
    if i % 4 == 0: # without an end, which may yet come: this client leaves at once
        send(line + random.choice([b"\r\n", b""]), 0)
        seen["closed"] -= 1
    status = send(line + random.choice([b"\r\n\r\n", b"\n\n"]), 5) if line.strip(b"\r") else "4"
    if status[0] != "4" and status not in ("200", "505"):
        print("not refused:", status, line[:80])
print(seen, file=sys.stderr)
END
# Behind requests that were answered: what was sent, and what came when it was not refused.
cat >"$work/later.py" <<'END'
import socket, sys
good = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
host = b"\r\nHost: localhost\r\n\r\n"
bad = [b"nonsense\r\n\r\n", b" / HTTP/1.1" + host, b"  " + host, b"\xff\xfe\x16\x03\r\n\r\n", b"GET" + host, b"GET/" + host,
       b"GET" + b"x" * 40000 + host, b"=" + host, b"GET / x HTTP/1.1" + host, b"GET / HTTP/9.9" + host,
       b"GET / HTTP/1.1\r\nnonsense" + host, b"GET / HTTP/1.1\r\n\r\n", 
       b"GET /" + b"a" * 40000 + b" HTTP/1.1" + host, b"GET / HTTP/1.1\r\nContent-Length: x" + host]
def answer(s):
    got = b""
    while b"\r\n\r\n" not in got:
        more = s.recv(65536)
        if not more:
            return got
        got += more
    head, rest = got.split(b"\r\n\r\n", 1)
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(rest) < length:
        rest += s.recv(65536)
    return head
for i in range(int(sys.argv[2])):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
    s.settimeout(10)
    for _ in range(i % 4 + 1):
        s.sendall(good)
        assert answer(s).startswith(b"HTTP/1.1 200 "), "a good request"
    try:
        s.sendall(bad[i % len(bad)])
        got = answer(s)
        more = s.recv(1) # once only
    except OSError as e:
        got, more = str(e).encode(), b""
    if more or got[9:10] != b"4" and got[9:12] != b"505":
        print(bad[i % len(bad)][:40], got[:40], more)
    s.close()
END
alive() { kill -0 "$monitor" && [ "$(get / -o /dev/null -w '%{http_code}')" = 200 ]; }
sockets() { find "/proc/$monitor/fd" -lname 'socket:*' | wc -l; }
resident() { awk '/^RssAnon/ {print $2}' "/proc/$monitor/status"; }
on_host timeout 120 "$python" "$work/hostile.py" "${url##*:}" 2000 >/dev/null 2>&1
sleep 7 # clients that broke off are noticed when they have been silent for 5 s
open=$(sockets) memory=$(resident)
same "malformed requests" '' "$(on_host timeout 120 "$python" "$work/hostile.py" "${url##*:}" 10000 2>"$work/hostile.err")"
same "malformed requests behind good ones" '' "$(on_host timeout 120 "$python" "$work/later.py" "${url##*:}" 1500 2>&1)"
grep -qE "'400': 9[0-9]{3}" "$work/hostile.err" || bad "malformed requests: $(cat "$work/hostile.err")"
alive || bad "not alive after malformed requests"
closed() { [ "$(sockets)" -le $((open + 2)) ]; }
wait_for 20 closed || bad "sockets are left: $open, then $(sockets)"
[ "$(resident)" -le $((memory + 4096)) ] || bad "memory grows: $memory kB, then $(resident) kB"

# A client that asks and reads nothing, many that ask for nothing, one byte now and then: the others
# are answered.
on_host "$python" -c "
import socket, time
all = [socket.create_connection(('127.0.0.1', ${url##*:})) for _ in range(60)]
for s in all[:20]:
    s.sendall(b'GET /monitor/statistics HTTP/1.1\r\nHost: localhost\r\n\r\n' * 20)
for s in all[20:40]:
    s.sendall(b'GET /mon')
open('$work/slow', 'w').close()
time.sleep(600)" &
wait_for 5 test -e "$work/slow"
same "beside slow clients" 200 "$(get /containers --max-time 2 -o /dev/null -w '%{http_code}')"
left_alone() { [ "$(sockets)" -le $((open + 4)) ]; }
wait_for 30 left_alone || bad "slow clients are kept: $open sockets, then $(sockets)"

# ---- who ended: the sums are those of who is left, and Mesos' task stays until Mesos says otherwise ----

stop() { # NAME
	local root pids
	mapfile -t pids <"${cgroup_roots[0]}/$cgroup_name/${id_of[$1]}/cgroup.procs"
	kill -9 "${pids[@]}"
	wait "${pids[@]}" 2>/dev/null
	for root in "${cgroup_roots[@]}"; do remove_cgroup "$root/$cgroup_name/${id_of[$1]}"; done
}
stop db
stop lone
left() { [ "$(ask "[[a['id'], a['containers'], a['running'], len(a['tasks'])] for a in j['apps']]" /v1/groups/shop)" = \
	"[['/shop/db', 0, 1, 0], ['/shop/web', 1, 1, 1]]" ]; }
wait_for 10 left || bad "a group with one that ended: $(get /v1/groups/shop)"
same "the group then" "[1, 2]" "$(ask "[j['containers'], j['running']]" /v1/groups/shop)"
same "who is in none, then" 404 "$(get /v1/groups/n/a -o /dev/null -w '%{http_code}')"
same "one that ended, by id" 404 "$(get "/v1/containers/${id_of[db]}" -o /dev/null -w '%{http_code}')"
same "its task, as Mesos has it" "${id_of[db]} 0" "$(ask "str(j['container']) + ' ' + str(j['containers'])" "/v1/tasks/${task_of[db]}")"

monitor_stop
same "exit status of dredged" 0 "$status"
verdict
