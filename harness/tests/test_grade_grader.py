"""harness/tests/test_grade_grader.py: every right server passes everything, and every wrong one fails its own check and no other.

All of them are graded, as a student's program is: there is no faster way to know that the grader is right.
"""
from __future__ import annotations

import os
import subprocess
import sys

import pytest

from fdlab import grade, matrix
from test_grade import compiler


@pytest.mark.parametrize("lab, good, bad", [("lab1", 8, 12), ("lab2", 8, 22)])
def test_there_are_enough_submissions(lab, good, bad):
    found = matrix.submissions(lab)
    assert sum(one.must_fail is None for one in found) >= good
    assert sum(one.must_fail is not None for one in found) >= bad


@pytest.mark.parametrize("lab", grade.labs())
def test_the_grader_is_right_about_all_of_them(lab, root, build):
    done = subprocess.run([sys.executable, "-m", "fdlab.matrix", lab, "--compile", compiler(), "--helpers",
                           str(build / "common" / "helpers.a"), "--build", str(build)], cwd=root, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(root / "harness")})
    print(done.stdout)  # the matrix: pytest shows it when this fails
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("all as it should be")
