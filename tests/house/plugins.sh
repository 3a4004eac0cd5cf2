#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every plug-in of a kind stands on that kind's one explicit list, and every field and counter has a
# description. Usage: plugins.sh SOURCE BUILD
set -uo pipefail
cd "$1/src" || exit 1
dredge=${2:-}/dredge
status=0
complain() {
	echo "$*"
	status=1
}

# STRUCT LIST-FILE: every `const struct STRUCT name = {` of the list's room is named in LIST-FILE.
listed() {
	local found=0 file name
	while read -r file name; do
		found=1
		grep -qE "&$name\b" "$2" || complain "src/$file: $name is not on the list in src/$2"
	done < <(grep -HE "^(static )?const struct $1 [a-z_0-9]+ = \{" "$(dirname "$2")"/*.c |
		sed -E "s/^([^:]+):.*struct $1 ([a-z_0-9]+) = .*/\1 \2/")
	[ $found = 1 ] || complain "no struct $1 found beside src/$2"
	grep -qE '__attribute__\(\((constructor|section)' -r "$(dirname "$2")" &&
		complain "src/$(dirname "$2"): plug-ins are listed, not collected by the linker"
}
listed field_class field/fields.c
listed source_kind source/sources.c

awk -F'"' '/^COUNTER\(/ && (NF != 7 || $2 !~ /^[a-z][a-zA-Z0-9_.]+$/ || $4 == "" || $6 == "") {
		print "src/event/counters.def:" NR ": a counter needs a name, a unit and a description"
		bad = 1
	}
	/^COUNTER\(/ && seen[$2]++ { print "src/event/counters.def:" NR ": " $2 " again"; bad = 1 }
	END { exit bad }' event/counters.def || status=1

for file in ../filters/* ../formats/*; do
	[ -e "$file" ] || continue
	case $file in
	*/filters/*.filter | */formats/*.format) ;;
	*) complain "${file#../}: neither NAME.filter nor NAME.format; nobody would find it" ;;
	esac
done

if [ -x "$dredge" ]; then
	fields=$("$dredge" -l) || complain "dredge -l failed"
	[ -n "$fields" ] || complain "dredge -l lists nothing"
	awk '/^[a-z]/ && NF < 2 { print "field " $1 " has no description"; bad = 1 } END { exit bad }' \
		<<<"$fields" || status=1
fi
exit $status
