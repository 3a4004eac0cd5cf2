# SPDX-License-Identifier: Apache-2.0
"""The port table, behind the back of dredged.

    table.py ids PID            "NAME ID" of each map that the process holds
    table.py flip ID KEY BYTE   a bit of that byte of the value
    table.py put ID KEY NUMBER  as the value
    table.py wipe ID [KEY]      the value, or all values, become zero
"""
import ctypes
import os
import struct
import sys

LOOKUP, UPDATE, MAP_BY_ID, INFO = 1, 2, 14, 15  # enum bpf_cmd
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attr):
    buffer = ctypes.create_string_buffer(attr, 128)
    result = libc.syscall(321, command, buffer, 128)
    if result < 0:
        raise OSError(ctypes.get_errno(), "bpf")
    return result


def opened(map_id):  # descriptor, name, size of a value, number of them
    fd = bpf(MAP_BY_ID, struct.pack("I", map_id))
    info = ctypes.create_string_buffer(88)
    bpf(INFO, struct.pack("IIQ", fd, 88, ctypes.addressof(info)))
    _, _, _, size, entries, _ = struct.unpack_from("6I", info)
    return fd, info.raw[24:40].split(b"\0")[0].decode(), size, entries


def change(command, fd, key, value):
    key = ctypes.c_uint32(key)
    bpf(command, struct.pack("IIQQQ", fd, 0, ctypes.addressof(key), ctypes.addressof(value), 0))


verb, *numbers = sys.argv[1], *map(int, sys.argv[2:])
if verb == "ids":
    for fd in os.listdir(f"/proc/{numbers[0]}/fdinfo"):
        for line in open(f"/proc/{numbers[0]}/fdinfo/{fd}"):
            if line.startswith("map_id:"):
                print(opened(int(line.split()[1]))[1], line.split()[1])
    sys.exit()
fd, _, size, entries = opened(numbers[0])
value = ctypes.create_string_buffer(size)
if verb == "flip":
    change(LOOKUP, fd, numbers[1], value)
    value[numbers[2]] = value.raw[numbers[2]] ^ 2
    change(UPDATE, fd, numbers[1], value)
elif verb == "put":
    value[:8] = struct.pack("Q", numbers[2])
    change(UPDATE, fd, numbers[1], value)
elif verb == "wipe":
    for key in numbers[1:] or range(entries):
        change(UPDATE, fd, key, value)
