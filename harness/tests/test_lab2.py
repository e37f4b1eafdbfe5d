"""harness/tests/test_lab2.py: the report on server 2, statement by statement, on the trace of one run and on what the
clients saw; and whether the trace can be believed: the kernel's own table of descriptors, traced and untraced."""
from __future__ import annotations

from types import SimpleNamespace
from typing import Dict, List

import pytest

from fdlab import launcher, proc, trace
from fdlab.launcher import launch
from fdlab.play import lab_module
from fdlab.session import Session, play

TIMEOUT = 1.0
LAB = lab_module("lab2")


def play_traced(build, fdtrace, capture: str, timeout: float) -> SimpleNamespace:
    held = launcher.free_ports(LAB.PORTS)
    with launch([str(build / "lab2" / "server"), "%g" % timeout, *map(str, held.numbers)],
                fdtrace=fdtrace, capture=capture) as server:
        session = play(LAB.play, server, held.numbers, timeout)
    return SimpleNamespace(run=trace.load(fdtrace, capture), ports=held.numbers, session=session,
                           printed=[text for _, text in server.lines.all], status=server.status)


@pytest.fixture(scope="module")
def played(build, fdtrace, tmp_path_factory) -> SimpleNamespace:
    return play_traced(build, fdtrace, str(tmp_path_factory.mktemp("lab2") / "trace.fdt"), TIMEOUT)


def test_all_facts_of_the_summary_are_true(played):
    assert [one.text for one in LAB.facts(played.run, played.ports, TIMEOUT) if not one.true] == []


def test_one_listening_socket_is_3(played):
    assert [life.name for life in played.run.listeners()] == ["3"]
    assert played.printed[0] == "listening on 127.0.0.1:%d fd 3" % played.ports[0]


def test_with_so_reuseaddr_before_bind(played):
    option, = [event for event in played.run.calls("setsockopt") if event["ret"] == 0]
    bind, = played.run.calls("bind")
    assert option["life"] == bind["life"] == "3" and option["seq"] < bind["seq"]


def test_the_listening_socket_only_takes_connections(played):
    assert {event["call"] for event in played.run.events if event.get("life") == "3" and event["call"] != "queue"} == {
        "setsockopt", "bind", "listen", "accept"} | (
            {"socket"} if any(event.get("life") == "3" for event in played.run.calls("socket")) else set())


def test_three_clients_get_4_5_and_6(played):
    first = [life for life in played.run.lives if life.client is not None][:3]
    assert [(life.client, life.name) for life in first] == [("A", "4"), ("B", "5"), ("C", "6")]


def test_all_three_exchange_messages(played):
    heard = [(note["args"]["who"], note["args"]["text"]) for note in played.run.notes(verb="hears")][:3]
    assert heard == [(name, '"hello from %s"' % name) for name in "CAB"]
    # While all three are there: nobody had to leave first.
    last = played.run.notes("B", "hears")[0]
    assert all(last["seq"] < played.run.life_of(name).closed["seq"] for name in "ABC")


def test_all_three_leave_and_4_5_and_6_are_closed(played):
    for name, life in (("A", "4"), ("B", "5"), ("C", "6")):
        closed = played.run.life_of(name).closed
        assert closed["call"] == "close" and closed["life"] == life
        assert closed["seq"] > played.run.notes(name, "leaves")[0]["seq"]


def test_the_next_three_are_4_5_and_6_again(played):
    assert {name: played.run.clients()[name] for name in "DEF"} == {"D": "4#2", "E": "5#2", "F": "6#2"}
    assert max(life.fd for life in played.run.lives) == 6


def test_a_hole_is_filled_first(played):
    assert played.run.clients()["G"] == "5#3"
    assert played.run.life_of("E").closed["seq"] < played.run.life_of("G").opened["seq"]
    for name in "DF":
        assert played.run.life_of(name).closed["seq"] > played.run.life_of("G").opened["seq"]


def test_lives_on_a_number_never_overlap(played):
    for fd in (4, 5, 6):
        lives = played.run.lives_of(fd)
        for before, after in zip(lives, lives[1:]):
            assert before.closed["seq"] < after.opened["seq"]


def test_each_wait_watches_exactly_those_who_are_there(played):
    """The listener and every client that has been accepted and not been closed."""
    for wait in played.run.waits():
        there = {life.name for life in played.run.lives if life.client is not None
                 and life.opened["seq"] < wait["seq"] and (life.closed is None or life.closed["seq"] > wait["seq"])}
        assert set(wait["watch"]["r"]) == {"3"} | there
        assert wait["timeout"] == TIMEOUT


def timeouts_are_true(played, timeout: float) -> List[float]:
    found = played.run.timeouts()
    assert played.printed.count("time out!") == len(found) >= 1
    for event in found:
        assert event["dur"] >= timeout * 0.999  # the kernel never wakes it early
        assert event["ready"]["r"] == [] and event["left"] in (0.0, None)
    return [event["dur"] for event in found]


def test_silence_is_a_timeout_and_the_server_is_still_alive(played):
    timeouts_are_true(played, TIMEOUT)
    first = next(event for event in played.run.timeouts()
                 if event["t"] + event["dur"] > played.run.notes("session", "silence")[0]["t"])
    answer = played.run.notes("G", "hears")[0]
    assert answer["args"]["text"] == '"still alive?"' and answer["seq"] > first["seq"]
    assert played.status == 128 + 15  # by our SIGTERM, at the end


def test_with_the_reports_own_ten_seconds(build, fdtrace, tmp_path):
    played = play_traced(build, fdtrace, str(tmp_path / "trace.fdt"), 10.0)
    assert [one.text for one in LAB.facts(played.run, played.ports, 10.0) if not one.true] == []
    waited = timeouts_are_true(played, 10.0)
    assert min(waited) <= 11.0  # within 10 %: a second is much, even for a busy machine


# ---- is the trace true?

def tables_at_rest(server, numbers, table: Dict[int, list]) -> List[list]:
    """Plays the session, and keeps the kernel's table of descriptors at each rest. `table` receives, under fdtrace, the
    number of the event before which it was like that."""
    seen: List[list] = []

    class Watched(Session):
        def _come_to_rest(self) -> None:
            super()._come_to_rest()
            now = proc.descriptors(self.server.pid)
            seen.append([(fd, what.split(":")[0]) for fd, what in now.items()])
            if self.server.notes is not None:
                table[self.server.notes.add("test", "looked", "")] = sorted(fd for fd in now if fd > 2)

    session = Watched(server, numbers, TIMEOUT)
    try:
        LAB.play(session)
    finally:
        session.end()
    return seen


def open_at(run: trace.Run, seq: int) -> List[int]:
    return sorted(life.fd for life in run.lives
                  if life.opened["seq"] < seq and (life.closed is None or life.closed["seq"] > seq))


def test_its_descriptors_are_those_of_an_untraced_run(build, fdtrace, tmp_path, ports):
    capture = str(tmp_path / "trace.fdt")
    at: Dict[int, list] = {}
    argv = [str(build / "lab2" / "server"), "%g" % TIMEOUT]
    numbers = ports(1)
    with launch([*argv, str(numbers[0])], fdtrace=fdtrace, capture=capture) as server:
        traced = tables_at_rest(server, numbers, at)
    numbers = ports(1)
    with launch([*argv, str(numbers[0])]) as server:
        untraced = tables_at_rest(server, numbers, {})
    assert traced == untraced and len(traced) > 20
    # And at each of these moments the trace's table is the kernel's.
    run = trace.load(fdtrace, capture)
    looks = run.notes("test", "looked")
    assert len(looks) == len(at) == len(traced)
    for look, table in zip(looks, at.values()):
        assert open_at(run, look["seq"]) == table
