"""harness/fdlab/klass/one.py: grades one submission of a class, for good: whatever happens, there is a result that says so.

What grades is a process of its own, with a deadline: when it dies, or does not come to an end, the result is that the grader has
failed, which is no student's fault; the next run tries it again. Of the traces those of failed checks are kept, as a capture
and as a page that plays it.
"""
from __future__ import annotations

import argparse
import glob
import json
import os
import shlex
import shutil
import signal
import subprocess
from typing import Any, Dict, List, Optional

from .. import grade, result
from ..result import FAILED, Grade
from . import plan
from .progress import die_with_parent

DEADLINE = 1200      # seconds, for all checks of one submission
LARGEST_CAPTURE = 8 << 20


class _Late(Exception):
    pass


def _absolute(command: str) -> List[str]:
    """The compiler's words as they are right in another folder."""
    return ["-I" + os.path.abspath(word[2:]) if word.startswith("-I") else word for word in shlex.split(command)]


def _last_capture(folder: str) -> Optional[str]:
    """The run in which it went wrong: a check may start several, and it ends with the one that fails."""
    captures = glob.glob(os.path.join(glob.escape(folder), "*.fdt"))
    numbered = [path for path in captures if os.path.basename(path)[:-4].isdigit()]
    return max(numbered, key=lambda path: int(os.path.basename(path)[:-4])) if numbered else None


def _keep_traces(found: Grade, work: str, kept: str, fdtrace: str) -> List[str]:
    """The names of the checks whose trace lies in `kept` now, CHECK.fdt and CHECK.html."""
    os.makedirs(kept)
    names = []
    for check in found.of(FAILED):
        capture = _last_capture(os.path.join(work, check.name))
        if capture is None or os.path.getsize(capture) > LARGEST_CAPTURE:
            continue
        page = os.path.join(kept, check.name + ".html")
        try:
            done = subprocess.run([fdtrace, "html", "-o", page, capture], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, timeout=60)
        except subprocess.TimeoutExpired:
            continue
        if done.returncode == 0 and os.path.exists(page):
            os.replace(capture, os.path.join(kept, check.name + ".fdt"))
            names.append(check.name)
    return names


def _failed(problem: str) -> Dict[str, Any]:
    return {"grade": None, "traces": [], "final": False, "problem": problem}


def _without(place: str, told: Any) -> Any:
    """The same, but where the program lay is nobody's business, and another place on each machine."""
    if isinstance(told, str):
        return told.replace(place, "")
    if isinstance(told, list):
        return [_without(place, each) for each in told]
    return {key: _without(place, each) for key, each in told.items()} if isinstance(told, dict) else told


def _grade(entry: Dict[str, Any], folder: str, work: str, options: argparse.Namespace) -> Dict[str, Any]:
    """In the process made for it. The program is compiled beside its source, so that whatever names a place names `server.c:7`."""
    command, also = _absolute(options.compile), [os.path.abspath(path) for path in shlex.split(options.helpers)]
    build = os.path.abspath(options.build)
    points = os.path.abspath(options.points) if options.points else None
    root = os.getcwd()
    os.chdir(folder)
    found = grade.grade(options.lab, entry["name"], command, also, build, tier=options.tier, seed=options.seed,
                        folder=work, points_file=points, side_by_side=options.side_by_side)
    os.chdir(root)
    as_it_was = plan.grader_sum(options, options.tier)
    traces = _keep_traces(found, work, os.path.join(work, "kept"), os.path.join(build, "fdtrace"))
    final = not found.compiled or not any(check.undecided for check in found.checks)
    final = final and as_it_was == options.grader  # a `make build` meanwhile has changed the tools under our hands
    return {"grade": _without(work + os.sep, result.to_dict(found)), "traces": traces, "final": final, "problem": ""}


def told_in(work: str, asker: int) -> str:
    """Where the process that grades tells the one that waits for it. One of a run that was killed writes to another place."""
    return os.path.join(work, "told-%d.json" % asker)


def _in_a_process(entry: Dict[str, Any], folder: str, work: str, options: argparse.Namespace) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        die_with_parent(signal.SIGKILL)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(nowhere, fd)
        try:
            told = _grade(entry, folder, work, options)
        except Exception as error:  # (of whatever kind: it is told)
            told = _failed("the grader failed: %s: %s" % (type(error).__name__, error))
        with open(told_in(work, os.getppid()), "w", encoding="utf-8") as file:
            json.dump(told, file)
        status = 0
    finally:
        os._exit(status)  # a forked child must never return into its parent's code


def _await(pid: int, seconds: int) -> str:
    """"" when it ended as it should, else what befell it. Nothing of its group outlives this."""
    def late(_number: int, _frame: object) -> None:
        raise _Late

    signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        problem = "" if status == 0 else "the grader was killed by signal %d" % -status if status < 0 else (
            "the grader ended with status %d" % status)
    except _Late:
        problem = "the grader was not finished after %d s" % seconds
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except BaseException:  # Ctrl+C, SIGTERM
        os.killpg(pid, signal.SIGKILL)
        raise
    finally:
        signal.alarm(0)
    return problem


def work(one_id: str, options: argparse.Namespace) -> None:
    """Grades it, and leaves result.json, whole; the traces first, since the result is what says that all is there."""
    folder = os.path.abspath(plan.folder_of(options.out, one_id))
    entry = plan.load(os.path.join(folder, "entry.json"))
    if "source" not in entry:
        raise SystemExit("%s: there is no such student" % one_id)
    scratch = os.path.join(folder, plan.WORK)
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    try:
        problem = _await(_in_a_process(entry, folder, scratch, options), options.deadline)
        told = plan.load(told_in(scratch, os.getpid()))
        if problem or "grade" not in told:
            told = _failed(problem or "the grader left no result")
        traces = os.path.join(folder, "traces")
        shutil.rmtree(traces, ignore_errors=True)
        if told["traces"]:
            os.replace(os.path.join(scratch, "kept"), traces)
        plan.save({"id": one_id, "name": entry["name"], "source": entry["source"], "grader": options.grader, **told},
                  os.path.join(folder, "result.json"))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
