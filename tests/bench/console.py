#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How fast the console answers, in a pseudo-terminal of 120x40.

Usage: console.py PROGRAM ARGS... -- KEYS...
Each key is pressed when the screen has been still for a while; printed are the milliseconds until
the first byte of its answer, how many of these the program waited for a processor that others had
(/proc/PID/schedstat), and until the screen was still again; then the peak memory and the processor
time of the program. A key is a character or a name: Enter Back Up Down F1 .. F12.
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


def waited(pid):
    """Milliseconds in which the thread that has the terminal could have run, but did not."""
    with open("/proc/%d/schedstat" % pid) as f:
        return int(f.read().split()[1]) / 1e6


def read_until_still(fd, pid, still=STILL):
    """Time of the first and of the last byte, the bytes, and waited() at the first."""
    first = last = queue = None
    data = b""
    while select.select([fd], [], [], still)[0]:
        try:
            got = os.read(fd, 65536)
        except OSError:
            break
        if not got:
            break
        last = time.monotonic()
        if first is None:
            first, queue = last, waited(pid)
        data += got
    return first, last, data, queue


def main():
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8", TZ="UTC")
        os.execvp(sys.argv[1], sys.argv[1:split])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    begin = time.monotonic()
    select.select([fd], [], [], 60)
    first, last, _, _ = read_until_still(fd, pid)
    print("%-8s first %6.1f ms  last %7.1f ms" % ("open", (first - begin) * 1e3, (last - begin) * 1e3))
    for key in sys.argv[split + 1:]:
        before, begin = waited(pid), time.monotonic()
        os.write(fd, NAMES.get(key, key).encode())
        first, last, data, queue = read_until_still(fd, pid)
        if first is None:
            print("%-8s no answer" % key)
        else:
            print("%-8s first %6.1f ms (%5.1f ms without a processor)  last %7.1f ms  %6d bytes" %
                  (key, (first - begin) * 1e3, queue - before, (last - begin) * 1e3, len(data)))
    os.write(fd, b"q")
    os.waitpid(pid, 0)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print("peak %.0f MB, processor %.2f s" % (used.ru_maxrss / 1024, used.ru_utime + used.ru_stime))


main()
