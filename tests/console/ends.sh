#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# However cdredge ends, the terminal is as it was: its settings, its screen, its cursor.
# Usage: tests/console/ends.sh    (cdredge must be in PATH)
# shellcheck disable=SC2317 # functions that until_true calls
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/console/screen.bash
failed=0
fail() {
	echo "$case: $*"
	failed=1
}
exists() { [ -s "$1" ]; }

# A shell that is there before and after.
start() {
	t kill-server 2>/dev/null
	socket=$((socket + 1))
	rm -f "$work"/{pid,before,after,status}
	cat >"$work/shell" <<-END
		echo before
		stty -g >$work/before
		TZ=UTC LC_ALL=C.UTF-8 sh -c 'echo \$\$ >$work/pid; exec cdredge -r samples/shop.pcapng.lz4'
		echo \$? >$work/status
		stty -g >$work/after
		echo behind
		sleep 1000
	END
	t new-session -d -x 80 -y 24 "bash $work/shell"
	until_true shows redis-spare || fail "no screen"
}

check() { # STATUS
	until_true exists "$work/after" || { fail "did not end"; return; }
	cmp -s "$work/before" "$work/after" || fail "stty: $(cat "$work/before" "$work/after")"
	[ "$(cat "$work/status")" = "$1" ] || fail "status $(cat "$work/status"), not $1"
	until_true shows behind || fail "the shell's screen is not back"
	shows before || fail "the screen of before is gone"
	shows redis-spare && fail "the picture is still there"
	[ "$(t display-message -p '#{cursor_flag} #{alternate_on} #{mouse_any_flag}')" = "1 0 0" ] ||
		fail "cursor, screen, mouse: $(t display-message -p '#{cursor_flag} #{alternate_on} #{mouse_any_flag}')"
	[ $failed = 0 ] && echo "ok $case"
}

case="Quit"
start
t send-keys q
check 0
for signal in TERM INT HUP QUIT; do
	case="Signal SIG$signal"
	start
	kill -"$signal" "$(cat "$work/pid")"
	check 0
done
for signal in SEGV ABRT BUS; do
	case="Crash by SIG$signal"
	start
	kill -"$signal" "$(cat "$work/pid")"
	check $((128 + $(kill -l "$signal")))
done
case="Interrupt key"
start
t send-keys C-c
check 0

case="Terminal gone"
start
pid=$(cat "$work/pid")
t kill-server
gone() { ! kill -0 "$pid" 2>/dev/null; }
until_true gone || fail "it lives on"

case="No terminal"
for redirect in '</dev/null' '| cat'; do
	out=$(sh -c "cdredge -r samples/shop.pcapng.lz4 $redirect" 2>&1)
	[[ $out == *"needs a terminal; --batch"* ]] || fail "$redirect: $out"
done
case="Unknown terminal"
out=$(script -qec "env TERM=nonsense cdredge -r samples/shop.pcapng.lz4" /dev/null </dev/null 2>&1)
[[ $out == *"terminal 'nonsense' is not known"* ]] || fail "$out"
exit $failed
