#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Shows Dredge at work on real traffic: a small "cluster" of containers (network namespaces with
# cgroups named as Mesos names them) that run redis, nginx, curl and redis-cli, a Mesos master,
# agent and Marathon that answer from files, dredged recording it all, dredge replaying it.
# Everything happens inside a network namespace of its own and is removed at the end.
#
# Usage: sudo samples/quickstart.sh [CAPTURE]      (default: dredge-quickstart.pcapng.lz4 in TMPDIR)
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
capture=${1:-${TMPDIR:-/tmp}/dredge-quickstart.pcapng.lz4}
seconds=${QUICKSTART_SECONDS:-14}
tag=dq$$
work=$(mktemp -d "${TMPDIR:-/tmp}/dredge-quickstart.XXXXXX")
pids=()
namespaces=()
cgroups=()

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
show() { printf '\033[2m$ %s\033[0m\n' "$*"; "$@"; }

cleanup() {
	set +e
	trap - EXIT INT TERM
	exec 2>/dev/null # the shell reports every job that is killed
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
	# What runs in a container ends with it, whoever started it.
	for dir in "${cgroups[@]}"; do
		for pid in $(cat "$dir/cgroup.procs" 2>/dev/null); do kill -9 "$pid" 2>/dev/null; done
	done
	wait 2>/dev/null
	# The crash loop was ended at any point of a round.
	for id in $(cat "$work/crash.ids" 2>/dev/null); do
		for root in $(cgroup_roots); do
			for pid in $(cat "$root/mesos/$id/cgroup.procs" 2>/dev/null); do kill -9 "$pid"; done
			[ -d "$root/mesos/$id" ] && cgroups+=("$root/mesos/$id")
		done
	done 2>/dev/null
	for dir in "${cgroups[@]}"; do
		for _ in 1 2 3 4 5; do rmdir "$dir" 2>/dev/null && break; [ -d "$dir" ] || break; sleep 0.1; done
	done
	for parent in $(cgroup_roots); do rmdir "$parent/mesos" 2>/dev/null; done
	for ns in "${namespaces[@]}"; do ip netns del "$ns" 2>/dev/null; done
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

[ "$(id -u)" = 0 ] || { echo "quickstart.sh: run me as root (namespaces, cgroups, packet sockets)" >&2; exit 1; }

# ---- what it needs -------------------------------------------------------------------------

"$here/tests/install-packages.sh" quickstart
if ! cmake -S "$here" -B "$here/build" -DDREDGE_TESTS=OFF >"$work/build.log" 2>&1 ||
	! cmake --build "$here/build" -j "$(nproc)" >>"$work/build.log" 2>&1; then
	tail -n 30 "$work/build.log" >&2
	exit 1
fi
PATH=$here/build:$PATH
cd "$here"

# ---- containers ----------------------------------------------------------------------------

cgroup_roots() {
	if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
		echo /sys/fs/cgroup
	else
		for c in cpu,cpuacct cpu cpuacct memory blkio freezer; do
			[ -d "/sys/fs/cgroup/$c" ] && [ ! -L "/sys/fs/cgroup/$c" ] && echo "/sys/fs/cgroup/$c"
		done
	fi
}

make_cgroup() { # ID
	for root in $(cgroup_roots); do
		mkdir -p "$root/mesos/$1"
		cgroups+=("$root/mesos/$1")
	done
}

contained() { # NAMESPACE ID COMMAND...: run in the container's namespace and cgroup
	local ns=$1 id=$2
	shift 2
	for root in $(cgroup_roots); do echo "$BASHPID" >"$root/mesos/$id/cgroup.procs"; done
	exec nsenter --net="/run/netns/$ns" "$@"
}

start() { # NAMESPACE ID COMMAND...
	contained "$@" >>"$work/programs.log" 2>&1 &
	pids+=($!)
}

make_namespace() { # NAME
	ip netns add "$1"
	namespaces+=("$1")
	ip -n "$1" link set lo up
}

make_container() { # NAME ID ADDRESS
	make_namespace "$tag-$1"
	make_cgroup "$2"
	ip -n "$host" link add "v$1" type veth peer name eth0 netns "$tag-$1"
	ip -n "$host" link set "v$1" master br0 up
	ip -n "$tag-$1" addr add "$3/24" dev eth0
	ip -n "$tag-$1" link set eth0 up
}

uuid() { cat /proc/sys/kernel/random/uuid; }

say "A host with a bridge, and containers on it (all inside namespaces)"
host=$tag-host
make_namespace "$host"
ip -n "$host" link add br0 type bridge
ip -n "$host" addr add 10.77.0.1/24 dev br0
ip -n "$host" link set br0 up

redis_id=$(uuid) web_id=$(uuid) web2_id=$(uuid) client_id=$(uuid) hostredis_id=$(uuid)
make_container redis "$redis_id" 10.77.0.2
make_container web "$web_id" 10.77.0.3
make_container web2 "$web2_id" 10.77.0.4
make_container client "$client_id" 10.77.0.5
make_cgroup "$hostredis_id"
ip -n "$host" -br addr show br0
echo "containers: redis 10.77.0.2, web 10.77.0.3, web2 10.77.0.4, client 10.77.0.5, and a redis on the host's own network"

# ---- Mesos and Marathon, answering from files ------------------------------------------------

agent=2f4e7a10-93ab-4c55-b2a1-7de0c1f00d11-S0
framework=2f4e7a10-93ab-4c55-b2a1-7de0c1f00d11-0000
task_of() { printf '%s' "$(printf '%s' "${1#/}" | tr / _).$2"; }
redis_task=$(task_of /data/redis 11111111-0c2a-11f0-9d3e-0242ac110002)
web_task=$(task_of /shop/web 22222222-0c2a-11f0-9d3e-0242ac110002)
web2_task=$(task_of /shop/web2 33333333-0c2a-11f0-9d3e-0242ac110002)
client_task=$(task_of /shop/client 44444444-0c2a-11f0-9d3e-0242ac110002)
hostredis_task=$(task_of /data/hostredis 55555555-0c2a-11f0-9d3e-0242ac110002)

task_json() { # TASK NAME CONTAINER
	cat <<-EOF
	{"id":"$1","name":"$2","framework_id":"$framework","executor_id":"","slave_id":"$agent",
	 "state":"TASK_RUNNING","resources":{"cpus":0.1,"mem":64.0,"disk":0.0},
	 "labels":[{"key":"team","value":"harbour"}],
	 "statuses":[{"state":"TASK_RUNNING","timestamp":$(date +%s).5,
	  "container_status":{"container_id":{"value":"$3"},
	   "network_infos":[{"ip_addresses":[{"protocol":"IPv4","ip_address":"10.77.0.9"}]}]}}]}
	EOF
}
container_json() { # TASK CONTAINER
	printf '{"container_id":"%s","framework_id":"%s","executor_id":"%s","executor_name":"Command Executor","source":"%s","status":{"container_id":{"value":"%s"}}}' \
		"$2" "$framework" "$1" "$1" "$2"
}
app_json() { # APP TASK
	printf '{"id":"%s","instances":1,"labels":{"tier":"demo"},"tasks":[{"id":"%s","appId":"%s","host":"127.0.0.1","slaveId":"%s"}]}' \
		"$1" "$2" "$1" "$agent"
}

publish() { # [with-web2]: write the answers, each in one step
	local tasks containers apps web2_app=
	tasks=$(task_json "$redis_task" redis.data "$redis_id"),$(task_json "$web_task" web.shop "$web_id"),$(task_json "$client_task" client.shop "$client_id"),$(task_json "$hostredis_task" hostredis.data "$hostredis_id")
	containers=$(container_json "$redis_task" "$redis_id"),$(container_json "$web_task" "$web_id"),$(container_json "$client_task" "$client_id"),$(container_json "$hostredis_task" "$hostredis_id")
	apps="$(app_json /shop/web "$web_task"),$(app_json /shop/client "$client_task")"
	if [ $# -gt 0 ]; then
		tasks+=,$(task_json "$web2_task" web2.shop "$web2_id")
		containers+=,$(container_json "$web2_task" "$web2_id")
		web2_app=,$(app_json /shop/web2 "$web2_task")
	fi
	apps+=$web2_app
	local data="$(app_json /data/redis "$redis_task"),$(app_json /data/hostredis "$hostredis_task")"
	mkdir -p "$work/master/master" "$work/agent" "$work/marathon/v2"
	cat >"$work/state.new" <<-EOF
	{"version":"1.11.0","id":"${framework%-0000}","pid":"master@127.0.0.1:5050","leader":"master@127.0.0.1:5050",
	 "slaves":[{"id":"$agent","hostname":"127.0.0.1","pid":"slave(1)@127.0.0.1:5051","active":true}],
	 "frameworks":[{"id":"$framework","name":"marathon","active":true,"webui_url":"http://127.0.0.1:8080","tasks":[$tasks]}],
	 "completed_frameworks":[],"orphan_tasks":[]}
	EOF
	mv "$work/state.new" "$work/master/master/state"
	echo "{\"id\":\"$agent\",\"pid\":\"slave(1)@127.0.0.1:5051\",\"hostname\":\"127.0.0.1\",\"frameworks\":[],\"completed_frameworks\":[]}" >"$work/agent/state"
	echo "[$containers]" >"$work/c.new" && mv "$work/c.new" "$work/agent/containers"
	echo "{\"id\":\"/\",\"apps\":[],\"groups\":[{\"id\":\"/shop\",\"apps\":[$apps],\"groups\":[]},{\"id\":\"/data\",\"apps\":[$data],\"groups\":[]}]}" >"$work/g.new"
	mv "$work/g.new" "$work/marathon/v2/groups"
	echo "{\"apps\":[$apps,$data]}" >"$work/a.new" && mv "$work/a.new" "$work/marathon/v2/apps"
}
publish

nginx_conf() { # FILE SERVERS...: a configuration with its own pid, logs and temporary files
	local file=$1
	shift
	cat >"$file" <<-EOF
	user root;
	worker_processes 1;
	daemon off;
	pid $file.pid;
	error_log $work/nginx.log;
	events { worker_connections 256; }
	http {
	  access_log off;
	  default_type application/json;
	  client_body_temp_path $work/tmp; proxy_temp_path $work/tmp; fastcgi_temp_path $work/tmp;
	  uwsgi_temp_path $work/tmp; scgi_temp_path $work/tmp;
	  $*
	}
	EOF
}
nginx_conf "$work/api.conf" "server { listen 127.0.0.1:5050; root $work/master; }
 server { listen 127.0.0.1:5051; root $work/agent; }
 server { listen 127.0.0.1:8080; root $work/marathon; }"
nsenter --net="/run/netns/$host" nginx -e "$work/nginx.log" -c "$work/api.conf" >>"$work/programs.log" 2>&1 &
pids+=($!)
say "Mesos master on 127.0.0.1:5050, agent on 5051, Marathon on 8080 (in the host namespace)"
for _ in $(seq 50); do
	nsenter --net="/run/netns/$host" curl -sf http://127.0.0.1:5050/master/state >/dev/null && break
	sleep 0.1
done

# ---- the monitor ---------------------------------------------------------------------------

rm -f "$capture"
say "dredged: find the containers, ask who they are, record"
printf '\033[2m$ dredged -m http://127.0.0.1:5050,http://127.0.0.1:8080 -w %s\033[0m\n' "$capture"
nsenter --net="/run/netns/$host" dredged -m http://127.0.0.1:5050,http://127.0.0.1:8080 \
	--mesos-interval 1s --status-interval 5s -w "$capture" 2> >(tee "$work/dredged.log" >&2) &
monitor=$!
pids+=("$monitor")
for _ in $(seq 50); do grep -q 'ready' "$work/dredged.log" 2>/dev/null && break; sleep 0.1; done
grep -q 'ready' "$work/dredged.log" || { echo "quickstart.sh: dredged did not start" >&2; exit 1; }

# ---- programs ------------------------------------------------------------------------------

mkdir -p "$work/www" "$work/tmp"
head -c 20000 /dev/urandom | base64 >"$work/www/big.txt"
echo "<h1>harbour</h1>" >"$work/www/index.html"
nginx_conf "$work/web.conf" "server { listen 80; root $work/www; }"
nginx_conf "$work/web2.conf" "server { listen 80; root $work/www; }"
quiet_redis=(redis-server --save "" --appendonly no --daemonize no --protected-mode no --dir "$work")
start "$tag-redis" "$redis_id" "${quiet_redis[@]}" --port 6379 --bind 0.0.0.0
start "$tag-web" "$web_id" nginx -e "$work/nginx.log" -c "$work/web.conf"
start "$tag-web2" "$web2_id" nginx -e "$work/nginx.log" -c "$work/web2.conf"
start "$host" "$hostredis_id" "${quiet_redis[@]}" --port 6379 --bind 127.0.0.1 10.77.0.1
for _ in $(seq 50); do # the first to have the port, however busy the machine is
	nsenter --net="/run/netns/$host" redis-cli -h 10.77.0.1 ping >/dev/null 2>&1 && break
	sleep 0.1
done
cat >"$work/client.sh" <<-'EOF'
	while :; do
		curl -s http://10.77.0.3/ http://10.77.0.3/big.txt http://10.77.0.4/
		redis-cli -h 10.77.0.2 incr visits
		redis-cli -h 10.77.0.1 set ship "$RANDOM"
		curl -s --max-time 1 http://10.77.0.3:81/ # nobody listens there
		sleep 0.1
	done
EOF
start "$tag-client" "$client_id" bash "$work/client.sh"

# The story every operator knows: a second redis wants the port that the first one holds.
crash_loop() {
	while :; do
		id=$(uuid)
		echo "$id" >>"$work/crash.ids"
		for root in $(cgroup_roots); do mkdir -p "$root/mesos/$id"; done
		MARATHON_APP_ID=/data/redis-spare contained "$host" "$id" "${quiet_redis[@]}" --port 6379 \
			--bind 127.0.0.1 10.77.0.1 >>"$work/crash.log" 2>&1 &
		wait $! || true
		sleep 0.2
		for root in $(cgroup_roots); do rmdir "$root/mesos/$id" 2>/dev/null; done
		sleep 0.8
	done
}
crash_loop &
pids+=($!)

sleep 5
publish with-web2 # Mesos learns of web2 five seconds after its first packet
sleep $((seconds - 5))
say "Enough: the monitor writes the rest and ends"
kill "$monitor"
wait "$monitor" || true

# ---- replay --------------------------------------------------------------------------------

say "What is in the capture?"
show dredge --info "$capture"
say "The first packets"
show dredge -r "$capture" -n 8 evt.type=packet
say "Who talks most? Counts by app"
show dredge -r "$capture" -q --summary=marathon.app.id
say "One app (and not /shop/web2)"
show dredge -r "$capture" -pm -n 5 marathon.app.id=/shop/web and tcp.len\>0
say "One task"
show dredge -r "$capture" -n 5 mesos.task.id="$redis_task" and evt.type=packet
say "Who holds port 6379, and who restarts again and again?"
show dredge -r "$capture" -p '%evt.outputtime %container.name %notice.message' 'notice.kind in (listen, restart_loop)'
grep -m 1 -i 'address already in use' "$work/crash.log" || true
say "Connects that were refused"
show dredge -r "$capture" -n 3 '@refused'
say "The same file in tshark, and the same number of packets"
ours=$(dredge -r "$capture" -q --summary marathon.app.id=/shop/web and evt.type=packet | awk '$4=="packet"{print $2}')
theirs=$(tshark -r "$capture" -Y 'frame.interface_description contains "app=/shop/web "' 2>/dev/null | wc -l)
echo "packets of /shop/web: dredge $ours, tshark (by the interface's description) $theirs"
say "Done: the capture is $capture"
