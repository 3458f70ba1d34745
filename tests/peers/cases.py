# SPDX-License-Identifier: LGPL-2.1-or-later
"""Performs the cases of cases.tsv against one daemon and prints `case<TAB>answer` lines.

usage: cases.py DIRECTORY SOCKET        (DIRECTORY is $FAKEXEN of the daemon, which is running)
"""
import os
import socket as sockets
import struct
import sys
import time

from client import *  # noqa: F403


class Run:
    def __init__(self, directory, path):
        self.directory, self.path = directory, path
        self.results = []
        self.d0 = self.connect()

    def connect(self):
        return SocketClient(self.path)

    def put(self, case, value):
        self.results.append((case, value))
        print(f"{case}\t{value}", flush=True)

    @staticmethod
    def plain(answer):
        """One answer as the table shows it: an error's name, or the text."""
        return answer if isinstance(answer, str) else repr(answer.decode("latin1"))

    def one(self, case, fn):
        """A case with a single answer."""
        try:
            self.put(case, self.plain(fn()))
        except NoReply:
            self.put(case, "NOREPLY")
            self.d0 = self.connect()
        except OSError as e:
            self.put(case, f"DEAD:{e}")
            self.d0 = self.connect()

    def many(self, case, fn):
        """A case with several answers, or values of another kind."""
        try:
            self.put(case, repr(fn()))
        except NoReply:
            self.put(case, "NOREPLY")
            self.d0 = self.connect()
        except OSError as e:
            self.put(case, f"DEAD:{e}")
            self.d0 = self.connect()

    def domain(self, domid, state):
        """running, shut down, dying or None, and the VIRQ that tells."""
        name = f"{self.directory}/dom.{domid}"
        if state is None:
            os.unlink(name)
        else:
            with open(name, "w") as f:
                f.write(state)

    def virq(self):
        s = sockets.socket(sockets.AF_UNIX, sockets.SOCK_DGRAM)
        s.sendto(struct.pack("<II", 0xffffffff, 3), f"{self.directory}/daemon.sock")
        s.close()
        time.sleep(0.1)


def basics(r):
    def ask(kind, payload=b"", tx=0, **more):
        return lambda: r.d0.ask(kind, payload, tx, **more)
    r.one("A02 READ empty payload", ask(READ, b""))
    r.one("A03 READ no NUL terminator", ask(READ, b"/conf"))
    r.one("A04 READ with extra string after path", ask(READ, b"/conf\0x\0"))
    r.one("A05 READ relative path on socket (= /local/domain/0?)", ask(READ, b"foo\0"))
    for case, path in (("A06 WRITE //double", "//double"), ("A07 WRITE /a//b", "/a//b"),
                       ("A08 WRITE trailing slash /a/", "/a/"), ("A09 WRITE bad char /a b", "/a b"),
                       ("A10 WRITE bad char /a.b", "/a.b"), ("A11 WRITE path with @ inside /a@b", "/a@b")):
        r.one(case, ask(WRITE, strings(path) + b"v"))
    r.one("A13 WRITE no NUL at all", ask(WRITE, b"/nonul"))
    r.d0.write("/conf/z", b"")
    r.one("A15 READ zero-length value", ask(READ, b"/conf/z\0"))
    r.one("A16 WRITE binary value with NULs", ask(WRITE, b"/conf/b\0a\0b\0\xff"))
    r.one("A22 WRITE /", ask(WRITE, b"/\0rootval"))
    r.one("A23 READ /", ask(READ, b"/\0"))
    r.one("A26 RM missing leaf, parent missing", ask(RM, b"/nope/x\0"))
    r.many("A27 MKDIR existing keeps value", lambda: (r.d0.ask(MKDIR, b"/conf/b\0"), r.d0.read("/conf/b")))
    r.one("A28 MKDIR new", ask(MKDIR, b"/conf/m\0"))
    r.one("A29 MKDIR bad path", ask(MKDIR, b"/conf/ m\0"))
    r.one("A30 DIRECTORY", ask(DIRECTORY, b"/conf\0"))
    r.one("A31 DIRECTORY leaf (no children)", ask(DIRECTORY, b"/conf/z\0"))
    r.one("A32 DIRECTORY missing", ask(DIRECTORY, b"/nope\0"))
    r.one("A33 DIRECTORY empty payload", ask(DIRECTORY, b""))
    r.one("A34 DIRECTORY_PART /conf 0", ask(DIRECTORY_PART, b"/conf\0" b"0\0"))
    r.one("A35 DIRECTORY_PART offset beyond end", ask(DIRECTORY_PART, b"/conf\0" b"1000\0"))
    r.one("A37 DIRECTORY_PART missing node", ask(DIRECTORY_PART, b"/nope\0" b"0\0"))
    r.one("A40 type WATCH_EVENT from client", ask(EVENT, b"/conf\0"))
    r.one("A41 type ERROR from client", ask(ERROR, b"/conf\0"))
    r.one("A42 type 0xffff", ask(0xffff, b"/conf\0"))
    r.one("A43 type 0xffffffff", ask(0xffffffff, b"/conf\0"))
    long = r.connect()
    keep, r.d0 = r.d0, long
    r.one("A44 payload len 4097 on socket", lambda: long.ask(WRITE, b"/conf/l\0" + b"x" * 4089))
    r.one("A44b next request on that connection", lambda: long.read("/conf"))
    r.d0 = keep
    r.one("A45 payload len exactly 4096 (value 4088)", ask(WRITE, b"/conf/l\0" + b"x" * 4088))
    r.many("A46 read back len", lambda: len(r.d0.read("/conf/l")))

    def short():
        half = r.connect()
        half.send(HEADER.pack(READ, 1, 0, 100) + b"/conf")
        return r.d0.read("/conf/z")
    r.one("A47 short body then other client works", short)
    r.one("A49 READ with invalid tx_id 12345", ask(READ, b"/conf\0", 12345))
    r.one("A50 UNWATCH ignoring bogus tx_id", ask(UNWATCH, strings("/conf", "t"), 12345))


def permissions(r):
    def perms(path):
        return lambda: r.d0.ask(GET_PERMS, strings(path))

    def set_perms(*args):
        return lambda: r.d0.ask(SET_PERMS, strings(*args))
    r.d0.write("/conf/p", b"")
    r.one("B01 GET_PERMS new node by dom0", perms("/conf/p"))
    r.one("B02 SET_PERMS b1 n2", set_perms("/conf/p", "n0", "b1", "r2"))
    r.one("B03 GET_PERMS", perms("/conf/p"))
    r.one("B05 SET_PERMS bad letter", set_perms("/conf/p", "x0"))
    r.one("B06 SET_PERMS bad domid text", set_perms("/conf/p", "nX"))
    r.one("B07 SET_PERMS no perms", set_perms("/conf/p"))
    r.one("B09 SET_PERMS 60 entries (dom0)", set_perms("/conf/p", *[f"r{i}" for i in range(60)]))
    r.one("B10 SET_PERMS @releaseDomain r1", set_perms("@releaseDomain", "n0", "r1"))
    r.one("B11 GET_PERMS @releaseDomain", perms("@releaseDomain"))
    r.one("B12 READ @releaseDomain", lambda: r.d0.read("@releaseDomain"))
    r.one("B13 WRITE @foo", lambda: r.d0.write("@foo", b"x"))
    r.many("B14 SET_PERMS r99 for nonexistent domain, then GET",
           lambda: (set_perms("/conf/p", "n0", "r99")(), perms("/conf/p")()))
    r.many("B15 SET_PERMS domid 65536", lambda: (set_perms("/conf/p", "n0", "r65536")(), perms("/conf/p")()))
    r.many("B16 duplicate domid entries", lambda: (set_perms("/conf/p", "n0", "r1", "b1")(), perms("/conf/p")()))


def transactions(r):
    other = r.connect()
    d = r.d0

    def c01():
        a = r.d0.ask(START, b"\0")
        ok = a[-1:] == b"\0" and a[:-1].isdigit() and int(a[:-1]) != 0
        r.d0.end(number(a), "F")
        return ok
    r.many("C01 START returns decimal+NUL, nonzero", c01)

    def c02():
        t = r.d0.start()
        a = r.d0.ask(START, b"\0", t)
        r.d0.end(t, "F")
        return a
    r.one("C02 START with nonzero tx_id", c02)

    def c03():
        a = r.d0.ask(START, b"")
        if isinstance(a, bytes):
            r.d0.end(number(a), "F")
        return a
    r.one("C03 START empty payload (len 0)", c03)

    def c06():
        t = r.d0.start()
        r.d0.write("/conf/tx", b"1", t)
        return r.d0.end(t, "F"), r.d0.read("/conf/tx")
    r.many("C06 END F aborts", c06)

    def c07():
        t = r.d0.start()
        r.d0.end(t, "F")
        return r.d0.end(t, "T")
    r.one("C07 END again on dead id", c07)
    r.one("C08 END with tx 0", lambda: r.d0.end(0))
    state = {}

    def c09():
        r.d0.write("/conf/c", b"0")
        state["t"] = t = r.d0.start()
        r.d0.read("/conf/c", t)
        other.write("/conf/c", b"1")
        r.d0.write("/conf/c", b"2", t)
        return r.d0.end(t)
    r.one("C09 read-write conflict commit", c09)
    r.one("C09b id gone after EAGAIN", lambda: r.d0.end(state["t"]))

    def c11():
        r.d0.write("/conf/s/a", b"0")
        t = r.d0.start()
        r.d0.write("/conf/s/a", b"1", t)
        other.write("/conf/s/b", b"1")
        return r.d0.end(t)
    r.one("C11 unrelated sibling created outside, overwrite inside", c11)

    def c12():
        t = r.d0.start()
        r.d0.write("/conf/s/c", b"1", t)
        other.write("/conf/s/d", b"1")
        return r.d0.end(t)
    r.one("C12 sibling created outside AND inside same parent", c12)

    def c18():
        t = r.d0.start()
        a = r.d0.ask(DIRECTORY_PART, strings("/conf/z", "0"), t)
        r.d0.end(t, "F")
        return a
    r.one("C18 DIRECTORY_PART inside tx", c18)
    r.one("C19 empty tx commit", lambda: r.d0.end(r.d0.start()))
    assert d


def watches(r):
    w = r.connect()

    def watch(*args):
        return w.ask(WATCH, strings(*args))
    r.one("D01 WATCH", lambda: watch("/conf/w", "tok1"))
    r.many("D02 initial event", w.events)
    r.one("D03 duplicate WATCH same path+token", lambda: watch("/conf/w", "tok1"))
    r.many("D04 same path other token", lambda: (watch("/conf/w", "tok2"), w.events()))

    def after(*actions):
        def run():
            for a in actions:
                a()
            return w.events()
        return run
    r.many("D05 write fires", after(lambda: r.d0.write("/conf/w", b"1")))
    r.many("D06 deep create: events (one for created path)", after(lambda: r.d0.write("/conf/w/a/b", b"1")))
    r.many("D07 write same value fires", after(lambda: r.d0.write("/conf/w", b"1")))
    r.many("D09 SET_PERMS fires", after(lambda: r.d0.ask(SET_PERMS, strings("/conf/w", "n0", "r5"))))
    r.many("D10 RM child subtree", after(lambda: r.d0.ask(RM, strings("/conf/w/a"))))
    r.many("D11 sibling prefix /conf/wxx must not fire", after(lambda: r.d0.write("/conf/wxx", b"1")))

    def d12():
        r.d0.write("/conf2/w", b"1")
        r.d0.ask(RM, strings("/conf/w"))
        w.events()
        r.d0.write("/anc/conf/w", b"1")
        return None
    # An ancestor of the watched path: watch below a directory of its own, named like the table's.
    r.d0.write("/conf/w", b"1")
    w.events()
    saved = {n: r.d0.read("/conf/" + n) for n in ("z", "b", "p", "c", "l")}
    r.many("D12 RM of ancestor: epath = watched path", after(lambda: r.d0.ask(RM, strings("/conf"))))
    for n, v in saved.items():
        if isinstance(v, bytes):
            r.d0.write("/conf/" + n, v)
    r.d0.write("/conf/w", b"1")
    w.events()

    def d13():
        t = r.d0.start()
        r.d0.write("/conf/w/t", b"1", t)
        before = w.events()
        r.d0.end(t)
        return before, w.events()
    r.many("D13 no event before commit / after commit", d13)

    def d14():
        t = r.d0.start()
        r.d0.write("/conf/w/t", b"2", t)
        r.d0.end(t, "F")
        return w.events()
    r.many("D14 aborted tx: no event", d14)

    def d15():
        t = r.d0.start()
        r.d0.write("/conf/w/t", b"2", t)
        r.d0.write("/conf/w/t", b"3", t)
        r.d0.end(t)
        return w.events()
    r.many("D15 two writes one node in tx: events", d15)
    r.one("D16 UNWATCH unknown token", lambda: w.ask(UNWATCH, strings("/conf/w", "nope")))
    r.one("D17 UNWATCH", lambda: w.ask(UNWATCH, strings("/conf/w", "tok1")))
    r.one("D20 WATCH bad path /a b", lambda: watch("/a b", "x"))
    r.one("D21 WATCH one arg", lambda: watch("/conf/w"))
    r.many("D23 WATCH @introduceDomain", lambda: (watch("@introduceDomain", "int"), w.events()))
    r.many("D24 WATCH @unknown", lambda: (watch("@unknownThing", "x"), w.events()))
    r.many("D25 WATCH with depth arg \"1\"", lambda: (watch("/conf/dd", "dep", "1"), w.events()))
    r.many("D25b events for depth1 watch after child and grandchild",
           after(lambda: r.d0.write("/conf/dd/a", b"1"), lambda: r.d0.write("/conf/dd/a/b", b"1")))
    r.one("D26 WATCH bad depth \"x\"", lambda: watch("/conf/dd", "dep2", "x"))
    w.events()
    r.many("D28 WATCH nonexistent path ok", lambda: (watch("/not/there", "nt"), w.events()))
    r.many("D29 token empty", lambda: (watch("/conf/e", ""), w.events()))
    r.one("D30 RESET_WATCHES on socket", lambda: w.ask(RESET_WATCHES, b"\0"))
    r.many("D31 after RESET_WATCHES no event", after(lambda: r.d0.write("/conf/w", b"9")))
    assert d12
    return w


def domains(r, w):
    r.one("E01 GET_DOMAIN_PATH 5", lambda: r.d0.ask(GET_DOMAIN_PATH, strings("5")))
    r.one("E02 GET_DOMAIN_PATH junk", lambda: r.d0.ask(GET_DOMAIN_PATH, strings("junk")))
    r.one("E03 GET_DOMAIN_PATH 99999", lambda: r.d0.ask(GET_DOMAIN_PATH, strings("99999")))
    r.one("E04 IS_DOMAIN_INTRODUCED 1 (no)", lambda: r.d0.ask(IS_INTRODUCED, strings("1")))
    r.one("E04b IS_DOMAIN_INTRODUCED 0", lambda: r.d0.ask(IS_INTRODUCED, strings("0")))
    r.one("E05 INTRODUCE 2 args", lambda: r.d0.ask(INTRODUCE, strings("1", "2")))
    r.one("E07 INTRODUCE nonexistent domain 77", lambda: r.d0.ask(INTRODUCE, strings("77", "1", "5")))
    r.one("E08 RELEASE not introduced", lambda: r.d0.ask(RELEASE, strings("1")))
    r.one("E09 RELEASE junk", lambda: r.d0.ask(RELEASE, strings("junk")))
    r.put("E09b RELEASE 0", "not sent")
    r.one("E10 RESUME not introduced", lambda: r.d0.ask(RESUME, strings("1")))
    r.one("E11 SET_TARGET not introduced", lambda: r.d0.ask(SET_TARGET, strings("1", "2")))
    w.ask(WATCH, strings("@introduceDomain", "int"))
    w.events()
    g = Ring(r.directory, 1, 101)
    for path, perms in (("/local/domain/1", ("n1",)), ("/local/domain/1/name", ("n1",)), ("/local/domain/1/data", ("n1",))):
        r.d0.ask(MKDIR, strings(path))
        r.d0.ask(SET_PERMS, strings(path, *perms))
    r.d0.write("/local/domain/1/name", b"g1")

    def e13():
        r.d0.ask(INTRODUCE, strings("1", "101", "101"))
        return w.events()
    r.many("E13 @introduceDomain event", e13)
    r.many("E14 ring features/connection/error after introduce",
           lambda: (g.get(Ring.FEATURES), g.get(Ring.CONNECTION), g.get(Ring.STATE_ERROR)))
    r.one("E15 INTRODUCE again (same domain)", lambda: r.d0.ask(INTRODUCE, strings("1", "101", "101")))
    r.many("E15b event?", w.events)
    r.one("E16 IS_DOMAIN_INTRODUCED 1", lambda: r.d0.ask(IS_INTRODUCED, strings("1")))
    return g


def guest(r, g):
    def gone(case, fn):
        keep, r.d0 = r.d0, g
        try:
            r.one(case, fn)
        finally:
            r.d0 = keep
    r.d0.write("/secret", b"s")
    r.d0.ask(SET_PERMS, strings("/secret", "n0"))
    r.many("F01 guest READ relative own", lambda: (g.ask(WRITE, strings("data/x") + b"1"), g.read("name")))
    r.one("F02 guest WRITE own", lambda: g.write("/local/domain/1/data/own", b"1"))
    r.one("F05b guest READ missing under /secret/", lambda: g.read("/secret/none"))
    r.one("F07 guest WRITE dom0 node", lambda: g.write("/secret", b"1"))
    r.many("F10 guest SET_PERMS change owner to 2",
           lambda: (g.write("data/o", b"1"), g.ask(SET_PERMS, strings("data/o", "n2"))))

    def f11():
        r.d0.write("/shared", b"1")
        return (r.d0.ask(SET_PERMS, strings("/shared", "n0", "b1")), g.ask(SET_PERMS, strings("/shared", "n0", "b1")),
                g.write("/shared", b"2"))
    r.many("F11b guest SET_PERMS on node it can write but not own", f11)
    for name, kind, payload in (("INTRODUCE", INTRODUCE, b"2\x00102\x007\x00"), ("RELEASE", RELEASE, b"2\0"),
                                ("RESUME", RESUME, b"2\0"), ("CONTROL", CONTROL, b"help\0"),
                                ("GET_DOMAIN_PATH", GET_DOMAIN_PATH, b"0\0"), ("GET_FEATURE", GET_FEATURE, b""),
                                ("GET_FEATURE", GET_FEATURE, b"1\0"), ("SET_FEATURE", SET_FEATURE, b"1\x000\x00"),
                                ("GET_QUOTA", GET_QUOTA, b""), ("SET_QUOTA", SET_QUOTA, b"nodes\x001\x00")):
        r.one(f"F12 guest {name} {payload!r}", lambda kind=kind, payload=payload: g.ask(kind, payload))
    r.d0.ask(SET_PERMS, strings("@releaseDomain", "n0"))
    r.many("F13 guest WATCH @releaseDomain (perms default)",
           lambda: (r.d0.ask(SET_PERMS, strings("@releaseDomain", "n0")),
                    g.ask(WATCH, strings("@releaseDomain", "r")), g.events()))
    r.many("F14 guest WATCH /secret: initial event", lambda: (g.ask(WATCH, strings("/secret", "s")), g.events()))

    def f15():
        r.d0.ask(RM, strings("/secret"))
        return g.events()
    r.many("F15b guest event for RM of unreadable node", f15)

    def f16():
        a = g.ask(WATCH, strings("data", "dt"))
        return a, g.write("data/y", b"1"), g.events()
    r.many("F16 guest relative watch reports relative epath", f16)

    def until_error(limit, fn):
        n, errors = 0, []
        for i in range(limit):
            a = fn(i)
            if isinstance(a, str):
                errors.append(a)
                break
            n += 1
        return n, errors
    r.many("F17 guest open tx until error: count,err", lambda: until_error(50, lambda i: g.ask(START, b"\0")))
    r.many("F18 guest RESET_WATCHES kills transactions", lambda: (g.ask(RESET_WATCHES, b"\0"), g.end(1)))
    r.many("F19 guest watch quota: count ok, err",
           lambda: until_error(300, lambda i: g.ask(WATCH, strings(f"data/w{i}", "q"))))
    g.ask(RESET_WATCHES, b"\0")
    g.events()
    r.many("F20 guest node value 2048/2100",
           lambda: (g.write("data/v", b"x" * 1900), g.write("data/v", b"x" * 2048), g.write("data/v", b"x" * 2100)))
    r.many("F21 guest node quota: count ok, err",
           lambda: until_error(1200, lambda i: g.ask(MKDIR, strings(f"data/q/{i}"))))
    g.ask(RM, strings("data/q"))
    g.write("data/pp", b"")

    def perms(n):
        return lambda: g.ask(SET_PERMS, strings("data/pp", "n1", *[f"r{i + 2}" for i in range(n - 1)]))
    r.one("F23 guest SET_PERMS 10 entries", perms(10))
    r.one("F23b guest SET_PERMS 5 entries", perms(5))
    r.one("F23c 6 entries", perms(6))
    r.d0.ask(SET_TARGET, strings("1", "2"))
    r.one("F25 second SET_TARGET", lambda: r.d0.ask(SET_TARGET, strings("1", "2")))
    assert gone


def rings(r, g):
    # A payload that is too long ends the connection; the frontend may ask for another.
    r.d0.write("/local/domain/2/data", b"")
    r.d0.ask(SET_PERMS, strings("/local/domain/2/data", "n2"))
    r.d0.ask(SET_PERMS, strings("/local/domain/2", "n2"))
    b = Ring(r.directory, 2, 102)
    r.d0.ask(INTRODUCE, strings("2", "102", "102"))
    r.d0.write("/local/domain/2/kk", b"abc")
    r.d0.ask(SET_PERMS, strings("/local/domain/2/kk", "n2"))
    b.read("kk")

    def g02():
        b.send(HEADER.pack(WRITE, 9, 0, 5000) + b"x" * 18)
        time.sleep(0.2)
        b.put(Ring.CONNECTION, 1)
        b.notify()
        time.sleep(0.3)
        return b.get(Ring.CONNECTION), b.get(Ring.STATE_ERROR), b.indexes()
    r.many("G02 reconnect after error: connection,error,prod/cons", g02)

    def g03():
        b.put(Ring.REQ_PROD, b.get(Ring.REQ_CONS) + 2000)
        b.notify()
        time.sleep(0.2)
        return (b.get(Ring.STATE_ERROR),)
    r.many("G03 req_prod-req_cons=2000: error field", g03)

    def g03c():
        b.put(Ring.CONNECTION, 1)
        b.notify()
        time.sleep(0.3)
        b.inbox = b""
        try:
            answer = b.read("data")
        except NoReply:
            answer = "NOREPLY"
        return b.get(Ring.CONNECTION), b.get(Ring.STATE_ERROR), answer
    r.many("G03c reconnect", g03c)

    def g06a():
        g.ask(WATCH, strings("/f", "t"))
        r.d0.write("/f", b"0")
        r.d0.ask(SET_PERMS, strings("/f", "n0", "r1"))
        g.events()
        bad, t0 = 0, time.monotonic()
        for i in range(1000):
            try:
                r.d0.write("/f", str(i).encode())
            except NoReply:
                bad += 1
                r.d0 = r.connect()
        return bad, f"{time.monotonic() - t0:.1f}"
    r.many("G06a flood: failed writes, seconds", g06a)
    r.many("G06b events later delivered", lambda: len(g.events(0.5)))
    g.ask(RESET_WATCHES, b"\0")

    g.write("key", b"g1")

    def g07():
        n, message = 0, HEADER.pack(READ, 1, 0, 4) + b"key\0"
        idle = 0
        while n < 400 and idle < 20:
            free = Ring.SIZE - (g.get(Ring.REQ_PROD) - g.get(Ring.REQ_CONS) & 0xffffffff)
            if free >= len(message):
                g.offer(message)
                n += 1
                idle = 0
            else:
                time.sleep(0.01)
                idle += 1
        return n
    r.many("G07 requests accepted while guest never reads replies (then backpressure)", g07)
    r.one("G07b dom0 served", lambda: r.d0.read("/conf/z"))
    while g.message(0.3):
        pass


def death(r, g, w):
    w.ask(WATCH, strings("@releaseDomain", "rel"))
    r.d0.write("/other/c", b"1")
    r.d0.ask(SET_PERMS, strings("/other", "n1"))
    r.d0.write("/perms", b"1")
    r.d0.ask(SET_PERMS, strings("/perms", "n0", "r1"))
    w.events()
    r.domain(1, "s")
    r.virq()
    w.events()
    r.many("H02 node still there, IS_INTRODUCED",
           lambda: (r.d0.read("/local/domain/1/name"), r.d0.ask(IS_INTRODUCED, strings("1"))))

    def h03():
        r.virq()
        return w.events()
    r.many("H03 second VIRQ, same state: event again?", h03)
    r.one("H04 RESUME 1", lambda: r.d0.ask(RESUME, strings("1")))

    def h06():
        w.events()
        r.domain(1, None)
        r.virq()
        return w.events()
    r.many("H06 destroyed: event", h06)
    r.many("H07 node owned by dead domain /other, its child", lambda: (r.d0.read("/other"), r.d0.read("/other/c")))
    r.one("H08 perms of dom0 node naming dead dom", lambda: r.d0.ask(GET_PERMS, strings("/perms")))
    r.one("H09 home dir owned by dead dom", lambda: r.d0.read("/local/domain/1"))

    def h11():
        r.domain(1, "r")
        with open(f"{r.directory}/ring.1", "r+b") as f:
            f.write(bytes(4096))
        r.d0.ask(INTRODUCE, strings("1", "101", "101"))
        fresh = Ring(r.directory, 1, 101)
        return fresh.read("/perms")
    r.one("H11 new dom1 reads node formerly readable by old dom1 (XSA-322)", h11)
    r.many("H12 RELEASE 1: event", lambda: (r.d0.ask(RELEASE, strings("1")), w.events()))


def control(r):
    for payload in (b"help\0", b"check\0", b"log\0on\0", b"quota\0max\0", b"quota-soft\0", b"memreport\0/dev/null\0",
                    b"print\0hi\0", b"nosuch\0", b"", b"live-update\0", b"quota\x002\x00"):
        r.one(f"I {payload!r}", lambda payload=payload: r.d0.ask(CONTROL, payload))
    r.d0.ask(CONTROL, b"log\0off\0")
    for case, kind, payload in (("GET_FEATURE", GET_FEATURE, b""), ("GET_FEATURE 2", GET_FEATURE, b"2\0"),
                                ("SET_FEATURE 2 0 (introduced)", SET_FEATURE, strings("2", "0")),
                                ("SET_FEATURE 5 0 (not introduced)", SET_FEATURE, strings("5", "0")),
                                ("SET_FEATURE 5 bad", SET_FEATURE, strings("5", "bad")),
                                ("GET_QUOTA", GET_QUOTA, b""), ("GET_QUOTA nodes", GET_QUOTA, strings("nodes")),
                                ("GET_QUOTA bogus", GET_QUOTA, strings("bogus"))):
        r.one(f"I {case}", lambda kind=kind, payload=payload: r.d0.ask(kind, payload))


def big(r):
    for i in range(2000):
        r.d0.ask(MKDIR, strings(f"/bigdir/child{i:06d}"))

    def j01():
        a = r.d0.ask(DIRECTORY, strings("/bigdir"))
        return a if isinstance(a, str) else str(len(a))
    r.one("J01 DIRECTORY 2000 children", j01)

    def j02():
        a = r.d0.ask(DIRECTORY_PART, strings("/bigdir", "0"))
        # The generation counts as five digits, whatever it is.
        return a if isinstance(a, str) else str(len(a) - a.index(b"\0") + 5)
    r.one("J02 DIRECTORY_PART len", j02)
    r.one("J03 DIRECTORY_PART last part", lambda: r.d0.ask(DIRECTORY_PART, strings("/bigdir", str(24000 - 10))))
    r.many("A24 RM / (run last); then READ /bigdir", lambda: (r.d0.ask(RM, strings("/")), r.d0.read("/bigdir")))
    r.one("Z daemon alive", lambda: r.connect().read("/conf/z"))


def main():
    r = Run(sys.argv[1], sys.argv[2])
    basics(r)
    permissions(r)
    transactions(r)
    w = watches(r)
    g = domains(r, w)
    guest(r, g)
    rings(r, g)
    death(r, g, w)
    control(r)
    big(r)


main()
