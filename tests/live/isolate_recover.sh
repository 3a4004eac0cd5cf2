#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What somebody tears out while no dredged is there: containers are found as long as one program of
# ours or the state file is left, and what belongs to nobody afterwards is swept away.
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

# What was set stays, whatever the flags of the next dredged say; only what the host's pools have no
# room for any more is not given to others.
all() { ctl list --json | python3 -c 'import json, sys
print(json.dumps(json.load(sys.stdin)["containers"], sort_keys=True))'; }
space B
ctl detach A && ctl attach A --netns "$(netns A)" --ports 31000-31499,31600 --egress 1MB \
	--egress-ceil 3MB --egress-burst 70KB --ingress 2MB --ingress-ceil 4MB --ingress-burst 90KB ||
	bad "attach A with limits"
ctl attach a-name_of.127-$(printf '%0113d' 7) --netns "$(netns B)" --cpus 3.5 || bad "attach B"
kernel() { tc -n "$host" class show dev drshape0; tc -n "$host" class show dev dr1; tc -n "$tag-A" qdisc; }
before=$(all) before_kernel=$(kernel)
stop_dredged KILL
resources='ports:[20000-20999];ephemeral_ports:[21000-21999]' \
	start_dredged --no-host-network --egress_rate_limit_per_container=5MB --repair=false
same "as it was" "$before" "$(all)"
same "as it was in the kernel" "$before_kernel" "$(kernel)"
stop_dredged KILL
start_dredged --no-host-network --egress_rate_per_cpu=1MB
same "as it was, again" "$before" "$(all)"
long=$(ctl list --json | grep -o 'a-name_of[^"]*')
ctl update "$long" --ports 31500 || bad "update"
same "its cpus are known still" 3145728 "$(ctl list --json | python3 -c 'import json, sys
print(*[c["egress"]["rate"] for c in json.load(sys.stdin)["containers"] if c["id"] != "A"])')"
ctl detach "$long" || bad "detach"

stop_dredged KILL
tear_out eth0 lo dr1
for link in lo eth0; do tc -n "$tag-A" qdisc del dev $link ingress; done
touch "$run/netns/stray"
rm "$run/state.json"
ip -n "$host" link add dr07 type veth peer name dr4294967303
start_dredged --no-host-network
same "names nearly like ours" 2 "$(ip -n "$host" -o link | grep -c 'dr07@\|dr4294967303@')"
ip -n "$host" link del dr07
same "forgotten" "" "$(listed)"
same "nothing is left of it" "" "$(ls "$run/netns")$(ip -n "$host" -o link | grep -o ' dr[0-9]*@')"
same "and told of" 3 "$(grep -c 'belonged to no container\|is no container: let go' "$work/dredged.err")"
ctl attach A --netns "$(netns A)" --ports 31000-31499 || bad "attach A again"
verdict
