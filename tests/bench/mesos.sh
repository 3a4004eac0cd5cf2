#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A master's state of 10 000 agents and 100 000 tasks, recorded ones multiplied, beside a bare json_loads of the same text, and
# one update of a task. No figure makes it fail.
#
#     mesos.sh [TASKS]
#
#     BUILD=dir   where librooms.a is (build)
#     TMPDIR=dir  for the state, 200 MB
set -u -o pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=$(realpath "${BUILD:-$top/build}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
cc -O2 -std=gnu17 -D_GNU_SOURCE -I"$top/src" -o "$work/mesos" "$top/tests/bench/mesos.c" \
	"$BUILD/librooms.a" -ljansson -lm -ldl -lpthread || exit 1
tasks=${1:-100000}
python3 "$top/tests/bench/mesos_state.py" \
	"$top/tests/unit/mesos/data/master-state-dcos19-uswest2-a-cut.json" "$tasks" >"$work/state.json" || exit 1
"$work/mesos" "$work/state.json" "$tasks"
