#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The commands of "Ports and rates" in the README, as they stand there, in a host that the test makes.
# shellcheck disable=SC2154
source "$(dirname "$0")/isolated.bash"
host_and_outside host outside
readme=$(dirname "$0")/../../README.md

# "sudo" leads into the host; the directories are the test's.
sudo() {
	case $1 in
	dredged)
		become host "$@" --runtime_dir="$run" --status-interval 0 2>>"$work/dredged.err" &
		dredged=$!
		wait_for 10 grep -q ready "$work/dredged.err" || die "dredged did not start"
		;;
	dredgectl) "$1" "$2" --socket "$run/control" "${@:3}" ;;
	*) on host "$@" ;;
	esac
}
: >"$work/dredged.err"
mkdir "$work/sysctl.d"
# The section's indented lines; one that ends in a backslash goes on.
sed -n '/^## Ports and rates/,/^## Speed/s/^    //p' "$readme" |
	sed -e ':again' -e '/\\$/{N;s/\\\n */ /;b again' -e '}' |
	sed -e "s,/etc/sysctl.d,$work/sysctl.d," \
		-e 's,PROGRAM,sh -c "cat /proc/sys/net/ipv4/ip_local_port_range; sleep 4" \&,' >"$work/commands"
ran=0
while read -r command; do
	case $command in
	*dredgectl\ list*)
		listed() { sudo dredgectl list | grep -q '^web .* 31000-31007 .* 10.5 MB/s'; }
		wait_for 5 listed || bad "web is not listed: $(sudo dredgectl list)"
		;;
	\{*) python3 -m json.tool <<<"$command" >/dev/null || bad "no JSON: $command" ;;
	*dredgectl\ run*) eval "$command" >>"$work/out" </dev/null; web=$! ;;
	*) eval "$command" >/dev/null </dev/null || bad "$command" ;;
	esac
	ran=$((ran + 1))
done <"$work/commands"
same "commands" 6 $ran
grep -qE '32768\s+33791' "$work/out" || bad "web has no ports of its own: $(cat "$work/out")"
same "ports of the host's kernel" "1024 30000" "$(on host cat /proc/sys/net/ipv4/ip_local_port_range | tr '\t' ' ')"
ctl run --name limited -- true
wait_for 3 grep -q 'limited attached: .* egress 38400000 B/s' "$work/dredged.err" ||
	bad "37500KB is not the limit"
wait "$web"
same "status of web" 0 $?
same "left" "" "$(rows)"
verdict
