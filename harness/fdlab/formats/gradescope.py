"""harness/fdlab/formats/gradescope.py: the grade as Gradescope's results.json.

    https://gradescope-autograders.readthedocs.io/en/latest/specs/#output-format

A test for each check; Gradescope adds up their points. A hidden check is seen when the grades are published, and then its name
and its points only. What the grader prints is for instructors.
"""
from __future__ import annotations

import json
from typing import Any, Dict, List

from ..result import FAILED, NOT_JUDGED, PASSED, Check, Grade, for_student, number
from .text import details, still_to_write


def _output(grade: Grade, check: Check) -> str:
    if check.hidden:
        return ""
    if check.status == FAILED:
        return "\n".join([check.title, ""] + details(grade, check))
    return check.title if check.status == PASSED else "%s\n\nNot judged: %s" % (check.title, check.message)


def _test(grade: Grade, check: Check) -> Dict[str, Any]:
    test: Dict[str, Any] = {"name": check.name, "score": number(check.points), "max_score": number(check.max_points),
                            "output": _output(grade, check), "output_format": "text",
                            "visibility": "after_published" if check.hidden else "visible"}
    if check.status != NOT_JUDGED:
        test["status"] = "passed" if check.status == PASSED else "failed"
    return test


def _whole(grade: Grade) -> str:
    lines: List[str] = []
    if grade.compiler.strip():
        lines += ["It compiles, with warnings:" if grade.compiled else "It does not compile:", "", grade.compiler.rstrip("\n")]
    return "\n".join(lines + still_to_write(grade)).strip("\n")


def render(grade: Grade) -> str:
    grade = for_student(grade)
    return json.dumps({"output": _whole(grade), "output_format": "text", "visibility": "visible", "stdout_visibility": "hidden",
                       "execution_time": round(grade.seconds), "tests": [_test(grade, check) for check in grade.checks],
                       "extra_data": {"lab": grade.lab, "tier": grade.tier, "seed": grade.seed}}, indent=1) + "\n"


def message(text: str) -> str:
    """What is there when there is no grade: a sentence, and no points."""
    return json.dumps({"score": 0, "output": text, "output_format": "text", "visibility": "visible",
                       "stdout_visibility": "hidden", "tests": []}, indent=1) + "\n"
