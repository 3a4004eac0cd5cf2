#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# dredged is killed at random moments while containers are attached, changed and detached; each time
# the next one finds everything as planned, nothing is left over, the state file says what the kernel
# has, also where dredged was killed between the two, and the connection of a container
# that nobody touches never waits.
#
#     isolate_kill.sh [POINTS]        200
# shellcheck disable=SC2154
source "$(dirname "$0")/isolated.bash"
points=${1:-200}
host_and_outside host outside
for name in A B C; do space $name; done

start_dredged --no-host-network
ctl attach A --netns "$(netns A)" --ports 31000-31007 --egress 50MB || die "attach A"

# A sends its clock every 5 ms to somebody outside, who notes how old it came at worst, without what
# either of them waited for a processor; the same at the same time from a container that no dredged
# has ever seen, as the measure of this machine.
cat >"$work/beat.py" <<'EOF'
import os, socket, struct, sys, time
def unserved(*pids): # seconds in which they could have run and did not
    return sum(int(open(f"/proc/{pid}/schedstat").read().split()[1]) for pid in pids) / 1e9
if sys.argv[1] == "listen":
    s = socket.socket()
    s.bind(("0.0.0.0", 7000))
    s.listen(1)
    print("listening", flush=True)
    c, peer = s.accept()
    f, worst = c.makefile("rb"), 0
    ends = os.getpid(), int(struct.unpack("d", f.read(8))[0])
    before = unserved(*ends)
    while stamp := f.read(8):
        age = time.monotonic() - struct.unpack("d", stamp)[0]
        after = unserved(*ends)
        worst, before = max(worst, age - (after - before)), after
    print("worst", int(worst * 1000))
else:
    s = socket.create_connection((sys.argv[2], 7000))
    s.sendall(struct.pack("d", os.getpid()))
    while True:
        s.sendall(struct.pack("d", time.monotonic()))
        time.sleep(0.005)
EOF
beat() { # NAME FROM TO: its pids are appended to senders and listeners
	become "$3" python3 "$work/beat.py" listen >"$work/beat.$1" &
	listeners+=($!)
	wait_for 3 grep -q listening "$work/beat.$1"
	become "$2" python3 "$work/beat.py" send $far &
	senders+=($!)
}
worst_of() { awk '/^worst/ {print $2}' "$work/beat.$1"; }
senders=() listeners=()
beat A A outside
host_and_outside plain far
beat plain plain far

change() { # for ever: what can be interrupted
	while :; do
		ctl attach B --netns "$(netns B)" --ports 31100-31107 --egress 1MB --ingress 2MB
		ctl update B --ports 31100-31103 --ingress 3MB
		ctl attach C --netns "$(netns C)" --ports 31104-31107
		ctl update B --ports 31100-31103 --egress 2MB
		ctl detach B
		ctl detach C
	done >/dev/null 2>&1
}
leftovers() { # ROWS: what belongs to no container that is listed, and what is not there of one
	{
		awk '{print "want", "link", $2; print "want", "handle", $1}
			$5 != "-" {printf "want class htb 1:%x\n", substr($2, 3)}' <<<"$1"
		ip -n "$tag-host" -o link | sed -nE 's/^[0-9]+: (dr[0-9]+)[:@].*/have link \1/p'
		tc -n "$tag-host" class show dev drshape0 2>/dev/null | sed -nE 's/^class (htb 1:[0-9a-f]+) .*/have class \1/p'
		find "$run/netns" -mindepth 1 -printf 'have handle %f\n'
	} | awk '{which = $1; sub(/^[a-z]+ /, ""); n[$0] += which == "want" ? 1 : -1}
		END {for (what in n) if (n[what]) printf "%s %s; ", (n[what] > 0 ? "no" : "stray"), what}'
}
between=0
for ((point = 0; point < points && fail == 0; point++)); do
	set -m # a process group: else its last dredgectl would find the next dredged
	change &
	changer=$!
	set +m
	sleep "0.$(printf %03d $((RANDOM % 150)))"
	kill -9 "$dredged"
	kill -9 -- "-$changer"
	wait "$dredged" "$changer" 2>/dev/null
	cp "$run/state.json" "$work/older.json"
	start_dredged --no-host-network
	listed=$(rows)
	same "point $point: the state file" "" "$(state_differs)"
	[ -z "$(state_differs "$work/older.json")" ] || between=$((between + 1))
	same "point $point: what is left over" "" "$(leftovers "$listed")"
	for id in host $(awk '{print $1}' <<<"$listed"); do
		same "point $point: the plan of $id" "" "$(ctl explain "$id" | grep -v ^ok)"
		[[ $id == [BC] ]] && ctl detach $id
	done
done
kill "${senders[@]}"
wait "${listeners[@]}"
worst=$(worst_of A) plain=$(worst_of plain)
echo "$points points, $between of them where the file was behind; the longest wait of A's connection was $worst ms, without dredged $plain ms"
[ "${worst:-9999}" -le $((${plain:-0} + 100)) ] || bad "A's connection waited for $worst ms"
verdict
