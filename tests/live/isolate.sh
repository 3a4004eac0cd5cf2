#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What is asked of dredged, and what happens to it: refusals change nothing, limits come and go,
# traffic goes on across kill -9, and in the end nothing is left.
# shellcheck disable=SC2016,SC2154
source "$(dirname "$0")/isolated.bash"
host_and_outside host outside
space A
space B

basics() {
	goes "outside to A" tcp outside A 0.0.0.0 $address 31001 100000
	goes "A to outside" tcp A outside 0.0.0.0 $far 7000 100000
	goes "A to the host over 127.0.0.1" tcp A host 127.0.0.1 127.0.0.1 8080 100000
	goes "B to A over 127.0.0.1" tcp B A 127.0.0.1 127.0.0.1 31001 100000
}

start_dredged
ctl attach A --netns "$(netns A)" --ports 31000-31499 || bad "attach A"
ctl attach B --netns "$(netns B)" --ports 31500-32000 || bad "attach B"
same "ephemeral ranges" "30016-30031 30032-30047" "$(rows | awk '{printf "%s%s", sep, $4; sep = " "}')"
basics

# ---- refusals change nothing ---------------------------------------------------------------

dump() {
	{
		ip -n "$host" -d link; ip -n "$host" addr; ip -n "$host" route
		for dev in eth0 lo dr1 dr2; do
			tc -n "$host" qdisc show dev $dev; tc -n "$host" filter show dev $dev ingress
		done
		ctl list; grep -F "$run" /proc/self/mountinfo; ls "$run/netns"
	} 2>&1 | grep -v valid_lft
}
space C
dump >"$work/before"
another() { # a second one on this host: its last word
	on host timeout 10 dredged --enforce "--resources=$resources" --runtime_dir="$1" \
		--ephemeral_ports_per_container=16 2>&1 | tail -n 1
}
for dir in "$run" "$work/other"; do
	same "a second dredged" "dredged: process $dredged enforces here already" "$(another "$dir")"
done
same "more asked than can wait" full "$(on host "$python" -c '
import socket
try:
    for _ in range(20000):
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        s.connect("\0dredge-isolation")
        s.close()
except BlockingIOError:
    print("full")')"
same "a second dredged behind them" "dredged: process $dredged enforces here already" "$(another "$run")"
refuse() { # WHY ARGUMENTS...
	local said
	said=$(ctl "${@:2}" 2>&1) && bad "accepted: ${*:2}"
	[[ $said == *"$1"* ]] || bad "refusal of ${*:2}: $said"
}
c=(--netns "$(netns C)")
refuse "belongs to container A" attach C "${c[@]}" --ports 31000
refuse "not all of the ports are managed" attach C "${c[@]}" --ports 80
refuse "no port and no range" attach C "${c[@]}" --ports 31000-
refuse "is no network namespace" attach C --netns /etc/passwd
refuse "No such file" attach C --netns /nosuch
refuse "the host's own" attach C --netns "/run/netns/$host"
refuse "No such file" attach C --pid 4194300
refuse "has an interface eth0 already" attach C --netns "$(netns A)"
refuse "attached already" attach A "${c[@]}"
refuse "container id" attach 'a%20b' "${c[@]}"
refuse "no container" detach C
refuse "no container" update C --ports 31000
refuse "no container" detach 'A?x'
refuse "no container" update 'A#x'
refuse "the host itself" attach host "${c[@]}"
refuse "no such" attach '../A' "${c[@]}"
refuse "no such" detach 'x/../A'
refuse "is wanted" attach '' "${c[@]}"
refuse "is wanted" detach ''
refuse "no number" attach C "${c[@]}" --cpus nan
refuse "no number" attach C "${c[@]}" --cpus 1e300
refuse "go with --egress" attach C "${c[@]}" --egress-ceil 5MB
refuse "no process id" attach C --pid -1
refuse "not both" attach C "${c[@]}" --pid 1
refuse "'D' is one word too many" attach C D "${c[@]}"
refuse "'A' is one word too many" list A
refuse "go with attach" update A "${c[@]}"
refuse "go with attach" run "${c[@]}" -- true
refuse "no port and no range" attach C "${c[@]}" --ports 31000-31007x
refuse "" attach C "${c[@]}" --ports 0
refuse "" attach C "${c[@]}" --ports 65536
refuse "" attach C "${c[@]}" --ports 31007-31000
refuse "" attach C "${c[@]}" --egress 99999999999TB
refuse "" attach C "${c[@]}" --egress -1
send() { curl -s --unix-socket "$run/control" -X "$2" -d "$3" "http://dredged/v1/isolation/$1"; }
refuses() { # WHY METHOD BODY
	local said
	said=$(send C "$2" "$3")
	[[ $said == *'"error"'*"$1"* ]] || bad "refusal of $2 $3: $said"
}
path="\"netns\":\"$(netns C)\""
refuses "no JSON" PUT '{'
refuses "JSON object" PUT '[]'
refuses "no JSON" PUT "{$path,$path}"
refuses "'port' is not known" PUT "{$path,\"port\":\"31000\"}"
refuses "object with a rate" PUT "{$path,\"egress\":5}"
refuses "object with a rate" PUT "{$path,\"egress\":{\"rates\":5}}"
refuses "number of bytes" PUT "{$path,\"egress\":{\"rate\":-5}}"
refuses "number of bytes" PUT "{$path,\"egress\":{\"rate\":5,\"ceil\":\"x\"}}"
refuses "cpus" PUT "{$path,\"cpus\":\"2\"}"
refuses "cpus" PUT "{$path,\"cpus\":-2}"
refuses "text" PUT "{$path,\"ports\":31000}"
refuses "netns or pid" PUT '{"netns":7}'
refuses "netns or pid" PUT '{"pid":-7}'
refuses "no such method" POST "{$path}"
refuses "longer" PUT "$(printf '{"ports":"%70000d"}' 1)"
dump >"$work/after"
cmp -s "$work/before" "$work/after" || bad "a refusal changed something: $(diff "$work/before" "$work/after" | head -n 5)"

# ---- limits --------------------------------------------------------------------------------

ctl update A --egress 1MB --ingress 2MB
same "who does not name ports keeps them" 31000-31499 "$(rows | awk '$1 == "A" {print $3}')"
rate_of() { tc -n "$host" class show dev "$1" | sed -n "s/^class htb $2 .* rate \([^ ]*\) .*/\1/p"; }
same "egress class" 8388Kbit "$(rate_of drshape0 1:1)"
same "ingress class" 16777Kbit "$(rate_of dr1 1:1)"
seconds() { # FROM TO ADDRESS PORT BYTES
	local start end
	start=$(date +%s%N)
	same "a limited transfer" "got $5" "$(talk tcp "$1" "$2" 0.0.0.0 "$3" "$4" "$5")"
	end=$(date +%s%N)
	echo $(((end - start) / 1000000))
}
[ "$(seconds A outside $far 7000 2000000)" -gt 1700 ] || bad "2 MB at 1 MB/s were too fast"
[ "$(seconds A host 127.0.0.1 8080 2000000)" -gt 1700 ] 2>/dev/null || bad "2 MB to the host at 1 MB/s were too fast"
[ "$(seconds outside A $address 31001 3000000)" -gt 1200 ] || bad "3 MB at 2 MB/s were too fast"
ctl update A --ports 31000-31499 --egress 0 --ingress 0
same "no limit any more" "" "$(rate_of drshape0 1:1)$(rate_of dr1 1:1)"

# ---- kill -9 -------------------------------------------------------------------------------

stop_dredged KILL
basics
# A stranger who takes the name by which they know of each other is in nobody's way.
become host setpriv --reuid 65534 --clear-groups "$python" -c '
import socket, time
s = socket.socket(socket.AF_UNIX)
s.bind("\0dredge-isolation")
s.listen(0)
c = socket.socket(socket.AF_UNIX)
c.connect("\0dredge-isolation") # and there is no more place
print("held", flush=True)
time.sleep(60)' >"$work/holder" &
holder=$!
wait_for 10 grep -q held "$work/holder" || bad "the name is not to be had"
start_dredged
kill "$holder"
wait "$holder" 2>/dev/null
same "a stranger holds the name" 1 "$(grep -c 'somebody without rights' "$work/dredged.err")"
same "recovered" "A B" "$(rows | awk '{printf "%s%s", sep, $1; sep = " "}')"
same "recovered whole" "" "$(ctl explain A | grep -v '^ok')$(ctl explain host | grep -v '^ok')"
basics
ctl attach C --netns "$(netns C)" || bad "attach C"
same "the kernel finds the newest namespace first" "outside C B A" \
	"$(ip -n "$host" netns list-id | grep -o "$tag-[^)]*" | sed "s/$tag-//" | paste -sd' ')"
ctl detach C || bad "detach C"

# ---- run, and the end ----------------------------------------------------------------------

refuse "belongs to container A" run --name r --ports 31000-31007 -- true
ctl update A --ports 31008-31499
same "run: a program in its own ports" "30048 30063" \
	"$(ctl run --name r --ports 31000-31007 -- cat /proc/sys/net/ipv4/ip_local_port_range | tr '\t' ' ')"
ctl run --name r -- sh -c 'exit 7'
same "run: the program's status" 7 $?
ctl detach A && ctl detach B || bad "detach"
same "nothing is left" "" "$(ip -n "$host" -o link | grep -o ' dr[0-9]*[:@]')$(ls "$run/netns")"
verdict
