#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What somebody tears out while no dredged is there: containers are found as long as one program of
# ours is left, and what belongs to nobody afterwards is swept away.
# shellcheck disable=SC2154
source "$(dirname "$0")/isolated.bash"
host_and_outside host outside
space A
tear_out() { for link in "$@"; do tc -n "$host" qdisc del dev "$link" parent ffff:fff1; done; }
listed() { ctl list --json | python3 -c 'import json, sys
print(*[c["id"] for c in json.load(sys.stdin)["containers"]])'; }

start_dredged --no-host-network
ctl attach A --netns "$(netns A)" --ports 31000-31499 || bad "attach A"
stop_dredged KILL
tear_out eth0 lo
start_dredged --no-host-network
same "found by its own veth" A "$(listed)"
same "put right" "" "$(ctl explain A | grep -v '^ok')$(ctl explain host | grep -v '^ok')"

stop_dredged KILL
tear_out eth0 lo dr1
for link in lo eth0; do tc -n "$tag-A" qdisc del dev $link ingress; done
touch "$run/netns/stray"
start_dredged --no-host-network
same "forgotten" "" "$(listed)"
same "nothing is left of it" "" "$(ls "$run/netns")$(ip -n "$host" -o link | grep -o ' dr[0-9]*@')"
same "and told of" 3 "$(grep -c 'belonged to no container\|is no container: let go' "$work/dredged.err")"
ctl attach A --netns "$(netns A)" --ports 31000-31499 || bad "attach A again"
verdict
