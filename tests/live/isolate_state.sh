#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The state file: what the port table loses while no dredged is there comes back from it; where they
# differ the table wins; and nothing that is wrong with the file hinders anybody.
# shellcheck disable=SC2034,SC2154
source "$(dirname "$0")/isolated.bash"
need curl
ephemeral_size=64 # as many conversations as A begins
host_and_outside host outside
for name in A B C; do space $name; done
mkdir "$run" && mount -t tmpfs -o size=1m none "$run"
state=$run/state.json
tear_out() { for link in eth0 lo dr1 dr2 drshape1; do
	tc -n "$host" qdisc del dev $link parent ffff:fff1
done 2>/dev/null; }
all() { ctl list --json | python3 -c 'import json, sys
print(json.dumps([{k: v for k, v in c.items() if k != "refused"}
    for c in json.load(sys.stdin)["containers"]], sort_keys=True))'; }
classes() { for link in drshape0 dr1 dr2; do tc -n "$host" class show dev $link; done | sed 's/ leaf [0-9a-f]*://'; }
said() { grep -c "$1" "$work/dredged.err"; }
as_before() { # WHAT
	same "$1: containers" "$before" "$(all)"
	same "$1: limits" "$before_classes" "$(classes)"
	same "$1: the plans" "" "$(for id in host A B; do ctl explain $id | grep -v '^ok'; done)"
	same "$1: the file" "" "$(state_differs)"
	goes "$1: outside to A" tcp outside A 0.0.0.0 $address 31001 10000
	goes "$1: A to B" tcp A B 0.0.0.0 $address 31501 10000
}
restart_after() { # COMMAND...: while no dredged is there; alter knows the maps owners and containers
	owners=$(map_id dp_owners) containers=$(map_id dp_containers)
	stop_dredged KILL
	"$@" || bad "$*"
	start_dredged --no-host-network
}

start_dredged --no-host-network
same "none is there, and none is missed" 0 "$(said state.json)"
ctl attach A --netns "$(netns A)" --ports 31000-31007,31016 --cpus 2.5 --egress 10MB \
	--egress-ceil 30MB --egress-burst 70KB --ingress 20MB || bad "attach A"
ctl attach B --netns "$(netns B)" --ports 31500-31507 || bad "attach B"
before=$(all) before_classes=$(classes)
as_before "attached"
same "nobody else reads or writes it" "600 0" "$(stat -c '%a %u' "$state")"
restart_after true
as_before "killed"
same "nothing was lost" 0 "$(said state.json)"

# ---- what the table loses ------------------------------------------------------------------

filled_in() { # COUNT WHAT COMMAND...
	restart_after "${@:3}"
	as_before "$2"
	same "$2: told" "$1" "$(said "the port table had lost .*: filled in from")"
}
alter() { table "$1" "${!2}" "${@:3}"; }
everything() { alter wipe containers && alter wipe owners; }
gone() { tear_out && ip -n "$host" link del dr1; }
filled_in 1 "A's entry is wiped" alter wipe containers 1
filled_in 1 "a port is wiped" alter wipe owners 31016
filled_in 1 "an ephemeral port is nobody's" alter put owners 30017 4000
filled_in 1 "a port of A is B's" alter put owners 31016 2
filled_in 2 "a port of B is A's" alter put owners 31507 1
filled_in 2 "all ports are wiped" alter wipe owners
filled_in 2 "everything is wiped" everything
filled_in 1 "B's entry makes no sense" alter flip containers 2 104 # @
filled_in 1 "A's process makes no sense" alter flip containers 1 47 # until
filled_in 2 "the table is gone" tear_out
filled_in 2 "the table and A's link are gone" gone

# ---- the table wins ------------------------------------------------------------------------

# Who is killed between the kernel and the file leaves an older file.
caught_up() { [ -z "$(state_differs)" ]; }
behind() { # COMMAND...: the kernel has it, the file has not
	cp "$state" "$work/older"
	"$@" || bad "$*"
	cp "$work/older" "$state"
	chmod 600 "$state"
}
older() { behind ctl "$@" && restart_after true; }
older attach C --netns "$(netns C)" --ports 31100
same "attached, and not in the file" "A B C" "$(rows | awk '{print $1}' | xargs)"
older update C --ports 31100-31103 --egress 1MB
same "updated" "31100-31103 1048576" "$(all | "$python" -c 'import json, sys
print(*[(c["ports"] + " %(rate)d" % c["egress"]) for c in json.load(sys.stdin) if c["id"] == "C"])')"
older detach C
as_before "detached"
same "detached: told" 1 "$(said "says of C is not used: its namespace is gone")"
same "the table had lost nobody" 0 "$(said 'had lost')"

# ---- what is wrong with the file -----------------------------------------------------------

wrong() { # WHY WHAT COMMAND...
	restart_after "${@:3}"
	as_before "$2"
	same "$2: told" 1 "$(said "the port table alone says what was asked for: $state: .*$1")"
}
edit() { # PYTHON: of the object s
	"$python" -c "import json, sys
s = json.load(open('$state'))
$1
json.dump(s, open('$state', 'w'))"
}
link() { mv "$state" "$work/elsewhere" && ln -s "$work/elsewhere" "$state"; }
pipe() { rm "$state" && mkfifo "$state"; }
wrong "No such file" missing rm "$state"
wrong "line" empty truncate -s 0 "$state"
wrong "line" truncated truncate -s 100 "$state"
wrong "line" garbage sh -c "head -c 5000 /dev/urandom >'$state'"
wrong "5242880\\|longer than" "too long" truncate -s 5M "$state"
wrong "version 1" "of another version" edit 's["version"] = 2'
wrong "container 2" "half right" edit 's["containers"][1]["slot"] = 4096'
wrong "others may have" "world-writable" chmod 602 "$state"
wrong "others may have" "another's" chown nobody "$state"
wrong "symbolic links" "a link" link
wrong "others may have" "a pipe" pipe

# Strangers in it: without a handle, with a file in its place, and with another's ports and place.
strangers() {
	edit 'import copy
for k, id in enumerate(["ghost", "file", "thief", "guest"]):
    c = copy.deepcopy(s["containers"][1])
    c.update(id=id, slot=k + 10, ephemeral_ports="30%d-30%d" % (500 + 20 * k, 515 + 20 * k))
    c["ports"] = "31507" if id == "thief" else ""
    s["containers"].append(c)
s["containers"][-1]["slot"] = 1'
	touch "$run"/netns/{file,thief,guest}
	for name in thief guest; do mount --bind "$(netns C)" "$run/netns/$name"; done
}
restart_after strangers
as_before strangers
same "strangers: told" "ghost: its namespace is gone
file: its namespace is gone
thief: port 31507 is B's
guest: its place is A's" "$(sed -n "s/.* says of \(.*\) is not used/\1/p" "$work/dredged.err")"
same "strangers: handles" "A B" "$(ls "$run/netns" | xargs)"

# ---- a container that ends with a process --------------------------------------------------

sleep 600 &
owner=$!
put() { # UNTIL: C
	curl -s --unix-socket "$run/control" -X PUT "http://d/v1/isolation/C" \
		-d "{\"netns\":\"$(netns C)\",\"until\":$1}"
}
same "of no process" '{"error":"no process 4999999"}' "$(put 4999999)"
same "of no number" '{"error":"until: the number of a process is wanted"}' "$(put '"1"')"
as_before "refused"
put $owner | grep -q '"id":"C"' || bad "attach C until $owner ends"
restart_after alter wipe containers
same "his process lives" "A B C" "$(rows | awk '{print $1}' | xargs)"
another() { alter wipe containers && edit 's["containers"][2]["begun"] += 1'; }
restart_after another
ended() { grep -q 'C detached: its process has ended' "$work/dredged.err"; }
wait_for 5 ended || bad "C has got another process of the same number"
put $owner | grep -q '"id":"C"' || bad "attach C until $owner ends, again"
end_owner() { kill $owner && wait $owner 2>/dev/null; [ $? = 143 ]; }
restart_after end_owner
wait_for 5 ended || bad "C outlives its process"
as_before "his process has ended"
put $$ | grep -q '"id":"C"' || bad "attach C until $$ ends"
begun=$(cut -d ' ' -f 22 /proc/$$/stat)
sleep 1.5
same "the shell lives" "$begun" "$("$python" -c "import json; print(json.load(open('$state'))['containers'][2]['begun'])")"
ctl detach C || bad "detach C"

# ---- when it cannot be written -------------------------------------------------------------

told_behind() { same "$1: told" "$2" "$(said "in the kernel alone: $state")"; }
: >"$work/dredged.err"
mount -o remount,bind,ro "$run"
ctl attach C --netns "$(netns C)" --ports 31100 || bad "attach, read-only"
ctl update C --ports 31100-31103 || bad "update, read-only"
told_behind "read-only" 1
goes "read-only: outside to C" tcp outside C 0.0.0.0 $address 31103 10000
mount -o remount,bind,rw "$run"
wait_for 5 caught_up || bad "writable again: $(state_differs)"
same "writable again: told" 1 "$(said 'is written again')"
head -c 2M /dev/zero >"$run/full" 2>/dev/null
ctl detach C || bad "detach, full"
told_behind "full" 2
rm "$run/full"
wait_for 5 caught_up || bad "room again: $(state_differs)"
restart_after true
as_before "in the end"
same "nothing else is there" "control netns state.json" "$(ls "$run" | xargs)"
verdict
