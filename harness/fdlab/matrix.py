"""harness/fdlab/matrix.py: the grader is graded: every good submission passes everything, every bad one fails its own check.

This is what `make grade-grader` calls. A bad submission names, in its first comment, the check that must fail (`must fail:
eof.closes`) and perhaps the finding that explains it (`finding: leak`). What comes after that check may be not judged; all
else must pass. The matrix of both is printed: a row a submission, a column a check.

    PYTHONPATH=harness python3 -m fdlab.matrix --compile "cc -Icommon" --helpers build/common/helpers.a [lab2] [NAME...]

Each submission is graded by a process of its own, as a student's is; as many run at once as there are cores.
"""
from __future__ import annotations

import argparse
import glob
import json
import os
import re
import shlex
import tempfile
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from . import grade, play
from . import result as result_model
from .result import FAILED, NOT_JUDGED, PASSED

SUBMISSIONS = os.path.join(grade.HARNESS, "submissions")


class Submission(NamedTuple):
    lab: str
    path: str
    must_fail: Optional[str]   # None: it is a good one
    finding: Optional[str]

    @property
    def name(self) -> str:
        return "%s/%s" % ("bad" if self.must_fail else "good", os.path.basename(self.path)[:-2])


class Verdict(NamedTuple):
    submission: Submission
    result: Dict[str, Any]     # as the json format has it; {} when there is none
    problem: str               # "" when all is as it should be


def submissions(lab: str) -> List[Submission]:
    """The good ones first; a bad one must say what it is bad at."""
    found = []
    for path in sorted(glob.glob(os.path.join(SUBMISSIONS, lab, "good", "*.c"))):
        found.append(Submission(lab, path, None, None))
    for path in sorted(glob.glob(os.path.join(SUBMISSIONS, lab, "bad", "*.c"))):
        with open(path, encoding="utf-8") as file:
            comment = file.read().partition("*/")[0]
        check = re.search(r"must fail:\s*(\S+)", comment)
        finding = re.search(r"finding:\s*(\S+)", comment)
        if check is None:
            raise ValueError("%s: its first comment does not say which check \"must fail:\"" % path)
        found.append(Submission(lab, path, check.group(1), finding.group(1) if finding else None))
    return found


def problem(submission: Submission, result: Dict[str, Any], befores: Dict[str, List[str]]) -> str:
    """What is wrong with the grader, if this is what it says of that submission."""
    if not result.get("compiled"):
        return "it does not compile: %s" % result.get("compiler", "there is no result")
    if result.get("suspicions"):
        return "it is under suspicion: %s" % "; ".join(result["suspicions"])
    own = submission.must_fail
    if own is not None and own not in befores:
        return "it must fail %s, and there is no such check" % own
    wrong = []
    for check in result["checks"]:
        name, status = check["name"], check["status"]
        if name == own:
            wanted = (FAILED,)
        elif own is not None and own in befores[name]:
            wanted = (PASSED, NOT_JUDGED)
        else:
            wanted = (PASSED,)
        if status not in wanted:
            wrong.append("%s is %s%s" % (name, status.replace("_", " "), ": " + check["message"] if check["message"] else ""))
    return "; ".join(wrong)


def explained_otherwise(verdict: Verdict) -> str:
    """"" when the finding that its comment names is the one that its student is shown, or when it names none."""
    wanted = verdict.submission.finding
    for check in verdict.result.get("checks", []):
        if wanted and check["name"] == verdict.submission.must_fail and check["status"] == FAILED:
            shown = (check["finding"] or {}).get("rule", "nothing")
            return "" if shown == wanted else "%s: explained by %s, not by %s" % (verdict.submission.name, shown, wanted)
    return ""


def _grade_in_a_process(submission: Submission, seed: int, options: argparse.Namespace, out: str) -> int:
    """Starts one grade, which writes its result, or why there is none, into the file `out`. The pid."""
    pid = os.fork()
    if pid:
        return pid
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(nowhere, fd)
        try:
            result = result_model.to_dict(grade.grade(
                submission.lab, os.path.relpath(submission.path), shlex.split(options.compile), shlex.split(options.helpers),
                options.build, tier=options.tier, seed=seed))
        except Exception as error:  # (of whatever kind: it is told)
            result = {"compiler": "%s: %s" % (type(error).__name__, error)}
        grade.write(json.dumps(result), out)
    finally:
        os._exit(0)  # a forked child must never return into its parent's code


def grade_all(jobs: Sequence[Tuple[Submission, int]], options: argparse.Namespace) -> List[Verdict]:
    """Grades each (submission, seed); several at once, each in a process of its own."""
    import pytest  # noqa: F401  (here, once, and not in each of them)
    befores = {lab: grade.preconditions(lab) for lab in grade.labs()}
    with tempfile.TemporaryDirectory(prefix="fdlab-matrix-") as folder:
        files = [os.path.join(folder, "%d.json" % n) for n in range(len(jobs))]
        running: Set[int] = set()
        for (submission, seed), out in zip(jobs, files):
            while len(running) >= options.at_once:
                running.discard(os.wait()[0])
            running.add(_grade_in_a_process(submission, seed, options, out))
        while running:
            running.discard(os.wait()[0])
        verdicts = []
        for (submission, _), out in zip(jobs, files):
            result: Dict[str, Any] = {}
            if os.path.exists(out):
                with open(out, encoding="utf-8") as file:
                    result = json.load(file)
            verdicts.append(Verdict(submission, result, problem(submission, result, befores[submission.lab])))
    return verdicts


# ---- the matrix

_SIGNS = {PASSED: ".", FAILED: "X", NOT_JUDGED: "-"}


def table(verdicts: List[Verdict], names: List[str]) -> List[str]:
    """A row a submission, a column a check; the names of the checks stand upright above their columns."""
    left = max([len(verdict.submission.name) for verdict in verdicts] + [10])
    lines = []
    height = max(map(len, names))
    for row in range(height):
        lines.append((" " * (left + 2) + " ".join(name.rjust(height)[row] for name in names)).rstrip())
    for verdict in verdicts:
        status = {check["name"]: check["status"] for check in verdict.result.get("checks", [])}
        cells = []
        for name in names:
            sign = _SIGNS.get(status.get(name, ""), "?")
            cells.append("O" if name == verdict.submission.must_fail and sign == "X" else sign)
        lines.append("%s  %s%s" % (verdict.submission.name.ljust(left), " ".join(cells), "  <-- wrong" if verdict.problem else ""))
    return lines


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description="grades the grader")
    parser.add_argument("what", nargs="*", help="labs, or parts of submissions' names (all when left out)")
    parser.add_argument("--compile", default="cc -Icommon")
    parser.add_argument("--helpers", default="")
    parser.add_argument("--build", default="build")
    parser.add_argument("--tier", default="")
    parser.add_argument("--at-once", type=int, default=2 * (os.cpu_count() or 1), help="submissions graded at the same time "
                        "(two for each core, when left out: a grade waits for a part of its time)")
    options = parser.parse_args(argv)
    labs = [lab for lab in grade.labs() if lab in options.what] or grade.labs()
    parts = [word for word in options.what if word not in grade.labs()]
    failed = 0
    for lab in labs:
        try:
            chosen = [one for one in submissions(lab) if not parts or any(part in one.name for part in parts)]
        except ValueError as error:
            play.complain(str(error))
        if not chosen:
            continue
        verdicts = grade_all([(one, 1) for one in chosen], options)
        names = [check.name for check in grade.lab_checks(lab)]
        print("%s: %d good and %d bad submissions, %d checks" % (
            lab, sum(one.must_fail is None for one in chosen), sum(one.must_fail is not None for one in chosen), len(names)))
        print("\n".join(table(verdicts, names)))
        for verdict in verdicts:
            if verdict.problem:
                failed += 1
                print("wrong: %s %s: %s" % (lab, verdict.submission.name, verdict.problem))
        for text in filter(None, map(explained_otherwise, verdicts)):
            print("note: %s %s" % (lab, text))
        unproved = [name for name in names if not parts and name not in {one.must_fail for one in chosen}]
        if unproved:
            print("no bad submission proves: %s" % ", ".join(unproved))
        print(flush=True)
    print("O failed as it must, X failed, - not judged, . passed")
    print("%s" % ("all as it should be" if not failed else "%d submissions are judged wrongly" % failed))
    return 1 if failed else 0


if __name__ == "__main__":
    play.run(main)
