#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cdredge live on a screen: what Mesos' pollers have to say is a word at the bottom and not across the
# picture; rows come and go with their containers; pictures and packets are held by p.
# shellcheck disable=SC2154,SC2317 # functions that wait_for calls
source "$(dirname "$0")/lib.bash"
need ping tmux curl
cluster_start
mkdir "$work/share" && ln -s "$(realpath "$(dirname "$0")/../..")" "$work/share/dredge"
container web 10.77.0.3 /shop/web
printf -v evil '/evil/\\u001b[31mred\\u202e'
container ev 10.77.0.4 "$evil"
publish web ev
api_start
container_up web
container_up ev
start web ping -qi 0.2 10.77.0.4
start ev sleep 600

socket=first # a terminal server of its own for each program: one that ends still answers for a while
t() { tmux -S "$work/$socket" -f /dev/null "$@"; }
screen() { t capture-pane -p; }
shows() { screen | grep -qF -- "$1"; }
packets() { screen | grep '^[0-9]'; }
hides() { ! shows "$1"; }
begins() { screen | head -n 1 | grep -q "^Viewing: $1"; }
expect() { wait_for 10 "$@" || bad "$*: $(screen)"; }
press() { t send-keys "$@"; }

# trouble from the first moment on, before there is a screen
t new-session -d -x 100 -y 24 "env LC_ALL=C.UTF-8 NO_COLOR=1 XDG_DATA_HOME=$work/share TERM=screen \
	nsenter --net=/run/netns/$host $(command -v cdredge) --cgroups-root $cgroup_name -d 300 \
	-m http://127.0.0.1:5059"
expect shows "Mesos metadata: http://127.0.0.1:5059/api/v1: Couldn't connect to server"
expect begins 'Marathon Apps'
expect hides "Couldn't connect"
expect shows 'trouble with Mesos' # also when that was told
t kill-server

socket=second
t new-session -d -x 100 -y 24 "env LC_ALL=C.UTF-8 NO_COLOR=1 XDG_DATA_HOME=$work/share TERM=screen \
	nsenter --net=/run/netns/$host $(command -v cdredge) --cgroups-root $cgroup_name -d 300 \
	-m http://127.0.0.1:5050,http://127.0.0.1:8080"
expect shows '/shop/web'
expect shows '/evil/?[31mred?'

api_mode 500
expect shows 'HTTP status 500'
press F2
expect shows 'Select View'
press Escape
expect hides 'Select View'
expect begins 'Marathon Apps  For: whole host'
expect shows 'trouble with Mesos'
api_mode good
expect shows 'answers again'
expect hides 'trouble with Mesos'

container new 10.77.0.5 /shop/new
publish new
container_up new
start new ping -qi 0.2 10.77.0.3
disown -a # the shell reports who is killed
expect shows '/shop/new'
unset 'published[new]'
publish
cat /sys/fs/cgroup/{,*/}"$cgroup_name/${id_of[new]}/cgroup.procs" 2>/dev/null | sort -u | xargs kill -9
ip netns del "$tag-new"
expect hides '/shop/new'

press F6
expect shows 'ICMP'
press p
expect shows paused
held=$(packets)
sleep 1
same 'packets that are held' "$held" "$(packets)"
press p
expect hides paused
press / nowhere Enter
expect shows "no line contains 'nowhere'"
press q
wait_for 5 hides Viewing || bad "still there: $(screen)"
t kill-server 2>/dev/null
verdict
