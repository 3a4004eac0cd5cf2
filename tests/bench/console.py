#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How fast the console answers, in a pseudo-terminal of 120x40.

Usage: console.py PROGRAM ARGS... -- KEYS...
Each key is pressed when the screen has been still for a while; printed are the milliseconds until
the first byte of its answer and until the screen was still again, then the peak memory and the
processor time of the program. A key is a character or a name: Enter Back Up Down F1 .. F12.
"""
import fcntl
import os
import pty
import resource
import select
import struct
import sys
import termios
import time

NAMES = {"Enter": "\r", "Back": "\x7f", "Up": "\x1bOA", "Down": "\x1bOB", "Tab": "\t",
         "F1": "\x1bOP", "F2": "\x1bOQ", "F4": "\x1bOS", "F12": "\x1b[24~"}
STILL = 0.6


def read_until_still(fd, still=STILL):
    """Time of the first and of the last byte, how many, and the bytes."""
    first = last = None
    data = b""
    while select.select([fd], [], [], still)[0]:
        try:
            got = os.read(fd, 65536)
        except OSError:
            break
        if not got:
            break
        last = time.monotonic()
        first = first or last
        data += got
    return first, last, data


def main():
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8", TZ="UTC")
        os.execvp(sys.argv[1], sys.argv[1:split])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    begin = time.monotonic()
    select.select([fd], [], [], 60)
    first, last, _ = read_until_still(fd)
    print("%-8s first %6.1f ms  last %7.1f ms" % ("open", (first - begin) * 1e3, (last - begin) * 1e3))
    for key in sys.argv[split + 1:]:
        begin = time.monotonic()
        os.write(fd, NAMES.get(key, key).encode())
        first, last, data = read_until_still(fd)
        if first is None:
            print("%-8s no answer" % key)
        else:
            print("%-8s first %6.1f ms  last %7.1f ms  %6d bytes" %
                  (key, (first - begin) * 1e3, (last - begin) * 1e3, len(data)))
    os.write(fd, b"q")
    os.waitpid(pid, 0)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print("peak %.0f MB, processor %.2f s" % (used.ru_maxrss / 1024, used.ru_utime + used.ru_stime))


main()
