"""harness/fdlab/klass/report.py: a class in a table for the terminal, and in class.csv for a spreadsheet.

    rows = [row_of(out, student) for student in students]
    print("\\n".join(table(rows, grade.lab_checks("lab2"))))
"""
from __future__ import annotations

import csv
import os
import statistics
import tempfile
import textwrap
import unicodedata
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .. import play
from ..result import FAILED, NOT_JUDGED, PASSED, Check, number
from . import plan
from .plan import Student

GRADED, IN_PART, NO_COMPILE = "graded", "graded in part", "not compiling"
NOTHING, GRADER_FAILED, MISSING = "nothing to grade", "the grader failed", "no result"
ANSWERED = (GRADED, IN_PART, NO_COMPILE, NOTHING)
SIGNS = {PASSED: ".", FAILED: "X", NOT_JUDGED: "-"}
NAMED = 20           # students in a list of exceptions
WIDEST_NAME = 28


class Row(NamedTuple):
    """What the tables need of one student."""
    student: Student
    state: str
    problem: str                       # why there is no score
    score: Optional[float]             # None: nothing was graded
    max_score: float
    status: Dict[str, str]             # by check
    points: Dict[str, float]
    traces: Tuple[str, ...]            # checks whose trace was kept
    tier: str


def row_of(out: str, student: Student, found: Optional[Dict[str, Any]] = None) -> Row:
    if found is None:
        found = plan.result_of(out, student)
    graded = found.get("grade")
    if not graded:
        state = NOTHING if student.problem else GRADER_FAILED if found else MISSING
        problem = found.get("problem") or "it was not graded yet"
        return Row(student, state, problem, None, 0.0, {}, {}, (), "")
    state = NO_COMPILE if not graded["compiled"] else GRADED if found.get("final") else IN_PART
    checks = graded["checks"]
    return Row(student, state, "", graded["score"], graded["max_score"], {one["name"]: one["status"] for one in checks},
               {one["name"]: one["points"] for one in checks}, tuple(found.get("traces", ())), graded["tier"])


# ---- the terminal

def columns(text: str) -> int:
    """How wide a terminal shows it: Hangul and Han take two places."""
    return sum(0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def fitted(text: str, width: int) -> str:
    """Exactly so wide."""
    if columns(text) > width:
        while columns(text) > width - 2:
            text = text[:-1]
        text += ".."
    return text + " " * (width - columns(text))


def failures(rows: Sequence[Row], checks: Sequence[Check]) -> List[Tuple[str, int, int]]:
    """Each check with how many failed it, of how many with whom it was judged; what fails most comes first."""
    found = []
    for check in checks:
        states = [row.status.get(check.name) for row in rows if row.state in (GRADED, IN_PART)]
        found.append((check.name, states.count(FAILED), states.count(FAILED) + states.count(PASSED)))
    return sorted(found, key=lambda one: -one[1])


def table(rows: Sequence[Row], checks: Sequence[Check]) -> List[str]:
    """A row a student, a column a check, whose name stands upright above it; then what fails most."""
    names = [check.name for check in checks]
    wide = min(max([columns(row.student.student) for row in rows] + [7]), WIDEST_NAME)
    height = max(map(len, names))
    lines = [""]
    for line in range(height):
        head = fitted("student", wide) + "  score  " if line == height - 1 else " " * (wide + 9)
        lines.append((head + "".join(name.rjust(height)[line] for name in names)).rstrip())
    for row in rows:
        cells = "".join(SIGNS.get(row.status.get(name, ""), "?") for name in names)
        if row.state == NO_COMPILE:
            cells = "it does not compile"
        if row.score is None:
            cells = "%s: %s" % (row.state, row.problem) if row.state == GRADER_FAILED else row.problem
        score = "" if row.score is None else "%g" % row.score
        line = "%s  %5s  %s" % (fitted(row.student.student, wide), score, cells)
        lines.append(line if row.status else fitted(line, play.width()).rstrip())
    lines += ["", ". passed  X failed  - not judged"]
    worst = [one for one in failures(rows, checks) if one[1]][:10]
    if worst:
        lines += ["", "What fails most:"]
        most = worst[0][1]
        lines += ["  %4d of %-4d  %-26s %s" % (failed, judged, name, "#" * -(-24 * failed // most))
                  for name, failed, judged in worst]
    return lines


def closing(rows: Sequence[Row]) -> List[str]:
    """How many have what, and who has none, by name."""
    lines = [""]
    scores = [row.score for row in rows if row.score is not None]
    counts = [(state, [row for row in rows if row.state == state]) for state in
              (GRADED, IN_PART, NO_COMPILE, NOTHING, GRADER_FAILED, MISSING)]
    lines += textwrap.wrap("%d submissions: %s" % (len(rows), ", ".join(
        "%d %s" % (len(some), state) for state, some in counts if some)), play.width())
    if scores:
        lines.append("Scores: mean %.1f, median %g, from %g to %g of %g" % (
            statistics.mean(scores), statistics.median(scores), min(scores), max(scores),
            max(row.max_score for row in rows)))
    for state, some in counts:
        if not some or state in (GRADED, NO_COMPILE):
            continue
        lines.append("%s:" % (state[0].upper() + state[1:]))
        for row in some[:NAMED]:
            why = row.problem or "the grader could not make %d checks" % list(row.status.values()).count(NOT_JUDGED)
            lines.append(play.paragraph("%s: %s" % (row.student.student, why), "  ", "    "))
        if len(some) > NAMED:
            lines.append("  and %d more (they are in class.csv)" % (len(some) - NAMED))
    if any(row.state in (IN_PART, GRADER_FAILED) for row in rows):
        lines.append("Where the grader had trouble, the same command tries again.")
    return lines


# ---- the spreadsheet

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")


def guarded(text: str) -> str:
    """A spreadsheet takes a cell that begins like this for a formula, and works it out: what a student wrote must stay text."""
    return "'" + text if text.lstrip(" \u00a0").startswith(FORMULA) else text


def csv_row(row: Row, checks: Sequence[Check]) -> List[str]:
    student = row.student
    cells = [guarded(text) for text in (student.student, student.number, student.id, student.where, student.name)]
    cells += ["yes" if student.late else "", row.state, "" if row.score is None else str(number(row.score)),
              "" if row.score is None else str(number(row.max_score))]
    for check in checks:
        status = row.status.get(check.name)
        cells.append("" if status is None else "not judged" if status == NOT_JUDGED else str(number(row.points[check.name])))
    return cells + [guarded(row.problem or student.note)]


def write_csv(rows: Sequence[Row], checks: Sequence[Check], path: str) -> None:
    """With the mark by which a spreadsheet knows UTF-8: without it names in Hangul are spoilt."""
    head = ["student", "number", "id", "submission", "file", "late", "state", "score", "max_score"]
    with tempfile.NamedTemporaryFile("w", encoding="utf-8-sig", newline="", dir=os.path.dirname(path), delete=False) as file:
        out = csv.writer(file)
        out.writerow(head + [check.name for check in checks] + ["remark"])
        for row in rows:
            out.writerow(csv_row(row, checks))
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)
