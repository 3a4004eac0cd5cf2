#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Presses keys in the real program on a terminal of tmux and holds its screens against NAME.screens.
# Usage: tests/console/run.sh [--update] [NAME...]    (cdredge must be in PATH)
#
# NAME.keys has a command a line:
#   env VAR=VALUE       for the program, before it is run
#   run WxH ARGS...     cdredge with these arguments on a terminal of that size
#   wait TEXT           until the screen shows it
#   key KEYS...         as tmux names them (Enter, F2, C-f), others are characters
#   type TEXT           characters as they are
#   mouse X Y [N]       click there, from 1 (N times); "wheel-up X Y", "drag X Y X Y" likewise
#   resize WxH          another size
#   sleep SECONDS       for what must not change the screen
#   ties N              makes WORK/ties.pcap: N packets of one second, told no finer, and one of the next
#   screen              must look as in NAME.screens, within some seconds
#   backgrounds N...    the colours behind what is shown, of 256
# shellcheck disable=SC2317 # functions that until_true calls
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/console/screen.bash
update=''
[ "${1:-}" = --update ] && update=1 && shift
status=0

backgrounds() { # of this kind, in order
	[ "$(t capture-pane -e -p -t c | grep -o '48;5;[0-9]*' | cut -d ';' -f 3 | sort -nu | xargs)" = "$*" ]
}
looks() { screen >"$work/got" && cmp -s "$work/got" "$work/want"; }
still() { # twice the same, with a while between
	screen >"$work/got"
	sleep 0.6
	screen | cmp -s - "$work/got"
}

bytes() { t send-keys -t c -l "$1"; }
# BUTTON X Y as a terminal of the type "screen" tells it: three bytes, from a blank on
told() { printf '\033[M%b%b%b' "\\0$(printf %o $((32 + $1)))" "\\0$(printf %o $((32 + $2)))" \
	"\\0$(printf %o $((32 + $3)))"; }
point() { bytes "$(told "$@")"; }

mouse() { # X Y [N]: all at once, for two clicks are one only when they are near
	local i all=''
	for ((i = 0; i < ${3:-1}; i++)); do
		all+=$(told 0 "$1" "$2")$(told 3 "$1" "$2")
	done
	bytes "$all"
}

start() { # WxH ARGS...
	local size=$1
	shift
	t kill-server 2>/dev/null
	socket=$((socket + 1))
	t new-session -d -s c -x "${size%x*}" -y "${size#*x}" -e TERM=screen sleep 1000 || return
	t set -g status off
	t set -g default-terminal screen
	t set -g remain-on-exit on
	t respawn-pane -k -t c "env TZ=UTC LC_ALL=C.UTF-8 NO_COLOR=1 XDG_DATA_HOME=$work TERM=screen ${environment[*]} \
		cdredge $*"
}

compare() { # the next screen of the file
	shots=$((shots + 1))
	awk -v n="$shots" '/^==== /{i++; next} i == n' "tests/console/$case.screens" >"$work/want" 2>/dev/null
	if [ -n "$update" ]; then
		until_true still
		{ echo "==== $shots: $last" && cat "$work/got"; } >>"$work/screens"
	elif ! until_true looks; then
		echo "$case: screen $shots ($last) differs"
		diff -U 100 "$work/want" "$work/got"
		return 1
	fi
}

ties() { # N
	local i
	{
		printf '\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\xff\xff\0\0\1\0\0\0'
		for ((i = 0; i <= $1; i++)); do
			printf "\\$((i == $1))"
			printf '\xf1\x53\x65\0\0\0\0\x2a\0\0\0\x2a\0\0\0'
			printf '\2\0\0\0\0\1\2\0\0\0\0\2\x08\0\x45\0\0\x1c\0\0\0\0\x40\x11\0\0'
			printf '\x0a\0\0\1\x0a\0\0\2\0\x35\0\x36\0\x08\0\0'
		done
	} >"$work/ties.pcap"
}

obey() { # COMMAND REST
	local -a words
	read -ra words <<<"$2"
	case $1 in
	'' | '#'*) return ;;
	env) environment+=("$2") ;;
	run) start "${words[@]//WORK/$work}" ;;
	ties) ties "$2" ;;
	wait) until_true shows "$2" || { echo "$case: never showed: $2"; screen; return 1; } ;;
	key) t send-keys -t c "${words[@]}" ;;
	type) bytes "$2" ;;
	mouse) mouse "${words[@]}" ;;
	wheel-up) point 64 "${words[0]}" "${words[1]}" ;;
	drag) point 0 "${words[0]}" "${words[1]}" && sleep 0.3 && point 3 "${words[2]}" "${words[3]}" ;;
	resize) t resize-window -t c -x "${words[0]%x*}" -y "${words[0]#*x}" ;;
	sleep) sleep "$2" ;;
	screen) compare ;;
	backgrounds) until_true backgrounds "${words[@]}" || { echo "$case: not these colours: $2"; return 1; } ;;
	*) echo "$case: unknown command: $1" && return 1 ;;
	esac
}

cases=("$@")
if [ ${#cases[@]} = 0 ]; then
	for file in tests/console/*.keys; do
		cases+=("$(basename "$file" .keys)")
	done
fi
for case in "${cases[@]}"; do
	environment=() shots=0 last=''
	: >"$work/screens"
	while read -r command rest; do
		obey "$command" "$rest" || { status=1 && break; }
		[ "$command" = screen ] || last="$command $rest"
	done <"tests/console/$case.keys"
	[ -n "$update" ] && cp "$work/screens" "tests/console/$case.screens"
done
exit $status
