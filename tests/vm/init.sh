#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The first process of the virtual machine of vm.sh, which puts it into the initramfs as /init: makes
# a root file system of the host's and runs the command there.
# Not for use on a real machine: it ends with a reboot.

fail() {
	echo "init.sh: $*" >/dev/console
	reboot -f # qemu ends instead
}

if [ "${1:-}" != second ]; then
	[ $$ = 1 ] || exit 2
	/bin/busybox --install -s /bin
	export PATH=/bin
	mount -t proc proc /proc
	mount -t sysfs sysfs /sys
	mount -t devtmpfs devtmpfs /dev
	for module in /modules/*.ko; do insmod "$module" || fail "insmod $module"; done

	# What is written goes to memory: the host's files stay as they are, even where two machines run.
	mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro host /host ||
		fail "no files of the host"
	mount -t tmpfs -o mode=755 tmpfs /rw
	mkdir /rw/upper /rw/work
	mount -t overlay -o lowerdir=/host,upperdir=/rw/upper,workdir=/rw/work overlay /root ||
		fail "no overlay"

	# Of the host's run-time state nothing holds here.
	mount -t proc proc /root/proc
	mount -t sysfs sysfs /root/sys
	mount -t cgroup2 cgroup2 /root/sys/fs/cgroup
	mount -t bpf bpf /root/sys/fs/bpf
	mount -t tracefs tracefs /root/sys/kernel/tracing
	mount -t devtmpfs devtmpfs /root/dev
	mkdir -p /root/dev/pts /root/dev/shm
	mount -t devpts -o mode=620,ptmxmode=666 devpts /root/dev/pts
	mount -t tmpfs -o mode=1777 tmpfs /root/dev/shm
	mount -t tmpfs -o mode=755 tmpfs /root/run
	mkdir -p /root/run/vm /root/run/netns /root/run/lock
	ln -s /proc/self/fd /root/dev/fd
	ln -s /proc/self/fd/0 /root/dev/stdin
	ln -s /proc/self/fd/1 /root/dev/stdout
	ln -s /proc/self/fd/2 /root/dev/stderr

	# So that the kernel finds the modules it asks for by itself.
	modules=/root/lib/modules
	mkdir -p "$modules"
	mount -o bind "/host$(cat /modules/where)" "$modules" || fail "no modules"

	cp /init /command /bin/busybox /root/run/vm/
	umount /proc /sys /dev
	exec switch_root /root /run/vm/busybox sh /run/vm/init second
fi

# From here on the tools are the host's.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb
echo vm >/proc/sys/kernel/hostname
# Those that nothing asks for by name in time, or only in a network namespace.
modprobe -a veth bridge dummy ifb sch_htb sch_fq_codel sch_fq sch_ingress sch_netem sch_tbf sch_prio \
	cls_bpf cls_u32 cls_flower cls_matchall act_mirred act_police act_gact tcp_diag udp_diag \
	>/dev/console 2>&1
/run/vm/busybox ip link set lo up

for port in /sys/class/virtio-ports/*; do
	case $(cat "$port/name") in
	output) output=/dev/${port##*/} ;;
	status) status_port=/dev/${port##*/} ;;
	esac
done
if [ -z "${output:-}" ] || [ -z "${status_port:-}" ]; then fail "no ports"; fi

# A port can be opened only once, so that a command could not use /dev/stdout: a pipe it is.
mkfifo /run/vm/output
cat /run/vm/output >"$output" &
writer=$!
setsid bash /run/vm/command >/run/vm/output 2>&1 </dev/null
status=$?

# Whatever the command left in the background would hold the pipe open, its newest children too.
while kill -0 $writer 2>/dev/null; do
	for process in /proc/[0-9]*; do
		process=${process#/proc/}
		[ "$process" = 1 ] || [ "$process" = $writer ] || kill -9 "$process"
	done 2>/dev/null
	sleep 0.05
done
echo $status >"$status_port"
/run/vm/busybox reboot -f
