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
SELDOM = 0.03      # of all looks: what was seen so seldom is not told
UNSEEN = 0.05      # without /proc/PID/syscall: asleep for so long counts as rest

Unfinished = Callable[[int], Optional[Tuple[str, Optional[int]]]]


class NotAtRest(Exception):
    """The server did not come to rest before the deadline, or has ended. The text says what it was seen doing."""


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
        return thread.call, thread.fd
    known = unfinished(thread.tid) if unfinished else None
    if thread.state != "S":
        return "running", None
    return known or ("asleep", None)


def wait_for_rest(pid: int, ports: Sequence[int] = (), deadline: float = DEADLINE,
                  unfinished: Optional[Unfinished] = None) -> Rest:
    """Waits until the process, with its children, is at rest. `ports` are those it serves: what is on its way to them
    is waited for. `unfinished` tells from a trace which call a thread is in, where the kernel does not say."""
    start = time.monotonic()
    seen: "Counter[str]" = Counter()
    flying_since: Tuple[float, List[str]] = (start, [])
    same_since: Tuple[float, List[proc.Thread]] = (start, [])
    flying: List[str] = []
    nap = 0.0002
    while True:
        try:
            before = _look(pid)
        except proc.Gone:
            raise NotAtRest("the server has ended") from None
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
        if time.monotonic() - start > deadline:
            raise NotAtRest(_complaint(deadline, seen, flying if calm else []))
        time.sleep(nap)  # between two looks at a fact
        nap = min(nap * 1.5, 0.005)


def _words(name: Tuple[str, Optional[int]]) -> str:
    return name[0] if name[1] is None else "in %s fd %d" % name


def _complaint(deadline: float, seen: "Counter[str]", flying: List[str]) -> str:
    text = "the server has not come to rest within %g s" % deadline
    if flying:
        return text + ": still on its way: " + ", ".join(flying)
    # What it was seen doing most, and now and then. Not for how much of the time: that is never the same twice, and a grade is to be.
    often = [word for word, count in seen.most_common(3) if count > SELDOM * sum(seen.values())] or [seen.most_common(1)[0][0]]
    what = ", at times ".join(word if word in ("running", "stopped", "asleep", "printing") or word.startswith(("in ", "busy"))
                              else "in " + word for word in often)
    hint = ""
    if seen.most_common(1)[0][0] in ("running", "printing", "select", "poll") and "nanosleep" not in seen:
        hint = "; a wait that returns at once, again and again? (a timer of 0, or a descriptor that nobody serves)"
    elif "nanosleep" in seen:
        hint = "; it sleeps instead of waiting for its clients"
    return text + ": " + what + hint
