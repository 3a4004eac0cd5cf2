#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every packet of every container is in the capture once, under the right name: compared with what
# the senders sent, what a tcpdump on each container's interface saw, and what tshark reads.
source "$(dirname "$0")/lib.bash"
need tcpdump tshark capinfos lz4 curl redis-server redis-cli python3 nginx
datagrams=2000 requests=40 commands=300

cluster_start
file=$work/a.pcapng.lz4
container web 10.77.0.3 /shop/web
container web2 10.77.0.4 /shop/web2
container redis 10.77.0.2 /data/redis
container client 10.77.0.5 /shop/client
names=(web web2 redis client)
publish web redis client
api_start
for name in "${names[@]}"; do witness_start "$name"; done
monitor_start -w "$file"
# tshark knows names only from the description that stands in front of a packet.
for name in web redis client; do
	wait_for 5 monitor_said "app=${app_of[$name]}$" || die "$name is not named"
done
for name in "${names[@]}"; do container_up "$name"; done

cat >"$work/nginx.conf" <<END
user root; worker_processes 1; daemon off; pid $work/nginx.pid; error_log $work/nginx.err;
events { worker_connections 256; }
http { access_log off; client_body_temp_path $work; proxy_temp_path $work;
  fastcgi_temp_path $work; uwsgi_temp_path $work; scgi_temp_path $work;
  server { listen 80; root $work/www; } }
END
mkdir "$work/www"
head -c 30000 /dev/urandom | base64 >"$work/www/big.txt"
sed 's/nginx.pid/nginx2.pid/' "$work/nginx.conf" >"$work/nginx2.conf"
start web nginx -e "$work/nginx.err" -c "$work/nginx.conf"
start web2 nginx -e "$work/nginx.err" -c "$work/nginx2.conf"
start redis redis-server --save '' --appendonly no --protected-mode no --dir "$work" --bind 0.0.0.0
wait_for 5 inside client curl -sf -o /dev/null http://10.77.0.3:80/big.txt || die "no web"
wait_for 5 inside client curl -sf -o /dev/null http://10.77.0.4:80/big.txt || die "no web2"
wait_for 5 inside client redis-cli -h 10.77.0.2 ping || die "no redis"
named_from=$((SECONDS + 5))

# The counted senders: from ports below those that curl was given while it waited.
cat >"$work/datagrams.py" <<'END'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(int(sys.argv[2])):
    s.sendto(b"%d" % i, (sys.argv[1], 9999))
END
cat >"$work/get.py" <<'END'
import http.client, sys
for i in range(int(sys.argv[2])):
    c = http.client.HTTPConnection(sys.argv[1], source_address=("", int(sys.argv[3]) + i))
    c.request("GET", "/big.txt", headers={"X-Counted": "yes"})
    assert len(c.getresponse().read()) > 30000
    c.close()
END
burst() {
	inside client python3 "$work/datagrams.py" 10.77.0.3 $datagrams
	inside client python3 "$work/get.py" 10.77.0.3 $requests 20000 || bad "http to web"
	inside client python3 "$work/get.py" 10.77.0.4 $requests 21000 || bad "http to web2"
	inside client redis-cli -h 10.77.0.2 -r $commands incr counted >/dev/null || bad "redis"
}
burst
while [ $SECONDS -lt $named_from ]; do sleep 0.1; done
monitor_said "app=/shop/web2" && bad "web2 has a name before Mesos knew it"
publish web2
wait_for 5 monitor_said "app=/shop/web2" || bad "web2 was never named"
inside client python3 "$work/get.py" 10.77.0.4 1 22000 || bad "http to web2 after its naming"

for name in "${names[@]}"; do container_down "$name"; done
witnesses_stop
monitor_stop
same "exit status of dredged" 0 "$status"

# ---- the same counts everywhere ------------------------------------------------------------

total=0
by_field "$file" container.id evt.type=packet >"$work/by_id"
dredge -r "$file" -j -p '%container.id' evt.type=packet >"$work/json" || bad "dredge -j"
for name in "${names[@]}"; do
	grep -q '^0 packets dropped by kernel' "$work/$name.tcpdump" || bad "tcpdump lost packets"
	wanted=$(witness_count "$name")
	[ "$wanted" -gt 100 ] || bad "tcpdump saw only $wanted packets of $name"
	same "packets of $name" "$wanted" \
		"$(awk -v id="${id_of[$name]}" '$2 == id {print $1}' "$work/by_id")"
	same "JSON lines of $name" "$wanted" "$(grep -c "${id_of[$name]}" "$work/json")"
	total=$((total + wanted))
done
same "containers with packets" 4 "$(wc -l <"$work/by_id")"
same "packets in all" $total "$(awk '{n += $1} END {print n}' "$work/by_id")"
same "capinfos" $total "$(capinfos -cMr "$file" 2>/dev/null | awk '/^Number of packets/ {
	print $NF}' | head -1)"
same "packets lost" 0 "$(dredge -j --info "$file" | python3 -c 'import json, sys
print(json.load(sys.stdin)["lost"])')"
lz4 -tq "$file" || bad "lz4 -t"
same "exit status of dredge --info" 0 "$(dredge --info "$file" >/dev/null; echo $?)"

# What the senders sent, at both ends, and once in the totals.
sent="ip.dst=10.77.0.3 and udp.dstport=9999"
same "datagrams that left" $datagrams "$(packets_of "$file" "container.id=${id_of[client]} and $sent")"
same "datagrams that came" $datagrams "$(packets_of "$file" "container.id=${id_of[web]} and $sent")"
for name in web web2; do
	counted="tcp.flags.syn=1 and tcp.flags.ack=0 and tcp.srcport>=20000 and tcp.srcport<22000
		and evt.dir=< and container.id=${id_of[$name]}"
	same "connects to $name" $requests "$(dredge -r "$file" -p '%tcp.srcport' "$counted and tcp.dstport=80" | sort -u | wc -l)"
done

# tshark finds the same packets by the interface's description. An interface is described again
# under its new name, so what came before web2's naming has only its container id there.
tshark -r "$file" -T fields -e frame.number -e frame.interface_description >"$work/tshark" \
	2>"$work/tshark.err" || bad "tshark"
frames_dredge() { dredge -r "$file" -p '%evt.num' "evt.type=packet and $1" | sort -n; }
frames_tshark() { grep -F -- "$1" "$work/tshark" | cut -f1 | sort -n; }
agree() { # DREDGE-FILTER DESCRIPTION
	frames_dredge "$1" >"$work/d" && frames_tshark "$2" >"$work/t"
	[ -s "$work/d" ] || bad "$1: nothing"
	cmp -s "$work/d" "$work/t" || bad "$1: $(wc -l <"$work/d") frames, tshark: $(wc -l <"$work/t")"
}
for name in "${names[@]}"; do
	agree "container.id=${id_of[$name]}" "container=${id_of[$name]}"
	[ $name = web2 ] && continue
	agree "marathon.app.id=${app_of[$name]}" "app=${app_of[$name]} "
	agree "mesos.task.id=${task_of[$name]}" "task=${task_of[$name]} "
done
same "/shop/web by tshark's own filter" "$(tshark -r "$file" \
	-Y 'frame.interface_description contains "app=/shop/web "' 2>/dev/null | wc -l)" \
	"$(packets_of "$file" marathon.app.id=/shop/web)"
same "/shop/web2, also before its naming" "$(witness_count web2)" \
	"$(packets_of "$file" marathon.app.id=/shop/web2)"
late=$(frames_tshark "app=/shop/web2 " | wc -l)
[ "$late" -gt 0 ] && [ "$late" -lt "$(witness_count web2)" ] ||
	bad "$late packets of web2 are described by its name"
same "/shop/web* apps" 2 "$(by_field "$file" marathon.app.id \
	'evt.type=packet and marathon.app.id startswith /shop/web' | wc -l)"
verdict
