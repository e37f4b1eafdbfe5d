"""harness/fdlab/story.py: facts about a run, in words that need no knowledge of the tools: what a session's summary is made of.

A fact is a sentence that should be true, with what to say when it is not. `make labN` prints them, and exits with 1 when
one is false; the tests assert them.
"""
from __future__ import annotations

from typing import List, NamedTuple, Sequence

from .trace import Event, Run


class Fact(NamedTuple):
    true: bool
    text: str     # the sentence, or what should have been and what was


def fact(true: bool, text: str, otherwise: str) -> Fact:
    return Fact(bool(true), text if true else otherwise)


def listeners(run: Run, ports: Sequence[int], first: int = 3) -> List[Fact]:
    """The listeners are the first descriptors: 3, 4, 5, one for each port, in order."""
    wanted = [("%d" % (first + n), port) for n, port in enumerate(ports)]
    was = [(life.name, int((_bound(run, life.name) or "0:0").rpartition(":")[2])) for life in run.listeners()]
    numbers = [name for name, _ in wanted]
    if len(wanted) == 1:
        good = "fd %s is the listener, for as long as the server lived: it only takes connections." % numbers[0]
    else:
        good = "fd %s are the listeners, one for each port. 0, 1 and 2 were taken: input, output and errors." % (
            ", ".join(numbers[:-1]) + " and " + numbers[-1])
    return [fact(was == wanted, good, "the listeners should have been fd %s: they were %s" % (
        ", ".join("%s on port %d" % one for one in wanted),
        ", ".join("%s on port %d" % one for one in was) or "none"))]


def _bound(run: Run, life: str) -> str:
    """The address that a socket was bound to."""
    for event in run.calls("bind"):
        if event["life"] == life and event["ret"] == 0:
            for value in event["args"].values():
                if isinstance(value, str) and ":" in value:
                    return value
    return ""


def span(run: Run, client: str) -> str:
    """"A (events 12 to 31)": the life of a client's connection."""
    life = run.life_of(client)
    if life is None:
        return "%s (never accepted)" % client
    return "%s (events %d to %s)" % (client, life.opened["seq"], life.closed["seq"] if life.closed else "the end")


def lived(run: Run, fd: int) -> str:
    """"fd 4 lived twice: first for A (accepted at event 12, closed at 31), then for D (...)."""
    lives = [life for life in run.lives_of(fd) if life.client is not None]
    times = {1: "once", 2: "twice", 3: "three times"}.get(len(lives), "%d times" % len(lives))
    parts = ["%s (accepted at event %d, %s)" % (
        life.client, life.opened["seq"], "closed at %d" % life.closed["seq"] if life.closed else "never closed")
        for life in lives]
    return "fd %d lived %s: for %s." % (fd, times, ", then for ".join(parts))


def timeouts_in_silence(run: Run) -> List[Event]:
    """The time-outs of the session's last silence: those that returned after it began."""
    silence = run.notes("session", "silence")
    return [event for event in run.timeouts() if not silence or event["t"] + event["dur"] > silence[-1]["t"]]


def a_timeout(run: Run, timeout: float, at_least: int) -> List[Fact]:
    """select() timed out, each time after the whole timer. (Never before: the kernel promises that.)"""
    found = timeouts_in_silence(run)
    waited = ["%.3f s" % event["dur"] for event in found]
    times = {1: "once", 2: "twice"}.get(len(found), "%d times" % len(found))
    right = [event for event in found if event["dur"] >= timeout * 0.999 and event["timeout"] == timeout]
    return [fact(len(right) >= at_least,
                 "select() timed out %s, after %s: nothing was ready, and its timer was set to %g s anew each time." % (
                     times, " and ".join(waited), timeout),
                 "select() should have timed out %d time%s after %g s: it did %s" % (
                     at_least, "" if at_least == 1 else "s", timeout,
                     "after " + ", ".join(waited) if waited else "not"))]
