#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every field that `dredge -l` lists stands in dredge-fields(7), and the other way round.
# Usage: fields_documented.sh SOURCE BUILD
set -eu
page=$1/src/man/dredge-fields.7
dredge=$2/dredge
[ -x "$dredge" ] || { echo "skipped: no $dredge"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$dredge" -l | awk '/^[a-z]/ { print $1 }' | LC_ALL=C sort > "$work/listed"
awk '$1 == ".It" && $2 == "Ic" && $4 == "Pq" { print $3 }' "$page" | LC_ALL=C sort > "$work/documented"
[ -s "$work/listed" ] || { echo "dredge -l lists nothing"; exit 1; }
if ! diff "$work/listed" "$work/documented"; then
	echo "'<': only in dredge -l, '>': only in dredge-fields(7)"
	exit 1
fi
