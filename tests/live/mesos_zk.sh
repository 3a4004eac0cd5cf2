#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The leading master as a real ZooKeeper knows it: both forms of its node, another leader, a node
# that changes, a session that expires, no leader, and a password that is never shown.
source "$(dirname "$0")/own.bash"
set -u -o pipefail

probe=${BUILD:-build}/mesos_poller_probe here=$(dirname "$0")
[ -x "$probe" ] || skip "no $probe"
jar=/usr/share/java/zookeeper.jar
[ -e $jar ] && command -v java >/dev/null || skip "needs zookeeper and java"
work=$(mktemp -d)

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
zk_port=$(free_port)
zk() { python3 "$here/zk.py" "$zk_port" "$@"; }
zk_pid=
zk_start() { # with an empty tree
	rm -rf "$work/zk" && mkdir "$work/zk"
	printf '%s\n' "dataDir=$work/zk" clientPortAddress=127.0.0.1 "clientPort=$zk_port" \
		admin.enableServer=false tickTime=500 maxSessionTimeout=2000 4lw.commands.whitelist=ruok >"$work/zk.cfg"
	java -Xmx64m -XX:-UsePerfData -cp $jar org.apache.zookeeper.server.quorum.QuorumPeerMain "$work/zk.cfg" \
		>"$work/zk.log" 2>&1 &
	zk_pid=$!
	disown
	for _ in $(seq 150); do
		zk create /mesos >/dev/null 2>&1 && return
		sleep 0.2
	done
	tail -5 "$work/zk.log"
	exit 1
}
mode() { echo "$1" >"$work/mode.new" && mv "$work/mode.new" "$work/mode"; }
mode "1.11 0"
python3 "$here/mesos_api.py" "$work" 2>/dev/null &
for _ in $(seq 100); do [ -e "$work/ports" ] && break; sleep 0.1; done
read -r first second <"$work/ports" || exit 1
zk_start

json() { echo "{\"address\":{\"ip\":\"127.0.0.1\",\"port\":$1},\"hostname\":\"nowhere.invalid\",\"ip\":16777343,\"port\":$1}"; }
status=0
check() { # NAME SECONDS EXPECTED [COMMAND at half the time]
	local out
	: >"$work/asked"
	"$probe" "$2" "zk://user:secret@127.0.0.1:$zk_port,127.0.0.1:1/mesos" http://127.0.0.1:1 \
		shop_web.00000000-0000-4000-8000-000000000001 >"$work/out" 2>&1 &
	probe_pid=$!
	if [ -n "${4:-}" ]; then (sleep "$(($2 / 2))"; eval "$4") >/dev/null 2>&1; fi
	wait $probe_pid
	out=$(<"$work/out")
	if [[ $out != *$3* || $out != *stop=prompt* || $out == *secret* ]]; then
		printf '%s: expected "%s", got:\n%s\n' "$1" "$3" "$out"
		status=1
	fi
}
asked_last() { # NAME MASTER: it was the last one that was asked
	[[ $(tail -n 1 "$work/asked") == "$2 "* ]] || { echo "$1: the last to be asked was not $2"; status=1; }
}
named="app=/shop/web state=TASK_RUNNING Mesos metadata of 1 tasks"

check "no leader" 2 "no leader elected"
zk sequence /mesos/json.info_ "$(json "$first")" >/dev/null
zk create /mesos/log_replicas >/dev/null
check "JSON" 3 "$named"
# The standby is there already; then the leader goes.
zk sequence /mesos/json.info_ "$(json "$second")" >/dev/null
check "another leader" 6 "$named" 'mode "1.11 1"; zk delete /mesos/json.info_0000000000'
asked_last "another leader" 1
mode "1.11 1"
check "the node changes" 6 "$named" "mode '1.11 0'; zk set /mesos/json.info_0000000002 '$(json "$first")'"
asked_last "the node changes" 0
check "a node without sense" 6 "$named*no address of a master" \
	'zk set /mesos/json.info_0000000002 "{\"port\":1}"'
zk set /mesos/json.info_0000000002 "$(json "$first")"
expire() { # nobody answers for the probe while another one is elected
	kill -STOP $probe_pid
	mode "1.11 1"
	zk set /mesos/json.info_0000000002 "$(json "$second")"
	sleep 4
	kill -CONT $probe_pid
}
check "the session expires" 30 "$named" expire
asked_last "the session expires" 1
# Another ZooKeeper at the same place has seen less than the session has; nodes before JSON.
anew() {
	kill -9 $zk_pid
	zk_start
	mode "1.11 0"
	zk sequence /mesos/info_ "master:127.0.0.1:$first"
}
check "ZooKeeper begins anew; protobuf" 32 "$named" anew
asked_last "ZooKeeper begins anew; protobuf" 0
exit $status
