"""harness/fdlab/klass/page.py: class.html, and for each student a page and a text.

They need no network and nothing beside them but each other. What a student wrote is text in them, never markup: all of it goes
through html.escape, and a Content-Security-Policy lets no script run but the one whose sum it names.
"""
from __future__ import annotations

import base64
import hashlib
import os
import statistics
from html import escape
from typing import Any, Dict, List, Sequence

from .. import formats, grade, result
from ..result import FAILED, NOT_JUDGED, PASSED, Check, number
from . import plan, report
from .report import Row

_WORDS = {PASSED: ("✓", "passed"), FAILED: ("✗", "failed"), NOT_JUDGED: ("–", "not judged")}
_CLASSES = {PASSED: "p", FAILED: "f", NOT_JUDGED: "n"}

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1a1a1a; --quiet: #595959; --line: #c4c4c4; --soft: #f1f5f8;
	--good: #00614a; --bad: #a33d00; --badpaper: #fde8dc; --link: #005a94; }
@media (prefers-color-scheme: dark) {
	:root { --paper: #1b1b1b; --ink: #f0f0f0; --quiet: #b4b4b4; --line: #4c4c4c; --soft: #272c31;
		--good: #62c9a8; --bad: #ffb38a; --badpaper: #4a2a18; --link: #7cc0f0; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 16px 20px 60px; max-width: 1500px; background: var(--paper); color: var(--ink);
	font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0 0 4px; }
h1, h3, p { overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 28px 0 8px; }
p { margin: 4px 0; max-width: 80ch; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: -1px; }
.quiet { color: var(--quiet); }
.v { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
table { border-collapse: collapse; }
th, td { text-align: left; padding: 2px 8px; vertical-align: top; }
.num { text-align: right; font-variant-numeric: tabular-nums; }
.bar { min-width: 160px; }
.bar i { display: block; height: 12px; margin-top: 5px; background: var(--bad); }
.spread i { background: var(--link); }
.box { overflow: auto; max-height: 85vh; border: 1px solid var(--line); }
#matrix { border-collapse: separate; border-spacing: 0; font-variant-numeric: tabular-nums; }
#matrix th, #matrix td { padding: 0 6px; border-bottom: 1px solid var(--line); white-space: nowrap; background: var(--paper); }
#matrix thead th { position: sticky; top: 0; z-index: 2; vertical-align: bottom; padding-bottom: 6px; font-weight: 600; }
#matrix thead th.check { padding: 6px 0; }
#matrix thead th.check span { writing-mode: vertical-rl; transform: rotate(180deg); font-weight: 400; font-size: 0.85rem; display: inline-block; }
#matrix tbody th { position: sticky; left: 0; z-index: 1; font-weight: 400; max-width: 22em; overflow: hidden; text-overflow: ellipsis; }
#matrix thead th:first-child { left: 0; z-index: 3; }
#matrix tbody tr:hover > * { background: var(--soft); }
#matrix td.why { white-space: normal; }
#matrix td.c { padding: 0; text-align: center; }
#matrix td.c a { display: block; position: relative; width: 1.7em; padding: 1px 0; text-decoration: none; }
.p { color: var(--good); } .f { color: var(--bad); font-weight: 700; } .n { color: var(--quiet); }
#matrix td.c a.f { background: var(--badpaper); }
#tools { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; margin: 6px 0; }
#tools input, #tools select { font: inherit; padding: 3px 6px; background: var(--paper); color: var(--ink); border: 1px solid var(--quiet); }
pre { background: var(--soft); padding: 8px 10px; overflow: auto; tab-size: 8; white-space: pre-wrap; overflow-wrap: anywhere; }
pre.trace { white-space: pre; }
section { border-top: 1px solid var(--line); padding: 8px 0 14px; }
section:target { background: var(--soft); box-shadow: -20px 0 var(--soft), -20px 0 0 0 var(--link); }
section h2, section h3 { margin: 4px 0; font-size: 1rem; }
ol { margin: 4px 0; padding-left: 2.4em; }
.said { overflow-wrap: anywhere; }
@media (max-width: 900px) { .bar { display: none; } body { padding: 10px 10px 40px; } th, td { overflow-wrap: anywhere; padding: 2px 4px; } }
@media print { .box { max-height: none; overflow: visible; } #tools { display: none; } }
"""

# Arrow keys go from cell to cell, so that Tab need not go through them all; a box narrows the rows, a list sorts them.
SCRIPT = """
"use strict";
const body = document.querySelector("#matrix tbody"), rows = Array.from(body.rows);
const links = (row) => Array.from(row.querySelectorAll("a"));
for (const row of rows) links(row).forEach((link) => { link.tabIndex = -1; });
const first = () => rows.flatMap((row) => row.hidden ? [] : links(row))[0];
function home() { const link = first(); if (link) link.tabIndex = 0; }
home();
body.addEventListener("focusin", (event) => {
	for (const link of body.querySelectorAll("a[tabindex='0']")) link.tabIndex = -1;
	event.target.tabIndex = 0;
});
body.addEventListener("keydown", (event) => {
	const row = event.target.closest("tr"), here = links(row), at = here.indexOf(event.target);
	const shown = Array.from(body.rows).filter((one) => !one.hidden), line = shown.indexOf(row);
	const above = shown[line - 1], below = shown[line + 1];
	const to = { ArrowRight: here[at + 1], ArrowLeft: here[at - 1], Home: here[0], End: here[here.length - 1],
		ArrowDown: below && links(below)[Math.min(at, links(below).length - 1)],
		ArrowUp: above && links(above)[Math.min(at, links(above).length - 1)] }[event.key];
	if (to) { event.preventDefault(); to.focus(); }
});
const find = document.getElementById("find"), order = document.getElementById("order"), found = document.getElementById("found");
function narrow() {
	const word = find.value.trim().toLowerCase();
	for (const row of rows) row.hidden = !row.cells[0].textContent.toLowerCase().includes(word);
	found.textContent = rows.filter((row) => !row.hidden).length + " of " + rows.length;
	if (!body.querySelector("tr:not([hidden]) a[tabindex='0']")) home();
}
find.addEventListener("input", narrow);
order.addEventListener("change", () => {
	const score = (row) => row.dataset.score === "" ? -1 : Number(row.dataset.score);
	const sorted = order.value === "name" ? rows : rows.slice().sort((a, b) =>
		order.value === "low" ? score(a) - score(b) : score(b) - score(a));
	body.append(...sorted);
});
document.getElementById("tools").hidden = false;
narrow();
"""


def _policy(script: str) -> str:
    runs = "'sha256-%s'" % base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() if script else "'none'"
    return "default-src 'none'; style-src 'unsafe-inline'; script-src %s; base-uri 'none'; form-action 'none'" % runs


def _page(title: str, content: Sequence[str], script: str = "") -> str:
    return "\n".join([
        "<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        '<meta http-equiv="Content-Security-Policy" content="%s">' % escape(_policy(script)),
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<title>%s</title>" % escape(title), "<style>%s</style>" % STYLE, "</head>", "<body>", *content,
        "<script>%s</script>" % script if script else "", "</body>", "</html>", ""])


def _write(text: str, path: str) -> None:
    """Only where something has changed."""
    data = text.encode("utf-8", "backslashreplace")
    try:
        with open(path, "rb") as file:
            if file.read() == data:
                return
    except OSError:
        pass
    grade.write(data.decode(), path)


# ---- a student

def _check(check: Dict[str, Any], row: Row) -> List[str]:
    """What there is to say of one check."""
    sign, word = _WORDS[check["status"]]
    lines = ['<section id="%s">' % escape(check["name"]),
             '<h3><span class="%s">%s %s</span> %s <span class="quiet">%s/%s</span></h3>' % (
                 _CLASSES[check["status"]], sign, word, escape(check["name"]), check["points"], check["max_points"]),
             "<p>%s%s</p>" % (escape(check["title"]), " (hidden from its student)" if check.get("hidden") else "")]
    if check["message"]:
        lines.append('<p class="said"><strong>%s</strong></p>' % escape(check["message"]))
    if check["name"] in row.traces:
        lines.append('<p><a href="traces/%s.html">Play the trace step by step</a>, or <code>build/fdtrace turns</code> '
                     '<a href="traces/%s.fdt">%s.fdt</a></p>' % ((escape(check["name"]),) * 3))
    if check["finding"]:
        finding = check["finding"]
        at = " at %s" % finding["at"] if finding.get("at") else ""
        lines.append('<p class="said">Why: %s</p>' % escape("%s%s: %s" % (finding["rule"], at, finding["message"])))
        lines.append('<p class="said">Do: %s</p>' % escape(finding["advice"]))
    if check["steps"]:
        lines += ["<p>What was done, step by step:</p>", "<ol>"]
        lines += ['<li class="said">%s</li>' % escape(step) for step in check["steps"]] + ["</ol>"]
    if check["trace"]:
        lines += ["<p>The trace there:</p>", '<pre class="trace" tabindex="0">%s</pre>' % escape("\n".join(check["trace"]))]
    if check["handout"]:
        lines.append("<p>Read: %s</p>" % escape(check["handout"]))
    return lines + ["</section>"]


def _facts(row: Row) -> List[str]:
    student = row.student
    facts = [("submission", student.where), ("file", student.name), ("number", student.number),
             ("late", "yes" if student.late else ""), ("isolated by", row.tier), ("remark", student.note)]
    return ["<table>"] + ['<tr><th scope="row">%s</th><td class="said">%s</td></tr>' % (name, escape(text))
                          for name, text in facts if text] + ["</table>"]


def student_page(lab: str, row: Row, found: Dict[str, Any]) -> str:
    name = row.student.student
    lines = ['<main><p><a href="../../class.html">%s: the class</a></p>' % escape(lab), "<h1>%s</h1>" % escape(name)]
    graded = found.get("grade")
    lines.append("<p>%s</p>" % escape("%s: %g of %g" % (row.state, row.score, row.max_score) if row.score is not None else
                                      "%s: %s" % (row.state, row.problem)))
    lines += _facts(row)
    if graded:
        if graded["compiler"].strip():
            lines += ["<h2>What the compiler said</h2>", '<pre class="said" tabindex="0">%s</pre>' % escape(graded["compiler"])]
        lines.append("<h2>Checks</h2>")
        order = [FAILED, NOT_JUDGED, PASSED]
        for check in sorted(graded["checks"], key=lambda check: order.index(check["status"])):
            lines += _check(check, row)
    return _page("%s: %s" % (lab, name), lines + ["</main>"])


def write_feedback(out: str, lab: str, student: plan.Student, row: Row, found: Dict[str, Any]) -> None:
    """The page for whoever looks closer, and the text for the student."""
    folder = plan.folder_of(out, student.id)
    _write(student_page(lab, row, found), os.path.join(folder, "index.html"))
    text = formats.renderer("text")(result.for_student(result.from_dict(found["grade"]))) if found.get("grade") else "%s: %s\n" % (lab, row.problem)
    if student.note:
        text += "%s\n" % student.note
    _write(text, os.path.join(folder, "feedback.txt"))


# ---- the class

def _spread(rows: Sequence[Row]) -> List[str]:
    """How many have how many points, in tenths."""
    tenths = [0] * 10
    for row in rows:
        if row.score is not None and row.max_score:
            tenths[min(9, int(10 * row.score / row.max_score))] += 1
    most = max(tenths) or 1
    lines = ["<h2>Scores</h2>", '<table><thead><tr><th class="num">of all points</th><th class="num">students</th><td class="bar"></td>',
             "</tr></thead><tbody>"]
    for n in range(9, -1, -1):
        lines.append('<tr><th scope="row" class="num">%s</th><td class="num">%d</td>'
                     '<td class="bar spread"><i style="width:%dpx"></i></td></tr>' % (
            "90 to 100 %" if n == 9 else "%d to %d %%" % (10 * n, 10 * n + 9), tenths[n], round(240 * tenths[n] / most)))
    return lines + ["</tbody></table>"]


def _worst(rows: Sequence[Row], checks: Sequence[Check]) -> List[str]:
    worst = [one for one in report.failures(rows, checks) if one[1]]
    if not worst:
        return []
    titles = {check.name: check.title for check in checks}
    lines = ["<h2>What fails most</h2>",
             '<table><thead><tr><th>check</th><th class="num">failed</th><th class="num">judged</th><td class="bar"></td>'
             '<th>what it asks</th></tr></thead><tbody>']
    for name, failed, judged in worst:
        lines.append('<tr><th scope="row">%s</th><td class="num">%d</td><td class="num">%d</td>'
                     '<td class="bar"><i style="width:%dpx"></i></td><td>%s</td></tr>' % (escape(name), failed, judged, round(240 * failed / worst[0][1]), escape(titles[name])))
    return lines + ["</tbody></table>"]


def _cells(row: Row, checks: Sequence[Check]) -> str:
    where = "students/%s/" % row.student.id
    if not row.status or row.state == report.NO_COMPILE:
        text = row.state + (": " + row.problem if row.problem else "")
        return '<td class="why" colspan="%d"><a href="%sindex.html">%s</a></td>' % (len(checks), where, escape(text))
    cells = []
    for check in checks:
        status = row.status.get(check.name, NOT_JUDGED)
        sign, word = _WORDS[status]
        cells.append('<td class="c"><a class="%s" href="%sindex.html#%s">%s<span class="v"> %s</span></a></td>' % (
            _CLASSES[status], where, escape(check.name), sign, word))
    return "".join(cells)


def _matrix(rows: Sequence[Row], checks: Sequence[Check]) -> List[str]:
    lines = ["<h2>Students and checks</h2>",
             '<p class="quiet">A cell leads to what was seen, and from there to the trace. ✓ passed, ✗ failed, – not judged. '
             "In the table the arrow keys go from cell to cell.</p>",
             '<div id="tools" hidden><label>student <input id="find" type="search"></label><label>order <select id="order">'
             '<option value="name">by name</option><option value="low">lowest first</option>'
             '<option value="high">highest first</option></select></label><output id="found"></output></div>',
             '<div class="box" tabindex="0" role="region" aria-label="students and checks"><table id="matrix"><thead><tr>'
             '<th scope="col">student</th><th scope="col" class="num">score</th>']
    lines += ['<th scope="col" class="check" title="%s"><span>%s</span></th>' % (escape(check.title), escape(check.name))
              for check in checks]
    lines.append("</tr></thead><tbody>")
    for row in rows:
        score = "" if row.score is None else str(number(row.score))
        late = ' <span class="quiet">late</span>' if row.student.late else ""
        lines.append('<tr data-score="%s"><th scope="row"><a href="students/%s/index.html">%s</a>%s</th><td class="num">%s</td>%s</tr>' % (
            score, row.student.id, escape(row.student.student) or "(no name)", late, score, _cells(row, checks)))
    return lines + ["</tbody></table></div>"]


def class_page(rows: Sequence[Row], checks: Sequence[Check], lab: str) -> str:
    scores = [row.score for row in rows if row.score is not None]
    lines = ["<main><h1>%s: %d submissions</h1>" % (escape(lab), len(rows))]
    if scores:
        lines.append("<p>mean %.1f, median %g, from %g to %g of %g</p>" % (
            statistics.mean(scores), statistics.median(scores), min(scores), max(scores), max(row.max_score for row in rows)))
    states = [(state, sum(row.state == state for row in rows)) for state in dict.fromkeys(row.state for row in rows)]
    lines.append("<p>%s</p>" % escape(", ".join("%d %s" % (count, state) for state, count in states)))
    return _page("%s: the class" % lab, lines + _matrix(rows, checks) + _worst(rows, checks) + _spread(rows) + ["</main>"], SCRIPT)


def write_class(rows: Sequence[Row], checks: Sequence[Check], lab: str, path: str) -> None:
    _write(class_page(rows, checks, lab), path)
