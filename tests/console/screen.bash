# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A terminal of tmux, and what stands on its screen. Ends the test with 77 where there is no tmux.
#
#     source "$(dirname "$0")/screen.bash"
#     t new-session -d -x 80 -y 24 "cdredge -r FILE"; until_true shows TEXT || fail "no TEXT"
command -v tmux >/dev/null || { echo "no tmux"; exit 77; }
command -v cdredge >/dev/null || { echo "no cdredge in PATH"; exit 1; }
work=$(mktemp -d)
socket=0 # a terminal server of its own for each program: one that ends still answers for a while
t() { tmux -S "$work/$socket" -f /dev/null "$@"; }
screen_end() {
	t kill-server 2>/dev/null
	rm -rf "$work"
}
trap screen_end EXIT

until_true() { # COMMAND...: tries for half a minute
	local i
	for ((i = 0; i < 1000; i++)); do
		"$@" && return
		sleep 0.03
	done
	return 1
}
screen() { t capture-pane -p; }
shows() { screen | grep -qF -- "$1"; }
