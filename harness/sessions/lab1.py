"""harness/sessions/lab1.py: the report's server 1. Three listeners, three clients, one of them served at a time."""
from __future__ import annotations

from typing import List

from fdlab.session import Session
from fdlab.story import Fact, a_timeout, fact, listeners, span
from fdlab.trace import Run

TITLE = "lab 1: select() over several listening sockets, one client at a time"
PORTS = 3
CLIENTS = {"A": "6", "B": "6#2", "C": "6#3"}


def play(s: Session) -> None:
    first, second, third = s.ports
    s.serving()
    s.connect("A", first)
    s.say("A", "hello")
    s.hears("A", "hello")

    # B and C are connected, and what they say is taken: by the kernel. The server does not know of them.
    s.connect("B", second)
    s.say("B", "is anybody there?")
    s.connect("C", third)
    s.say("C", "me too")
    s.hears_nothing("B")
    s.hears_nothing("C")

    # The timer belongs to select(), and the server is in recv(): no "time out!", however long A is silent.
    s.silence()
    s.say("A", "still here")
    s.hears("A", "still here")
    s.hears_nothing("B")
    s.hears_nothing("C")

    s.leaves("A")
    s.hears("B", "is anybody there?")  # said long ago
    s.hears_nothing("C")
    s.leaves("B")
    s.hears("C", "me too")
    s.leaves("C")

    s.silence(timeouts=2)


def facts(run: Run, ports: List[int], timeout: float) -> List[Fact]:
    """What the trace must show, in the words of the summary."""
    found = listeners(run, ports)
    was = run.clients()
    found.append(fact(was == CLIENTS,
                      "fd 6 lived three times: %s. accept() gives the lowest number that is not in use, and when one "
                      "client has left that is 6 again." % ", then ".join(span(run, name) for name in CLIENTS),
                      "A, B and C should have been fd 6, 6#2 and 6#3, one after the other: they were %s" % (
                          ", ".join("%s for %s" % (life, name) for name, life in was.items()) or "never accepted")))
    found.append(_one_at_a_time(run))
    found.append(_queue(run))
    found.append(_no_timeout_while_serving(run))
    found += a_timeout(run, timeout, at_least=2)
    return found


def _one_at_a_time(run: Run) -> Fact:
    lives = [run.life_of(name) for name in CLIENTS]
    good = all(lives) and all(
        before.closed is not None and before.closed["seq"] < after.opened["seq"]
        for before, after in zip(lives, lives[1:]) if before and after)
    said = run.notes("B", "says")
    heard = [note for note in run.notes("B", "hears") if note["args"]["text"] != "nothing"]
    waited = heard[0]["t"] - said[0]["t"] if said and heard else 0.0
    return fact(good, "Nobody refused B and C. The kernel connected them and kept what they said; the server took B only "
                "when A had left, and B's words came back %.1f s after they were said." % waited,
                "a client was accepted while another one was being served: lab 1 is to be one at a time")


def _queue(run: Run) -> Fact:
    """B's accept says how many connections were finished and still waited on that listener, besides B's own."""
    waiting = [event["args"]["queued"] for event in run.calls("queue")]
    return fact(bool(waiting) and max(waiting) >= 1,
                "While A was served, select() was not called: B and C waited in the queues of the listeners 4 and 5.",
                "no connection was ever seen waiting in a listener's queue")


def _no_timeout_while_serving(run: Run) -> Fact:
    served = [(life.opened["seq"], life.closed["seq"] if life.closed else 1 << 62)
              for life in run.lives if life.client is not None]
    wrong = [event["seq"] for event in run.timeouts()
             if any(first < event["seq"] < last for first, last in served)]
    return fact(not wrong, "No \"time out!\" while a client was served, not even when all were silent for longer than the "
                "timer: the timer belongs to select(), and the server was in recv().",
                "select() timed out at event %s while a client was being served" % (wrong[0] if wrong else "?"))


NEXT = ("Find the recv(6) that lasted longest in the log. Nothing else happened meanwhile: who waited for whom?",
        "make lab2: one listener, and a select() that watches the clients too")
