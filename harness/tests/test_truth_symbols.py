"""The table of calls against the C libraries at hand: what can touch descriptors is covered, or excepted with a reason."""
from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT, need

sys.path.insert(0, str(ROOT / "trace"))
import calls  # noqa: E402  (found by the line above)
import libc  # noqa: E402


GLIBC = next((path for path in libc.at_hand() if path.name == "libc.so.6"), None)


@pytest.fixture(scope="module")
def touching():
    need("objdump", "binutils")
    return libc.touching(GLIBC)


def test_every_function_that_can_touch_descriptors_is_in_the_table():
    need("objdump", "binutils")
    done = subprocess.run([sys.executable, ROOT / "trace" / "calls.py", "--check"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "libc.so.6: " in done.stdout


@pytest.mark.parametrize("line", ["accept4 ", "_exit ", "__open_2 ", "dprintf ", "_mcleanup ", "fopen "])
def test_a_line_that_is_missing_is_found(tmp_path, line, touching, monkeypatch, capsys):
    """By the numbers it loads (accept4, _mcleanup), by the list of names (fopen, dprintf), as another spelling (__open_2)."""
    name = line.strip()
    table = tmp_path / "calls.tab"
    # Another spelling of a call that is gone would not be read at all: it goes too.
    rows = calls.TABLE.read_text().splitlines(True)
    table.write_text("".join(row for row in rows if not row.startswith(line) and not re.search(rf"[=@] {name}\b", row)))
    monkeypatch.setattr(calls, "TABLE", table)
    monkeypatch.setattr(libc, "touching", lambda library: touching)
    with pytest.raises(SystemExit) as ended:
        monkeypatch.setattr(sys, "argv", ["calls.py", "--check", str(GLIBC)])
        calls.main()
    said = capsys.readouterr().out
    assert ended.value.code == 1
    assert re.search(rf"libc\.so\.6: {name} .* calls.tab neither covers nor excepts it", said), said


def test_without_objdump_the_list_of_names_is_left(monkeypatch):
    monkeypatch.setattr(libc.shutil, "which", lambda name: None)
    found = libc.touching(GLIBC)
    assert "fopen" in found and "dup2" in found and "_mcleanup" not in found


def test_the_binary_tells_more_than_the_list(touching):
    """What accept4 loads is told by its own code; what posix_spawn loads by a private helper's."""
    found = touching
    if "makes the system call" not in found["accept"]:
        pytest.skip("the instructions of this machine are not known to trace/libc.py")
    assert found["accept4"] == "makes the system call accept4"
    assert "clone3" in found["posix_spawn"] and "close" in found["getifaddrs"]
    assert "malloc" not in found and "pthread_mutex_lock" not in found


def test_an_exception_has_a_reason():
    for name, reason in calls.read_table().excepted.items():
        assert len(reason) > 10 or reason == "GLIBC_PRIVATE" or reason.startswith("as "), name


def test_a_spelling_that_no_libc_has_is_a_typing_error():
    """A wrapper of a name that nothing exports catches nothing."""
    exported = {function.name for library in libc.at_hand() for function in libc.exported(library)}
    newer = {"pidfd_spawn", "pidfd_spawnp"}  # glibc 2.39
    table = calls.read_table()
    for symbol in [spelling.symbol for spelling in table.spellings] + table.by_hand:
        assert symbol in exported or symbol in newer or not any(p.name == "libc.so.6" for p in libc.at_hand()), symbol
