"""harness/tests/test_hidden.py: of a hidden check a student is told its name and its points, and nothing else anywhere."""
from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from conftest import ROOT
from fdlab import formats, grade, kit
from fdlab.kit import KitError
from fdlab.result import ABSENT, FAILED, NOT_JUDGED, PASSED, UNTOLD, Check, Grade, PointsError, for_student, from_dict, to_dict

from test_grade import BAD, SERVERS, compiler
from test_kit import gradescope_accepts, make_tree

NAME = "secret.bird"
# Words that only the hidden check has, in every place where a check can have words.
WORDS = ("pelican", "walrus", "flamingo", "ostrich", "cormorant", "puffin", "albatross")
CHECK = '''

# The cormorant is in a comment above it.
@after("connect.three")
def test_secret__bird(bench: Bench) -> None:
    """The pelican server should be able to do what no other server does."""
    s = bench.start()
    s.arrive("A")
    s.steps.append("the flamingo step that only this check makes")
    s.steps.append(PUFFINS)
    shared.look_for_it(s)


PUFFINS = "a puffin that only the hidden check knows"
'''
HELPER = '''

def look_for_it(s: Play) -> None:
    """A walrus helps the hidden check, and nobody else."""
    s.say("A", "albatross")
    s.hears("A", "albatross")
    s.should(False, "there should have been an ostrich, but there was none")
'''


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources, with a hidden check in lab 2 that nobody passes."""
    where = make_tree(tmp_path_factory.mktemp("hidden") / "tree")
    checks, shared, points = (where / "harness" / name for name in ("checks/lab2.py", "checks/shared.py", "points/lab2.txt"))
    checks.write_text(checks.read_text().rstrip("\n") + "\n" + CHECK)
    shared.write_text(shared.read_text().rstrip("\n") + "\n" + HELPER)
    points.write_text(points.read_text() + "5\t%s\thidden\n" % NAME)
    return where


def run_grade(tree: Path, build: Path, source: Any, *options: str) -> Tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "fdlab.grade", "lab2", str(source), "--compile", compiler(), "--helpers",
         str(build / "common" / "helpers.a"), "--build", str(build), "--check", "connect.three", "--check", NAME, *options],
        cwd=tree, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(tree / "harness")}, timeout=300)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, done.stdout + done.stderr


def said(text: str) -> List[str]:
    return [word for word in WORDS if word in text]


def written(folder: Path) -> str:
    """All that is in a folder: names and bytes."""
    return "\n".join("%s %s" % (path, path.read_bytes().decode("latin-1") if path.is_file() else "")
                     for path in folder.rglob("*"))


# ---- a real grade, in all that it prints and writes

@pytest.mark.parametrize("name", formats.names())
def test_a_student_is_told_the_name_and_the_points(tree, build, tmp_path, name):
    traces = tmp_path / "traces"
    status, text = run_grade(tree, build, SERVERS["lab2"], "--format", name, "--traces", str(traces))
    if name == "classroom":
        text = base64.b64decode(text).decode()
    assert status == 1
    assert NAME in text or name == "autolab" and '{"scores": {"lab2": 8}}' in text
    assert said(text) == [] and said(written(traces)) == []
    assert (traces / "connect.three").is_dir() and not (traces / NAME).exists()


@pytest.mark.parametrize("name", ["text", "json", "junit"])
def test_an_instructor_is_told_all(tree, build, tmp_path, name):
    traces = tmp_path / "traces"
    _, text = run_grade(tree, build, SERVERS["lab2"], "--format", name, "--traces", str(traces), "--view", "instructor")
    assert set(said(text)) >= {"flamingo", "ostrich", "puffin", "albatross"}
    assert "albatross" in written(traces / NAME)


@pytest.mark.parametrize("name", ["text", "junit"])
def test_what_a_hidden_check_comes_after(tree, build, tmp_path, name):
    """Not judged, or not compiled: no word of it either."""
    shutil.copy(ROOT / (BAD % ("lab2", "handler_stays_from_accept")), tmp_path / "stays.c")
    (tmp_path / "broken.c").write_text("int main(void) { return x; }\n")
    (tmp_path / "silent.c").write_text("int main(void) { return 0; }\n")
    for source in ("stays.c", "broken.c", "silent.c"):
        status, text = run_grade(tree, build, tmp_path / source, "--format", name)
        assert status == 1 and said(text) == []


# ---- the rules of it

def test_hidden_is_a_word_in_the_points_file(tree):
    found = {check.name: check for check in lab_checks(tree)}
    assert found[NAME].hidden and not found["connect.three"].hidden and found[NAME].max_points == 5


def lab_checks(tree: Path, points: str = "") -> List[Check]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grade, "HARNESS", str(tree / "harness"))
        return grade.lab_checks("lab2", points or None)


def test_what_comes_after_a_hidden_check_must_be_hidden(tree, tmp_path):
    text = (tree / "harness" / "points" / "lab2.txt").read_text()
    (tmp_path / "points.txt").write_text(text.replace("8\techo.all\n", "8\techo.all\thidden\n"))
    line = text[:text.index("echo.all")].count("\n") + 1
    with pytest.raises(PointsError, match=r'points\.txt:%d: "echo\.all" is hidden, but ".*", which is not, comes after it' % line):
        lab_checks(tree, str(tmp_path / "points.txt"))


# ---- the students' kit

@pytest.fixture
def packed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> kit.Made:
    monkeypatch.setattr(kit, "ROOT", tree)
    return kit.make()


def test_it_is_not_in_the_kit(packed):
    assert packed.hidden == 1
    assert {path: said(text) for path, text in packed.texts.items() if said(text)} == {}
    assert "5\t%s\thidden\n" % NAME in packed.texts["harness/points/lab2.txt"]
    assert (ROOT / "harness" / "checks" / "lab2.py").read_text() == packed.texts["harness/checks/lab2.py"]
    assert (ROOT / "harness" / "checks" / "shared.py").read_text() == packed.texts["harness/checks/shared.py"]


def test_it_is_in_the_autograder(tree, monkeypatch):
    monkeypatch.setattr(kit, "ROOT", tree)
    made = kit.make("lab2")
    assert "pelican" in made.texts["harness/checks/lab2.py"] and "harness/fdlab/gradescope.py" in made.texts


@pytest.mark.parametrize("where, text", [
    ("handouts/lab2.md", "A server should, like the pelican server\nshould be able to do what no other server does.\n"),
    ("harness/checks/lab1.py", "# there should have been an ostrich, but there was none\n")])
def test_words_of_it_elsewhere_are_an_error(tree, tmp_path, monkeypatch, where, text):
    copy = tmp_path / "tree"
    shutil.copytree(tree, copy)
    before = (copy / where).read_text()
    text = text.replace("A server should, like the", "A server should. The")
    (copy / where).write_text(before + text)
    monkeypatch.setattr(kit, "ROOT", copy)
    with pytest.raises(KitError) as error:
        kit.make()
    assert re.fullmatch(r"%s:%d: these are words of a hidden check: \".*\"" % (re.escape(where), before.count("\n") + 1),
                        str(error.value))


def test_a_grade_in_the_kit_says_that_there_is_more(packed, build, tmp_path):
    for path, text in packed.texts.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(kit.as_bytes(text))
    command = [sys.executable, "-m", "fdlab.grade", "lab2", str(ROOT / SERVERS["lab2"]), "--compile", compiler(), "--helpers",
               str(build / "common" / "helpers.a"), "--build", str(build)]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "harness")}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^  not judged  secret\.bird +0/5$", done.stdout, re.M)
    assert "Not judged (%s): secret.bird" % ABSENT in " ".join(done.stdout.split())
    assert "Score: 100 of 105" in done.stdout
    done = subprocess.run(command + ["--check", NAME], cwd=tmp_path, capture_output=True, text=True, env=environment, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "CHECK=%s: %s\n" % (NAME, ABSENT))


# ---- the formats, against what is published of them

def model() -> Grade:
    def hidden(name: str, status: str) -> Check:
        return Check(name, "The pelican.", 3, status, "an ostrich", ["a flamingo"], ["a walrus"],
                     {"rule": "leak", "at": "puffin.c:1", "message": "albatross", "advice": "cormorant", "event": 1, "severity": "bug"},
                     "a pelican", 1.5, hidden=True)

    return Grade("lab2", "my.c", "bubblewrap", 7, 1.25, compiler="my.c:1: warning: x\n", todo=[4, 9], checks=[
        Check("echo.all", "Each hears.", 8, PASSED, seconds=0.5),
        Check("order.any", "In any order.", 6, FAILED, "C should have heard \"x\" & <y>, but heard \x1b[0m.", ["server 600 50000"], []),
        Check("no_leak", "None.", 2.5, NOT_JUDGED, "it has no meaning as long as order.any is not passed"),
        hidden("secret.passed", PASSED), hidden("secret.failed", FAILED), hidden("secret.other", NOT_JUDGED)])


BROKEN = Grade("lab2", "my.c", compiled=False, compiler="my.c:1: error: <x>\n",
               checks=[Check("echo.all", "Each hears.", 8, message="it does not compile")])


@pytest.mark.parametrize("name", formats.names())
def test_no_format_tells_a_student(name):
    told = formats.renderer(name)(for_student(model()))
    assert said(base64.b64decode(told).decode() if name == "classroom" else told) == []
    assert formats.renderer(name)(for_student(for_student(model()))) == told
    if name in ("gradescope", "classroom", "autolab"):   # these go to students, whoever calls
        assert formats.renderer(name)(model()) == told
    else:
        assert set(said(formats.renderer(name)(model()))) >= {"pelican", "ostrich"}


def test_a_grade_that_was_kept_tells_a_student_no_more():
    """`make class` keeps the whole of it, and writes feedback.txt from that."""
    kept = from_dict(json.loads(json.dumps(to_dict(model()))))
    assert said(formats.renderer("text")(for_student(kept))) == []
    assert formats.renderer("text")(for_student(kept)) == formats.renderer("text")(for_student(model()))


def test_the_students_view_keeps_the_points():
    before, after = model(), for_student(model())
    assert (after.score, after.max_score) == (before.score, before.max_score) == (11, 25.5)
    assert [check.status for check in after.checks] == [check.status for check in before.checks]
    assert {check.title for check in after.checks if check.hidden} == {UNTOLD}
    assert before.checks[3].title == "The pelican."


def test_gradescope():
    result = json.loads(formats.renderer("gradescope")(model()))
    gradescope_accepts(result)
    tests: Dict[str, Any] = {test["name"]: test for test in result["tests"]}
    assert [tests[name]["visibility"] for name in ("echo.all", "secret.passed", "secret.failed")] == [
        "visible", "after_published", "after_published"]
    assert sum(test["score"] for test in tests.values()) == 11 and "score" not in result
    assert tests["secret.failed"]["output"] == "" and "Each hears." in tests["echo.all"]["output"]
    assert "status" not in tests["no_leak"] and tests["no_leak"]["score"] == 0
    assert "warning: x" in result["output"] and "YOUR CODE HERE in lines 4, 9" in result["output"]
    broken = json.loads(formats.renderer("gradescope")(BROKEN))
    gradescope_accepts(broken)
    assert broken["output"] == "It does not compile:\n\nmy.c:1: error: <x>"


def reported(encoded: str) -> Tuple[Dict[str, Any], float]:
    """As the reporter reads it: the results of a runner, and the points that it adds up."""
    assert re.fullmatch(r"[A-Za-z0-9+/]+=*\n", encoded)      # $GITHUB_OUTPUT takes one line
    results = json.loads(base64.b64decode(encoded).decode("utf-8"))
    assert results["version"] == 1 and results["status"] in ("pass", "fail", "error")
    assert isinstance(results["max_score"], (int, float))
    for test in results["tests"]:
        assert test["status"] in ("pass", "fail", "error")
        assert isinstance(test["name"], str) and isinstance(test["score"], (int, float))
        assert test["message"] is None or isinstance(test["message"], str)
    return results, sum(test["score"] for test in results["tests"])


def test_github_classroom():
    results, points = reported(formats.renderer("classroom")(model()))
    assert (results["status"], points, results["max_score"]) == ("fail", 11, 25.5)
    assert [test["status"] for test in results["tests"]] == ["pass", "fail", "error", "pass", "fail", "error"]
    assert "What was done, step by step:" in results["tests"][1]["message"]
    results, points = reported(formats.renderer("classroom")(BROKEN))
    assert (results["status"], points, results["max_score"]) == ("error", 0, 8)
    assert results["tests"][0]["name"] == "compile" and "error: <x>" in results["tests"][0]["message"]
    all_passed = Grade("lab2", "my.c", checks=[Check("echo.all", "Each hears.", 8, PASSED),
                                               Check("secret.bird", UNTOLD, 2, message=ABSENT, hidden=True, absent=True)])
    assert reported(formats.renderer("classroom")(all_passed))[0]["status"] == "pass"


@pytest.mark.parametrize("result, score", [(model(), 11), (BROKEN, 0)])
def test_autolab(result, score):
    """All text, and the last line is a JSON object of numbers by the problem's name."""
    lines = formats.renderer("autolab")(result).split("\n")
    assert lines[-1] == "" and json.loads(lines[-2]) == {"scores": {"lab2": score}}
    assert any(line.startswith("Score: %d of " % score) for line in lines)
