#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a round of statistics costs: CPU time of dredged's sampling thread per second, with a sample
# each second, for 500 containers with limits in both directions and a TCP connection each. Prints a
# Markdown table; root.
#
#     isolate_stats.sh [CONTAINERS]          each has 8 ports and 32 ephemeral ones
# shellcheck disable=SC2154
source "$(dirname "$0")/containers.bash"
count=${1:-500} seconds=10
containers_make "$count"

cpu() { awk '{print $1}' "/proc/$dredged/schedstat"; } # ns, of the first thread
cost() { # OPTIONS...: ms of CPU in a second
	local begin
	start_dredged --no-host-network "$@"
	sleep 3 # the first round opens what the others read
	begin=$(cpu)
	sleep $seconds
	awk -v t=$(($(cpu) - begin)) -v s=$seconds 'BEGIN {printf "%.1f\n", t / s / 1e6}'
	stop_dredged
}
printf '| %s containers, sampled each second | ms of CPU |\n|--|--:|\n' "$count"
printf '| nothing | %s |\n' "$(cost --counters 0)"
printf '| links, traffic control, limits | %s |\n' "$(cost)"
printf '| ... and connections | %s |\n' "$(cost $summary)"
printf '| ... and round trip times | %s |\n' "$(cost $summary $details)"
printf '| ... and SNMP | %s |\n' "$(cost $summary $details $snmp)"
printf '| ... and rates | %s |\n' "$(cost $summary $details $snmp "${rates[@]}")"
