#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cdredge --batch beside live containers: rows of who is there, with rates, once and again.
# shellcheck disable=SC2154
source "$(dirname "$0")/lib.bash"
need ping python3
python=$(PATH=/usr/bin:$PATH type -p python3)
cluster_start
mkdir "$work/share" && ln -s "$(realpath "$(dirname "$0")/../..")" "$work/share/dredge"
export XDG_DATA_HOME=$work/share # views are those of this tree
container web 10.77.0.3 /shop/web
container db 10.77.0.4 /shop/db
container_up web
container_up db
start web sleep 60
start db sleep 60

(while on_host ping -qc 5 -i 0.2 10.77.0.3; do :; done >/dev/null 2>&1) &
pinging=$!
on_host timeout 30 cdredge --cgroups-root "$cgroup_name" --batch=json -v containers >"$work/once" 2>"$work/once.err" ||
	bad "cdredge: $(cat "$work/once.err")"
same "who is there, and who was pinged" "2 True True" "$("$python" -c "
import json, sys
rows = json.load(open(sys.argv[1]))
web = [r for r in rows if r['ID'] == sys.argv[2]]
print(len(rows), web[0]['PKIN/s'] > 1, web[0]['MEM'] is None or web[0]['MEM'] > 0)" \
	"$work/once" "${id_of[web]}" 2>&1)"
# Again and again, until the reader goes away: by itself, with no failure.
{ on_host timeout 30 cdredge --cgroups-root "$cgroup_name" --batch=csv -v talkers -d 300 2>"$work/again.err"
	echo $? >"$work/again.status"; } | head -n 12 >"$work/again"
same 'the reader went away' 0 "$(cat "$work/again.status")"
[ "$(grep -c ADDRESS "$work/again")" -ge 2 ] || bad "not again: $(cat "$work/again" "$work/again.err")"
kill $pinging
verdict
