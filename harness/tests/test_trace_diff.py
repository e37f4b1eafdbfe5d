"""fdtrace diff: two runs of the same session. Screens are kept in golden/; UPDATE_GOLDEN=1 writes them anew.

The report's sessions are played against the reference, right servers and wrong ones: the first difference must be the true one.
"""

from __future__ import annotations

import random
import re
import subprocess

import pytest

import captures
from captures import Capture, addr, echo_server, text
from fdlab import launcher
from fdlab.launcher import launch
from fdlab.play import lab_module
from fdlab.session import SessionError, play
from test_trace_views import FDTRACE, HOSTILE, PLAIN, UTF8, crowd, family, golden, listener, one_at_a_time, trouble, wait

TIMEOUT = 1.0  # a machine that is busy for so long between two steps would be another run


def diff(*arguments, env=PLAIN, cwd=None):
    return subprocess.run([str(FDTRACE), "diff", *map(str, arguments)], capture_output=True, text=True, timeout=60, env=env, cwd=cwd)


def both(tmp_path, mine, theirs, *options, **how):
    """Names of files that do not depend on where the test lies."""
    mine.write(tmp_path / "mine.fdt")
    theirs.write(tmp_path / "theirs.fdt")
    return diff(*options, "mine.fdt", "theirs.fdt", cwd=tmp_path, **how)


def session(leaks=False, forgets=False, chunk=12, late=0.0, port=50000, first_peer=40001, pid=None, extra=False, order="ABC", echoes=12,
            ends=9, names=True, timeouts=1, limit=2.0):
    """Three clients that come, speak and leave, a silence, one more client: a server with a mistake, or another day's run."""
    c = Capture()
    clock = [0.0]

    def at(step=0.001):
        clock[0] += step + late * step
        return clock[0]

    def one(call, **how):
        begin = at()
        c.event(call, begin=begin, end=begin + 1e-5, **({"pid": pid} if pid else {}), **how)

    def sleeps(fds, ready):
        begin = at()
        left = limit - 0.05 if ready else 0.0
        end = begin + (0.05 if ready else limit)
        c.event("select", args=[max(fds) + 1], items=[captures.timeout(limit, left), captures.sets(max(fds) + 1, read=fds, ready=ready)],
                ret=len(ready), begin=begin, end=end, **({"pid": pid} if pid else {}))
        clock[0] = max(clock[0], end)

    def note(*words):
        if names:
            c.note(*words, begin=at())

    one("socket", args=[2, 1, 0], ret=3)
    one("bind", fd=3, items=[addr("ADDR", "127.0.0.1", port), addr("LOCAL", "127.0.0.1", port)])
    one("listen", fd=3, args=[16])
    if extra:
        one("fcntl", fd=3, args=[3, 0], ret=2)
        one("setsockopt", fd=3, args=[1, 9, 1])  # SO_KEEPALIVE
    watched, numbers, peer = {3}, {}, first_peer

    def comes(who):
        nonlocal peer
        note(who, "is", f"127.0.0.1:{peer}")
        note(who, "connects to", f"127.0.0.1:{port}")
        sleeps(watched, {3})
        fd = min(set(range(4, 20)) - set(numbers.values()))
        one("accept", fd=3, ret=fd, items=[addr("PEER", "127.0.0.1", peer)])
        numbers[who] = fd
        if not (forgets and who == "B"):
            watched.add(fd)
        peer += 7

    def speaks(who):
        fd = numbers[who]
        note(who, "says", f'"hello from {who}"')
        if fd not in watched:
            return
        sleeps(watched, {fd})
        for begin in range(0, 12, chunk):
            size = min(chunk, 12 - begin)
            one("recv", fd=fd, args=[512], ret=size, items=[text("DATA", "x" * size)])
            one("send", fd=fd, args=[size], ret=min(size, max(0, echoes - begin)))
        if echoes == 12:
            note(who, "hears", f'"hello from {who}"')

    def leaves(who):
        fd = numbers[who]
        note(who, "leaves", "")
        if fd not in watched:
            return
        sleeps(watched, {fd})
        one("recv", fd=fd, args=[512], ret=0)
        watched.discard(fd)
        if not (leaks and who == "B"):
            one("close", fd=fd)
            del numbers[who]

    for who in "ABC":
        comes(who)
    for who in order:
        speaks(who)
    for who in "BAC":
        leaves(who)
    note("session", "silence", "of 2 s")
    for _ in range(timeouts):
        sleeps(watched, set())
    comes("D")
    speaks("D")
    c.event("ended", args=[ends], begin=at(0.5), **({"pid": pid} if pid else {}))
    return c


# ---- the same


@pytest.mark.parametrize("other", [{"late": 3.0}, {"port": 41000}, {"first_peer": 52000}, {"pid": 4711}, {"chunk": 5}, {"chunk": 1},
                                   {"extra": True}, {"names": False}, {"timeouts": 3}])
def test_what_is_no_difference(tmp_path, other):
    """Times, ports, process numbers, how bytes were cut, calls that change nothing, a capture without notes."""
    done = both(tmp_path, session(**other), session())
    assert done.returncode == 0 and done.stderr == "" and "The same happened in both" in done.stdout, done.stdout
    assert both(tmp_path, session(), session(**other)).returncode == 0


@pytest.mark.parametrize("capture", [lambda: echo_server(2), one_at_a_time, lambda: crowd(400, 3), family, trouble, Capture])
def test_a_run_and_itself(tmp_path, capture):
    assert both(tmp_path, capture(), capture()).returncode == 0


def test_the_order_within_a_turn_is_no_difference(tmp_path):
    def two(order):
        c = Capture()
        listener(c)
        for i, who in enumerate("AB"):
            c.note(who, "is", f"127.0.0.1:{40001 + i}")
        wait(c, {3}, {3})
        for fd, i in zip((4, 5), (0, 1)):
            c.event("accept", fd=3, ret=fd, items=[addr("PEER", "127.0.0.1", 40001 + i)])
        wait(c, {3, 4, 5}, {4, 5})
        for fd in order:
            c.event("recv", fd=fd, args=[512], ret=5)
            c.event("send", fd=fd, args=[5], ret=5)
        c.event("ended", args=[9])
        return c
    assert both(tmp_path, two((4, 5)), two((5, 4))).returncode == 0


# ---- differences


def first_of(done):
    assert done.returncode == 1 and done.stderr == "", done.stderr
    return re.search(r"The first difference: (.*?)\n\n", done.stdout, re.S)[1]


@pytest.mark.parametrize("mistake, whose, words", [
    ({"leaks": True}, "B's connection", ["end of file", "never closed", "closed, 5"]),
    ({"forgets": True}, "B's connection", ["accepted as 5", "in the set from here on"]),
    ({"echoes": 5}, "A's connection", ["12 bytes in, 5 out", "12 bytes in, 12 out"]),
    ({"timeouts": 0}, "the program", ["TIMEOUT, none ready"]),
    ({"ends": 256}, "the program", ["ends by itself, with status 1", "killed by SIGKILL"]),
    ({"limit": 0.5}, "the program", ["500ms at most", "2.00s at most"]),
])
def test_the_first_difference_is_the_true_one(tmp_path, mistake, whose, words):
    for width in ("80", "120"):
        told = first_of(both(tmp_path, session(**mistake), session(), f"--width={width}"))
        assert told.startswith(whose) and all(word in told for word in words), told
    told = first_of(both(tmp_path, session(), session(**mistake)))  # the other way round
    assert told.startswith(whose), told


@pytest.mark.parametrize("name, mine, theirs, options, env", [
    ("diff-leak-120", {"leaks": True}, {}, ["--width=120"], PLAIN),
    ("diff-leak-80", {"leaks": True}, {}, ["--width=80"], PLAIN),
    ("diff-leak-all-120", {"leaks": True}, {}, ["--width=120", "--all"], PLAIN),
    ("diff-leak-colour", {"leaks": True}, {}, ["--width=80", "--color=always"], PLAIN),
    ("diff-forgets-120-utf8", {"forgets": True}, {}, ["--width=120"], UTF8),
    ("diff-ports-120", {"echoes": 5, "port": 41000, "late": 2.0}, {}, ["--width=120"], PLAIN),
    ("diff-same-all-80", {"late": 1.0}, {}, ["--width=80", "--all"], PLAIN),
])
def test_screens(tmp_path, name, mine, theirs, options, env):
    golden(f"{name}.txt", both(tmp_path, session(**mine), session(**theirs), *options, env=env).stdout)


@pytest.mark.parametrize("width", [20, 40, 80, 99, 100, 120, 200])
def test_no_line_is_wider_than_the_screen(tmp_path, width):
    for mine, theirs in ((session(leaks=True), session()), (crowd(30), echo_server(2)), (family(), one_at_a_time()), (trouble(), Capture())):
        for options in ([], ["--all"]):
            seen = both(tmp_path, mine, theirs, f"--width={width}", *options).stdout
            assert max(map(len, seen.splitlines())) <= (width if width >= 40 else 45), seen
            assert not [line for line in seen.splitlines() if line != line.rstrip()]


def test_colour_says_nothing_by_itself(tmp_path):
    plain = both(tmp_path, session(leaks=True), session()).stdout
    assert re.sub("\033\\[[0-9]*m", "", both(tmp_path, session(leaks=True), session(), "--color=always").stdout) == plain
    assert both(tmp_path, session(leaks=True), session(), "--color=always", env=PLAIN | {"NO_COLOR": "1"}).stdout != plain


def test_a_run_without_what_the_other_has(tmp_path):
    for mine, theirs in ((Capture(), session()), (session(), Capture())):
        done = both(tmp_path, mine, theirs)
        assert done.returncode == 1 and "socket 1, which only the" in done.stdout and "Only in the" in done.stdout


def test_a_forked_server_is_told_by_its_connections(tmp_path):
    def forks(child_reads):
        c = Capture()
        listener(c)
        c.event("accept", fd=3, ret=4, items=[addr("PEER", "127.0.0.1", 40001)])
        c.event("fork", ret=200)
        c.event("forked", pid=200, args=[100])
        c.event("recv", fd=4, pid=200, args=[512], ret=child_reads)
        c.event("close", fd=4, pid=200)
        c.event("close", fd=4)
        c.event("ended", args=[9])
        return c
    assert both(tmp_path, forks(5), forks(5)).returncode == 0
    told = first_of(both(tmp_path, forks(5), forks(7)))
    assert told.startswith("connection 1") and "5 bytes in" in told


def test_many_clients_and_long_stories(tmp_path):
    """A table of 10,000 by 10,000 would be too much: all is compared, and all of it is told."""
    def chatty(odd):
        c = Capture()
        listener(c)
        chance = random.Random(odd)
        for _ in range(3000):
            limit = chance.choice((1.0, 2.0, 3.0))
            c.event("select", args=[4], items=[captures.timeout(limit, 0.0), captures.sets(4, read={3}, ready=set())], ret=0)
        c.event("ended", args=[9])
        return c
    done = both(tmp_path, chatty(1), chatty(2))
    assert done.returncode == 1 and done.stdout.count("\n") > 3000
    assert both(tmp_path, crowd(400, 3), crowd(399, 3)).returncode == 1


# ---- captures that are not whole, and what others say


def test_a_capture_that_was_cut_off_says_so_and_blames_nobody(tmp_path):
    session().write(tmp_path / "theirs.fdt")
    (tmp_path / "mine.fdt").write_bytes(session().bytes()[:-64 * 20])
    done = diff("mine.fdt", "theirs.fdt", cwd=tmp_path)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and "cut off" in done.stderr
    assert "< mine.fdt  -- cut off" in done.stdout and "open where the capture ends" in done.stdout
    assert "never closed" not in re.sub(r".*>.*", "", done.stdout)
    for size in range(16384, len(session().bytes()), 6400):
        (tmp_path / "mine.fdt").write_bytes(session().bytes()[:size])
        assert diff("mine.fdt", "theirs.fdt", cwd=tmp_path).returncode in (1, 2)


def test_damaged_captures(tmp_path):
    whole, chance = bytearray(session().bytes()), random.Random(5)
    session().write(tmp_path / "theirs.fdt")
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(chance.randrange(1, 30)):
            damaged[chance.randrange(16384, len(damaged))] = chance.randrange(256)
        (tmp_path / "mine.fdt").write_bytes(damaged)
        for pair in (("mine.fdt", "theirs.fdt"), ("theirs.fdt", "mine.fdt"), ("mine.fdt", "mine.fdt")):
            done = diff(*pair, cwd=tmp_path)
            assert done.returncode in (0, 1) and re.fullmatch(r"[ -~\n]*", done.stdout), done.stderr
            assert pair[0] != pair[1] or done.returncode == 0


@pytest.mark.parametrize("words", HOSTILE)
def test_what_others_say_never_gets_through(tmp_path, words):
    def capture(extra):
        c = Capture()
        c.event("start", args=[1], items=[text("TEXT", words + b"\0" + words)])
        listener(c)
        c.note(words[:60], "is", "127.0.0.1:40001")
        c.note(words[:60], words[:60], words + extra)
        wait(c, {3}, {3})
        c.event("accept", fd=3, ret=5, items=[addr("PEER", "127.0.0.1", 40001)])
        c.note(words[:60], "hears", words)
        c.note("server", "prints", words + extra)
        return c
    for options in ([], ["--all"], ["--width=120", "--all"]):
        done = both(tmp_path, capture(b""), capture(b"x"), *options)
        assert done.returncode == 1 and re.fullmatch(r"[ -~\n]*", done.stdout)


def test_bad_input_is_one_line(tmp_path):
    (tmp_path / "no.fdt").write_text("no capture")
    good, out = echo_server().write(tmp_path / "c.fdt"), tmp_path / "out"
    out.write_text("kept")
    for arguments in ([], [good], [good, good, good], [good, tmp_path / "no.fdt"], [tmp_path / "no.fdt", good], [good, tmp_path / "none"],
                      [good, good, "--width=x"], [good, good, "--follow"], [good, good, "--fd=3"], [good, tmp_path / "no.fdt", "-o", out],
                      [tmp_path / "none", good, "-o", out], [good, good, "-o", good], [good, good, "-o", tmp_path / "no" / "x"]):
        done = diff(*arguments)
        assert done.returncode == 2 and done.stdout == "" and len(done.stderr.splitlines()) == 1, (arguments, done.stderr)
    assert out.read_text() == "kept" and good.read_bytes() == echo_server().bytes()
    done = diff("-o", out, good, good)
    assert done.returncode == 0 and done.stdout == "" and "The same happened" in out.read_text()
    assert "Exit status: 0 when the same happened, 1 when not; 2" in diff("--help").stdout


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path):
    session(leaks=True).write(tmp_path / "a.fdt")
    session().write(tmp_path / "b.fdt")
    done = subprocess.run(["bash", "-c", '"$0" diff --all a.fdt b.fdt | head -n 1; echo "${PIPESTATUS[0]}"', str(FDTRACE)],
                          capture_output=True, text=True, timeout=30, env=PLAIN, cwd=tmp_path)
    assert done.stderr == "" and done.stdout.splitlines()[-1] == "1"


# ---- the report's sessions


@pytest.fixture(scope="module")
def played(build, tmp_path_factory, root):
    """played("lab2", "bad/eof_ignored"): the capture of the session against that submission, "" being the reference."""
    where, made = tmp_path_factory.mktemp("diff"), {}

    def run(lab, name, again=""):
        if (lab, name, again) in made:
            return made[lab, name, again]
        program = where / f"{lab}-{name.replace('/', '-') or 'reference'}"
        source = root / "harness" / "submissions" / lab / f"{name}.c" if name else next(root.glob(f"labs/{lab}-*/server.c"))
        subprocess.run(["cc", "-std=c11", "-D_POSIX_C_SOURCE=200809L", "-g", "-O1", "-fno-optimize-sibling-calls", "-I", root / "common",
                        "-o", program, source, build / "common" / "helpers.a"], check=True, timeout=60)
        script, capture = lab_module(lab), f"{program}{again}.fdt"
        held = launcher.free_ports(script.PORTS)
        try:
            with launch([str(program), "%g" % TIMEOUT, *map(str, held.numbers)], fdtrace=str(FDTRACE), capture=capture) as server:
                play(script.play, server, held.numbers, TIMEOUT, deadline=30.0 if not name.startswith("bad/") else 1.5)
        except SessionError:
            assert name.startswith("bad/"), name
        finally:
            for lock in held.locks:
                lock.close()
        made[lab, name, again] = capture
        return capture

    return run


@pytest.mark.parametrize("lab, name", [("lab1", ""), ("lab2", ""), ("lab1", "good/poll_listeners"), ("lab2", "good/one_byte"),
                                       ("lab2", "good/poll_array")])
def test_right_servers_do_the_same(played, lab, name):
    """Other ports, other times, other calls; without a timer in the way of a slow machine, the same."""
    done = diff(played(lab, name, again="-again"), played(lab, ""))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("lab, name, told", [
    ("lab1", "bad/never_closed", r"A's connection, after \"end of file\"\n.*never closed.*\n?.*closed, 6"),
    ("lab1", "bad/child_for_each_client", r"A's connection, after \"accepted as 6 from socket 1\"\n < .*closed, 6"),
    ("lab1", "bad/first_port_only", r"socket 2, which only the second run has\n > .*opened as 4"),
    ("lab2", "bad/eof_ignored", r"B's connection, after \"end of file.*\n < .*never closed\n > .*closed, 5"),
    ("lab2", "bad/shutdown_not_close", r"B's connection, after \"end of file\"\n.*never closed.*\n > .*closed, 5"),
    ("lab2", "bad/close_without_clr", r"the program, after .*\n < .*5 is in the set, and not open"),
    ("lab2", "bad/nfds_no_plus_one", r"socket 1, after \"listens\"\n > .*in the set from here on"),
    ("lab2", "bad/echo_whole_buffer", r"C's connection, .*\n < .*12 bytes in, \d{3,} out.*\n > .*12 bytes in, 12 out"),
    ("lab2", "bad/handler_stays_from_first_byte", r"C's connection, after \"12 bytes in, 12 out\"\n < .*read (fails|never returns)"),
    ("lab2", "bad/timer_set_once", r"the program, after .*\n < .*select waits for what the wait before left"),
    ("lab2", "bad/timeout_ends_server", r"socket 1, after .*\n < .*closed, 3.*\n > .*never closed"),
    ("lab2", "bad/reuseaddr_missing", r"socket 1, after \"opened as 3\"\n > .*SO_REUSEADDR on"),
    ("lab2", "bad/every_address", r"socket 1, .*\n < .*bound to 0\.0\.0\.0:.*\n > .*bound to 127\.0\.0\.1:"),
])
def test_the_first_difference_of_a_wrong_server_is_its_mistake(played, lab, name, told):
    done = diff(played(lab, name), played(lab, ""))
    assert done.returncode == 1 and re.match("The first difference: " + told, done.stdout.split("\n\n", 1)[1]), done.stdout
