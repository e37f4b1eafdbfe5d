"""harness/fdlab/feedback.py: what a student is told of a check that did not pass: what was done, what should have been, why."""
from __future__ import annotations

import fnmatch
import os
import re
import subprocess
import traceback
from typing import Any, Dict, List, Optional, Tuple

from .barrier import NotAtRest
from .checking import Bench, NotJudged, Play, Wrong
from .client import ClientError
from .launcher import LaunchError
from .result import FAILED, NOT_JUDGED
from .session import SessionError
from .trace import TraceError

LINES = 14           # of the trace, up to where it went wrong
WIDEST = 160         # of a line
AROUND = 4           # before and behind an event that a check names
# What some rules find is so from the start, whatever happens then: it explains these checks and no others.
ALWAYS_TRUE = {"no-reuseaddr": "restart.*", "wide-open": "bind.*", "inherited": "", "held-by-libc": "", "lost-events": "",
               "blocking-accept": ""}
# And some name what follows from a mistake that another rule names better.
CONSEQUENCES = {"leak", "spin", "starved"}
_NOISE = re.compile(r" *\d+ +[\d.]+ +\d+ +(module|found) ")   # what was there before the program began
OUT_OF_SIGHT = ("its trace does not show all that the server did, and this check rests on the trace; system calls that do not go "
                "through the C library's functions (or are made by stdio, io_uring, another program) are not seen there")
THE_STUDENTS = (SessionError, Wrong, ClientError, NotAtRest)


def explain(bench: Optional[Bench], error: BaseException, name: str) -> Dict[str, Any]:
    """The status and the words for an exception in a check. Nothing but what a check says of the program is the program's
    fault: all other exceptions are ours."""
    told: Dict[str, Any] = {"status": NOT_JUDGED, "message": "", "steps": [], "trace": [], "finding": None}
    if isinstance(error, NotJudged):
        told["message"] = str(error)
    elif bench is None or not isinstance(error, THE_STUDENTS):
        where = traceback.extract_tb(error.__traceback__)[-1]
        told["message"] = "the grader itself failed: %s: %s (%s:%s)" % (
            type(error).__name__, error, os.path.basename(where.filename), where.lineno)
    elif _tracer_failed(bench):
        told["message"] = "the grader itself failed: %s" % _tracer_failed(bench)
    else:
        play = bench.plays[-1] if bench.plays else None
        told["status"], told["message"] = FAILED, sentence(str(error))
        for n, one in enumerate(bench.plays):
            told["steps"] += one.steps
        if play is not None:
            _mark(play, told["message"])
            told["trace"] = trace_lines(bench.fdtrace, play, getattr(error, "at", []))  # as it stands at this moment
            play.part()
            bench.stop()
            told["finding"] = finding(play, name)
    return told


def doubts(bench: Bench) -> Tuple[List[str], Optional[Dict[str, Any]]]:
    """What an instructor may want to look at: where the trace and the world outside do not agree, and which other programs ran.
    And why a check that rests on that trace is not judged; None when the trace can be relied on."""
    try:
        untrue = bench.contradictions()
        other = [play.tracer_lost for play in bench.plays if play.tracer_lost]
        other += ["the program replaced itself by another one: %s" % path for path in bench.becoming()]
    except Exception as error:  # (of whatever kind: it is ours, or what was done to the capture)
        untrue, other = ["the trace could not be held against what was seen: %s: %s" % (type(error).__name__, error)], []
    told = {"status": NOT_JUDGED, "message": OUT_OF_SIGHT, "steps": [], "trace": [], "finding": None}
    return untrue + other, told if untrue else None


def sentence(text: str) -> str:
    is_name = "(" in text.split(" ")[0]  # of a call: "accept() should have ..."
    return (text[:1] if is_name else text[:1].upper()) + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def shortened(line: str) -> str:
    """A line of the log; a wait for a thousand descriptors is told by its two ends."""
    line = line.rstrip()
    return line if len(line) <= WIDEST else line[:WIDEST - 64] + " ... " + line[-59:]


def _tracer_failed(bench: Bench) -> Optional[str]:
    """fdtrace or the sandbox ended with an error of its own: its line, which begins with its name."""
    for play in bench.plays:
        capture = play.server.capture
        if not play.server.alive and capture and os.path.exists(capture) and os.path.getsize(capture) == 0:
            return "fdtrace did not begin: %s" % (play.printed()[-1:] or ["nothing was printed"])[0]  # the sandbox's own words
        if play.server.status == 125 and not _ended_with(play, 125):
            for line in reversed(play.printed()):
                if line.startswith("fdtrace: "):
                    return line
    return None


def _ended_with(play: Play, status: int) -> bool:
    """The program itself ended so: fdtrace says so in the capture, and would not be there to say it had it failed."""
    try:
        return any(event["args"].get("status") == status for event in play.read_trace(sets=False).calls("ended"))
    except TraceError:
        return False


def _mark(play: Play, text: str) -> None:
    """Writes into the trace where it went wrong, while it is still running."""
    notes = play.server.notes
    if notes is not None and play.server.alive:
        try:
            notes.add("check", "fails", text)
        except LaunchError:
            pass


def finding(play: Play, name: str) -> Optional[Dict[str, Any]]:
    """What explains that the check of this name failed: the first and weightiest finding of fdtrace's rules."""
    try:
        found = play.findings()
    except (NotJudged, ValueError):
        return None
    fits = [one for one in found if fnmatch.fnmatchcase(name, ALWAYS_TRUE.get(one["rule"], "*"))
            and (one["severity"] != "note" or one["rule"] in ALWAYS_TRUE)]
    for one in sorted(fits, key=lambda one: one["rule"] in CONSEQUENCES):  # of the same weight the causes first
        return {key: one.get(key) for key in ("rule", "severity", "at", "event", "message", "advice")}
    return None


def trace_lines(fdtrace: str, play: Play, at: List[int]) -> List[str]:
    """The lines of the log up to where the check failed, or around the events that it names."""
    capture = play.server.capture
    if capture is None or not os.path.exists(capture):
        return []
    done = subprocess.run([fdtrace, "log", capture], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace")
    lines = done.stdout.splitlines()
    if done.returncode != 0 or len(lines) < 2:
        return []
    head, lines = lines[0], [line for line in lines[1:] if not _NOISE.match(line) and not line.startswith("--")]
    shown = set()
    if at:
        numbers = [_number(line) for line in lines]
        for seq in at:
            if seq in numbers:
                index = numbers.index(seq)
                shown |= set(range(max(0, index - AROUND), min(len(lines), index + AROUND + 1)))
    if not shown:
        last = next((n for n, line in enumerate(lines) if " check fails" in line), len(lines))
        shown = set(range(max(0, last - LINES), last))
    found = [head.rstrip()]
    before = None
    for n in sorted(shown):
        if before is not None and n != before + 1:
            found.append("   ...")
        found.append(shortened(lines[n]))
        before = n
    return found


def _number(line: str) -> Optional[int]:
    word = line.split(None, 1)
    return int(word[0]) if word and word[0].isdigit() else None
