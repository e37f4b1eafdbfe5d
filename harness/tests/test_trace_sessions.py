"""The screens of the report's sessions, as a real run leaves them: turns, lanes and map of lab 1 and lab 2 are kept in golden/.
UPDATE_GOLDEN=1 writes them anew.

What is another thing in each run is taken out: times, paths, ports that the kernel chose, when the launcher looked at a queue, and how
long a thread was seen to sit in a call. Lines that were wrapped are put together, so that a longer time does not change them.
"""

from __future__ import annotations

import re
import subprocess

import pytest

from fdlab import launcher
from fdlab.launcher import launch
from fdlab.play import lab_module
from fdlab.session import play
from test_trace_views import FDTRACE, PLAIN, golden, show

TIMEOUT = 1.0  # a machine that is busy for so long between two steps would be another run


@pytest.fixture(scope="module")
def played(build, tmp_path_factory):
    """The captures of both sessions, and the ports that they were played on."""
    where, made = tmp_path_factory.mktemp("sessions"), {}
    for lab in ("lab1", "lab2"):
        script, held = lab_module(lab), launcher.free_ports(lab_module(lab).PORTS)
        try:
            with launch([str(build / lab / "server"), "%g" % TIMEOUT, *map(str, held.numbers)], fdtrace=str(FDTRACE),
                        capture=str(where / lab)) as server:
                play(script.play, server, held.numbers, TIMEOUT, deadline=30.0)
        finally:
            for lock in held.locks:
                lock.close()
        made[lab] = (str(where / lab), held.numbers)
    return made


def without_ports(seen, ports):
    names = {str(port): "5000%d" % i for i, port in enumerate(ports)}
    return re.sub(r"127\.0\.0\.1:(\d+)", lambda found: "127.0.0.1:" + names.get(found[1], "PORT"), seen)


def turns_of(seen):
    """Rows with all that a turn did in one line, whatever was told before a note and what behind it."""
    rows, last = [], 0
    for line in seen.splitlines():
        line = re.sub(r"in \w+\(\S*\)( \S+s)?|queued:( \S+:\d+)+", "", line).rstrip()
        row = re.match(r" +(\d+) +(\S+)  (.*)", line)
        if line.startswith("      --") or (line and not line.startswith(" ")):
            rows.append(line)
        elif row:
            rows.append("%4s   TIME  %s" % (row[1], row[3]))
            last = len(rows) - 1
        elif line:
            rows[last] += "  " + line.strip()
    return re.sub(r"(\S)  +(?=\S)", r"\1  ", "\n".join(rows)) + "\n"


def lanes_of(seen):
    """Rows without their numbers: those count what the launcher saw of the queues too."""
    rows = []
    for line in seen.splitlines():
        if re.match(r" +\d+ +\d+\.\d+ ", line):
            rows.append(re.sub(r"^ +\d+ +\d+\.\d+", "", line))
        elif line.startswith("     #"):
            rows.append(re.sub("^ +# +time", "", line))
        elif rows:
            rows[-1] += "  " + re.sub(r"^ +(\| *)*", "", line)
    rows = [row for row in rows if not re.search(r"\bqueue \d|^ +start /", row)]
    seen = re.sub(r"lived [\d.]+ [a-z]+", "lived TIME", re.sub(r"waited \S+", "waited TIME", "\n".join(rows)))
    return re.sub(r", \d+ still queued", "", seen) + "\n"


def map_of(seen):
    return re.sub(r"events \d+-\d+", "events A-B", seen)


@pytest.mark.parametrize("lab", ["lab1", "lab2"])
@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("view, normal", [("turns", turns_of), ("lanes", lanes_of), ("map", map_of)])
def test_screens_of_the_sessions(played, lab, width, view, normal):
    capture, ports = played[lab]
    golden(f"{lab}-{view}-{width}.txt", normal(without_ports(show(view, capture, f"--width={width}"), ports)))


@pytest.mark.parametrize("lab", ["lab1", "lab2"])
@pytest.mark.parametrize("view", ["turns", "lanes", "map"])
def test_what_holds_for_all_of_them(played, lab, view):
    capture, _ = played[lab]
    for width in (80, 120):
        plain = show(view, capture, f"--width={width}")
        assert plain.isascii() and max(map(len, plain.splitlines())) <= width
        coloured = show(view, capture, f"--width={width}", "--color=always", env=PLAIN | {"NO_COLOR": "1"})
        assert re.sub("\033\\[[0-9]*m", "", coloured) == plain != coloured
    done = subprocess.run(["bash", "-c", 'set -o pipefail; "$0" "$1" --all "$2" | head -n 1', str(FDTRACE), view, capture],
                          capture_output=True, text=True, timeout=30, env=PLAIN)
    assert done.returncode == 0 and done.stderr == "" and len(done.stdout.splitlines()) == 1
