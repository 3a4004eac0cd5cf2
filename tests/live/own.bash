# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A test's own machine: processes, networks, mounts, /run and cgroups are in namespaces that end with
# the first process, below a cgroup and beside a folder that are then removed. So a test leaves
# nothing behind, however it ends, and does not meet others that run at the same time.
#
#     source "$(dirname "$0")/own.bash"     before anything else: the script begins anew, inside

skip() { echo "skipped: $*"; exit 77; }
own_hierarchies() { awk '$3 ~ /^cgroup2?$/ {print $2}' /proc/self/mounts; }

own_begin() { # COMMAND...: becomes the first process inside
	local dir
	for dir in $(own_hierarchies); do # that of cpuset lets nobody in who was given no processor
		mkdir "$dir/$own" && { echo "$BASHPID" >"$dir/$own/cgroup.procs" || rmdir "$dir/$own"; }
	done 2>/dev/null
	# In the background a shell ignores ^C, and hands that on.
	OWN_CGROUP=$own exec env --default-signal setpriv --pdeathsig KILL "${own_namespaces[@]}" "$@"
}

own_end() {
	trap '' EXIT HUP INT TERM
	exec 2>/dev/null # the shell reports who is killed
	kill -9 "$own_first"
	wait "$own_first"
	local dir
	for dir in $(own_hierarchies); do
		for _ in {1..500}; do # empty a while after its last process
			[ -d "$dir/$own" ] || break
			find "$dir/$own" -depth -type d -exec rmdir {} +
			sleep 0.02
		done
	done
	rm -rf "$TMPDIR"
}

own_inside() {
	local dir
	mount -t tmpfs -o mode=755 none /run
	mkdir /run/cgroup
	for dir in $(own_hierarchies); do # nothing of the machine's is left below: some look at all mounts
		mount --bind "$dir/$OWN_CGROUP" /run/cgroup 2>/dev/null
		umount "$dir"
		! mountpoint -q /run/cgroup || mount --move /run/cgroup "$dir"
	done
	unset OWN_CGROUP # for scripts that this one calls
	if mount --move /sys/fs/cgroup /run/cgroup 2>/dev/null; then
		mount -t sysfs none /sys # it shows this network's interfaces
		mount --move /run/cgroup /sys/fs/cgroup
	fi
	rmdir /run/cgroup
	ip link set lo up
}

own_outside() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	own_namespaces=(unshare --fork --kill-child --pid --mount-proc --mount --net --ipc --cgroup --)
	"${own_namespaces[@]}" true 2>/dev/null || skip "no namespaces"
	TMPDIR=$(mktemp -d -t dredge-own.XXXXXX) && chmod 755 "$TMPDIR" || exit 1 # some programs run as nobody
	export TMPDIR
	own=${TMPDIR##*/}
	own_begin "$BASH" "$0" "$@" <&0 &
	own_first=$!
	trap own_end EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	wait "$own_first"
	exit
}

[ -n "${OWN_CGROUP:-}" ] || own_outside "$@"
own_inside
