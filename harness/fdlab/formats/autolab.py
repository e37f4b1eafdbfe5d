"""harness/fdlab/formats/autolab.py: the grade for Autolab: the text for the student, and as its last line the score.

    https://docs.autolabproject.com/lab/#writing-autograders

The assessment has one problem; it is named as the lab is.
"""
from __future__ import annotations

import json

from ..result import Grade, for_student, number
from . import text


def render(grade: Grade) -> str:
    grade = for_student(grade)
    return text.render(grade) + json.dumps({"scores": {grade.lab: number(grade.score)}}) + "\n"
