"""harness/fdlab/formats/classroom.py: the grade in one line of base64, as GitHub Classroom's autograding reporter takes it.

    https://github.com/classroom-resources/autograding-grading-reporter

    result=$(make -s grade LAB=lab2 SRC=server.c FORMAT=classroom) || true
    echo "result=$result" >> "$GITHUB_OUTPUT"         and to the reporter as LAB2_RESULTS, with runners: lab2
"""
from __future__ import annotations

import base64
import json
from typing import Any, Dict

from ..result import FAILED, PASSED, Check, Grade, for_student, number
from .text import details

_STATUS = {PASSED: "pass", FAILED: "fail"}      # one that was not judged is an error


def _test(grade: Grade, check: Check) -> Dict[str, Any]:
    told = "\n".join(details(grade, check)) if check.status == FAILED and not check.hidden else check.message
    return {"name": check.name, "status": _STATUS.get(check.status, "error"), "score": number(check.points),
            "message": told if check.status != PASSED else None, "test_code": "" if check.hidden else check.title,
            "filename": "", "line_no": 0, "execution_time": "%.3fs" % check.seconds}


def render(grade: Grade) -> str:
    grade = for_student(grade)
    judged = {check.status for check in grade.checks if not check.absent}
    result: Dict[str, Any] = {
        "version": 1, "status": "pass" if grade.compiled and judged <= {PASSED} else "fail" if grade.compiled else "error",
        "max_score": number(grade.max_score), "tests": [_test(grade, check) for check in grade.checks]}
    if not grade.compiled:
        result["message"] = grade.compiler
        result["tests"].insert(0, {"name": "compile", "status": "error", "score": 0, "message": grade.compiler, "test_code": "",
                                   "filename": grade.submission, "line_no": 0, "execution_time": "0.000s"})
    return base64.b64encode(json.dumps(result).encode("ascii")).decode("ascii") + "\n"
