#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# dredged when things go wrong: killed at any moment, the API absent, hanging, wrong and lying, the
# disk full; and its signals and rotation. Capture goes on and every file can be read.
source "$(dirname "$0")/lib.bash"
need python3 lz4
cluster_start
container sender 10.77.0.3 /test/sender
container taker 10.77.0.4 /test/taker
publish sender taker
cat >"$work/traffic.py" <<'END'
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    s.sendto(b"%-300d" % time.time_ns(), ("10.77.0.4", 9999))
    time.sleep(0.0005)
END
container_up sender
container_up taker
start sender python3 "$work/traffic.py"

grows() { # FILE: packets go on being written there
	local before
	before=$(packets_of "$1" 2>/dev/null)
	wait_for 4 more_than "$1" "$before"
}
more_than() { [ "$(packets_of "$1" 2>/dev/null)" -gt "$2" ]; }

# ---- the API: absent, then there, hanging, garbage, errors ---------------------------------

file=$work/api.pcapng.lz4
monitor_start -w "$file"
grows "$file" || bad "no packets while the API is absent"
api_start
wait_for 5 monitor_said 'app=/test/sender' || bad "no names after the API appeared"
api_mode hang
grows "$file" || bad "no packets while the API hangs"
for mode in garbage 500; do
	api_mode $mode
	grows "$file" || bad "no packets while the API answers $mode"
done
container late 10.77.0.5 /test/late
publish late
container_up late
sleep 0.7
monitor_said 'app=/test/late' && bad "a name out of nowhere"
api_mode good
wait_for 5 monitor_said 'app=/test/late' || bad "no name after the API recovered"

# ---- signals -------------------------------------------------------------------------------

kill -USR1 "$monitor"
wait_for 2 monitor_said 'containers, .* packets seen, 0 lost' || bad "no state line after SIGUSR1"
kill -HUP "$monitor"
sleep 1.5
monitor_stop TERM
same "exit status after SIGTERM" 0 "$status"
files=0
for f in "$work"/api*.lz4; do
	files=$((files + 1))
	dredge -r "$f" -q || bad "$f cannot be read"
	[ "$(packets_of "$f")" -gt 0 ] || bad "$f has no packets"
done
same "files after SIGHUP" 2 $files

# ---- a ring of files -----------------------------------------------------------------------

monitor_start -w "$work/ring.pcapng.lz4" -e 500 -W 3
sleep 2
monitor_stop
files=("$work"/ring*)
same "files in the ring" 3 ${#files[@]}
for f in "${files[@]}"; do dredge -r "$f" -q || bad "$f of the ring cannot be read"; done

# ---- killed --------------------------------------------------------------------------------

for n in {1..10}; do
	file=$work/killed.pcapng.lz4
	rm -f "$file"
	monitor_start -w "$file" --window 200ms
	sleep "0.$((RANDOM % 5 + 4))$((RANDOM % 10))"
	killed=$(date +%s%N)
	monitor_stop KILL
	said=$(dredge -r "$file" -p '%evt.rawtime' -t a evt.type=packet 2>&1 >"$work/times")
	status=$?
	[ $status = 0 ] || [ -n "$said" ] || bad "kill $n: status $status without a word"
	last=$(tail -n 1 "$work/times")
	[ -n "$last" ] && [ "$last" -gt $((killed - 1200000000)) ] ||
		bad "kill $n: the last packet is '$last', killed at $killed: $said"
done

# ---- disk full -----------------------------------------------------------------------------

mkdir "$work/small"
mount -t tmpfs -o size=2m dredge-small "$work/small" || die "cannot mount"
file=$work/small/a.pcapng.lz4
head -c 1900k /dev/zero >"$work/small/filler"
monitor_start -w "$file" --window 200ms
start sender python3 "$work/traffic.py"
wait_for 5 monitor_said 'No space left on device' || bad "no word of a full disk"
rm "$work/small/filler"
wait_for 5 monitor_said 'events are missing' || bad "no word of the disk's recovery"
sleep 0.5
monitor_stop
same "exit status after a full disk" 0 "$status"
same "gap notices" 1 "$(dredge -r "$file" -p '%notice.message' notice.kind=gap | grep -c 'could')"
dredge -r "$file" -q || bad "the capture of the full disk cannot be read"
verdict
