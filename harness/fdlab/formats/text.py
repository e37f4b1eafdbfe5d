"""harness/fdlab/formats/text.py: the grade for its student, in a terminal or a file: what failed comes last, in full."""
from __future__ import annotations

import textwrap
from typing import Dict, List

from ..result import FAILED, NOT_JUDGED, PASSED, UNTOLD, Check, Grade

WIDTH = 79
_WORDS = {PASSED: "passed", FAILED: "FAILED", NOT_JUDGED: "not judged"}


def _wrapped(text: str, first: str, rest: str) -> List[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False,
                         break_long_words=False) or [first.rstrip()]


def replay(grade: Grade, check: Check) -> str:
    """The command that plays just this check."""
    source = "" if grade.submission.startswith("labs/%s-" % grade.lab) else " SRC=" + (
        grade.submission if grade.submission.replace("_", "").replace("/", "").replace(".", "").replace("-", "").isalnum()
        else "'%s'" % grade.submission.replace("'", "'\\''"))
    return "make grade LAB=%s%s CHECK=%s" % (grade.lab, source, check.name)


def details(grade: Grade, check: Check) -> List[str]:
    """All that is known of a failed check."""
    lines = _wrapped(check.message, "  ", "  ")
    if check.steps:
        lines += ["", "  What was done, step by step:"]
        for n, step in enumerate(check.steps, 1):
            lines += _wrapped(step, "%5d  " % n, " " * 7)
    if check.trace:
        lines += ["", "  The trace there:"]
        lines += ["    " + line for line in check.trace]
    if check.finding:
        lines += [""] + _wrapped("%s%s: %s" % (check.finding["rule"], " at " + check.finding["at"] if check.finding["at"] else "",
                                               check.finding["message"]), "  Why:  ", "        ")
        lines += _wrapped(check.finding["advice"], "  Do:   ", "        ")
    if check.handout:
        lines += [""] + _wrapped(check.handout, "  Read: ", "        ")
    lines += ["", "  Just this one: " + replay(grade, check)]
    return lines


def still_to_write(grade: Grade) -> List[str]:
    """What to do next, for whoever began with the students' kit."""
    if not grade.todo:
        return []
    return [""] + _wrapped("NEXT   %s still says YOUR CODE HERE in line%s %s. The comment above each says what to write." % (
        grade.submission, "" if len(grade.todo) == 1 else "s", ", ".join(map(str, grade.todo))), "", "  ")


def _row(check: Check) -> str:
    row = "  %-10s  %-26s %5s" % (_WORDS[check.status], check.name,
                                  "%g/%g" % (check.points, check.max_points) if check.max_points else "")
    return row.rstrip()


def render(grade: Grade) -> str:
    lines = ["%s: %s" % (grade.lab, grade.submission)]
    if not grade.compiled:
        return "\n".join(lines + ["It does not compile:", "", grade.compiler.rstrip("\n"), *still_to_write(grade), "",
                                  "Score: 0 of %g" % grade.max_score]) + "\n"
    if grade.compiler.strip():
        lines += ["", "It compiles, with warnings:", "", grade.compiler.rstrip("\n")]
    lines += [""] + [_row(check) for check in grade.checks]
    reasons: Dict[str, List[str]] = {}
    for check in grade.of(NOT_JUDGED):
        reasons.setdefault(check.message, []).append(check.name)
    for reason, names in reasons.items():
        lines += [""] + _wrapped("Not judged (%s): %s" % (reason, ", ".join(names)), "", "  ")
    untold = [check.name for check in grade.of(FAILED) if check.title == UNTOLD]
    if untold:
        lines += [""] + _wrapped("Failed, and hidden, so no more is told: %s" % ", ".join(untold), "", "  ")
    for check in grade.of(FAILED):
        if check.title == UNTOLD:
            continue
        lines += [""] + _wrapped("%s: %s" % (check.name, check.title), "FAILED ", "  ")
        lines += details(grade, check)
    lines += still_to_write(grade)
    counts = ["%d %s" % (len(grade.of(status)), word) for status, word in (
        (PASSED, "passed"), (FAILED, "failed"), (NOT_JUDGED, "not judged")) if grade.of(status)]
    lines += ["", "%s in %.1f s (%s)" % (", ".join(counts), grade.seconds, grade.tier),
              "Score: %g of %g%s" % (grade.score, grade.max_score, " for these checks" if grade.only else "")]
    if grade.suspicions:
        lines += ["", "For the instructor: what was seen from outside and what the trace shows do not agree, or another program ran."]
        for one in grade.suspicions:
            lines += _wrapped(one, "  ", "    ")
    return "\n".join(lines) + "\n"
