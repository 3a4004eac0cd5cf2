#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The README is short, and what it says to type works: commands on samples/ run here (those of
# "Ports and rates" in tests/live/readme.sh), programs know the options, named files are there, and
# its screens, as those of cdredge(1), are those of tests/console.
# Usage: readme.sh SOURCE BUILD
set -uo pipefail
cd "$1" || exit 1
build=$2
[ -x "$build/dredge" ] || { echo "no $build/dredge"; exit 77; }
status=0
complain() {
	echo "$*"
	status=1
}
# Indented lines; one that ends in a backslash goes on.
commands=$(sed -n 's/^    //p' README.md | sed -e ':again' -e '/\\$/{N;s/\\\n */ /;b again' -e '}')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

lines=$(wc -l <README.md)
[ "$lines" -lt 120 ] || complain "README.md: $lines lines"

# Screens are what tests/console shows, line by line.
screens=$(cat tests/console/*.screens)
while IFS= read -r line; do
	grep -qxF -- "$line" <<<"$screens" || complain "no such screen in tests/console: $line"
done < <(
	sed -n '/^    Viewing: /,/^$/s/^    //p' README.md
	sed -n -e '/^Viewing: /,/^\.Ed/{/^\.Ed/!p}' -e '/^Round trip$/,/^\.Ed/{/^\.Ed/!p}' src/man/cdredge.1
)

chisels=$("$build/dredge" -cl | grep '^topapps')
ran=0
while read -r command; do
	[[ $command == build/dredge\ * ]] || continue
	ran=$((ran + 1))
	if [ -z "$chisels" ] && [[ $command == *' -c '* ]]; then
		echo "skipped, built without LuaJIT: $command"
		continue
	fi
	if ! out=$(eval "${command/#build/\"\$build\"}" 2>&1) || [ -z "$out" ]; then
		complain "README.md: '$command' failed, or says nothing: $out"
	fi
done <<<"$commands"
[ $ran -ge 5 ] || complain "README.md: $ran commands on samples"

# The last program before it is the one that an option belongs to.
declare -A help
while read -r command; do
	program=
	for word in $command; do
		word=${word#\'}
		case $word in
		dredge | dredged | dredgectl | build/dredge) program=${word##*/} ;;
		\# | \|) program= ;;
		--) program= ;;
		--*)
			[ -n "$program" ] || continue
			: "${help[$program]:=$("$build/$program" --help)}"
			grep -q -- "${word%%=*}\b" <<<"${help[$program]}" ||
				complain "README.md: $program has no ${word%%=*}"
			;;
		esac
	done
done <<<"$commands"

while read -r file; do
	[ -e "$file" ] || complain "README.md: no $file"
done < <(grep -oE '`?(samples|tests|src|filters|formats)/[a-zA-Z0-9_./-]*' README.md | tr -d '`')
# shellcheck disable=SC2016
while read -r page; do
	[ -e "src/man/$page" ] || complain "README.md: no src/man/$page"
done < <(sed -nE 's/`(dredge[a-z-]*)`\(([1578])\)/\n\1.\2\n/gp' README.md | grep -E '^dredge[a-z-]*\.[1578]$')
exit $status
