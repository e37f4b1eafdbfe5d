"""harness/tests/test_grade_grader.py: every right server passes everything, and every wrong one fails its own check and no other.

All of them are graded, as a student's program is: there is no faster way to know that the grader is right.
"""
from __future__ import annotations

import os
import sys

import pytest

from fdlab import grade, matrix
from test_kit import run


@pytest.mark.parametrize("lab, good, bad", [("lab1", 8, 12), ("lab2", 8, 22)])
def test_there_are_enough_submissions(lab, good, bad):
    found = matrix.submissions(lab)
    assert sum(one.must_fail is None for one in found) >= good
    assert sum(one.must_fail is not None for one in found) >= bad


def test_the_grader_is_right_about_all_of_them(root, build):
    done = run(root, "make", "grade-grader", "BUILD=%s" % build, "PYTHON=" + sys.executable,
               "CC=" + os.environ.get("FDLAB_CC", "cc"), "CFLAGS=" + os.environ.get("FDLAB_CFLAGS", "-g -O1"), timeout=1800)
    print(done.stdout)  # the matrix: pytest shows it when this fails
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("all as it should be")
    for lab in grade.labs():
        assert "%s: " % lab in done.stdout
