# SPDX-License-Identifier: LGPL-2.1-or-later
"""A fuzz corpus as one file: each input behind its length, two bytes, little-endian.

usage: bundle.py pack DIRECTORY FILE | unpack FILE DIRECTORY
"""
import os
import struct
import sys


def pack(directory, path):
    inputs = []
    for name in os.listdir(directory):
        with open(os.path.join(directory, name), "rb") as f:
            inputs.append(f.read(65535))
    with open(path, "wb") as f:
        for data in sorted(inputs, key=lambda d: (len(d), d)):
            f.write(struct.pack("<H", len(data)) + data)


def unpack(path, directory):
    os.makedirs(directory, exist_ok=True)
    with open(path, "rb") as f:
        data = f.read()
    at = n = 0
    while at + 2 <= len(data):
        size = struct.unpack_from("<H", data, at)[0]
        with open(os.path.join(directory, f"{n:05d}"), "wb") as f:
            f.write(data[at + 2:at + 2 + size])
        at += 2 + size
        n += 1


{"pack": pack, "unpack": unpack}[sys.argv[1]](*sys.argv[2:4])
