#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A real Prometheus scrapes dredged: its numbers are those of the links, by app, and go with the
# container. promtool has nothing to say of /metrics, the alerts and the settings in samples/.
# shellcheck disable=SC2154
source "$(dirname "$0")/lib.bash"
need curl python3 prometheus promtool
python=$(PATH=/usr/bin:$PATH type -p python3)
samples=$(cd "$(dirname "$0")/../../samples/prometheus" && pwd)
cluster_start
container web 10.77.0.3 /shop/web
container db 10.77.0.4 /shop/db
container lone 10.77.0.5 /none # Mesos does not know it
publish web db
api_start
for name in web db lone; do container_up $name; done
monitor_start --counters 200ms --latency --listen=127.0.0.1:0 -w "$work/all.pcapng.lz4"
url=$(sed -n 's/^dredged: HTTP at //p' "$work/dredged.err")
get() { on_host curl -s --max-time 10 "${@:2}" "$url$1"; }
named() { get /metrics | grep -q 'app="/shop/db"'; }
wait_for 10 named || die "no app in /metrics"

same "promtool check metrics" '' "$(get /metrics | promtool check metrics 2>&1)"
same "promtool check rules" 0 "$(promtool check rules "$samples/alerts.yml" >/dev/null 2>&1; echo $?)"
same "promtool check config" 0 "$(promtool check config "$samples/prometheus.yml" >/dev/null 2>&1; echo $?)"
same "the dashboard is JSON" 0 "$("$python" -m json.tool "$samples/grafana-dashboard.json" >/dev/null; echo $?)"
type_of() { get /metrics -o /dev/null -w '%{content_type}' -H "Accept: $1"; }
same "OpenMetrics" 'application/openmetrics-text; version=1.0.0; charset=utf-8' \
	"$(type_of 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5')"
same "text" 'text/plain; version=0.0.4; charset=utf-8' "$(type_of 'text/plain')"

# It asks for OpenMetrics by itself, and is strict about it.
sed "s/127.0.0.1:5052/${url#http://}/; s/15s/1s/; s,alerts.yml,$samples/alerts.yml," \
	"$samples/prometheus.yml" >"$work/prometheus.yml"
become_on_host prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" \
	--web.listen-address=127.0.0.1:9490 >"$work/prometheus.err" 2>&1 &
query() { # PROMQL: value of the only series in the answer
	on_host curl -s -G http://127.0.0.1:9490/api/v1/query --data-urlencode "query=$1" |
		"$python" -c 'import json, sys
r = json.load(sys.stdin)["data"]["result"]
print(*(x["value"][1] for x in r))'
}
is() { [ "$(query "$1" 2>/dev/null)" = "$2" ]; }
wait_for 20 is up 1 || bad "not scraped: $(on_host curl -s http://127.0.0.1:9490/api/v1/targets)"
inside web ping -c 5 -i 0.2 -q 10.77.0.4 >/dev/null
link() { # NAME rx|tx: bytes at the host's end
	on_host ip -s -j link show "v$1" | "$python" -c \
		"import json, sys; print(json.load(sys.stdin)[0]['stats64']['$2']['bytes'])"
}
counted() { is "sum by (app) (container_network_transmit_bytes_total{app=\"/shop/$1\"})" "$(link "$1" rx)"; }
wait_for 15 counted web || bad "web: $(query 'container_network_transmit_bytes_total{app="/shop/web"}'), not $(link web rx)"
wait_for 15 counted db || bad "db: $(query 'container_network_transmit_bytes_total{app="/shop/db"}'), not $(link db rx)"
wait_for 15 is 'sum by (framework) (container_last_seen{framework="marathon"} > bool 0)' 2 ||
	bad "containers of marathon: $(query 'container_last_seen')"
wait_for 15 is "count(container_last_seen{id=\"${id_of[lone]}\",app=\"\"})" 1 || bad "who has no app is not shown"
wait_for 15 is 'dredge_metadata_up' 1 || bad "metadata_up: $(query dredge_metadata_up)"
same "lost" '0 0' "$(query dredge_events_lost_total)"
wait_for 15 is 'dredge_attribution{result="cgroup"}' 1 || bad "attribution: $(query dredge_attribution)"

# A container that ends takes its series with it.
ip -n "$host" link del vdb
kill -9 "$(cat "${cgroup_roots[0]}/$cgroup_name/${id_of[db]}/cgroup.procs")"
remove_cgroup "${id_of[db]}"
wait_for 20 is 'count(container_last_seen{app="/shop/db"}) or vector(0)' 0 ||
	bad "the series of a container that ended stay"
api_mode 500
down() { is dredge_metadata_up 0; }
wait_for 20 down || bad "metadata_up stays 1"
monitor_stop
same "exit status of dredged" 0 "$status"
verdict
