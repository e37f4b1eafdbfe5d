"""harness/fdlab/klass/__main__.py: the command: grades a class, or puts together what several machines have graded.

This is what `make class LAB=lab2 SUBMISSIONS=dir -j4` and `make merge` call.
    python3 -m fdlab.klass run lab2 SUBMISSIONS OUT [--shard 2/8]
    python3 -m fdlab.klass merge lab2 SUBMISSIONS OUT [FROM...]

Exit status: 0 when everybody has an answer; 1 when the grader failed for somebody, or a result is missing; 2 for bad
arguments; 130 for Ctrl+C.
"""
from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import shutil
import sys
from typing import Any, Dict, Iterator, List, Optional, Tuple

from .. import grade, isolate, play
from ..result import PointsError
from . import one, page, plan, progress, report, roster, shard

KEPT_SETTINGS = ("lab", "compile", "helpers", "build", "tier", "seed", "points", "deadline", "grader", "out", "side_by_side")


def _students(options: argparse.Namespace, part: Optional[shard.Shard] = None) -> Tuple[List[plan.Student], int]:
    """Those of this part, and how many there are in all."""
    students, count = [], 0
    for count, submission in enumerate(roster.read(options.submissions, options.lab), 1):
        if part is None or part.has(count - 1):
            students.append(plan.lay_out(options.out, submission))
    return students, count


def _check(options: argparse.Namespace) -> None:
    """What is wrong with the arguments, in one line."""
    if options.lab not in grade.labs():
        play.complain("LAB=%s: there are checks for %s" % (options.lab, ", ".join(grade.labs())))
    if not options.submissions:
        play.complain("SUBMISSIONS= names the folder or the zip with what was handed in")
    inside, outside = os.path.realpath(options.out), os.path.realpath(options.submissions)
    if os.path.isdir(outside) and os.path.commonpath([inside, outside]) == outside:
        play.complain("OUT=%s: it lies in SUBMISSIONS, and would be taken for a student; choose another place" % (
            roster.shown(options.out)))
    try:
        os.makedirs(os.path.join(options.out, "students"), exist_ok=True)
    except OSError as error:
        play.complain("OUT=%s: that is to be a folder, and cannot be one (%s); choose another place" % (
            roster.shown(options.out), error.strerror))


@contextlib.contextmanager
def _alone(name: str) -> Iterator[None]:
    """Two at the same results at once would only undo each other's work."""
    with open(name + ".lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            play.complain("another `make class` is at work on %s: wait for its end, or choose another OUT=" % roster.shown(name))
        except OSError:
            pass  # a file system without locks
        yield


def _side_by_side(jobs: int) -> int:
    """Checks of one submission at once: a check mostly waits, so twice as many as there are cores, divided among the jobs."""
    return max(2, -(-2 * (os.cpu_count() or 1) // jobs))


def _count(number: int, what: str) -> str:
    return "%d %s%s" % (number, what, "" if number == 1 else "s")


def run(options: argparse.Namespace) -> int:
    if progress.only_shows(os.environ):
        return 0
    _check(options)
    part = shard.of(options.shard, os.environ)
    name = os.path.join(options.out, "class" if part is None else "class-%dof%d" % part)
    with _alone(name):
        options.tier = isolate.best_tier(options.tier)
        grade.lab_checks(options.lab, options.points)  # a points file that does not fit is told here, and once
        students, everybody = _students(options, part)
        options.grader = plan.grader_sum(options, options.tier)
        options.side_by_side = options.side_by_side or _side_by_side(progress.jobs_of(os.environ))
        for student in students:
            plan.clean(options.out, student)
        todo = [student.id for student in students if not plan.is_done(options.out, student, options.grader)]
        print("%s: %s%s, %d to be graded%s (%s)" % (
            options.lab, _count(len(students), "submission"), " of %d (part %d of %d)" % (everybody, *part) if part else "",
            len(todo), ", the others stay as they are" if len(todo) < len(students) else "", options.tier), flush=True)
        _let_run(options, todo, len(students) - len(todo), name)
        if part:
            return _end_of_part(options, students)
        return _report(options, students)


def _let_run(options: argparse.Namespace, todo: List[str], before: int, name: str) -> None:
    if not todo:
        return
    settings = os.path.abspath(name + ".json")
    plan.save({key: getattr(options, key) for key in KEPT_SETTINGS}, settings)
    os.environ["PYTHONPATH"] = grade.HARNESS
    try:
        progress.run(options.lab, todo, before, name, settings, sys.executable)
    except (KeyboardInterrupt, SystemExit):
        print("\nstopped; what is graded stays in %s, and the same command goes on from there" % roster.shown(options.out),
              file=sys.stderr)
        raise
    with open(name + ".log", encoding="utf-8", errors="replace") as file:
        said = file.read().splitlines()
    if said:  # a process was killed, or could not begin
        print("make says (the whole of it is %s):\n%s" % (play.shown(name + ".log"), "\n".join(map(roster.shown, said[-5:]))))


def _end_of_part(options: argparse.Namespace, students: List[plan.Student]) -> int:
    rows = [report.row_of(options.out, student) for student in students]
    print("\n".join(report.closing(rows)))
    print("when all parts are done: make merge LAB=%s SUBMISSIONS=... OUT=... [FROM=\"dir dir\"]" % options.lab)
    return 0 if all(row.state in report.ANSWERED for row in rows) else 1


def _report(options: argparse.Namespace, students: List[plan.Student]) -> int:
    """Tables of them all. One result is in memory at a time."""
    checks = grade.lab_checks(options.lab, options.points)
    rows = []
    for student in students:
        found = plan.result_of(options.out, student)
        rows.append(report.row_of(options.out, student, found))
        page.write_feedback(options.out, options.lab, student, rows[-1], found)
    report.write_csv(rows, checks, os.path.join(options.out, "class.csv"))
    page.write_class(rows, checks, options.lab, os.path.join(options.out, "class.html"))
    print("\n".join(report.table(rows, checks)))
    print("\n".join(report.closing(rows)))
    for each in ("class.csv", "class.html"):
        print(play.shown(os.path.join(options.out, each)))
    return 0 if all(row.state in report.ANSWERED for row in rows) else 1


# ---- what other machines have graded

def _copied(student: plan.Student, source: str, out: str) -> bool:
    """Takes over one result with all that belongs to it. The result comes last: it says that the rest is there."""
    here, there = plan.folder_of(out, student.id), plan.folder_of(source, student.id)
    if os.path.realpath(here) == os.path.realpath(there) or not plan.result_of(source, student):
        return False
    if os.path.isdir(os.path.join(there, "traces")):
        shutil.rmtree(os.path.join(here, "traces"), ignore_errors=True)
        shutil.copytree(os.path.join(there, "traces"), os.path.join(here, "traces"))
    plan.save(plan.load(os.path.join(there, "result.json")), os.path.join(here, "result.json"))
    return True


def _better(new: Dict[str, Any], old: Dict[str, Any]) -> bool:
    """Where two machines have graded the same: the one with which nothing went wrong."""
    return bool(new) and (not old or bool(new.get("final")) > bool(old.get("final")))


def merge(options: argparse.Namespace) -> int:
    _check(options)
    for source in options.sources:
        if not os.path.isdir(os.path.join(source, "students")):
            play.complain("FROM: %s is no OUT of a `make class`: there is no folder \"students\" in it" % roster.shown(source))
    with _alone(os.path.join(options.out, "class")):
        students, _ = _students(options)
        for student in students:
            for source in options.sources:
                if _better(plan.result_of(source, student), {} if student.problem else plan.result_of(options.out, student)):
                    _copied(student, source, options.out)
        graders = {found["grader"] for found in (plan.result_of(options.out, student) for student in students) if "grader" in found}
        status = _report(options, students)
        if len(graders) > 1:
            print("beware: %d graders that differ (checks, tools or compilers) have made these results" % len(graders))
        return status


def one_of_them(one_id: str) -> int:
    """What the makefile calls."""
    settings = plan.load(os.environ.get("FDLAB_CLASS", ""))
    if not settings:
        play.complain("fdlab.klass one: it is for the makefile that `make class` writes")
    print("begin", one_id, flush=True)
    one.work(one_id, argparse.Namespace(**settings))
    print("end", one_id, flush=True)
    return 0


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="grades a class")
    parser.add_argument("what", choices=("run", "merge", "one"))
    parser.add_argument("lab", help=", ".join(grade.labs()))
    parser.add_argument("submissions", nargs="?", default="", help="a folder, or a zip")
    parser.add_argument("out", nargs="?", default="build/class", help="where the results go")
    parser.add_argument("sources", nargs="*", metavar="FROM", help="(merge) the OUTs of other machines")
    parser.add_argument("--shard", default="", help="i/n: the part of this machine; left out: Slurm's or Kubernetes', or all")
    parser.add_argument("--compile", default="cc -Icommon", help="the compiler and its flags, in one word")
    parser.add_argument("--helpers", default="", help="what is linked with it, in one word")
    parser.add_argument("--build", default="build", help="where fdtrace lies")
    parser.add_argument("--points", help="another points file")
    parser.add_argument("--tier", default="", help="demand one of %s" % ", ".join(isolate.TIERS))
    parser.add_argument("--seed", type=int, default=1, help="what the clients say is drawn from it")
    parser.add_argument("--side-by-side", type=int, default=0, help="checks of one submission at once")
    parser.add_argument("--deadline", type=int, default=one.DEADLINE, help="seconds for one submission")
    return parser


def main(argv: Optional[List[str]] = None) -> int:
    options = arguments().parse_args(argv)
    if options.what == "one":
        return one_of_them(options.lab)
    options.out = os.path.abspath(options.out)
    try:
        return run(options) if options.what == "run" else merge(options)
    except (roster.RosterError, shard.ShardError, PointsError, isolate.Refused) as error:
        play.complain(str(error))


if __name__ == "__main__":
    play.run(main)
