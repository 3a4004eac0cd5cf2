#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Measures speed, memory and file size beside lz4, tcpdump, tshark and sysdig, and prints a Markdown
# table. Commands that are compared run in turn, several rounds of them, on files in the page cache;
# a figure is the median of its runs. No figure makes it fail: exit 1 means that a command failed.
#
#     run.sh [--quick] [--live]
#
#     --quick     fewer packets and rounds
#     --live      also capture from 200 containers in namespaces of their own (root)
#     BUILD=dir   where dredge and dredged are (build)
#     SCAP=file   a file for sysdig to print; left out when it or sysdig is missing
#     REAL=file   a capture of real traffic, for the sizes of files
#     TMPDIR=dir  for the work files, 10 GB (--quick: 1 GB)
# shellcheck disable=SC2016
set -u -o pipefail
export LC_ALL=C.UTF-8 TZ=UTC

top=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=$(realpath "${BUILD:-$top/build}")
export BUILD
seconds=50 rounds=5 part_packets=100000 live='' quick=''
for word; do
	case $word in
	--quick) quick=--quick seconds=5 rounds=3 part_packets=20000 ;;
	--live) live=1 ;;
	*) echo "usage: $0 [--quick] [--live]" >&2 && exit 2 ;;
	esac
done
for tool in "$BUILD/dredge" /usr/bin/time lz4 tcpdump tshark taskset; do
	command -v "$tool" >/dev/null || { echo "run.sh: needs $tool" >&2; exit 1; }
done
dredge=$BUILD/dredge
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
cd "$work" || exit 1

failed() {
	echo "run.sh: failed: $*" >&2
	tail -n 3 "$work/stderr" >&2
	exit 1
}

# ---- measuring -----------------------------------------------------------------------------

calc() { awk "BEGIN {printf \"${2:-%.2f}\", $1}" 2>/dev/null || echo -; }

# A group of commands to compare: each adds "wall user system kB" to NAME.time, once a round.
names=() commands=()
bench() { # NAME COMMAND...
	names+=("$1")
	commands+=("$(printf '%q ' "${@:2}")")
}
run_group() {
	local round i begin end TIMEFORMAT='%3U %3S'
	for i in "${!names[@]}"; do # warms the caches, too
		eval "/usr/bin/time -q -f %M -o ${names[i]}.rss ${commands[i]}" >/dev/null 2>"$work/stderr" ||
			failed "${commands[i]}"
	done
	for ((round = 0; round < rounds; round++)); do
		for i in "${!names[@]}"; do
			begin=${EPOCHREALTIME/./} # to the microsecond, which time does not tell
			{ time eval "${commands[i]}" >/dev/null 2>"$work/stderr"; } 2>now || failed "${commands[i]}"
			end=${EPOCHREALTIME/./}
			calc "($end - $begin) / 1e6" %.6f | paste -d ' ' - now "${names[i]}.rss" >>"${names[i]}.time"
		done
	done
	names=() commands=()
}

median() { # NAME COLUMN
	sort -g -k "$2,$2" "$1.time" | awk -v c="$2" '{v[NR] = $c} END {print v[int((NR + 1) / 2)]}'
}
wall() { median "$1" 1; }
size() { stat -c %s "$1"; }

head_row() { printf '\n**%s**\n\n| | wall s | user s | sys s | max RSS MB | M packets/s | %s |\n|---|--:|--:|--:|--:|--:|---|\n' "$1" "$2"; }
row() { # TITLE NAME PACKETS REMARK
	printf '| %s | %s | %s | %s | %s | %s | %s |\n' "$1" "$(calc "$(wall "$2")" %.3g)" "$(median "$2" 2)" \
		"$(median "$2" 3)" "$(calc "$(median "$2" 4) / 1024" %.0f)" \
		"$(calc "$3 / 1e6 / ($(wall "$2") + 1e-9)" %.3g)" "$4"
}
times() { calc "$(wall "$1") / ($(wall "$2") + 1e-9)"; }

# ---- the files -----------------------------------------------------------------------------

synth=synth:containers=200,rate=100000,seconds=$seconds,share=equal
small=synth:containers=200,rate=100000,seconds=$((3 * seconds)),share=equal,size=90
alone='not frame.packet_id exists' # what no second container saw
make() { "$dredge" -r "$@" 2>stderr || failed "dredge -r $*"; }
make "$synth" -w all.pcapng.lz4
make "$synth" -w all.pcapng
make "$synth" -w all.pcap
make "$small" -w small.pcapng.lz4
make "$synth" -w alone.pcapng.lz4 "$alone"
make "$synth" -w alone.pcapng "$alone"
make all.pcap -n "$part_packets" -w part.pcap
packets=$(tcpdump --count -r all.pcap 2>stderr | awk '{print $1}')
[ -n "$packets" ] || failed tcpdump --count
raw=$(size all.pcapng)
small_packets=$((3 * packets))
small_raw=$(lz4 -dc small.pcapng.lz4 | wc -c)
sync -f . # no write-back while something is measured

echo "$packets packets of 200 containers, $(calc "$raw / 1e9") GB as pcapng;" \
	"median of $rounds runs, page cache warm; $(nproc) processors," \
	"$(awk -F': ' '/model name/ {print $2; exit}' /proc/cpuinfo), Linux $(uname -r);" \
	"$(lz4 --version | grep -o 'v[0-9.]*' | head -n 1 | sed 's/^/lz4 /')," \
	"$(tcpdump --version 2>&1 | head -n 1), $(tshark --version 2>/dev/null | head -n 1 | cut -d' ' -f1-3)."

# ---- reading everything --------------------------------------------------------------------

huge=1000000000000 # -n asks for the order of time, -q alone does not
bench lz4 lz4 -tq all.pcapng.lz4
bench lz4_twice bash -c 'lz4 -tq all.pcapng.lz4 & lz4 -tq all.pcapng.lz4; wait'
bench tcpdump tcpdump --count -r all.pcap
bench copy tcpdump -r all.pcap -w /dev/null
bench read1 "$dredge" -r all.pcapng.lz4 -q --threads 1
bench read2 "$dredge" -r all.pcapng.lz4 -q --threads 2
bench order1 "$dredge" -r all.pcapng.lz4 -q -n $huge --threads 1
bench order2 "$dredge" -r all.pcapng.lz4 -q -n $huge --threads 2
bench plain "$dredge" -r all.pcapng -q
bench pcap "$dredge" -r all.pcap -q
run_group
head_row 'Reading everything, no output' 'rate of `lz4 -t` = 1; time of `tcpdump --count` = 1'
against() { printf '%s of lz4; %s of tcpdump' "$(times lz4 "$1")" "$(times "$1" tcpdump)"; }
row '`lz4 -t FILE.pcapng.lz4`, one thread' lz4 "$packets" "$(against lz4)"
row 'two `lz4 -t` at once, each the whole file' lz4_twice $((2 * packets)) 'the limit of two threads'
row '`tcpdump --count -r FILE.pcap`, uncompressed' tcpdump "$packets" "$(against tcpdump)"
row '`tcpdump -r FILE.pcap -w /dev/null`' copy "$packets" "$(against copy)"
row '`dredge -q --threads 1`' read1 "$packets" "$(against read1)"
row '`dredge -q --threads 2`' read2 "$packets" "$(against read2)"
row 'in order of time, `-q -n HUGE --threads 1`' order1 "$packets" "$(against order1)"
row 'in order of time, `-q -n HUGE --threads 2`' order2 "$packets" "$(against order2)"
row '`dredge -r FILE.pcapng -q`, uncompressed' plain "$packets" "$(against plain)"
row '`dredge -r FILE.pcap -q`, uncompressed' pcap "$packets" "$(against pcap)"

# ---- a filter on every packet --------------------------------------------------------------

bench tcpdump_port tcpdump --count -r all.pcap 'tcp port 31401'
bench port1 "$dredge" -r all.pcapng.lz4 -q --threads 1 tcp.port=31401
bench port2 "$dredge" -r all.pcapng.lz4 -q --threads 2 tcp.port=31401
bench port_pcap "$dredge" -r all.pcap -q tcp.port=31401
bench tshark_port tshark -n -r part.pcap -Y 'tcp.port == 31401'
run_group
head_row 'A filter on every packet, `tcp.port=31401`' 'time of tcpdump = 1'
row "\`tcpdump --count -r FILE.pcap 'tcp port 31401'\`" tcpdump_port "$packets" 1
row '`dredge -q --threads 1`' port1 "$packets" "$(times port1 tcpdump_port)"
row '`dredge -q --threads 2`' port2 "$packets" "$(times port2 tcpdump_port)"
row '`dredge -r FILE.pcap -q`, uncompressed' port_pcap "$packets" "$(times port_pcap tcpdump_port)"
row "\`tshark -Y\`, the first $part_packets packets" tshark_port "$part_packets" \
	"$(calc "$(wall tshark_port) / $part_packets / ($(wall tcpdump_port) / $packets)" %.0f) a packet"

# ---- one task of 200 -----------------------------------------------------------------------

task=$("$dredge" -r all.pcapng.lz4 -p %mesos.task.id -n 1 'mesos.task.id exists' 2>stderr)
[ -n "$task" ] || failed 'dredge -p %mesos.task.id'
bench everything "$dredge" -r all.pcapng.lz4 -q
bench everything1 "$dredge" -r all.pcapng.lz4 -q --threads 1
bench task "$dredge" -r all.pcapng.lz4 -q "mesos.task.id=$task"
bench task1 "$dredge" -r all.pcapng.lz4 -q --threads 1 "mesos.task.id=$task"
run_group
work_of() { # NAME FILTER...: bytes read, bytes decoded, chunks decoded, records
	"$dredge" -r all.pcapng.lz4 -q -v "${@:2}" 2>"$1.work" || failed dredge -v
	sed -n 's/.* passed: \([0-9]*\) packets.*/\1/p; s/.* \([0-9]*\) bytes read from files, \([0-9]*\) decoded; \([0-9]*\) of.*/\1 \2 \3/p' \
		"$1.work" | tr '\n' ' '
}
read -r _ all_read all_decoded all_chunks < <(work_of all)
read -r task_records task_read task_decoded task_chunks < <(work_of task "mesos.task.id=$task")
[[ -n ${all_chunks:-} && -n ${task_chunks:-} ]] || failed 'dredge -v'
head_row 'One task of 200' 'reading everything = 1'
row '`dredge -q`, two threads' everything "$packets" 1
row '`dredge -q --threads 1`' everything1 "$packets" "$(times everything everything1)"
faster() { calc "$(wall "$1") / ($(wall "$2") + 1e-9)" '%.0f times faster'; }
row '`dredge -q mesos.task.id=...`, two threads' task "$task_records" "$(faster everything task)"
row '`dredge -q --threads 1 mesos.task.id=...`' task1 "$task_records" "$(faster everything1 task1) than with one"
captured() { # FILTER...: bytes of its packets
	"$dredge" -r all.pcapng.lz4 -q --summary=evt.type "$@" 2>stderr | awk '$4 == "packet" {print $3}'
}
part=$(calc "$(captured "mesos.task.id=$task") / $(captured)" %.9f)
share_of() { calc "$1 / ($2 * $part)"; }
printf '\n| work for one task | of everything | of the task | task / its own share |\n|---|--:|--:|--:|\n'
printf '| bytes read | %s | %s | %s |\n' "$all_read" "$task_read" "$(share_of "$task_read" "$all_read")"
printf '| bytes decoded | %s | %s | %s |\n' "$all_decoded" "$task_decoded" "$(share_of "$task_decoded" "$all_decoded")"
printf '| chunks decoded | %s | %s | %s |\n' "$all_chunks" "$task_chunks" "$(share_of "$task_chunks" "$all_chunks")"

# ---- lines ---------------------------------------------------------------------------------

one_core=$(($(nproc) - 1))
bench lines taskset -c $one_core "$dredge" -r all.pcapng.lz4 --threads 1
bench lines_m taskset -c $one_core "$dredge" -r all.pcapng.lz4 --threads 1 -pm
bench lines_j taskset -c $one_core "$dredge" -r all.pcapng.lz4 --threads 1 -j
bench lines_small taskset -c $one_core "$dredge" -r small.pcapng.lz4 --threads 1
bench lines_2 "$dredge" -r all.pcapng.lz4 --threads 2
bench tshark taskset -c $one_core tshark -n -r part.pcap
if [ -r "${SCAP:-}" ] && command -v sysdig >/dev/null; then
	scap_events=$(sysdig -r "$SCAP" 2>stderr | wc -l)
	repeats=$((50000 / (scap_events + 1) + 1))
	bench sysdig taskset -c $one_core bash -c 'for ((i = 0; i < $1; i++)); do sysdig -r "$2" || exit; done' \
		bash "$repeats" "$SCAP"
fi
run_group
head_row 'Lines to /dev/null' 'on one core unless said'
row '`dredge`, default lines' lines "$packets" ''
row '`dredge -pm`' lines_m "$packets" ''
row '`dredge -j`' lines_j "$packets" ''
row "\`dredge\`, default lines, $(calc "$small_packets / 1e6" %.0f) million packets of 90 bytes, $(calc "$small_raw / 1e9") GB as pcapng" \
	lines_small "$small_packets" ''
row '`dredge`, default lines, two threads' lines_2 "$packets" 'both cores'
row "\`tshark -n\`, the first $part_packets packets" tshark "$part_packets" ''
if [ -f sysdig.time ]; then
	row "\`sysdig\`, $repeats times a file of $scap_events events" sysdig \
		"$((scap_events * repeats))" "$(sysdig --version | tail -n 1); system calls, start-up of each time included"
fi

# ---- a top-N chisel ------------------------------------------------------------------------

if "$dredge" -cl | grep -q '^topapps'; then
	export XDG_DATA_HOME=$work/share # the chisels of this tree
	mkdir share && ln -s "$top" share/dredge
	cat >lua.lua <<'END'
function on_init()
	key, bytes = chisel.request_field("container.name"), chisel.request_field("frame.len")
	chisel.set_filter("evt.is_io=true")
	return true
end
sums = {}
function on_event()
	local k = evt.field(key)
	sums[k] = (sums[k] or 0) + evt.field(bytes)
	return true
end
END
	bench just_read "$dredge" -r all.pcapng.lz4 -q
	for chisel in topapps topconns topports ./lua.lua; do
		bench "chisel_$(basename "$chisel" .lua)" "$dredge" -r all.pcapng.lz4 -c "$chisel"
	done
	theirs=/usr/share/sysdig/chisels/topcontainers_net.lua
	[ -r $theirs ] && bench chisel_theirs "$dredge" -r all.pcapng.lz4 -c $theirs
	run_group
	head_row 'A top-N chisel, two threads' 'reading everything = 1; the bar is 6.4 M packets/s'
	row '`dredge -q`' just_read "$packets" 1
	row '`dredge -c topapps`' chisel_topapps "$packets" "$(times chisel_topapps just_read)"
	[ -r $theirs ] && row "sysdig's topcontainers_net, unmodified" chisel_theirs "$packets" \
		"$(times chisel_theirs just_read)"
	row '`dredge -c topconns`, conversations tracked' chisel_topconns "$packets" "$(times chisel_topconns just_read)"
	row '`dredge -c topports`, conversations tracked' chisel_topports "$packets" "$(times chisel_topports just_read)"
	row 'the sums of topcontainers_net in Lua, a call for each event' chisel_lua "$packets" \
		"$(times chisel_lua just_read)"
fi

# ---- sizes ---------------------------------------------------------------------------------

printf '\n| Size of files, bytes | pcapng | `lz4 -1` of it | `dredge -w` | dredge / lz4 |\n|---|--:|--:|--:|--:|\n'
size_row() { # TITLE NAME: of NAME.pcapng and NAME.pcapng.lz4
	lz4 -1 -q -c "$2.pcapng" >lz4.out || failed lz4 -1
	printf '| %s | %s | %s | %s | %s |\n' "$1" "$(size "$2.pcapng")" "$(size lz4.out)" \
		"$(size "$2.pcapng.lz4")" "$(calc "$(size "$2.pcapng.lz4") / $(size lz4.out)" %.3f)"
}
size_row 'all, packets between containers twice' all
size_row 'only packets that one container saw' alone
if [ -r "${REAL:-}" ]; then
	make "$REAL" -w real.pcapng
	make "$REAL" -w real.pcapng.lz4
	size_row "$(basename "$REAL")" real
fi

[ -z "$live" ] || "$top/tests/bench/live.sh" $quick || exit 1
