#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs into an empty folder and uses what is there. Usage: install.sh SOURCE BUILD
set -eu

source=$1
into=$(mktemp -d)
trap 'rm -rf "$into"' EXIT

cmake --install "$2" --prefix "$into" >/dev/null
for file in bin/dredge sbin/dredged libexec/cni/dredge-cni share/man/man8/dredge-cni.8 share/man/man1/dredge.1 share/man/man8/dredged.8 \
	share/man/man5/dredge-capture.5 share/man/man5/dredge-filter.5 share/man/man5/dredge-format.5 \
	share/man/man7/dredge-fields.7 lib/systemd/system/dredged.service; do
	[ -s "$into/$file" ] || { echo "not installed: $file"; exit 1; }
done
grep -q '^ExecStart=/.*/dredged ' "$into/lib/systemd/system/dredged.service" ||
	{ echo "the unit does not start dredged"; exit 1; }
for kind in filter format; do
	for file in "$source/${kind}s"/*."$kind"; do
		[ -e "$file" ] || continue
		cmp "$file" "$into/share/dredge/${kind}s/${file##*/}"
	done
done
# Plug-ins are found where they were put, far from the source.
cd /
"$into/bin/dredge" --explain '@web' | grep 'tcp.port' >/dev/null
"$into/bin/dredge" --version | grep -E '^dredge [0-9]+\.[0-9]+' >/dev/null
"$into/sbin/dredged" --version | grep -E '^dredged [0-9]+\.[0-9]+' >/dev/null
"$into/sbin/dredged" --help | grep -- '--write FILE' >/dev/null
