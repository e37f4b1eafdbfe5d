"""harness/fdlab/steady.py: what a command printed, without what is different in every run: times, ports, process numbers.

    steady = Steady()
    steady.learn("build/lab2/trace.log")          # the event numbers of this run
    text = steady.text(printed, tree)

A second run gives the same text, byte for byte. What is changed: the digits of a time become x, but whole seconds of a
time-out or of a silence stay; clients' ports become 40001, 40002, ... and process numbers 4711, 4710, ... in order of appearance;
events are counted without the lines whose place is a matter of luck (what the server printed, a queue's length, a module), and these
lines are left out; the place of the tree becomes ~/fdlab.
"""
from __future__ import annotations

import re
import textwrap
from typing import Dict, Iterable, Iterator, List, Optional, Tuple

SERVED = (50000, 50001, 50002, 50010, 50011)   # the ports that servers listen on in a handout: they stay as they are
WIDTH = 79                             # of a paragraph that `make labN` prints

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|\x1b[@-_]")
_LOG = re.compile(r"^( *)(\d+)( +)(\d+\.\d{6})  (\d+ +)(\S.*)$")
_LANES = re.compile(r"^( *)(\d+)( +)(\d+\.\d{6})  ([-|owrx0*:!?. 1-9]*)(\S.*)$")
_BY_LUCK = re.compile(r"(── )?(queue |module |resync|server prints |[^ ]+ is )")
_SERVER_PRINTS = re.compile(r"^ +\S+ server prints  ")
_SILENCE = re.compile(r"session silence \"?of [0-9.]+ s")
_FINDING = re.compile(r"(bug|risk|note)  [a-z-]+")
_TURN = re.compile(r"^( *\d+) ( *)([0-9.]+)(us|ms|s)(  .*)$")


class Steady:
    """`ports`: shared by texts that tell of the same connections; without it each text counts its own."""

    def __init__(self, ports: Optional[Dict[str, str]] = None) -> None:
        self.events: Dict[int, int] = {}
        self.ports = ports

    def learn(self, log: str) -> None:
        """The event numbers of a run, from its trace.log: those that are kept are counted anew."""
        self.events = {}
        for line in log.splitlines():
            found = _LOG.match(line)
            if found and not _BY_LUCK.match(found[6]):
                self.events[int(found[2])] = len(self.events) + 1

    def text(self, text: str, tree: str = "", prints: bool = False) -> str:
        """With `prints` what the server printed stays: for who waits until it is there."""
        text = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
        if tree:
            text = text.replace(tree, "~/fdlab")
        lines = [line for line in text.split("\n") if prints or not _SERVER_PRINTS.match(line)]
        if any(line.startswith("   seq ") for line in lines):
            self.learn(text)
        lines = [self._numbers(line) for line in self._log(_unfilled(lines))]
        lines = [_durations(_turn(line)) for line in self._ports("\n".join(lines)).split("\n")]
        return "\n".join(line.rstrip() for line in _filled(lines)).strip("\n")

    # ---- the log, and lanes

    def _log(self, lines: Iterable[str]) -> Iterator[str]:
        """Event numbers, times and process numbers."""
        row = _LOG
        pids: Dict[str, str] = {}
        ahead: List[Tuple[float, float]] = []  # silences: the middle, the length
        passed = 0.0
        for line in lines:
            if line.startswith("     # "):
                row = _LANES
            found = row.match(line)
            if not found:
                yield line
                continue
            if _BY_LUCK.match(found[6]):
                continue
            now = float(found[4])
            while ahead and now > ahead[0][0]:
                passed += ahead.pop(0)[1]
            if _SILENCE.search(found[6]):
                start = now
                for length in map(float, re.findall(r"([0-9.]+) s\b", found[6])):
                    ahead.append((start + length / 2, length))
                    start += length
            if row is _LOG:
                pid = pids.setdefault(found[5].strip(), str(4711 - len(pids)))
                yield "%6d  %d.xxxxxx  %-*s%s" % (self.events.get(int(found[2]), 0), passed, len(found[5]), pid, found[6])
            else:
                yield "%6d  %d.xxxxxx  %s%s" % (self.events.get(int(found[2]), 0), passed, found[5], found[6])

    # ---- numbers in any text

    def _numbers(self, line: str) -> str:
        """"event 31", "events 27 to 52", "closed at 57"."""
        def anew(found: re.Match) -> str:
            return found[1] + re.sub(r"\d+", lambda number: str(self.events.get(int(number[0]), int(number[0]))), found[2])

        line = re.sub(r"(\b[Ee]vents? )(\d+(?:(?: to |, | and )\d+)*)", anew, line)
        return re.sub(r"(\bclosed at )(\d+)", anew, line)

    def _ports(self, text: str) -> str:
        ports = {} if self.ports is None else self.ports

        def anew(found: re.Match) -> str:
            if int(found[2]) in SERVED or int(found[2]) < 1024:
                return found[0]
            return found[1] + ports.setdefault(found[2], str(40001 + len(ports)))

        return re.sub(r"(\b127\.0\.0\.1:|\bfrom port | :)(\d{4,5})\b", anew, text)


def _turn(line: str) -> str:
    """The time that a wait took, in `fdtrace turns`: whole seconds of a time-out stay."""
    found = _TURN.match(line)
    if not found:
        return line
    width = len(found[2] + found[3] + found[4])
    waited = "%d.00s" % float(found[3]) if "TIMEOUT" in line else "xxms"
    return found[1] + " " + waited.rjust(width) + found[5]


def _durations(line: str) -> str:
    # "timed out twice, after 2.002 s and 2.001 s": there the whole seconds are what is told.
    line = re.sub(r"(timed out [^.,]*, after )([^:]*:)", lambda found: found[1] + re.sub(
        r"(\d)\.\d+( s\b)", r"\1.xxx\2", found[2]), line)
    line = re.sub(r"\b\d+ [um]s(?= left|,|$| )", "x.xxx s", line)
    line = re.sub(r"(?<!of )(?<!timer )\b\d+\.\d+(?= s\b)", lambda found: "x." + "x" * len(found[0].partition(".")[2]), line)
    if "TIMEOUT" not in line:
        line = re.sub(r"(?<![\w.])[0-9.]+[um]?s\b", "x.xxs", line)
    line = re.sub(r"pipe:\[\d+\] *", lambda found: "pipe:[...]".ljust(len(found[0])), line)
    return re.sub(r"\[Makefile:\d+: ", "[Makefile: ", line)


# ---- paragraphs of `make labN` and `fdtrace check`: filled anew, since their numbers were of other lengths

def _unfilled(lines: List[str]) -> Iterator[str]:
    lines = lines[:]
    while lines:
        line = lines.pop(0)
        if _FINDING.match(line):
            yield line
            while lines and re.match(r" {6}\w", lines[0]):
                line = lines.pop(0)
                while lines and re.match(r" {6}\w", lines[0]) and not re.match(r" {6}(Why|Do|Read):", lines[0]):
                    line += " " + lines.pop(0).strip()
                yield line
            continue
        while re.match(r"[-!] \S", line) and lines and re.match(r"  \S", lines[0]):
            line += " " + lines.pop(0).strip()
        yield line


def _filled(lines: List[str]) -> Iterator[str]:
    for line in lines:
        found = re.match(r"([-!] |      )\w", line)
        if found:
            yield from textwrap.wrap(line, WIDTH, subsequent_indent=" " * len(found[1]), break_on_hyphens=False)
        else:
            yield line
