"""harness/tests/test_class_page.py: the tables of a class: true, plain text whatever a student is called, for keys and for eyes."""
from __future__ import annotations

import csv
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

import browser
from fdlab import grade, result
from fdlab.klass import page, plan, report
from fdlab.result import FAILED, NOT_JUDGED, PASSED, Check, Grade

HOSTILE = ['<script>document.title="HACKED"</script>', '"><img src=x onerror=document.title="HACKED">', "</title></style><b>x", "&lt;i&gt;",
           "=HYPERLINK(\"http://x\")", "javascript:alert(1)", "]]>", "-->", "'onfocus='document.title=1' autofocus='"]


def found_of(n: int, payload: str) -> Dict[str, Any]:
    """A result as grading leaves it, with the payload in each place where a student's words can come."""
    checks = grade.lab_checks("lab2")
    for m, check in enumerate(checks):
        check.status = (PASSED, PASSED, FAILED, NOT_JUDGED)[(n + m) % 4]
        if check.status != PASSED:
            check.message = "should have heard %s" % payload
        if check.status == FAILED:
            check.steps, check.trace = ["A says %s" % payload] * 3, ["   seq", "    12  recv(4) \"%s\"" % payload]
            check.finding = {"rule": "starved", "at": payload, "message": payload, "advice": payload}
            check.handout = "handouts/lab2.md"
    made = Grade("lab2", "server.c", "bubblewrap", checks=checks, compiler="server.c:1: warning: %s\n" % payload)
    return {"final": True, "grade": result.to_dict(made), "traces": [check.name for check in checks if check.status == FAILED], "source": "s",
            "name": "server.c"}


def student(n: int, name: str, problem: str = "") -> plan.Student:
    return plan.Student("s-%04d" % n, name, "1%d" % n, n == 1, name, "" if problem else "server.c", problem, name, "s")


def the_class(out: Path, names: List[str]) -> Tuple[List[report.Row], List[Check]]:
    rows = []
    for n, name in enumerate(names):
        one = student(n, name)
        (out / "students" / one.id).mkdir(parents=True)
        found = found_of(n, name)
        rows.append(report.row_of(str(out), one, found))
        page.write_feedback(str(out), "lab2", one, rows[-1], found)
    rows.append(report.row_of(str(out), student(9998, names[0], "no .c file: " + names[0]), {"final": True, "problem": names[0], "grade": None}))
    rows.append(report.row_of(str(out), student(9999, "late"), {}))
    checks = grade.lab_checks("lab2")
    page.write_class(rows, checks, "lab2", str(out / "class.html"))
    return rows, checks


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: List[Tuple[str, Dict[str, Any]]] = []

    def handle_starttag(self, tag: str, attrs: List[Any]) -> None:
        self.tags.append((tag, dict(attrs)))


def tags(text: str) -> List[Tuple[str, Dict[str, Any]]]:
    parser = _Tags()
    parser.feed(text)
    return parser.tags


def test_what_a_student_writes_is_never_markup(tmp_path):
    the_class(tmp_path, HOSTILE)
    (tmp_path / "plain").mkdir()
    the_class(tmp_path / "plain", ["a"] * len(HOSTILE))
    pages = sorted(tmp_path.glob("students/*/index.html")) + [tmp_path / "class.html"]
    assert len(pages) == len(HOSTILE) + 1
    for path in pages:  # the same elements, with the same attributes, as with harmless names
        here, plain = tags(path.read_text()), tags((tmp_path / "plain" / path.relative_to(tmp_path)).read_text())
        assert [(tag, sorted(attributes)) for tag, attributes in here] == [(tag, sorted(attributes)) for tag, attributes in plain]
        links = [attributes["href"] for tag, attributes in here if tag == "a"]
        assert links and all(re.match(r"(students/s-|traces/|\.\./\.\./class\.html)", link) for link in links)


def test_no_network_is_needed(tmp_path):
    the_class(tmp_path, ["ann", "bob"])
    for path in [tmp_path / "class.html", *tmp_path.glob("students/*/index.html")]:
        text = path.read_text()
        assert "http:" not in text and "https:" not in text and "url(" not in text and "@import" not in text
        assert not [tag for tag, attributes in tags(text) if "src" in attributes or tag == "link"]
        assert "default-src &#x27;none&#x27;" in text


def test_each_cell_leads_to_what_was_seen(tmp_path):
    rows, checks = the_class(tmp_path, ["ann", "bob"])
    links = [attributes["href"] for tag, attributes in tags((tmp_path / "class.html").read_text()) if tag == "a"]
    for row in rows[:2]:
        names = [attributes.get("id") for _, attributes in tags((tmp_path / "students" / row.student.id / "index.html").read_text())]
        for check in checks:
            assert "students/%s/index.html#%s" % (row.student.id, check.name) in links and check.name in names
    assert "traces/%s.html" % checks[2].name in (tmp_path / "students" / "s-0000" / "index.html").read_text()


def test_the_table_in_the_terminal(tmp_path):
    rows, checks = the_class(tmp_path, ["ann", "김민수", "x" * 60])
    lines = report.table(rows, checks)
    assert max(map(report.columns, lines)) <= 79
    body = [line for line in lines if re.match("ann|김민수|xxx", line)]
    assert len({report.columns(line[:line.index(line.split()[2])]) for line in body[:3]}) == 1   # one column under the other
    assert body[0].endswith("..X-" * 8 + "..X")
    assert "  2 of 2" in "\n".join(lines)[lines.index("What fails most:"):] or re.search(r"^ +1 of [123] ", "\n".join(lines), re.MULTILINE)
    closing = "\n".join(report.closing(rows))
    assert "5 submissions: 3 graded, 1 nothing to grade, 1 no result" in closing
    assert "No result:\n  late: it was not graded yet" in closing


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "\u00a0=1", "|x", "%x", "＝1", "\r=1", "\n=1"])
def test_a_spreadsheet_takes_no_name_for_a_formula(tmp_path, text):
    row = report.row_of(str(tmp_path), student(0, text), found_of(0, text))
    checks = grade.lab_checks("lab2")
    report.write_csv([row], checks, str(tmp_path / "class.csv"))
    with open(tmp_path / "class.csv", encoding="utf-8-sig", newline="") as file:
        back = list(csv.DictReader(file))
    assert back[0]["student"] == back[0]["submission"] == back[0]["remark"] == "'" + text


def test_the_spreadsheet(tmp_path):
    rows, checks = the_class(tmp_path, ["ann, \"the\" first", "김민수"])
    report.write_csv(rows, checks, str(tmp_path / "class.csv"))
    assert (tmp_path / "class.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    with open(tmp_path / "class.csv", encoding="utf-8-sig", newline="") as file:
        back = list(csv.DictReader(file))
    assert [one["student"] for one in back][:2] == ["ann, \"the\" first", "김민수"]
    assert list(back[0])[9:-1] == [check.name for check in checks]
    assert float(back[0]["score"]) == sum(float(back[0][check.name]) for check in checks if back[0][check.name] != "not judged")
    assert back[0][checks[3].name] == "not judged" and back[0][checks[2].name] == "0"
    assert back[2]["score"] == back[3]["score"] == "" and back[3]["state"] == "no result"


# ---- in a browser

@pytest.fixture(scope="module")
def driver():
    chromium = browser.start()
    yield chromium
    chromium.quit()


def opened(driver: Any, path: Path) -> List[Any]:
    driver.get("about:blank")
    driver.get_log("browser")
    driver.get("file://%s" % path)
    return driver.get_log("browser")


def test_hostile_names_in_a_browser(driver, tmp_path):
    the_class(tmp_path, HOSTILE)
    for path, title in [(tmp_path / "class.html", "lab2: the class"), (tmp_path / "students" / "s-0000" / "index.html", "lab2: " + HOSTILE[0])]:
        assert opened(driver, path) == []
        assert driver.title == title
        assert driver.execute_script("return document.querySelectorAll('img, b, #matrix script, main script').length") == 0
    opened(driver, tmp_path / "class.html")
    assert driver.execute_script("return document.querySelector('#matrix tbody th a').textContent") == HOSTILE[0]


def test_the_keys(driver, tmp_path):
    the_class(tmp_path, ["ann", "bob", "cho"])
    assert opened(driver, tmp_path / "class.html") == []
    here = "const a = document.activeElement; return a.closest('tr').rowIndex + ' ' + a.closest('td, th').cellIndex"
    assert driver.execute_script("return document.querySelectorAll('#matrix a[tabindex=\"0\"]').length") == 1   # one Tab, not a hundred
    driver.execute_script("document.querySelector('#matrix a[tabindex=\"0\"]').focus()")
    seen = [driver.execute_script(here)]
    for key in "\ue014\ue014\ue015\ue010\ue011\ue013\ue012":    # right, right, down, end, home, up, left
        browser.press(driver, key)
        seen.append(driver.execute_script(here))
    assert seen == ["1 0", "1 2", "1 3", "2 3", "2 36", "2 0", "1 0", "1 0"]
    driver.execute_script("const f = document.getElementById('find'); f.value = 'BO'; f.dispatchEvent(new Event('input'))")
    assert driver.execute_script("return document.getElementById('found').textContent") == "1 of 5"
    assert driver.execute_script("return Array.from(document.querySelectorAll('#matrix tbody tr:not([hidden]) th'), (th) => th.innerText)") == ["bob late"]
    assert driver.execute_script("return document.querySelectorAll('#matrix tr:not([hidden]) a[tabindex=\"0\"]').length") == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_anybody_can_read_it(driver, build, tmp_path, scheme):
    the_class(tmp_path, ["ann", "bob <b>"])
    script = browser.axe(build)
    browser.media(driver, prefers_color_scheme=scheme)
    for path in (tmp_path / "class.html", tmp_path / "students" / "s-0001" / "index.html"):
        opened(driver, path)
        driver.execute_script(script)
        wrong = driver.execute_async_script("axe.run().then((r) => arguments[0](r.violations.map((v) => v.id + ' ' + v.nodes[0].html)))")
        assert wrong == []
    browser.media(driver)


@pytest.mark.parametrize("wide", [390, 800, 1280])
def test_it_fits(driver, tmp_path, wide):
    """Only the matrix is moved sideways, in its box."""
    the_class(tmp_path, ["ann", "b" * 100])
    browser.size(driver, wide, 800)
    for path in (tmp_path / "class.html", tmp_path / "students" / "s-0001" / "index.html"):
        opened(driver, path)
        assert driver.execute_script("return document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, path.name
