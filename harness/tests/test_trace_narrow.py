"""--since, --until, --turns, --fd, --pid: how much of a run is shown. What is shown is what the whole view shows, line by line."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest

import captures
from captures import Capture, addr, echo_server, numbers, poll, text, timeout
from test_trace_views import FDTRACE, PLAIN, crowd, family, golden, one_at_a_time, screen, show, trouble, wait

VIEWS = ("turns", "lanes", "map", "log")


def run(view, path, *options):
    return subprocess.run([str(FDTRACE), view, *options, str(path)], capture_output=True, text=True, timeout=30, env=PLAIN)


def objects(path, *options):
    return [json.loads(line) for line in run("json", path, *options).stdout.splitlines()]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name, capture, options", [
    ("turns-4-6", lambda: echo_server(2), ["--turns=4-6"]),
    ("life", lambda: echo_server(2), ["--fd=4#2"]),
    ("time", one_at_a_time, ["--since=300ms", "--until", "2.5"]),
    ("child", family, ["--pid=202"]),
])
def test_screens(tmp_path, view, name, capture, options):
    golden(f"narrow-{name}-{view}.txt", screen(capture(), tmp_path, "--width=80", *options, view=view) if view != "log" else
           screen(capture(), tmp_path, *options, view=view))


@pytest.mark.parametrize("capture", [lambda: echo_server(2), one_at_a_time, family, trouble])
@pytest.mark.parametrize("options", [["--turns=2-3"], ["--fd=3"], ["--fd=4,5#2"], ["--since=0.5"], ["--until=0.7"], ["--pid=100"],
                                     ["--fd=4", "--turns=1-", "--until=9"]])
def test_what_is_shown_is_as_it_is_in_the_whole(tmp_path, capture, options):
    """The model sees every event: numbers, lives, turns are those of the whole run."""
    path = capture().write(tmp_path / "c.fdt")
    if "5#2" in options[0] and not any(life["life"] == "5#2" for event in objects(path) for life in event["opened"]):
        options = ["--fd=4"]
    whole = show("log", path).splitlines()
    seen = show("log", path, *options).splitlines()
    assert seen[-1].startswith("-- left out: ") and [line for line in whole if line in seen] == seen[:-1]
    left, total = re.search(r"left out: (\d+|none|all)(?: of)? (\d+) events", seen[-1]).groups()
    assert total == str(len(whole) - 1)
    assert len(seen) - 2 == int(total) - {"none": 0, "all": int(total)}.get(left, int(left) if left.isdigit() else 0)
    assert [event for event in objects(path) if event in objects(path, *options)] == objects(path, *options)
    assert len(objects(path, *options)) == len(seen) - 2
    rows = show("lanes", path, "--width=120", "--all").splitlines()
    narrowed = show("lanes", path, "--width=120", "--all", *options).splitlines()
    words = [re.sub(r"^( +\d+ +\d+\.\d+)( +\d+)?  [^a-z\-]*", r"\1 ", row) for row in rows]
    for row in narrowed[1:-1]:
        if re.match(r" +\d+ ", row) and "--fd" not in "".join(options):
            assert row in rows
        elif re.match(r" +\d+ ", row):
            number = row.split()[0]
            assert any(word.split()[:1] == [number] for word in words)


def test_time_is_what_was_going_on(tmp_path):
    c = Capture()
    c.event("socket", args=[2, 1, 0], ret=3)
    wait(c, {3}, set(), 2.0, 0.0)      # goes on from about 0 to 2 s
    c.event("recv", fd=3, args=[512], ret=5, begin=3.0, end=3.5)
    c.event("recv", fd=3, args=[512], done=False, begin=4.0)
    path = c.write(tmp_path / "c.fdt")
    assert [event["call"] for event in objects(path, "--since=1", "--until=1.5")] == ["select"]
    assert [event["call"] for event in objects(path, "--since=3.2", "--until=3.3")] == ["recv"]
    assert [event["unfinished"] for event in objects(path, "--since=9")] == [True]  # it has never returned
    begun = objects(path)[2]["t"]
    assert [event["seq"] for event in objects(path, f"--until={begun:.6f}")] == [1, 2, 3]  # to the microsecond that is printed
    for same in ("3", "3.0", "3s", "3000ms", "3000000us"):
        assert objects(path, f"--since={same}") == objects(path, "--since=3")
    assert objects(path, "--since=1m") == objects(path, "--since=60") == objects(path, "--since=0m60s")


def test_an_fd_is_what_happened_on_it(tmp_path):
    path = echo_server(2).write(tmp_path / "c.fdt")
    for event in objects(path, "--fd=4#2"):
        names = [event["life"]] + [life["life"] for life in event["opened"] + event["closed"]]
        assert "4#2" in names + event.get("ready", {}).get("r", []) or event["call"] == "note", event
    assert {event["args"]["who"] for event in objects(path, "--fd=4#2") if event["call"] == "note"} <= {"A", "B"}
    assert objects(path, "--fd=4#1,4#2") == objects(path, "--fd=4")
    calls = [event["call"] for event in objects(path, "--fd=3")]
    assert calls[:3] == ["socket", "bind", "listen"] and "accept" in calls and "recv" not in calls
    assert any(event["call"] == "note" and event["args"]["verb"] == "connects to" for event in objects(path, "--fd=3"))
    c = Capture()  # a number that is not open, and epoll's own target
    c.event("recv", fd=9, args=[512], ret=-1, error=9)
    c.event("poll", args=[1], ret=1, items=[timeout(1.0), poll((9, 1, 32))])
    assert len(objects(c.write(tmp_path / "d.fdt"), "--fd=9")) == 2


def test_a_process_and_a_thread(tmp_path):
    path = family().write(tmp_path / "c.fdt")
    assert {event["pid"] for event in objects(path, "--pid=201")} == {201}
    assert {event["tid"] for event in objects(path, "--pid=107")} == {107}
    assert {event["pid"] for event in objects(path, "--pid=201,202")} == {201, 202}


def test_notes_go_with_what_they_are_about(tmp_path):
    c = one_at_a_time()
    path = c.write(tmp_path / "c.fdt")
    notes = [event["args"] for event in objects(path, "--fd=6#1") if event["call"] == "note"]
    assert {note["who"] for note in notes} == {"A"} and len(notes) == 4
    assert [note["who"] for note in [event["args"] for event in objects(path, "--fd=4") if event["call"] == "note"]] == ["B"]  # it connects
    hostile = Capture()
    hostile.note('"A\\', "is", "127.0.0.1:40001")
    hostile.event("socket", args=[2, 1, 0], ret=3)
    hostile.event("accept", fd=3, ret=4, items=[addr("PEER", "127.0.0.1", 40001)])
    hostile.note('"A\\', "says", "x")
    hostile.note("B", "says", "y")
    assert [event["args"]["text"] for event in objects(hostile.write(tmp_path / "d.fdt"), "--fd=4") if event["call"] == "note"][-1:] == ["x"]


def test_turns_begin_again_with_another_program(tmp_path):
    c = Capture()
    c.event("start", args=[1], items=[text("TEXT", "./a\0"), numbers("FDS", [0, 1, 2])])
    c.event("socket", args=[2, 1, 0], ret=3)
    for _ in range(3):
        wait(c, {3}, set(), 2.0, 0.0)
    c.event("start", args=[1], items=[text("TEXT", "./b\0"), numbers("FDS", [0, 1, 2, 3])])
    wait(c, {3}, set(), 1.0, 0.0)
    path = c.write(tmp_path / "c.fdt")
    for view in ("lanes", "turns"):
        seen = show(view, path, "--turns=1")
        assert len(re.findall("TIMEOUT", seen)) == 2, seen
    assert re.findall(r"select #(\d)", show("lanes", path, "--all")) == ["1", "2", "3", "1"]


def test_columns_are_those_that_were_asked_for(tmp_path):
    path = crowd(400, 3).write(tmp_path / "c.fdt")
    for view in ("turns", "lanes"):
        header = show(view, path, "--fd=3,57,301", "--width=80").splitlines()[0]
        assert " 3 57 301" in header and "+" not in header
    assert re.findall(r"^fd (\d+)", show("map", path, "--fd=3,57,301", "--width=80"), re.M)[:3] == ["3", "57", "301"]


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_that_is_shown_is_wider_than_the_screen(tmp_path, view):
    for capture in (echo_server(2), crowd(30, 3), family(), trouble()):
        path = capture.write(tmp_path / "c.fdt")
        for width in () if view == "log" else ("40", "80"):
            seen = show(view, path, f"--width={width}", "--fd=3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20", "--since=0", "--until=100")
            assert max(map(len, seen.splitlines())) <= max(int(width), 45), seen


@pytest.mark.parametrize("view", VIEWS + ("json", "svg"))
@pytest.mark.parametrize("option, words", [
    ("--since=x", "--since takes"), ("--since=", "--since takes"), ("--since=1.", "--since takes"), ("--since=-1", "--since takes"),
    ("--until=1x", "--until takes"), ("--until=99999999999", "--until takes"), ("--turns=5-3", "--turns takes"),
    ("--turns=x", "--turns takes"), ("--turns=99999999999", "--turns takes"), ("--fd=", "--fd takes"), ("--fd=3,", "--fd takes"),
    ("--fd=4#0", "--fd takes"), ("--fd=4#", "--fd takes"), ("--fd=-1", "--fd takes"), ("--fd=99999999999", "--fd takes"),
    ("--fd=" + ",".join(["3"] * 65), "--fd takes"), ("--pid=0", "--pid takes"), ("--pid=a", "--pid takes"),
    ("--fd=4#9", "descriptor 4 had 2 lives"), ("--fd=77#1", "descriptor 77 had 0 lives"), ("--pid=4711", "its first was 100"),
])
def test_bad_values_are_one_line(tmp_path, view, option, words):
    path, out = echo_server(2).write(tmp_path / "c.fdt"), tmp_path / "out"
    out.write_text("kept")
    done = run(view, path, option, "-o", str(out))
    assert done.returncode == 2 and done.stdout == "" and words in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
    assert out.read_text() == "kept"


def test_since_after_until_and_options_of_other_commands(tmp_path):
    path = echo_server(2).write(tmp_path / "c.fdt")
    done = run("turns", path, "--since=2", "--until=1")
    assert done.returncode == 2 and "--since is after --until" in done.stderr
    for view in ("html", "check", "follow"):
        assert run(view, path, "--fd=3").returncode == 2


def test_nothing_is_left_and_nothing_was_left_out(tmp_path):
    path = echo_server(2).write(tmp_path / "c.fdt")
    for view in VIEWS:
        assert re.search(r"-- left out: all \d+ [a-z]+ \(--fd 99\)\n", show(view, path, "--fd=99"))
        assert re.search(r"-- left out: none of \d+ [a-z]+ \(--since 0\)\n", show(view, path, "--since=0"))
        assert "left out" not in show(view, path)
        assert "--since" in run(view, path, "--help").stdout
    done = run("json", path, "--fd=99")
    assert done.stdout == "" and done.stderr.endswith("left out: all 52 events (--fd 99)\n") and done.returncode == 0, done.stderr


def test_a_picture_says_what_it_leaves_out(tmp_path):
    path = echo_server(2).write(tmp_path / "c.fdt")
    seen = show("svg", path, "--fd=4#2", "--since=0.1")
    assert "(--since 0.1 --fd 4#2)" in seen and ">4#2" in seen and ">fd 4<" in seen and ">fd 5<" not in seen and ">fd 3<" not in seen
    assert "left out" not in show("svg", path)
    assert seen.count("(--since 0.1 --fd 4#2)") == 2  # on it, and in words


def test_a_run_that_goes_on_is_narrowed_as_its_file_is(tmp_path):
    """--follow on a capture that is whole: the same rows, with --fd, --turns and --since."""
    for capture in (echo_server(2), one_at_a_time(), family()):
        path = capture.write(tmp_path / "c.fdt")
        for options in (["--turns=2-3"], ["--fd=4"], ["--fd=6"], ["--since=0.5"], ["--pid=100"]):
            live, file = show("turns", path, "--follow", *options), show("turns", path, *options)
            rows = [re.findall(r"^ *(?:\d{3} )? *(\d+) +\S+  ", seen, re.M) for seen in (live, file)]
            assert rows[0] == rows[1], (options, live, file)
            assert live.splitlines()[-1].startswith("-- left out") or "-- left out" in live


def test_a_cut_off_capture_says_both(tmp_path):
    path = tmp_path / "cut.fdt"
    path.write_bytes(echo_server(1).bytes()[:-640])
    for view in VIEWS:
        done = run(view, path, "--turns=1-2")
        assert done.returncode == 0 and len(done.stderr.splitlines()) == 1
        assert done.stdout.splitlines()[-2].startswith("-- left out") and done.stdout.splitlines()[-1].startswith("-- cut off")
