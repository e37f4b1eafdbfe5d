"""harness/tests/test_grade.py: a grade is true, is told in words that help, and a fault of the grader is never the student's."""
from __future__ import annotations

import importlib.util
import json
import os
import pickle
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import types
import xml.etree.ElementTree
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest

from fdlab import feedback, formats, grade, isolate, matrix
from fdlab.checking import NotJudged, Play, Wrong
from fdlab.launcher import Lines
from fdlab.result import FAILED, NOT_JUDGED, PASSED, Check, Grade, PointsError, read_points, to_dict
from fdlab.session import SessionError

Run = Callable[..., Tuple[int, str, str]]


def compiler() -> str:
    return "%s -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra %s -Icommon" % (
        os.environ.get("FDLAB_CC", "cc"), os.environ.get("FDLAB_CFLAGS", "-g -O1"))


@pytest.fixture
def run_grade(root: Path, build: Path) -> Run:
    """run_grade("lab2", "my.c", "--check", "echo.all"): exit status, stdout, stderr of the command, run in the project's folder."""
    def run(lab: str, source: Any, *options: str, built: Path = build) -> Tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "fdlab.grade", lab, str(source), "--compile", compiler(), "--helpers",
             str(build / "common" / "helpers.a"), "--build", str(built), *options], cwd=root, capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": str(root / "harness")}, timeout=300)
        return done.returncode, done.stdout, done.stderr
    return run


def as_json(answer: Tuple[int, str, str]) -> Dict[str, Any]:
    assert answer[1], answer[2]
    return json.loads(answer[1])


def one(result: Dict[str, Any], name: str) -> Dict[str, Any]:
    return next(check for check in result["checks"] if check["name"] == name)


SERVERS = {"lab1": "labs/lab1-many-listeners/server.c", "lab2": "labs/lab2-one-listener/server.c"}
BAD = "harness/submissions/%s/bad/%s.c"


# ---- points, statements, dependencies

@pytest.mark.parametrize("lab", grade.labs())
def test_points_and_checks_fit(lab):
    checks = grade.lab_checks(lab)
    assert sum(check.max_points for check in checks) == 100
    for check in checks:
        assert check.title and "\n" not in check.title and check.title.endswith("."), check.name
        assert len(check.title) <= 130, check.name


@pytest.mark.parametrize("lab", grade.labs())
def test_what_a_check_comes_after_is_there_and_not_itself(lab):
    befores = grade.preconditions(lab)
    for name, before in befores.items():
        assert name not in before
        assert set(before) <= set(befores)


@pytest.mark.parametrize("lab", grade.labs())
def test_each_check_is_proved_by_a_wrong_server(lab):
    named = [one.must_fail for one in matrix.submissions(lab) if one.must_fail]
    assert set(named) == set(grade.preconditions(lab))


@pytest.mark.parametrize("lab", grade.labs())
def test_the_sections_of_the_handout_are_there(lab, root):
    sections = grade.handout_sections(lab)
    assert "*" in sections
    handout = root / "handouts" / (lab + ".md")
    if not handout.exists():
        assert grade.handout(lab, "echo.all") is None
        return
    headings = re.findall(r"^#+ (.*)$", handout.read_text(), re.MULTILINE)
    for section in sections.values():
        assert section in headings


@pytest.mark.parametrize("text, problem", [
    ("2 echo.all\n", "a line is points<TAB>check"), ("two\techo.all\n", "a line is points<TAB>check"),
    ("2\techo.all\tmore\n", "a line is points<TAB>check"), ("2\techo.all\thidden\tmore\n", "a line is points<TAB>check"),
    ("nan\techo.all\n", "a line is points<TAB>check"), ("inf\techo.all\n", "a line is points<TAB>check"), ("-1\techo.all\n", "a line is points<TAB>check"),
    ("2\techo.all\n# x\n1\techo.all\n", ':3: "echo.all" stands there twice')])
def test_a_points_file_that_is_wrong_is_told_with_its_line(tmp_path, text, problem):
    (tmp_path / "points.txt").write_text(text)
    with pytest.raises(PointsError, match=re.escape(problem)):
        read_points(str(tmp_path / "points.txt"))


def test_points_for_other_checks_than_there_are(tmp_path):
    (tmp_path / "points.txt").write_text("2\techo.everything\n")
    with pytest.raises(PointsError, match='there is no check "echo.everything"'):
        grade.lab_checks("lab2", str(tmp_path / "points.txt"))
    (tmp_path / "points.txt").write_text("2\techo.all\n")
    with pytest.raises(PointsError, match='is missing'):
        grade.lab_checks("lab2", str(tmp_path / "points.txt"))


# ---- whole grades, in each tier

@pytest.mark.parametrize("tier", isolate.TIERS)
@pytest.mark.parametrize("lab", grade.labs())
def test_the_labs_own_server_gets_all_points_in_each_tier(run_grade, lab, tier):
    why = isolate.works(tier)
    if why is not None:
        if os.environ.get("CI"):
            pytest.fail("the tier %s does not work here: %s" % (tier, why))
        pytest.skip("the tier %s does not work here: %s" % (tier, why))
    status, out, err = run_grade(lab, SERVERS[lab], "--format", "json", "--tier", tier)
    result = as_json((status, out, err))
    assert [(check["name"], check["message"]) for check in result["checks"] if check["status"] != PASSED] == []
    assert result["tier"] == tier
    assert result["score"] == result["max_score"] == 100
    assert status == 0


def test_a_tier_that_there_is_not(run_grade):
    status, _, err = run_grade("lab2", SERVERS["lab2"], "--tier", "iron")
    assert status == 2 and err.startswith('"iron": a tier is one of bubblewrap, unshare, free ports')


# ---- a program that does not compile

def test_a_compile_error_is_the_whole_answer(run_grade, tmp_path):
    (tmp_path / "my.c").write_text("int main(void)\n{\n\treturn nothing;\n}\n")
    status, out, _ = run_grade("lab2", tmp_path / "my.c")
    assert status == 1
    assert re.search(r"^%s/my\.c:3:\d+: error: " % re.escape(str(tmp_path)), out, re.MULTILINE) and "return nothing;" in out
    assert "Score: 0 of 100" in out
    assert "not judged" not in out
    result = as_json(run_grade("lab2", tmp_path / "my.c", "--format", "json"))
    assert not result["compiled"] and "error: " in result["compiler"]
    assert {check["status"] for check in result["checks"]} == {NOT_JUDGED}
    assert result["score"] == 0 and len(result["checks"]) == len(grade.lab_checks("lab2"))


def test_warnings_are_shown(run_grade, root, tmp_path):
    text = (root / SERVERS["lab2"]).read_text()
    (tmp_path / "my.c").write_text(text.replace("main(int argc, char *argv[])\n{\n", "main(int argc, char *argv[])\n{\n\tint odd;\n"))
    status, out, _ = run_grade("lab2", tmp_path / "my.c", "--check", "connect.three")
    assert status == 0
    assert "It compiles, with warnings:" in out and "unused variable" in out


def test_a_compiler_is_not_let_loose(run_grade, tmp_path):
    (tmp_path / "zero.c").write_text('#include "/dev/zero"\n')
    (tmp_path / "escape.c").write_text('int x = "\x1b[2J\u202e"\n')
    status, out, _ = run_grade("lab2", tmp_path / "zero.c")
    assert status == 1 and "Score: 0 of 100" in out
    status, out, _ = run_grade("lab2", tmp_path / "escape.c")
    assert status == 1 and "\x1b" not in out and "\u202e" not in out and "\\x1b[2J" in out


# ---- what a student is told

def test_a_failure_is_explained(run_grade):
    source = BAD % ("lab2", "timer_set_once")
    status, out, _ = run_grade("lab2", source, "--check", "timeout.rearmed")
    assert status == 1
    assert "FAILED timeout.rearmed: Each \"time out!\" comes after a whole TIMEOUT" in out
    assert re.search(r"select\(\) should have waited for 0.2 s before it timed out, but waited for\s+0.000 s", out)
    assert re.search(r"^ +1  server 0.2 \d+$", out, re.MULTILINE)
    assert re.search(r"select\(4, r\{3\}, 0 s\) +(\S+ +)*= 0  timeout +timer_set_once.c:\d+", out)
    assert "Why:  timer-not-rearmed at timer_set_once.c:" in out
    assert "Just this one: make grade LAB=lab2 SRC=%s CHECK=timeout.rearmed" % source in out
    assert "Score: 0 of 3 for these checks" in out


def test_what_comes_after_a_failed_check_is_not_judged_and_says_why(run_grade):
    result = as_json(run_grade("lab2", BAD % ("lab2", "echo_whole_buffer"), "--check", "order.any", "--format", "json"))
    assert one(result, "echo.all")["status"] == FAILED
    assert one(result, "order.any")["status"] == NOT_JUDGED
    assert "echo.all is not passed" in one(result, "order.any")["message"]
    assert {check["name"] for check in result["checks"]} == {"echo.all", "order.any"}


def test_what_is_said_depends_on_the_seed_alone(run_grade):
    source = BAD % ("lab1", "one_recv_one_message")

    def steps(seed: int) -> List[str]:
        return one(as_json(run_grade("lab1", source, "--check", "big_message.whole", "--seed", str(seed), "--format",
                                     "json")), "big_message.whole")["steps"]

    first, again, other = steps(1), steps(1), steps(2)
    assert first == again != other


@pytest.mark.parametrize("bad, check", [
    ("ports_not_swapped", "ports.printed"), ("accept_error_fatal", "emfile.survives"), ("double_close", "reuse.same_turn"),
    ("timeout_ends_server", "timeout.still_alive"), ("eof_ignored", "eof.closes")])
def test_a_second_grade_is_the_same(run_grade, bad, check):
    """Times apart, and how often a server turned that spins. The trace shows when it all was, and who overtook whom."""
    def told() -> List[Any]:
        found = one(as_json(run_grade("lab2", BAD % ("lab2", bad), "--check", check, "--format", "json")), check)
        assert found["status"] == FAILED
        said = [found[key] for key in ("message", "steps", "finding", "handout")]
        return re.sub(r"\d+ times in a row|\d+(\.\d+)?(ms|us)\b|events? \d+( to \d+)?", "", json.dumps(said))

    assert told() == told()


# ---- whose fault

@pytest.mark.parametrize("error, status, message", [
    (Wrong("X should have been 1, but was 2"), NOT_JUDGED, "the grader itself failed"),  # without a bench
    (NotJudged("no namespaces here"), NOT_JUDGED, "no namespaces here"),
    (ZeroDivisionError("1/0"), NOT_JUDGED, "the grader itself failed: ZeroDivisionError: 1/0")])
def test_only_what_a_check_says_of_the_program_is_its_fault(error, status, message):
    try:
        raise error
    except Exception as raised:
        told = feedback.explain(None, raised, "echo.all")
    assert told["status"] == status and told["message"].startswith(message)


def test_a_tracer_that_fails_is_not_the_students_fault(run_grade, build, tmp_path):
    (tmp_path / "fdtrace").write_text("#!/bin/sh\necho 'fdtrace: out of order' >&2\nexit 125\n")
    (tmp_path / "fdtrace").chmod(0o755)
    (tmp_path / "keeper").symlink_to(build / "keeper")
    result = as_json(run_grade("lab2", SERVERS["lab2"], "--check", "echo.all", "--format", "json", built=tmp_path))
    assert {check["status"] for check in result["checks"]} == {NOT_JUDGED}
    result = as_json(run_grade("lab2", SERVERS["lab2"], "--check", "connect.three", "--format", "json", built=tmp_path))
    assert one(result, "connect.three")["message"].startswith("the grader itself failed")
    result = as_json(run_grade("lab2", SERVERS["lab2"], "--check", "order.any", "--format", "json", built=tmp_path))
    assert "connect.three is not passed" in one(result, "order.any")["message"]
    assert one(result, "connect.three")["message"].startswith("the grader itself failed"), "what kept it from being judged is told too"


def test_a_project_outside_tmp(run_grade):
    """A sandbox has a /tmp of its own, which the program may write to, and nothing else: where the traces lie is read-only in it."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="fdlab-test-") as folder:
        status, out, err = run_grade("lab2", SERVERS["lab2"], "--check", "echo.all", "--traces", folder)
        assert status == 0, out + err
        assert os.path.getsize(os.path.join(folder, "echo.all", "1.fdt")) > 0


# ---- arguments

@pytest.mark.parametrize("arguments, problem", [
    (["lab9", SERVERS["lab2"]], "LAB=lab9: there are checks for lab1, lab2"),
    (["lab2", "nowhere.c"], "SRC=nowhere.c: there is no such file"),
    (["lab2", SERVERS["lab2"], "--check", "echo.some"], "CHECK=echo.some: lab2 has the checks args.usage"),
    (["lab2", SERVERS["lab2"], "--format", "xml"], "FORMAT=xml: a format is one of autolab, classroom, gradescope, json, junit, text"),
    (["lab2", SERVERS["lab2"], "--view", "everybody"], "VIEW=everybody: it is one of student, instructor")])
def test_bad_arguments(run_grade, arguments, problem):
    status, out, err = run_grade(*arguments)
    assert (status, out) == (2, "") and err.startswith(problem)
    assert "Traceback" not in err


def test_make_grade(root, build, tmp_path):
    done = subprocess.run(["make", "grade", "LAB=lab1", "CHECK=connect.first", "FORMAT=json", "OUT=%s" % (tmp_path / "r.json"),
                           "BUILD=%s" % build, "PYTHON=%s" % sys.executable], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["submission"] == SERVERS["lab1"] and result["score"] == 10
    assert (build / "lab1" / "grade" / "connect.first" / "1.fdt").exists()


# ---- formats: all from one model

def model() -> Grade:
    return Grade("lab2", "my <&\x01> \u202e.c", "unshare", 7, 1.25, compiler="my.c:1: warning: \x07 & <b>\n", checks=[
        Check("echo.all", "Each hears.", 8, PASSED, seconds=0.5),
        Check("order.any", "In any order.", 6, FAILED, "C should have heard \"x\" & <y>, but heard \x1b[0m.",
              ["server 600 50000", "C says \"x\""], ["   seq", "     1"],
              {"rule": "starved", "at": "my.c:7", "message": "It waited.", "advice": "Do not.", "event": 1, "severity": "risk"}),
        Check("no_leak", "None.", 2.5, NOT_JUDGED, "it has no meaning as long as order.any is not passed")])


def test_the_text_says_all_of_it():
    text = formats.renderer("text")(model())
    for words in ("passed      echo.all", "8/8", "FAILED      order.any", "0/6", "not judged  no_leak", "0/2.5",
                  "Why:  starved at my.c:7: It waited.", "Do:   Do not.", "    1  server 600 50000", "Score: 8 of 16.5"):
        assert words in text


def test_junit_is_whole_whatever_is_in_it():
    suite = xml.etree.ElementTree.fromstring(formats.renderer("junit")(model()))
    assert suite.attrib["tests"] == "3" and suite.attrib["failures"] == "1" and suite.attrib["skipped"] == "1"
    cases = {case.attrib["name"]: case for case in suite.iter("testcase")}
    assert "C should have heard" in cases["order.any"].find("failure").attrib["message"]
    assert cases["no_leak"].find("skipped") is not None and cases["echo.all"].find("failure") is None
    broken = Grade("lab2", "my.c", compiled=False, compiler="my.c:1: error: <\x01>", checks=grade.lab_checks("lab2"))
    suite = xml.etree.ElementTree.fromstring(formats.renderer("junit")(broken))
    assert suite.attrib["errors"] == "1" and "my.c:1: error" in next(suite.iter("error")).text


def test_json_is_as_the_readme_says(root):
    text = (root / "harness" / "README.md").read_text()
    section = text[text.index("### The result"):]
    keys = {where: set(re.findall(r"^\| `(\w+)` ", part, re.MULTILINE))
            for where, part in zip(("grade", "check", "finding"), section.split("\n\n| key")[1:4])}
    result = json.loads(formats.renderer("json")(model()))
    assert set(result) == keys["grade"]
    assert set(result["checks"][0]) == keys["check"]
    assert set(result["checks"][1]["finding"]) == keys["finding"]
    assert result["score"] == 8 and result["max_score"] == 16.5
    assert to_dict(model())["checks"][1]["points"] == 0


# ---- the matrix

def graded(*statuses: str) -> Dict[str, Any]:
    return {"compiled": True, "checks": [{"name": name, "status": status, "message": ""} for name, status in zip("abc", statuses)]}


BEFORES = {"a": [], "b": ["a"], "c": []}
GOOD, BAD_AT_A = matrix.Submission("lab2", "x.c", None, None), matrix.Submission("lab2", "x.c", "a", None)


@pytest.mark.parametrize("submission, statuses, problem", [
    (GOOD, (PASSED, PASSED, PASSED), ""), (GOOD, (PASSED, NOT_JUDGED, PASSED), "b is not judged"),
    (GOOD, (PASSED, FAILED, PASSED), "b is failed"),
    (BAD_AT_A, (FAILED, NOT_JUDGED, PASSED), ""), (BAD_AT_A, (FAILED, PASSED, PASSED), ""),
    (BAD_AT_A, (FAILED, NOT_JUDGED, FAILED), "c is failed"), (BAD_AT_A, (PASSED, PASSED, PASSED), "a is passed"),
    (BAD_AT_A, (PASSED, PASSED, FAILED), "a is passed; c is failed"), (BAD_AT_A, (NOT_JUDGED, NOT_JUDGED, PASSED), "a is not judged"),
    (BAD_AT_A, (FAILED, NOT_JUDGED, NOT_JUDGED), "c is not judged")])
def test_the_matrix_sees_what_is_judged_wrongly(submission, statuses, problem):
    assert matrix.problem(submission, graded(*statuses), BEFORES) == problem


# ---- a server that ends

class Ended(types.SimpleNamespace):
    """A server whose end is known before its last line has come."""

    def __init__(self, last_line: str) -> None:
        super().__init__(lines=Lines(), notes=None, pid=0, how_it_ended=lambda: "it ended with exit status 0", looks=iter([True]))
        self.lines.sources = 1
        threading.Timer(0.3, lambda: (self.lines.add("stdout", last_line), self.lines.end())).start()

    @property
    def alive(self) -> bool:
        return next(self.looks, False)


def test_a_last_line_counts_also_when_the_end_was_known_first():
    assert Play(Ended("time out!"), [1], 0.01, random.Random(1), "").times_out(1) > 0.2
    with pytest.raises(SessionError, match="\"time out!\", but it ended with exit status 0"):
        Play(Ended("bye"), [1], 0.01, random.Random(1), "").times_out(1)


# ---- the processes that make the checks

class Item(types.SimpleNamespace):
    """As much of a pytest item as it takes."""

    def __init__(self, name: str) -> None:
        super().__init__(originalname="test_" + name, nodeid="checks/lab2.py::test_" + name, location=("checks/lab2.py", 1, name),
                         iter_markers=lambda _name: [], config=None)

    def __hash__(self) -> int:
        return id(self)


def test_a_worker_that_dies_or_hangs_costs_its_own_check_only(root, monkeypatch):
    spec = importlib.util.spec_from_file_location("checks_conftest", root / "harness" / "checks" / "conftest.py")
    checks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(checks)
    monkeypatch.setattr(checks, "LONGEST", 1.0)

    def make(item: Item, _enter: Callable[[str], None]) -> Any:
        if item.originalname == "test_dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if item.originalname == "test_hangs":
            signal.pause()
        if item.originalname == "test_raises":
            raise OSError("no more of it")
        return item.originalname, os.getpid()

    monkeypatch.setattr(checks, "_make", make)
    items = [Item(name) for name in ("dies", "hangs", "raises", "one", "two", "three")]
    config = types.SimpleNamespace(pluginmanager=types.SimpleNamespace(getplugin=lambda _name: None))
    running = checks._Running(types.SimpleNamespace(items=items, config=config))
    came: Dict[str, Any] = {}
    monkeypatch.setattr(running, "report", lambda item, reports, took=0.0: came.update({item.originalname[5:]: reports}))
    monkeypatch.setattr(running, "_ended", lambda item, heard, late, ended=running._ended: ended(item, heard, late)
                        if late or not heard or isinstance(pickle.loads(heard), str)
                        else came.update({item.originalname[5:]: pickle.loads(heard)}))
    while running.waiting or running.busy:
        while len(running.busy) < 2 and (item := running.next()):
            running.begin(item)
        running.collect()
    running.end()
    for name, why in (("dies", "the grader's own process for it died"), ("hangs", "it was not finished after 1 s"),
                      ("raises", "the grader itself failed: OSError('no more of it')")):
        assert came[name][0].longrepr[2] == "not judged: " + why
    assert [came[name][0] for name in ("one", "two", "three")] == ["test_one", "test_two", "test_three"]
    assert len({came[name][1] for name in ("one", "two", "three")}) < 3, "a worker makes more than one check"
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
