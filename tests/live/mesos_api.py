#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two Mesos masters on loopback, as one of a release would answer.

    mesos_api.py DIR: writes DIR/ports; reads DIR/mode, "RELEASE LEADER [MORE]", at each request

LEADER is 0 or 1, or "none". MORE: "fresh" = the leader was just elected, no agent has registered;
"down" = the other one does not answer; "path" = the other one sends clients to another path of its
own first. What each master was asked is counted in DIR/asked.
"""
import http.server
import json
import os
import socketserver
import sys
import threading

import answering

work = sys.argv[1]
TASK = {"id": "shop_web.00000000-0000-4000-8000-000000000001", "state": "TASK_RUNNING",
        "slave_id": "S0", "resources": {"ports": "[31000-31000]"}}
ports = []
lock = threading.Lock()


def state_of(me, leader, fresh):
    whole = {"pid": "master@127.0.0.1:%d" % ports[me], "slaves": [], "frameworks": []}
    if leader is not None:
        whole["leader"] = "master@127.0.0.1:%d" % ports[leader]
    if me == leader and not fresh:
        whole["slaves"] = [{"id": "S0", "hostname": "node0", "pid": "slave(1)@192.0.2.1:5051"}]
        whole["frameworks"] = [{"id": "F", "name": "marathon", "active": True, "tasks": [TASK]}]
    return json.dumps(whole).encode()


class Handler(answering.Handler):
    def do_GET(self):
        me = ports.index(self.server.server_port)
        release, leader, *more = open(work + "/mode", encoding="ascii").read().split()
        release = tuple(map(int, release.split(".")))
        leader = None if leader == "none" else int(leader)
        with lock, open(work + "/asked", "a", encoding="ascii") as log:
            log.write("%d %s\n" % (me, self.path))
        if "down" in more and me != leader:
            self.close_connection = True
            return None
        if release < (0, 25) and not self.path.endswith(".json") or (
                release >= (1, 8) and self.path.endswith(".json")):
            return self.answer(404)
        if release < (1, 0) or me == leader:
            return self.answer(200, state_of(me, leader, "fresh" in more))
        if leader is None:
            return self.answer(503, b"No leader elected")
        if "path" in more and "hop" not in self.path:
            return self.answer(307, Location="/hop/state")
        there = "//127.0.0.1:%d" % ports[leader]
        return self.answer(307, Location=there + ("/master/state" if "path" in more else self.path))


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


servers = [Server(("127.0.0.1", 0), Handler) for _ in range(2)]
ports[:] = [s.server_port for s in servers]
for server in servers:
    threading.Thread(target=server.serve_forever).start()
with open(work + "/ports.new", "w", encoding="ascii") as f:
    f.write("%d %d\n" % tuple(ports))
os.rename(work + "/ports.new", work + "/ports")
