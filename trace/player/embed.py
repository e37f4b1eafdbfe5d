"""trace/player/embed.py: puts the player into the program: page.html with the style and the script in it, as a C file.

    python3 trace/player/embed.py build/gen/player.c

The page's content policy names the style and the script by their hashes, so nothing else in the page can ever run. The marks
@DATA@ and @TURNS@ are where `fdtrace html` (trace/views/html.c) writes a run's data: there the page is cut into three pieces.
"""
from __future__ import annotations

import base64
import hashlib
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# In this order: each file uses what those before it define.
SCRIPTS = ("texts.js", "korean.js", "data.js", "state.js", "words.js", "elements.js", "overview.js", "list.js", "panels.js",
           "predict.js", "player.js")


def script() -> str:
    parts = [(HERE / name).read_text(encoding="utf-8") for name in SCRIPTS]
    return "\"use strict\";\n(function () {\n" + "\n".join(parts) + "})();\n"


def source_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def page() -> str:
    style = "\n" + (HERE / "style.css").read_text(encoding="utf-8")
    code = "\n" + script()
    if "</" in style or "</script" in code.lower() or "<!--" in code:
        raise SystemExit("embed.py: the style or the script would end its own element")
    text = (HERE / "page.html").read_text(encoding="utf-8")
    for mark, value in (("@STYLE_HASH@", source_hash(style)), ("@SCRIPT_HASH@", source_hash(code)), ("@STYLE@", style),
                        ("@SCRIPT@", code)):
        if text.count(mark) != 1:
            raise SystemExit("embed.py: page.html has %s %d times" % (mark, text.count(mark)))
        text = text.replace(mark, value)
    return text


def pieces() -> list:
    before, mark, rest = page().partition("@DATA@")
    between, second, after = rest.partition("@TURNS@")
    if not mark or not second:
        raise SystemExit("embed.py: page.html lacks @DATA@ or @TURNS@")
    return [before, between, after]


def c_array(name: str, text: str) -> str:
    data = text.encode("utf-8")
    rows = [",".join(map(str, data[at:at + 32])) for at in range(0, len(data), 32)]
    return "static const unsigned char %s[] = {\n%s\n};\n" % (name, ",\n".join(rows))


def main(target: str) -> None:
    parts = pieces()
    text = "/* Made by trace/player/embed.py: do not edit. */\n#include \"views/player.h\"\n\n"
    text += "".join(c_array("piece_%d" % n, part) for n, part in enumerate(parts))
    text += "\nconst struct player_piece player_pieces[3] = {%s};\n" % ", ".join(
        "{piece_%d, sizeof piece_%d}" % (n, n) for n in range(len(parts)))
    os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
    with open(target, "w", encoding="ascii") as file:
        file.write(text)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: embed.py FILE.c")
    main(sys.argv[1])
