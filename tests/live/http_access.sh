#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Who may ask over HTTP: TLS, tokens to read and to control, names that do not belong to loopback,
# files that are open to everybody; and that nothing secret shows.
# shellcheck disable=SC2154
source "$(dirname "$0")/lib.bash"
need curl openssl tshark
cluster_start
container web 10.77.0.3 /shop/web
publish web
api_start
container_up web

read=read-$(openssl rand -hex 16) control=control-$(openssl rand -hex 16)
umask 077
printf '# who may\nread %s\ncontrol %s\n' "$read" "$control" >"$work/tokens"
authority() { # NAME: a certificate that signs itself, for 10.77.0.1
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
		-addext 'subjectAltName=IP:10.77.0.1,IP:127.0.0.1' \
		-keyout "$work/$1.key" -out "$work/$1.pem" 2>/dev/null || die "no certificate"
}
authority host
authority other
tls=(--tls-cert "$work/host.pem" --tls-key "$work/host.key")

serve() { # ADDRESS OPTIONS...
	monitor_start --counters 200ms -w "$work/shop.pcapng.lz4" --listen="$1" "${@:2}"
	url=$(sed -n 's/^dredged: HTTP at //p' "$work/dredged.err")
}
status_of() { # TARGET CURL-OPTIONS...
	on_host curl -s --max-time 5 -o /dev/null -w '%{http_code}' "${@:2}" "$url$1"
}
refused() { # WHAT REASON OPTIONS...: dredged does not begin
	local said
	said=$(on_host timeout 5 dredged --no-capture "${@:3}" 2>&1) && bad "$1: it begins"
	[[ $said == *"$2"* ]] || bad "$1: $said"
	[[ $said != *"${read#read-}"* && $said != *"${control#control-}"* ]] || bad "$1 shows a token"
}

# ---- what it does not begin with ---------------------------------------------------------------

refused "no TLS" "TLS and tokens" --listen=10.77.0.1:0 --token-file "$work/tokens"
refused "no tokens" "TLS and tokens" --listen=0.0.0.0:0 "${tls[@]}"
refused "no key" "want each other" --listen=127.0.0.1:0 --tls-cert "$work/host.pem"
refused "no file" "No such file" --listen=127.0.0.1:0 --token-file "$work/nothing"
refused "another's key" "do not fit" --listen=127.0.0.1:0 --tls-cert "$work/host.pem" --tls-key "$work/other.key"
chmod 644 "$work/tokens"
refused "tokens for all to read" "open to everybody" --listen=127.0.0.1:0 --token-file "$work/tokens"
chmod 600 "$work/tokens"
chmod 644 "$work/host.key"
refused "a key for all to read" "open to everybody" --listen=127.0.0.1:0 "${tls[@]}"
chmod 600 "$work/host.key"
printf 'read %s\nwrite %s\n' "$read" "$control" >"$work/odd"
refused "an odd line" "odd:2" --listen=127.0.0.1:0 --token-file "$work/odd"

# ---- an address that others reach --------------------------------------------------------------

serve 0.0.0.0:0 "${tls[@]}" --token-file "$work/tokens"
url=https://10.77.0.1:${url##*:}
ca=(--cacert "$work/host.pem")
same "no token" 401 "$(status_of /v1/apps "${ca[@]}")"
on_host curl -s "${ca[@]}" -D "$work/head" -o /dev/null "$url/"
grep -qi '^www-authenticate: bearer' "$work/head" || bad "401 does not say how"
same "a wrong token" 401 "$(status_of /v1/apps "${ca[@]}" -H "Authorization: Bearer ${read}x")"
same "no bearer" 401 "$(status_of /v1/apps "${ca[@]}" -u "$read:$read")"
same "to read" 200 "$(status_of /v1/apps "${ca[@]}" -H "Authorization: Bearer $read")"
same "to control, too" 200 "$(status_of /v1/apps "${ca[@]}" -H "Authorization: Bearer $control")"
same "POST with no token" 401 "$(status_of /v1/captures "${ca[@]}" -d '{}')"
same "POST with the one to read" 403 "$(status_of /v1/captures "${ca[@]}" -d '{}' -H "Authorization: Bearer $read")"
same "DELETE with the one to read" 403 "$(status_of /v1/captures/x "${ca[@]}" -X DELETE -H "Authorization: Bearer $read")"
[[ $(status_of /v1/captures "${ca[@]}" -d '{}' -H "Authorization: Bearer $control") != 40[13] ]] || bad "POST with the one to control"
same "another authority" 000 "$(status_of / --cacert "$work/other.pem" -H "Authorization: Bearer $read")"
same "without TLS" 000 "$(on_host curl -s --max-time 5 -o /dev/null -w '%{http_code}' "http://${url#*//}/")"
same "TLS 1.1" 000 "$(status_of / "${ca[@]}" --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0 -H "Authorization: Bearer $read")"
same "from a container" 401 "$(inside web curl -s --max-time 5 "${ca[@]}" -o /dev/null -w '%{http_code}' "$url/v1/apps")"
became_whole() {
	on_host curl -s "${ca[@]}" -H "Authorization: Bearer $read" "$url/v1/captures/shop.pcapng.lz4?filter=tcp" |
		tshark -r - 2>/dev/null | grep TLS >/dev/null
}
wait_for 10 became_whole || bad "no packets over TLS"
on_host curl -sN --max-time 3 "${ca[@]}" -H "Authorization: Bearer $read" "$url/v1/events" >"$work/events"
grep -q '"evt.type":"counters"' "$work/events" || bad "no events over TLS"

for kind in read control; do echo "${!kind}" >"$work/$kind.token"; done
fetch() { on_host dredgectl captures fetch shop.pcapng.lz4 tcp --listen "$url" --ca-file "$work/host.pem" "$@" 2>&1; }
[ "$(fetch --token-file "$work/read.token" | tshark -r - 2>/dev/null | wc -l)" -gt 0 ] || bad "dredgectl fetches nothing"
same "dredgectl without a token" "dredgectl: a token is wanted: Authorization: Bearer TOKEN" "$(fetch)"
same "dredgectl with the one to read" "dredgectl: this token is to read only" \
	"$(on_host dredgectl captures start x --listen "$url" --ca-file "$work/host.pem" --token-file "$work/read.token" 2>&1)"
ps -ww -o args= -p "$monitor" | grep -E "$read|$control" >/dev/null && bad "ps shows a token"
grep -qE "$read|$control" "$work/dredged.err" && bad "the log shows a token"
monitor_stop
same "exit status of dredged" 0 "$status"
dredge -r "$work/shop.pcapng.lz4" -p '%evt.buffer' -A | grep -E "$read|$control" >/dev/null && bad "the capture shows a token"

# ---- loopback ----------------------------------------------------------------------------------

serve 127.0.0.1:0
same "to read" 200 "$(status_of /v1/apps)"
same "POST" 403 "$(status_of /v1/captures -d '{}')"
for name in evil.example localhost.evil.example "127.0.0.1.evil.example:${url##*:}" 10.77.0.1; do
	same "a page that has its name point here: $name" 421 "$(status_of /v1/apps -H "Host: $name")"
done
same "localhost" 200 "$(status_of /v1/apps -H "Host: localhost:${url##*:}")"
monitor_stop
serve 127.0.0.1:0 --token-file "$work/tokens"
same "loopback with tokens" 401 "$(status_of /v1/apps)"
same "and one" 200 "$(status_of /v1/apps -H "Authorization: Bearer $read")"
monitor_stop
serve "unix:$work/api.socket" --token-file "$work/tokens"
url=http://anything
same "a socket is guarded by its mode" 200 "$(status_of /v1/apps --unix-socket "$work/api.socket")"
monitor_stop
verdict
