# SPDX-License-Identifier: LGPL-2.1-or-later
"""Raw xenstore clients: on the unix socket, and on the ring of a domain that fakexen.c pretends."""
import mmap
import os
import select
import socket
import struct
import time

(CONTROL, DIRECTORY, READ, GET_PERMS, WATCH, UNWATCH, START, END, INTRODUCE, RELEASE, GET_DOMAIN_PATH, WRITE, MKDIR, RM,
 SET_PERMS, EVENT, ERROR, IS_INTRODUCED, RESUME, SET_TARGET, _RESTRICT, RESET_WATCHES, DIRECTORY_PART, GET_FEATURE,
 SET_FEATURE, GET_QUOTA, SET_QUOTA) = range(27)

HEADER = struct.Struct("<IIII")
TIMEOUT = 2.0


class NoReply(Exception):
    """The daemon did not answer."""


def strings(*parts):
    """The strings of a payload, each with its NUL."""
    return b"".join((p.encode("latin1") if isinstance(p, str) else p) + b"\0" for p in parts)


def number(reply):
    """The decimal number of a reply."""
    return int(reply.rstrip(b"\0"))


class Client:
    """What both transports share: requests, replies and events."""

    def __init__(self):
        self.inbox = b""
        self.queued = []
        self.req = 0

    def send(self, data):
        raise NotImplementedError

    def receive(self, timeout):
        """More bytes, or b'' if none came in time."""
        raise NotImplementedError

    def message(self, timeout):
        """The next message (type, req, tx, payload), or None."""
        end = time.monotonic() + timeout
        while True:
            if len(self.inbox) >= HEADER.size:
                kind, req, tx, size = HEADER.unpack_from(self.inbox)
                if len(self.inbox) >= HEADER.size + size:
                    payload = self.inbox[HEADER.size:HEADER.size + size]
                    self.inbox = self.inbox[HEADER.size + size:]
                    return kind, req, tx, payload
            left = end - time.monotonic()
            data = self.receive(left) if left > 0 else b""
            if not data:
                return None
            self.inbox += data

    def reply(self, timeout=TIMEOUT):
        """The next reply; events that come before it are kept."""
        while True:
            m = self.message(timeout)
            if m is None:
                raise NoReply
            if m[0] != EVENT:
                return m
            self.queued.append(m[3])

    def ask(self, kind, payload=b"", tx=0, size=None, timeout=TIMEOUT):
        """bytes of a good answer, or the name of an error as str."""
        self.req += 1
        self.send(HEADER.pack(kind, self.req, tx, len(payload) if size is None else size) + payload)
        m = self.reply(timeout)
        return m[3].rstrip(b"\0").decode() if m[0] == ERROR else m[3]

    def events(self, wait=0.15):
        """All events that are there or come soon."""
        while True:
            m = self.message(wait)
            if m is None:
                break
            if m[0] == EVENT:
                self.queued.append(m[3])
        got, self.queued = self.queued, []
        return got

    def start(self):
        r = self.ask(START, b"\0")
        return number(r) if isinstance(r, bytes) else r

    def end(self, tx, how="T"):
        return self.ask(END, strings(how), tx)

    def write(self, path, value, tx=0):
        return self.ask(WRITE, strings(path) + value, tx)

    def read(self, path, tx=0):
        return self.ask(READ, strings(path), tx)


class SocketClient(Client):
    def __init__(self, path):
        super().__init__()
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(path)

    def send(self, data):
        self.sock.sendall(data)

    def receive(self, timeout):
        if not select.select([self.sock], [], [], max(timeout, 0))[0]:
            return b""
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionResetError(104, "Connection reset by peer")
        return data

    def close(self):
        self.sock.close()


class Ring(Client):
    """The frontend of a ring. Offsets are those of struct xenstore_domain_interface."""
    REQ, RSP, SIZE = 0, 1024, 1024
    REQ_CONS, REQ_PROD, RSP_CONS, RSP_PROD, FEATURES, CONNECTION, STATE_ERROR = range(2048, 2076, 4)

    def __init__(self, directory, domid, port):
        super().__init__()
        self.directory, self.domid, self.port = directory, domid, port
        with open(f"{directory}/ring.{domid}", "r+b") as f:
            self.page = mmap.mmap(f.fileno(), 4096)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        name = f"{directory}/domain.{domid}"
        if os.path.exists(name):
            os.unlink(name)
        self.sock.bind(name)

    def get(self, at):
        return struct.unpack_from("<I", self.page, at)[0]

    def put(self, at, value):
        struct.pack_into("<I", self.page, at, value & 0xffffffff)

    def notify(self):
        self.sock.sendto(struct.pack("<II", self.domid, self.port), f"{self.directory}/daemon.sock")

    def wait(self, timeout):
        if select.select([self.sock], [], [], max(timeout, 0))[0]:
            self.sock.recv(16)
            return True
        return False

    def offer(self, data):
        """Puts what fits into the ring; returns how much that was."""
        prod = self.get(self.REQ_PROD)
        n = min(len(data), self.SIZE - (prod - self.get(self.REQ_CONS) & 0xffffffff))
        for i in range(n):
            self.page[self.REQ + (prod + i) % self.SIZE] = data[i]
        self.put(self.REQ_PROD, prod + n)
        if n:
            self.notify()
        return n

    def send(self, data):
        end = time.monotonic() + TIMEOUT
        while data:
            data = data[self.offer(data):]
            if data:
                if time.monotonic() > end:
                    raise NoReply
                self.wait(0.01)

    def receive(self, timeout):
        end = time.monotonic() + timeout
        while True:
            cons, prod = self.get(self.RSP_CONS), self.get(self.RSP_PROD)
            n = prod - cons & 0xffffffff
            if n:
                n = min(n, self.SIZE)
                data = bytes(self.page[self.RSP + (cons + i) % self.SIZE] for i in range(n))
                self.put(self.RSP_CONS, cons + n)
                self.notify()
                return data
            left = end - time.monotonic()
            if left <= 0:
                return b""
            self.wait(min(left, 0.05))

    def indexes(self):
        return [self.get(a) for a in (self.REQ_CONS, self.REQ_PROD, self.RSP_CONS, self.RSP_PROD)]
