#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Recording on a disk that fills up and gets room again: a small tmpfs. What was written must be
# whole for lz4, capinfos and tshark, and the gap must stand in it.
#
#     disk_full.sh [PROBE]      PROBE: the disk_full_probe program of the build
source "$(dirname "$0")/own.bash"
set -u -o pipefail

probe=$(realpath -m "${1:-${BUILD:-build}/disk_full_probe}")
[ -x "$probe" ] || skip "no $probe"
for tool in lz4 capinfos tshark; do
	command -v $tool >/dev/null || skip "needs $tool"
done
work=$(mktemp -d)
mount -t tmpfs -o size=4m dredge-disk-full "$work" || skip "cannot mount"
fail=0
bad() { echo "not ok: $*"; fail=1; }

for format in pcapng.lz4 pcapng pcap; do
	file=$work/a.$format
	rm -f "$work"/*
	head -c 3m /dev/zero >"$work/filler"
	said=$(timeout 60 "$probe" "$file" "$work/filler" 2>"$work.log")
	status=$?
	told=$(cat "$work.log")
	rm -f "$work.log"
	[ $status = 0 ] || { bad "$format: status $status: $told"; continue; }
	read -r packets lost <<<"$said"
	grep -q "No space left on device; recording is suspended" <<<"$told" ||
		bad "$format: no word of a full disk: $told"
	grep -q "goes on; $lost events are missing" <<<"$told" ||
		bad "$format: no word of the end of it: $told"
	[ "$lost" -gt 0 ] && [ "$packets" -gt 1000 ] || bad "$format: $packets written, $lost lost"
	[ $format != pcapng.lz4 ] || lz4 -tq "$file" || bad "$format: lz4 -t"
	count=$(capinfos -cMr "$file" 2>/dev/null | sed -n 's/^Number of packets: *//p')
	[ "$count" = "$packets" ] || bad "$format: capinfos counts $count, not $packets"
	[ $format = pcap ] && continue
	gaps=$(tshark -r "$file" -Y "systemd_journal.message contains \"$lost events could\"" \
		2>/dev/null | wc -l)
	[ "$gaps" = 1 ] || bad "$format: $gaps gap notices"
done
[ $fail = 0 ] && echo "ok"
exit $fail
