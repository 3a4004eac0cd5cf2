#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The Mesos poller against a scripted master on loopback: first a good answer, then each trouble.
# The last names stay, the reason is told, and stopping is prompt.
#
#     mesos_poller.sh [PROBE]
source "$(dirname "$0")/own.bash"
set -u -o pipefail

probe=${1:-${BUILD:-build}/mesos_poller_probe}
[ -x "$probe" ] || skip "no $probe"
python3 -c 'import http.server' 2>/dev/null || skip "needs python3"

work=$(mktemp -d)

cat >"$work/server.py" <<'PY'
import gzip, http.server, socketserver, sys, time
work = sys.argv[1]
STATE = (b'{"frameworks":[{"id":"F","name":"marathon","active":true,"tasks":[{"id":'
         b'"shop_web.00000000-0000-4000-8000-000000000001","state":"TASK_RUNNING"}]}]}')

class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", length=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        here = "%s:%d" % self.server.server_address
        modes = open(work + "/mode").read().split()
        count = getattr(self.server, "count", 0)
        mode = modes[0]
        path = self.path
        if not path.startswith("/master/state") and path not in ("/state.json", "/leader/x"):
            return self.answer(404)
        if mode == "auth" and self.headers.get("Authorization") != "Basic dTpw":
            return self.answer(401)
        if mode in ("good", "auth"):
            open(work + "/asked", "w").close()
            return self.answer(200, STATE)
        if mode == "gzip":
            return self.answer(200, gzip.compress(STATE), Content_Encoding="gzip")
        if mode == "old":
            return self.answer(200, STATE) if path == "/state.json" else self.answer(404)
        if mode in ("absolute", "relative", "path", "bare") and "hop" not in path:
            to = {"absolute": "http://%s/master/state?hop" % here,
                  "relative": "//%s/master/state?hop" % here,
                  "path": "/master/state?hop", "bare": "//localhost:%d" % self.server.server_port}
            if mode == "bare" and self.headers["Host"].startswith("localhost"):
                return self.answer(200, STATE)
            return self.answer(307, Location=to[mode])
        if "hop" in path:
            return self.answer(200, STATE)
        if mode == "loop":
            return self.answer(307, Location="//%s%s" % (here, path))
        if mode == "file":
            return self.answer(307, Location="file:///etc/passwd")
        if mode == "half":
            return self.answer(200, STATE[:50], length=len(STATE))
        if mode == "garbage":
            return self.answer(200, b"\x00\xff<html>")
        if mode == "huge":
            return self.answer(200, gzip.compress(b" " * 5000000), Content_Encoding="gzip")
        if mode == "deep":
            return self.answer(200, b"[" * 5000)
        if mode == "slow":
            time.sleep(5)
            return self.answer(200, STATE)
        self.answer(int(mode))

server = Server(("127.0.0.1", 0), Handler)
open(work + "/port.new", "w").write(str(server.server_port))
import os
os.rename(work + "/port.new", work + "/port")
server.serve_forever()
PY
echo good >"$work/mode"
python3 "$work/server.py" "$work" &
server_pid=$!
for _ in $(seq 100); do [ -e "$work/port" ] && break; sleep 0.1; done
port=$(cat "$work/port") || exit 1
task=shop_web.00000000-0000-4000-8000-000000000001
status=0

check() { # NAME MODE EXPECTED [AGAIN] [LOGIN]: AGAIN = the mode after one good second
	local out seconds=1
	[ -z "${4:-}" ] || seconds=3
	echo "${4:-$2}" >"$work/mode"
	if [ -n "${4:-}" ]; then
		rm -f "$work/asked"
		(for _ in $(seq 40); do [ ! -e "$work/asked" ] || break; sleep 0.1; done
		sleep 0.3; echo "$2" >"$work/mode.new"; mv "$work/mode.new" "$work/mode") &
	fi
	out=$("$probe" "$seconds" "http://${5:-}127.0.0.1:$port" "http://127.0.0.1:1" "$task" 2>&1)
	if [[ $out != *$3* || $out != *stop=prompt* || $out == *secret* ]]; then
		printf '%s: expected "%s", got:\n%s\n' "$1" "$3" "$out"
		status=1
	fi
	return $status
}

for mode in good gzip old absolute relative path bare; do
	check "$mode" "$mode" "app=/shop/web state=TASK_RUNNING Mesos metadata of 1 tasks" || true
done
check auth auth "app=/shop/web" "" "u:p@"
check "wrong password" auth "HTTP status 401" "" "u:secret@"
for row in "500:HTTP status 500" "503:HTTP status 503" "half:" "garbage:no valid JSON" \
	"loop:more than 5 redirects" "file:redirect to no usable address" \
	"huge:larger than 100000 bytes" "deep:deeper than 64" "slow:Timeout"; do
	mode=${row%%:*}
	check "$mode" "$mode" "app=/shop/web * Mesos metadata*last error: *${row#*:}" good &
	wait $! || status=1
done
kill "$server_pid"
wait "$server_pid" 2>/dev/null
check down good "app=- state=- no Mesos metadata yet; last error: http://127.0.0.1:$port"
exit $status
