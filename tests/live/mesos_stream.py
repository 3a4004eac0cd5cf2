#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A master with an event stream, and a Marathon with one, on loopback; what they send is a script.

    mesos_stream.py DIR: writes DIR/port; reads DIR/script at each stream that is opened

A line of DIR/script is sent to SUBSCRIBE, or after "marathon " to /v2/events:
    state HEARTBEAT   SUBSCRIBED with one task, and seconds between heartbeats
    added ID, updated ID STATE, beat, beats SECONDS
    raw TEXT          bytes as they are (Python's escapes)
    file PATH         the bytes of a file
    wait SECONDS, end, cut
    status CODE, to PORT   instead of a stream, as the first line
    event JSON        (Marathon)
What was asked is listed in DIR/asked.
"""
import http.server
import json
import os
import socketserver
import sys
import time

import answering

work = sys.argv[1]
port = 0


def value(v):
    return {"value": v}


def task(identity, state="TASK_STAGING"):
    return {"task_id": value(identity), "framework_id": value("F"), "agent_id": value("S0"),
            "name": identity, "state": state}


def framework():
    return {"active": True, "framework_info": {
        "id": value("F"), "name": "scheduler", "webui_url": "http://127.0.0.1:%d" % port}}


def subscribed(heartbeat):
    state = {"get_frameworks": {"frameworks": [framework()]},
             "get_agents": {"agents": [{"agent_info": {"id": value("S0"), "hostname": "node0"}}]},
             "get_tasks": {"tasks": [task("first", "TASK_RUNNING")]}}
    return {"type": "SUBSCRIBED", "subscribed": {
        "get_state": state, "heartbeat_interval_seconds": float(heartbeat)}}


def record(o):
    text = json.dumps(o).encode()
    return b"%d\n%s" % (len(text), text)


def bytes_of(word, rest):
    if word == "state":
        return record(subscribed(rest))
    if word == "added":
        return record({"type": "TASK_ADDED", "task_added": {"task": task(rest)}})
    if word == "updated":
        identity, state = rest.split()
        return record({"type": "TASK_UPDATED", "task_updated": {
            "framework_id": value("F"), "state": state, "status": {
                "task_id": value(identity), "agent_id": value("S0"), "state": state,
                "timestamp": time.time()}}})
    if word == "beat":
        return record({"type": "HEARTBEAT"})
    if word == "raw":
        return rest.encode().decode("unicode_escape").encode("latin-1")
    if word == "file":
        return open(rest, "rb").read()
    if word == "event":
        return b"event: any\ndata: " + rest.encode() + b"\n\n"
    raise ValueError(word)


class Handler(answering.Handler):
    def asked(self, what):
        with open(work + "/asked", "a", encoding="ascii") as log:
            log.write("%.3f %s\n" % (time.time(), what))

    def chunk(self, data):
        if data:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()

    def stream(self, marathon):
        self.close_connection = True
        lines = [l.rstrip("\n") for l in open(work + "/script", encoding="utf-8")]
        lines = [l[9:] if marathon else l for l in lines if l.startswith("marathon ") == marathon]
        if not lines or lines[0].startswith("status"):
            return self.answer(int(lines[0].split()[1]) if lines else 404)
        if lines[0].startswith("to "):
            return self.answer(307, Location="//localhost:%s/api/v1" % lines[0].split()[1])
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in lines:
            word, _, rest = line.partition(" ")
            if word == "wait":
                time.sleep(float(rest))
            elif word == "beats":
                while True:
                    time.sleep(float(rest))
                    self.chunk(bytes_of("beat", ""))
            elif word == "cut":
                return None
            elif word == "end":
                return self.wfile.write(b"0\r\n\r\n")
            else:
                self.chunk(bytes_of(word, rest))
        return time.sleep(60)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked("POST " + self.path + " " + body["type"])
        if body["type"] != "SUBSCRIBE" or self.path != "/api/v1":
            return self.answer(404)
        if self.headers["Content-Type"] != "application/json":
            return self.answer(415)
        if self.headers["Host"].startswith("localhost"):  # the leader, after a redirect
            open(work + "/script", "w", encoding="ascii").write("state 0\n")
        return self.stream(False)

    def do_GET(self):
        self.asked("GET " + self.path)
        if self.path == "/master/state":
            return self.answer(200, json.dumps({"frameworks": [{"id": "F", "name": "scheduler", "tasks": [
                {"id": "polled", "state": "TASK_RUNNING"}]}]}).encode())
        if self.path == "/v2/info":
            return self.answer(200, b'{"name":"marathon","frameworkId":"F"}')
        if self.path.startswith("/v2/groups"):
            return self.answer(200, b'{"id":"/","apps":[{"id":"/shop/web","tasks":[{"id":"first"}]}]}')
        if self.path == "/v2/events":
            return self.stream(True)
        return self.answer(404)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, *args):  # who was listening is gone
        pass


server = Server(("127.0.0.1", 0), Handler)
port = server.server_port
with open(work + "/port.new", "w", encoding="ascii") as f:
    f.write(str(port))
os.rename(work + "/port.new", work + "/port")
server.serve_forever()
