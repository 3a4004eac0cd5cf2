#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cdredge --connect against a server that answers with hostile names and odd rows: what is asked,
# what is shown, and that no byte of a name reaches the terminal as it is; and dredgectl captures.
# Usage: tests/console/remote.sh    (cdredge must be in PATH)
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/console/screen.bash
trap 'kill $server 2>/dev/null; screen_end' EXIT
failed=0
fail() {
	echo "$*"
	failed=1
}
cat >"$work/server.py" <<'END'
import http.server
import json
import sys

ROWS = [{"CPU%": 3.1, "IN/s": 10600.5, "CONT": 2, "APP": "/shop/client"},
        {"IN/s": 5, "APP": "/evil\x1b[31m\x1b]0;title\x07/\u202e\u200b/app"},
        {"CONT": "many", "APP": None}, 17, {"APP": "\u540d\u524d" * 40, "IN/s": 7}]


CAPTURES = {"captures": [{"name": "evil\x1b[31m", "filter": "proc.name = \x1b]0;title\x07"}, {}]}
FIRST = sys.argv[1] # a file with the task of the first row


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open(FIRST) as f:
            ROWS[0]["ID"] = f.read().strip()
        answer = ROWS if "/views/" in self.path else CAPTURES if "captures" in self.path else []
        body = json.dumps(answer).encode()
        print(self.path, self.headers.get("Authorization"), flush=True)
        self.send_response(404 if self.path.startswith("/other/") else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
END
echo task-a >"$work/first"
python3 "$work/server.py" "$work/first" >"$work/log" &
server=$!
until_true test -s "$work/log" || fail "no server"
url=http://127.0.0.1:$(head -n 1 "$work/log")

echo 'read sesame' >"$work/token"
out=$(LC_ALL=C.UTF-8 cdredge --connect "$url/" --batch=csv --token-file "$work/token" 'fd.sport = 80')
[[ $out == *'/shop/client'* ]] || fail "batch: $out"
grep -qF '/v1/views/marathon_apps?filter=fd.sport%20%3D%2080 Bearer sesame' "$work/log" ||
	fail "asked: $(cat "$work/log")"

# who does not say why is no dredged
out=$(cdredge --connect "$url/other" --batch 2>&1)
[ "$out" = "cdredge: $url/other: HTTP status 404 (is it dredged?)" ] || fail "not dredged: $out"
out=$(dredgectl captures list --listen "$url/other" 2>&1)
[[ $out == "dredgectl: $url/other/v1/captures: HTTP status 404 (is it dredged?)" ]] || fail "not dredged: $out"

echo 'control open' >"$work/token"
out=$(LC_ALL=C.UTF-8 dredgectl captures list --listen "$url" --token-file "$work/token")
[[ $out == *evil* && $out != *$'\033'* ]] || fail "captures: $out"
grep -qF '/v1/captures Bearer open' "$work/log" || fail "asked for captures: $(cat "$work/log")"

t new-session -d -x 100 -y 20 "TZ=UTC LC_ALL=C.UTF-8 cdredge --connect $url -d 200"
t pipe-pane "cat >$work/raw"
until_true shows /shop/client || fail "no rows"
screen | grep -q '^ *3\.1 .*/shop/client' || fail "percent: $(screen)"
until_true shows '名前' || fail "wide names are not shown"
shows '/evil?[31m?]0;title?/' || fail "hostile name: $(screen)"
t send-keys F1
until_true shows 'Tables of containers' || fail "no help"
t send-keys x Enter
until_true shows 'Mesos Tasks' || fail "no way down"
until_true grep -q 'mesos_tasks?filter=.*marathon.app.id%3D%22%2Fshop%2Fclient%22' "$work/log" ||
	fail "asked below: $(tail -n 1 "$work/log")"
LC_ALL=C grep -qF $'\033]0;title' "$work/raw" && fail "a name reached the terminal"
LC_ALL=C grep -qF $'\342\200\256' "$work/raw" && fail "a mark of direction reached the terminal"
[ -s "$work/raw" ] || fail "nothing was drawn"

# What is asked about stays, whatever comes meanwhile.
mkdir -p "$work/dredge/chisels/views"
cat >"$work/dredge/chisels/views/killable.lua" <<'END'
view_info = { id = "killable", view_type = "table", is_root = true,
	columns = { { name = "ID", field = "mesos.task.id", is_key = true } },
	actions = { { hotkey = "x", description = "end it", argv = { "false", "%mesos.task.id" },
		ask_confirmation = true }, { hotkey = "z", argv = { "%mesos.task.id" } } } }
END
asked() { grep -c /v1/views/ "$work/log"; }
t set-option -g remain-on-exit on
t respawn-pane -k "trap '' CHLD; XDG_DATA_HOME=$work TZ=UTC LC_ALL=C.UTF-8 cdredge --connect $url -d 100 -v killable"
until_true shows task-a || fail "no tasks: $(screen)"
t send-keys x
until_true shows 'Run: false task-a' || fail "no question: $(screen)"
echo task-b >"$work/first"
n=$(asked)
# shellcheck disable=SC2317 # until_true calls it
some_more() { [ "$(asked)" -gt $((n + 5)) ]; }
until_true some_more || fail "nothing more was asked"
shows 'Run: false task-a' || fail "another task is to be killed now: $(screen)"
t send-keys n
until_true shows task-b || fail "the rows stay for ever"
# Who began cdredge may ignore the ends of his children.
t send-keys x
until_true shows 'y runs it' || fail "no question"
t send-keys y
until_true shows 'false: exit status 1' || fail "how it ended is not told: $(screen)"
t send-keys Enter
until_true shows 'Viewing:' || fail "no way back"
# What is run here is asked about, as the rows are another host's; and a name is no program.
printf 'task\302\23331m' >"$work/first"
until_true shows 'task?31m' || fail "no third task: $(screen)"
t pipe-pane "cat >$work/raw"
t send-keys z
until_true shows 'another host' || fail "run without a question: $(screen)"
t send-keys y
until_true shows 'No such file' || fail "it was not run: $(screen)"
LC_ALL=C grep -qF $'\302\233' "$work/raw" && fail "a control character reached the terminal"
t send-keys Enter
until_true shows 'Viewing:' || fail "no way back from a name"
kill $server
until_true shows 'Failed to connect' || fail "silence is not told"
exit $failed
