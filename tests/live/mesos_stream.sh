#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The event stream of a master: a task is known when it starts, and nobody is asked again; each
# trouble of the stream is told, costs no name, and is followed by a new one. Marathon's events.
source "$(dirname "$0")/own.bash"
set -u -o pipefail

probe=${BUILD:-build}/mesos_poller_probe
[ -x "$probe" ] || skip "no $probe"
python3 -c 'import http.server' 2>/dev/null || skip "needs python3"

work=$(mktemp -d)
python3 "$(dirname "$0")/mesos_stream.py" "$work" &
for _ in $(seq 100); do [ -e "$work/port" ] && break; sleep 0.1; done
port=$(cat "$work/port") || exit 1
status=0

check() { # NAME SECONDS TASK EXPECTED SCRIPT
	local out
	: >"$work/asked"
	printf '%s\n' "$5" >"$work/script"
	out=$("$probe" "$2" "http://127.0.0.1:$port" http://127.0.0.1:1 "$3" 2>&1)
	# shellcheck disable=SC2053
	if [[ $out != $4 || $out != *stop=prompt* ]]; then
		printf '%s: expected "%s", got:\n%s\n' "$1" "$4" "$out"
		status=1
	fi
}
asked() { # NAME LEAST MOST PATTERN
	local n
	n=$(grep -c -- "$4" "$work/asked")
	if [ "$n" -lt "$2" ] || [ "$n" -gt "$3" ]; then
		echo "$1: $4 was asked $n times, not $2 to $3"
		status=1
	fi
}

check "a task that starts" 2 web.1 "*state=TASK_STAGING Mesos metadata of 2 tasks, 0 s old*" \
	$'state 0.2\nbeat\nwait 0.3\nadded web.1\nbeats 0.2'
asked "a task that starts" 1 1 SUBSCRIBE
asked "a task that starts" 0 0 /master/state
check "a task that changes" 2 web.1 "*state=TASK_RUNNING Mesos metadata of 2 tasks*" \
	$'state 0.2\nadded web.1\nwait 0.2\nupdated web.1 TASK_RUNNING\nbeats 0.2'
check "no heartbeat" 3 web.1 "*no heartbeat for*state=TASK_STAGING Mesos metadata of [23] tasks*" \
	$'state 0.1\nadded web.1\nwait 60'
asked "no heartbeat" 2 5 SUBSCRIBE
check "a release without heartbeats" 2 web.1 "*state=TASK_STAGING Mesos metadata of 2 tasks*" \
	$'state 0\nadded web.1\nwait 60'
asked "a release without heartbeats" 1 1 SUBSCRIBE
for row in 'cut inside a record:partial file:raw 500\n{"type":"TASK' \
	'closed:the stream was closed:end' 'garbage:no RecordIO:raw <html>' \
	'no JSON:no valid JSON:raw 7\n{"type"' 'a record that is too long:larger than:raw 99999999\n{'; do
	name=${row%%:*} rest=${row#*:}
	check "$name" 3 first "*Mesos metadata: *${rest%%:*}*state=TASK_RUNNING Mesos metadata of [12] tasks*" \
		"state 0"$'\n'"wait 0.4"$'\n'"${rest#*:}"$'\n'"$([[ $name == cut* ]] && echo cut || echo end)"
	asked "$name" 2 40 SUBSCRIBE
done
check "no stream: polled" 2 polled "*state=TASK_RUNNING Mesos metadata of 1 tasks*" "status 404"
asked "no stream: polled" 1 1 SUBSCRIBE
asked "no stream: polled" 2 9 /master/state
check "no stream for now: polled, and asked again" 3 polled "*state=TASK_RUNNING Mesos metadata of 1 tasks*" "status 500"
asked "no stream for now" 2 9 SUBSCRIBE
check "a stream without a state: polled never, told" 2 first "*no state in the stream*" "wait 60"
check "no leader" 2 polled "*HTTP status 503*" "status 503"
check "another one leads" 2 first "*state=TASK_RUNNING Mesos metadata of 1 tasks*" "to $port"

# Whatever its name, it says itself that it is a Marathon; then its events tell.
hello='marathon event {"eventType":"event_stream_attached"}'
check "Marathon" 3 first "*app=/shop/web state=TASK_RUNNING *" "state 0"$'\n'"$hello"
asked Marathon 1 1 /v2/info
asked Marathon 1 1 /v2/events
asked Marathon 1 2 /v2/groups
check "Marathon: a task" 2 new "*app=/shop/new state=TASK_STAGING *" "state 0
added new
$hello
marathon wait 0.3
marathon event {\"eventType\":\"status_update_event\",\"taskId\":\"new\",\"appId\":\"/shop/new\",\"taskStatus\":\"TASK_RUNNING\",\"version\":\"V\"}"
check "Marathon: another list of apps" 3 first "*app=/shop/web *" "state 0
$hello
marathon wait 0.5
marathon event {\"eventType\":\"group_change_success\"}"
asked "Marathon: another list of apps" 2 3 /v2/groups
check "Marathon: garbage" 2 first "*v2/events*app=/shop/web state=TASK_RUNNING *" "state 0
$hello
marathon wait 1
marathon raw data: <html>\\n\\n"
exit $status
