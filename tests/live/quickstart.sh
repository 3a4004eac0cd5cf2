#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The quick start builds what it needs where nothing was built yet, shows what it promises, and
# leaves nothing behind: when it is through, when ^C or SIGTERM come at any point, and when it fails.
# shellcheck disable=SC2009,SC2154
source "$(dirname "$0")/lib.bash"
need python3 tshark redis-server redis-cli nginx curl cmake
find_cgroup_roots
work=$(mktemp -d)
tar -c -C "$(dirname "$0")/../.." --exclude='./build*' --exclude=./.git . | tar -x -C "$work" --one-top-level=clone
script=$work/clone/samples/quickstart.sh
unset BUILD
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin # without what the tests have built
export CMAKE_BUILD_TYPE=Debug # the quickest to build

# Runs it at a terminal; WHAT (^C or TERM) comes after so many milliseconds. Prints pid and status.
cat >"$work/terminal.py" <<'END'
import os, pty, select, signal, sys, time
what, after = sys.argv[1], time.monotonic() + int(sys.argv[2]) / 1000
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[3], sys.argv[3:])
out = open(os.environ["TMPDIR"] + ".out", "wb")
sent = False
while True:
    if not sent and time.monotonic() >= after:
        sent = True
        if what == "TERM":
            os.kill(pid, signal.SIGTERM)
        elif what == "^C":
            os.write(fd, b"\x03")
    if select.select([fd], [], [], 0.05)[0]:
        try:
            out.write(os.read(fd, 65536))
        except OSError:
            break
print(pid, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
export TMPDIR=$work/tmp
try() { # WHAT MILLISECONDS STATUS: and look what is left
	mkdir "$TMPDIR"
	read -r pid status < <(python3 "$work/terminal.py" "$1" "$2" "$script" "$work/cap.pcapng.lz4")
	same "$1 after $2 ms: status" "$3" "$status"
	same "$1 after $2 ms: what is left" '' "$(left)"
	rm -rf "$TMPDIR"
}
left() {
	ls "$TMPDIR"
	ip netns list | grep "^dq$pid-"
	for root in "${cgroup_roots[@]}"; do ls -d "$root/dq$pid"* 2>/dev/null; done
	grep "$TMPDIR" /proc/self/mountinfo
	ps -eo pid,args | grep -F -e "$TMPDIR" -e "dq$pid-" | grep -v grep
}

try none 0 0
out=$(tr -d '\r' <"$TMPDIR.out")
for line in 'port 31000 belongs to container' 'no answer: what it sent did not go through' \
	'of its limit' 'isolation: .* attached: ports 31008-31015.*app=/shop/web' \
	'packet.*, sent from a port that is not its own' '/data/redis-spare is restarted again and again' \
	'listens on tcp 10.77.0.1 port 6379' 'marathon.app.id=/shop/web' \
	'"task":"data_redis.*"app":"/data/redis","group":"/data"' '"executor_name":"Command Executor' \
	'10.77.0.1 *TCP .*31008 .SYN'; do
	grep -q -- "$line" <<<"$out" || bad "the quick start does not show: $line"
done
! grep 'put right' <<<"$out" || bad "something drifted while nobody touched it"
held=$(sed -n 's/^web: .* bytes.s, \([0-9]*\) % of its limit/\1/p' <<<"$out")
[ "${held:-0}" -gt 50 ] || bad "the limit was held at '$held' %"
! command -v prometheus >/dev/null || grep -q '"app":"/shop/web2".*"[0-9]*"' <<<"$out" ||
	bad "Prometheus does not have web2 by its app"
counts=$(sed -n 's/^packets of .shop.web: dredge \([0-9]*\), tshark.* \([0-9]*\)$/\1 \2/p' <<<"$out")
same "packets of web in dredge and in tshark" "${counts% *}" "${counts#* }"
[ "${counts% *}" -gt 100 ] || bad "packets of web: $counts"
for point in 1 2 3 4 5; do
	try ^C $((RANDOM % 9000)) 130
	[ $point -gt 3 ] || try TERM $((RANDOM % 9000)) 143
done
QUICKSTART_SECONDS=x try failure 99999 1
verdict
