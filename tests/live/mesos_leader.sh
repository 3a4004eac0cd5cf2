#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Which master leads, as each release tells it: redirects, standby masters with an empty state of
# their own, no leader at all, and a fail-over that costs no name.
source "$(dirname "$0")/own.bash"
set -u -o pipefail

probe=${BUILD:-build}/mesos_poller_probe
[ -x "$probe" ] || skip "no $probe"
python3 -c 'import http.server' 2>/dev/null || skip "needs python3"

work=$(mktemp -d)

mode() { echo "$1" >"$work/mode.new" && mv "$work/mode.new" "$work/mode"; }
mode "1.11 0"
python3 "$(dirname "$0")/mesos_api.py" "$work" 2>"$work/log" &
for _ in $(seq 100); do [ -e "$work/ports" ] && break; sleep 0.1; done
read -r first second <"$work/ports" || exit 1
both=http://127.0.0.1:$first,http://127.0.0.1:$second
status=0

until_asked()
{
	for _ in $(seq 40); do [ ! -s "$work/asked" ] || break; sleep 0.1; done
	sleep 0.3
}

check() { # NAME SECONDS URLS EXPECTED [AFTER-THE-FIRST-ROUND]; NO_FOLLOW=1 pins the URL
	local out
	: >"$work/asked"
	if [ -n "${5:-}" ]; then (until_asked; mode "$5") & fi
	out=$("$probe" "$2" "$3" http://127.0.0.1:1 shop_web.00000000-0000-4000-8000-000000000001 \
		${NO_FOLLOW:+no-follow} 2>&1)
	if [[ $out != *$4* || $out != *stop=prompt* ]]; then
		printf '%s: expected "%s", got:\n%s\n' "$1" "$4" "$out"
		status=1
	fi
}

named="app=/shop/web state=TASK_RUNNING Mesos metadata of 1 tasks"
for release in 0.20 0.28 1.0 1.11; do
	mode "$release 1"
	check "$release: the other one leads" 1 "http://127.0.0.1:$first" "$named"
done
for release in 0.28 1.11; do
	mode "$release 0"
	check "$release: fail-over" 3 "http://127.0.0.1:$first" "$named" "$release 1"
	mode "$release 0"
	check "$release: a leader that nobody registered with yet" 3 "$both" "$named" \
		"$release 1 fresh"
	mode "$release 0"
	check "$release: the first master dies" 3 "$both" "$named" "$release 1 down"
	mode "$release 0"
	check "$release: no leader for a while" 3 "$both" "app=/shop/web state=TASK_RUNNING * error:" \
		"$release none"
	mode "$release 1"
	NO_FOLLOW=1 check "$release: --no-follow" 1 "http://127.0.0.1:$first" \
		"app=- state=- no Mesos metadata yet; last error:"
done
mode "1.11 1 path"
check "a path, then another address" 1 "http://127.0.0.1:$first" "$named"
# The leader was learnt from the second master, which is then the only one that was not given.
mode "1.11 1"
check "a leader that was learnt" 3 "http://127.0.0.1:$first" "$named" "1.11 1 down"
mode "1.11 none"
check "no leader" 6 "$both" "last error: http://127.0.0.1:"
# Rounds of two questions at 0, 1, 3 and 7 s instead of every half second.
[ "$(wc -l <"$work/asked")" -le 16 ] || { echo "no back-off:"; cat "$work/asked"; status=1; }
exit $status
