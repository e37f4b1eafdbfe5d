"""harness/fdlab/result.py: what a grade is. Grading fills it, every format is made from it, and nothing else is known of a grade.

    grade = Grade("lab2", "my.c", "bubblewrap", seed=1)
    grade.checks.append(Check("reuse.lowest_hole", "When a client leaves ...", 4.0))
    grade.score, grade.max_score
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Union

PASSED, FAILED, NOT_JUDGED = "passed", "failed", "not_judged"


@dataclass
class Check:
    """One graded statement, and what came of it."""
    name: str                        # "reuse.lowest_hole"
    title: str                       # what is expected, in one line
    max_points: float
    status: str = NOT_JUDGED
    message: str = ""                # failed: should have been X, was Y. Not judged: why. Passed: nothing
    steps: List[str] = field(default_factory=list)     # failed: what was done with the server, numbered
    trace: List[str] = field(default_factory=list)     # failed: the lines of the log around it
    finding: Optional[Dict[str, Any]] = None    # what explains it, where a rule of fdtrace does: rule, at, message, advice
    handout: Optional[str] = None    # where to read more
    seconds: float = 0.0

    @property
    def points(self) -> float:
        return self.max_points if self.status == PASSED else 0.0


@dataclass
class Grade:
    """All checks of one lab on one submission."""
    lab: str
    submission: str
    tier: str = ""
    seed: int = 1
    seconds: float = 0.0
    compiled: bool = True
    compiler: str = ""               # what the compiler said, as it said it
    only: List[str] = field(default_factory=list)   # not all checks of the lab, but these
    checks: List[Check] = field(default_factory=list)

    @property
    def score(self) -> float:
        return sum(check.points for check in self.checks)

    @property
    def max_score(self) -> float:
        return sum(check.max_points for check in self.checks)

    def of(self, status: str) -> List[Check]:
        return [check for check in self.checks if check.status == status]


def number(value: float) -> Union[int, float]:
    """4 for 4.0, as a person writes it."""
    return int(value) if value == int(value) else round(value, 6)


def to_dict(grade: Grade) -> Dict[str, Any]:
    """The grade as harness/README.md describes it. Keys are only ever added."""
    return {
        "lab": grade.lab, "submission": grade.submission, "score": number(grade.score),
        "max_score": number(grade.max_score), "tier": grade.tier, "seconds": round(grade.seconds, 3), "seed": grade.seed,
        "compiled": grade.compiled, "compiler": grade.compiler,
        "checks": [{
            "name": check.name, "status": check.status, "points": number(check.points),
            "max_points": number(check.max_points), "message": check.message, "finding": check.finding,
            "title": check.title, "steps": check.steps, "trace": check.trace, "handout": check.handout,
            "seconds": round(check.seconds, 3)} for check in grade.checks]}


class PointsError(Exception):
    """The points file does not fit the checks; the text names the line."""


def read_points(path: str) -> Dict[str, float]:
    """points<TAB>check, a line each; # begins a comment. The order is the order of the report."""
    points: Dict[str, float] = {}
    with open(path, encoding="utf-8") as file:
        for n, line in enumerate(file, 1):
            text = line.split("#")[0].strip()
            if not text:
                continue
            word = text.split("\t")
            try:
                value, name = float(word[0]), word[1].strip()
            except (ValueError, IndexError):
                raise PointsError("%s:%d: a line is points<TAB>check" % (path, n)) from None
            if len(word) != 2 or value < 0 or name in points:
                raise PointsError("%s:%d: %s" % (path, n, "\"%s\" stands there twice" % name if name in points
                                                 else "a line is points<TAB>check"))
            points[name] = value
    return points
