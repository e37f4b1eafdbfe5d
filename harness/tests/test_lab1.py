"""harness/tests/test_lab1.py: the report on server 1, statement by statement, on the trace of one run and on what the
clients saw."""
from __future__ import annotations

from types import SimpleNamespace

import pytest

from fdlab import launcher, trace
from fdlab.launcher import launch
from fdlab.play import lab_module
from fdlab.session import play

TIMEOUT = 1.0
LAB = lab_module("lab1")


@pytest.fixture(scope="module")
def played(build, fdtrace, tmp_path_factory) -> SimpleNamespace:
    """One run of the session under fdtrace; all tests here look at it."""
    capture = str(tmp_path_factory.mktemp("lab1") / "trace.fdt")
    held = launcher.free_ports(LAB.PORTS)
    with launch([str(build / "lab1" / "server"), "%g" % TIMEOUT, *map(str, held.numbers)],
                fdtrace=fdtrace, capture=capture) as server:
        session = play(LAB.play, server, held.numbers, TIMEOUT)
    return SimpleNamespace(run=trace.load(fdtrace, capture), ports=held.numbers, session=session,
                           printed=[text for _, text in server.lines.all], status=server.status, capture=capture)


def test_all_facts_of_the_summary_are_true(played):
    assert [one.text for one in LAB.facts(played.run, played.ports, TIMEOUT) if not one.true] == []


def test_three_listening_sockets_are_3_4_and_5(played):
    assert [life.name for life in played.run.listeners()] == ["3", "4", "5"]
    for fd, port in zip((3, 4, 5), played.ports):
        assert "listening on 127.0.0.1:%d fd %d" % (port, fd) in played.printed


def test_select_watches_them_with_the_timer(played):
    waits = played.run.waits()
    assert waits and {event["call"] for event in waits} == {"select"}
    for event in waits:
        assert event["watch"]["r"] == ["3", "4", "5"] and not event["watch"]["w"] and not event["watch"]["x"]
        assert event["timeout"] == TIMEOUT  # set anew each time


def test_only_the_first_client_is_served(played):
    """A talks twice before B or C is heard for the first time, though they came before A's second word."""
    heard = [(note["args"]["who"], note["args"]["text"]) for note in played.run.notes(verb="hears")]
    assert heard == [("A", '"hello"'), ("B", "nothing"), ("C", "nothing"), ("A", '"still here"'), ("B", "nothing"),
                     ("C", "nothing"), ("B", '"is anybody there?"'), ("C", "nothing"), ("C", '"me too"')]


def test_the_others_are_connected_and_may_speak(played):
    """Their connect() and their first send() succeed, long before they are accepted."""
    run = played.run
    for name in "BC":
        said = run.notes(name, "says")[0]
        assert run.notes(name, "cannot connect") == []
        assert said["seq"] < run.life_of("A").closed["seq"] < run.life_of(name).opened["seq"]


def test_the_queue_of_a_listener_shows_who_waits(played):
    """Sampled from outside while the server is in recv(): one connection in the queue of 4, one in that of 5."""
    waiting = {}
    until = played.run.life_of("A").closed["seq"]
    for event in played.run.calls("queue"):
        if event["seq"] < until:
            waiting[event["life"]] = event["args"]["queued"]
    assert waiting.get("4") == 1 and waiting.get("5") == 1


def test_the_client_is_6_and_then_6_again(played):
    assert played.run.clients() == {"A": "6", "B": "6#2", "C": "6#3"}
    lives = played.run.lives_of(6)
    assert len(lives) == 3
    for before, after in zip(lives, lives[1:]):
        assert before.closed["call"] == "close" and before.closed["seq"] < after.opened["seq"]
    assert lives[2].closed is not None
    assert [line for line in played.printed if "closed" in line] == ["client fd 6 closed"] * 3


def test_the_end_of_file_closes_it(played):
    """Ctrl+C in the client: recv() returns 0, and the descriptor that accept() gave is closed."""
    for life in played.run.lives_of(6):
        inside = [event for event in played.run.between(life.opened, life.closed) if event.get("life") == life.name]
        assert inside[-1]["call"] == "recv" and inside[-1]["ret"] == 0


def test_the_bytes_sent_long_ago_are_echoed_at_once(played):
    life = played.run.life_of("B")
    first = next(event for event in played.run.between(life.opened, life.closed) if event["call"] == "recv")
    assert first["data"] == "is anybody there?"
    assert not any(event["call"] == "select" for event in played.run.between(life.opened, first))


def test_no_time_out_while_a_client_is_served(played):
    for life in played.run.lives_of(6):
        assert not any(event["call"] in trace.WAITS for event in played.run.between(life.opened, life.closed))
    # A was silent for longer than the timer: one recv() lasted longer than it, and select() was not called.
    longest = max((event for event in played.run.calls("recv")), key=lambda event: event["dur"])
    assert longest["life"] == "6" and longest["dur"] > TIMEOUT


def test_two_timeouts_then_each_after_the_timer(played):
    silence = played.run.notes("session", "silence")[-1]
    found = [event for event in played.run.timeouts() if event["t"] + event["dur"] > silence["t"]]
    assert len(found) >= 2
    for event in found:
        assert TIMEOUT * 0.999 <= event["dur"]  # never early
        assert event["ready"]["r"] == []
    assert played.printed.count("time out!") == len(played.run.timeouts())
    # T apart: between one and the next the server did nothing but print.
    assert found[1]["t"] - (found[0]["t"] + found[0]["dur"]) < TIMEOUT


def test_nothing_else_was_opened_and_nothing_leaked(played):
    assert sorted({life.fd for life in played.run.lives}) == [3, 4, 5, 6]
    assert [life.name for life in played.run.lives if life.closed is None or life.closed["call"] == "exit"] == ["3", "4", "5"] \
        or [life.name for life in played.run.lives if life.closed is None] == ["3", "4", "5"]
    assert played.status == 128 + 15
