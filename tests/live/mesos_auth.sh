#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# TLS and tokens: certificates are verified, a token's file is read again, DC/OS is logged in to
# again when the token is refused; what is secret is never shown.
source "$(dirname "$0")/own.bash"
set -u -o pipefail

probe=${BUILD:-build}/mesos_poller_probe
[ -x "$probe" ] || skip "no $probe"
command -v openssl >/dev/null || skip "needs openssl"

work=$(mktemp -d)
certificate() { # NAME SUBJECT-ALTERNATIVE-NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" \
		-addext "subjectAltName=$2" -keyout "$work/$1.key" -out "$work/$1.pem" 2>/dev/null
}
certificate here IP:127.0.0.1
certificate elsewhere DNS:elsewhere.invalid
for name in account stranger; do
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$work/$name.rsa" 2>/dev/null
done
openssl rsa -in "$work/account.rsa" -pubout -out "$work/account.pub" 2>/dev/null

cat >"$work/server.py" <<'PY'
import base64, http.server, json, os, socketserver, ssl, subprocess, sys, threading, time
work = sys.argv[1]
STATE = (b'{"frameworks":[{"id":"F","name":"marathon","active":true,"tasks":[{"id":'
         b'"shop_web.00000000-0000-4000-8000-000000000001","state":"TASK_RUNNING"}]}]}')
logins, uses = 0, 0

def is_signed(token): # RFC 7515, by the account's key; for a while, not for ever
    said, _, signature = token.rpartition(".")
    head, claims, signature = (base64.urlsafe_b64decode(s + "=" * (-len(s) % 4)) for s in (*said.split("."), signature))
    open(work + "/signature", "wb").write(signature)
    verified = subprocess.run(["openssl", "dgst", "-sha256", "-verify", work + "/account.pub", "-signature",
                               work + "/signature"], input=said.encode(), stdout=subprocess.DEVNULL)
    head, claims = json.loads(head), json.loads(claims)
    return (verified.returncode == 0 and head == {"alg": "RS256", "typ": "JWT"} and claims.keys() == {"uid", "exp"} and
            claims["uid"] == "dredge" and time.time() < claims["exp"] < time.time() + 600)

class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    def handle_error(self, *args):
        pass

class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", location=None):
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        global logins, uses
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/acs/api/v1/auth/login":
            return self.answer(404)
        if os.path.exists(work + "/downgrade") and self.server.server_port != ports[0]:
            return self.answer(307, location="http://127.0.0.1:%d%s" % (ports[0], self.path))
        if "token" in body and (body.keys() != {"uid", "token"} or body["uid"] != "dredge" or not is_signed(body["token"])):
            return self.answer(401)
        if "token" not in body and body != {"uid": "dredge", "password": "secret"}:
            return self.answer(401)
        logins, uses = logins + 1, 0
        open(work + "/logins", "w").write(str(logins))
        self.answer(200, json.dumps({"token": "secret-%d" % logins}).encode())

    def do_GET(self):
        global uses
        want = open(work + "/want").read().strip()
        if want == "dcos":
            uses += 1
            want = "token=secret-%d" % logins if uses <= 3 else "nothing"
        if want and self.headers.get("Authorization") != want:
            return self.answer(401)
        return self.answer(200, STATE) if self.path == "/master/state" else self.answer(404)

ports = []
for name in ("", "here", "elsewhere"):
    server = Server(("127.0.0.1", 0), Handler)
    if name:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(work + "/" + name + ".pem", work + "/" + name + ".key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    ports.append(server.server_port)
    threading.Thread(target=server.serve_forever).start()
open(work + "/port.new", "w").write(" ".join(map(str, ports)) + "\n")
os.rename(work + "/port.new", work + "/port")
PY
echo >"$work/want"
python3 "$work/server.py" "$work" 2>/dev/null &
for _ in $(seq 100); do [ -e "$work/port" ] && break; sleep 0.1; done
read -r plain here elsewhere <"$work/port" || exit 1
status=0
check() { # NAME SECONDS URL EXPECTED; the environment is what is tested
	local out
	out=$("$probe" "$2" "$3" http://127.0.0.1:1 shop_web.00000000-0000-4000-8000-000000000001 2>&1)
	if [[ $out != *$4* || $out != *stop=prompt* || $out == *secret* ]]; then
		printf '%s: expected "%s", got:\n%s\n' "$1" "$4" "$out"
		status=1
	fi
}
export PROBE_TIMEOUT=5000 # handshakes of a busy machine
named="app=/shop/web state=TASK_RUNNING Mesos metadata of 1 tasks"

PROBE_CA=$work/here.pem check "https" 3 "https://127.0.0.1:$here" "$named"
check "https, of nobody that is trusted" 3 "https://127.0.0.1:$here" "no Mesos metadata yet; last error: *certificate"
PROBE_CA=$work/elsewhere.pem check "https, of another name" 3 "https://127.0.0.1:$elsewhere" \
	"no Mesos metadata yet; last error: *certificate"

echo "Bearer secret-1" >"$work/want"
echo secret-1 >"$work/token"
check "no token" 3 "http://127.0.0.1:$plain" "HTTP status 401"
DREDGE_MESOS_TOKEN=secret-1 check "a token of the environment" 3 "http://127.0.0.1:$plain" "$named"
PROBE_TOKEN=$work/token check "a token's file" 3 "http://127.0.0.1:$plain" "$named"
echo "Bearer secret-2" >"$work/want"
PROBE_TOKEN=$work/token check "an old token" 3 "http://127.0.0.1:$plain" "HTTP status 401"
(sleep 1.5; echo secret-2 >"$work/token") &
PROBE_TOKEN=$work/token check "a token that is renewed" 6 "http://127.0.0.1:$plain" "$named"

echo dcos >"$work/want"
login() { echo "{\"login\":\"$1\",\"uid\":\"dredge\",\"password\":\"${2:-secret}\"}" >"$work/login"; }
export PROBE_LOGIN=$work/login PROBE_CA=$work/here.pem
login "https://127.0.0.1:$here"
check "DC/OS" 6 "https://127.0.0.1:$here" "$named"
[ "$(<"$work/logins")" -ge 2 ] || { echo "DC/OS: not logged in again"; status=1; }
login "https://127.0.0.1:$here" secret-of-another
check "DC/OS, wrong password" 3 "https://127.0.0.1:$here" "login refused: HTTP status 401"
login "https://127.0.0.1:$here"
logins=$(<"$work/logins")
touch "$work/downgrade"
check "DC/OS, sent on to http" 3 "https://127.0.0.1:$here" "redirect from https to http refused"
[ "$(<"$work/logins")" = "$logins" ] || { echo "DC/OS: the password went over http"; status=1; }
rm "$work/downgrade"
account() { # KEY: as DC/OS makes the secret of a service account
	python3 -c 'import json, sys; print(json.dumps({"login_endpoint": sys.argv[1] + "/acs/api/v1/auth/login",
		"uid": "dredge", "scheme": "RS256", "private_key": open(sys.argv[2]).read()}))' \
		"https://127.0.0.1:$here" "$1" >"$work/login"
}
account "$work/account.rsa"
if [[ $("$probe" 1 "https://127.0.0.1:$here" http://127.0.0.1:1 none 2>&1) == *"built without libjwt"* ]]; then
	echo "no service accounts: built without libjwt"
else
	logins=$(<"$work/logins")
	check "DC/OS, service account" 6 "https://127.0.0.1:$here" "$named"
	[ "$(<"$work/logins")" -ge $((logins + 2)) ] || { echo "service account: not logged in again"; status=1; }
	account "$work/stranger.rsa"
	check "DC/OS, another key" 3 "https://127.0.0.1:$here" "login refused: HTTP status 401"
fi
exit $status
