#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures views over a whole capture of 5 million packets, and jumps and drill-downs as the console
# makes them, beside csysdig. Prints a Markdown table; no figure makes it fail.
#
#     views.sh [--quick]
#
#     BUILD=dir   where cdredge and bench-view are (build)
#     SCAP=file   a file of as many events for csysdig; left out when it or csysdig is missing
#     FILE=file   jump and drill down in this capture too
#     TMPDIR=dir  for the work files, 2 GB
set -u -o pipefail
export LC_ALL=C.UTF-8 TZ=UTC

top=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=$(realpath "${BUILD:-$top/build}")
seconds=50 rounds=5
case ${1:-} in
--quick) seconds=5 rounds=3 ;;
'') ;;
*) echo "usage: $0 [--quick]" >&2 && exit 2 ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
cd "$top" || exit 1
die() { echo "views.sh: $*" >&2; exit 1; }

# Wall and user seconds and kB of the fastest of several runs: others only ever add.
fastest() { # COMMAND...
	local i
	for ((i = 0; i <= rounds; i++)); do
		/usr/bin/time -q -f '%e %U %M' -o "$work/time" "$@" >/dev/null 2>"$work/stderr" || return 1
		[ $i = 0 ] || cat "$work/time"
	done | sort -g | head -n 1
}
row() { # TITLE EVENTS COMMAND...
	local wall user kb
	read -r wall user kb < <(fastest "${@:3}") || die "failed: ${*:3}: $(tail -n 1 "$work/stderr")"
	awk -v t="$1" -v n="$2" -v w="$wall" -v u="$user" -v k="$kb" 'BEGIN {
		printf "| %s | %.2f | %.2f | %.0f | %.1f |\n", t, w, u, k / 1024, n / 1e6 / (w + 1e-9) }'
}

for size in mix 90; do
	"$BUILD/dredge" -r "synth:containers=200,rate=100000,seconds=$seconds,share=equal,size=$size" \
		-w "$work/$size.pcapng.lz4" || die "dredge -w"
done
events=$((100000 * seconds + 200 * seconds))
printf '%s events, 200 containers; fastest of %s runs, page cache warm; %s processors, load %s\n' \
	"$events" "$rounds" "$(nproc)" "$(cut -d' ' -f1 /proc/loadavg)"
printf '\n| | wall s | user s | max RSS MB | M events/s |\n|---|--:|--:|--:|--:|\n'
for size in mix 90; do
	file=$work/$size.pcapng.lz4
	of="$(($(stat -c %s "$file") / 1000000)) MB"
	row "\`dredge -q\`, $of" $events "$BUILD/dredge" -r "$file" -q
	row "\`dredge -c topconns\`, $of" $events "$BUILD/dredge" -r "$file" -c topconns
	for view in marathon_groups marathon_apps mesos_tasks containers talkers sports connections \
		packets incoming_connections; do
		row "\`cdredge --batch -v $view\`, $of" $events "$BUILD/cdredge" --batch=csv -v $view -r "$file"
	done
done
if [ -n "${SCAP:-}" ] && command -v csysdig >/dev/null; then
	for view in mesos_tasks connections containers; do
		row "\`csysdig -v $view\`" $events csysdig -r "$SCAP" -v $view -j --from 0 --to 100
	done
fi

for file in "$work/mix.pcapng.lz4" ${FILE:+"$FILE"}; do
	printf '\n%s MB:\n' "$(($(stat -c %s "$file") / 1000000))"
	"$BUILD/bench-view" "$file" 1 || die "bench-view"
done
