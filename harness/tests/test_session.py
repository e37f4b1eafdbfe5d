"""harness/tests/test_session.py: a session against servers that go wrong: it stops in time, and says what it waited for."""
from __future__ import annotations

import re
import time

import pytest

from fdlab.launcher import launch
from fdlab.play import lab_module
from fdlab.session import Session, SessionError, play

LAB2 = lab_module("lab2").play


def failure(compile_c, ports, kind: str, script=LAB2, deadline: float = 0.5, timeout: float = 1.0) -> SessionError:
    """How the session stops at a server that goes wrong in this way."""
    number, = ports(1)
    program = compile_c("wrong.c", "-D" + kind, "-pthread")
    begin = time.monotonic()
    with launch([program, "%g" % timeout, str(number)]) as server:
        with pytest.raises(SessionError) as error:
            play(script, server, [number], timeout, deadline)
    assert time.monotonic() - begin < 10
    return error.value


@pytest.mark.parametrize("kind, step, text", [
    ("CRASH", 'C says "hello from C"', r"the server should have gone on, but it was killed by SIGSEGV \(it touched memory"),
    ("EXIT", 'C says "hello from C"', r"the server should have gone on, but it ended with exit status 3: server: I give up"),
    ("HANG", 'C hears "hello from C"', r'C should have heard "hello from C", but heard nothing; waited for 0.5 s'),
    ("DEAF", 'C hears "hello from C"', r'C should have heard "hello from C", but heard nothing; waited for 0.5 s'),
    ("GARBLED", 'C hears "hello from C"', r'C should have heard "hello from C", but heard "HELLO FROM C"'),
    ("NEVER", "the server listens on ", r"the server should listen on port \d+; it does not after 0.5 s"),
    ("SPIN", "", r"the server (has not come to rest within 0.5 s|does not come to rest; it runs, and nothing comes of it)"),
])
def test_it_stops_and_says_why(compile_c, ports, kind, step, text):
    error = failure(compile_c, ports, kind)
    assert error.steps[-1].startswith(step)
    assert re.match(text, str(error)), str(error)


def test_a_server_that_cannot_start(build, ports):
    number, = ports(1)
    with launch([str(build / "lab2" / "server"), "nonsense", str(number)]) as server:
        with pytest.raises(SessionError, match="should listen on port %d, but it ended with exit status 2: usage" % number):
            play(LAB2, server, [number], 1)


def test_a_server_that_dies_between_two_steps(build, ports):
    number, = ports(1)

    def script(s: Session) -> None:
        s.serving()
        s.connect("A", number)
        s.server.end()
        s.say("A", "hello")

    with launch([str(build / "lab2" / "server"), "1", str(number)]) as server:
        with pytest.raises(SessionError, match="the server should have gone on, but it was killed by SIGTERM") as error:
            play(script, server, [number], 1)
        assert error.value.steps[-1] == 'A says "hello"'


def test_no_timeout_where_none_should_be(build, ports):
    """lab 2 at lab 1's silence: its select() does time out while a client is there."""
    number, = ports(1)

    def script(s: Session) -> None:
        s.serving()
        s.connect("A", number)
        s.silence()

    with launch([str(build / "lab2" / "server"), "0.3", str(number)]) as server:
        with pytest.raises(SessionError, match='the server printed "time out!" while it was serving a client'):
            play(script, server, [number], 0.3)


def test_a_right_server_that_is_slow(compile_c, ports):
    number, = ports(1)
    with launch([compile_c("wrong.c", "-DSLOW", "-pthread"), "0.5", str(number)]) as server:
        play(LAB2, server, [number], 0.5)


def test_every_word_of_a_session(build, ports):
    """What lab1 and lab2 do not use, the labs to come will."""
    number, = ports(1)

    def script(s: Session) -> None:
        s.serving()
        s.connect("A", number)
        s.connect("B", number)
        data = s.burst("A", 65536)
        s.hears("A", data)
        s.say("B", b"\0\xff\n")
        s.hears("B", b"\0\xff\n")
        s.hears_nothing("A")
        s.resets("A")
        s.half_closes("B")
        s.hears_end("B")
        s.leaves("B")

    with launch([str(build / "lab2" / "server"), "0", str(number)]) as server:
        done = play(script, server, [number], 0)
        assert [text for _, text in server.lines.all][-3:] == [
            "client fd 4: recv: Connection reset by peer (ECONNRESET)", "client fd 4 closed", "client fd 5 closed"]
    assert done.steps[3:] == [
        "A says 65536 bytes in one go", 'A hears "%s..." (65536 bytes)' % "".join("\\x%02x" % n for n in range(32)),
        'B says "\\x00\\xff\\x0a"', 'B hears "\\x00\\xff\\x0a"', "A hears nothing", "A leaves by a reset",
        "B says that it will say no more, and listens on", "B sees the server close the connection", "B leaves"]


# ---- the labs' own sessions, untraced

@pytest.mark.parametrize("lab", ["lab1", "lab2"])
def test_what_it_costs_beside_its_silences(build, ports, lab):
    """On an idle machine 0.3 s. Timed by nothing but its own silence: 5 s is for a busy one."""
    module = lab_module(lab)
    numbers = ports(module.PORTS)
    with launch([str(build / lab / "server"), "0.5", *map(str, numbers)]) as server:
        begin = time.monotonic()
        session = play(module.play, server, numbers, 0.5)
        assert session.silent <= time.monotonic() - begin < session.silent + 5
    printed = [text for _, text in server.lines.all]
    assert printed.count("time out!") >= {"lab1": 2, "lab2": 1}[lab]


def test_lab2_plays_with_all_cores_busy(build, ports, busy_cores):
    number, = ports(1)
    with launch([str(build / "lab2" / "server"), "1", str(number)]) as server:
        play(LAB2, server, [number], 1)
