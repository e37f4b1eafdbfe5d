"""harness/fdlab/trace.py: a finished run, as `fdtrace json` tells it: its events, and what follows from them.

    run = load("build/fdtrace", "build/lab2/trace.fdt")
    run.life_of("D").name          # "4#2"

The harness knows fdtrace by its command line and its JSON alone (trace/README.md describes the keys).
"""
from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

Event = Dict[str, Any]
LONGEST = 30.0   # seconds for reading a capture
WAITS = ("select", "pselect", "poll", "ppoll", "epoll_wait", "epoll_pwait", "epoll_pwait2")


class TraceError(Exception):
    """fdtrace could not read the capture; the text is its own line."""


@dataclass
class Life:
    """One span of a descriptor number: from the call that returned it to the call that ended it."""
    fd: int
    name: str                   # "4#2"
    pid: int
    kind: str                   # "tcp", "file", ...
    opened: Event
    closed: Optional[Event]     # None: it was never closed
    client: Optional[str]       # the name of the client at the other end, where a note gave it
    peer: Optional[str] = None


@dataclass
class Run:
    events: List[Event]                 # complete ones and, at the end, those that never returned, in order of seq
    lives: List[Life] = field(default_factory=list)

    def life_of(self, client: str) -> Optional[Life]:
        """The first life that was this client's connection."""
        return next((life for life in self.lives if life.client == client), None)

    def lives_of(self, fd: int) -> List[Life]:
        return [life for life in self.lives if life.fd == fd]

    def clients(self) -> Dict[str, str]:
        """Client to life, in the order in which they were accepted: {"A": "4", "B": "5"}."""
        return {life.client: life.name for life in self.lives if life.client is not None}

    def calls(self, *names: str) -> List[Event]:
        return [event for event in self.events if event["call"] in names]

    def waits(self) -> List[Event]:
        return self.calls(*WAITS)

    def timeouts(self) -> List[Event]:
        """Waits that ended because their time was over."""
        return [event for event in self.waits() if event["ret"] == 0]

    def listeners(self) -> List[Life]:
        listening = {event["life"] for event in self.calls("listen") if event["ret"] == 0}
        return [life for life in self.lives if life.name in listening]

    def notes(self, who: Optional[str] = None, verb: Optional[str] = None) -> List[Event]:
        return [event for event in self.calls("note") if who in (None, event["args"]["who"])
                and verb in (None, event["args"]["verb"])]

    def between(self, first: Event, last: Event) -> List[Event]:
        return [event for event in self.events if first["seq"] < event["seq"] < last["seq"]]


def plain(text: str) -> str:
    r"""Undoes fdtrace's escapes (\xNN, \" and \\) in a text: a character for each byte."""
    return re.sub(r"\\(?:x([0-9a-f]{2})|(.))", lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)


def _event(line: str) -> Event:
    """Of a long line, each name of a life once: a thousand of them, in each of thousands of waits, would be 100 MB."""
    event = json.loads(line)
    if len(line) > 2048:
        for lives in (event.get("watch"), event.get("ready")):
            for which, names in (lives or {}).items():
                lives[which] = list(map(sys.intern, names))
    return event


def parse(text: str) -> Run:
    """JSON lines to a run. The server itself only: what its children did has their pid and is left in events."""
    run = Run(sorted((_event(line) for line in text.splitlines() if line.strip()), key=lambda event: event["seq"]))
    open_now: Dict[tuple, Life] = {}
    for event in run.events:
        if event["call"] == "note":
            event["args"] = {name: plain(value) for name, value in event["args"].items()}
        for one in event.get("closed") or []:
            life = open_now.pop((event["pid"], one["life"]), None)
            if life is not None:
                life.closed = event
        for one in event.get("opened") or []:
            if event["call"] in ("found", "start", "fork", "vfork", "clone"):
                continue  # it had them before it began
            life = Life(one["fd"], one["life"], event["pid"], one.get("kind", ""), event, None, one.get("client"),
                        one.get("peer"))
            open_now[(event["pid"], one["life"])] = life
            run.lives.append(life)
    return run


def load(fdtrace: str, capture: str, sets: bool = True) -> Run:
    """Without `sets` it is not told what the waits watched, and what was ready: with a thousand clients that is nearly all."""
    command = [fdtrace, "json", "--no-where", *([] if sets else ["--no-sets"]), capture]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        raise TraceError("fdtrace json was not finished after %g s" % LONGEST) from None
    if done.returncode != 0:
        raise TraceError((done.stderr.strip() or "fdtrace json ended with status %d" % done.returncode).splitlines()[-1])
    return parse(done.stdout)
