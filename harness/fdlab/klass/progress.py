"""harness/fdlab/klass/progress.py: lets GNU Make grade what is to be graded, and says how far it is.

The makefile has a target for each student and nothing else. make runs them side by side, with the jobs of the `make class -jN`
that has called us (its job server), and each says on make's output when it begins and when it ends.
"""
from __future__ import annotations

import contextlib
import ctypes
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from typing import Dict, List, Mapping, Set

from ..play import cut

SPARSE = 60.0      # seconds between two lines, where lines cannot be rewritten
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)

MAKEFILE = """\
# Written by `make class`: a target for each submission that is to be graded. Nothing here comes from a student.
.PHONY: all %(ids)s
all: %(ids)s
%(ids)s:
\t@exec "$$FDLAB_PYTHON" -m fdlab.klass one $@
"""


def makefile(ids: List[str]) -> str:
    return MAKEFILE % {"ids": " ".join(ids)}


def _flags(environment: Mapping[str, str]) -> List[str]:
    """make's own flags, without the variables of the command line."""
    return (environment.get("MAKEFLAGS", "") + " ").split(" -- ")[0].split()


def only_shows(environment: Mapping[str, str]) -> bool:
    """`make -n class`: a command that runs make is run all the same."""
    return any("n" in word for word in _flags(environment)[:1] if word[0] != "-")


def jobs_of(environment: Mapping[str, str]) -> int:
    """What -j says; without it one. -j alone would start all of them at once: then as many as there are cores."""
    for word in _flags(environment):
        match = re.fullmatch(r"(?:-j|--jobs=?)(\d*)", word)
        if match:
            return int(match[1] or os.cpu_count() or 1)
    return 1


def sub_make(environment: Mapping[str, str], path: str) -> List[str]:
    return [environment.get("MAKE", "make"), "-k", "-r", "-s", "--no-print-directory", "-f", path, "all"]


def _make_environment(environment: Mapping[str, str]) -> Dict[str, str]:
    """Of make's own flags only the jobs are handed on: not its variables, whose values are for another makefile."""
    kept = [word for word in _flags(environment) if re.match(r"-j|--jobserver|--jobs", word)]
    if not any(word.startswith("--jobserver") for word in kept):
        kept = ["-j%d" % jobs_of(environment)]
    makes_own = ("MAKELEVEL", "MAKEOVERRIDES", "MFLAGS", "GNUMAKEFLAGS")
    return {**{name: value for name, value in environment.items() if name not in makes_own}, "MAKEFLAGS": " " + " ".join(kept)}


def spoken(seconds: float) -> str:
    """4 h 10 min, 12 min, 40 s: as exact as it can be known."""
    if seconds < 90:
        return "%d s" % max(5, 5 * round(seconds / 5))
    minutes = round(seconds / 60)
    return "%d min" % minutes if minutes < 90 else "%d h %d min" % (minutes // 60, minutes % 60)


class Meter:
    """How far it is, in one line."""

    def __init__(self, lab: str, total: int, before: int) -> None:
        self.lab, self.total, self.done, self.before = lab, total, 0, before
        self.running: Set[str] = set()
        self.began = self.told = time.monotonic()
        self.is_terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"

    def line(self) -> str:
        left = self.total - self.done - len(self.running)
        words = ["%s: %d of %d done" % (self.lab, self.before + self.done, self.before + self.total),
                 "%d running" % len(self.running), "%d left" % left]
        if self.done and self.done < self.total:
            words.append("about %s to go" % spoken((time.monotonic() - self.began) / self.done * (self.total - self.done)))
        return ", ".join(words)

    def hear(self, text: str) -> None:
        word, _, one_id = text.partition(" ")
        tenth = 10 * self.done // max(1, self.total)
        if word == "begin":
            self.running.add(one_id)
        elif word == "end":
            self.running.discard(one_id)
            self.done += 1
        if self.is_terminal:
            self.rewrite()
        elif 10 * self.done // max(1, self.total) > tenth or time.monotonic() - self.told > SPARSE:
            self.told = time.monotonic()
            print(self.line(), flush=True)

    def rewrite(self) -> None:
        sys.stdout.write("\r" + cut(self.line()) + "\033[K")
        sys.stdout.flush()

    def end(self) -> None:
        if self.is_terminal:
            sys.stdout.write("\r\033[K")
            sys.stdout.flush()


def _listen(running: "subprocess.Popen[bytes]", meter: Meter) -> None:
    """Until make has ended, and all that it has started."""
    assert running.stdout is not None
    fd, heard = running.stdout.fileno(), b""
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        while True:
            if not selector.select(1.0):
                if meter.is_terminal:
                    meter.rewrite()  # the time to go
                continue
            more = os.read(fd, 1 << 16)
            if not more:
                return
            *lines, heard = (heard + more).split(b"\n")
            for line in lines:
                meter.hear(line.decode("ascii", "replace"))


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """This process gets that signal when the one that has started it ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


def run(lab: str, ids: List[str], before: int, name: str, settings: str, python: str) -> Meter:
    """Grades them all, as the file `settings` says. `before` are those that were done already; `name` begins the names of
    the makefile and of the log of what went wrong with it."""
    meter = Meter(lab, len(ids), before)
    with open(name + ".mk", "w", encoding="ascii") as file:
        file.write(makefile(ids))
    with open(name + ".log", "wb") as log:
        running = subprocess.Popen(
            sub_make(os.environ, name + ".mk"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, close_fds=False,
            env={**_make_environment(os.environ), "FDLAB_CLASS": settings, "FDLAB_PYTHON": python}, preexec_fn=die_with_parent)
        try:
            _listen(running, meter)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                running.terminate()
            running.wait()
            raise
        finally:
            meter.end()
        running.wait()
    return meter
