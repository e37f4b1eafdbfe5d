"""harness/fdlab/feedback.py: what a student is told of a check that did not pass: what was done, what should have been, why."""
from __future__ import annotations

import fnmatch
import os
import re
import subprocess
import traceback
from typing import Any, Dict, List, Optional

from .barrier import NotAtRest
from .checking import Bench, NotJudged, Play, Wrong
from .client import ClientError
from .launcher import LaunchError
from .result import FAILED, NOT_JUDGED
from .session import SessionError

LINES = 14           # of the trace, up to where it went wrong
WIDEST = 160         # of a line
AROUND = 4           # before and behind an event that a check names
# What some rules find is so from the start, whatever happens then: it explains these checks and no others.
ALWAYS_TRUE = {"no-reuseaddr": "restart.*", "wide-open": "bind.*", "inherited": "", "held-by-libc": "", "lost-events": "",
               "blocking-accept": ""}
# And some name what follows from a mistake that another rule names better.
CONSEQUENCES = {"leak", "spin", "starved"}
_NOISE = re.compile(r" *\d+ +[\d.]+ +\d+ +(module|found) ")   # what was there before the program began
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


def sentence(text: str) -> str:
    is_name = "(" in text.split(" ")[0]  # of a call: "accept() should have ..."
    return (text[:1] if is_name else text[:1].upper()) + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def shortened(line: str) -> str:
    """A line of the log; a wait for a thousand descriptors is told by its two ends."""
    line = line.rstrip()
    return line if len(line) <= WIDEST else line[:WIDEST - 64] + " ... " + line[-59:]


def _tracer_failed(bench: Bench) -> Optional[str]:
    """fdtrace itself ended with an error of its own: its line, which begins with its name."""
    for play in bench.plays:
        if play.server.status == 125:
            for line in reversed(play.printed()):
                if line.startswith("fdtrace: "):
                    return line
    return None


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
