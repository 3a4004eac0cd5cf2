#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Who knows csysdig is at home in cdredge: its keys, its mouse and its options do here what they do
# there. Where csysdig is installed (Debian's package sysdig) it is pressed beside cdredge, else its
# rows hold for cdredge alone.
# Usage: tests/console/csysdig.sh    (cdredge must be in PATH)
#
# csysdig.scap, which csysdig reads, was made for this project: 45 events of two tasks of Mesos.
# shellcheck disable=SC2317 # functions that until_true calls
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/console/screen.bash
capture=samples/shop.pcapng.lz4 failed=0 rows=0 compared=0 program='' screen='' kind=''
programs=(cdredge)
command -v csysdig >/dev/null && programs+=(csysdig)

fail() {
	echo "$*" && sed '1d; s/^/    | /' <<<"$screen"
	failed=1
}

# ---- what is on the screen: the first that is found is its kind ----

kinds=(
	$'csysdig:help=How to use csysdig' $'csysdig:views=\nSelect View'
	$'csysdig:sort=\nSelect sort column' $'csysdig:actions=\nSelect Action'
	$'csysdig:shapes=\nView As' $'csysdig:text=F2sysdigEnterDone'
	$'csysdig:filter=EscClear  Expression:' $'csysdig:line=EscClear  Line:'
	$'csysdig:search=EscClear  Text to match:' $'csysdig:echo=\nViewing: I/O activity'
	$'csysdig:dig=\nViewing: sysdig output' $'csysdig:spectrum=BKSPACEBackMOUSE'
	$'csysdig:legend=\nColumns\n' $'csysdig:table=\nF1Help  F2Views'
	$'cdredge:help=\n cdredge\n' $'cdredge:help=\n Filter\n' $'cdredge:views=\nSelect View'
	$'cdredge:sort=\nSelect sort column' $'cdredge:actions=\nSelect Action'
	$'cdredge:question=\ny runs it' $'cdredge:shapes=\nView As'
	$'cdredge:text=F2filter Text to match:' $'cdredge:filter=F2text Filter:'
	$'cdredge:line=EscClear Go to packet number:' $'cdredge:search=EscClear Search:'
	$'cdredge:echo=\nViewing: Echo' $'cdredge:dig=\nViewing: Packets'
	$'cdredge:spectrum=\nViewing: Spectrogram' $'cdredge:legend=\n Columns\n'
	$'cdredge:table=\nF1Help F2Views'
)

look() {
	local row
	screen=$(t display-message -p '#{pane_dead}' \; capture-pane -p)
	kind=ended
	[ "${screen%%$'\n'*}" = 0 ] || return
	for row in "${kinds[@]}"; do
		kind=${row%%=*} kind=${kind#"$program:"}
		[[ $kind == *:* || $screen != *"${row#*=}"* ]] || return
	done
	kind=none
}
is() { # KIND REGEX, or !REGEX for what must not be there
	look
	[ "$kind" = "$1" ] || return
	case $2 in
	'') ;;
	!*) ! grep -qiE -- "${2#!}" <<<"$screen" ;;
	*) grep -qiE -- "$2" <<<"$screen" ;;
	esac
}

# ---- keys ----

t new-session -d -x 120 -y 24 sleep 1000 || exit 1
t set -g status off
t set -g default-terminal tmux-256color
t set -g remain-on-exit on

# What cdredge has of a view when all is read: before, it shows what the capture's contents tell.
declare -A whole=([marathon_apps]=1.45k [mesos_frameworks]=1.45k [connections]=1.36k
	[incoming_connections]=136)

start() { # VIEW
	local -A captures=([csysdig]=tests/console/csysdig.scap [cdredge]=$capture)
	t respawn-pane -k "env ESCDELAY=25 TZ=UTC LC_ALL=C.UTF-8 NO_COLOR=1 XDG_DATA_HOME=$work \
		$program -r ${captures[$program]} -v $1"
	[ "$program" = csysdig ] || until_true is table "\(${whole[$1]} evts, 8.11s\)" ||
		fail "$program -v $1: not all of it"
	until_true is table ' 1/[0-9]+\(' || fail "$program -v $1: no screen"
}

told() { printf '\033[M%b%b%b' "\\0$(printf %o $((32 + $1)))" "\\0$(printf %o $((32 + $2)))" \
	"\\0$(printf %o $((32 + $3)))"; }
click() { # X Y TIMES
	local i bytes=''
	for ((i = 0; i < $3; i++)); do
		bytes+=$(told 0 "$1" "$2")$(told 3 "$1" "$2")
	done
	t send-keys -l "$bytes"
}
find_text() { # TEXT: x and y of the last place
	t capture-pane -p | awk -v text="$1" 'i = index($0, text) { x = i; y = NR } END { print x, y }'
}

press() { # KEY,KEY...: as tmux names them; =TEXT; click:TEXT; row:N and twice:N, a row of the table
	local keys key x y first=5 before i
	IFS=, read -ra keys <<<"$1"
	[ "$program" = cdredge ] || first=3
	for key in "${keys[@]}"; do
		before=$(t capture-pane -e -p)
		case $key in
		=*) t send-keys -l -- "${key#=}" ;;
		click:*) read -r x y <<<"$(find_text "${key#*:}")" && click "$x" "$y" 1 ;;
		row:*) click 6 $((first + ${key#*:})) 1 ;;
		twice:*) click 6 $((first + ${key#*:})) 2 ;;
		drag) t send-keys -l "$(told 0 30 8)$(told 32 60 12)$(told 3 90 18)" ;;
		*) t send-keys -- "$key" ;;
		esac
		# csysdig loses a key that comes while it is busy, and takes two clicks for one thing.
		for ((i = 0; i < 25; i++)); do
			[ "$program$(t capture-pane -e -p)" = "csysdig$before" ] || break
			sleep 0.02
		done
	done
}

declare -A from ways kinds_at signs
place() { # NAME FROM KEYS KIND REGEX: where rows begin; FROM is a place or a view
	from[$1]=$2 ways[$1]=$3 kinds_at[$1]=$4 signs[$1]=$5
}

reach() { # PLACE
	[ -n "${from[$1]:-}" ] || { start "$1" && return; }
	reach "${from[$1]}"
	press "${ways[$1]}"
	until_true is "${kinds_at[$1]}" "${signs[$1]}" || fail "$program: no place $1"
}

act() { # KEYS KIND REGEX WHAT
	! is "$2" "$3" || fail "$program: $4: $2 '$3' before $1"
	press "$1"
	until_true is "$2" "$3" || fail "$program: $4: not $2 '$3' but $kind after $1"
}

try() { # PLACE KEYS KIND REGEX
	reach "$1"
	act "$2" "$3" "$4" "$1"
}

row() { # PLACE CSYSDIG'S-KEYS MORE-OF-OURS KIND [REGEX [OUR-REGEX]]
	local -a theirs ours
	local keys
	read -ra theirs <<<"$2"
	read -ra ours <<<"$3"
	for program in "${programs[@]}"; do
		for keys in "${theirs[@]}"; do
			if [ "$program" = csysdig ]; then
				try "$1" "$keys" "$4" "${5:-}" && compared=$((compared + 1))
			else
				try "$1" "$keys" "$4" "${6:-${5:-}}"
			fi
		done
	done
	program=cdredge
	for keys in "${ours[@]}"; do
		try "$1" "$keys" "$4" "${6:-${5:-}}"
	done
	rows=$((rows + 1))
}

# What is other here on purpose, and the man page says so in these words. CSYSDIG'S = its kind and
# REGEX, where it can be pressed there without harm.
differs() { # WORDS PLACE KEYS KIND REGEX [CSYSDIG'S-KIND REGEX]
	program=cdredge
	try "$2" "$3" "$4" "$5"
	program=csysdig
	[ $# = 5 ] || [ ${#programs[@]} = 1 ] || { try "$2" "$3" "$6" "$7" && compared=$((compared + 1)); }
	rows=$((rows + 1))
	tr '\n' ' ' <src/man/cdredge.1 | grep -qF -- "$1" || fail "cdredge(1) does not say: $1"
}

# ---- places, and keys: tables, echo and dig windows, spectrogram, panels, mouse ----

place table marathon_apps '' table ''
place below table Down table ' 2/'
place bottom table End table ' (2/2|6/6)\('
place right table Right table '^(CPU|<)'
place tasks table Enter table 'Viewing: Mesos Tasks'
place paused table p table paused
place ends connections '' table ''
place list incoming_connections '' table ''
place views table F2 views ''
place sort table F9 sort ''
place actions ends F8 actions ''
place text table F4 text ''
place filter text F2 filter ''
place found text '=web,Enter' table '1/1\(|2 of 6'
place help table F1 help ''
place search table / search ''
place dig mesos_frameworks d dig '0/39\(0|^packet 10:'
place bytes dig End dig '19/39|^packet 1405:'
place shapes dig F2 shapes ''
place echo mesos_frameworks e echo '0/8\(0|^packet'
place spectrum table F12 spectrum ''

row table 'F1 h ?' '' help
row table 'F2' 'v Tab' views
row table 'C-f /' '' search
row bottom '/,=web,Enter C-f,=web,Enter' '' table ' 1/2\(' ' [1-4]/6\('
row table "F4 \\" '' text
row table 'F4,F2 \,F2' '\,Tab' filter
row table 'F5 e' '' echo
row table 'F6 d' '' dig
row table 'F7' 'L' legend
row ends 'F8' 'A' actions
row table 'F9 >' '' sort
row table 'F10 q' '' ended
row table 'F12 S-F12' 'S' spectrum
row table 'p' '' table paused
row paused 'p' '' table 'Apps For: whole machine$' 'evts, 8.11s\)  Filter'
row table 'Down' '' table ' 2/'
row bottom 'Up' '' table ' 1/2\(' ' 5/6\('
row table 'End NPage' 'C-e C-d' table ' (2/2|6/6)\('
row bottom 'Home PPage' 'C-a C-b' table ' 1/[26]\('
row table 'Right' '' table '^(CPU|<)'
row right 'Left' '' table '^    CPU' '^  CPU'
row table 'Enter' '' table 'Viewing: Mesos Tasks'
row tasks 'BSpace' 'Escape' table 'Viewing: Marathon Apps'
row list 'c DC' '' table 'No Data For This View' 'The list was cleared'
theirs=(L4PROTO LIP LPORT RIP RPORT 'BPS IN' 'BPS OUT' IOPS Command) shifted='!@#$%^&*('
ours=(PROTO LIP LPORT RIP RPORT IN/s OUT/s RTT ACK)
for ((i = 0; i < 9; i++)); do
	row ends "${shifted:i:1},>" "$((i + 1)),>" sort "^${theirs[i]} +\([V^]\)" "^\([V^]\) ${ours[i]}( |\$)"
done
row ends '@,>' '2,>' sort '^LIP +\(\^\)' '^\(\^\) LIP'
row ends '@,@,>' '2,2,> 2,<,>' sort '^LIP +\(V\)' '^\(V\) LIP'

row views 'F2 BSpace Escape' '' table
row views 'Down,Enter' '' table 'Viewing: Marathon Groups'
row views 'q F10' '' ended
row views 'h' 'F1 ?' help # csysdig 0.29.3 does not take F1 here
row sort 'F9 BSpace Escape' '' table
row sort 'Down,Enter,>' '' sort 'VIRT +\(V\)' '\(V\) OUT/s'
row sort 'q F10' '' ended
row actions 'F8 BSpace Escape' '' table
row actions 'q F10' '' ended
row text 'F4 Enter Escape' '' table
row text 'F1' '' help
row text 'F2' 'Tab' filter
row text '=web' '' text ' 1/1\(' '2 of 6 rows'
row text '=web,Enter' '' table ' 1/1\(' '2 of 6 rows'
row filter 'F2' 'Tab' text
row filter 'F1' '?' help
row filter 'F4 Escape' '' table
row search 'F1' '' help
row search 'C-f Enter Escape' '' table

row dig 'Down' '' dig ' 1/39\(' '^packet 11:'
row bytes 'Up' '' dig '18/39' '^packet 1404:'
row dig 'NPage Space' 'C-d' dig '19/39' '^packet 19:'
row bytes 'PPage' 'C-b' dig ' 0/39\(' '^packet 1396:'
row dig 'End' 'C-e' dig '19/39' '^packet 1405:'
row bytes 'Home' 'C-a' dig ' 0/39\(' '^packet 10:'
row dig 'F1' 'h ?' help
row dig 'F2' 'v Tab' shapes
row shapes 'Down,Enter F2 BSpace Escape' '' dig
row dig 'C-g' '' line
row dig 'C-f,=re,Enter,F3,F3 /,=re,Enter,F3,F3' '/,=re,Enter,C-n,C-n' dig \
	' [1-9][0-9]*/39\(' '^packet (1[1-9]|[2-9])'
row dig 'p' '' dig '19/39' paused # csysdig goes to the end, too
row dig 'c DC' '' dig ' 0/0\(' 'The list was cleared'
row dig 'BSpace Escape' '' table
row dig 'q' 'F10' ended
row echo 'F2' 'v Tab' shapes
row echo 'c DC' '' echo ' 0/0\(' 'The list was cleared'
row echo 'BSpace Escape' '' table

row spectrum 'F2' 'v' views
row spectrum 'F1' 'h ?' help
row spectrum 'BSpace' 'Escape' table
row spectrum 'q' 'F10' ended

row below 'click:F1Help' '' help
row below 'click:F2Views' '' views
row below 'click:F4Filter' '' text
row below 'click:FSearch' '' search
row below 'click:F12' '' spectrum
row below 'click:!=' '' filter
row below 'row:1' '' table ' 1/[26]\('
row below 'twice:1' '' table 'Viewing: Mesos Tasks'
place clicked ends p table paused
row clicked 'click:LIP,>' '' sort '^LIP +\(\^\)' '^\(\^\) LIP'
row clicked 'click:LIP,click:LIP,>' '' sort '^LIP +\(V\)' '^\(V\) LIP'

differs 'The filter of a view stays' text F2 filter 'Filter: *$' filter 'Expression: marathon'
differs 'goes to the packet of a number, not to a line' dig 'C-g,=20,Enter' \
	dig '^packet 20:' dig '19/39'
differs 'move in the packet that is shown below' dig 'Right,Right' dig '!^0000' dig '^22:13'
differs 'goes on looking in tables, too' bottom '/,=shop,Enter,F3' table ' 3/6' table ' 1/2'
differs 'shows the packet of a row of a list' list Enter dig ''
differs 'asks before it runs a program' ends n question 'Run: getent hosts'
differs 'takes text and filter away where rows are no list' found c table '  6 rows$'
differs 'leaves the page of help' help q table '' ended ''
differs 'shows the whole window of time' spectrum 'Space,BSpace' table '811ms'
differs 'A rectangle that is dragged' spectrum drag dig ''

# ---- a minute: what somebody does who has had csysdig before, with its keys ----

program=cdredge
start marathon_apps
task() { # WHAT KEYS KIND REGEX
	act "$2" "$3" "$4" "a minute, $1"
	rows=$((rows + 1))
}
task 'another view' F2,Down,Enter table 'Viewing: Marathon Groups .* 3 rows$'
task 'look for a group' 'C-f,=/shop,Enter' table ' 2/3'
task 'its apps' Enter table 'Viewing: Marathon Apps  For: /shop .* 3 rows$'
task 'the tasks of an app' Enter table 'Viewing: Mesos Tasks  For: /shop .* 1 row$'
task 'its containers' Enter table 'Viewing: Containers .* 1 row$'
task 'its connections' Enter table 'Viewing: Connections .* 86 rows$'
task 'those with a text' 'F4,=6379,Enter' table ' of 86 rows'
task 'all again' 'F4,Escape' table '  86 rows'
task 'those of a filter' 'F4,F2,=tcp.port=6379,Enter' table '!  86 rows'
task 'all again' 'F4,Escape' table '  86 rows'
task 'look for one' 'C-f,=10.77.0.4,Enter' table ' ([2-9]|[1-8][0-9])/86'
task 'sort by bytes sent' 'F9,Down,Enter,F9' sort '\(V\) OUT/s'
task 'back' 'F9' table ''
task 'sort by the second column' '@,>' sort '\(\^\) LIP'
task 'hold it' 'F9,p' table paused
task 'go on' p table '8.11s\)  Filter'
task 'its packets' F6 dig 'packet '
task 'in hex' F2,Down,Down,Down,Enter dig '!^eth'
task 'back' BSpace table ''
task 'what it says' F5 echo 'packet '
task 'back' BSpace table ''
task 'how fast it answers' F12 spectrum ''
task 'back' BSpace table ''
task 'what the columns mean' F7 legend ''
task 'back' BSpace table ''
task 'what can be done' F8 actions tcpdump
task 'nothing' Escape table ''
task 'up to the top' BSpace,BSpace,BSpace,BSpace table 'Viewing: Marathon Groups  For: whole capture'
task 'done' q ended ''

# ---- options ----

named=' '
prints() { # STATUS REGEX OPTIONS...: cdredge with each of them
	local options status
	for options in "${@:3}"; do
		read -ra words <<<"$options"
		screen=$'\n'$(cdredge "${words[@]}" 2>&1 </dev/null)
		status=$?
		if [ "$status" != "$1" ] || ! grep -qE -- "$2" <<<"$screen"; then
			fail "cdredge $options: not $1, $2"
		fi
		named+="$(grep -oE -- '(^| )--?[A-Za-z0-9-]+' <<<"$options" | xargs) "
	done
	rows=$((rows + 1))
}
takes() { prints 0 "$@"; }
refuses() { prints 2 "^cdredge: .*($1)" "${@:2}"; }

takes '"APP":"/shop/web"' "-r $capture -j" "--read=$capture --json"
takes '"PORT":80' "-r $capture -j -v sports" "-r $capture -j --view=sports"
takes '^CPU%' "-r $capture --batch -pc" "-r $capture --batch -pcontainer" \
	"-r $capture --batch -d 500" "-r $capture --batch --delay=500" \
	"-r $capture --batch -E" "-r $capture --batch --exclude-users"
takes '"APP":"/data/redis"' "-r $capture -j --rows 1 marathon.app.id = /data/redis"
takes '^tcp.dstport ' -l --list
takes '"id": ?"sports"' '--list-views -j'
takes '^Usage: cdredge' -h --help
takes '^cdredge [0-9]' --version
refuses 'a capture carries its names' "-r $capture -m http://a:5050" \
	"-r $capture --mesos-api=http://a:5050,http://b:8080"
refuses '-s, .* are for live' "-r $capture -s 80" "-r $capture --snaplen=80"
refuses 'dredge -X and -A' -A --print-ascii -X --print-hex-ascii
refuses 'come without a probe' -B -Bprobe.o --bpf=probe.o
refuses 'by themselves, and -m' '--cri PATH' '--cri-timeout 5'
refuses '-m asks Mesos' '-k http://a' --k8s-api=http://a '-K a' --k8s-api-cert=a --node-name=a
refuses 'csysdig shows those' --page-faults --large-environment -T --force-tracers-capture
refuses 'set TERM' --force-term-compat
refuses '2>FILE' --logfile=a
refuses 'dredge -n N -w FILE' '-n 5' --numevents=5
refuses 'SERVICE; dredge -R' -R --resolve-ports
refuses '--batch prints' --raw
refuses '--batch=json' --interactive
refuses '--sort COLUMN' '--sortingcol 1'
refuses '--rows N' "-r $capture -j --from 0 --to 100"

if [ ${#programs[@]} = 2 ]; then # are these all?
	for option in $(csysdig --help | sed -nE 's/^ (-[^ <,]*)[^-]*(--[a-z0-9-]+)?.*/\1 \2/p'); do
		[[ $named == *" ${option%%[<=]*} "* ]] || fail "nothing is said of csysdig's option $option"
	done
else
	echo "no csysdig: cdredge alone was pressed"
fi
echo "$rows rows, $compared pressed in csysdig too"
exit $failed
