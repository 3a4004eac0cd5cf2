# SPDX-License-Identifier: Apache-2.0
"""Conversations between network namespaces, in one process that has a foot in each.

    talk.py TAG [KIND FROM TO LISTEN-ADDRESS ADDRESS PORT SIZE]

FROM sends SIZE bytes to ADDRESS and PORT, TO listens there; what FROM is told comes back as a
line, "got SIZE", or an empty one when nothing went through. Without a conversation on the command
line there is one on each line of standard input. Namespaces are /run/netns/TAG-NAME.

Also a module for tests that make their packets by hand.
"""
import ctypes
import select
import socket
import struct
import sys
import threading

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
tag = ""


def enter(name):
    """This thread goes into the namespace; sockets it makes stay there."""
    with open("/run/netns/%s-%s" % (tag, name)) as f:
        if libc.setns(f.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), name)


def sock(name, family, kind, protocol=0):
    enter(name)
    return socket.socket(family, kind, protocol)


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def accepted(listener, size):
    try:
        c, _ = listener.accept()
        c.settimeout(30)
        n = 0
        while n < size:
            n += len(c.recv(1 << 16)) or size
        c.sendall(b"got %d" % n)
        c.recv(1)  # the end
    except OSError:
        pass


def stream(s, listener, size):
    thread = threading.Thread(target=accepted, args=(listener, size))
    thread.start()
    try:
        s.sendall(b"x" * size)
        return s.recv(100)
    finally:
        s.close()
        listener.shutdown(socket.SHUT_RDWR)  # wakes the thread
        thread.join()


def datagram(s, listener, size):
    s.send(b"x" * size)
    listener.settimeout(0.5)
    data, peer = listener.recvfrom(1 << 16)
    listener.sendto(b"got %d" % len(data), peer)
    return s.recv(100)


def converse(kind, source, to, listen, address, port, size):
    how, run = {"tcp": (socket.SOCK_STREAM, stream), "udp": (socket.SOCK_DGRAM, datagram)}[kind]
    with sock(to, family_of(listen), how) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((listen, port))
        if how == socket.SOCK_STREAM:
            listener.listen(1)
        with sock(source, family_of(address), how) as s:
            try:
                s.settimeout(3)
                s.connect((address, port))
                s.settimeout(1 if how == socket.SOCK_DGRAM else 30)
                return run(s, listener, size).decode()
            except OSError:
                return ""


def attempt(words):
    try:
        return converse(*words[:5], int(words[5]), int(words[6]))
    except OSError as e:
        return "error: %s" % e


# ---- packets by hand ----


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    n = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    n = (n >> 16) + (n & 0xffff)
    return ~(n + (n >> 16)) & 0xffff


def ip(source, to, protocol, payload, id=1, fragment=0, options=b""):
    """fragment: flags and offset in units of 8 bytes, as in the header."""
    words = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | words, 0, words * 4 + len(payload), id, fragment,
                       64, protocol, 0, socket.inet_aton(source), socket.inet_aton(to)) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def udp(sport, dport, data, length=None):
    return struct.pack("!HHHH", sport, dport, length or 8 + len(data), 0) + data


def icmp(kind, code, rest, body):
    head = struct.pack("!BBH", kind, code, 0) + rest + body
    return head[:2] + struct.pack("!H", checksum(head)) + head[4:]


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def wire(name, interface="eth0"):
    """A socket for whole frames."""
    s = sock(name, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.bind((interface, ETH_P_ALL))
    return s


def mac_of(name, interface="eth0"):
    return wire(name, interface).getsockname()[4]


def frame(to, source, packet, protocol=0x0800):
    return to + source + struct.pack("!H", protocol) + packet


def seen_by(ends, word, wait=0.1):
    """The names of the ends, a dict of sockets, that get a packet with the word in it, each as
    often as it got one; until nothing has come for so many seconds."""
    names = []
    while True:
        ready = select.select(list(ends.values()), [], [], wait)[0]
        if not ready:
            return sorted(names)
        names += [name for name, s in ends.items() if s in ready and word in s.recv(1 << 16)]


def receiver(name, port, address="0.0.0.0"):
    s = sock(name, socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, port))
    return s


if __name__ == "__main__":
    tag = sys.argv[1]
    if len(sys.argv) > 2:
        print(attempt(sys.argv[2:]))
    else:
        for line in sys.stdin:
            print(attempt(line.split()), flush=True)
