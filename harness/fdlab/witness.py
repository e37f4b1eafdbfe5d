"""harness/fdlab/witness.py: a trace is held against what was seen from outside: by the kernel, by the clients, by who wrote the notes.

The tracer lives in the program that is graded: a program can go past it (system calls without libc, another image without the
library), throw its trace away, or write into it. What it did is seen from outside too, and the two must tell the same story:

    found = contradictions(play)      # [] or sentences: "A heard 18 bytes, and the trace shows 0 bytes sent"

A check that needs the trace is not judged when there are any; the sentences are for the instructor. They say what does not fit,
not why: a server that reads by stdio, or by io_uring, is no fraud, only out of sight.
"""
from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, Dict, List, Optional, Set, Tuple

from . import proc, trace

if TYPE_CHECKING:
    from .checking import Play

ACCEPTS = {"accept", "accept4"}
INTO = {"recv", "recvfrom", "recvmsg", "read", "readv"}
OUT_OF = {"send", "sendto", "sendmsg", "write", "writev", "dprintf"}
# Calls that move bytes in ways that are not added up here: with one of them in a trace, sums say nothing.
OTHERWISE = {"splice", "sendfile", "tee", "vmsplice", "recvmmsg", "sendmmsg", "preadv", "pwritev", "preadv2", "pwritev2"}
EXECS = {"execve", "execv", "execvp", "execvpe", "execl", "execlp", "execle", "fexecve", "execveat"}
SEEN_WAITING = {"select": {"select", "pselect"}, "poll": {"poll", "ppoll"}, "accept": ACCEPTS,
                "epoll_wait": {"epoll_wait", "epoll_pwait", "epoll_pwait2"}}
MOST = 3                     # of what does not fit in one session: more of it says nothing more
HEADER = 16384 + (4 << 20)   # of a capture, and what fdtrace may have made ready beyond its last event


class LastLook:
    """What the kernel says of a server just before it is killed. It is stopped by then, so nothing moves."""

    def __init__(self, pid: int, ports: List[int], stop: "object") -> None:
        self.sockets: Set[int] = set()
        self.connections: Set[int] = set()
        self.program = proc.program(pid)
        self.blocked_in: Optional[str] = None
        try:
            before = proc.look(pid, pid)
            stop()  # type: ignore[operator]
            links = proc.descriptors(pid)
            after = proc.look(pid, pid)
        except proc.Gone:
            self.known = False
            return
        inodes = {"socket:[%d]" % row.inode for row in proc.tcp(pid, ports) if row.inode}
        self.sockets = {fd for fd, link in links.items() if link.startswith("socket:")}
        self.connections = {fd for fd, link in links.items() if link in inodes}
        self.known = after.state in "Tt" and bool(links)
        if before.state == "S" and after.switches - before.switches <= 1:
            self.blocked_in = before.call


def capture_problem(capture: Optional[str], most_events: int) -> str:
    """Why a capture is not even to be opened: it may be a pipe by now, or a link to somewhere else."""
    try:
        found = os.lstat(capture or "")
    except OSError:
        return "the capture is gone"
    if not stat.S_ISREG(found.st_mode):
        return "the capture is not a file any more"
    if found.st_size > HEADER + 64 * most_events:
        return "the capture has %d bytes, and fdtrace was to write %d at the most" % (found.st_size, HEADER + 64 * most_events)
    return ""


def contradictions(play: "Play") -> List[str]:
    """What the trace of a session that is over and the world outside do not agree on."""
    wrong = capture_problem(play.server.capture, play.most_events)
    if wrong:
        return [wrong]
    try:
        run = play.read_trace(sets=False)
    except trace.TraceError as error:
        return ["the capture cannot be read: %s" % error]
    if not any(event["call"] == "start" for event in run.events):
        return ["the tracer's library was never loaded: there is no trace"]
    found = _notes(play, run) + _connections(play, run) + _faults(play, run)
    if not _is_full(play):
        found += _bytes(play, run) + _last(play, run)
    return found[:MOST]


def becoming(run: trace.Run) -> List[str]:
    """What the program replaced itself by, as its trace has it."""
    return sorted({str(event["args"].get("path")) for event in run.calls(*EXECS) if event["err"] is None})


def _is_full(play: "Play") -> bool:
    return os.stat(play.server.capture or "").st_size >= 64 * play.most_events


def _notes(play: "Play", run: trace.Run) -> List[str]:
    """Each note was acknowledged: it stands there, in this order, and no other does."""
    if play.server.notes is None:
        return []
    written = [tuple(word.encode("utf-8", "replace").decode("latin-1") for word in note) for note in play.server.notes.written]
    there = [(event["args"]["who"], event["args"]["verb"], event["args"]["text"]) for event in run.notes()]
    same = sum(1 for _ in _while_same(written, there))
    if same < len(written) and not (_is_full(play) and same == len(there)):
        return ["%d notes of what the clients did were acknowledged, and number %d of them does not stand in the trace" % (
            len(written), same + 1)]
    if len(there) > len(written) + 1:  # one may have been written and its acknowledgement not heard
        return ["the trace has %d notes, and %d were written" % (len(there), len(written))]
    return []


def _while_same(written: List[tuple], there: List[tuple]):  # type: ignore[no-untyped-def]
    for (who, verb, text), one in zip(written, there):
        if (who[:63], verb[:63]) != one[:2] or not text.startswith(one[2]):
            return
        yield one


def _connections(play: "Play", run: trace.Run) -> List[str]:
    """Who was accepted, against who came, and under which number."""
    by_address = {"%s:%d" % client.address: client for client in play.everybody if client.address}
    accepted: Dict[str, int] = {}
    numbers: Set[int] = set()
    nameless = 0   # accepted, by a call that was not given a place for the address
    for event in run.events:
        nameless += event["call"] in ACCEPTS and not any(one.get("peer") for one in event.get("opened") or [])
        for one in event.get("opened") or []:
            numbers.add(one["fd"])
            if event["call"] in ACCEPTS and one.get("peer"):
                accepted[one["peer"]] = one["fd"]
    found = []
    if not run.calls("connect"):
        for peer in accepted:
            if peer.startswith("127.") and peer not in by_address:
                found.append("the trace has an accept of %s, and no client had that address" % peer)
    if _is_full(play):
        return found
    for address, client in by_address.items():
        if not nameless and address not in accepted and (client.heard or client.unheard):
            found.append("%s was served, and the trace does not show that it was accepted" % client.name)
    for name, fd in play.seen_numbers:
        if fd not in numbers:
            found.append("the kernel shows descriptor %d as the connection of %s, and the trace has no such descriptor" % (fd, name))
    return found


def _bytes(play: "Play", run: trace.Run) -> List[str]:
    """Nobody hears more than was sent, and nobody reads more than was said."""
    if run.calls(*OTHERWISE):
        return []
    kinds: Dict[Tuple[int, str], str] = {}
    into = out_of = 0
    for event in run.events:
        for one in event.get("opened") or []:
            kinds[(event["pid"], one["life"])] = one.get("kind", "")
        if kinds.get((event["pid"], event.get("life") or "")) not in ("tcp", "socket"):
            continue
        if event["call"] in OUT_OF and event["ret"] is None:
            return []  # it was killed in the middle of sending
        if event["call"] in OUT_OF:
            out_of += max(event["ret"], 0)
        elif event["call"] in INTO and not str(event["args"].get("flags", "")).count("MSG_PEEK"):
            into += max(event["ret"] or 0, 0)
    heard = sum(len(client.heard) + len(client.unheard) for client in play.everybody)
    said = sum(client.sent for client in play.everybody)
    found = []
    if heard > out_of:
        found.append("the clients heard %d bytes, and the trace shows %d bytes sent" % (heard, out_of))
    if into > said and not run.calls("connect"):
        found.append("the clients said %d bytes, and the trace shows %d bytes read" % (said, into))
    return found


def _faults(play: "Play", run: trace.Run) -> List[str]:
    """A fault that was to be injected into a call is acknowledged there: a call without it never went through the tracer."""
    if run.calls(*EXECS):
        return []
    first = next(event for event in run.events if event["call"] == "start")
    for spec in play.faults:
        parsed = re.fullmatch(r"([a-z0-9_,]+):error=(\w+):when=(\d+)\+(\d+)", spec)
        if parsed is None:
            continue
        begin, step = int(parsed.group(3)), int(parsed.group(4))
        for call in parsed.group(1).split(","):
            mine = [event for event in run.events if event["call"] == call and event["tid"] == first["tid"]]
            for n, event in enumerate(mine, 1):
                due = n >= begin and (n - begin) % step == 0
                if due != bool(event.get("injected")):
                    return ["call number %d of %s should%s have been made to fail (%s), and the trace has it otherwise" % (
                        n, call, "" if due else " not", parsed.group(2))]
    return []


def _last(play: "Play", run: trace.Run) -> List[str]:
    """The table of the server's descriptors at the very end, and where it waited."""
    look = play.last_look
    if look is None or not look.known:
        return []
    pid = next(event["pid"] for event in run.events if event["call"] == "start")
    unfinished = {event["call"] for event in run.events if event["pid"] == pid and event["ret"] is None}
    found = []
    if look.blocked_in in SEEN_WAITING and not unfinished & SEEN_WAITING[look.blocked_in]:
        found.append("at the end the kernel shows it waiting in %s(), and the trace does not" % look.blocked_in)
    if unfinished & (ACCEPTS | {"close", "socket", "dup2", "dup3"}):
        return found
    open_now: Dict[str, Tuple[int, str]] = {}
    for event in run.events:
        if event["pid"] != pid:
            continue
        for one in event.get("closed") or []:
            open_now.pop(one["life"], None)
        for one in event.get("opened") or []:
            open_now[one["life"]] = (one["fd"], one.get("kind", ""))
    known = {fd for fd, _ in open_now.values()}
    shown = {fd for fd, kind in open_now.values() if kind == "tcp"}
    for fd in sorted(look.connections - known):
        found.append("at the end the kernel has descriptor %d open, a connection or a listener, and the trace does not" % fd)
    for fd in sorted(shown - look.sockets):
        found.append("at the end the trace has descriptor %d open, a connection or a listener, and the kernel does not" % fd)
    return found
