# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# For tests of enforcement: a "host" with a public interface of its own, somebody outside, and a
# dredged that isolates.
#
#     source "$(dirname "$0")/isolated.bash"
#     host_and_outside host outside; start_dredged; space A; ctl attach A --netns "$(netns A)"
#     goes "outside to A" tcp outside A 0.0.0.0 $address 31001 100000
source "${BASH_SOURCE[0]%/*}/lib.bash"
need dredgectl python3
work=$(mktemp -d)
run=$work/run
address=10.99.0.1 far=10.99.0.254
address6=fd00:99::1 far6=fd00:99::fe
dredged=

trap named EXIT # the last case

# ---- conversations -------------------------------------------------------------------------

talk_py=$(realpath "${BASH_SOURCE[0]%/*}/talk.py")
python=$(PATH=/usr/bin:$PATH type -p python3) # not by way of a wrapper, which takes three times as long
talk_to=
talkers() { # the process that holds all conversations
	[ -z "${talk_to:-}" ] || return 0
	coproc "$python" "$talk_py" "$tag" 2>>"$work/talk.err"
	exec {talk_to}>&"${COPROC[1]}" {talk_from}<&"${COPROC[0]}" # subshells have only these
}
talk() { # KIND FROM TO LISTEN-ADDRESS ADDRESS PORT SIZE: what the sender is told
	local said
	echo "$*" >&"$talk_to" && read -r -u "$talk_from" said
	echo "$said"
}
goes() { # TITLE KIND FROM TO LISTEN-ADDRESS ADDRESS PORT SIZE
	same "$1" "got $8" "$(talk "${@:2}")"
}
goes_not() { same "$1" '' "$(talk "${@:2}")"; }
packets() { # python that makes them, with the names of talk.py; what it prints
	"$python" -B -c "import sys; sys.path.insert(0, '${talk_py%/*}')
import talk; talk.tag = '$tag'
from talk import *
host, far = '$address', '$far'
$1" 2>&1
}

# ---- named cases ---------------------------------------------------------------------------

title='' why=''
# shellcheck disable=SC2120
named() { # [TITLE]: what is bad from here on is bad of this case
	if [ -n "$title" ]; then
		if [ -z "$why" ]; then echo "ok $title"; else echo "not ok $title: $why"; fi
	fi
	title=${1:-} why=
}
bad() {
	fail=1
	if [ -n "$title" ]; then why+="${why:+; }$*"; else echo "not ok: $*"; fi
}

# ---- the host, and who is outside ----------------------------------------------------------

netns() { echo "/run/netns/$tag-$1"; }
space() { # NAME: a namespace
	ip netns add "$tag-$1" || skip "no network namespaces"
}
host_and_outside() { # HOST OUTSIDE [INTERFACE]: joined by the host's public interface and eth0
	local eth=${3:-eth0} name
	for name in "$1" "$2"; do
		space "$name"
		ip -n "$tag-$name" link set lo up
		# Link-local addresses that can be used at once: nothing changes behind a test's back.
		nsenter --net="$(netns "$name")" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad'
	done
	ip -n "$tag-$1" link add "$eth" type veth peer name eth0 netns "$tag-$2"
	ip -n "$tag-$1" addr add $address/24 dev "$eth"
	ip -n "$tag-$2" addr add $far/24 dev eth0
	ip -n "$tag-$1" link set "$eth" up
	ip -n "$tag-$2" link set eth0 up
	ip -n "$tag-$1" addr add $address6/64 dev "$eth" nodad
	ip -n "$tag-$2" addr add $far6/64 dev eth0 nodad
	ip -n "$tag-$1" route add default via $far
	ip -n "$tag-$1" -6 route add default via $far6
	[ -n "$talk_to" ] || talkers
}
shop_a() { # a host with the namespaces A and B, and A known as a container of /shop/a
	make_cgroup_root
	host_and_outside host outside
	space A
	space B
	know A /shop/a
	make_cgroup "${id_of[A]}"
}
on() { nsenter --net="$(netns "$1")" "${@:2}"; }
become() { exec nsenter --net="$(netns "$1")" "${@:2}"; } # in the background: $! is its pid

ctl() { dredgectl --socket "$run/control" "$@"; }
no() { # WHY ARGUMENTS...: what ctl refuses
	local said
	said=$(ctl "${@:2}" 2>&1) && bad "accepted: ${*:2}"
	[[ $said == *"$1"* ]] || bad "refusal of ${*:2}: $said"
}
rows() { ctl list | awk '/^free: / {exit} NR > 1'; } # a line for each container
resources='ports:[31000-32000];ephemeral_ports:[30001-30999]' ephemeral_size=16
isolation_host=host
start_dredged() { # OPTIONS...: waits until it is ready; its words go to dredged.err
	: >"$work/dredged.err"
	become "$isolation_host" dredged --isolation=network/port_mapping "--resources=$resources" \
		--ephemeral_ports_per_container=$ephemeral_size --runtime_dir="$run" \
		--cgroups_root "$cgroup_name" --status-interval 0 "$@" 2>>"$work/dredged.err" </dev/null &
	dredged=$!
	wait_for 30 grep -q ready "$work/dredged.err" ||
		{ grep -q 'not built in' "$work/dredged.err" && skip "built without enforcement"; } ||
		die "dredged did not start: $(tail -n 1 "$work/dredged.err")"
}
stop_dredged() { # SIGNAL
	kill -"${1:-TERM}" "$dredged"
	wait "$dredged" 2>/dev/null
	status=$?
}

# ---- what dredged remembers ----------------------------------------------------------------

table() { "$python" -B "${talk_py%/*}/table.py" "$@"; }
map_id() { table ids "$dredged" | awk -v name="$1" '$1 == name {print $2; exit}'; }
state_differs() { # [FILE]: how what was asked for differs from what dredged has; nothing, if it does not
	ctl list --json | "$python" -c 'import json, sys
shape = lambda s: s or {"rate": 0, "ceil": 0, "burst": 0}
has = {c["id"]: [int(c["veth"][2:]), c["ports"], "%(begin)d-%(end)d" % c["ephemeral_ports"],
    shape(c["egress"]), shape(c["ingress"])] for c in json.load(sys.stdin)["containers"]}
said = {c["id"]: [c["slot"], c["ports"], c["ephemeral_ports"], c["egress"], c["ingress"]]
    for c in json.load(open(sys.argv[1]))["containers"]}
for id in sorted({*has, *said}):
    if has.get(id) != said.get(id):
        print(id, "is", has.get(id), "in the kernel and", said.get(id), "in the file")' "${1:-$run/state.json}" 2>&1
}
