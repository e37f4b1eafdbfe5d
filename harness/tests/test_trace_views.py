"""The views: what a run looks like on a screen. Whole screens are kept in golden/; UPDATE_GOLDEN=1 writes them anew."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import time
from pathlib import Path

import pytest

import captures
from captures import Capture, addr, echo_server, item, numbers, poll, sets, text, timeout

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("FDLAB_BUILD", ROOT / "build"))
FDTRACE = BUILD / "fdtrace"
GOLDEN = Path(__file__).with_name("golden")
DEADLINE = 30
PLAIN = {"PATH": os.environ["PATH"], "LANG": "C"}
UTF8 = PLAIN | {"LANG": "C.UTF-8"}


def show(view: str, path: object, *options: str, env: dict[str, str] = PLAIN) -> str:
    done = subprocess.run([str(FDTRACE), view, *options, str(path)], capture_output=True, timeout=DEADLINE, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def screen(c: Capture, tmp_path: Path, *options: str, view: str = "turns", **how) -> str:
    return show(view, c.write(tmp_path / "c.fdt"), *options, **how)


def golden(name: str, seen: str) -> None:
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(seen)
    assert seen == path.read_text()


def wait(c: Capture, fds: set[int], ready: set[int], seconds: float = 0.1, left: float = 1.9, **how) -> None:
    c.event("select", args=[max(fds) + 1], items=[timeout(2.0, left), sets(max(fds) + 1, read=fds, ready=ready)], ret=len(ready),
            begin=c.now + 1e-6, end=c.now + seconds, **how)
    c.now += seconds


def listener(c: Capture, fd: int = 3, port: int = 50000) -> None:
    c.event("socket", args=[2, 1, 0], ret=fd)
    c.event("bind", fd=fd, items=[addr("ADDR", "127.0.0.1", port), addr("LOCAL", "127.0.0.1", port)])
    c.event("listen", fd=fd, args=[16])


def one_at_a_time() -> Capture:
    """The report's server 1, in small: A is served, B and C wait in the queues of two other listeners."""
    c = Capture()
    for i in range(3):
        listener(c, 3 + i, 50000 + i)
    c.note("A", "is", "127.0.0.1:40001")
    c.note("A", "connects to", "127.0.0.1:50000")
    wait(c, {3, 4, 5}, {3})
    c.event("accept", fd=3, ret=6, items=[addr("PEER", "127.0.0.1", 40001)])
    c.event("recv", fd=6, args=[512], ret=5, begin=c.now + 1e-6, end=c.now + 0.05, items=[text("DATA", "hello")])
    c.note("A", "says", '"hello"', begin=c.now + 0.04)
    c.event("send", fd=6, args=[5], ret=5, begin=c.now + 0.02)
    c.event("recv", fd=6, args=[512], ret=0, begin=c.now + 1e-6, end=c.now + 4.2)
    c.note("B", "connects to", "127.0.0.1:50001", begin=c.now + 0.1)
    c.event("queue", fd=4, args=[1], begin=c.now + 0.01)
    c.note("B", "says", '"anybody there?"', begin=c.now + 0.1)
    c.event("queue", fd=5, args=[1], begin=c.now + 2.5)
    c.note("A", "leaves", begin=c.now + 1.4)
    c.event("close", fd=6, begin=c.now + 0.2)
    wait(c, {3, 4, 5}, {4, 5}, 1e-5)
    c.event("accept", fd=4, ret=6, items=[addr("PEER", "127.0.0.1", 40002)])
    c.note("server", "prints", "client 127.0.0.1:40002 accepted fd 6")
    c.event("recv", fd=6, args=[512], done=False)
    c.event("ended", args=[9], begin=c.now + 1.0)
    return c


def crowd(count: int, turns: int = 30) -> Capture:
    """A listener and many clients, three of which speak in each turn."""
    c, chance, fds = Capture(), random.Random(1), {3}
    listener(c)
    for fd in range(4, 4 + count):
        wait(c, fds, {3})
        c.event("accept", fd=3, ret=fd, items=[addr("PEER", "127.0.0.1", 20000 + fd)])
        fds.add(fd)
    for _ in range(turns):
        some = sorted(chance.sample(sorted(fds - {3}), 3))
        wait(c, fds, set(some), 0.3)
        for fd in some:
            c.event("recv", fd=fd, args=[512], ret=5, items=[text("DATA", "hello")])
            c.event("send", fd=fd, args=[5], ret=5, items=[text("DATA", "hello")])
    for _ in range(1000):
        wait(c, fds, {10}, 2e-6, 2.0)
        c.event("recv", fd=10, args=[512], ret=-1, error=11)
    return c


def family() -> Capture:
    """A parent that accepts and forks, with a worker thread beside it."""
    c = Capture()
    c.event("start", args=[1], items=[text("TEXT", "./server\0"), numbers("FDS", [0, 1, 2])])
    listener(c)
    for i, child in enumerate((201, 202)):
        c.event("accept", fd=3, ret=4, begin=c.now + 1e-6, end=c.now + 0.3, items=[addr("PEER", "127.0.0.1", 40001 + i)])
        c.now += 0.3
        c.event("fork", ret=child, begin=c.now + 1e-4, end=c.now + 2e-4)
        c.event("forked", pid=child, args=[100], begin=c.now + 3e-4)
        c.event("close", fd=3, pid=child)
        c.event("close", fd=4)
        wait(c, {4}, {4}, pid=child)
        c.event("recv", fd=4, pid=child, args=[512], ret=0)
        c.event("_exit", pid=child, args=[0], done=False)
    c.event("eventfd", args=[0, 0], ret=4)
    wait(c, {3, 4}, set(), 2.0, 0.0, tid=107)
    wait(c, {3, 4}, {4}, 0.5, tid=107)
    c.event("recv", fd=4, tid=107, args=[8], ret=8)
    c.event("ended", args=[3 << 8], begin=c.now + 1.0)
    return c


def trouble() -> Capture:
    """What goes wrong: errors, a set with a closed number, an open descriptor that is not passed, short writes, faults."""
    c = Capture()
    c.faults = [(1, 24)]
    listener(c)
    wait(c, {3}, {3})
    c.event("accept", fd=3, ret=4, items=[addr("PEER", "127.0.0.1", 40001)])
    wait(c, {3}, {3})  # 4 is forgotten
    c.event("accept", fd=3, ret=-1, error=24, fault=1)
    wait(c, {3, 4}, {4})
    c.event("recv", fd=4, args=[512], ret=-1, error=104)
    c.event("close", fd=4)
    c.event("select", args=[5], items=[timeout(2.0), sets(5, read={3, 4})], ret=-1, error=9)
    c.event("select", args=[4], items=[timeout(2.0), sets(4, read={3})], ret=-1, error=4)
    wait(c, {3}, {3})
    c.event("accept4", fd=3, args=[0o4000], ret=4, items=[addr("PEER", "127.0.0.1", 40002)])
    c.event("poll", args=[2], ret=2, items=[timeout(0.25), poll((3, 1, 1), (4, 5, 4 | 16))])
    c.event("send", fd=4, args=[4096], ret=1000)
    c.event("send", fd=4, args=[3096], ret=-1, error=11)
    c.event("dup2", fd=4, args=[0], ret=0)
    c.event("poll", args=[1], ret=0, items=[timeout(0), poll((0, 1, 0))])
    return c


# ---- golden screens


@pytest.mark.parametrize("name, capture, options, env", [
    ("turns-echo-80", lambda: echo_server(2), ["--width=80"], PLAIN),
    ("turns-echo-120-utf8", lambda: echo_server(2), ["--width=120"], UTF8),
    ("turns-one-at-a-time-80", one_at_a_time, ["--width=80"], PLAIN),
    ("turns-one-at-a-time-120", one_at_a_time, ["--width=120"], PLAIN),
    ("turns-crowd-80", lambda: crowd(30), ["--width=80"], PLAIN),
    ("turns-crowd-120", lambda: crowd(100, 5), ["--width=120"], PLAIN),
    ("turns-crowd-40", lambda: crowd(8, 3), ["--width=40"], PLAIN),
    ("turns-family-100", family, ["--width=100"], PLAIN),
    ("turns-trouble-80", trouble, ["--width=80"], PLAIN),
    ("turns-trouble-colour", trouble, ["--width=80", "--color=always"], PLAIN),
])
def test_turns(tmp_path, name, capture, options, env):
    golden(f"{name}.txt", screen(capture(), tmp_path, *options, env=env))


@pytest.mark.parametrize("name, capture", [("log-echo", lambda: echo_server(2)), ("log-one-at-a-time", one_at_a_time), ("log-family", family),
                                           ("log-trouble", trouble)])
def test_log(tmp_path, name, capture):
    golden(f"{name}.txt", screen(capture(), tmp_path, view="log"))


# ---- what holds for every screen


@pytest.mark.parametrize("capture", [lambda: echo_server(2), one_at_a_time, lambda: crowd(30), lambda: crowd(400, 3), family, trouble])
@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 132])
def test_no_line_is_wider_than_the_screen(tmp_path, capture, width):
    for options in ([], ["--all"]):
        seen = screen(capture(), tmp_path, f"--width={width}", *options)
        assert max(map(len, seen.splitlines())) <= (width if width >= 40 else 45), seen
        assert not [line for line in seen.splitlines() if line != line.rstrip()]


def test_all_unfolds(tmp_path):
    folded, whole = screen(crowd(8), tmp_path), screen(crowd(8), tmp_path, "--all")
    assert "x999 same" in folded and "same" not in whole
    assert len(whole.splitlines()) > 1000 > 150 > len(folded.splitlines())


def test_two_equal_turns_are_both_shown(tmp_path):
    c = Capture()
    listener(c)
    for _ in range(2):
        wait(c, {3}, set(), 2.0, 0.0)
    seen = screen(c, tmp_path)
    assert seen.count("TIMEOUT, none ready") == 2 and "same" not in seen


def test_columns_and_colour_come_from_the_environment(tmp_path):
    path = crowd(30).write(tmp_path / "c.fdt")
    assert max(map(len, show("turns", path, env=PLAIN | {"COLUMNS": "60"}).splitlines())) <= 60
    assert "\033" not in show("turns", path)
    assert "\033[33m*" in show("turns", path, "--color=always", env=PLAIN | {"NO_COLOR": "1"})
    assert "\u2500" in show("turns", echo_server().write(tmp_path / "d.fdt"), env=UTF8)
    assert show("turns", tmp_path / "d.fdt", "--ascii", env=UTF8).isascii()


def test_colour_says_nothing_by_itself(tmp_path):
    plain, coloured = screen(trouble(), tmp_path), screen(trouble(), tmp_path, "--color=always")
    assert re.sub("\033\\[[0-9]*m", "", coloured) == plain


HOSTILE = [b"</script><!--<script>", b"\x1b[2J\x1b]0;x\x07", "\u202eabc\u2066".encode(), b"\xff\xfe\x80", b"a" * 2000, b"\"'\\", b"\0\0x", b"\r\n\t"]


@pytest.mark.parametrize("words", HOSTILE)
def test_what_others_say_never_gets_through(tmp_path, words):
    c = Capture()
    c.event("start", args=[1], items=[text("TEXT", words + b"\0" + words)])
    listener(c)
    c.note(words[:60], words[:60], words)
    c.event("open", args=[0], ret=4, items=[text("PATH", words[:200])])
    wait(c, {3}, {3})
    c.event("accept", fd=3, ret=5, items=[item("PEER", b"\1\0" + words[:100])])
    c.event("recv", fd=5, args=[512], ret=20, items=[text("DATA", words[:32])])
    path = c.write(tmp_path / "c.fdt")
    for view in ("log", "turns", "json", "follow"):
        seen = show(view, path)
        assert re.fullmatch(r"[ -~\n]*", seen), [line for line in seen.splitlines() if not re.fullmatch("[ -~]*", line)]
    events = [json.loads(line) for line in show("json", path).splitlines()]
    data = next(event["data"] for event in events if event["call"] == "recv")
    assert re.sub(r"\\x(..)|\\(.)", lambda m: chr(int(m[1], 16)) if m[1] else m[2], data).encode("latin-1") == words[:32]


def test_json_is_json_with_the_promised_keys(tmp_path):
    for capture in (echo_server(2), one_at_a_time(), family(), trouble()):
        events = [json.loads(line) for line in screen(capture, tmp_path, view="json").splitlines()]
        for event in events:
            assert {"seq", "t", "dur", "pid", "tid", "call", "fd", "life", "args", "ret", "err", "opened", "closed", "at"} <= event.keys()
            assert all({"fd", "life", "kind"} <= life.keys() for life in event["opened"])
            assert ("watch" in event) == (event["call"] in ("select", "poll"))


def test_follow_and_json_agree_on_a_finished_capture(tmp_path):
    path = echo_server(3).write(tmp_path / "c.fdt")
    events = [[json.loads(line) for line in show(view, path).splitlines()] for view in ("json", "follow")]
    assert sorted(events[1], key=lambda event: event["seq"]) == events[0]


def test_letters_stay_letters_where_the_screen_has_them(tmp_path):
    c = Capture()
    listener(c)
    c.note("\uae40", "prints", "\uc548\ub155 caf\u00e9 \u202e\u200b\u0301 " + "\ud55c" * 60)
    wait(c, {3}, {3})
    path = c.write(tmp_path / "c.fdt")
    assert show("turns", path).isascii()
    seen = show("turns", path, "--width=40", env=UTF8)
    assert "\uae40 prints  \uc548\ub155 caf\u00e9" in seen and "\\xe2\\x80\\xae" in seen and "\u202e" not in seen and "\u0301" not in seen
    assert max(sum(2 if char >= "\u3000" else 1 for char in line) for line in seen.splitlines()) <= 40


# ---- live


def test_turns_follow_shows_rows_as_they_are_due(tmp_path):
    """A running capture that grows: the row of a turn is there when the next wait begins, and where it sits after 200 ms."""
    path, shifted = tmp_path / "c.fdt", captures.START_NS
    captures.START_NS = time.clock_gettime_ns(time.CLOCK_MONOTONIC) - 10**9  # time 0 of this run is a second ago
    try:
        c = one_at_a_time()
        c.ended, c.launcher = False, os.getpid()
        whole, c.slots = c.slots, c.slots[:c.heads[12]]  # up to the first wait
        c.write(path)
        process = subprocess.Popen([str(FDTRACE), "turns", "--follow", "--width=80", str(path)], stdout=subprocess.PIPE, text=True, env=PLAIN)
        try:
            assert "turn  waited" in process.stdout.readline()
            assert "set-up" in process.stdout.readline()
            c.slots = whole
            c.ended = True
            with open(path, "r+b") as file:
                file.write(c.bytes())
            rest = process.stdout.read()
            assert process.wait(DEADLINE) == 0
            assert "3 new connection    +6 A" in rest and "queued: 4:1 5:1" in rest and rest.endswith("killed by SIGKILL\n")
        finally:
            process.kill()
            process.wait()
    finally:
        captures.START_NS = shifted
