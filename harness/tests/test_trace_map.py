"""fdtrace map: a column a call. Screens are kept in golden/; UPDATE_GOLDEN=1 writes them anew."""

from __future__ import annotations

import re
import subprocess

import pytest

from captures import Capture, echo_server
from test_trace_views import FDTRACE, PLAIN, crowd, family, golden, listener, one_at_a_time, screen, trouble, wait


def map_of(capture, tmp_path, *options, **how):
    return screen(capture, tmp_path, *options, view="map", **how)


@pytest.mark.parametrize("name, capture, options", [
    ("map-echo-80", lambda: echo_server(2), ["--width=80"]),
    ("map-echo-40", lambda: echo_server(2), ["--width=40"]),
    ("map-one-at-a-time-80", one_at_a_time, ["--width=80"]),
    ("map-crowd-80", lambda: crowd(30, 3), ["--width=80"]),
    ("map-crowd-400-120", lambda: crowd(400, 1), ["--width=120"]),
    ("map-family-80", family, ["--width=80"]),
    ("map-trouble-80", trouble, ["--width=80"]),
    ("map-trouble-colour", trouble, ["--width=80", "--color=always"]),
])
def test_screens(tmp_path, name, capture, options):
    golden(f"{name}.txt", map_of(capture(), tmp_path, *options))


@pytest.mark.parametrize("capture", [lambda: echo_server(2), one_at_a_time, lambda: crowd(30, 3), lambda: crowd(400, 1), family, trouble])
@pytest.mark.parametrize("width", [20, 40, 80, 132])
def test_no_line_is_wider_than_the_screen(tmp_path, capture, width):
    for options in ([], ["--all"]):
        seen = map_of(capture(), tmp_path, f"--width={width}", *options)
        rows = [line for line in seen.splitlines() if "|" in line[:8]]
        assert max(map(len, rows)) <= width and max(map(len, seen.splitlines())) <= max(width, 45), seen


def test_blocks_are_the_same_run_as_one_line(tmp_path):
    """The rows of all blocks, put behind each other, are the rows of a map on a screen wide enough."""
    def rows(width):
        found = {}
        for line in map_of(echo_server(3), tmp_path, f"--width={width}").splitlines():
            row = re.fullmatch(r"(fd \d+|why|turn) *\|(.*)\|", line)
            if row:
                found[row[1]] = found.get(row[1], "") + row[2]
        return found
    assert rows(30) == rows(60) == rows(1000) and len(rows(30)) == 5


def test_equal_turns_fold_and_all_unfolds(tmp_path):
    folded, whole = map_of(crowd(8), tmp_path), map_of(crowd(8), tmp_path, "--all")
    assert re.search(r"turn +\|.*x998\|", folded) and "x998" not in whole
    assert len(folded.splitlines()) < 60 < 300 < len(whole.splitlines())


def test_equal_turns_at_the_end_and_in_the_middle(tmp_path):
    c = Capture()
    listener(c)
    for seconds in (2.0, 2.0, 2.0, 2.0, 0.5):
        wait(c, {3}, {3} if seconds < 1 else set(), seconds)
    wait(c, {3}, set(), 2.0)
    seen = map_of(c, tmp_path)
    assert "fd 3 |o||::~~*:|" in seen and "turn |   12x256|" in seen and "why  |   TT~~LT|" in seen


def test_colour_says_nothing_by_itself(tmp_path):
    plain, coloured = map_of(trouble(), tmp_path), map_of(trouble(), tmp_path, "--color=always")
    assert re.sub("\033\\[[0-9]*m", "", coloured) == plain


def test_a_capture_that_was_cut_off_is_drawn_as_far_as_it_goes(tmp_path):
    path = tmp_path / "cut.fdt"
    path.write_bytes(echo_server(1).bytes()[:-640])
    done = subprocess.run([FDTRACE, "map", path], capture_output=True, text=True, timeout=30, env=PLAIN)
    assert done.returncode == 0 and len(done.stderr.splitlines()) == 1 and done.stdout.splitlines()[-1].startswith("-- ")
    assert "fd 3 |o||*|*|:||:||" in done.stdout and "W" not in done.stdout


def test_bad_input_is_one_line(tmp_path):
    (tmp_path / "no.fdt").write_text("no capture")
    good = str(echo_server().write(tmp_path / "c.fdt"))
    for arguments in ([str(tmp_path / "no.fdt")], [str(tmp_path / "none.fdt")], [], [good, "--width=x"], [good, "--follow"]):
        done = subprocess.run([FDTRACE, "map", *arguments], capture_output=True, text=True, timeout=30)
        assert done.returncode == 2 and done.stdout == "" and len(done.stderr.splitlines()) == 1, arguments


def test_no_descriptors_and_a_reader_that_has_seen_enough(tmp_path):
    c = Capture()
    c.event("select", args=[0], ret=0)
    assert "T|" in map_of(c, tmp_path)
    path = crowd(30).write(tmp_path / "c.fdt")
    done = subprocess.run(["bash", "-c", 'set -o pipefail; "$0" map --all "$1" | head -n 1', FDTRACE, path], capture_output=True, text=True,
                          timeout=30, env=PLAIN)
    assert done.returncode == 0 and done.stderr == "" and "events" in done.stdout
