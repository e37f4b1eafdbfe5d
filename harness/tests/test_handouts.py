"""harness/tests/test_handouts.py: the documents say what is so: every excerpt is what a fresh run prints, every command runs,
every link leads somewhere; and what would tell us if it were not so is proved to do it."""
from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Dict, List

import pytest

from conftest import ROOT, need
from fdlab import excerpts, links
from fdlab.excerpts import DocumentError, Reader, parse
from fdlab.grade import handout_sections
from fdlab.steady import Steady

DOCUMENTS = excerpts.documents(ROOT)
HANDOUTS = ROOT / "handouts"
OURS = [path for path in DOCUMENTS if HANDOUTS in path.parents and path.name != "findings.md"]
ENGLISH = [path for path in OURS if excerpts.twin_of(path) is None and path.name != "instructor.md"]   # what has a Korean twin
KOREAN = [path for path in OURS if excerpts.twin_of(path) is not None]
LAB_HEADINGS = {"Goal": "목표", "Time": "소요 시간", "Before you start": "시작하기 전에", "Predict": "예상하기", "Do": "해 보기",
                "Observe": "관찰하기", "Explain": "설명하기", "Change": "바꿔 보기", "Break it": "망가뜨려 보기",
                "Pitfalls": "빠지기 쉬운 함정", "Checkpoint": "점검", "Further reading": "더 읽을거리"}
LAWS = {2: "nfds", 4: "all file descriptors in all sets should be checked", 5: "full amount", 7: "EINTR", 9: "end of file",
        10: "timeout value must be initialized", 11: "sets must be reinitialized"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


# ---- the documents

@pytest.fixture(scope="module")
def done(build) -> Dict[Path, excerpts.Result]:
    """Each document, done from top to bottom in a fresh copy of the tree."""
    if any("ss -" in path.read_text() for path in OURS):
        need("ss", "iproute2")
    return {result.path: result for result in excerpts.all_done(DOCUMENTS, ROOT, build)}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_done_as_written_its_excerpts_are_true(done, path):
    problems = done[path].problems + excerpts.differences(done[path], ROOT)
    assert not problems, "\n".join(problems + ["(`make handouts` writes excerpts anew)"])


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_its_links_lead_somewhere(path):
    assert links.dead(path, ROOT) == []


@pytest.mark.parametrize("path", OURS, ids=name_of)
def test_every_fenced_command_of_a_handout_is_run(path):
    not_run = [line for line in path.read_text().split("\n") if re.match(r" *```+ *(sh|bash|console|shell)\b", line)
               and not re.search(r"\brun\b|\bterminal=", line)]
    assert not_run == []


@pytest.mark.parametrize("path", OURS, ids=name_of)
def test_every_make_target_it_names_is_there(path):
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text(), re.M))
    named = set(re.findall(r"`make ([a-z0-9-]+)[^`]*`", path.read_text()))
    assert named <= targets


@pytest.mark.parametrize("path", OURS, ids=name_of)
def test_no_place_of_this_machine_is_in_it(path):
    assert re.findall(r"(?<![\w.])/(?:work|tmp|root|home|usr|var)/\S*|\bpypi\S*|\bregistry\b", path.read_text()) == []


@pytest.mark.parametrize("path", [path for path in OURS if re.fullmatch(r"lab\d\.md", path.name) and path.parent.name != "answers"],
                         ids=name_of)
def test_labs_have_the_same_headings(path):
    wanted = LAB_HEADINGS.values() if path in KOREAN else LAB_HEADINGS
    assert [text for level, text in links.headings(path) if level == 2] == list(wanted)


@pytest.mark.parametrize("path", [HANDOUTS / name for name in ("lab1.md", "lab2.md", "reading-a-trace.md")], ids=name_of)
def test_it_is_two_pages_of_text_at_most(path):
    """650 words fill a printed page; what is typed and what comes back are not counted."""
    text = re.sub(r"^```.*?^```|^<!--.*?-->", "", path.read_text(), flags=re.M | re.S)
    assert len(text.split()) <= 2 * 650


@pytest.mark.parametrize("lab", ["lab1", "lab2"])
def test_the_sections_that_the_grader_points_to_are_there(lab):
    titles = {text for _, text in links.headings(HANDOUTS / (lab + ".md"))}
    assert set(handout_sections(lab).values()) <= titles


@pytest.mark.parametrize("path", ENGLISH, ids=name_of)
def test_it_has_a_twin_in_korean(path):
    twin = HANDOUTS / "ko" / path.relative_to(HANDOUTS)
    assert twin.is_file()
    assert [level for level, _ in links.headings(twin)] == [level for level, _ in links.headings(path)]
    assert len(re.findall(r"^\|", twin.read_text(), re.M)) == len(re.findall(r"^\|", path.read_text(), re.M))


def test_the_laws_are_those_of_the_manual():
    need("man", "man-db")
    page = subprocess.run(["man", "2", "select_tut"], capture_output=True, text=True, env={"MANWIDTH": "2000", "LC_ALL": "C",
                                                                                         "PATH": "/usr/bin:/bin"})
    if page.returncode != 0:
        pytest.skip("needs the manual page select_tut(2): install the package manpages-dev")
    laws = {int(number): re.sub(r"\s+", " ", text) for number, text in re.findall(r"^ +(\d+)\. +(.*)$", page.stdout, re.M)}
    for number, words in LAWS.items():
        assert words in laws[number]
    for path in OURS:
        numbers = re.findall(r"^\| (\d+) \|", path.read_text(), re.M)
        assert set(map(int, numbers)) <= set(LAWS)


# ---- what the machinery must find: proved on small documents

def read(tmp_path: Path, text: str) -> excerpts.Outcome:
    (tmp_path / "build").mkdir(exist_ok=True)
    return Reader(str(tmp_path)).read(parse(text))


def refreshed(tmp_path: Path, text: str) -> str:
    outcome = read(tmp_path, text)
    assert outcome.problems == []
    return excerpts.written(text, parse(text), outcome)


def test_an_excerpt_is_written_and_then_stays(tmp_path):
    text = "a\n<!-- run: printf '1\\n2\\n3\\n' | sed -n 2,3p -->\n<!-- end -->\nb\n"
    once = refreshed(tmp_path, text)
    assert once == "a\n<!-- run: printf '1\\n2\\n3\\n' | sed -n 2,3p -->\n```text\n2\n3\n```\n<!-- end -->\nb\n"
    assert refreshed(tmp_path, once) == once


def test_an_excerpt_that_is_not_true_any_more_is_found(tmp_path):
    text = "<!-- run: echo now -->\n```c\nthen\n```\n<!-- end -->\n"
    assert refreshed(tmp_path, text) == text.replace("then", "now")


def test_an_excerpt_in_a_list_keeps_its_indent(tmp_path):
    text = "1. one\n\n   <!-- run: printf 'a\\n\\n  b\\n' -->\n   <!-- end -->\n"
    once = refreshed(tmp_path, text)
    assert once == "1. one\n\n   <!-- run: printf 'a\\n\\n  b\\n' -->\n   ```text\n   a\n\n     b\n   ```\n   <!-- end -->\n"
    assert refreshed(tmp_path, once) == once


def test_an_excerpt_is_of_the_last_run_of_its_command(tmp_path):
    text = "```sh run\necho 1 >> f\ncat f\n```\n<!-- run: cat f -->\n<!-- end -->\n" * 2 + "<!-- run: wc -l < f -->\n<!-- end -->\n"
    assert re.findall(r"```text\n(.*?)\n```", refreshed(tmp_path, text), re.S) == ["1", "1\n1", "2"]


@pytest.mark.parametrize("text, why", [
    ("```sh run\ntrue\n\nfalse\n```", "4: `false` ended with status 1, not 0"),
    ("```sh run status=3\nexit 2\n```", "2: `exit 2` ended with status 2, not 3"),
    ("```sh run\nno-such-command\n```", "2: `no-such-command` ended with status 127, not 0"),
    ("a\n<!-- run: false -->\n<!-- end -->", "2: `false` ended with status 1, not 0"),
    ("<!-- run: echo a | grep b -->\n<!-- end -->", "1: nothing is left of `echo a | grep b`"),
    ("<!-- run: echo a | sed -n x,y -->\n<!-- end -->", "1: `sed -n x,y`:"),
    ("<!-- run: terminal 2 -->\n<!-- end -->", "1: nothing was started in terminal 2"),
    ("<!-- type: terminal 2 hello -->", "1: nothing was started in terminal 2"),
    ("```sh terminal=2\ntrue\n```\n```sh terminal=2\ntrue\n```\n<!-- type: terminal 1 x -->", "7: nothing was started in terminal 1"),
    ("```diff file=a.c\n-x\n```", "1: there is no file a.c to edit"),
    ("```sh run\nprintf 'x\\nx\\n' > a.c\n```\n```diff file=a.c\n-x\n+y\n```", "4: a.c has these lines 2 times, not once"),
    ("```sh run\nprintf 'x\\n' > a.c\n```\n```diff file=a.c\n-y\n```", "4: a.c has these lines 0 times, not once"),
])
def test_what_does_not_run_is_told_with_its_line(tmp_path, text, why):
    assert [problem for problem in read(tmp_path, text).problems if problem.startswith(why)]


@pytest.mark.parametrize("text, why", [
    ("a\n<!-- run: true -->\ntext\n<!-- end -->", "2: the excerpt has no `<!-- end -->` right below it"),
    ("<!-- run: true -->\n```\na\n```", "1: the excerpt has no `<!-- end -->` right below it"),
    ("<!-- runs: true -->\n<!-- end -->", "2: an end without a beginning"),
    ("a\n```sh run\ntrue", "2: a fence that does not end"),
    ("```sh ran\ntrue\n```", "1: \"ran\" behind a fence"),
    ("```c run\ntrue\n```", "1: `c` and run do not go together"),
    ("```text terminal=2\nhello\n```", "1: `text` and terminal do not go together"),
    ("<!-- type: hello -->", "1: it is to be `<!-- type: terminal 2 TEXT -->`"),
    ("<!-- figure: true -->\n\ntext", "2: below a figure's marker there should be its picture"),
])
def test_what_is_not_written_right_is_told_with_its_line(text, why):
    with pytest.raises(DocumentError) as error:
        parse(text)
    assert str(error.value).startswith(why)


def test_an_edit(tmp_path):
    text = ("```sh run\nprintf 'a\\n\\nb\\nc\\nd\\n' > f\n```\n```diff file=f\n a\n \n-b\n+B\n+BB\n@@\n-d\n```\n"
            "<!-- run: cat f -->\n<!-- end -->\n")
    assert "```text\na\n\nB\nBB\nc\n```" in refreshed(tmp_path, text)


def test_terminals(tmp_path):
    text = ("```sh terminal=1\ntrap 'echo interrupted; exit' INT; echo ready; while read line; do echo got $line; done; echo over\n```\n"
            "<!-- run: terminal 1 -->\n```text\nready\n```\n<!-- end -->\n"
            "<!-- type: terminal 1 hello -->\n"
            "<!-- run: terminal 1 | tail -n 1 -->\n```text\ngot hello\n```\n<!-- end -->\n"
            "<!-- type: terminal 1 Ctrl+%s -->\n<!-- run: terminal 1 | tail -n 1 | tr -d '^C' -->\n```text\n%s\n```\n<!-- end -->\n")
    for key, last in (("C", "interrupted"), ("D", "over")):
        assert refreshed(tmp_path, text % (key, last)) == text % (key, last)


def test_nobody_is_left_when_a_document_ends(tmp_path):
    outcome = read(tmp_path, "```sh terminal=1\ntrap '' HUP INT; echo $$ > pid; sleep 1000; sleep 1000\n```\n"
                             "```sh run\nuntil test -s pid; do sleep 0.01; done\n```\n")
    assert outcome.problems == []
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


def tree_with(tmp_path: Path, files: Dict[str, str]) -> List[Path]:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return [tmp_path / name for name in files]


def all_done(tmp_path: Path, files: Dict[str, str]) -> List[excerpts.Result]:
    return excerpts.all_done(tree_with(tmp_path, files), tmp_path, tmp_path / "build")


def test_a_twin_gets_the_same_excerpts(tmp_path):
    text = "# T\n<!-- run: echo now -->\n<!-- end -->\n"
    _, twin = all_done(tmp_path, {"handouts/x.md": text, "handouts/ko/x.md": "# 티\n\n" + text[4:]})
    assert twin.problems == [] and twin.new == "# 티\n\n<!-- run: echo now -->\n```text\nnow\n```\n<!-- end -->\n"


@pytest.mark.parametrize("twin, why", [
    ("```sh run\ntrue\n```", "handouts/ko/x.md:2: not as in its twin, which has at line 2: echo now"),
    ("```sh run status=1\necho now\n```", "handouts/ko/x.md:2: not as in its twin, which has at line 2: echo now"),
    ("", "handouts/ko/x.md:1: it has 0 commands, edits and excerpts; its twin has 1"),
])
def test_a_twin_with_other_commands_is_found(tmp_path, twin, why):
    assert all_done(tmp_path, {"handouts/x.md": "```sh run\necho now\n```", "handouts/ko/x.md": twin})[1].problems == [why]


def test_a_figure_is_written_and_one_that_changed_is_found(tmp_path):
    text = "<!-- figure: echo '<svg/>' -->\n![a picture](figures/a.svg)\n"
    result, = all_done(tmp_path, {"handouts/x.md": text})
    file = tmp_path / "handouts" / "figures" / "a.svg"
    assert result.figures == {file: "<svg/>\n"}
    assert excerpts.differences(result, tmp_path) == ["handouts/figures/a.svg is not what its command prints now"]
    tree_with(tmp_path, {"handouts/figures/a.svg": "<svg/>\n"})
    assert excerpts.differences(result, tmp_path) == []


def test_documents_are_done_apart_from_each_other_and_from_the_tree(tmp_path):
    text = "```sh run\ntest ! -e made && touch made\n```"
    results = all_done(tmp_path, {"a.md": text, "b.md": text})
    assert [result.problems for result in results] == [[], []] and not (tmp_path / "made").exists()


@pytest.mark.parametrize("link, why", [
    ("[a](b.md)", ""), ("[a](b.md#two-words)", ""), ("[a](b.md#two-words-1)", ""), ("[a](#own)", ""), ("[a](b.md#설명하기)", ""),
    ("[a](b.md#f_4-a-pipe)", ""), ("`[a](no.md)`", ""), ("[a](https://example.org/x)", ""), ("![a](b.md)", ""),
    ("[a](no.md)", "no.md: there is no such file"), ("[a](b.md#three)", "b.md#three: there is no such heading"),
    ("[a](b.md#two-words-2)", "b.md#two-words-2: there is no such heading"), ("![`x` [y]](no.svg)", "no.svg: there is no such file"),
    ("[a](../b.md)", "../b.md: there is no such file"), ("[a](/b.md)", "/b.md: there is no such file"),
    ("[a](http://example.org)", "http://example.org: not an https address"),
])
def test_dead_links(tmp_path, link, why):
    path, _ = tree_with(tmp_path, {
        "a.md": "# Own\n\n%s\n" % link,
        "b.md": "# Two *words*\n## Two words\n### 설명하기\n```\n# three\n```\n## `f_4`: a pipe\n"})
    assert links.dead(path, tmp_path) == (["a.md:3: " + why] if why else [])


def test_make_handouts_changes_nothing_that_is_true(done, build, tmp_path):
    """And --check tells of what is not."""
    shutil.copytree(ROOT / "harness", tmp_path / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    document = tmp_path / "a.md"
    for text, status, says in (("<!-- run: echo 1 -->\n```text\n1\n```\n<!-- end -->\n", 0, ""),
                               ("<!-- run: echo 1 -->\n```text\n2\n```\n<!-- end -->\n", 1, "-2"),
                               ("```sh run\nfalse\n```\n", 1, "a.md:2: `false` ended with status 1")):
        document.write_text(text)
        ran = subprocess.run(["python3", "-m", "fdlab.excerpts", "--check", str(document)], capture_output=True, text=True,
                             cwd=tmp_path, env={"PATH": "/usr/bin:/bin:/usr/local/bin", "PYTHONPATH": str(tmp_path / "harness")})
        assert (ran.returncode, ran.stderr, document.read_text()) == (status, "", text) and says in ran.stdout


# ---- steady

LOG = """   seq      time  pid    call                                        result                        where
     1  0.001580  30649  start /home/me/kit/build/lab2/server 2 50000
     2  0.001612  30649  module /lib/libc.so
     3  0.001735  30648  server prints "listening on 127.0.0.1:50000 fd 3"
     4  0.004250  30649  select(4, r{3}, 2 s)                        = 1  r{3}  after 0.097 s, 1.902 s left  server.c:164
     5  0.085970  30648  A is 127.0.0.1:60719
     6  0.101824  30649  accept(3)                                   = 4  127.0.0.1:60719 A        server.c:83
     7  0.101858  30649  select(5, r{3,4}, 2 s)                      = 0  timeout                  server.c:164
     8  0.102000  30648  session silence of 2 s
     9  2.102100  30649  queue 3                                     1 waits to be accepted
    10  2.102200  30649  close(4)                                    = 0  lived 2.000 s, 1 bytes in, 1 out
"""


def test_two_runs_are_one_text():
    other = (LOG.replace("30649", "419").replace("30648", "88   ").replace("419  ", "419    ").replace("60719", "50017")
             .replace("0.097 s, 1.902 s", "0.5 s, 1.5 s".replace("0.5", "0.513").replace("1.5 ", "1.487 "))
             .replace("0.1018", "0.9311").replace("0.102000", "0.942000").replace("2.1022", "2.9519").replace("2.000 s,", "2.021 s,"))
    lines = other.split("\n")
    other = "\n".join(lines[:3] + lines[4:9] + lines[3:4] + lines[10:])  # other places; and one line is not there
    assert Steady().text(LOG, "/home/me/kit") == Steady().text(other, "/home/me/kit")


def test_what_is_steady_in_a_log():
    assert Steady().text(LOG, "/home/me/kit").split("\n")[1:] == [
        "     1  0.xxxxxx  4711   start ~/fdlab/build/lab2/server 2 50000",
        "     2  0.xxxxxx  4711   select(4, r{3}, 2 s)                        = 1  r{3}  after x.xxx s, x.xxx s left  server.c:164",
        "     3  0.xxxxxx  4711   accept(3)                                   = 4  127.0.0.1:40001 A        server.c:83",
        "     4  0.xxxxxx  4711   select(5, r{3,4}, 2 s)                      = 0  timeout                  server.c:164",
        "     5  0.xxxxxx  4710   session silence of 2 s",
        "     6  2.xxxxxx  4711   close(4)                                    = 0  lived x.xxx s, 1 bytes in, 1 out"]


def test_event_numbers_in_words_are_those_of_the_log():
    steady = Steady()
    steady.learn(LOG)
    assert steady.text("- A (events 6 to 10), closed at 10; event 7. It timed out once, after\n  2.001 s: and 2.5 s later") == (
        "- A (events 3 to 6), closed at 6; event 4. It timed out once, after 2.xxx s:\n  and x.x s later")


@pytest.mark.parametrize("line, steady", [
    ("   4   300ms  : * : :  4 readable", "   4    xxms  : * : :  4 readable"),
    ("   4     5us  : * : :  4 readable", "   4    xxms  : * : :  4 readable"),
    ("  18   2.00s  : : : :  TIMEOUT, none ready", "  18   2.00s  : : : :  TIMEOUT, none ready"),
    ("  18   2.31s  : : : :  TIMEOUT, none ready", "  18   2.00s  : : : :  TIMEOUT, none ready"),
    ("      ── server prints  time out!", ""),
    ("\x1b[1mbold\x1b[0m", "bold"),
    ("session silence of 2.5 s, longer than the timer", "session silence of 2.5 s, longer than the timer"),
    ("make: *** [Makefile:154: lab2] Error 1", "make: *** [Makefile: lab2] Error 1"),
])
def test_what_is_steady_in_a_line(line, steady):
    assert Steady().text(line) == steady
