"""harness/tests/test_build.py: the Makefile: every compiler, no warnings, what is changed is made anew, errors in one line."""
from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import List

import pytest

from conftest import need
from fdlab import launcher, session
from fdlab.play import lab_module

LABS = ("lab1", "lab2")


def make(where: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", "-C", str(where), "--no-print-directory", *arguments], capture_output=True, text=True,
                          timeout=300, env={**clean, "LC_ALL": "C", **environment})


def in_place(build: Path) -> List[str]:
    """The variables with which make finds everything in `build` made already: those that `make test` was given."""
    return ["BUILD=%s" % build] + ["%s=%s" % (name, os.environ["FDLAB_" + name])
                                   for name in ("CC", "CFLAGS") if "FDLAB_" + name in os.environ]


@pytest.fixture
def clone(root: Path, tmp_path: Path) -> Path:
    """The sources as a fresh clone has them."""
    where = tmp_path / "clone"
    shutil.copytree(root, where, ignore=shutil.ignore_patterns(".git", "build", "__pycache__", "*.fdt"))
    return where


def products(build: Path):
    return [str(build / lab / "server") for lab in LABS] + [str(build / "client")]


# ---- compilers

@pytest.mark.parametrize("cc, package", [("gcc", "gcc"), ("clang", "clang"), ("musl-gcc", "musl-tools")])
@pytest.mark.parametrize("flags", ["-g -O1", "-O2 -D_FORTIFY_SOURCE=2", "-O0", "-O3 -std=c17"])
def test_the_labs_compile_without_a_warning(root, tmp_path, cc, package, flags):
    need(cc, package)
    if cc == "musl-gcc" and "FORTIFY" in flags:
        flags = "-O2"
    done = make(root, "BUILD=%s" % tmp_path, "CC=%s" % cc, "CFLAGS=%s" % flags, "WERROR=1", "-j4", *products(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_fresh_clone_builds_in_parallel_without_a_word(clone):
    """With clang; with gcc it is what `make test` has just done in a fresh clone in CI."""
    need("clang")
    done = make(clone, "build", "CC=clang", "WERROR=1", "-j8")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for path in products(clone / "build") + [str(clone / "build" / "fdtrace"), str(clone / "build" / "libfdtrace.so")]:
        assert os.access(path, os.X_OK), path


@pytest.mark.parametrize("lab", LABS)
def test_sanitised_servers_play_their_sessions(root, tmp_path_factory, ports, lab):
    need("gcc")
    build = tmp_path_factory.getbasetemp() / "sanitised"
    done = make(root, "BUILD=%s" % build, "CC=gcc", "CFLAGS=-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all",
                str(build / lab / "server"))
    assert done.returncode == 0, done.stderr
    module = lab_module(lab)
    numbers = ports(module.PORTS)
    with launcher.launch([str(build / lab / "server"), "0.5", *map(str, numbers)]) as server:
        session.play(module.play, server, numbers, 0.5)
    assert [text for source, text in server.lines.all if source == "stderr"] == []


# ---- what is changed is made anew, and nothing else

def test_what_is_changed_is_made_anew(clone):
    def made():
        done = make(clone, *targets)
        assert done.returncode == 0, done.stderr
        return {path: os.stat(clone / path).st_mtime_ns for path in targets}

    targets = ["build/lab1/server", "build/lab2/server", "build/client"]
    first = made()
    assert made() == first
    header = clone / "common" / "lab.h"
    header.write_text(header.read_text() + "/* changed */\n")
    second = made()
    assert all(second[path] > first[path] for path in targets)
    source = clone / "labs" / "lab2-one-listener" / "server.c"
    source.write_text(source.read_text() + "/* changed */\n")
    third = made()
    assert [path for path in targets if third[path] != second[path]] == ["build/lab2/server"]
    done = make(clone, "CFLAGS=-O2", *targets)
    assert done.returncode == 0
    assert all(os.stat(clone / path).st_mtime_ns > third[path] for path in targets)


def test_a_header_of_the_tracer_that_changes_makes_it_anew(clone, build):
    shutil.copytree(build, clone / "build", ignore=shutil.ignore_patterns("venv", "pycache"))
    library = clone / "build" / "libfdtrace.so"
    variables = in_place(Path("build"))
    assert make(clone, *variables, "-j4", "build/libfdtrace.so").returncode == 0
    old = library.stat().st_mtime_ns
    header = clone / "trace" / "capture.h"
    header.write_text(header.read_text() + "/* changed */\n")
    assert make(clone, *variables, "-j4", "build/libfdtrace.so").returncode == 0
    assert library.stat().st_mtime_ns > old


def test_a_header_that_vanishes_does_not_stop_the_build(clone):
    header, source = clone / "common" / "more.h", clone / "labs" / "lab1-many-listeners" / "server.c"
    header.write_text("")
    text = source.read_text()
    source.write_text('#include "more.h"\n' + text)
    assert make(clone, "build/lab1/server").returncode == 0
    header.unlink()
    source.write_text(text)
    assert make(clone, "build/lab1/server").returncode == 0


def test_another_server_with_src(root, tmp_path):
    """Each SRC is built, whatever was built before, and the lab's own server stays."""
    for name in ("one", "two"):
        (tmp_path / (name + ".c")).write_text('#include <stdio.h>\nint main(void) { puts("%s"); }\n' % name)
    target = str(tmp_path / "lab2" / "src" / "server")
    for name in ("one", "two", "one"):
        done = make(root, "BUILD=%s" % tmp_path, "SRC=%s" % (tmp_path / (name + ".c")), target)
        assert done.returncode == 0, done.stderr
        assert subprocess.run([target], capture_output=True, text=True).stdout == name + "\n"
    assert not (tmp_path / "lab2" / "server").exists()
    assert make(root, "-n", "BUILD=%s" % tmp_path, "SRC=one.c", "V=1", "lab2").returncode != 0  # no such file


# ---- help and errors

def test_help_lists_every_target(root):
    done = make(root)
    assert done.returncode == 0 and done.stderr == ""
    listed = re.findall(r"^  make (\S+) +\S", done.stdout, re.M)
    text = (root / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", text, re.M)) | {
        path.name.split("-")[0] for path in (root / "labs").glob("lab*-*")}
    assert sorted(listed) == sorted(targets)
    assert len(listed) == len(set(listed))
    for variable in ("SRC", "TIMEOUT", "PORT", "LAB", "CC", "CFLAGS"):
        assert variable + "=" in done.stdout
    assert all(len(line) < 80 for line in done.stdout.splitlines())


@pytest.mark.parametrize("arguments, expected", [
    (["build", "CC=no-such-cc"], "no C compiler `no-such-cc': install the package gcc"),
    (["lab2", "CC=no-such-cc -m64"], "no C compiler `no-such-cc'"),
    (["build", "PYTHON=no-such-python"], "no `no-such-python': install the package python3"),
    (["lab2", "SRC=no-such.c"], "there is no file `no-such.c'"),
    (["serve", "LAB=lab77"], "there is no lab `lab77': LAB= is one of lab1 lab2"),
])
def test_what_is_missing_is_named_in_one_line(root, tmp_path, arguments, expected):
    done = make(root, "BUILD=%s" % tmp_path, *arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and done.stdout == ""
    assert expected in done.stderr


def test_a_server_that_does_not_compile(root, build, tmp_path):
    """The compiler's message and nothing else, but for the line that make always ends with."""
    broken = tmp_path / "broken.c"
    broken.write_text("int\nmain(void)\n{\n\treturn 0\n}\n")
    alone = subprocess.run(["cc", "-c", str(broken), "-o", str(tmp_path / "o")], capture_output=True, text=True,
                           env={**os.environ, "LC_ALL": "C"})
    done = make(root, *in_place(build), "lab2", "SRC=%s" % broken)
    assert done.returncode == 2 and done.stdout == ""
    *message, last = done.stderr.splitlines()
    assert message == alone.stderr.splitlines()
    assert last.startswith("make: *** [")


def test_nothing_of_this_machine_is_in_the_sources(root):
    tracked = subprocess.run(["git", "-C", str(root), "ls-files"], capture_output=True, text=True)
    if tracked.returncode != 0:
        pytest.skip("not a git clone")
    home = str(root).encode()
    for name in tracked.stdout.splitlines():
        path = root / name
        if path.is_file():
            assert home + b"/" not in path.read_bytes(), name
