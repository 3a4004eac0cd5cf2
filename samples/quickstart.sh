#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Shows Dredge at work on real traffic: a "host" whose containers share its address, each in its own
# ports and at its own rate (redis, nginx, curl and redis-cli, started by dredgectl run), two Mesos
# masters, an agent and Marathon that answer from files, dredged enforcing and recording it all, its
# HTTP API, dredge replaying it. Everything happens inside network namespaces of its own and is removed at the end.
#
# Usage: sudo samples/quickstart.sh [CAPTURE]      (default: dredge-quickstart.pcapng.lz4 in TMPDIR)
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
capture=${1:-${TMPDIR:-/tmp}/dredge-quickstart.pcapng.lz4}
seconds=${QUICKSTART_SECONDS:-14}
tag=dq$$
cgroup=$tag-mesos # Mesos' own is called "mesos"
work=$(mktemp -d "${TMPDIR:-/tmp}/dredge-quickstart.XXXXXX")
monitor=
pids=()
namespaces=()

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
show() { printf '\033[2m$ %s\033[0m\n' "$*"; "$@"; }
fail() { echo "quickstart.sh: $*" >&2; exit 1; }

cgroup_roots() {
	if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
		echo /sys/fs/cgroup
	else
		for c in cpu,cpuacct cpu cpuacct memory blkio freezer; do
			[ -d "/sys/fs/cgroup/$c" ] && [ ! -L "/sys/fs/cgroup/$c" ] && echo "/sys/fs/cgroup/$c"
		done
	fi
}

end() { # PID: in good order, but not for ever
	kill "$1"
	for _ in $(seq 60); do
		kill -0 "$1" || return
		sleep 0.05
	done
	kill -9 "$1"
}

cleanup() {
	set +e
	trap - EXIT
	trap '' INT TERM # once is enough
	exec 2>/dev/null # the shell reports every job that is killed
	# The containers first: it takes a dredged to let them go.
	for pid in "${pids[@]}" $monitor; do end "$pid"; done
	for root in $(cgroup_roots); do
		for dir in "$root/$cgroup"/*/ "$root/$cgroup"; do
			for _ in $(seq 40); do
				[ -d "$dir" ] || break
				for pid in $(cat "$dir/cgroup.procs"); do kill -9 "$pid"; done
				rmdir "$dir" && break
				sleep 0.05
			done
		done
	done
	for ns in "${namespaces[@]}"; do
		for pid in $(ip netns pids "$ns"); do kill -9 "$pid"; done
		ip netns del "$ns"
	done
	umount -R "$work/run/netns"
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

[ "$(id -u)" = 0 ] || fail "run me as root (namespaces, cgroups, packet sockets)"

# ---- what it needs -------------------------------------------------------------------------

"$here/tests/install-packages.sh" quickstart
build=${BUILD:-$here/build}
if ! { [ -e "$build/CMakeCache.txt" ] || cmake -S "$here" -B "$build" -DDREDGE_TESTS=OFF; } >"$work/build.log" 2>&1 ||
	! cmake --build "$build" -j "$(nproc)" >>"$work/build.log" 2>&1; then
	tail -n 30 "$work/build.log" >&2
	exit 1
fi
PATH=$build:$PATH
cd "$here"

# ---- the host ------------------------------------------------------------------------------

host=$tag-host outside=$tag-outside
address=10.77.0.1 far=10.77.0.254
on() { nsenter --net="/run/netns/$1" "${@:2}"; }	  # NAMESPACE COMMAND...
become() { exec nsenter --net="/run/netns/$1" "${@:2}"; } # in the background: $! is its pid
uuid() { cat /proc/sys/kernel/random/uuid; }

say "A host, and somebody outside (both are namespaces)"
for ns in "$host" "$outside"; do
	namespaces+=("$ns")
	ip netns add "$ns"
	ip -n "$ns" link set lo up
done
ip -n "$host" link add eth0 type veth peer name eth0 netns "$outside"
ip -n "$host" addr add $address/24 dev eth0
ip -n "$outside" addr add $far/24 dev eth0
ip -n "$host" link set eth0 up
ip -n "$outside" link set eth0 up
ip -n "$host" route add default via $far
ip -n "$host" -br addr show eth0
echo "The ports from 30000 on are left to containers:"
on "$host" sysctl -w net.ipv4.ip_local_port_range="1024 30000"

redis_id=$(uuid) web_id=$(uuid) web2_id=$(uuid) client_id=$(uuid) hostredis_id=$(uuid)

# ---- Mesos and Marathon, answering from files ------------------------------------------------

agent=2f4e7a10-93ab-4c55-b2a1-7de0c1f00d11-S0
framework=2f4e7a10-93ab-4c55-b2a1-7de0c1f00d11-0000
task_of() { printf '%s' "$(printf '%s' "${1#/}" | tr / _).$2"; }
redis_task=$(task_of /data/redis 11111111-0c2a-11f0-9d3e-0242ac110002)
web_task=$(task_of /shop/web 22222222-0c2a-11f0-9d3e-0242ac110002)
web2_task=$(task_of /shop/web2 33333333-0c2a-11f0-9d3e-0242ac110002)
client_task=$(task_of /shop/client 44444444-0c2a-11f0-9d3e-0242ac110002)
hostredis_task=$(task_of /data/hostredis 55555555-0c2a-11f0-9d3e-0242ac110002)

task_json() { # TASK NAME CONTAINER PORTS
	cat <<-EOF
	{"id":"$1","name":"$2","framework_id":"$framework","executor_id":"","slave_id":"$agent",
	 "state":"TASK_RUNNING","resources":{"cpus":0.1,"mem":64.0,"disk":0.0,"ports":"[$4]"},
	 "labels":[{"key":"team","value":"harbour"}],
	 "statuses":[{"state":"TASK_RUNNING","timestamp":$(date +%s).5,
	  "container_status":{"container_id":{"value":"$3"},
	   "network_infos":[{"ip_addresses":[{"protocol":"IPv4","ip_address":"$address"}]}]}}]}
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

leader=127.0.0.1
publish() { # [with-web2]: write the answers, each in one step
	local tasks containers apps web2_app=
	tasks=$(task_json "$redis_task" redis.data "$redis_id" 31000-31007),$(task_json "$web_task" web.shop "$web_id" 31008-31015),$(task_json "$client_task" client.shop "$client_id" 31024-31031),$(task_json "$hostredis_task" hostredis.data "$hostredis_id" 6379-6379)
	containers=$(container_json "$redis_task" "$redis_id"),$(container_json "$web_task" "$web_id"),$(container_json "$client_task" "$client_id"),$(container_json "$hostredis_task" "$hostredis_id")
	apps="$(app_json /shop/web "$web_task"),$(app_json /shop/client "$client_task")"
	if [ $# -gt 0 ]; then
		tasks+=,$(task_json "$web2_task" web2.shop "$web2_id" 31016-31023)
		containers+=,$(container_json "$web2_task" "$web2_id")
		web2_app=,$(app_json /shop/web2 "$web2_task")
	fi
	apps+=$web2_app
	local data="$(app_json /data/redis "$redis_task"),$(app_json /data/hostredis "$hostredis_task")"
	mkdir -p "$work/127.0.0.1/master" "$work/127.0.0.2/master" "$work/agent" "$work/marathon/v2"
	cat >"$work/state.new" <<-EOF
	{"version":"1.11.0","id":"${framework%-0000}","pid":"master@$leader:5050","leader":"master@$leader:5050",
	 "slaves":[{"id":"$agent","hostname":"127.0.0.1","pid":"slave(1)@127.0.0.1:5051","active":true}],
	 "frameworks":[{"id":"$framework","name":"marathon","active":true,"webui_url":"http://127.0.0.1:8080","tasks":[$tasks]}],
	 "completed_frameworks":[],"orphan_tasks":[]}
	EOF
	mv "$work/state.new" "$work/$leader/master/state"
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
mkdir -p "$work/tmp"
# The first master leads; the second sends who asks to it, until it leads itself.
nginx_conf "$work/master.conf" "server { listen 127.0.0.1:5050; root $work/127.0.0.1; }"
nginx_conf "$work/api.conf" "server { listen 127.0.0.2:5050; root $work/127.0.0.2;
  absolute_redirect off; location / { try_files \$uri @leader; } location @leader {
   if (-f $work/127.0.0.2/master/state) { return 404; }
   return 307 //127.0.0.1:5050\$request_uri; } }
 server { listen 127.0.0.1:5051; root $work/agent; }
 server { listen 127.0.0.1:8080; root $work/marathon; }"
become "$host" nginx -e "$work/nginx.log" -c "$work/master.conf" >>"$work/programs.log" 2>&1 &
master=$!
pids+=("$master")
become "$host" nginx -e "$work/nginx.log" -c "$work/api.conf" >>"$work/programs.log" 2>&1 &
pids+=($!)
say "Mesos masters on 127.0.0.1:5050 and 127.0.0.2:5050, agent on 127.0.0.1:5051, Marathon on 8080"
for _ in $(seq 50); do
	on "$host" curl -sf http://127.0.0.1:5050/master/state >/dev/null && break
	sleep 0.1
done

# ---- the monitor ---------------------------------------------------------------------------

rm -f "$capture"
say "dredged: find the containers, ask who they are, keep them in their ports, record"
watch=(dredged -m http://127.0.0.1:5050,http://127.0.0.2:5050,http://127.0.0.1:8080 -w "$capture"
	--listen=127.0.0.1:5052 --isolation=network/port_mapping
	"--resources=ports:[31000-32000];ephemeral_ports:[32768-57344]")
printf '\033[2m$ %s\033[0m\n' "${watch[*]}"
# The other options are here to leave the real host's directories and cgroups alone.
become "$host" "${watch[@]}" --runtime_dir="$work/run" --cgroups_root "$cgroup" \
	--mesos-interval 1s --status-interval 5s 2> >(exec tee "$work/dredged.log" >&2) &
monitor=$!
for _ in $(seq 50); do grep -q 'ready' "$work/dredged.log" 2>/dev/null && break; sleep 0.1; done
grep -q 'ready' "$work/dredged.log" || fail "dredged did not start"

# ---- containers ----------------------------------------------------------------------------

ctl() { dredgectl "$1" --socket "$work/run/control" "${@:2}"; }
start() { # ID OPTIONS... -- PROGRAM ARGUMENTS...
	local line
	printf -v line ' %q' "$@"
	printf '\033[2m$ dredgectl run --name%s\033[0m\n' "$line"
	dredgectl run --socket "$work/run/control" --cgroup "$cgroup" --name "$@" \
		>>"$work/programs.log" 2>&1 &
	pids+=($!)
}
answers() { # COMMAND...: on the host, soon
	for _ in $(seq 50); do
		on "$host" "$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	fail "no answer: $*"
}
on_host_network() { # ID COMMAND...: becomes the container that has a cgroup and nothing else
	for root in $(cgroup_roots); do
		mkdir -p "$root/$cgroup/$1"
		echo "$BASHPID" >"$root/$cgroup/$1/cgroup.procs"
	done
	become "$host" "${@:2}"
}

mkdir -p "$work/www" "$work/tmp"
head -c 20000 /dev/urandom | base64 >"$work/www/page.txt"
head -c 4194304 /dev/urandom >"$work/www/4MiB"
echo "<h1>harbour</h1>" >"$work/www/index.html"
nginx_conf "$work/web.conf" "server { listen 31008; root $work/www; }"
nginx_conf "$work/web2.conf" "server { listen 31016; root $work/www; }"
quiet_redis=(redis-server --save "" --appendonly no --daemonize no --protected-mode no --dir "$work")
cat >"$work/client.sh" <<-EOF
	while :; do
		curl -s http://$address:31008/ http://$address:31008/page.txt http://$address:31016/
		redis-cli -h $address -p 31000 incr visits
		redis-cli -h $address -p 6379 set ship "\$RANDOM"
		curl -s --max-time 1 http://$address:31009/ # nobody listens there
		sleep 0.1
	done
EOF

say "Containers with ids like those of Mesos, each in its own ports of the host's address"
start "$redis_id" --ports 31000-31007 -- "${quiet_redis[@]}" --port 31000 --bind 0.0.0.0
start "$web_id" --ports 31008-31015 --egress 1MB -- nginx -e "$work/nginx.log" -c "$work/web.conf"
start "$web2_id" --ports 31016-31023 -- nginx -e "$work/nginx.log" -c "$work/web2.conf"
answers redis-cli -h $address -p 31000 ping
answers curl -sf http://$address:31008/
answers curl -sf http://$address:31016/
start "$client_id" --ports 31024-31031 --ingress 10MB -- bash "$work/client.sh"
echo "and a redis on the host's own network, at port 6379"
on_host_network "$hostredis_id" "${quiet_redis[@]}" --port 6379 --bind 127.0.0.1 $address \
	>>"$work/programs.log" 2>&1 &
pids+=($!)
answers redis-cli -h $address ping # the first to have the port, however busy the machine is

# The story every operator knows: a second redis wants the port that the first one holds.
crash_loop() {
	while :; do
		id=$(uuid)
		(MARATHON_APP_ID=/data/redis-spare on_host_network "$id" "${quiet_redis[@]}" --port 6379 \
			--bind 127.0.0.1 $address) >>"$work/crash.log" 2>&1 || true
		sleep 0.2
		for root in $(cgroup_roots); do rmdir "$root/$cgroup/$id" 2>/dev/null; done
		sleep 0.8
	done
}
crash_loop &
pids+=($!)

# ---- ports and limits ----------------------------------------------------------------------

begin=$SECONDS
until_second() { # N: since then
	local left=$((begin + $1 - SECONDS))
	[ $left -le 0 ] || sleep $left
}
say "Who has which ports and rates?"
printf '\033[2m$ dredgectl list\033[0m\n'
ctl list
say "A second container that wants a port of redis: refused, with the reason"
printf '\033[2m$ dredgectl run --ports 31000 -- redis-server --port 31000\033[0m\n'
! ctl run --cgroup none --ports 31000 -- "${quiet_redis[@]}" --port 31000 ||
	fail "a port was given away twice"
say "web may send 1 MB (1048576 bytes) a second; 4 MiB, from outside"
rate() { on "$outside" curl -s -o /dev/null -w '%{speed_download}' "http://$address:$1/4MiB"; }
limited=$(rate 31008)
awk -v got="$limited" 'BEGIN {
	printf "web: %.0f bytes/s, %.0f %% of its limit\n", got, 100 * got / 1048576
	exit !got || got > 1.02 * 1048576 }' || fail "the limit was not held"
printf 'web2, without a limit: %.0f bytes/s\n' "$(rate 31016)"
say "A program asks web2 from a port of its own, and from one of redis"
asks() { # OPTIONS...
	ctl run --cgroup none -- curl -s --max-time 2 "$@" http://$address:31016/
}
asks
asks --local-port 31000 || echo "no answer: what it sent did not go through"

# ---- names and numbers ---------------------------------------------------------------------

if command -v prometheus >/dev/null; then
	sed 's/15s/1s/; /rule_files/d' samples/prometheus/prometheus.yml >"$work/prometheus.yml"
	become "$host" prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" \
		--web.listen-address=127.0.0.1:9090 >>"$work/programs.log" 2>&1 &
	pids+=($!)
fi
until_second 5
say "The leading master dies, and the other one leads; web2 is new there"
leader=127.0.0.2
publish with-web2 # Mesos learns of web2 some seconds after its first packet
kill "$master"
knows() { on "$host" curl -s "http://127.0.0.1:5052/v1/tasks/$1" | grep -q TASK_RUNNING; }
for _ in $(seq 100); do knows "$web2_task" && break; sleep 0.1; done
knows "$web2_task" || fail "web2 is not known after the fail-over"
get() { printf '\033[2m$ curl %s\033[0m\n' "http://127.0.0.1:5052$1"; on "$host" curl -s "http://127.0.0.1:5052$1"; }
say "Who holds port 31000?"
get '/v1/ports/31000?fields=id,task,app,group,container,hostname'
say "The tree of groups, with the sums of each"
get '/v1/groups?fields=id,container,containers,limited,cpus,memory,drops'
say "The packets of one app, out of the file that is being written"
name=$(basename "$capture")
printf '\033[2m$ curl %s | tshark -r -\033[0m\n' "http://127.0.0.1:5052/v1/captures/$name?filter=marathon.app.id=/shop/web&format=pcapng"
on "$host" curl -s "http://127.0.0.1:5052/v1/captures/$name?filter=marathon.app.id=/shop/web&format=pcapng" \
	>"$work/web.pcapng"
tshark -r - -Y tcp -c 300 <"$work/web.pcapng" 2>/dev/null | sed -n 1,5p
say "Statistics as Mesos' agent serves them, and numbers for Prometheus"
on "$host" curl -s http://127.0.0.1:5052/monitor/statistics | cut -c 1-300
query='sum by (app) (container_network_transmit_bytes_total)'
if command -v prometheus >/dev/null; then
	for _ in $(seq 100); do
		by_app=$(on "$host" curl -s -G --data-urlencode "query=$query" http://127.0.0.1:9090/api/v1/query) || true
		[[ $by_app != *'"/shop/web2"'* ]] || break
		sleep 0.1
	done
	printf '\033[2m$ prometheus: %s\033[0m\n' "$query"
	grep -o '"app":"[^"]*"}\|"[0-9]*"\]' <<<"$by_app" | paste - -
fi
until_second "$seconds"
say "Enough: the monitor writes the rest and ends"
kill "$monitor"
wait "$monitor" || true
monitor=

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
say "What was enforced?"
show dredge -r "$capture" -p '%evt.outputtime %notice.message' \
	'notice.kind in (attached, packets_refused, request_refused)'
say "Connects that were refused"
show dredge -r "$capture" -n 3 '@refused'
say "The same file in tshark, and the same number of packets"
ours=$(dredge -r "$capture" -q --summary marathon.app.id=/shop/web and evt.type=packet | awk '$4=="packet"{print $2}')
theirs=$(tshark -r "$capture" -Y 'frame.interface_description contains "app=/shop/web "' 2>/dev/null | wc -l)
echo "packets of /shop/web: dredge $ours, tshark (by the interface's description) $theirs"
say "Apps as a table; without --batch the console shows it, with keys to go down and through time"
show cdredge -r "$capture" --batch
say "Done: the capture is $capture; look into it with: cdredge -r $capture"
