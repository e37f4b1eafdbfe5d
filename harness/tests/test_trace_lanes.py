"""fdtrace lanes: a row a call. Screens are kept in golden/; UPDATE_GOLDEN=1 writes them anew."""

from __future__ import annotations

import re
import subprocess

import pytest

from captures import Capture, addr, echo_server, text
from test_trace_views import FDTRACE, HOSTILE, PLAIN, UTF8, crowd, family, golden, listener, one_at_a_time, screen, show, trouble, wait


def lanes(capture, tmp_path, *options, **how):
    return screen(capture, tmp_path, *options, view="lanes", **how)


@pytest.mark.parametrize("name, capture, options, env", [
    ("lanes-echo-80", lambda: echo_server(2), ["--width=80"], PLAIN),
    ("lanes-echo-120-utf8", lambda: echo_server(2), ["--width=120"], UTF8),
    ("lanes-one-at-a-time-80", one_at_a_time, ["--width=80"], PLAIN),
    ("lanes-crowd-80", lambda: crowd(30, 3), ["--width=80"], PLAIN),
    ("lanes-crowd-400-120", lambda: crowd(400, 1), ["--width=120"], PLAIN),
    ("lanes-family-100", family, ["--width=100"], PLAIN),
    ("lanes-trouble-80", trouble, ["--width=80"], PLAIN),
    ("lanes-trouble-colour", trouble, ["--width=80", "--color=always"], PLAIN),
])
def test_screens(tmp_path, name, capture, options, env):
    golden(f"{name}.txt", lanes(capture(), tmp_path, *options, env=env))


@pytest.mark.parametrize("capture", [lambda: echo_server(2), one_at_a_time, lambda: crowd(30), lambda: crowd(400, 3), family, trouble])
@pytest.mark.parametrize("width", [20, 40, 60, 80, 132])
def test_no_line_is_wider_than_the_screen(tmp_path, capture, width):
    for options in ([], ["--all"]):
        seen = lanes(capture(), tmp_path, f"--width={width}", *options)
        assert max(map(len, seen.splitlines())) <= (width if width >= 40 else 45), seen
        assert not [line for line in seen.splitlines() if line != line.rstrip()]


def test_each_call_has_the_mark_of_what_it_did(tmp_path):
    seen = lanes(echo_server(1), tmp_path, "--width=100")
    marks = {}
    for line in seen.splitlines():
        found = re.match(r" +\d+ +\d+\.\d+  (.....)  (\w+)", line)
        if found:
            marks.setdefault(found[2], []).append(found[1])
    assert marks["accept"] == ["| o  ", "| | o"]
    assert marks["select"] == ["*    ", "* :  ", ": * :", ": : *", ": * *", ":    ", ":    "]
    assert marks["recv"] == ["| r |", "| | r", "| 0 |", "|   0"] and marks["send"] == ["| w |", "| | w"]
    assert marks["close"] == ["| x |", "|   x"]
    assert "never returned" in seen and "TIMEOUT, none ready" in seen


def test_an_open_descriptor_that_is_not_in_the_set_stands_out(tmp_path):
    assert re.search(r"  \* !  select #2 \{3\} -> \{3\}", lanes(trouble(), tmp_path))
    assert re.search(r"  : \?  select #4 \{3 4\?\}", lanes(trouble(), tmp_path))


def test_equal_turns_fold_and_all_unfolds(tmp_path):
    folded, whole = lanes(crowd(8), tmp_path), lanes(crowd(8), tmp_path, "--all")
    assert "x999 same, 1998 calls" in folded and "same" not in whole
    assert whole.count("EAGAIN") == 1000 and folded.count("EAGAIN") == 1


def test_two_equal_turns_are_both_shown(tmp_path):
    c = Capture()
    listener(c)
    for _ in range(2):
        wait(c, {3}, set(), 2.0, 0.0)
    seen = lanes(c, tmp_path)
    assert seen.count("TIMEOUT, none ready") == 2 and "same" not in seen


def test_hidden_lanes_are_counted(tmp_path):
    seen = lanes(crowd(30, 3), tmp_path, "--width=80")
    for line in seen.splitlines()[:10]:
        assert not line.strip().startswith("#") or re.search(r" \+\d+$", line)
    assert re.search(r" \*\d+  select #", seen)


def test_colour_says_nothing_by_itself(tmp_path):
    plain, coloured = lanes(trouble(), tmp_path), lanes(trouble(), tmp_path, "--color=always")
    assert re.sub("\033\\[[0-9]*m", "", coloured) == plain


@pytest.mark.parametrize("words", HOSTILE)
def test_what_others_say_never_gets_through(tmp_path, words):
    c = Capture()
    c.event("start", args=[1], items=[text("TEXT", words + b"\0" + words)])
    listener(c)
    c.note(words[:60], words[:60], words)
    c.event("open", args=[0], ret=4, items=[text("PATH", words[:200])])
    wait(c, {3}, {3})
    c.event("accept", fd=3, ret=5, items=[addr("PEER", "127.0.0.1", 40001)])
    c.event("recv", fd=5, args=[512], ret=20, items=[text("DATA", words[:32])])
    assert re.fullmatch(r"[ -~\n]*", lanes(c, tmp_path))


def test_a_capture_that_was_cut_off_is_drawn_as_far_as_it_goes(tmp_path):
    whole, c = lanes(echo_server(1), tmp_path), echo_server(1)
    path = tmp_path / "cut.fdt"
    path.write_bytes(c.bytes()[:-640])
    done = subprocess.run([FDTRACE, "lanes", path], capture_output=True, text=True, timeout=30, env=PLAIN)
    rows, said = done.stdout.splitlines(), done.stderr.splitlines()
    assert done.returncode == 0 and len(said) == 1 and rows[-1].startswith("-- ")
    assert len(rows) > 20 and rows[:19] == whole.splitlines()[:19]
    assert "(cut off)" in rows[19] and "!" not in rows[19]


def test_a_run_of_many_minutes(tmp_path):
    c = Capture()
    listener(c)
    for begin in (999.0, 1000.0, 90000.0, 12345678.0):
        c.event("recv", fd=3, args=[512], ret=5, begin=begin)
    rows = [line.split() for line in lanes(c, tmp_path).splitlines()[4:]]
    assert [row[:2] for row in rows] == [["4", "999.000000"], ["5", "1000.000000"], ["6", "90000.000000"], ["7", "12345678.000000"]]


def test_bad_input_is_one_line(tmp_path):
    (tmp_path / "no.fdt").write_text("no capture")
    good = str(echo_server().write(tmp_path / "c.fdt"))
    for arguments in ([str(tmp_path / "no.fdt")], [str(tmp_path / "none.fdt")], [], [good, "--width=x"], [good, "--follow"], [good, "--no"]):
        done = subprocess.run([FDTRACE, "lanes", *arguments], capture_output=True, text=True, timeout=30)
        assert done.returncode == 2 and done.stdout == "" and len(done.stderr.splitlines()) == 1, arguments


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path):
    path = crowd(30).write(tmp_path / "c.fdt")
    done = subprocess.run(["bash", "-c", 'set -o pipefail; "$0" lanes --all "$1" | head -n 1', FDTRACE, path], capture_output=True, text=True,
                          timeout=30, env=PLAIN)
    assert done.returncode == 0 and done.stderr == "" and "time" in done.stdout
    assert "\u2500" in show("lanes", echo_server().write(tmp_path / "d.fdt"), env=UTF8)
    assert show("lanes", tmp_path / "d.fdt", "--ascii", env=UTF8).isascii()
