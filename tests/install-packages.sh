#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that are missing. Usage: install-packages.sh quickstart|tests
set -eu

build="cmake gcc make pkg-config libc6-dev libpcap-dev libnl-3-dev libnl-route-3-dev liblz4-dev
	libjansson-dev libcurl4-openssl-dev zlib1g-dev libzstd-dev libcap-ng-dev libxxhash-dev
	libzookeeper-mt-dev libjwt-dev libbpf-dev libmicrohttpd-dev libluajit-5.1-dev libncurses-dev clang linux-libc-dev"
run="iproute2 util-linux curl nginx-light redis-server redis-tools tshark procps"
tests="libcmocka-dev clang-format-14 libclang-rt-14-dev tcpdump lz4 zstd gzip xz-utils python3 mandoc git iputils-ping iputils-arping
	qemu-system-x86 busybox-static kmod binutils podman runc prometheus wrk tmux strace zookeeper
	default-jre-headless sysdig"

case ${1:-} in
quickstart) wanted="$build $run" ;;
tests) wanted="$build $run $tests" ;;
*) echo "usage: $0 quickstart|tests" >&2; exit 2 ;;
esac

missing=
for package in $wanted; do
	dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' ||
		missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
	echo "missing packages:$missing (run me as root, or: apt-get install$missing)" >&2
	exit 1
fi
# Debian starts services as they are installed; nothing here wants a redis or nginx of the system.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod +x $policy
	trap 'rm -f $policy' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { apt-get update && apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	rm -f "$log"
	exit 1
fi
rm -f "$log"
