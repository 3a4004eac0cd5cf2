#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Beside containers of Mesos' own isolator: they are shown, their ports are given to nobody, they
# are spoken with, and nothing of theirs is ever changed.
# shellcheck disable=SC2015,SC2046,SC2119,SC2154
source "$(dirname "$0")/mesos.bash"
need ping
mesos_three
rm "/run/mesos/netns/${id}3"
theirs() {
	goes "$1: outside to M1" tcp outside M1 0.0.0.0 $address 31001 100000
	goes "$1: M1 to outside" tcp M1 outside 0.0.0.0 $far 7000 100000
	goes "$1: M2 to the host over 127.0.0.1" tcp M2 host 127.0.0.1 127.0.0.1 8080 100000
	goes "$1: M2 to M1 over 127.0.0.1" tcp M2 M1 127.0.0.1 127.0.0.1 31001 100000
	goes "$1: the host to M2" tcp host M2 0.0.0.0 $address 31101 100000
}
theirs "before"
mesos_dump >"$work/before"
unchanged() { # WHEN
	mesos_dump >"$work/after"
	cmp -s "$work/before" "$work/after" ||
		bad "$1: something of theirs was changed: $(diff "$work/before" "$work/after" | head -n 5)"
}
[ "$(grep -c 'mirred' "$work/before")" -gt 40 ] || bad "the dump shows no filters"

start_dredged
unchanged "start"
grep -q "isolation: 3 containers of Mesos' isolator are here" "$work/dredged.err" || bad "they are not told"
same "M1 is shown" "${id}1 mesos${pid_of[M1]} 31000-31007,31016-31019 30016-30031 1.0 MB/s 2.0 MB/s - of Mesos isolator" \
	"$(ctl list | grep "^${id}1" | tr -d "'" | xargs)"
same "M2 is shown" "${id}2 mesos${pid_of[M2]} 31100-31103 30064-30079 - - - of Mesos isolator" \
	"$(ctl list | grep "^${id}2" | tr -d "'" | xargs)"
[[ $(ctl list) == *"40000-40007"*"nothing in /var/run/mesos/netns tells its name"* ]] || bad "M3: $(ctl list | tail -n 2)"
json() { ctl list --json | python3 -c "import json, sys; print($1)"; }
same "as JSON" "3 31100-31103 30064 30079 None 1000000 2000000" "$(json "(lambda f: '%d %s %d %d %s %d %d' % (len(f),
	f['${id}2']['ports'], f['${id}2']['ephemeral_ports']['begin'], f['${id}2']['ephemeral_ports']['end'],
	f['${id}2']['egress'], f['${id}1']['egress']['rate'], f['${id}1']['ingress']['rate']))(
	{c['id']: c for c in json.load(sys.stdin)['foreign']})")"
same "what is free" "ports 31008-31015,31020-31099,31104-32000; ephemeral 30001-30015,30032-30063,30080-30127,30144-30999; 58 more containers" \
	"$(ctl list | sed -n 's/^free: //p')"

# ---- requests ------------------------------------------------------------------------------

space A
space B
no "port 31016 belongs to container ${id}1 of Mesos' isolator" attach A --netns "$(netns A)" --ports 31008-31099
ctl attach A --netns "$(netns A)" --ports 31200-31207 --egress 10MB --ingress 10MB || bad "attach A"
ctl attach B --netns "$(netns B)" --ports 31300-31307 || bad "attach B"
no "port 31100 belongs to container ${id}2 of Mesos' isolator" update A --ports 31100-31107
same "their ephemeral ports are left out" "30032-30047 30048-30063" \
	"$(rows | awk '$1 == "A" || $1 == "B" {printf "%s%s", sep, $4; sep = " "}')"
unchanged "attach"
theirs "attached"
goes "A to M1 over 127.0.0.1" tcp A M1 127.0.0.1 127.0.0.1 31001 100000
goes "B to M1 by the host's address" tcp B M1 0.0.0.0 $address 31001 100000
goes "M1 to A over 127.0.0.1" tcp M1 A 127.0.0.1 127.0.0.1 31201 100000
goes "A to the host over 127.0.0.1" tcp A host 127.0.0.1 127.0.0.1 8080 100000
goes "A to itself by a port of B's range over 127.0.0.1" tcp A B 127.0.0.1 127.0.0.1 31301 100000
goes "outside to A" tcp outside A 0.0.0.0 $address 31201 100000
on A ping -c 1 -W 2 $far >/dev/null || bad "A gets no echo reply"
stop_dredged KILL
theirs "killed"
unchanged "kill -9"
ip -n "$host" link add dr9 type veth peer name dr9x # what a sweep takes away
start_dredged
same "the sweep was there" "" "$(ip -n "$host" -o link show dev dr9 2>/dev/null)"
unchanged "restart and sweep"
ctl detach A && ctl detach B || bad "detach"
unchanged "detach"
theirs "detached"

# ---- one that comes while dredged runs -----------------------------------------------------

for veth in "${veths[@]}"; do ip -n "$host" link del "$veth"; done
veths=()
same "they are gone" 0 "$(ctl list | grep -c "of Mesos' isolator")"
mesos_container M4 ${id}4 31400/8 30192/16
same "and one came" "31400-31407 30192-30207" "$(ctl list | awk -v id=${id}4 '$1 == id {print $3, $4}')"
no "port 31400 belongs to container ${id}4 of Mesos' isolator" attach A --netns "$(netns A)" --ports 31400
stop_dredged
verdict
