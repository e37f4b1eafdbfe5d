"""harness/fdlab/result.py: what a grade is. Grading fills it, every format is made from it, and nothing else is known of a grade.

    grade = Grade("lab2", "my.c", "bubblewrap", seed=1)
    grade.checks.append(Check("reuse.lowest_hole", "When a client leaves ...", 4.0))
    grade.score, grade.max_score
"""
from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, Dict, List, NamedTuple, Optional, Union

PASSED, FAILED, NOT_JUDGED = "passed", "failed", "not_judged"
VIEWS = ("student", "instructor")
UNTOLD = "This check is hidden: its name and its points are all that is told."
TODO = "/* YOUR CODE HERE */"    # what stands in the students' kit in place of a solution
ABSENT = "it is hidden: it is made when the work is handed in"
MOOT = "it has no meaning as long as "   # why a check is not judged whose @after did not pass; which, stands behind it


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
    hidden: bool = False             # students are told its name and its points, and nothing else
    absent: bool = False             # hidden, and not here: this is the students' kit

    @property
    def points(self) -> float:
        return self.max_points if self.status == PASSED else 0.0

    @property
    def undecided(self) -> bool:
        """It was to be made, and could not be judged: that lies with whoever grades, not with the submission."""
        return self.status == NOT_JUDGED and bool(self.message) and not self.absent and not self.message.startswith(MOOT)


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
    todo: List[int] = field(default_factory=list)   # the lines of it that still say YOUR CODE HERE
    only: List[str] = field(default_factory=list)   # not all checks of the lab, but these
    checks: List[Check] = field(default_factory=list)
    suspicions: List[str] = field(default_factory=list)   # for the instructor: "eintr.survives: the trace has ..., and ..."

    @property
    def score(self) -> float:
        return sum(check.points for check in self.checks)

    @property
    def max_score(self) -> float:
        return sum(check.max_points for check in self.checks)

    def of(self, status: str) -> List[Check]:
        return [check for check in self.checks if check.status == status]


def for_student(grade: Grade) -> Grade:
    """The grade as its student may have it: of a hidden check the name and the points, and no suspicions. Every format for
    students begins here."""
    return replace(grade, suspicions=[], checks=[
        Check(check.name, UNTOLD, check.max_points, check.status, "" if check.status == PASSED else UNTOLD, hidden=True)
        if check.hidden and not check.absent else check for check in grade.checks])


def number(value: float) -> Union[int, float]:
    """4 for 4.0, as a person writes it."""
    return int(value) if value == int(value) else round(value, 6)


def to_dict(grade: Grade) -> Dict[str, Any]:
    """The grade as harness/README.md describes it. Keys are only ever added."""
    return {
        "lab": grade.lab, "submission": grade.submission, "score": number(grade.score),
        "max_score": number(grade.max_score), "tier": grade.tier, "seconds": round(grade.seconds, 3), "seed": grade.seed,
        "compiled": grade.compiled, "compiler": grade.compiler, "todo": grade.todo, "suspicions": grade.suspicions,
        "checks": [{
            "name": check.name, "status": check.status, "points": number(check.points),
            "max_points": number(check.max_points), "message": check.message, "finding": check.finding,
            "title": check.title, "steps": check.steps, "trace": check.trace, "handout": check.handout,
            "hidden": check.hidden, "seconds": round(check.seconds, 3)} for check in grade.checks]}


def from_dict(told: Dict[str, Any]) -> Grade:
    """The grade that to_dict() has made this of. Keys that are not known here are left out."""
    def known(of: type, one: Dict[str, Any]) -> Dict[str, Any]:
        return {each.name: one[each.name] for each in fields(of) if each.name in one}

    return Grade(**{**known(Grade, told), "checks": [Check(**known(Check, one)) for one in told["checks"]]})


class PointsError(Exception):
    """The points file does not fit the checks; the text names the line."""


class Worth(NamedTuple):
    """A line of the points file."""
    points: float
    hidden: bool
    line: int


def read_points(path: str) -> Dict[str, Worth]:
    """points<TAB>check, a line each, and <TAB>hidden behind one that students are not to know; # begins a comment. The order is
    the order of the report."""
    points: Dict[str, Worth] = {}
    with open(path, encoding="utf-8") as file:
        for n, line in enumerate(file, 1):
            text = line.split("#")[0].strip()
            if not text:
                continue
            word = [each.strip() for each in text.split("\t")]
            try:
                value, name = float(word[0]), word[1]
            except (ValueError, IndexError):
                raise PointsError("%s:%d: %s" % (path, n, _LINE)) from None
            if word[2:] not in ([], ["hidden"]) or not 0 <= value < float("inf") or name in points:
                raise PointsError("%s:%d: %s" % (path, n, "\"%s\" stands there twice" % name if name in points else _LINE))
            points[name] = Worth(value, bool(word[2:]), n)
    return points


_LINE = "a line is points<TAB>check, or points<TAB>check<TAB>hidden"
