#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The live part of run.sh: 200 containers on a bridge in a namespace, 100 of them sending to the
# others, watched by nobody, by tcpdump and by dredged in turn, each writing with and without
# compression. Prints a Markdown table; root.
#
#     live.sh [--quick]
# shellcheck disable=SC2016,SC2154
source "$(dirname "$0")/../live/lib.bash"
here=$(cd "$(dirname "$0")" && pwd)
need tcpdump lz4 cc
time_s=4 rounds=3 pairs=100
[ "${1:-}" != --quick ] || { time_s=2 rounds=3; }
cluster_start
cc -O2 -std=gnu17 -o "$work/load" "$here/load.c" || die "load.c does not compile"

# 200 interfaces on one bridge would answer each other's multicast for seconds.
quiet() { printf 0 >/proc/sys/net/ipv6/conf/default/accept_ra; printf 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; }
export -f quiet
on_host bash -c quiet
for ((i = 2; i < 2 + 2 * pairs; i++)); do
	container "c$i" "10.77.0.$i" /bench/load >/dev/null
	inside "c$i" bash -c quiet
	container_up "c$i"
done
for ((i = 2; i < 2 + pairs; i++)); do start "c$((i + pairs))" "$work/load" sink; done
sleep 2

# $packets and $bytes are what was sent, $before what the watchers had used when it began.
send_all() { # WHICH SECONDS [RATE]
	local begin i senders=()
	begin=$(($(date +%s) + 3))
	rm -f "$work"/sent.*
	for ((i = 2; i < 2 + pairs; i++)); do
		(enter "$tag-c$i" "${id_of[c$i]}" "$work/load" "$1" "10.77.0.$((i + pairs))" "$begin" "${@:2}") \
			>"$work/sent.$i" 2>"$work/load.err" </dev/null &
		senders+=($!)
	done
	sleep "$(date +%s.%N | awk -v t="$begin" '{print (t > $1 ? t - $1 : 0)}')"
	before=$(usage_of ${watchers[@]+"${watchers[@]}"})
	wait "${senders[@]}" || die "a sender failed"
	read -r packets bytes < <(awk '{p += $1; b += $2} END {print p, b}' "$work"/sent.*)
}

# CPU seconds so far and peak memory. Only what is used while the load runs and shortly after it
# counts: neither start nor end, for anybody.
usage_of() { # PID...
	local pid
	for pid; do
		cat "/proc/$pid/task/"*/schedstat | awk '{ns += $1} END {printf "%.6f ", ns / 1e9}'
		awk '/^VmHWM/ {print $2 / 1024}' "/proc/$pid/status"
	done | awk '{cpu += $1; mb += $2} END {print cpu, mb}'
}

watch_tcpdump() { # FILE; FILE.lz4 goes through lz4 -1
	local to=$1
	if [ "$1" != "${1%.lz4}" ]; then
		mkfifo "$work/pipe"
		lz4 -1 -q -f - "$1" <"$work/pipe" &
		watchers+=($!)
		to=$work/pipe
	fi
	become_on_host tcpdump -Z root -i any -w "$to" 2>"$work/out.err" </dev/null &
	watchers+=($!)
	main_watcher=$!
	wait_for 5 grep -q 'listening on' "$work/out.err" || die "tcpdump did not start"
}

watch_dredged() { # FILE
	become_on_host dredged --cgroups_root "$cgroup_name" --status-interval 0 -w "$1" \
		2>"$work/out.err" </dev/null &
	watchers+=($!)
	main_watcher=$!
	wait_for 10 grep -q ready "$work/out.err" || die "dredged did not start"
}

counts_of() { # WATCHER: packets seen, and lost by the kernel
	case $1 in
	tcpdump*) awk '/packets captured/ {n = $1} /dropped by kernel/ {l = $1} END {print n + 0, l + 0}' "$work/out.err" ;;
	dredged*)
		dredge --info "$work"/out.pcapng* | awk '
			/^Packets  / {n = $2; if ($3 == "seen") n = $4; sub(",", "", n)}
			/^Packets lost/ {l = $3}
			END {print n + 0, l + 0}'
		;;
	esac
}

# One measurement: sent packets, sent bytes, captured, lost, CPU s, MB -> LOAD.WATCHER.runs
one_run() { # WATCHER LOAD SENDER-ARGUMENTS...
	local watchers=() main_watcher='' counts='0 0' used='0 0' before=''
	case $1 in
	tcpdump) watch_tcpdump "$work/out.pcap" ;;
	tcpdump-lz4) watch_tcpdump "$work/out.pcap.lz4" ;;
	dredged) watch_dredged "$work/out.pcapng.lz4" ;;
	dredged-plain) watch_dredged "$work/out.pcapng" ;;
	esac
	send_all "${@:3}"
	if [ -n "$main_watcher" ]; then
		sleep 1.5 # what waits in the ring or the window is worked off
		used=$(echo "$before $(usage_of "${watchers[@]}")" | awk '{printf "%.6f %s", $3 - $1, $4}')
		kill -TERM "$main_watcher"
		wait "${watchers[@]}" || die "$1 failed: $(tail -n 1 "$work/out.err")"
		counts=$(counts_of "$1")
	fi
	echo "$packets $bytes $counts $used" >>"$work/$2.$1.runs"
	rm -f "$work"/out.* "$work/pipe"
	sync -f "$work"
}

median() { # FILE EXPRESSION of the columns
	awk "{print $2}" "$1" | sort -g | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'
}
calc() { awk "BEGIN {printf \"${2:-%.2f}\", $1}" 2>/dev/null || echo -; }

send_all udp 1 # everybody knows everybody's address now
printf '\nLive: %d containers, %d of them send to the others for %d s; median of %d rounds; files on %s.\n' \
	$((2 * pairs)) $pairs $time_s $rounds "$(df --output=fstype "$work" | tail -n 1)"
printf '\n| load | watched by | sent M packets/s | sent MB/s | sender slowed %% | seen | lost by kernel %% | CPU µs / packet seen | CPU s | max RSS MB |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n'
watchers_all=(nobody tcpdump tcpdump-lz4 dredged-plain dredged)
titles=(nobody '`tcpdump -w FILE`' '`tcpdump -w - \| lz4 -1`' '`dredged -w FILE.pcapng`'
	'`dredged -w FILE.pcapng.lz4`')
measure() { # NAME TITLE SENDER-ARGUMENTS...
	local round i f base rate
	for ((round = 0; round < rounds; round++)); do
		for i in "${watchers_all[@]}"; do one_run "$i" "$1" "${@:3}"; done
	done
	base=$(median "$work/$1.nobody.runs" '$2')
	for i in "${!watchers_all[@]}"; do
		f=$work/$1.${watchers_all[i]}.runs
		rate=$(calc "$(median "$f" '$1') / $time_s / 1e6" %.3f)
		[ "$1" != tcp ] || rate=- # a write is not a packet
		printf '| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n' "$2" "${titles[i]}" "$rate" \
			"$(calc "$(median "$f" '$2') / $time_s / 1e6" %.0f)" \
			"$(calc "100 * (1 - $(median "$f" '$2') / $base)" %.0f)" \
			"$(median "$f" '$3')" "$(median "$f" '100 * $4 / ($3 + $4 + 1e-9)' | xargs printf %.2f)" \
			"$(median "$f" '1e6 * $5 / ($3 + 1e-9)' | xargs printf %.3f)" \
			"$(median "$f" '$5' | xargs printf %.2f)" \
			"$(median "$f" '$6' | xargs printf %.0f)"
	done
}
measure steady "UDP, 50 000 packets/s" udp $time_s 500
measure udp 'UDP, as fast as it goes' udp $time_s
measure tcp 'TCP, as fast as it goes' tcp $time_s
