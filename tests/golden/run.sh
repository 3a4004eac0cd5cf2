#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Golden tests: a folder per case with `cmd` (run by sh in samples/, with an empty $TMPDIR of its own)
# and `expected` (its output, then the line "status N").
# Usage: run.sh [--update | --plain] [CASE...]
#   --update writes down what is printed now; --plain leaves out the cases that need an optional
#   library (those with a file `needs`)
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$here/../..
update='' plain=''
case ${1:-} in
--update) update=1 && shift ;;
--plain) plain=1 && shift ;;
esac
command -v dredge >/dev/null || { echo "no dredge in PATH" >&2; exit 1; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Filters and formats are those of this tree, not what is installed.
mkdir "$scratch/share" && ln -s "$(cd "$top" && pwd)" "$scratch/share/dredge"
export TZ=UTC LC_ALL=C.UTF-8 HOME=/nonexistent XDG_DATA_HOME=$scratch/share TMPDIR=$scratch/tmp
seen=0 failed=0
for dir in "$here"/*/; do
	name=$(basename "$dir")
	[ -e "$dir/cmd" ] || continue
	[ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
	seen=$((seen + 1))
	[ -n "$plain" ] && [ -e "$dir/needs" ] && continue
	rm -rf "$TMPDIR" && mkdir "$TMPDIR"
	actual=$(cd "$top/samples" && timeout 60 sh "$dir/cmd" 2>&1 </dev/null; echo "status $?")
	if [ -n "$update" ]; then
		printf '%s\n' "$actual" >"$dir/expected"
	elif ! diff -u --label expected --label printed "$dir/expected" <(printf '%s\n' "$actual"); then
		echo "golden: $name differs"
		failed=1
	fi
done
if [ $seen = 0 ]; then
	[ $# = 0 ] && echo "no cases" && exit 77
	echo "golden: no such case: $*"
	exit 1
fi
exit $failed
