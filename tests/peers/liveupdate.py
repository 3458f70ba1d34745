# SPDX-License-Identifier: LGPL-2.1-or-later
"""Live updates of a store daemon under the stub, seen by its clients. Prints `ok` and `not ok` lines without numbers.

usage: liveupdate.py DIRECTORY SOCKET load BINARY ROUNDS
       liveupdate.py DIRECTORY SOCKET peer NAME BINARY WORDS [BINARY WORDS]...

load: BINARY replaces the daemon ROUNDS times under load. peer: a chain of binaries, each started with -U and WORDS
("-": as the daemon starts its own kind).
"""
import os
import random
import sys
import threading
import time

from client import *  # noqa: F403

failed = []


def ok(good, text, why=""):
    print(f"{'ok' if good else 'not ok'} - {text}" + (f" ({why})" if why and not good else ""), flush=True)
    if not good:
        failed.append(text)


def exact(client, kind, payload=b"", tx=0):
    """ask(), with the reply's type and number checked."""
    client.req += 1
    client.send(HEADER.pack(kind, client.req, tx, len(payload)) + payload)
    m = client.reply(10)
    if m[1] != client.req or m[0] not in (kind, ERROR):
        raise AssertionError(f"reply {m[:3]} to request {client.req}")
    return m[3].rstrip(b"\0").decode() if m[0] == ERROR else m[3]


def update(client, binary, words=None, *start):
    answers = [exact(client, CONTROL, strings("live-update", "-f", binary))]
    if words:
        answers.append(exact(client, CONTROL, strings("live-update", "-c", words)))
    answers.append(exact(client, CONTROL, strings("live-update", "-s", *start)))
    return answers


class Worker(threading.Thread):
    def __init__(self, name, client):
        super().__init__(daemon=True)
        self.client, self.stopping, self.count, self.error, self.again = client, False, 0, None, 0
        self.path = name

    def run(self):
        try:
            while not self.stopping:
                self.turn()
        except Exception as e:  # noqa: BLE001
            self.error = repr(e)


class Plain(Worker):
    def turn(self):
        value = str(self.count).encode()
        for kind, payload, want in ((WRITE, strings(self.path) + value, b"OK\0"), (READ, strings(self.path), value)):
            got = exact(self.client, kind, payload)
            if got != want:
                raise AssertionError(f"{kind}: {got!r} and not {want!r}")
            self.count += 1


class Pipelined(Worker):
    """Forty requests at once, sent in pieces that end anywhere."""

    def turn(self):
        first, data = self.client.req + 1, b""
        for i in range(40):
            self.client.req += 1
            payload = strings(self.path) + str(i).encode() * 20 if i % 2 else strings(self.path)
            data += HEADER.pack(WRITE if i % 2 else READ, self.client.req, 0, len(payload)) + payload
        while data:
            n = random.randrange(1, 400)
            self.client.send(data[:n])
            data = data[n:]
            if not random.randrange(8):
                time.sleep(0.002)
        for i in range(40):
            m = self.client.reply(10)
            if m[1] != first + i or (m[0] == ERROR and self.count):
                raise AssertionError(f"reply {m} to request {first + i}")
            if i % 2 == 0 and i and m[3] != str(i - 1).encode() * 20:
                raise AssertionError(f"read {m[3]!r} after {i - 1}")
            self.count += 1


class Transactions(Worker):
    def turn(self):
        tx = exact(self.client, START, b"\0")
        if isinstance(tx, str):
            raise AssertionError(f"start: {tx}")
        tx = number(tx)
        for i in range(3):
            got = exact(self.client, WRITE, strings(f"{self.path}/{i}") + str(self.count).encode(), tx)
            if got != b"OK\0":
                raise AssertionError(f"write in transaction: {got!r}")
        got = exact(self.client, END, strings("T"), tx)
        if got == "EAGAIN":
            self.again += 1
        elif got != b"OK\0":
            raise AssertionError(f"end: {got!r}")
        else:
            for i in range(3):
                got = exact(self.client, READ, strings(f"{self.path}/{i}"))
                if got != str(self.count).encode():
                    raise AssertionError(f"after commit {got!r}, not {self.count}")
        self.count += 5


class WholeRing(Ring):
    """struct's pack_into() zeroes its bytes first, and the daemon may look in between. This stores words at once."""

    def __init__(self, *args):
        super().__init__(*args)
        self.words = memoryview(self.page).cast("I")

    def get(self, at):
        return self.words[at // 4]

    def put(self, at, value):
        self.words[at // 4] = value & 0xffffffff


def introduce(d0, directory, domid):
    ring = WholeRing(directory, domid, 10 + domid)
    d0.ask(INTRODUCE, strings(str(domid), "1", str(10 + domid)))
    d0.write(f"/local/domain/{domid}", b"")
    d0.ask(SET_PERMS, strings(f"/local/domain/{domid}", f"n{domid}"))
    return ring


def load(directory, path, binary, rounds):
    d0, admin, watcher = SocketClient(path), SocketClient(path), SocketClient(path)
    rings = [introduce(d0, directory, domid) for domid in (1, 2, 3)]
    exact(watcher, WATCH, strings("/lu/seen", "tok"))
    exact(rings[2], WATCH, strings("seen", "ring"))
    watcher.events()
    rings[2].events()
    workers = [Plain("/lu/a", SocketClient(path)), Pipelined("/lu/b", SocketClient(path)),
               Transactions("/lu/c", SocketClient(path)), Plain("a", rings[0]), Transactions("c", rings[1])]
    for w in workers:
        w.start()
    bad, missed, longest = 0, 0, 0.0
    for i in range(rounds):
        time.sleep(random.random() / 20)
        begin = time.monotonic()
        answers = update(admin, binary, None, "-t", "1", "-F")
        longest = max(longest, time.monotonic() - begin)
        bad += answers != [b"OK\0", b"OK\0"]
        d0.write("/lu/seen", str(i).encode())
        d0.write("/local/domain/3/seen", str(i).encode())
        for client, want in ((watcher, b"/lu/seen\0tok\0"), (rings[2], b"seen\0ring\0")):
            m = client.message(5)
            missed += m is None or m[3] != want
    for w in workers:
        w.stopping = True
    for w in workers:
        w.join(20)
        ok(not w.error and not w.is_alive() and w.count > 0,
           f"{type(w).__name__} {w.path}: {w.count} requests, each answered once and rightly, {w.again} EAGAIN", w.error)
    ok(not bad, f"{rounds} live updates, the longest took {longest * 1000:.0f} ms with its wait for transactions")
    ok(not missed, "the watches of a socket and of a ring fired after each")
    ok(SocketClient(path).read("/lu/seen") == str(rounds - 1).encode(), "a new client is served")
    ok(d0.ask(CONTROL, strings("check")) == b"OK\0", "the arena checks")
    # A transaction that stays open.
    tx = d0.start()
    d0.write("/lu/tx", b"1", tx)
    answers = update(admin, binary, None, "-t", "0")
    ok(answers[-1] == b"Overlapping transactions\0", "not forced, an open transaction stops it", answers)
    ok(d0.read("/lu/tx", tx) == b"1", "which goes on")
    answers = update(admin, binary, None, "-t", "0", "-F")
    ok(answers[-1] == b"OK\0" and d0.end(tx) == "EAGAIN", "forced, its end is EAGAIN", answers)
    answers = update(admin, sys.argv[0], None)
    ok(answers == [b"File not executable.\0", "EINVAL"] or answers[0] == b"File not executable.\0",
       "what is no program is refused", answers)
    broken = f"{directory}/broken"
    with open(broken, "wb") as f:
        f.write(b"\x7fELF and nothing else")
    os.chmod(broken, 0o755)
    for words in (None, "-N"):
        answers = update(admin, broken, words)
        ok(answers[-1].startswith(b"Error activating new binary: "), "what cannot be started is answered with the error",
           answers)
    d0.write("/lu/seen", b"still")
    ok(watcher.events() == [b"/lu/seen\0tok\0"] and rings[0].read("a") is not None, "and the old one goes on")
    answers = update(admin, binary)
    ok(answers[-1] == b"OK\0", "a good one can replace it afterwards", answers)
    answers = update(admin, "/proc/self/exe/nothing", None)
    ok(answers[0] == b"File not accessible.\0", "or what is not there", answers)


def state(d0, ring):
    """What a live update has to keep, as clients see it."""
    return [d0.ask(DIRECTORY, strings("/lu")), d0.read("/lu/a"), d0.read("/lu/bin"), d0.ask(GET_PERMS, strings("/lu/a")),
            ring.read("own"), ring.read("/lu/a"), ring.read("/lu/bin"),
            d0.ask(IS_INTRODUCED, strings("1")), d0.ask(IS_INTRODUCED, strings("4"))]


def peer(directory, path, name, chain):
    d0, admin = SocketClient(path), SocketClient(path)
    half, slow = SocketClient(path), SocketClient(path)
    ring = introduce(d0, directory, 1)
    introduce(d0, directory, 2)
    d0.write("/lu/a", b"value")
    d0.write("/lu/bin", bytes(range(256)))
    d0.write("/lu/empty", b"")
    d0.ask(SET_PERMS, strings("/lu/a", "n0", "r1", "b2"))
    d0.ask(SET_PERMS, strings("@releaseDomain", "n0", "r1"))
    ring.write("own", b"mine")
    d0.ask(WATCH, strings("/lu", "socket"))
    ring.ask(WATCH, strings("own", "ring"))
    d0.events()
    ring.events()
    for step, (binary, words) in enumerate(chain):
        before = state(d0, ring)
        half.req += 1
        data = HEADER.pack(READ, half.req, 0, 6) + b"/lu/a\0"
        half.send(data[:19])
        # More than the socket takes: answers wait in the daemon.
        slow.req = 0
        slow.sock.setblocking(True)
        slow.send((HEADER.pack(READ, 7, 0, 8) + b"/lu/bin\0") * 900)
        time.sleep(0.3)
        text = f"{name}, update {step + 1}"
        answers = update(admin, binary, None if words == "-" else words, "-t", "2")
        ok(answers[-1] == b"OK\0", f"{text}: OK", answers)
        if answers[-1] != b"OK\0":
            return
        after = state(d0, ring)
        special = d0.ask(GET_PERMS, strings("@releaseDomain"))
        # C 4.17 sets them, but shows them to nobody.
        ok(special in (b"n0\0r1\0", "EINVAL"), f"{text}: permissions of a special watch are kept", special)
        ok(before == after, f"{text}: values, lists, permissions, domains are the same", [before, after])
        half.send(data[19:])
        m = half.reply()
        ok(m[1] == half.req and m[3] == b"value", f"{text}: a half-sent request is answered", m)
        got = 0
        try:
            while got < 900 and slow.reply()[3] == bytes(range(256)):
                got += 1
        except NoReply:
            pass
        ok(got == 900, f"{text}: unread answers come, each once", got)
        d0.write("/lu/a", b"value")
        d0.write("/local/domain/1/own", b"mine")
        ok(d0.events() == [b"/lu/a\0socket\0"], f"{text}: a socket's watch fires")
        ok(ring.events() == [b"own\0ring\0"], f"{text}: a ring's watch fires")
        ok(SocketClient(path).read("/lu/a") == b"value", f"{text}: a new client is served")


if sys.argv[3] == "load":
    load(sys.argv[1], sys.argv[2], sys.argv[4], int(sys.argv[5]))
else:
    args = sys.argv[5:]
    peer(sys.argv[1], sys.argv[2], sys.argv[4], list(zip(args[::2], args[1::2])))
sys.exit(1 if failed else 0)
