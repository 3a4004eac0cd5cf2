#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every program has a manual page that names each of its options, and mandoc(1) finds no fault in any.
# Usage: manpages.sh SOURCE BUILD
set -uo pipefail
cd "$1/src/man" || exit 1
status=0

for page in dredge.1:dredge cdredge.1:cdredge dredged.8:dredged dredgectl.8:dredgectl dredge-cni.8:dredge-cni; do
	program=$2/${page#*:}
	page=${page%:*}
	[ -e "$page" ] || { echo "no $page"; status=1; continue; }
	[ -x "$program" ] || continue
	while read -r letter option; do
		case $option in '' | --help | --version) continue ;; esac
		# mdoc(7): "Fl w , -write Ar file", "Fl C , G , e"
		grep -qE -- "(Fl|,) ($letter|${option#-})( |,|\$)" "$page" ||
			{ echo "$page says nothing of $option"; status=1; }
	done < <("$program" --help | sed -nE 's/^  (-(.),|   ) (--[a-zA-Z0-9_-]+).*/\2 \3/p' |
		sed 's/^ /none /')
done
if ! command -v mandoc >/dev/null; then
	[ $status = 0 ] && echo "no mandoc(1) to check the pages with" && exit 77
else
	mandoc -T lint -W warning ./*.[1578] || status=1
fi
exit $status
