"""harness/sessions/lab2.py: the report's server 2. One listener, many clients, and the numbers that come back."""
from __future__ import annotations

from typing import List

from fdlab.session import Session
from fdlab.story import Fact, a_timeout, fact, listeners, lived, timeouts_in_silence
from fdlab.trace import Run

TITLE = "lab 2: one listening socket, select() over it and all clients"
PORTS = 1
CLIENTS = {"A": "4", "B": "5", "C": "6", "D": "4#2", "E": "5#2", "F": "6#2", "G": "5#3"}


def play(s: Session) -> None:
    port = s.ports[0]
    s.serving()
    for name in "ABC":
        s.connect(name, port)
    for name in "CAB":  # all are served, in any order
        s.say(name, "hello from " + name)
        s.hears(name, "hello from " + name)
    for name in "BCA":
        s.leaves(name)

    for name in "DEF":
        s.connect(name, port)
    for name in "DFE":
        s.say(name, "hello from " + name)
        s.hears(name, "hello from " + name)
    s.leaves("E")
    s.connect("G", port)

    s.silence(timeouts=1)
    s.say("G", "still alive?")
    s.hears("G", "still alive?")
    for name in "DFG":
        s.leaves(name)


def facts(run: Run, ports: List[int], timeout: float) -> List[Fact]:
    """What the trace must show, in the words of the summary."""
    found = listeners(run, ports)
    was = run.clients()
    for fd, names in ((4, "AD"), (5, "BEG"), (6, "CF")):
        wanted = {name: CLIENTS[name] for name in names}
        found.append(fact({name: was.get(name) for name in names} == wanted, lived(run, fd),
                          "%s should have been %s: they were %s" % (
                              " and ".join(names), " and ".join(wanted.values()),
                              " and ".join(str(was.get(name)) for name in names))))
    again = all(was.get(name) == CLIENTS[name] for name in "DEFG")
    found.append(fact(again, "4, 5 and 6 came back, not 7, 8 and 9: accept() gives the lowest number that is not in use. "
                      "When E left there was one hole, 5, and so G is 5.",
                      "the numbers of clients who had left were not used again: were they closed?"))
    found += a_timeout(run, timeout, at_least=1)
    found.append(_alive(run))
    return found


def _alive(run: Run) -> Fact:
    silent = timeouts_in_silence(run)
    after = [event for event in run.notes("G", "hears") if silent and event["seq"] > silent[0]["seq"]]
    return fact(bool(after), "A time-out is a return value of select(), not an end: the server answered G afterwards.",
                "the server did not answer after its time-out")


NEXT = ("Find accept(3) = 5#3 in the log, and above it the close that made 5 free.",
        "make lab1: the same three clients at a server that stays with one of them",
        "make serve LAB=lab2, and make client in other terminals: be A, B and C yourself")
