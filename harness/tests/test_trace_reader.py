"""The reader of captures: lives, processes, threads; damage; what it says when it cannot read."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

import captures
from conftest import need
from captures import (BEGUN, DONE, LAUNCHER, Capture, addr, echo_server, epoll, item, numbers, poll, sets, text, timeout)

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("FDLAB_BUILD", ROOT / "build"))
FDTRACE = BUILD / "fdtrace"
DEADLINE = 30
VIEWS = ("json", "log", "turns", "follow")
AF_UNIX, AF_INET, STREAM = socket.AF_UNIX, socket.AF_INET, socket.SOCK_STREAM
O_CLOEXEC, MODE_SOCKET = 0o2000000, 0o140000


def show(view: str, path: object, *options: str, **how) -> subprocess.CompletedProcess:
    return subprocess.run([str(FDTRACE), view, *options, str(path)], capture_output=True, text=True, timeout=DEADLINE, **how)


def events_of(capture: Capture, tmp_path: Path) -> list[dict]:
    done = show("json", capture.write(tmp_path / "c.fdt"))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def names(lives: list[dict]) -> list[str]:
    return [life["life"] for life in lives]


def only(events: list[dict], call: str) -> dict:
    found = [event for event in events if event["call"] == call]
    assert len(found) == 1, found
    return found[0]


def one_line(done: subprocess.CompletedProcess, status: int = 2) -> str:
    lines = done.stderr.splitlines()
    assert done.returncode == status and done.stdout == "", done
    assert len(lines) == 1 and lines[0].startswith("fdtrace: "), lines
    return lines[0]


def test_the_writer_knows_the_layout():
    layout = captures.layout()
    assert [layout[f"ITEM_{name}"] for name in captures.ITEMS] == list(range(len(captures.ITEMS)))


# ---- lives


def test_numbers_come_back_as_new_lives(tmp_path):
    events = events_of(echo_server(2), tmp_path)
    accepts = [event["opened"][0] for event in events if event["call"] == "accept"]
    assert names(accepts) == ["4", "5", "4#2", "5#2"]
    assert [life["client"] for life in accepts] == ["A", "B", "A", "B"]
    assert accepts[2] == {"fd": 4, "life": "4#2", "kind": "tcp", "local": "127.0.0.1:50000", "peer": "127.0.0.1:40003", "client": "A"}
    closes = [event["closed"][0] for event in events if event["call"] == "close"]
    assert names(closes) == ["4", "5", "4#2", "5#2"]
    assert closes[0]["in"] == closes[0]["out"] == 5
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))


def test_a_wait_s_sets_name_lives(tmp_path):
    events = [event for event in events_of(echo_server(2), tmp_path) if event["call"] == "select"]
    both = [event for event in events if event["ret"] == 2][1]
    assert both["watch"] == {"r": ["3", "4#2", "5#2"], "w": [], "x": []}
    assert both["ready"] == {"r": ["4#2", "5#2"], "w": [], "x": []}
    assert (both["timeout"], both["left"]) == (2.0, 1.8)
    last = events[-1]
    assert last["unfinished"] and last["ret"] is None and last["ready"] is None and last["watch"]["r"] == ["3"]


def test_without_sets_all_else_is_the_same(tmp_path):
    whole = events_of(echo_server(2), tmp_path)
    done = show("json", tmp_path / "c.fdt", "--no-sets")
    for event in whole:
        event.update(dict.fromkeys(event.keys() & {"watch", "ready"}))
    assert [json.loads(line) for line in done.stdout.splitlines()] == whole
    assert show("log", tmp_path / "c.fdt", "--no-sets").returncode == 2


def test_a_number_in_a_set_without_a_life_has_a_question_mark(tmp_path):
    c = Capture()
    c.event("socket", args=[AF_INET, STREAM, 0], ret=3)
    c.event("select", args=[8], items=[timeout(None), sets(8, read={3, 7})], ret=-1, error=9)
    select = only(events_of(c, tmp_path), "select")
    assert select["watch"]["r"] == ["3", "7?"] and select["err"] == "EBADF" and select["timeout"] is None


def test_dup2_ends_what_was_there(tmp_path):
    c = Capture()
    c.event("open", args=[0], ret=3, items=[text("PATH", "/etc/hosts")])
    c.event("open", args=[0], ret=4, items=[text("PATH", "/etc/passwd")])
    c.event("dup2", fd=3, args=[4], ret=4)
    c.event("dup2", fd=4, args=[4], ret=4)  # the same number: nothing
    events = events_of(c, tmp_path)
    assert names(events[2]["opened"]) == ["4#2"] and events[2]["opened"][0]["of"] == "3"
    assert events[2]["closed"][0] | {"lived": 0} == {"fd": 4, "life": "4", "how": "replaced", "lived": 0, "in": 0, "out": 0}
    assert events[3]["opened"] == events[3]["closed"] == []


def test_close_range_and_closefrom_are_expanded(tmp_path):
    c = Capture()
    for fd in range(3, 9):
        c.event("socket", args=[AF_INET, STREAM, 0], ret=fd)
    c.event("close_range", args=[4, 6, 0])
    c.event("close_range", args=[3, 3, 4])  # CLOSE_RANGE_CLOEXEC closes nothing
    c.event("closefrom", args=[8])
    c.event("close_range", args=[0, 0xffffffff, 0])
    events = events_of(c, tmp_path)
    assert sorted(names(events[6]["closed"])) == ["4", "5", "6"]
    assert events[7]["closed"] == []
    assert names(events[8]["closed"]) == ["8"]
    assert sorted(names(events[9]["closed"])) == ["3", "7"]


def test_a_close_that_fails_has_closed_unless_it_was_not_open(tmp_path):
    c = Capture()
    c.event("socket", args=[AF_INET, STREAM, 0], ret=3)
    c.event("close", fd=3, ret=-1, error=4)
    c.event("close", fd=3, ret=-1, error=9)
    events = events_of(c, tmp_path)
    assert names(events[1]["closed"]) == ["3"] and events[2]["closed"] == [] and events[2]["life"] is None


def test_an_injected_error_changes_no_table(tmp_path):
    c = Capture()
    c.faults = [(1, 24)]
    c.event("socket", args=[AF_INET, STREAM, 0], ret=3)
    c.event("close", fd=3, ret=-1, error=4, fault=1)
    c.event("close", fd=3)
    events = events_of(c, tmp_path)
    assert events[1]["closed"] == [] and events[1]["injected"] == "error=EMFILE"
    assert names(events[2]["closed"]) == ["3"]


def test_a_number_given_away_twice_means_that_nobody_saw_it_end(tmp_path):
    c = Capture()
    c.event("socket", args=[AF_INET, STREAM, 0], ret=3)
    c.event("socket", args=[AF_INET, STREAM, 0], ret=3)
    events = events_of(c, tmp_path)
    assert names(events[1]["opened"]) == ["3#2"]
    assert events[1]["closed"][0]["life"] == "3" and events[1]["closed"][0]["how"] == "unseen"


def test_pairs_pipes_and_messages_with_descriptors(tmp_path):
    c = Capture()
    c.event("socketpair", args=[AF_UNIX, STREAM, 0], items=[numbers("FDS", [3, 4])])
    c.event("pipe2", args=[O_CLOEXEC], items=[numbers("FDS", [5, 6])])
    c.event("sendmsg", fd=3, args=[0], ret=1, items=[numbers("SENT_FDS", [5])])
    c.event("recvmsg", fd=4, args=[0], ret=1, items=[numbers("FDS", [7])])
    events = events_of(c, tmp_path)
    assert [life["kind"] for life in events[0]["opened"] + events[1]["opened"]] == ["unix", "unix", "pipe", "pipe"]
    assert events[2]["sent"] == ["5"]
    assert events[3]["opened"] == [{"fd": 7, "life": "7", "kind": "pipe", "how": "received", "of": "5", "of_pid": 100}]


def test_epoll_names_the_lives_that_its_data_stand_for(tmp_path):
    c = Capture()
    c.event("epoll_create1", args=[O_CLOEXEC], ret=3)
    for fd in (4, 5):
        c.event("socket", args=[AF_INET, STREAM, 0], ret=fd)
        c.event("epoll_ctl", fd=3, args=[1, fd], items=[epoll((1000 + fd, 1, fd))])
    c.event("epoll_wait", fd=3, args=[16], ret=1, items=[timeout(None), epoll((1005, 1, -1))])
    c.event("close", fd=5)
    c.event("epoll_wait", fd=3, args=[16], ret=0, items=[timeout(0.5)])
    c.event("epoll_ctl", fd=3, args=[2, 4])
    c.event("epoll_pwait", fd=3, args=[16], ret=0, items=[timeout(0)])
    first, second, third = [event for event in events_of(c, tmp_path) if event["call"].startswith("epoll_") and "watch" in event]
    assert first["watch"]["r"] == ["4", "5"] and first["ready"]["r"] == ["5"] and first["timeout"] is None
    assert second["watch"]["r"] == ["4"] and second["timeout"] == 0.5
    assert third["watch"]["r"] == [] and third["timeout"] == 0.0


def test_poll(tmp_path):
    c = Capture()
    c.event("socket", args=[AF_INET, STREAM, 0], ret=3)
    c.event("poll", args=[3], ret=2, items=[timeout(1.5), poll((3, 5, 1 | 16), (-1, 1, 0), (9, 1, 32))])
    wait = only(events_of(c, tmp_path), "poll")
    assert wait["watch"] == {"r": ["3", "9?"], "w": ["3"], "x": []}
    assert wait["ready"] == {"r": ["3"], "w": [], "x": [], "hup": ["3"], "nval": ["9?"]}


# ---- processes


def found(c: Capture, fd: int, pid: int, cloexec: bool = False) -> None:
    c.event("found", fd=fd, pid=pid, items=[item("STAT", struct.pack("<IHHBBHI", MODE_SOCKET, AF_INET, STREAM, 0, cloexec, 0, 2)),
                                            addr("LOCAL", "127.0.0.1", 80)])


def test_a_child_gets_a_copy_of_its_parent_s_table(tmp_path):
    c = Capture()
    c.event("socket", args=[AF_INET, STREAM, 0], ret=3)
    c.event("close", fd=3)
    c.event("socket", args=[AF_INET, STREAM, 0], ret=3)
    c.event("fork", ret=200, begin=1.0, end=1.1)
    c.event("close", fd=3, begin=1.2)                       # the parent, before the child speaks
    c.event("forked", pid=200, args=[100], begin=1.3)
    c.event("recv", fd=3, pid=200, args=[10], ret=0)
    c.event("close", fd=3, pid=200)
    c.event("socket", args=[AF_INET, STREAM, 0], ret=3, pid=200)
    events = events_of(c, tmp_path)
    assert events[3]["opened"] == []
    assert events[5]["opened"] == [{"fd": 3, "life": "3#2", "kind": "tcp", "how": "inherited"}]
    assert names(events[7]["closed"]) == ["3#2"] and names(events[8]["opened"]) == ["3#3"]


def test_a_child_that_speaks_before_fork_returns(tmp_path):
    c = Capture()
    c.event("socket", args=[AF_INET, STREAM, 0], ret=3)
    c.event("fork", ret=200, begin=1.0, end=2.0)
    c.event("forked", pid=200, args=[100], begin=1.1)
    c.event("close", fd=3, pid=200, begin=1.2)
    c.event("socket", args=[AF_INET, STREAM, 0], ret=4, begin=3.0)
    events = events_of(c, tmp_path)
    assert names(events[2]["opened"]) == ["3"] and names(events[3]["closed"]) == ["3"]
    assert sum(len(event["opened"]) for event in events) == 3


def test_exec_closes_what_is_close_on_exec_and_keeps_the_rest(tmp_path):
    c = Capture()
    c.event("start", args=[1], items=[text("TEXT", "one\0")])
    c.event("socket", args=[AF_INET, STREAM | O_CLOEXEC, 0], ret=3)
    c.event("socket", args=[AF_INET, STREAM, 0], ret=4)
    c.event("fcntl", fd=4, args=[2, 1])
    c.event("dup", fd=4, ret=5)
    c.event("fcntl", fd=4, args=[1030, 10], ret=10)
    c.event("execve", items=[text("PATH", "/bin/two")], done=False)
    c.event("start", args=[1], items=[text("TEXT", "two\0x\0"), numbers("FDS", [5])])
    found(c, 5, captures.PID)
    c.event("close", fd=5)
    events = events_of(c, tmp_path)
    assert events[6]["unfinished"]
    assert sorted((life["life"], life["how"]) for life in events[7]["closed"]) == [("10", "exec"), ("3", "exec"), ("4", "exec")]
    assert events[7]["args"] == {"parent": 1, "argv": "two x"}
    assert names(events[9]["closed"]) == ["5"]


def test_what_libc_opened_inside_is_found_at_a_resync(tmp_path):
    c = Capture()
    c.event("socket", args=[AF_INET, STREAM, 0], ret=3)
    c.event("resync", items=[numbers("FDS", [4])])
    c.event("close", fd=4)
    events = events_of(c, tmp_path)
    assert events[1]["opened"][0]["how"] == "found" and events[1]["closed"][0]["how"] == "unseen"
    assert names(events[2]["closed"]) == ["4"]


def test_a_descriptor_that_nobody_saw_made(tmp_path):
    c = Capture()
    c.event("recv", fd=6, args=[10], ret=1, items=[text("DATA", "x")])
    c.event("recv", fd=6, args=[10], ret=1, items=[text("DATA", "y")])
    c.event("recv", fd=9, args=[10], ret=-1, error=9)
    first, second, third = events_of(c, tmp_path)
    assert first["life"] is None and first["opened"][0]["how"] == "found"
    assert second["life"] == "6" and second["opened"] == [] and third["opened"] == []


# ---- threads


def test_a_close_on_its_way_ended_the_life_before(tmp_path):
    """accept returned 4 before the close of 4, in another thread, had returned: the close was first, in the kernel."""
    c = Capture()
    c.event("socket", args=[AF_INET, STREAM, 0], ret=3)
    c.event("accept", fd=3, ret=4)
    c.event("accept", fd=3, ret=4, tid=102, begin=1.0, end=1.5)
    c.event("close", fd=4, tid=101, begin=1.1, end=2.0)
    c.event("recv", fd=4, args=[10], ret=1, begin=1.6, items=[text("DATA", "x")])
    events = events_of(c, tmp_path)
    assert names(events[2]["opened"]) == ["4#2"] and events[2]["closed"] == []
    assert names(events[3]["closed"]) == ["4"] and "how" not in events[3]["closed"][0]
    assert events[4]["life"] == "4#2"


def test_the_effect_of_a_call_is_there_when_it_has_returned_not_before(tmp_path):
    c = Capture()
    c.event("socket", args=[AF_INET, STREAM, 0], ret=3)
    c.event("accept", fd=3, ret=4, begin=1.0, end=9.0)
    c.event("recv", fd=4, tid=101, args=[10], ret=-1, error=9, begin=2.0)
    c.event("recv", fd=4, tid=101, args=[10], ret=1, begin=9.5, items=[text("DATA", "x")])
    events = events_of(c, tmp_path)
    assert events[2]["life"] is None and events[3]["life"] == "4"


def test_time_never_runs_backwards_within_a_thread(tmp_path):
    c = Capture()
    for begin in (1.0, 0.5, 2.0, 1.9, 3.0):
        c.event("close", fd=-1, ret=-1, error=9, begin=begin)
    times = [event["t"] for event in events_of(c, tmp_path)]
    assert times == sorted(times)


def test_lives_of_a_number_never_overlap(tmp_path):
    """Threads that open and close at random, with the kernel's own rule for numbers; the recorded times are up to 50 us off."""
    chance = random.Random(7)
    taken: set[int] = set()
    owner: dict[int, list[int]] = {tid: [] for tid in range(100, 108)}
    done: list[tuple[float, int, str, int]] = []  # when the kernel did it, thread, call, number
    for at in range(3000):
        tid = chance.choice(list(owner))
        if owner[tid] and chance.random() < 0.5:
            fd = owner[tid].pop(chance.randrange(len(owner[tid])))
            taken.remove(fd)
            done.append((at * 1e-5, tid, "close", fd))
        else:
            fd = next(number for number in range(3, 4000) if number not in taken)
            taken.add(fd)
            owner[tid].append(fd)
            done.append((at * 1e-5, tid, "socket", fd))
    log, last_end = [], dict.fromkeys(owner, 0.0)
    for i, (at, tid, call, fd) in enumerate(done):  # begun up to 50 us before, returned up to 50 us after, one call after the other
        following = next((other[0] for other in done[i + 1:] if other[1] == tid), at + 1)
        early, late = max(at - chance.random() * 5e-5, last_end[tid]), min(at + chance.random() * 5e-5, following)
        last_end[tid] = late
        log.append((early, late, tid, call, fd))
    c = Capture()
    for early, late, tid, call, fd in sorted(log):
        if call == "socket":
            c.event("socket", args=[AF_INET, STREAM, 0], ret=fd, tid=tid, begin=early, end=late)
        else:
            c.event("close", fd=fd, tid=tid, begin=early, end=late)
    events = events_of(c, tmp_path)
    opened, closed = {}, {}
    for event in events:
        for life in event["opened"]:
            opened[life["life"]] = event["t"] + event["dur"]
        for life in event["closed"]:
            assert life["life"] not in closed
            closed[life["life"]] = event
    assert len(opened) == sum(call == "socket" for *_, call, _ in log)
    assert not [event for event in closed.values() if event["call"] == "socket"]  # none ended unseen
    assert len(closed) == sum(call == "close" for *_, call, _ in log)
    for name, event in closed.items():  # a life begins before it ends, and its end is done when the next one is there
        assert opened[name] <= event["t"] + event["dur"]


# ---- times


def test_ticks_become_nanoseconds_piece_by_piece(tmp_path):
    c = Capture()
    c.clock = 1
    start = captures.START_NS
    c.anchors = [(start, start), (start + 1000, start + 3000), (start + 2000, start + 4000), (5, 5)]  # the last one is damaged
    for ticks in (0, 500, 1000, 1500, 2000, 3000):
        c.event("close", fd=-1, ret=-1, error=9, begin=ticks / 1e9)
    assert [round(event["t"] * 1e9) for event in events_of(c, tmp_path)] == [0, 1500, 3000, 3500, 4000, 5000]


# ---- damage


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("content, words", [
    (b"", "an empty file"),
    (b"\x89PNG\r\n\x1a\n" + bytes(100), "not a capture"),
    (b"hello\n" * 9000, "not a capture"),
    (captures.MAGIC, "cut off within its header: 8 bytes"),
    (captures.MAGIC[:3], "cut off within its header: 3 bytes"),
])
def test_what_is_no_capture(tmp_path, view, content, words):
    path = tmp_path / "x"
    path.write_bytes(content)
    line = one_line(show(view, path))
    assert words in line and str(path) in line


@pytest.mark.parametrize("view", VIEWS)
def test_what_cannot_be_opened(tmp_path, view):
    assert "No such file" in one_line(show(view, tmp_path / "none"))
    assert "a directory" in one_line(show(view, tmp_path))
    os.mkfifo(tmp_path / "fifo")
    assert "not a regular file" in one_line(show(view, tmp_path / "fifo"))


def test_what_may_not_be_read():
    """By root everything may: then it is another user who tries, in a folder that is open to all."""
    who = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        command = [shutil.copy(FDTRACE, folder), "log", echo_server().write(Path(folder) / "x")]

        def read() -> subprocess.CompletedProcess:
            return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=DEADLINE, cwd=folder, **who)

        assert read().returncode == 0
        command[2].chmod(0)
        assert "Permission denied" in one_line(read())


def test_other_formats(tmp_path):
    c = echo_server()
    c.version = 2
    assert "format 2, and this fdtrace reads format 1" in one_line(show("log", c.write(tmp_path / "x")))
    c.version = 1 << 24
    assert "another byte order" in one_line(show("log", c.write(tmp_path / "x")))
    c.version = 1
    c.calls_hash ^= 1
    assert "another table of calls" in one_line(show("log", c.write(tmp_path / "x")))


@pytest.mark.parametrize("arguments", [
    [], ["log"], ["log", "a", "b"], ["log", "--frob", "a"], ["log", "-o"], ["turns", "--width=7", "a"], ["turns", "--width=x", "a"],
    ["turns", "--color=blue", "a"], ["log", "--ascii", "a"], ["frob"], ["follow"],
])
def test_bad_arguments(arguments):
    done = subprocess.run([str(FDTRACE), *arguments], capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 2 and done.stdout == ""
    assert not arguments or len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("view", ["run", *VIEWS])
def test_help(view):
    done = show(view, "--help")
    assert done.returncode == 0 and done.stdout.startswith(f"usage: fdtrace {view}")
    assert all(len(line) <= 130 for line in done.stdout.splitlines())


def test_the_output_is_not_the_capture(tmp_path):
    path = echo_server().write(tmp_path / "x")
    before = path.read_bytes()
    assert "the capture itself" in one_line(show("json", path, "-o", str(path)))
    assert path.read_bytes() == before


def test_a_capture_that_was_cut_off_shows_what_is_whole(tmp_path):
    whole = echo_server(2)
    data = whole.bytes()
    full = [json.loads(line) for line in show("json", whole.write(tmp_path / "x")).stdout.splitlines()]
    for cut in range(captures.HEADER_SIZE, len(data), 313):
        (tmp_path / "x").write_bytes(data[:cut])
        done = show("json", tmp_path / "x")
        assert done.returncode == 0 and "cut off" in done.stderr and len(done.stderr.splitlines()) == 1
        seen = [json.loads(line) for line in done.stdout.splitlines()]
        assert [(event["seq"], event["call"], event["ret"]) for event in seen] == \
               [(event["seq"], event["call"], event["ret"]) for event in full[:len(seen)]]
    for view in ("log", "turns"):
        done = show(view, tmp_path / "x")
        assert done.returncode == 0 and done.stdout.splitlines()[-1].startswith("-- cut off")


def test_slots_that_were_never_written_are_passed_over(tmp_path):
    c = Capture()
    c.event("socket", args=[AF_INET, STREAM, 0], ret=3)
    c.hole(3)
    c.event("close", fd=3)
    done = show("json", c.write(tmp_path / "x"))
    assert [json.loads(line)["call"] for line in done.stdout.splitlines()] == ["socket", "close"]
    assert "3 slots were never written" in done.stderr


def test_a_tail_that_lies_about_its_length(tmp_path):
    c = Capture()
    c.event("socket", args=[AF_INET, STREAM, 0], ret=3, tail=2000)
    c.event("close", fd=3)
    assert [event["call"] for event in events_of(c, tmp_path)] == ["socket", "close"]


def test_a_damaged_cursor_hides_nothing(tmp_path):
    c = echo_server()
    c.cursor = 2
    done = show("json", c.write(tmp_path / "x"))
    assert len(done.stdout.splitlines()) > 20 and "fewer events than there are" in done.stderr
    c.cursor = 1 << 60
    done = show("json", c.write(tmp_path / "x"))
    assert len(done.stdout.splitlines()) > 20 and "cut off" in done.stderr


def test_a_file_of_holes_does_not_take_long(tmp_path):
    c = echo_server()
    c.cursor = 1 << 36
    c.write(tmp_path / "x")
    os.truncate(tmp_path / "x", 1 << 42)
    begin = time.monotonic()
    done = show("json", tmp_path / "x")
    assert done.returncode == 0 and time.monotonic() - begin < 10


def test_lost_events_are_said(tmp_path):
    c = echo_server()
    c.lost = 7
    path = c.write(tmp_path / "x")
    for view in ("log", "turns"):
        assert "7 events are lost" in show(view, path).stdout
    assert "7 events are lost" in show("json", path).stderr


def test_hostile_captures(tmp_path):
    """Cut at every byte and damaged at random, under the sanitizers: fuzz_reader.c aborts when anything gets through."""
    cc = shutil.which("gcc") or "cc"
    trace = ROOT / "trace"
    sources = [*sorted(map(str, (trace / "reader").glob("*.c"))),
               *(str(trace / "views" / f"{name}.c") for name in ("call", "glyphs", "narrow", "object", "rows", "row", "screen")), str(BUILD / "gen" / "calls.c")]
    program = tmp_path / "fuzz"
    subprocess.run([cc, "-std=gnu11", "-g", "-O1", "-DALONE", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", f"-I{trace}",
                    f"-I{BUILD / 'gen'}", str(Path(__file__).with_name("fuzz_reader.c")), *sources, "-o", str(program)], check=True,
                   timeout=120)
    c = echo_server()
    c.event("fork", ret=200)
    c.event("forked", pid=200, args=[100])
    c.event("epoll_create1", args=[0], ret=9, pid=200)
    c.event("epoll_ctl", fd=9, pid=200, args=[1, 3], items=[epoll((3, 1, 3))])
    c.event("epoll_wait", fd=9, pid=200, args=[4], ret=1, items=[timeout(1), epoll((3, 1, -1))])
    c.event("dup2", fd=3, args=[9], ret=9, pid=200)
    c.event("close_range", args=[3, 100, 0], pid=200)
    c.note(b"\x1b[2J", b"\xff\xfe", b"</script>\0" * 5)
    path = c.write(tmp_path / "x")
    subprocess.run([str(program), str(path), "300"], check=True, timeout=300)


# ---- a capture that is being written


class Live:
    """A capture in a file, written a step at a time."""

    def __init__(self, path: Path, capture: Capture) -> None:
        self.path, self.c = path, capture
        self.c.ended = False
        self.c.launcher = os.getpid()

    def write(self) -> None:
        scratch = self.c.bytes()
        with open(self.path, "r+b" if self.path.exists() else "w+b") as file:
            file.write(scratch[captures.HEADER_SIZE:] and scratch)

    def returns(self, index: int, ret: int) -> None:
        slot = bytearray(self.c.slots[index])
        slot[0:8] = struct.pack("<Q", index + 1 << 2 | DONE)
        slot[16:24] = struct.pack("<Q", 5000)
        slot[32:36] = struct.pack("<i", ret)
        self.c.slots[index] = bytes(slot)


def line_of(process: subprocess.Popen) -> dict:
    return json.loads(process.stdout.readline())


def test_follow_shows_events_as_they_happen(tmp_path):
    live = Live(tmp_path / "x", Capture())
    live.c.event("socket", args=[AF_INET, STREAM, 0], ret=3)
    accept = live.c.event("accept", fd=3, done=False)
    live.write()
    process = subprocess.Popen([str(FDTRACE), "follow", str(live.path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert line_of(process)["call"] == "socket"
        waits = line_of(process)
        assert waits["call"] == "accept" and waits["unfinished"] and waits["life"] == "3"
        live.returns(accept, 4)
        live.c.event("recv", fd=4, args=[5], ret=0, begin=1.0)
        live.write()
        done = line_of(process)
        assert done["call"] == "accept" and done["ret"] == 4 and names(done["opened"]) == ["4"]
        assert line_of(process)["life"] == "4"
        live.c.ended = True
        live.write()
        assert process.wait(DEADLINE) == 0 and process.stdout.read() == "" and process.stderr.read() == ""
    finally:
        process.kill()
        process.wait()


def test_follow_ends_with_a_launcher_that_was_killed(tmp_path):
    launcher = subprocess.Popen(["sleep", "100"])
    live = Live(tmp_path / "x", Capture())
    live.c.launcher = launcher.pid
    live.c.event("socket", args=[AF_INET, STREAM, 0], ret=3)
    live.write()
    process = subprocess.Popen([str(FDTRACE), "follow", str(live.path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert line_of(process)["call"] == "socket"
        launcher.kill()
        launcher.wait()
        assert process.wait(DEADLINE) == 0 and "not closed by its launcher" in process.stderr.read()
    finally:
        process.kill()
        process.wait()


def test_a_slot_that_is_claimed_and_never_written_does_not_hold_follow_up(tmp_path):
    live = Live(tmp_path / "x", Capture())
    live.c.event("socket", args=[AF_INET, STREAM, 0], ret=3)
    live.c.hole(20)
    live.c.event("close", fd=3)
    live.write()
    process = subprocess.Popen([str(FDTRACE), "follow", str(live.path)], stdout=subprocess.PIPE, text=True)
    try:
        assert line_of(process)["call"] == "socket"
        begin = time.monotonic()
        assert line_of(process)["call"] == "close"
        assert time.monotonic() - begin < 5
    finally:
        process.kill()
        process.wait()


def test_a_view_of_a_running_capture_says_so(tmp_path):
    live = Live(tmp_path / "x", echo_server())
    live.write()
    done = show("log", live.path)
    assert done.returncode == 0 and "the run still goes on" in done.stderr and "has not returned yet" in done.stdout


# ---- pipes and disks


@pytest.mark.parametrize("view", VIEWS)
def test_a_reader_that_has_seen_enough(tmp_path, view):
    path = echo_server(300).write(tmp_path / "x")
    process = subprocess.Popen([str(FDTRACE), view, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(DEADLINE) == 0
    assert process.stderr.read() == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("view", VIEWS)
def test_a_full_disk(tmp_path, view):
    path = echo_server().write(tmp_path / "x")
    with open("/dev/full", "w") as full:
        done = subprocess.run([str(FDTRACE), view, str(path)], stdout=full, stderr=subprocess.PIPE, text=True, timeout=DEADLINE)
    assert done.returncode == 2 and "No space left on device" in done.stderr and len(done.stderr.splitlines()) == 1


# ---- source lines


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """A small program that was really run under fdtrace."""
    folder = tmp_path_factory.mktemp("where")
    (folder / "small.c").write_text("#include <unistd.h>\nint\nmain(void)\n{\n\tint fd = dup(0);\n\n\tclose(fd);\n\treturn 0;\n}\n")
    subprocess.run(["cc", "-g", "-O0", "small.c", "-o", "small"], check=True, cwd=folder)
    subprocess.run([str(FDTRACE), "run", "-o", "trace.fdt", "--", "./small"], check=True, cwd=folder, timeout=DEADLINE)
    return folder


def where(folder: Path, *options: str, **how) -> dict[str, str]:
    events = map(json.loads, show("json", folder / "trace.fdt", *options, **how).stdout.splitlines())
    return {event["call"]: event["at"] for event in events if event["call"] in ("dup", "close")}


def test_the_source_line(traced):
    need("addr2line", "binutils")
    assert where(traced) == {"dup": "small.c:5", "close": "small.c:7"}
    assert where(traced, "--no-where") == {"dup": None, "close": None}


def test_without_addr2line(traced):
    assert all(at.startswith("small+0x") for at in where(traced, env={"PATH": "/nowhere"}).values())


def test_an_addr2line_that_hangs_or_dies_does_not_hold_us_up(traced, tmp_path):
    for script in ("#!/bin/sh\nexit 0\n", "#!/bin/sh\necho '??:0'\nexec cat >/dev/null\n"):
        (tmp_path / "addr2line").write_text(script)
        (tmp_path / "addr2line").chmod(0o755)
        begin = time.monotonic()
        lines = where(traced, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
        assert all(at.startswith("small+0x") for at in lines.values()) and time.monotonic() - begin < 20


def test_a_program_that_was_built_again_has_no_true_lines(traced):
    before = os.stat(traced / "small")
    os.utime(traced / "small", (time.time() + 1000, time.time() + 1000))
    try:
        assert all(at.startswith("small+0x") for at in where(traced).values())
    finally:
        os.utime(traced / "small", ns=(before.st_atime_ns, before.st_mtime_ns))


# ---- size


def test_a_million_events(tmp_path):
    """At least a million a second on an idle core; here only that it is not ten times slower, and that memory does not grow."""
    c = Capture()
    c.event("socket", args=[AF_INET, STREAM, 0], ret=3)
    block = Capture()
    for _ in range(1000):
        block.event("read", fd=3, args=[64], ret=5)
    for i in range(1, 1001):
        for slot in block.slots:
            index = len(c.slots)
            c.slots.append(struct.pack("<QQ", index + 1 << 2 | DONE, captures.START_NS + index * 1000) + slot[16:])
    path = c.write(tmp_path / "x")
    begin = time.monotonic()
    done = subprocess.run(f"ulimit -v 400000; exec '{FDTRACE}' json --no-where '{path}' | tail -1", shell=True, capture_output=True,
                          text=True, timeout=60)
    assert json.loads(done.stdout)["seq"] == 1000001
    assert time.monotonic() - begin < 10
