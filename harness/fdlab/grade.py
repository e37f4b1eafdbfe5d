"""harness/fdlab/grade.py: grades one submission: compiles it, makes every check of its lab, adds up the points.

This is what `make grade LAB=lab2 SRC=my.c` calls. It needs pytest, and the products of `make build`.

    PYTHONPATH=harness python3 -m fdlab.grade lab2 my.c --compile "cc -Icommon" --helpers build/common/helpers.a

A grade is a function of the lab, the submission and the seed; nothing of it is kept but what is written to --out and the
traces. Exit status: 0 when all checks passed, 1 when not, 2 for bad arguments.
"""
from __future__ import annotations

import argparse
import ast
import fnmatch
import glob
import os
import shlex
import shutil
import sys
import tempfile
import time
from typing import Any, Dict, List, Optional

from . import compiler, formats, isolate, play
from .result import (ABSENT, FAILED, NOT_JUDGED, PASSED, TODO, UNTOLD, VIEWS, Check, Grade, PointsError, for_student,
                     read_points)

HARNESS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(HARNESS)


def labs() -> List[str]:
    """The labs that can be graded."""
    return sorted(os.path.basename(path)[:-3] for path in glob.glob(os.path.join(HARNESS, "checks", "lab*.py")))


def source_of(lab: str) -> ast.Module:
    """The checks of a lab, to be read, not run."""
    with open(os.path.join(HARNESS, "checks", lab + ".py"), encoding="utf-8") as file:
        return ast.parse(file.read())


def functions(lab: str) -> Dict[str, ast.FunctionDef]:
    return {node.name[len("test_"):].replace("__", "."): node for node in source_of(lab).body
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def statements(lab: str) -> Dict[str, str]:
    """The checks of a lab, each with what it states."""
    return {name: ast.get_docstring(function) or "" for name, function in functions(lab).items()}


def preconditions(lab: str) -> Dict[str, List[str]]:
    """Each check with all those that it comes after, directly or not."""
    found = {name: [word.value for mark in function.decorator_list if isinstance(mark, ast.Call)
                    and getattr(mark.func, "id", "") == "after" for word in mark.args if isinstance(word, ast.Constant)]
             for name, function in functions(lab).items()}
    for befores in found.values():
        for name in befores:  # grows while it is walked
            befores += [one for one in found[name] if one not in befores]
    return found


def lab_checks(lab: str, points_file: Optional[str] = None) -> List[Check]:
    """All checks of a lab, nothing judged yet, in the order of the points file. One that is hidden there may be absent here: the
    students' kit has its name and its points alone."""
    path = points_file or os.path.join(HARNESS, "points", lab + ".txt")
    points, titles, befores = read_points(path), statements(lab), preconditions(lab)
    for name, worth in points.items():
        if name not in titles and not worth.hidden:
            raise PointsError("%s:%d: there is no check \"%s\" in %s" % (path, worth.line, name, lab))
    for name in titles:
        if name not in points:
            raise PointsError("%s: \"%s\" is missing" % (path, name))
        for before in befores[name]:
            if before in points and points[before].hidden and not points[name].hidden:
                raise PointsError("%s:%d: \"%s\" is hidden, but \"%s\", which is not, comes after it and would tell of it: hide "
                                  "both, or change @after" % (path, points[before].line, before, name))
    return [Check(name, titles.get(name, UNTOLD), worth.points, hidden=worth.hidden, absent=name not in titles,
                  message="" if name in titles else ABSENT) for name, worth in points.items()]


def handout_sections(lab: str) -> Dict[str, str]:
    """HANDOUT of a lab's checks: which section of its handout to read, by the check's name."""
    for node in source_of(lab).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "HANDOUT":
            return ast.literal_eval(node.value)
    return {}


def handout(lab: str, name: str) -> Optional[str]:
    """Where to read about a check."""
    if os.path.exists(os.path.join(ROOT, "handouts", lab + ".md")):
        for pattern, section in handout_sections(lab).items():
            if fnmatch.fnmatchcase(name, pattern):
                return "handouts/%s.md, \"%s\"" % (lab, section)
    return None


class _Recorder:
    """A pytest plugin that writes the outcomes into the checks."""

    def __init__(self, grade: Grade) -> None:
        self.lab = grade.lab
        self.checks = {check.name: check for check in grade.checks}
        self.doubts: Dict[str, List[str]] = {}   # what an instructor may want to see, and in which checks

    def pytest_runtest_logreport(self, report: Any) -> None:
        check = self.checks[report.nodeid.rpartition("::test_")[2].replace("__", ".")]
        if report.when == "call":
            check.seconds = report.duration
            check.status = PASSED if report.outcome == "passed" else NOT_JUDGED
        if report.when == "call":
            for one in dict(report.user_properties).get("fdlab_doubts", []):
                self.doubts.setdefault(one, []).append(check.name)
        told = dict(report.user_properties).get("fdlab")
        if told is not None:
            check.status, check.message = told["status"], told["message"]
            check.steps, check.trace, check.finding = told["steps"], told["trace"], told["finding"]
        elif report.outcome == "failed":
            check.status, check.message = NOT_JUDGED, "the grader itself failed: %s" % report.longrepr
        if check.status == FAILED:
            check.handout = handout(self.lab, check.name)


def judge(grade: Grade, program: str, folder: str, build: str, side_by_side: int = 0) -> None:
    """Makes the checks of grade (or grade.only, with what those come after) on a program."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # whatever plugins are installed here are none of ours
    os.environ["FDLAB_BUILD"] = os.path.abspath(build)
    try:
        import pytest
    except ImportError:
        raise RuntimeError("grading needs pytest: `make grade` finds one, or fetches it") from None
    arguments = ["-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:faulthandler", "--capture=no",
                 "--rootdir", HARNESS, "-c", os.devnull, os.path.join(HARNESS, "checks", grade.lab + ".py"),
                 "--server", os.path.abspath(program), "--folder", os.path.abspath(folder), "--tier", grade.tier,
                 "--seed", str(grade.seed), "--side-by-side", str(side_by_side)]
    for name in grade.only:
        arguments += ["--check", name]
    recorder = _Recorder(grade)
    ended = pytest.main(arguments, plugins=[recorder])
    grade.suspicions = ["%s: %s" % (", ".join(names), one) for one, names in recorder.doubts.items()]
    if ended not in (0, 1):
        raise RuntimeError("pytest ended with status %d" % ended)
    if grade.only:  # those, and of what they come after only what kept them from being judged
        grade.checks = [check for check in grade.checks if check.name in grade.only or check.status == FAILED or check.undecided]
    for check in grade.checks:
        if check.status == NOT_JUDGED and not check.message:
            check.message = "the grader did not come to it"


def places(source: str) -> List[int]:
    """The lines of a submission that the students' kit left for its student, and that still say so."""
    with open(source, "rb") as file:    # a hostile one may be of any size, and one line
        return [n for n, line in enumerate(file.read(1 << 20).split(b"\n"), 1) if TODO.encode() in line][:100]


def grade(lab: str, source: str, command: List[str], also: List[str], build: str, *, tier: str = "", seed: int = 1,
          only: Optional[List[str]] = None, folder: Optional[str] = None, points_file: Optional[str] = None,
          side_by_side: int = 0) -> Grade:
    """One submission's grade. `folder` keeps the program and the traces; without it nothing is left behind."""
    began = time.monotonic()
    result = Grade(lab, source, isolate.best_tier(tier), seed, only=list(only or []), checks=lab_checks(lab, points_file))
    scratch = folder or tempfile.mkdtemp(prefix="fdlab-grade-")
    try:
        result.todo = places(source)
        made = compiler.compile_c(command, source, also, os.path.join(scratch, "server"), result.tier)
        result.compiled, result.compiler = made.program is not None, made.said
        if made.program is None:
            for check in result.checks:
                check.message = "it does not compile"
        else:
            judge(result, made.program, scratch, build, side_by_side)
    finally:
        if folder is None:
            shutil.rmtree(scratch, ignore_errors=True)
    result.seconds = time.monotonic() - began
    return result


def hide_traces(result: Grade, folder: str) -> None:
    """A trace of a hidden check says what the check did: it goes from the folder that a student may be given."""
    for check in result.checks:
        if check.hidden:
            shutil.rmtree(os.path.join(folder, check.name), ignore_errors=True)


def write(text: str, path: str) -> None:
    """All of it or nothing: a reader never sees half a file."""
    if path == "-":
        sys.stdout.write(text)
        return
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=folder, delete=False) as file:
        file.write(text)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description="grades one submission")
    parser.add_argument("lab", help=", ".join(labs()))
    parser.add_argument("source", help="a C file")
    parser.add_argument("--compile", default="cc -Icommon", help="the compiler and its flags, in one word")
    parser.add_argument("--helpers", default="", help="what is linked with it, in one word")
    parser.add_argument("--build", default="build", help="where fdtrace lies")
    parser.add_argument("--check", action="append", default=[], help="only this one; may be given again")
    parser.add_argument("--format", default="text", help=", ".join(formats.names()))
    parser.add_argument("--out", default="-", help="a file, or - for the screen")
    parser.add_argument("--traces", help="keep the program and the traces here")
    parser.add_argument("--points", help="another points file")
    parser.add_argument("--tier", default="", help="demand one of %s" % ", ".join(isolate.TIERS))
    parser.add_argument("--seed", type=int, default=1, help="what the clients say is drawn from it")
    parser.add_argument("--view", default="student", help="who reads it: %s; a student is told of a hidden check its name and points"
                        % ", ".join(VIEWS))
    parser.add_argument("--side-by-side", type=int, default=0, help="checks at once")
    options = parser.parse_args(argv)
    if options.lab not in labs():
        play.complain("LAB=%s: there are checks for %s" % (options.lab, ", ".join(labs())))
    if options.format not in formats.names():
        play.complain("FORMAT=%s: a format is one of %s" % (options.format, ", ".join(formats.names())))
    if options.view not in VIEWS:
        play.complain("VIEW=%s: it is one of %s" % (options.view, ", ".join(VIEWS)))
    if os.path.isdir(options.source):
        play.complain("SRC=%s: that is a folder, and should be a C file" % options.source)
    if not os.path.isfile(options.source):
        play.complain("SRC=%s: there is no such file" % options.source)
    try:
        known = {check.name: check for check in lab_checks(options.lab, options.points)}
        for name in options.check:
            if name not in known:
                play.complain("CHECK=%s: %s has the checks %s" % (name, options.lab, ", ".join(known)))
            if known[name].absent:
                play.complain("CHECK=%s: %s" % (name, ABSENT))
        if options.traces:
            shutil.rmtree(options.traces, ignore_errors=True)
        result = grade(options.lab, options.source, shlex.split(options.compile), shlex.split(options.helpers),
                       options.build, tier=options.tier, seed=options.seed, only=options.check, folder=options.traces,
                       points_file=options.points, side_by_side=options.side_by_side)
    except (PointsError, isolate.Refused, RuntimeError) as error:
        play.complain(str(error))
    if options.view == "student":
        if options.traces:
            hide_traces(result, options.traces)
        result = for_student(result)
    write(formats.renderer(options.format)(result), options.out)
    return 0 if result.compiled and all(check.status == PASSED or check.absent for check in result.checks) else 1


if __name__ == "__main__":
    play.run(main)
