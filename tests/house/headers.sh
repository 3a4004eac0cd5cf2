#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every room has its public header with an opening comment, and every header compiles alone.
# Usage: headers.sh SOURCE
set -uo pipefail
cd "$1/src" || exit 1
cc=${CC:-cc}
flags=$(pkg-config --cflags libnl-3.0 libnl-route-3.0 jansson libpcap liblz4 luajit)
status=0
for room in */; do
	room=${room%/}
	compgen -G "$room/*.c" >/dev/null || continue
	[ "$room" = cmd ] && continue # programs: nobody includes them
	if [ ! -e "$room/$room.h" ]; then
		echo "src/$room: no public header $room.h"
		status=1
	elif ! sed -n 2,3p "$room/$room.h" | grep -q "Room $room"; then
		echo "src/$room/$room.h: no opening paragraph 'Room $room: ...'"
		status=1
	fi
done
check() {
	if [[ $1 == *.bpf.h ]]; then # for programs in the kernel
		clang -O2 -target bpf -Wall -Werror -Wno-unused-function -I. -I"/usr/include/$($cc -print-multiarch)" \
			-fsyntax-only -x c -include "$1" /dev/null || echo "src/$1 does not compile alone"
		return
	fi
	$cc -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -I. $flags -fsyntax-only -x c \
		-include "$1" /dev/null || echo "src/$1 does not compile alone"
}
headers=0
for header in */*.h; do
	headers=$((headers + 1))
	out=$(check "$header" 2>&1)
	if [ -n "$out" ]; then
		printf '%s\n' "$out"
		status=1
	fi
done
[ $headers -gt 0 ] || { echo "no headers in $PWD"; exit 1; }
exit $status
