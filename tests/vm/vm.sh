#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command as root under a stock Debian kernel, for what the kernel of this machine lacks
# (fq_codel, netem, ...). The command sees the files of this machine, the repository among them, at
# their own paths; what it writes stays in the virtual machine. It starts in the working directory
# with our PATH, BUILD, LC_ALL and TZ. Its standard output and error become our standard output, its
# status ours. 77: no virtual machine is to be had, 124: the time is over, 125: the machine died.
# The kernel is downloaded once, to $XDG_CACHE_HOME/dredge-vm, and never installed.
# Usage: tests/vm/vm.sh [-t SECONDS] COMMAND...
set -uo pipefail

limit=170
if [ "${1:-}" = -t ]; then
	limit=${2:-}
	shift 2
fi
if [ $# = 0 ] || ! [[ $limit =~ ^[1-9][0-9]*$ ]]; then
	echo "usage: $0 [-t SECONDS] COMMAND..." >&2
	exit 2
fi

here=$(cd "$(dirname "$0")" && pwd)
if [ "$(id -u)" = 0 ]; then cache=/var/cache; else cache=$HOME/.cache; fi
cache=${XDG_CACHE_HOME:-$cache}/dredge-vm
job=$(mktemp -d) || exit
vm='' unpacked=''

# shellcheck disable=SC2317 # the traps call it
# Without the wait, qemu could outlive us and hold on to files that we remove.
cleanup() {
	trap - EXIT HUP INT TERM
	[ -z "$vm" ] || { kill "$vm" && wait "$vm"; } 2>/dev/null
	rm -rf "$job" "$unpacked"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

skip() { echo "skipped: $*"; exit 77; }
PATH=$PATH:/usr/sbin:/sbin # kmod's tools are there
for tool in qemu-system-x86_64 busybox modprobe depmod dpkg-deb apt-get timeout; do
	command -v "$tool" >/dev/null || skip "needs $tool"
done
[ "$(dpkg --print-architecture)" = amd64 ] || skip "knows only amd64 kernels"
# The first program in the machine runs before there is a library to load.
# Read to the end: with pipefail, a writer that gets SIGPIPE would count as "not there".
busybox --list | grep -x switch_root >/dev/null || skip "needs switch_root in busybox"
! ldd "$(command -v busybox)" >/dev/null 2>&1 || skip "needs a static busybox (package busybox-static)"

download() { # into $job
	local package
	package=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9]\)/\1/p' | head -n 1)
	[ -n "$package" ] || return
	# The sandbox user of apt may not write here, and would only complain.
	(cd "$job" && timeout 300 apt-get -q -o APT::Sandbox::User=root download "$package")
}

# A kernel on our side is a folder VERSION with the file kernel and lib/modules/VERSION. It appears
# complete or not at all, however many of us are at it.
find_kernel() {
	kernel=$(for k in "$cache"/*/kernel; do [ -e "$k" ] && echo "${k%/kernel}"; done | sort -V | tail -n 1)
	version=${kernel##*/}
}

# To unpack itself takes the kernel half of the time of the boot: qemu can start it unpacked.
unpack_image() { # FROM TO
	local offset
	offset=$(LC_ALL=C grep -aboP '\xFD7zXZ\x00' "$1" | head -n 1 | cut -d : -f 1)
	[ -n "$offset" ] && tail -c +$((offset + 1)) "$1" | xz -dc --single-stream >"$2" 2>/dev/null
	readelf -n "$2" 2>/dev/null | grep -q 'Xen .*0x00000012' # the entry that qemu needs
}

fetch_kernel() {
	local modules skipped=()
	mkdir -p "$cache" 2>/dev/null
	unpacked=$(mktemp -d "$cache/.new-XXXXXX" 2>/dev/null) || skip "cannot write to $cache"
	# The lists of packages are absent or older than what the mirror has: once more with new ones.
	if ! download >"$job/apt" 2>&1; then
		{ [ "$(id -u)" = 0 ] && apt-get -q update && download; } >>"$job/apt" 2>&1 || {
			tail -n 5 "$job/apt"
			skip "cannot download the package linux-image-amd64"
		}
	fi
	# Four fifths of the modules drive hardware that this machine will not have.
	for modules in sound drivers/{gpu,media,infiniband,scsi,usb,staging,iio,hwmon,input,mtd,mmc,md} \
		drivers/{platform,power,ata,hid,i2c,isdn,leds,target,thunderbolt,video,message,edac} \
		drivers/net/{wireless,ethernet,can,usb,dsa,wwan} fs/{btrfs,xfs,ocfs2,f2fs,jfs,gfs2,ceph}; do
		skipped+=(--exclude="./lib/modules/*/kernel/$modules")
	done
	dpkg-deb --fsys-tarfile "$job"/linux-image-*.deb |
		tar -x -C "$unpacked" --no-same-owner "${skipped[@]}" --exclude=./usr || skip "cannot unpack the kernel"
	rm -f "$job"/linux-image-*.deb
	version=$(ls "$unpacked/lib/modules")
	unpack_image "$unpacked/boot/vmlinuz-$version" "$unpacked/kernel" ||
		cp "$unpacked/boot/vmlinuz-$version" "$unpacked/kernel"
	if [ ! -s "$unpacked/kernel" ] || ! depmod -b "$unpacked" "$version" 2>"$job/depmod"; then
		skip "the kernel package is not as expected"
	fi
	rm -r "${unpacked:?}/boot"
	chmod 755 "$unpacked"
	mv -T "$unpacked" "$cache/$version" 2>/dev/null # or another one was faster
}

find_kernel
if [ -z "$kernel" ]; then
	fetch_kernel
	find_kernel
	[ -n "$kernel" ] || skip "cannot keep a kernel in $cache"
fi

# The initramfs: busybox, the modules without which there is no root file system, and the command.
first=$job/initramfs
mkdir -p "$first"/{bin,modules,proc,sys,dev,host,rw,root}
cp "$(command -v busybox)" "$first/bin/busybox"
ln -s busybox "$first/bin/sh"
cp "$here/init.sh" "$first/init"
n=100
while read -r module; do
	cp "$module" "$first/modules/$((n++)).ko"
done < <(modprobe -d "$kernel" -S "$version" -a --show-depends \
	virtio_pci 9pnet_virtio 9p overlay virtio_console | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++')
echo "$kernel/lib/modules" >"$first/modules/where"
{
	for name in PATH BUILD LC_ALL TZ; do
		[ -n "${!name:-}" ] && printf 'export %s=%q\n' "$name" "${!name}"
	done
	printf 'cd %q || exit\nexec' "$PWD"
	printf ' %q' "$@"
	echo
} >"$first/command"
(cd "$first" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$job/initrd" || exit 125

# Of the accelerators only tcg works everywhere: KVM can be there and hang. On a busy machine its
# timer is late, and the kernel, unless told not to look, would panic for it. A file as back end of a
# port, not stdio: that one closes the port at the end of our standard input.
cd "$job" || exit 125
exec 3> >(exec cat)
output=$!
timeout -k 5 "$limit" qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot \
	-machine pc -accel tcg -cpu max -smp 2 -m 1024 \
	-kernel "$kernel/kernel" -initrd initrd \
	-append "console=ttyS0 quiet panic=-1 random.trust_cpu=on mitigations=off no_timer_check" \
	-chardev file,id=console,path=console -serial chardev:console \
	-virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
	-device virtio-serial-pci \
	-chardev file,id=output,path=/dev/fd/3 -device virtserialport,chardev=output,name=output \
	-chardev file,id=status,path=status -device virtserialport,chardev=status,name=status \
	</dev/null >qemu 2>&1 &
vm=$!
exec 3>&-
wait "$vm"
ended=$?
vm=
wait "$output"

status=$(cat status 2>/dev/null)
if [[ $status =~ ^[0-9]+$ ]]; then
	why=
elif [ $ended = 124 ] || [ $ended = 137 ]; then
	status=124 why="vm.sh: ended after $limit s"
else
	status=125 why="vm.sh: the virtual machine stopped before the command did"
fi
if [ "$status" != 0 ] && [ "$status" != 77 ]; then
	# What the kernel had to say may be the reason. (A skip has its reason on its last line.)
	cat qemu console 2>/dev/null | tr -d '\r' | grep -av -e '^$' -e '\] reboot: ' | tail -n 50 | sed 's/^/vm.sh: | /'
fi
[ -z "$why" ] || echo "$why"
exit "$status"
