#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One change of ZooKeeper's tree: zk.py PORT create|sequence|set|delete PATH [DATA]

DATA is text, or "master:HOST:PORT" for a MasterInfo of the time before JSON. Prints the path.
"""
import socket
import struct
import sys

port, verb, path, data = int(sys.argv[1]), sys.argv[2], sys.argv[3], (sys.argv[4:] or [""])[0]
CODES = {"create": 1, "sequence": 1, "delete": 2, "set": 5}
PERSISTENT_SEQUENTIAL = 2


def string(s):
    s = s.encode() if isinstance(s, str) else s
    return struct.pack(">i", len(s)) + s


def varint(v):
    out = b""
    while v > 127:
        out, v = out + bytes([v & 127 | 128]), v >> 7
    return out + bytes([v])


def master_info(host, number):
    address = struct.unpack("<I", socket.inet_aton(host))[0]
    return b"\x0a\x07some-id\x10" + varint(address) + b"\x18" + varint(int(number))


def ask(sock, message):
    sock.sendall(struct.pack(">i", len(message)) + message)
    want = struct.unpack(">i", sock.recv(4, socket.MSG_WAITALL))[0]
    return sock.recv(want, socket.MSG_WAITALL)


content = master_info(*data[7:].split(":")) if data.startswith("master:") else data.encode()
with socket.create_connection(("127.0.0.1", port), 5) as sock:
    ask(sock, struct.pack(">iqiq", 0, 0, 10000, 0) + string(bytes(16)) + b"\0")
    body = struct.pack(">ii", 1, CODES[verb]) + string(path)
    if verb in ("create", "sequence"):
        body += string(content) + struct.pack(">ii", 1, 31) + string("world") + string("anyone")
        body += struct.pack(">i", PERSISTENT_SEQUENTIAL if verb == "sequence" else 0)
    else:
        body += (string(content) if verb == "set" else b"") + struct.pack(">i", -1)
    answer = ask(sock, body)
    error = struct.unpack(">i", answer[12:16])[0]
    if error:
        sys.exit("%s %s: error %d" % (verb, path, error))
    if verb in ("create", "sequence"):
        print(answer[20:].decode())
