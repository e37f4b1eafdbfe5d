"""harness/fdlab/links.py: links of Markdown documents that lead nowhere: no such file, or no such heading in it.

    dead(Path("handouts/lab1.md"), root)      # ["handouts/lab1.md:31: answers/lab7.md: there is no such file"]

Addresses of other machines are not asked; they must be https.
"""
from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, Iterator, List, Set, Tuple
from urllib.parse import unquote

_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")


def text_lines(path: Path) -> Iterator[Tuple[int, str]]:
    """The lines outside of fences, from 1."""
    fence = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        found = re.match(r" *(```+|~~~+)", line)
        if found and not fence:
            fence = found[1]
        elif fence and line.strip() == fence:
            fence = ""
        elif not fence:
            yield number, line


def headings(path: Path) -> List[Tuple[int, str]]:
    """(level, text) of each."""
    found = (re.match(r"(#{1,6}) +(.*?) *#*$", line) for _, line in text_lines(path))
    return [(len(each[1]), each[2]) for each in found if each]


def anchors(path: Path) -> Set[str]:
    """What may stand behind a # of a link to it, as GitHub names headings."""
    names: Dict[str, int] = {}
    found = set()
    for _, text in headings(path):
        text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
        name = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        times = names.get(name, 0)
        names[name] = times + 1
        found.add(name if times == 0 else "%s-%d" % (name, times))
    for _, line in text_lines(path):
        found.update(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", line))
    return found


def dead(path: Path, root: Path) -> List[str]:
    problems = []
    for number, line in text_lines(path):
        for found in _LINK.finditer(_CODE.sub(lambda code: "`" * len(code[0]), line)):
            why = _why_dead(path, found[1], root)
            if why:
                problems.append("%s:%d: %s: %s" % (path.relative_to(root), number, found[1], why))
    return problems


def _why_dead(path: Path, target: str, root: Path) -> str:
    if re.match(r"[a-z]+:", target):
        return "" if target.startswith(("https://", "mailto:")) else "not an https address"
    name, _, anchor = unquote(target).partition("#")
    there = (path.parent / name).resolve() if name else path
    if not there.exists():
        return "there is no such file"
    if root.resolve() not in (there, *there.parents):
        return "it is outside of the tree"
    if anchor and (there.suffix != ".md" or anchor not in anchors(there)):
        return "there is no such heading"
    return ""
