#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The other house tests notice what they are there for: each is run on a tree with one fault in it.
# Usage: catches.sh SOURCE
set -uo pipefail
source=$1
here=$source/tests/house
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

code=src
fresh() {
	rm -rf "$work/tree"
	mkdir "$work/tree"
	(cd "$source" && cp -r --parents CMakeLists.txt LICENSE "$code" "$work/tree/")
	mkdir -p "$work"/tree/{filters,formats,tests,samples}
}

expect() { # TEST TEXT: the test must fail on the tree and say TEXT
	local out
	if out=$("$here/$1.sh" "$work/tree" 2>&1); then
		echo "$1.sh did not notice: $2"
		status=1
	elif ! grep -qF "$2" <<<"$out"; then
		echo "$1.sh failed without saying: $2"
		printf '%s\n' "$out"
		status=1
	fi
	fresh
}

fresh
echo '#include "event/event.h"' >>"$work/tree/src/base/err.c"
expect layers 'room base may not know event/event.h'
echo '#include "field/class.h"' >>"$work/tree/src/filter/parse.c"
expect layers 'field/class.h is private to room field'
echo '#include <curl/curl.h>' >>"$work/tree/src/base/err.c"
expect layers '<curl/curl.h> belongs into room mesos cmd only'
echo '#include <ncurses.h>' >>"$work/tree/src/print/format.c"
expect layers '<ncurses.h> belongs into room console only'
mkdir -p "$work/tree/src/mesos"
echo 'int mesos_count(const struct event *ev);' >>"$work/tree/src/mesos/count.c"
expect layers 'room mesos knows only the records of room event'
mkdir "$work/tree/src/attic"
echo '#include <stdio.h>' >"$work/tree/src/attic/old.c"
expect layers 'attic is no room of the table'
printf '/* SPDX-License-Identifier: Apache-2.0 */\nstruct x { size_t n; };\n' \
	>"$work/tree/src/event/alone.h"
expect headers 'src/event/alone.h does not compile alone'
printf 'const struct source_kind source_forgotten = {0};\n' >"$work/tree/src/source/forgotten.c"
expect plugins 'source_forgotten is not on the list'
sed -i 's/"CPU time in user mode"/""/' "$work/tree/src/event/counters.def"
expect plugins 'a counter needs a name, a unit and a description'
code=src/base # enough to be tidy in, and soon looked through
fresh
touch "$work/tree/Makefile"
expect tidy 'Makefile: does not belong on the top level'
echo 'int x;' >"$work/tree/src/base/bare.c"
expect tidy 'src/base/bare.c: no SPDX line'
printf '/* %s: later */\n' 'TO''DO' >>"$work/tree/src/base/err.c"
expect tidy 'nothing is left for later'
exit $status
