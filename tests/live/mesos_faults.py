#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A master that goes wrong, on loopback: 5050 in plain, 5443 with a certificate of another host;
and a Marathon without apps at 8080.

    mesos_faults.py DIR: reads DIR/fault at each request, "none" or a word of FAULTS; task ids are
    given as DIR/state, the answer of /master/state; DIR/bad.pem and DIR/bad.key are the certificate
"""
import http.server
import json
import socketserver
import ssl
import sys
import threading
import time

import answering

work = sys.argv[1]


def read(name):
    return open(work + "/" + name, "rb").read()


def record(o):
    text = json.dumps(o).encode()
    return b"%d\n%s" % (len(text), text)


class Handler(answering.Handler):
    def to(self, where):
        self.answer(307, Location=where)

    def half(self, whole):
        self.send_response(200)
        self.send_header("Content-Length", str(len(whole)))
        self.end_headers()
        self.wfile.write(whole[: len(whole) // 2])
        self.close_connection = True

    def do_GET(self):
        fault = read("fault").decode().strip()
        faults = {
            "nesting": lambda: self.answer(200, b"[" * (10 << 20)),
            "type": lambda: self.answer(200, b"<html>sign in</html>", **{"Content-Type": "text/html"}),
            "half": lambda: self.half(read("state")),
            "garbage": lambda: self.answer(200, b"\x00\xff" * 2000),
            "500": lambda: self.answer(500),
            "loop": lambda: self.to("//127.0.0.1:5050" + self.path),
            "dead": lambda: self.to("//127.0.0.1:5999" + self.path),
            "certificate": lambda: self.to("https://127.0.0.1:5443" + self.path),
        }
        if self.path.startswith("/v2/groups"):
            return self.answer(200, b'{"id":"/","apps":[],"groups":[]}')
        if self.path != "/master/state":
            return self.answer(404)
        return faults.get(fault, lambda: self.answer(200, read("state")))()

    # The stream: the state as SUBSCRIBED tells it, then heartbeats until something happens.
    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/api/v1" or read("streams") != b"yes\n":
            return self.answer(404)
        self.close_connection = True
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.chunk(record({"type": "SUBSCRIBED", "subscribed": {
            "heartbeat_interval_seconds": 0.3, "get_state": json.loads(read("stream"))}}))
        while True:
            fault = read("fault").decode().strip()
            if fault == "cut":
                self.chunk(b'500\n{"type":"TASK_UP')
                return None
            if fault != "silence":
                self.chunk(record({"type": "HEARTBEAT"}))
            time.sleep(0.1)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, *args):  # who was asking is gone
        pass


for port in (5050, 5443, 8080):
    server = Server(("127.0.0.1", port), Handler)
    if port == 5443:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(work + "/bad.pem", work + "/bad.key")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever).start()
