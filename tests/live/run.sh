#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# dredgectl run: the program's status, input, terminal and signals are its own; the container is
# found by its name, and nothing of it is left whatever ended it.
# shellcheck disable=SC2154
source "$(dirname "$0")/isolated.bash"
find_cgroup_roots
host_and_outside host outside
file=$work/run.pcapng.lz4
start_dredged -w "$file" --counters 100ms
name=run cgroups=()
for root in "${cgroup_roots[@]}"; do cgroups+=("$root/dredge/$name"); done
run_it() { ctl run --name $name "$@"; }
become_run() { exec dredgectl --socket "$run/control" run --name $name "$@"; } # in the background
left() { # what there is of the container
	ls -d "${cgroups[@]}" 2>/dev/null
	ip -n "$host" -o link | grep -o ' dr[0-9]*[:@]'
	rows | awk '{print $1}'
	ls "$run/netns"
}
gone() { # AFTER-WHAT
	wait_for 3 test -z "$(left)"
	same "left after $1" '' "$(left)"
}

run_it --ports 31000-31007 -- true
same "status 0" 0 $?
run_it -- sh -c 'exit 7'
same "status 7" 7 $?
run_it -- /nosuch 2>/dev/null
same "no program" 127 $?
run_it -- /etc/passwd 2>/dev/null
same "not executable" 126 $?
run_it -- sh -c 'kill -TERM $$'
same "killed by a signal" 143 $?
gone "programs that ended"
same "standard input and output" "hello" "$(echo hello | run_it -- cat)"
same "no descriptors of ours" "$(ls /proc/self/fd)" "$(run_it -- ls /proc/self/fd)"
same "the environment" "/shop/web" "$(MARATHON_APP_ID=/shop/web run_it -- printenv MARATHON_APP_ID)"

run_it -- sh -c 'sleep 600 & sleep 600 &'
gone "programs that were left running"
become_run -- sleep 600 &
pid=$!
listed() { ctl list | grep -q "^$name "; }
wait_for 5 listed || bad "not listed"
run_it -- true 2>/dev/null && bad "one name for two containers"
[ -n "$(left)" ] || bad "the second one took the first one away"
kill "$pid"
wait "$pid"
same "SIGTERM goes on" 143 $?
gone SIGTERM

ctl attach other --netns "$(netns outside)" --ports 31000 2>/dev/null && bad "eth0 twice"
space B
ctl attach other --netns "$(netns B)" --ports 31000-31007 || bad "attach"
run_it --ports 31007 -- true 2>"$work/why"
same "refused" "2 dredgectl: port 31007 belongs to container other" "$? $(cat "$work/why")"
ctl detach other
gone "a refusal"
run_it --name ../x -- true 2>/dev/null
same "an id that is a path" 2 $?
dredgectl --socket /nosuch run --name $name -- true 2>/dev/null
same "no dredged" 1 $?
gone "no dredged"

# ^C at a terminal comes once, and the program decides what to do.
cat >"$work/terminal.py" <<'END'
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
seen = b""
while b"ready" not in seen:
    seen += os.read(fd, 1000)
os.write(fd, b"\x03")
try:
    while True:
        seen += os.read(fd, 1000)
except OSError:
    pass
print(seen.count(b"interrupted"), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
same "^C" "1 9" "$(python3 "$work/terminal.py" dredgectl --socket "$run/control" run --name $name -- \
	python3 -c "
import signal, sys, time
signal.signal(signal.SIGINT, lambda *_: print('interrupted', flush=True))
print('ready' if sys.stdin.isatty() else 'no terminal', flush=True)
time.sleep(1)
sys.exit(9)")"
gone "^C"

become_run --ports 31000 -- sleep 600 &
pid=$!
wait_for 5 listed
disown "$pid" # the shell reports who is killed
kill -9 "$pid"
ended() { [ -z "$(cat "${cgroups[0]}/cgroup.procs")" ]; }
wait_for 3 ended || bad "the program outlives a dredgectl that is killed"
unlisted() { ! listed; }
wait_for 5 unlisted || bad "the container outlives a dredgectl that is killed"
wait_for 5 grep -q "$name detached: its process has ended" "$work/dredged.err" || bad "not told why"
run_it -- true || bad "a name that was left behind cannot be used again"
gone "kill -9"
stop_dredged
same "exit status of dredged" 0 "$status"
same "found by its name" dredge "$(dredge -r "$file" -p %container.type "container.id=$name and notice.kind in (container_start, container_found)" | sort -u)"
[ "$(dredge -r "$file" -p %processes "container.id=$name and processes>0" | wc -l)" -gt 0 ] || bad "no counters"
verdict
