"""harness/fdlab/barrier.py: "the server has come to rest", asked of the kernel.

    rest = wait_for_rest(server.pid, [50000])      # Rest(select) or Rest(recv fd 6)

A server is at rest when all that the clients did has reached it and each of its threads waits inside a call that only
something new can end. A step of a session ends there, so that the next one does not overtake it; nothing sleeps and hopes.

How it is known. One look at a thread is its state, the system call it is blocked in with all six arguments
(/proc/PID/task/TID/syscall) and its count of context switches. Two looks that are the same mean that the thread was
blocked all the time in between: it cannot run without the count going up. Between them the TCP table is read
(/proc/PID/net/tcp). If nothing is on its way there (a handshake half done, bytes or an end of file that the server's side
does not have yet), then everything had arrived while the thread was blocked. What arrives at a descriptor that a wait
watches wakes the thread in the same instant, and the kernel then shows it as runnable, not as blocked. So nothing was left
to be done.

Unread bytes or a connection in the queue do not speak against rest: lab 1 sits in recv() with one client while others
queue, and that is its point.
"""
from __future__ import annotations

import time
from collections import Counter
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

from . import proc
from .launcher import DEADLINE

# Blocked in one of these, a thread waits for somebody else. (nanosleep is not here: it ends by itself.)
WAITING = {"select", "poll", "epoll_wait", "accept", "connect", "read", "readv", "recv", "recvmsg", "write", "writev",
           "send", "sendmsg", "sendfile", "splice", "futex", "wait", "pause", "sigsuspend", "sigwait", "flock", "restart"}
WATCHING = {"select", "poll", "epoll_wait", "restart"}

STANDING = 0.25    # what stays "on its way" for so long is not: an acknowledgement is delayed by 0.2 s at the most
POLLER = 0.1       # a wait that has unread input beside it may be a short nap of a program that polls; see _unread()
IN_VAIN = 0.25     # seconds of processors: twice as much, and nothing has come of it, is a server that spins
OFTEN = 0.2        # of all looks: what was seen more seldom is not told
UNSEEN = 0.05      # without /proc/PID/syscall: asleep for so long counts as rest

Unfinished = Callable[[int], Optional[Tuple[str, Optional[int]]]]


class NotAtRest(Exception):
    """The server did not come to rest before the deadline, or has ended. The text says what it was seen doing."""


class Ended(NotAtRest):
    """It is not there any more."""


class Spins(NotAtRest):
    """It runs and runs, and nothing comes of it: that does not come to rest by itself."""


class Toil:
    """How much a server has run for nothing. Not how long, but how much: on a machine that is busy it is seen later, and the
    same. Something has come of it when any of its connections has changed, and each byte that is taken or sent changes one."""

    def __init__(self) -> None:
        self._table: Optional[List[proc.Tcp]] = None
        self._ran = -1.0

    def in_vain(self, threads: Sequence[proc.Thread], table: Callable[[], List[proc.Tcp]]) -> bool:
        """At a further look at all its threads. `table` reads its connections, and is seldom asked."""
        ran = sum(thread.ran for thread in threads)
        if not 0.0 <= self._ran <= ran:     # the first look; or one that had run much has ended
            self._table, self._ran = None, ran
        if ran - self._ran < IN_VAIN:
            return False
        before, self._table, self._ran = self._table, sorted(table()), ran
        return before == self._table


class Rest(NamedTuple):
    call: str              # "select", "recv", ...: of the first thread
    fd: Optional[int]      # the descriptor it is blocked on, where the call names one

    def __str__(self) -> str:
        return self.call if self.fd is None else "%s fd %d" % (self.call, self.fd)


def on_its_way(table: Sequence[proc.Tcp], ports: Sequence[int], both_ways: bool = False) -> List[str]:
    """What the TCP table shows as sent to these ports and not arrived; with both_ways, what comes back from them too."""
    by_ends = {(row.local, row.peer): row for row in table}
    found = []
    for row in table:
        if row.local[1] not in ports or row.state == proc.LISTEN:
            continue
        client = by_ends.get((row.peer, row.local))
        name = "client port %d" % row.peer[1]
        if row.state == proc.SYN_RECV:
            found.append("the handshake of %s" % name)
        elif client is None:
            if row.state in (proc.ESTABLISHED, proc.CLOSE_WAIT) and _is_local(row.peer):
                found.append("the reset of %s" % name)
        elif row.unread == 0 and client.state != proc.TIME_WAIT:
            # (With unread bytes it is the program that does not read: then more may well be waiting behind them.)
            if client.state == proc.FIN_WAIT1 and row.state == proc.ESTABLISHED:
                found.append("the end of %s" % name)
            elif client.unsent:
                found.append("%d bytes of %s" % (client.unsent, name))
        if both_ways and client is not None and row.unsent and not client.unread and client.state == proc.ESTABLISHED:
            found.append("%d bytes to %s" % (row.unsent, name))
    return found


def _is_local(address: proc.Address) -> bool:
    return address[0].startswith("127.") or address[0] == "::1"


def _unread(table: Sequence[proc.Tcp], ports: Sequence[int]) -> bool:
    """Input lies at the server that it has not taken. Beside a wait that is odd: either the program does not watch that
    descriptor (a right thing to do when its output is full), or it only naps and will look for itself."""
    return any(row.unread for row in table if row.local[1] in ports and row.state in (
        proc.LISTEN, proc.ESTABLISHED, proc.CLOSE_WAIT))


def wait_for_arrival(pid: int, ports: Sequence[int], deadline: float = DEADLINE) -> None:
    """Nothing is on its way any more, in either direction. What a client has not got by then, it was not sent."""
    end = time.monotonic() + deadline
    since: Tuple[float, List[str]] = (time.monotonic(), [])
    while time.monotonic() < end:
        flying = on_its_way(proc.tcp(pid, ports), ports, both_ways=True)
        if flying != since[1]:
            since = (time.monotonic(), flying)
        if not flying or time.monotonic() - since[0] > STANDING:
            return
        time.sleep(0.001)  # between two looks at a fact


def _look(pid: int) -> List[proc.Thread]:
    found: List[proc.Thread] = []
    for process in [pid] + proc.descendants(pid):
        try:
            found += proc.threads(process)
        except proc.Gone:
            if process == pid:
                raise
    return found


def _name(thread: proc.Thread, unfinished: Optional[Unfinished]) -> Tuple[str, Optional[int]]:
    """What one thread is seen doing, as a word, and on which descriptor."""
    if thread.state in "Tt":
        return "stopped", None
    if thread.readable:
        if thread.call is None:
            return ("running" if thread.state == "R" else "busy in the kernel"), None
        if thread.call in ("write", "writev") and thread.fd in (1, 2):
            return "printing", None  # into a full pipe, at whose other end we are reading: it will go on by itself
        if thread.waits_for_the_tracer:
            return "running", None  # as it would, were it not traced
        return thread.call, thread.fd
    known = unfinished(thread.tid) if unfinished else None
    if thread.state != "S":
        return "running", None
    return known or ("asleep", None)


def wait_for_rest(pid: int, ports: Sequence[int] = (), deadline: float = DEADLINE,
                  unfinished: Optional[Unfinished] = None, toil: Optional[Toil] = None) -> Rest:
    """Waits until the process, with its children, is at rest. `ports` are those it serves: what is on its way to them
    is waited for. `unfinished` tells from a trace which call a thread is in, where the kernel does not say. `toil` is given
    by who waits several times for one and the same thing."""
    start = time.monotonic()
    toil = toil or Toil()
    seen: "Counter[str]" = Counter()
    flying_since: Tuple[float, List[str]] = (start, [])
    same_since: Tuple[float, List[proc.Thread]] = (start, [])
    flying: List[str] = []
    nap = 0.0002
    while True:
        try:
            before = _look(pid)
        except proc.Gone:
            raise Ended("the server has ended") from None
        names = [_name(thread, unfinished) for thread in before]
        seen.update(_words(name) for name in names)
        now = time.monotonic()
        if before != same_since[1]:
            same_since = (now, before)
        calm = all(call in WAITING or call == "asleep" for call, _ in names)
        if calm:
            table = proc.tcp(pid, ports) if ports else []
            flying = on_its_way(table, ports)
            if flying != flying_since[1]:
                flying_since = (now, flying)
            arrived = not flying or now - flying_since[0] > STANDING
            still = 0.0
            if any(call == "asleep" for call, _ in names):
                still = UNSEEN
            elif any(call in WATCHING for call, _ in names) and _unread(table, ports):
                still = POLLER
            try:
                after = _look(pid)
            except proc.Gone:
                continue
            if arrived and after == before and time.monotonic() - same_since[0] >= still:
                return Rest(*names[0])
        if toil.in_vain(before, lambda: proc.tcp(pid, ports)):
            raise Spins("the server does not come to rest; it runs, and nothing comes of it: " + _doing(seen))
        if time.monotonic() - start > deadline:
            raise NotAtRest("the server has not come to rest within %g s: %s" % (
                deadline, "still on its way: " + ", ".join(flying) if calm and flying else _doing(seen)))
        time.sleep(nap)  # between two looks at a fact
        nap = min(nap * 1.5, 0.005)


def _words(name: Tuple[str, Optional[int]]) -> str:
    return name[0] if name[1] is None else "in %s fd %d" % name


def _doing(seen: "Counter[str]") -> str:
    """What it was seen doing most, and often. Not for how much of the time: that is never the same twice, and a grade is to be."""
    most = seen.most_common(1)[0][0]
    often = [most] + sorted(word for word, count in seen.items() if word != most and count > OFTEN * sum(seen.values()))
    what = ", at times ".join(word if word in ("running", "stopped", "asleep", "printing") or word.startswith(("in ", "busy"))
                              else "in " + word for word in often)
    if most in ("running", "printing", "select", "poll") and "nanosleep" not in seen:
        return what + "; a wait that returns at once, again and again? (a timer of 0, or a descriptor that nobody serves)"
    return what + ("; it sleeps instead of waiting for its clients" if "nanosleep" in seen else "")
