#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds Dredge in every way that matters and runs all tests. As root it first installs the packages
# that are missing; without root the live tests are skipped.
# Usage: tests/run.sh [--quick] [--update] [PATTERN]
#   --quick    one build, no sanitizers, no live tests, no virtual machine
#   --update   write down what the golden tests print now
#   PATTERN    only tests whose name contains it (and the builds they need)
# shellcheck disable=SC2317 # functions that start calls
set -uo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
quick='' update='' pattern=''
for word; do
	case $word in
	--quick) quick=1 ;;
	--update) update=--update ;;
	-*) echo "usage: $0 [--quick] [--update] [PATTERN]" >&2 && exit 2 ;;
	*) pattern=$word ;;
	esac
done
jobs=$(nproc)
logs=$(mktemp -d)
mkfifo "$logs/ended"
exec {ended}<>"$logs/ended"
end() { # each started command is a process group of its own
	trap '' EXIT HUP INT TERM
	exec 2>/dev/null
	for pid in $(jobs -p); do kill -- "-$pid"; done
	wait
	rm -rf "$logs"
}
trap end EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
set -m
passed=0 failed=0 skipped=0
export TZ=UTC LC_ALL=C.UTF-8

# Commands run side by side, and are told of as they end.
names=() running=0 limit=$jobs
declare -A status_of=()

start() { # NAME COMMAND...: one of them; 77 = skipped, with its reason on the last line
	local number=${#names[@]}
	while [ "$running" -ge "$limit" ]; do
		tell
	done
	names+=("$1")
	running=$((running + 1))
	(
		"${@:2}" >"$logs/$number" 2>&1 </dev/null
		echo "$number $?" >&"$ended"
	) &
}

tell() { # how the next one went that ends
	local number status name log
	read -r number status <&"$ended"
	running=$((running - 1)) name=${names[number]} log=$logs/$number
	status_of[$name]=$status
	case $status in
	0)
		passed=$((passed + 1))
		printf 'ok       %s\n' "$name"
		sed -nE 's/^(ok|\[ +OK \]) ([0-9.]+\/|T[0-9]|[A-Z])/         \2/p' "$log" # its named cases
		;;
	77) skipped=$((skipped + 1)) && printf 'skipped  %s: %s\n' "$name" "$(tail -n 1 "$log")" ;;
	*)
		failed=$((failed + 1))
		printf 'FAILED   %s (status %s)\n' "$name" "$status"
		tail -n 60 "$log" | sed 's/^/         | /'
		;;
	esac
}

built() { # NAME: waits for what others need
	while [ -z "${status_of[$1]:-}" ]; do
		tell
	done
	[ "${status_of[$1]}" = 0 ]
}

step() { # NAME COMMAND...: what is asked for
	if [[ $1 == *"$pattern"* ]]; then
		start "$@"
	fi
}

finish() {
	while [ $running -gt 0 ]; do
		tell
	done
	printf '\n%d passed, %d failed, %d skipped\n' $passed $failed $skipped
	[ $failed = 0 ]
	exit
}

build() { # FOLDER OPTIONS...
	local dir=$1
	shift
	cmake -S . -B "$dir" "$@" || return
	cmake --build "$dir" -j "$jobs" | grep -vE '^\[ *[0-9]+%\]'
	return "${PIPESTATUS[0]}"
}

tests_of() { # PREFIX FOLDER REGEX: every registered test as a step of its own
	local name
	while read -r name; do
		step "$1$name" one_test "$2" "$name"
	done < <(ctest --test-dir "$2" -N -R "$3" | sed -n 's/^ *Test *#[0-9]*: //p')
}

one_test() { # FOLDER NAME: only what the test itself says
	local out status
	out=$(ctest --test-dir "$1" -R "^$2\$" --timeout 120 -V 2>&1)
	status=$?
	sed -n 's/^[0-9]*: //p' <<<"$out" | grep -vE '^(Test command|Working Directory|Test timeout)'
	if [ "$status" != 0 ]; then
		grep -E 'Timeout|SEGFAULT|Subprocess|Exception' <<<"$out"
	elif grep -q '\*\*\*Skipped' <<<"$out"; then
		sed -n 's/^[0-9]*: //p' <<<"$out" | tail -n 1
		status=77
	fi
	return "$status"
}

programs() { # PREFIX FOLDER: cases of those that were built there
	local case keys path="PATH=$top/$2:$PATH"
	for case in tests/golden/*/cmd; do
		case=$(basename "${case%/cmd}")
		step "$1golden-$case" env "$path" tests/golden/run.sh "$case"
	done
	for keys in tests/console/*.keys; do
		keys=$(basename "$keys" .keys)
		step "$1console-$keys" env "$path" tests/console/run.sh "$keys"
	done
}

live() { # SCRIPT
	if [ "$(id -u)" != 0 ]; then
		echo "network namespaces need root"
		return 77
	fi
	timeout --foreground -k 10 400 "$1"
}

beside() { # FOLDER OPTIONS...: a build that has the time that tests leave, most of which wait
	renice -n 19 "$BASHPID" >/dev/null
	build "$@"
}

"$top/tests/install-packages.sh" tests || exit 1
start build-gcc build build -DCMAKE_C_COMPILER=gcc
built build-gcc || finish
export PATH=$top/build:$PATH BUILD=$top/build
if [ -n "$update" ]; then
	tests/golden/run.sh --update
	git diff --stat -- tests/golden 2>/dev/null || true
fi
limit=$((2 * jobs))
minimal='' sanitize=''
if [ -z "$quick" ]; then
	[[ build-minimal != *"$pattern"* && minimal-golden != *"$pattern"* ]] || minimal=build-minimal
	[[ build-sanitize != *"$pattern"* && $pattern != sanitize* && $pattern != *fuzz* ]] || sanitize=build-sanitize
	[ -z "$minimal" ] || start $minimal beside $minimal -DDREDGE_MINIMAL=ON -DDREDGE_TESTS=OFF
	[ -z "$sanitize" ] || start $sanitize beside $sanitize \
		-DCMAKE_C_COMPILER=clang -DDREDGE_SANITIZE=ON -DDREDGE_FUZZ=ON
fi
# A processor has one queue of packets for all networks: others that fill it make packets of this one
# get lost, which is what it looks for.
early=
if [ -z "$quick" ] && [[ live-isolate_kill == *"$pattern"* ]]; then
	early=live-isolate_kill
	start $early live tests/live/isolate_kill.sh
fi
tests_of '' build '^(unit|fuzz|house)-'
programs '' build
for script in tests/console/{csysdig,ends,remote}.sh; do
	step "console-$(basename "$script" .sh)" "$script"
done
step filter-cases tests/filter/run.sh
[ -z "$quick" ] || finish
[ -z "$early" ] || built $early || :

# By name, so that those that wait and those that emulate a machine are mixed.
while read -r script; do
	name=$(basename "$script" .sh)
	case $script in
	tests/live/isolate_kill.sh) ;;
	tests/vm/*) step "vm-${name%_test}" tests/vm/vm.sh -t 900 "$script" ;;
	*) step "live-$name" live "$script" ;;
	esac
done < <(printf '%s\n' tests/live/*.sh tests/vm/*_test.sh | sort -t / -k 3)
limit=$jobs
if [ -n "$minimal" ] && built $minimal; then
	step minimal-golden env PATH="$top/build-minimal:$PATH" tests/golden/run.sh --plain
fi
if [ -n "$sanitize" ] && built $sanitize; then
	tests_of sanitize- build-sanitize '^unit-'
	programs sanitize- build-sanitize
	for fuzzer in build-sanitize/fuzz-*; do # the corpus first, which is only read
		# A crash would end with 77, which is taken for a test that was skipped.
		name=${fuzzer##*/fuzz-}
		mkdir -p "$logs/$name"
		step "fuzzing-$name" "$fuzzer" -max_total_time=5 -timeout=10 -rss_limit_mb=1024 \
			-error_exitcode=1 -artifact_prefix="$logs/" "$logs/$name" "tests/fuzz/corpus/$name"
	done
fi
finish
