#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# With --sample N the same packets are taken at both ends of a connection, and the file tells that
# each stands for N; --snaplen cuts the packets and keeps their lengths. dredge does without dredged.
source "$(dirname "$0")/lib.bash"
need python3 lz4
datagrams=4000
cluster_start
container sender 10.77.0.3 /test/sender
container taker 10.77.0.4 /test/taker
publish sender taker
api_start
cat >"$work/datagrams.py" <<'END'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(int(sys.argv[2])):
    s.sendto(b"%-400d" % i, (sys.argv[1], 9999))
END
container_up sender
container_up taker
sleep 0.5
inside sender python3 "$work/datagrams.py" 10.77.0.4 1 # who has that address? is asked now
sleep 1

run() { # FILE OPTIONS...
	monitor_start -w "$@"
	sleep 0.3
	inside sender python3 "$work/datagrams.py" 10.77.0.4 $datagrams
	sleep 0.3
	monitor_stop
	same "exit status of dredged" 0 "$status"
}
ids() { # FILE NAME
	dredge -r "$1" -p '%frame.packet_id' "udp.dstport=9999 and container.id=${id_of[$2]}" | sort
}

run "$work/sampled.pcapng.lz4" --sample 8
ids "$work/sampled.pcapng.lz4" sender >"$work/out"
ids "$work/sampled.pcapng.lz4" taker >"$work/in"
taken=$(wc -l <"$work/out")
[ "$taken" -gt $((datagrams / 16)) ] && [ "$taken" -lt $((datagrams / 4)) ] ||
	bad "$taken of $datagrams packets taken, 1 in 8 asked for"
cmp "$work/out" "$work/in" || bad "other packets at the other end"
same "packets without an id" 0 "$(grep -cE '^(0|0x0+|<NA>)?$' "$work/out")"
same "ids used twice" '' "$(uniq -d "$work/out")"
[ "$(lz4 -dc "$work/sampled.pcapng.lz4" | grep -acE '"sample": ?8')" -gt 0 ] ||
	bad "the file does not tell of the sampling"
monitor_said 'left out by sampling' || bad "the monitor does not tell of the sampling"

run "$work/short.pcapng.lz4" --snaplen 100
same "packets with --snaplen" $((2 * datagrams)) "$(packets_of "$work/short.pcapng.lz4" udp.dstport=9999)"
same "cut packets" $((2 * datagrams)) "$(packets_of "$work/short.pcapng.lz4" \
	'udp.dstport=9999 and frame.len=442 and frame.cap_len=100')"

# dredge finds them and asks for their names itself; the two URLs may be two words.
for ask in "-m http://127.0.0.1:5050, http://127.0.0.1:8080" --mesos-api=http://127.0.0.1:5050,http://127.0.0.1:8080; do
	# shellcheck disable=SC2086
	become_on_host timeout 60 dredge --cgroups-root "$cgroup_name" $ask -n 1000 -q --summary=mesos.task.name \
		udp.dstport=9999 and mesos.task.name exists >"$work/live" 2>"$work/live.err" </dev/null &
	live=$!
	while kill -0 $live 2>/dev/null; do inside sender python3 "$work/datagrams.py" 10.77.0.4 100; done
	wait $live
	same "exit status of dredge $ask" 0 $?
	same "tasks of dredge $ask" "sender taker" "$(awk 'NR > 1 {print $4}' "$work/live" | sort | xargs)"
done

# It ends by the clock also where nothing happens.
unshare -n timeout 60 dredge -M 1 -q --counters 0 </dev/null
same "dredge -M 1 without traffic" 0 $?
verdict
