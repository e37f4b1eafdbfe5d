"""harness/fdlab/klass/plan.py: who is to be graded: all that have no result, or one of another program or another grader.

    plan.lay_out(options, "build/class/lab2")     # a folder for each student, and the list of those to be graded

Times say nothing here: a result carries the sum of the program it is about and the sum of all that has judged it. What is
written is written whole or not at all, so a run that is killed goes on where it was.

    OUT/students/ID/server.c        what was handed in, under a harmless name
    OUT/students/ID/entry.json      who it is
    OUT/students/ID/result.json     what came of it
    OUT/students/ID/feedback.txt    for the student; index.html and CHECK.html, the player, for whoever looks closer
"""
from __future__ import annotations

import argparse
import glob
import hashlib
import json
import os
import shlex
import shutil
import subprocess
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

from .. import grade
from . import roster

WORK = "work"    # of a student's folder: where the program lies while it is graded
FORM = 1     # of result.json: another number, and all is graded anew


class Student(NamedTuple):
    """A submission, when its text is on disk."""
    id: str
    student: str
    number: str
    late: bool
    where: str
    name: str
    problem: str
    note: str
    source: str      # the sum of what was handed in


def folder_of(out: str, one_id: str) -> str:
    return os.path.join(out, "students", one_id)


def _sum(*parts: bytes) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(b"%d:" % len(part) + part)
    return whole.hexdigest()


def _file_sum(path: str) -> str:
    with open(path, "rb") as file:
        whole = hashlib.sha256()
        for part in iter(lambda: file.read(1 << 20), b""):
            whole.update(part)
    return whole.hexdigest()


def judging_files(lab: str, build: str, also: List[str], points_file: Optional[str]) -> Iterator[str]:
    """All files on which a result depends, but for the submission."""
    def python(*where: str) -> List[str]:
        return sorted(glob.glob(os.path.join(glob.escape(grade.HARNESS), *where)))

    for path in python("checks", "*.py") + python("sessions", "*.py"):
        name = os.path.basename(path)[:-3]
        if name == lab or name not in grade.labs():
            yield path
    yield from python("fdlab", "*.py")
    yield os.path.join(os.path.dirname(__file__), "one.py")
    yield points_file or os.path.join(grade.HARNESS, "points", lab + ".txt")
    yield from sorted(glob.glob(os.path.join(glob.escape(grade.ROOT), "common", "*.h")))
    yield from (os.path.join(build, name) for name in ("fdtrace", "keeper"))
    yield from sorted(glob.glob(os.path.join(glob.escape(build), "libfdtrace*.so")))
    yield from also


def grader_sum(options: argparse.Namespace, tier: str) -> str:
    """The sum of all that judges: files by what is in them, the compiler by what it says it is."""
    command = shlex.split(options.compile)
    try:
        version = subprocess.run([command[0], "--version"], stdin=subprocess.DEVNULL, capture_output=True).stdout
    except OSError:
        version = b""
    words = [FORM, options.lab, options.compile, tier, options.seed]
    files = [(os.path.basename(path), _file_sum(path))
             for path in judging_files(options.lab, options.build, shlex.split(options.helpers), options.points)]
    return _sum(json.dumps([words, files]).encode(), version)


def load(path: str) -> Dict[str, Any]:
    """{} when it is not there, or no JSON."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_bytes(data: bytes, path: str) -> None:
    part = "%s.%s.%d.part" % (path, os.uname().nodename, os.getpid())
    with open(part, "wb") as file:
        file.write(data)
    os.replace(part, path)


def save(value: Dict[str, Any], path: str) -> None:
    _write_bytes((json.dumps(value, indent=1) + "\n").encode(), path)


def lay_out(out: str, submission: roster.Submission) -> Student:
    """The student's folder, with what was handed in."""
    folder = folder_of(out, submission.id)
    os.makedirs(folder, exist_ok=True)
    student = Student(*submission[:6], submission.problem, submission.note, _sum(submission.source or b""))
    if submission.source is not None:
        path = os.path.join(folder, submission.name)
        if not os.path.exists(path) or _file_sum(path) != hashlib.sha256(submission.source).hexdigest():
            _write_bytes(submission.source, path)
    if load(os.path.join(folder, "entry.json")) != student._asdict():
        save(student._asdict(), os.path.join(folder, "entry.json"))
    return student


def clean(out: str, student: Student) -> None:
    """Takes away what a run that was killed has left behind. Only for who grades them: merge may look on while others grade."""
    folder = folder_of(out, student.id)
    shutil.rmtree(os.path.join(folder, WORK), ignore_errors=True)
    for path in glob.glob(os.path.join(glob.escape(folder), "*.part")):
        os.unlink(path)


def result_of(out: str, student: Student) -> Dict[str, Any]:
    """Its result, if it is about this program; {} if there is none."""
    if student.problem:
        return {"source": student.source, "final": True, "problem": student.problem, "grade": None}
    found = load(os.path.join(folder_of(out, student.id), "result.json"))
    return found if found.get("source") == student.source and found.get("name") == student.name else {}


def is_done(out: str, student: Student, grader: str) -> bool:
    """Nothing can be done, or it is done by just this grader, and the grader had no trouble of its own."""
    found = result_of(out, student)
    return bool(student.problem) or bool(found.get("final") and found.get("grader") == grader)

