#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds Dredge in every way that matters and runs all tests. As root it first installs the packages
# that are missing; without root the live tests are skipped.
# Usage: tests/run.sh [--quick] [--update] [PATTERN]
#   --quick    one build, no sanitizers, no live tests, no virtual machine
#   --update   write down what the golden tests print now
#   PATTERN    only tests whose name contains it (and the builds they need)
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
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$logs"' EXIT
trap 'exit 130' INT TERM
passed=0 failed=0 skipped=0
export TZ=UTC LC_ALL=C.UTF-8

# Tests run side by side, one for each processor; they are told of in the order they were started.
queue=() started=0 limit=$jobs

start() { # NAME COMMAND...: one test; 77 = skipped, with its reason on the last line
	local name=$1
	shift
	while [ ${#queue[@]} -ge "$limit" ]; do
		tell
	done
	started=$((started + 1))
	"$@" >"$logs/$started" 2>&1 </dev/null &
	queue+=("$! $logs/$started $name")
}

tell() { # how the oldest went
	local pid log name status
	read -r pid log name <<<"${queue[0]}"
	queue=("${queue[@]:1}")
	wait "$pid"
	status=$?
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
	return $status
}

tell_all() {
	while [ ${#queue[@]} -gt 0 ]; do
		tell
	done
}

run() { # NAME COMMAND...: what others need
	tell_all
	start "$@"
	tell
}

step() { # NAME COMMAND...: what is asked for
	if [[ $1 == *"$pattern"* ]]; then
		start "$@"
	fi
}

finish() {
	tell_all
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
	if [ $status != 0 ]; then
		grep -E 'Timeout|SEGFAULT|Subprocess|Exception' <<<"$out"
	elif grep -q '\*\*\*Skipped' <<<"$out"; then
		sed -n 's/^[0-9]*: //p' <<<"$out" | tail -n 1
		status=77
	fi
	return $status
}

live() { # SCRIPT
	if [ "$(id -u)" != 0 ]; then
		echo "network namespaces need root"
		return 77
	fi
	timeout 400 "$1"
}

"$top/tests/install-packages.sh" tests || exit 1
run build-gcc build build -DCMAKE_C_COMPILER=gcc || finish
export PATH=$top/build:$PATH BUILD=$top/build
if [ -n "$update" ]; then
	tests/golden/run.sh --update
	git diff --stat -- tests/golden 2>/dev/null || true
fi
tests_of '' build '^(unit|fuzz|house)-'
for case in tests/golden/*/; do
	[ -e "$case/cmd" ] && step "golden-$(basename "$case")" tests/golden/run.sh "$(basename "$case")"
done
for keys in tests/console/*.keys; do
	[ -e "$keys" ] && step "console-$(basename "$keys" .keys)" tests/console/run.sh "$(basename "$keys" .keys)"
done
for script in tests/console/{ends,remote}.sh; do
	[ -e "$script" ] && step "console-$(basename "$script" .sh)" "$script"
done
[ -e tests/filter/run.sh ] && step filter-cases tests/filter/run.sh
[ -n "$quick" ] && finish

tell_all
for script in tests/live/*.sh; do
	[ -e "$script" ] && step "live-$(basename "$script" .sh)" live "$script"
done
tell_all
for script in tests/vm/*_test.sh; do
	[ -e "$script" ] && step "vm-$(basename "$script" _test.sh)" tests/vm/vm.sh -t 900 "$script"
done
[[ build-clang == *"$pattern"* ]] &&
	run build-clang build build-clang -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug
if [[ minimal-golden == *"$pattern"* || build-minimal == *"$pattern"* ]] &&
	run build-minimal build build-minimal -DDREDGE_MINIMAL=ON -DDREDGE_TESTS=OFF; then
	step minimal-golden env PATH="$top/build-minimal:$PATH" tests/golden/run.sh --plain
fi
if [[ -z $pattern || $pattern == sanitize* || $pattern == build-sanitize ]] &&
	run build-sanitize build build-sanitize -DCMAKE_C_COMPILER=clang -DDREDGE_SANITIZE=ON; then
	tests_of sanitize- build-sanitize '^(unit|fuzz)-'
	step sanitize-console env PATH="$top/build-sanitize:$PATH" tests/console/run.sh
	step sanitize-golden env PATH="$top/build-sanitize:$PATH" tests/golden/run.sh
fi
if [[ -z $pattern || $pattern == *fuzz* ]] && run build-fuzzers build build-fuzzers \
	-DCMAKE_C_COMPILER=clang -DDREDGE_FUZZ=ON -DDREDGE_SANITIZE=ON -DDREDGE_TESTS=OFF; then
	for fuzzer in build-fuzzers/fuzz-*; do
		name=${fuzzer##*/fuzz-}
		mkdir -p "$logs/$name" # what it finds new goes here, the corpus is only read
		step "fuzzing-$name" "$fuzzer" -max_total_time=5 -timeout=10 -rss_limit_mb=1024 \
			-artifact_prefix="$logs/" "$logs/$name" "tests/fuzz/corpus/$name"
	done
fi
finish
