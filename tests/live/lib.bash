# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2046
# For the live tests: a "host" that is a network namespace with a bridge, containers on it (a
# namespace, a veth pair and cgroups each), and Mesos and Marathon that answer from files.
#
#     source "$(dirname "$0")/lib.bash"
#     need tcpdump tshark; cluster_start; container web 10.77.0.3 /shop/web; ...; verdict
source "${BASH_SOURCE[0]%/*}/own.bash"
set -u -o pipefail
export LC_ALL=C.UTF-8 TZ=UTC
[ -n "${BUILD:-}" ] && PATH=$BUILD:$PATH

tag=dl
host=$tag-host
cgroup_name=$tag-mesos
work=
fail=0
declare -A id_of=() app_of=() task_of=() published=()
framework=2f4e7a10-93ab-4c55-b2a1-7de0c1f00d11-0000
agent=${framework%-0000}-S0

need() {
	local tool
	for tool in dredge dredged ip nsenter "$@"; do
		command -v "$tool" >/dev/null || skip "needs $tool"
	done
}

bad() { echo "not ok: $*"; fail=1; }
die() { bad "$@"; exit 1; }
same() { # WHAT WANTED GOT
	[ "$2" = "$3" ] || bad "$1: wanted '$2', got '$3'"
}
verdict() {
	if [ $fail = 0 ]; then echo ok; else tail -n 20 "$work"/*.err 2>/dev/null; fi
	exit $fail
}

patience=${PATIENCE:-1} # how many times slower this machine is (an emulated one)
wait_for() { # SECONDS COMMAND...: until it succeeds; four times as long on a busy machine
	local end=$((SECONDS + 4 * $1 * patience))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -le $end ] || return 1
		sleep 0.05
	done
}

# ---- the host and its containers -----------------------------------------------------------

cgroup_roots=()
find_cgroup_roots() {
	local c
	if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
		cgroup_roots=(/sys/fs/cgroup)
	else
		for c in cpu,cpuacct cpu cpuacct memory blkio freezer; do
			[ -d "/sys/fs/cgroup/$c" ] && [ ! -L "/sys/fs/cgroup/$c" ] &&
				cgroup_roots+=("/sys/fs/cgroup/$c")
		done
	fi
	[ ${#cgroup_roots[@]} -gt 0 ] || skip "no cgroups"
}

make_cgroup_root() { # where containers have theirs
	local root
	find_cgroup_roots
	for root in "${cgroup_roots[@]}"; do
		mkdir "$root/$cgroup_name"
	done
}

cluster_start() {
	make_cgroup_root
	ip netns add "$host" 2>/dev/null || skip "no network namespaces"
	work=$(mktemp -d)
	ip -n "$host" link set lo up
	ip -n "$host" link add br0 type bridge || skip "no bridges"
	ip -n "$host" addr add 10.77.0.1/24 dev br0
	ip -n "$host" link set br0 up
	publish
}

on_host() { nsenter --net="/run/netns/$host" "$@"; }
become_on_host() { exec nsenter --net="/run/netns/$host" "$@"; } # in the background: $! is its pid

make_cgroup() { # ID
	local root
	for root in "${cgroup_roots[@]}"; do
		mkdir "$root/$cgroup_name/$1"
	done
}

remove_cgroup() { # ID: empty a moment after its last process
	local root dir
	for root in "${cgroup_roots[@]}"; do
		dir=$root/$cgroup_name/$1
		for _ in {1..20}; do
			[ -d "$dir" ] && ! rmdir "$dir" 2>/dev/null || break
			sleep 0.05
		done
	done
}

enter() { # NAMESPACE ID COMMAND...: become that command in the container
	local ns=$1 id=$2 root
	shift 2
	for root in "${cgroup_roots[@]}"; do
		echo "$BASHPID" >"$root/$cgroup_name/$id/cgroup.procs"
	done
	exec nsenter --net="/run/netns/$ns" "$@"
}

know() { # NAME APP: an id, a task and an app for a container
	id_of[$1]=$(</proc/sys/kernel/random/uuid)
	app_of[$1]=$2
	local task=${2#/}
	task_of[$1]=${task//\//_}.$(</proc/sys/kernel/random/uuid)
}

# The container's end of the pair stays down, so that nothing is sent before container_up.
container() { # NAME ADDRESS APP
	know "$1" "$3"
	ip netns add "$tag-$1"
	ip -n "$tag-$1" link set lo up
	make_cgroup "${id_of[$1]}"
	ip -n "$host" link add "v$1" type veth peer name eth0 netns "$tag-$1"
	ip -n "$host" link set "v$1" master br0 up
	ip -n "$tag-$1" addr add "$2/24" dev eth0
	start "$1" sleep 600
}

container_up() { ip -n "$tag-$1" link set eth0 up; }
container_down() { ip -n "$tag-$1" link set eth0 down; }

host_container() { # NAME APP: one on the host's own network
	know "$1" "$2"
	make_cgroup "${id_of[$1]}"
}

namespace_of() { if [ -e "/run/netns/$tag-$1" ]; then echo "$tag-$1"; else echo "$host"; fi; }

start() { # NAME COMMAND...: in the background
	local ns
	ns=$(namespace_of "$1")
	(enter "$ns" "${id_of[$1]}" "${@:2}") >>"$work/$1.out" 2>&1 </dev/null &
}

inside() { # NAME COMMAND...: and wait for it
	local ns
	ns=$(namespace_of "$1")
	(enter "$ns" "${id_of[$1]}" "${@:2}")
}

# ---- Mesos and Marathon --------------------------------------------------------------------

publish() { # NAME...: these too are known to Mesos from now on; each answer changes in one step
	local name tasks='' containers='' apps='' comma=''
	for name; do published[$name]=1; done
	for name in "${!published[@]}"; do
		local task=${task_of[$name]} id=${id_of[$name]} app=${app_of[$name]}
		tasks+="$comma{\"id\":\"$task\",\"name\":\"$name\",\"framework_id\":\"$framework\",
			\"executor_id\":\"\",\"slave_id\":\"$agent\",\"state\":\"TASK_RUNNING\",
			\"statuses\":[{\"state\":\"TASK_RUNNING\",\"timestamp\":1700000000.5,
			\"container_status\":{\"container_id\":{\"value\":\"$id\"}}}]}"
		containers+="$comma{\"container_id\":\"$id\",\"framework_id\":\"$framework\",
			\"executor_id\":\"$task\",\"source\":\"$task\",
			\"status\":{\"container_id\":{\"value\":\"$id\"}}}"
		apps+="$comma{\"id\":\"$app\",\"instances\":1,\"tasks\":[{\"id\":\"$task\",
			\"appId\":\"$app\",\"host\":\"127.0.0.1\",\"slaveId\":\"$agent\"}]}"
		comma=,
	done
	mkdir -p "$work/api/5050/master" "$work/api/5051" "$work/api/8080/v2"
	answer 5050/master/state "{\"version\":\"1.11.0\",\"id\":\"${framework%-0000}\",
		\"pid\":\"master@127.0.0.1:5050\",\"leader\":\"master@127.0.0.1:5050\",
		\"slaves\":[{\"id\":\"$agent\",\"hostname\":\"127.0.0.1\",
			\"pid\":\"slave(1)@127.0.0.1:5051\",\"active\":true}],
		\"frameworks\":[{\"id\":\"$framework\",\"name\":\"marathon\",\"active\":true,
			\"webui_url\":\"http://127.0.0.1:8080\",\"tasks\":[$tasks]}],
		\"completed_frameworks\":[],\"orphan_tasks\":[]}"
	answer 5051/state "{\"id\":\"$agent\",\"frameworks\":[],\"completed_frameworks\":[]}"
	answer 5051/containers "[$containers]"
	answer 8080/v2/groups "{\"id\":\"/\",\"apps\":[$apps],\"groups\":[]}"
	answer 8080/v2/apps "{\"apps\":[$apps]}"
}

# Tasks that are known by their ports alone, of an agent at $agent_address; $stamp: since when, or now.
agent_address=127.0.0.1 stamp=
publish_tasks() { # TASK APP STATE PORTS VERSION HEALTHY, ...: what master and Marathon say from now on
	local tasks='' apps='' comma=''
	while [ $# -gt 0 ]; do
		tasks+="$comma{\"id\":\"$1\",\"name\":\"$1\",\"framework_id\":\"$framework\",\"executor_id\":\"\",
			\"slave_id\":\"$agent\",\"state\":\"$3\",\"resources\":{\"ports\":\"[$4]\"},\"statuses\":[
			{\"state\":\"$3\",\"timestamp\":${stamp:-$EPOCHREALTIME},\"healthy\":$6}]}"
		apps+="$comma{\"id\":\"$2\",\"version\":\"$5\",\"tasks\":[{\"id\":\"$1\",\"appId\":\"$2\",
			\"version\":\"$5\"}]}"
		comma=,
		shift 6
	done
	answer 5050/master/state "{\"version\":\"1.11.0\",\"pid\":\"master@127.0.0.1:5050\",
		\"leader\":\"master@127.0.0.1:5050\",\"slaves\":[{\"id\":\"$agent\",\"hostname\":\"h1\",
		\"pid\":\"slave(1)@$agent_address:5051\",\"active\":true}],\"frameworks\":[{\"id\":\"$framework\",
		\"name\":\"marathon\",\"active\":true,\"webui_url\":\"http://127.0.0.1:8080\",
		\"tasks\":[$tasks]}]}"
	answer 8080/v2/apps "{\"apps\":[$apps]}"
}

answer() { # PATH TEXT
	echo "$2" >"$work/answer" && mv "$work/answer" "$work/api/$1"
}

# How it answers is read from a file at each request: good, hang, garbage or a status.
api_mode() { echo "$1" >"$work/mode.new" && mv "$work/mode.new" "$work/mode"; }

api_start() {
	api_mode good
	cat >"$work/api.py" <<-'END'
	import http.server, os, sys, threading, time
	root = sys.argv[1]
	class Handler(http.server.BaseHTTPRequestHandler):
	    def do_GET(self):
	        mode = open(root + "/mode").read().strip()
	        path = "%s/api/%d%s" % (root, self.server.server_port, self.path.split("?")[0])
	        status, body = 404, b"not here"
	        if mode == "hang":
	            while open(root + "/mode").read().strip() == "hang":
	                time.sleep(0.1)
	            self.close_connection = True
	            return
	        if mode == "garbage":
	            status, body = 200, b"{\"frameworks\":[{\"id\":" + os.urandom(3000)
	        elif mode.isdigit():
	            status, body = int(mode), b"so sorry"
	        elif os.path.isfile(path):
	            status, body = 200, open(path, "rb").read()
	        self.send_response(status)
	        self.send_header("Content-Type", "application/json")
	        self.send_header("Content-Length", str(len(body)))
	        self.end_headers()
	        self.wfile.write(body)
	    def log_message(self, *args):
	        pass
	for port in (5050, 5051, 8080):
	    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
	    server.daemon_threads = True
	    threading.Thread(target=server.serve_forever).start()
	END
	become_on_host python3 "$work/api.py" "$work" >"$work/api.err" 2>&1 &
	wait_for 5 on_host curl -s -o /dev/null http://127.0.0.1:8080/ || die "the API did not start"
}

# ---- the monitor and its witnesses ---------------------------------------------------------

monitor=
monitor_start() { # OPTIONS...: waits until it is ready; its words go to dredged.err
	: >"$work/dredged.err"
	become_on_host dredged --cgroups_root "$cgroup_name" -m http://127.0.0.1:5050,http://127.0.0.1:8080 \
		--mesos-interval 500ms --status-interval 0 "$@" 2>"$work/dredged.err" &
	monitor=$!
	wait_for 5 grep -q ready "$work/dredged.err" || die "dredged did not start"
}

monitor_said() { grep -q -- "$1" "$work/dredged.err"; }

monitor_stop() { # SIGNAL: its exit status goes to $status
	kill -"${1:-TERM}" "$monitor"
	wait "$monitor" 2>/dev/null
	status=$?
}

tcpdump_pids=()
witness_start() { # NAME: a tcpdump on the host's end of its pair
	# Frames are only counted: short slots make the ring some 50000 frames deep instead of 250.
	become_on_host tcpdump --immediate-mode -i "v$1" -B 16384 -s 192 -w "$work/$1.pcap" \
		2>"$work/$1.tcpdump" </dev/null &
	tcpdump_pids+=($!)
	wait_for 5 grep -q 'listening on' "$work/$1.tcpdump" || die "tcpdump on v$1 did not start"
}

witnesses_stop() {
	sleep 0.5
	kill -TERM "${tcpdump_pids[@]}" # SIGINT is ignored in the background
	wait "${tcpdump_pids[@]}"
	tcpdump_pids=()
}

witness_count() { tcpdump --count -nr "$work/$1.pcap" 2>/dev/null | awk '{print $1}'; }

# Packets by the value of a field: "packets value" lines of dredge.
by_field() { # FILE FIELD FILTER...
	dredge -r "$1" -q --summary="$2" "${@:3}" | awk 'NR > 1 {print $2, $4}'
}
packets_of() { # FILE FILTER...: how many
	by_field "$1" evt.type "${@:2}" | awk '$2 == "packet" {print $1; n = 1} END {if (!n) print 0}'
}
