"""fdtrace svg: a still picture. Pictures are kept in golden/; UPDATE_GOLDEN=1 writes them anew."""

from __future__ import annotations

import re
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from captures import Capture, addr, echo_server, text
from test_trace_views import FDTRACE, HOSTILE, PLAIN, crowd, family, golden, listener, one_at_a_time, screen, trouble, wait

SVG = "{http://www.w3.org/2000/svg}"


def picture(capture, tmp_path, *options):
    return screen(capture, tmp_path, *options, view="svg")


def run(*arguments):
    return subprocess.run([FDTRACE, "svg", *map(str, arguments)], capture_output=True, text=True, timeout=30, env=PLAIN)


@pytest.mark.parametrize("name, capture, options", [
    ("svg-echo", lambda: echo_server(2), []),
    ("svg-one-at-a-time", one_at_a_time, []),
    ("svg-family", family, []),
    ("svg-trouble", trouble, ["--turns=1-5"]),
])
def test_pictures(tmp_path, name, capture, options):
    golden(f"{name}.svg", picture(capture(), tmp_path, *options))


@pytest.mark.parametrize("capture", [lambda: echo_server(4), one_at_a_time, family, trouble])
def test_a_picture_is_what_a_page_can_take(tmp_path, capture):
    seen = picture(capture(), tmp_path)
    root = ElementTree.fromstring(seen)
    assert root.get("role") == "img" and [root[0].tag, root[1].tag] == [SVG + "title", SVG + "desc"] and root[0].text and root[1].text
    background = root.find(SVG + "rect")
    assert background.get("fill") == "#FFFFFF" and all(background.get(side) == root.get(side) for side in ("width", "height"))
    assert "<style" not in seen and "<script" not in seen and "href" not in seen
    places = [node.get(name) for node in root.iter() for name in ("x", "y", "width", "height") if node.get(name)]
    assert all(re.fullmatch(r"\d+( \d+)*", place) for place in places)
    assert set(re.findall("#[0-9A-F]{6}", seen)) <= {"#0072B2", "#D55E00", "#767676", "#000000", "#FFFFFF"}
    assert len(seen) < 100000 and seen == picture(capture(), tmp_path)


def test_lives_carry_their_names_and_alternate(tmp_path):
    root = ElementTree.fromstring(picture(echo_server(3), tmp_path))
    words = {node.text.split()[0] for node in root.iter(SVG + "text")}
    assert {"3", "4", "4#2", "4#3", "5", "5#2", "5#3"} <= words
    seen = list(root)
    for i, node in enumerate(seen):
        if node.tag == SVG + "text" and (node.text or "").startswith("4#2"):
            assert any(before.get("fill") == "url(#h)" for before in seen[i - 2:i])
        if node.tag == SVG + "text" and (node.text or "").startswith("4#3"):
            assert seen[i - 1].get("fill") == "#0072B2"


def test_the_words_tell_the_turns(tmp_path):
    told = ElementTree.fromstring(picture(echo_server(1), tmp_path, "--turns=3-5"))[1].text
    assert "Turn 3: select woke: 4 readable" in told and "Turn 5:" in told and "Turn 2:" not in told and "Turn 6:" not in told


def test_too_much_is_refused_and_says_what_would_fit(tmp_path):
    path, out = crowd(30).write(tmp_path / "c.fdt"), tmp_path / "c.svg"
    out.write_text("kept")
    done = run("-o", out, path)
    assert done.returncode == 2 and done.stdout == "" and "--turns 0-59" in done.stderr and len(done.stderr.splitlines()) == 1
    assert out.read_text() == "kept"
    assert run("--turns=30-32", "-o", out, path).returncode == 0 and out.read_text().startswith("<svg")
    assert run("--turns", "0-59", path).returncode == 0


@pytest.mark.parametrize("words", HOSTILE)
def test_what_others_say_never_becomes_markup(tmp_path, words):
    c = Capture()
    c.event("start", args=[1], items=[text("TEXT", words + b"\0" + words)])
    listener(c)
    c.note(words[:60], "is", "127.0.0.1:40001")
    wait(c, {3}, {3})
    c.event("accept", fd=3, ret=5, items=[addr("PEER", "127.0.0.1", 40001)])
    c.event("recv", fd=5, args=[512], ret=20, items=[text("DATA", words[:32])])
    wait(c, {3, 5}, {5})
    seen = picture(c, tmp_path)
    root = ElementTree.fromstring(seen)
    assert re.fullmatch(r"[ -~\n]*", seen)
    assert {node.tag.removeprefix(SVG) for node in root.iter()} == {"svg", "title", "desc", "defs", "pattern", "rect", "path", "text"}


def test_a_path_of_the_machine_is_not_in_the_picture(tmp_path):
    c = Capture()
    c.event("start", args=[1], items=[text("TEXT", b"/home/somebody/server\0002")])
    listener(c)
    wait(c, {3}, set(), 2.0, 0.0)
    seen = picture(c, tmp_path)
    assert "somebody" not in seen and ">server and its descriptors" in seen


def test_a_capture_that_was_cut_off_is_drawn_and_says_so_on_the_picture(tmp_path):
    path = tmp_path / "cut.fdt"
    path.write_bytes(echo_server(1).bytes()[:-640])
    done = run(path)
    root = ElementTree.fromstring(done.stdout)
    assert done.returncode == 0 and len(done.stderr.splitlines()) == 1
    assert "cut off: 46 of 56" in root[1].text and any("cut off: 46 of 56" in (node.text or "") for node in root.iter(SVG + "text"))


def test_bad_input_is_one_line(tmp_path):
    (tmp_path / "no.fdt").write_text("no capture")
    good = echo_server().write(tmp_path / "c.fdt")
    for arguments in ([tmp_path / "no.fdt"], [tmp_path / "none.fdt"], [], [good, "--turns=x"], [good, "--turns=5-3"], [good, "--turns=-3"],
                      [good, "--turns=3-x"], [good, "--turns="], [good, "--width=80"], [good, "-o", tmp_path / "no" / "c.svg"]):
        done = run(*arguments)
        assert done.returncode == 2 and done.stdout == "" and len(done.stderr.splitlines()) == 1, (arguments, done.stderr)


def test_turns_that_are_not_there_and_no_turns(tmp_path):
    good = echo_server().write(tmp_path / "c.fdt")
    for option in ("--turns=3-", "--turns=3", "--turns=0-2"):
        assert run(option, good).returncode == 0
    done = run("--turns=50-60", good)
    assert done.returncode == 2 and "no such turn" in done.stderr and done.stdout == ""


def test_a_call_that_never_returned_is_marked(tmp_path):
    root = ElementTree.fromstring(picture(one_at_a_time(), tmp_path))
    assert any((node.text or "").endswith("o>") for node in root.iter(SVG + "text"))
