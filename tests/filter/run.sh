#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Filters over the samples, and filters that are refused. Usage: run.sh SOURCE BUILD
#
# cases/NAME.case    "input FILE" names a capture under samples/; each line "COUNT FILTER" below it
#                    is a filter and how many events of the capture it lets through
# cases/NAME.error   first line: a filter; the rest: what dredge says of it, to the letter
# filters/*.filter   every named filter compiles
#
# Then every field of dredge -l, used in every way on a sample.
set -u
source=${1:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${2:-${BUILD:-$source/build}}
dredge=$build/dredge
cases=$source/tests/filter/cases
[ -x "$dredge" ] || { echo "skipped: no $dredge"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$source" || exit 1
run=0
failed=0

complain() {
	failed=$((failed + 1))
	echo "FAILED $*"
}

check_counts() {
	input=
	while read -r word rest; do
		case $word in
		'' | '#'*) continue ;;
		input)
			input=samples/$rest
			continue
			;;
		esac
		run=$((run + 1))
		if [ ! -r "$input" ]; then
			complain "$1: cannot read input \"$input\""
			continue
		fi
		got=$("$dredge" -r "$input" -p '%evt.type' "$rest" 2> "$work/err" < /dev/null |
			wc -l)
		if [ -s "$work/err" ] || [ "$got" -ne "$word" ]; then
			complain "$1: $rest: wanted $word, got $got"
			cat "$work/err"
		fi
	done < "$1"
}

check_error() {
	run=$((run + 1))
	"$dredge" --explain "$(head -n 1 "$1")" > "$work/out" 2> "$work/err" < /dev/null
	status=$?
	tail -n +2 "$1" > "$work/wanted"
	[ "$status" -eq 2 ] || complain "$1: status $status instead of 2"
	[ ! -s "$work/out" ] || complain "$1: something on the standard output"
	diff -u "$work/wanted" "$work/err" || complain "$1"
}

check_named() {
	run=$((run + 1))
	name=$(basename "$1" .filter)
	head -n 1 "$1" | grep -q '^# .' || complain "$1: the first line says nothing"
	"$dredge" --explain "@$name" > /dev/null 2> "$work/err" < /dev/null || {
		complain "$1"
		cat "$work/err"
	}
}

# A field as a filter, a column, a key and a choice of what is written: done (0) or refused (2).
check_field() {
	run=$((run + 1))
	for way in "-w $work/out.pcapng.lz4 not" "-w $work/out.pcap" "-q --summary=$1" "-p *%$1" "-jp *%$1"; do
		# shellcheck disable=SC2086 # several words
		"$dredge" -r samples/shop.pcapng.lz4 $way "$1" exists > /dev/null 2> "$work/err" < /dev/null
		status=$?
		[ "$status" -eq 0 ] || [ "$status" -eq 2 ] || complain "dredge $way $1 exists: $status"
	done
}

for field in $("$dredge" -l | sed -n 's/^\([a-z][^ ]*[a-z0-9]\)\.\{0,1\} .*/\1/p'); do
	check_field "$field"
done
for file in "$cases"/*.case; do
	[ ! -e "$file" ] || check_counts "$file"
done
for file in "$cases"/*.error; do
	[ ! -e "$file" ] || check_error "$file"
done
for file in filters/*.filter; do
	check_named "$file"
done
echo "$run filters tried, $failed failed"
[ "$failed" -eq 0 ]
