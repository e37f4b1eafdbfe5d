"""harness/fdlab/formats/junit.py: the grade as a JUnit report, which most CI systems show.

A check that was not judged is "skipped"; a program that does not compile is an "error" of the first test.
"""
from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

from ..result import FAILED, NOT_JUDGED, Check, Grade
from .text import details

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _clean(text: str) -> str:
    """Characters that XML 1.0 does not know, not even as references, become a question mark."""
    return _NO_XML.sub("?", text)


def _attribute(text: str) -> str:
    return quoteattr(_clean(text))


def _case(grade: Grade, check: Check) -> str:
    head = '  <testcase classname=%s name=%s time="%.3f"' % (_attribute("fdlab." + grade.lab), _attribute(check.name),
                                                             check.seconds)
    if check.status == FAILED:
        return "%s>\n    <failure message=%s>%s</failure>\n  </testcase>" % (
            head, _attribute(check.message), escape(_clean("\n".join(details(grade, check)))))
    if check.status == NOT_JUDGED:
        return "%s>\n    <skipped message=%s/>\n  </testcase>" % (head, _attribute(check.message))
    return head + "/>"


def render(grade: Grade) -> str:
    cases = [_case(grade, check) for check in grade.checks]
    errors = 0
    if not grade.compiled:
        errors = 1
        cases.insert(0, '  <testcase classname=%s name="compile">\n    <error message="it does not compile">%s</error>\n'
                        '  </testcase>' % (_attribute("fdlab." + grade.lab), escape(_clean(grade.compiler))))
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<testsuite name=%s tests="%d" failures="%d" errors="%d" skipped="%d" '
            'time="%.3f">\n  <properties>\n    <property name="submission" value=%s/>\n    <property name="tier" value=%s/>\n'
            '    <property name="score" value="%g"/>\n    <property name="max_score" value="%g"/>\n%s  </properties>\n%s\n'
            '</testsuite>\n' % (
                _attribute("fdlab " + grade.lab), len(cases), len(grade.of(FAILED)), errors, len(grade.of(NOT_JUDGED)),
                grade.seconds, _attribute(grade.submission), _attribute(grade.tier), grade.score, grade.max_score,
                "".join('    <property name="suspicion" value=%s/>\n' % _attribute(one) for one in grade.suspicions),
                "\n".join(cases)))
