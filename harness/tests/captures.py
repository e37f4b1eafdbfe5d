"""harness/tests/captures.py: writes captures, event by event, for tests of the reader: what no program would do on demand.

    c = Capture()
    c.call("socket", args=[2, 1, 0], ret=3)
    c.call("select", args=[4], items=[timeout(2.0), sets(4, read={3}, ready={3})], ret=1, begin=1.0, end=1.5)
    c.write(path)

The layout is trace/capture.h's; test_trace_reader.py holds OFFSETS against what the compiler says. Call ids come from
trace/calls.py. Times are seconds since the run began; the clock is CLOCK_MONOTONIC.
"""

from __future__ import annotations

import socket
import struct
import sys
from pathlib import Path
from typing import Iterable, Sequence

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "trace"))

import calls  # noqa: E402  (trace/calls.py)

TABLE = calls.read_table()
CALL = {call.name: number for number, call in enumerate(TABLE.calls, 1)}
NAMES_FD = {call.name: "fd" in calls.names_of(call.params) if call.params else False for call in TABLE.calls}
CALLS_HASH = calls.digest(TABLE)

MAGIC = b"\x89FDTRACE"
HEADER_SIZE, SLOT_SIZE, TAIL_ROOM = 16384, 64, 56
EMPTY, BEGUN, DONE, TAIL = range(4)
START_NS = 1_000_000_000
PID = 100
LAUNCHER = 99

# The fields of struct fdt_header that are written here; layout() asks the compiler where they are.
OFFSETS = ("version", "header_size", "slot_size", "calls_hash", "clock", "start_ticks", "start_ns", "start_realtime", "max_slots",
           "launcher_pid", "first_pid", "data_bytes", "flags", "nfaults", "faults", "cursor", "allocated", "lost", "no_space_from",
           "ended", "status", "nanchors", "anchors")
ITEMS = ("END", "ARGS", "PATH", "ADDR", "PEER", "LOCAL", "DATA", "QUEUE", "FDS", "SENT_FDS", "MOVED", "SETS", "POLL", "EPOLL", "TIMEOUT",
         "STAT", "MODULE", "TEXT", "WHO", "VERB")
ITEM = {name: number for number, name in enumerate(ITEMS)}

Item = tuple[int, bytes]


def layout(cc: str = "cc") -> dict[str, int]:
    """Asks the compiler where the fields of the header are, and the numbers of the items."""
    import subprocess
    import tempfile

    lines = [f'printf("{name} %zu\\n", offsetof(struct fdt_header, {name}));' for name in OFFSETS]
    lines += [f'printf("ITEM_{name} %d\\n", FDT_ITEM_{name});' for name in ITEMS]
    lines += ['printf("fault %zu\\n", sizeof(struct fdt_fault));', 'printf("what %zu\\n", offsetof(struct fdt_fault, what));',
              'printf("error %zu\\n", offsetof(struct fdt_fault, error));']
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder, "layout.c"), Path(folder, "layout")
        source.write_text('#include "capture.h"\n#include <stdio.h>\nint main(void)\n{\n' + "\n".join(lines) + "\nreturn 0;\n}\n")
        subprocess.run([cc, "-std=gnu11", f"-I{ROOT / 'trace'}", str(source), "-o", str(program)], check=True)
        text = subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout
    return {name: int(number) for name, number in (line.split() for line in text.splitlines())}


_layout: dict[str, int] = {}


def offset(name: str) -> int:
    if not _layout:
        _layout.update(layout())
    return _layout[name]


def ns(seconds: float) -> int:
    return round(seconds * 1e9)


# ---- items

def item(name: str, content: bytes) -> Item:
    return ITEM[name], content


def numbers(name: str, values: Iterable[int]) -> Item:
    return item(name, b"".join(struct.pack("<i", value) for value in values))


def inet(host: str, port: int) -> bytes:
    return struct.pack("<H", socket.AF_INET) + struct.pack(">H", port) + socket.inet_aton(host) + bytes(8)


def addr(name: str, host: str, port: int) -> Item:
    return item(name, inet(host, port))


def timeout(seconds: float | None, left: float | None = None) -> Item:
    return item("TIMEOUT", struct.pack("<qq", -1 if seconds is None else ns(seconds), -1 if left is None else ns(left)))


def bits(fds: Iterable[int], size: int) -> bytes:
    out = bytearray(size)
    for fd in fds:
        if fd // 8 < size:
            out[fd // 8] |= 1 << fd % 8
    return bytes(out)


def sets(nfds: int, read: Iterable[int] | None = None, write: Iterable[int] | None = None, ready: Iterable[int] | None = None,
         write_ready: Iterable[int] = ()) -> Item:
    """select's sets; ready=None: they did not come back."""
    size = (max(nfds, 0) + 7) // 8
    given = [chosen for chosen in (read, write) if chosen is not None]
    out = b"".join(bits(chosen, size) for chosen in given)
    if ready is not None:
        back = ([ready] if read is not None else []) + ([write_ready] if write is not None else [])
        out += b"".join(bits(chosen, size) for chosen in back)
    present = (read is not None) | (write is not None) << 1
    return item("SETS", struct.pack("<iHBB", nfds, size, present, ready is not None) + out)


def poll(*entries: tuple[int, int, int]) -> Item:
    return item("POLL", b"".join(struct.pack("<ihh", *entry) for entry in entries))


def epoll(*entries: tuple[int, int, int]) -> Item:
    """(data, events, fd) each."""
    return item("EPOLL", b"".join(struct.pack("<QIi", *entry) for entry in entries))


def text(name: str, words: str | bytes) -> Item:
    return item(name, words if isinstance(words, bytes) else words.encode())


def note(who: str | bytes, verb: str | bytes, words: str | bytes = "") -> list[Item]:
    return [text("WHO", who), text("VERB", verb), text("TEXT", words)]


# ---- a capture

class Capture:
    """Slots in memory. Every method that adds an event returns the index of its head."""

    def __init__(self) -> None:
        self.slots: list[bytes] = []
        self.heads: list[int] = []
        self.now = 0.0
        self.cursor: int | None = None  # None: as many as there are
        self.ended = True
        self.status = 0
        self.lost = 0
        self.launcher = 0
        self.clock = 0
        self.anchors: Sequence[tuple[int, int]] = ()
        self.version = 1
        self.calls_hash = CALLS_HASH
        self.faults: list[tuple[int, int]] = []  # (what, error)

    def event(self, call: str | int, *, fd: int | None = None, ret: int = 0, error: int = 0, args: Sequence[int] = (),
              items: Sequence[Item] = (), begin: float | None = None, end: float | None = None, done: bool = True, pid: int = PID,
              tid: int | None = None, where: int = 0, fault: int = 0, flags: int = 0, tail: int | None = None) -> int:
        """Adds an event. Without `begin` it begins a microsecond after the last one did, and takes a microsecond."""
        begin = self.now + 1e-6 if begin is None else begin
        end = begin + 1e-6 if end is None else end
        self.now = begin
        content = b""
        everything = list(items)
        if len(args) > 1:
            everything.insert(0, item("ARGS", b"".join(struct.pack("<q", value) for value in args[1:])))
        for kind, data in everything:
            content += struct.pack("<HH", kind, len(data)) + data + bytes(-len(data) % 4)
        count = (len(content) + TAIL_ROOM - 1) // TAIL_ROOM
        index = len(self.slots)
        self.heads.append(index)
        call = CALL[call] if isinstance(call, str) else call
        self.slots.append(struct.pack(
            "<QQQQiiIIHHHBBq", index + 1 << 2 | (DONE if done else BEGUN), START_NS + ns(begin), max(ns(end) - ns(begin), 0) if done else 0,
            where, ret, -1 if fd is None else fd, pid, pid if tid is None else tid, call, error, count if tail is None else tail,
            flags | (fd is None), fault, args[0] if args else 0))
        content = content.ljust(count * TAIL_ROOM, b"\0")
        for i in range(count):
            self.slots.append(struct.pack("<Q", index + i + 2 << 2 | TAIL) + content[i * TAIL_ROOM:(i + 1) * TAIL_ROOM])
        return index

    call = event

    def hole(self, count: int = 1) -> None:
        """Slots that were claimed and never written."""
        self.slots += [bytes(SLOT_SIZE)] * count

    def note(self, who: str | bytes, verb: str | bytes, words: str | bytes = "", **how) -> int:
        return self.event("note", pid=LAUNCHER, items=note(who, verb, words), **how)

    def header(self) -> bytes:
        h = bytearray(HEADER_SIZE)

        def put(name: str, form: str, *values: int) -> None:
            struct.pack_into("<" + form, h, offset(name), *values)

        h[0:8] = MAGIC
        put("version", "IIIII", self.version, HEADER_SIZE, SLOT_SIZE, self.calls_hash, self.clock)
        put("start_ticks", "QQQQ", START_NS, START_NS, 0, 1 << 20)
        put("launcher_pid", "IIII", self.launcher, PID, 32, 0)
        put("nfaults", "I", len(self.faults))
        for i, (what, error) in enumerate(self.faults):
            at = offset("faults") + i * offset("fault")
            struct.pack_into("<I", h, at + offset("what"), what)
            struct.pack_into("<i", h, at + offset("error"), error)
        put("cursor", "Q", len(self.slots) if self.cursor is None else self.cursor)
        put("allocated", "Q", len(self.slots))
        put("lost", "Q", self.lost)
        put("ended", "II", self.ended, self.status)
        put("nanchors", "I", len(self.anchors))
        for i, (ticks, at_ns) in enumerate(self.anchors):
            struct.pack_into("<QQ", h, offset("anchors") + 16 * i, ticks, at_ns)
        return bytes(h)

    def bytes(self) -> bytes:
        return self.header() + b"".join(self.slots)

    def write(self, path: Path) -> Path:
        path.write_bytes(self.bytes())
        return path


def echo_server(rounds: int = 1) -> Capture:
    """The report's server 2, in small: a listener, two clients that come, speak, and leave; then a timeout."""
    c = Capture()
    c.event("start", args=[LAUNCHER], items=[text("TEXT", b"./server\0002\00050000\0"), numbers("FDS", [0, 1, 2])])
    for fd in (0, 1, 2):
        c.event("found", fd=fd, items=[item("STAT", struct.pack("<IHHBBHI", 0o020000, 0, 0, 0, 0, 0, 2)), text("PATH", "/dev/pts/0")])
    c.event("socket", args=[socket.AF_INET, socket.SOCK_STREAM, 0], ret=3)
    c.event("bind", fd=3, items=[addr("ADDR", "127.0.0.1", 50000), addr("LOCAL", "127.0.0.1", 50000)])
    c.event("listen", fd=3, args=[16])
    port = 40000
    for _ in range(rounds):
        for fd, who in ((4, "A"), (5, "B")):
            port += 1
            c.note(who, "is", f"127.0.0.1:{port}")
            c.note(who, "connects to", "127.0.0.1:50000")
            watch = set(range(3, fd))
            c.event("select", args=[fd], items=[timeout(2.0, 1.9), sets(fd, read=watch, ready={3})], ret=1, begin=c.now + 1e-6,
                    end=c.now + 0.1)
            c.now += 0.1
            c.event("accept", fd=3, ret=fd, items=[item("QUEUE", struct.pack("<I", 0)), addr("PEER", "127.0.0.1", port)])
        for fd, who in ((4, "A"), (5, "B")):
            c.note(who, "says", '"hello"')
            c.event("select", args=[6], items=[timeout(2.0, 1.8), sets(6, read={3, 4, 5}, ready={fd})], ret=1, begin=c.now + 1e-6,
                    end=c.now + 0.2)
            c.now += 0.2
            c.event("recv", fd=fd, args=[512], ret=5, items=[text("DATA", "hello")])
            c.event("send", fd=fd, args=[5], ret=5, items=[text("DATA", "hello")])
        c.event("select", args=[6], items=[timeout(2.0, 1.8), sets(6, read={3, 4, 5}, ready={4, 5})], ret=2, begin=c.now + 1e-6,
                end=c.now + 0.2)
        c.now += 0.2
        for fd in (4, 5):
            c.event("recv", fd=fd, args=[512], ret=0)
            c.event("close", fd=fd)
    c.event("select", args=[6], items=[timeout(2.0, 0.0), sets(6, read={3}, ready=set())], ret=0, begin=c.now + 1e-6, end=c.now + 2.0)
    c.now += 2.0
    c.event("select", args=[6], items=[timeout(2.0), sets(6, read={3})], done=False)
    c.event("ended", args=[15], begin=c.now + 0.5)
    return c
