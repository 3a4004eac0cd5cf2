#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Recording on a disk that fills up and gets room again: a small tmpfs in a mount namespace of its
# own. What was written must be whole for lz4, capinfos and tshark, and the gap must stand in it.
#
#     disk_full.sh [PROBE]      PROBE: the disk_full_probe program of the build
set -u -o pipefail

probe=$(realpath -m "${1:-${BUILD:-build}/disk_full_probe}")
[ "$(id -u)" = 0 ] || { echo "skipped: needs root"; exit 77; }
[ -x "$probe" ] || { echo "skipped: no $probe"; exit 77; }
for tool in unshare lz4 capinfos tshark; do
	command -v $tool >/dev/null || { echo "skipped: needs $tool"; exit 77; }
done
if [ "${DISK_FULL_INSIDE:-}" != 1 ]; then
	unshare -m true 2>/dev/null || { echo "skipped: no mount namespaces here"; exit 77; }
	work=$(mktemp -d)
	DISK_FULL_INSIDE=1 DISK_FULL_WORK=$work unshare -m "$0" "$probe"
	status=$?
	rmdir "$work"
	exit $status
fi

work=$DISK_FULL_WORK
mount -t tmpfs -o size=4m dredge-disk-full "$work" || { echo "skipped: cannot mount"; exit 77; }
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
umount "$work"
[ $fail = 0 ] && echo "ok"
exit $fail
