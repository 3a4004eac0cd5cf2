# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# For benches of enforcement: many containers with limits in both directions, 8 ports, 32 ephemeral
# ones and a TCP connection each, m0, m1 ..., attached to a dredged that may then be another one.
#
#     source "$(dirname "$0")/containers.bash"; containers_make 500
source "${BASH_SOURCE[0]%/*}/../live/isolated.bash"

containers_make() { # COUNT
	local i
	host_and_outside host outside
	on host sh -c 'echo 32000 32999 >/proc/sys/net/ipv4/ip_local_port_range'
	resources='ports:[10000-29999];ephemeral_ports:[33000-65535]' ephemeral_size=32
	for ((i = 0; i < $1; i++)); do space m$i; done
	ulimit -n 20000
	start_dredged --no-host-network --counters 0
	cat >"$work/attach.py" <<-'END'
	import ctypes, http.client, json, os, socket, sys, time
	tag, path, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
	class Unix(http.client.HTTPConnection):
	    def connect(self):
	        self.sock = socket.socket(socket.AF_UNIX)
	        self.sock.connect(path)
	kept = []
	for i in range(count):
	    c, port, netns = Unix("dredged"), 10000 + 8 * i, f"/run/netns/{tag}-m{i}"
	    limit = {"rate": 1000000}
	    c.request("PUT", f"/v1/isolation/m{i}", json.dumps({
	        "netns": netns, "ports": f"{port}-{port + 7}", "egress": limit, "ingress": limit}))
	    r = c.getresponse()
	    answer = r.read()
	    if r.status != 200:
	        sys.exit(answer.decode())
	    c.close()
	    fd = os.open(netns, os.O_RDONLY)
	    ctypes.CDLL(None).setns(fd, 0)
	    os.close(fd)
	    listener = socket.create_server(("127.0.0.1", port))
	    near = socket.create_connection(("127.0.0.1", port))
	    far, _ = listener.accept()
	    near.send(b"x")
	    far.recv(1)
	    kept += [listener, near, far]
	print("made", flush=True)
	time.sleep(1000)
	END
	"$python" "$work/attach.py" "$tag" "$run/control" "$1" >"$work/made" &
	wait_for 240 grep -q made "$work/made" || die "the containers are not there"
	stop_dredged
}

summary=--network_enable_socket_statistics_summary
details=--network_enable_socket_statistics_details
snmp=--network_enable_snmp_statistics
rates=(--network_enable_rate_statistics --network_rate_statistics_window=5secs --network_rate_statistics_interval=1secs)
