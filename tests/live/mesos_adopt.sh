#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# --adopt-mesos: containers of Mesos' own isolator are taken over while their connections go on,
# also when dredged is killed in the middle; what cannot be taken over stays as it was.
# shellcheck disable=SC2015,SC2046,SC2119,SC2154
source "$(dirname "$0")/mesos.bash"
need strace
mesos_three

# ---- connections that go on all the time ---------------------------------------------------

cat >"$work/steady.py" <<'PY'
import os, socket, sys, threading, time
server, client, listen, address, port, stop = sys.argv[1:]
def enter(name): # the thread only
    import ctypes
    fd = os.open(name, os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000): raise OSError(name)
    os.close(fd)
def serve(ready):
    enter(server)
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((listen, int(port))); s.listen(1); ready.set()
    c = s.accept()[0]
    while (b := c.recv(1000)): c.sendall(b)
ready = threading.Event()
threading.Thread(target=serve, args=(ready,), daemon=True).start()
ready.wait(5)
enter(client)
s = socket.create_connection((address, int(port)), 60); s.settimeout(120)
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
n = longest = 0
while not os.path.exists(stop):
    at = time.monotonic()
    s.sendall(b'x' * 100)
    got = 0
    while got < 100:
        b = s.recv(1000)
        if not b: print('closed', flush=True); sys.exit(1)
        got += len(b)
    longest = max(longest, time.monotonic() - at); n += 1
    if n == 1: print('steady', flush=True)
    time.sleep(0.01)
print(f'{int(longest * 1000)} {n}', flush=True)
PY
steady=()
talk_on() { # NAME SERVER CLIENT LISTEN-ADDRESS ADDRESS PORT
	"$python" "$work/steady.py" "$(netns "$2")" "$(netns "$3")" "${@:4}" "$work/stop" >"$work/steady.$1" 2>&1 &
	steady+=("$1")
	wait_for 20 grep -q steady "$work/steady.$1" || bad "no connection $1: $(cat "$work/steady.$1")"
}
# None stood still for long: where dredged was killed between two messages, what it was about waits for
# the next one to start, and TCP then for its timer; here each is traced, on a machine that others share.
talks_go_on() {
	local name gap count most=$((5000 * patience))
	sleep 0.5 # and a little more
	touch "$work/stop"
	for name in "${steady[@]}"; do
		wait_for 30 grep -q '^[0-9]' "$work/steady.$name"
		read -r gap count < <(grep '^[0-9]' "$work/steady.$name") || bad "$name ended: $(cat "$work/steady.$name")"
		echo "# $name: $count round trips, the longest ${gap:-?} ms"
		[ "${gap:-9999999}" -lt $most ] || bad "$name stood still for ${gap:-?} ms"
	done
	steady=()
	rm "$work/stop"
}
talk_all() {
	talk_on "outside to M1" M1 outside 0.0.0.0 $address 31002
	talk_on "M1 to outside" outside M1 0.0.0.0 $far 7100
	[ "$patience" = 1 ] || return 0
	talk_on "M1 to the host over 127.0.0.1" host M1 127.0.0.1 127.0.0.1 8101
	talk_on "M2 to the host by its address" host M2 0.0.0.0 $address 8102
	talk_on "the host to M2" M2 host 0.0.0.0 $address 31102
	talk_on "M2 to M1 over 127.0.0.1" M1 M2 127.0.0.1 127.0.0.1 31003
	talk_on "outside to M3" M3 outside 0.0.0.0 $address 40001
	talk_on "M3 to the host over 127.0.0.1" host M3 127.0.0.1 127.0.0.1 8103
}
basics() {
	goes "$1: outside to M1" tcp outside M1 0.0.0.0 $address 31001 100000
	goes "$1: M1 to outside" tcp M1 outside 0.0.0.0 $far 7000 100000
	[ "$patience" = 1 ] || return 0
	goes "$1: M1 to the host over 127.0.0.1" tcp M1 host 127.0.0.1 127.0.0.1 8080 100000
	goes "$1: M2 to M1 over 127.0.0.1" tcp M2 M1 127.0.0.1 127.0.0.1 31001 100000
	goes "$1: the host to M2" tcp host M2 0.0.0.0 $address 31101 100000
	goes "$1: M1 to itself" tcp M1 M1 127.0.0.1 127.0.0.1 31004 100000
	goes "$1: M3 to M1 over 127.0.0.1" tcp M3 M1 127.0.0.1 127.0.0.1 31001 100000
	goes "$1: M2 to M3 over 127.0.0.1" tcp M2 M3 127.0.0.1 127.0.0.1 40001 100000
}
whole() { # NAMES...: as planned
	local name
	same "$1 is as planned" "" "$(for name in host "${@:2}"; do ctl explain "$name" 2>&1 | grep -v '^ok'; done)"
}
left() { # NAME VETH: filters and limits of theirs
	{
		tc -n "$host" filter show dev "$2" ingress
		tc -n "$tag-$1" filter show dev lo ingress; tc -n "$tag-$1" filter show dev eth0 ingress
		tc -n "$tag-$1" qdisc show dev eth0
	} 2>&1 | grep -c 'u32\|htb'
}
shared() { # PATTERN: lines of the filters of the host
	{ tc -n "$host" filter show dev eth0 ingress; tc -n "$host" filter show dev lo ingress; } | grep -c "$1"
}

# ---- taken over, with dredged killed again and again ---------------------------------------

basics "before"
talk_all
mesos_dump >"$work/before"
# Ever some messages to the kernel further, from the first that changes anything on.
for ((n = 20; n < 1000; n += 3 * patience)); do
	on host strace -f -qq -o /dev/null -e inject=sendto,sendmsg:signal=KILL:when=$n \
		dredged --isolation=network/port_mapping "--resources=$resources" -M 1 \
		--ephemeral_ports_per_container=$ephemeral_size --runtime_dir="$run" \
		--cgroups_root "$cgroup_name" --status-interval 0 --adopt-mesos 2>>"$work/killed.err" </dev/null
	! grep -q ready "$work/killed.err" || break
done 2>/dev/null
[ $n -gt 60 ] || bad "killed only until message $n"
start_dredged --adopt-mesos
talks_go_on
same "they have what they had" \
	"${id}1 31000-31007,31016-31019 30016-30031 1.0 MB/s 2.0 MB/s 0 agrees,${id}2 31100-31103 30064-30079 - - 0 agrees" \
	"$(rows | grep agrees | sort | sed 's/ dr[0-9]* / /' | tr -s ' ' | sed 's/ $//' | paste -sd,)"
whole "what was taken over" ${id}1 ${id}2
declare -A veth_of=()
for k in 1 2; do veth_of[M$k]=$(rows | awk -v id=${id}$k '$1 == id {print $2}'); done
for name in M1 M2; do
	same "nothing of theirs is left at $name" 0 "$(left $name "${veth_of[$name]}" | grep -v '^0$' || echo 0)"
	same "nor at the host for $name" 0 "$(shared "Redirect to device ${veth_of[$name]}")"
done
rate_of() { tc -n "$host" class show dev "$1" | sed -n "s/^class htb $2 .* rate \([^ ]*\) .*/\1/p"; }
slot=${veth_of[M1]#dr}
same "the limits are on the host" "8Mbit 16Mbit" "$(rate_of drshape0 "1:$(printf %x "$slot")") $(rate_of "${veth_of[M1]}" 1:1)"
[[ $(ctl list) == *"40000-40007"*"of Mesos' isolator: not all of its ports are managed here"* ]] || bad "M3: $(ctl list)"
grep -q "isolation: ${id}3: --adopt-mesos refused: not all of its ports" "$work/dredged.err" || bad "the refusal is not told"
same "M3 keeps its filters" "$(grep -c "device mesos${pid_of[M3]}" "$work/before")" "$(shared "device mesos${pid_of[M3]}")"
basics "taken over"
stop_dredged KILL
basics "killed"
start_dredged
whole "a restart without the flag" ${id}1 ${id}2
ctl update ${id}2 --ports 31100-31107 || bad "update"
goes "a new port" tcp outside M2 0.0.0.0 $address 31105 100000

# ---- the last one goes too: nothing of theirs is left --------------------------------------

stop_dredged
talk_all
resources='ports:[31000-32000,40000-40007];ephemeral_ports:[30001-30999]'
start_dredged --adopt-mesos
talks_go_on
whole "the last one" ${id}1 ${id}2 ${id}3
same "no filter of theirs is left on the host" 0 "$(shared u32)"
same "nobody is theirs" "0 3" "$(ctl list | grep -c "of Mesos' isolator") $(rows | grep -c agrees)"
basics "all"
same "their handles are left to the agent" "3 3" "$(find /run/mesos/netns -type l | wc -l) $(grep -c ' /run/netns/[0-9]' /proc/self/mountinfo)"
for k in 1 2 3; do ctl detach ${id}$k || bad "detach $k"; done
same "nothing is left" "" "$(ip -n "$host" -o link | grep -o ' dr[0-9]*[:@]')$(ls "$run/netns")"
verdict
