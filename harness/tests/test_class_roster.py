"""harness/tests/test_class_roster.py: who has handed in what: folders, files, Moodle's and Canvas's names, zips, hostile names."""
from __future__ import annotations

import os
import re
import stat
import zipfile
from pathlib import Path
from typing import Dict, List

import pytest

from fdlab.klass import roster
from fdlab.klass.roster import Submission

PROGRAM = "int main(void) { return 0; }\n"


def folder(where: Path, files: Dict[str, str]) -> Path:
    for name, text in files.items():
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        (where / name).write_text(text)
    return where


def packed(where: Path, files: Dict[str, str]) -> Path:
    where.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(where, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return where


def read(path: Path) -> List[Submission]:
    return list(roster.read(str(path), "lab2"))


MOODLE_FOLDERS = {"Ann Lee_101_assignsubmission_file_/server.c": "a", "Ann Lee_101_assignsubmission_file_/notes.txt": "",
                  "Bob_B_102_assignsubmission_file/src/echo.c": "b", "Cho_103_assignsubmission_onlinetext_/onlinetext.html": "<p>"}
MOODLE_FLAT = {"Ann Lee_101_assignsubmission_file_server.c": "a", "Ann Lee_101_assignsubmission_file_notes.txt": "",
               "Bob_B_102_assignsubmission_file_echo.c": "b", "Cho_103_assignsubmission_onlinetext_onlinetext.html": "<p>"}
CANVAS = {"leeann_101_9001_server.c": "a", "leeann_101_9002_notes.txt": "", "bobb_LATE_102_9003_echo-1.c": "b", "cho_103_9004_text.html": ""}


@pytest.mark.parametrize("files, names", [(MOODLE_FOLDERS, ["Ann Lee", "Bob_B", "Cho"]), (MOODLE_FLAT, ["Ann Lee", "Bob_B", "Cho"]),
                                          (CANVAS, ["bobb", "cho", "leeann"])])
def test_what_a_platform_gives_out(tmp_path, files, names):
    unpacked = read(folder(tmp_path / "unpacked", {**files, "__MACOSX/._server.c": "", ".DS_Store": ""}))
    assert [one.student for one in unpacked] == names
    assert {one.number: (one.name, one.source) for one in unpacked} == {
        "101": ("server.c", b"a"), "102": ("echo.c", b"b"), "103": ("", None)}
    assert {one.number: one.problem for one in unpacked if one.problem} == {
        "103": "no .c file was handed in: there is %s" % ("text.html" if files is CANVAS else "onlinetext.html")}
    assert [one.number for one in unpacked if one.late] == (["102"] if files is CANVAS else [])
    assert read(packed(tmp_path / "all.zip", files)) == unpacked
    assert read(packed(tmp_path / "around.zip", {"export/" + name: text for name, text in files.items()})) == unpacked


def test_moodle_is_the_same_with_folders_and_flat(tmp_path):
    with_folders, flat = read(folder(tmp_path / "a", MOODLE_FOLDERS)), read(folder(tmp_path / "b", MOODLE_FLAT))
    assert [one.id for one in with_folders] == [one.id for one in flat]


def test_folders_and_files(tmp_path):
    where = folder(tmp_path / "in", {"ann/server.c": "a", "bob.c": "b", "cho/src/deep/Main.C": "c", "dan/server.c": "d", "dan/client.c": "x",
                                     "eve/lab2.c": "e", "eve/more.c": "x", "fay/.hidden.c": "x", "gus.c": "g"})
    (where / "hal").mkdir()
    found = {one.student: one for one in read(where)}
    assert {name: one.source for name, one in found.items()} == {
        "ann": b"a", "bob": b"b", "cho": b"c", "dan": b"d", "eve": b"e", "fay": None, "gus": b"g", "hal": None}
    assert found["dan"].note == "2 .c files were handed in; server.c was graded"
    assert found["cho"].name == "submission.c"    # a compiler takes .C for C++
    assert found["fay"].problem == found["hal"].problem == "no .c file was handed in, nothing at all was"


def test_two_servers_are_not_guessed_at(tmp_path):
    one = read(folder(tmp_path / "in", {"ann/old/server.c": "a", "ann/new/server.c": "b"}))[0]
    assert one.source is None and one.problem.startswith("2 .c files were handed in, and it is not clear which is the server: new/server.c")


def test_names_do_no_harm(tmp_path):
    names = ["'", '"', "a;rm -rf ~", "$(x)", "`x`", "a\nb", "-o x", "#", "%", "..x", "\x1b[2J", "\u202ex", "a" * 200, "=1", "ÅŁ 김",
             os.fsdecode(b"\xff\xfe"), "con", "x\\y"]
    where = folder(tmp_path / "in", {"%s/%s.c" % (name, name[:60].lstrip(".")): PROGRAM for name in names})
    found = read(where)
    assert len(found) == len(names)
    for one in found:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", one.id) and len(one.id) <= 60
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.c", one.name)
        assert one.student.isprintable() and one.where.isprintable()
        assert one.source == PROGRAM.encode()
    assert {one.id for one in read(where)} == {one.id for one in found}
    assert "\\xff\\xfe" in {one.student for one in found}


def test_links_pipes_and_giants_are_not_read(tmp_path):
    where = folder(tmp_path / "in", {"ann/server.c": "a", "fay/server.c": "x" * (roster.LARGEST + 1)})
    for name in ("bob", "cho", "dan"):
        (where / name).mkdir()
    (where / "bob" / "server.c").symlink_to(where / "ann" / "server.c")
    os.mkfifo(where / "cho" / "server.c")
    (where / "dan" / "src").symlink_to(where / "ann")
    (where / "eve").symlink_to("/")
    found = {one.student: one for one in read(where)}
    assert {name for name, one in found.items() if one.source} == {"ann"}
    assert found["bob"].problem == "server.c is a link: it is not read"
    assert found["cho"].problem == "server.c is no ordinary file: it is not read"
    assert found["dan"].problem == "no .c file was handed in: there is src"
    assert found["fay"].problem == "server.c has more than 4 MB"


def test_a_zip_is_never_unpacked(tmp_path):
    bomb = tmp_path / "in.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../ann/server.c", "a")
        archive.writestr("/etc/bob/server.c", "b")
        archive.writestr("big/server.c", b"\0" * (1 << 28))
        link = zipfile.ZipInfo("cho/server.c")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("x\x1b[2J/server.c", "e")
    found = {one.student: one for one in read(bomb)}
    assert found["ann"].source == b"a" and found["etc"].source == b"b" and found["x\\x1b[2J"].source == b"e"
    assert found["big"].problem == "server.c has more than 4 MB"
    assert found["cho"].problem == "server.c is a link: it is not read"
    assert [path.name for path in tmp_path.iterdir()] == ["in.zip"]


def test_a_student_s_own_zip_is_looked_into(tmp_path):
    where = folder(tmp_path / "in", {"dan/server.c": "d", "fay/notes.txt": ""})
    packed(where / "ann" / "work.zip", {"lab2/server.c": "a", "__MACOSX/lab2/._server.c": "x", "lab2/notes.txt": ""})
    packed(where / "bob.ZIP", {"echo.c": "b"})
    packed(where / "cho" / "work.zip", {"server.c": "x" * (roster.LARGEST + 1)})
    packed(where / "dan" / "old.zip", {"server.c": "x"})
    inner = packed(tmp_path / "inner.zip", {"server.c": "x"}).read_bytes().decode("latin-1")
    packed(where / "eve" / "work.zip", {"inner.zip": inner})
    (where / "fay" / "work.zip").write_bytes(b"PK\x03\x04 and no more")
    (where / "gus").mkdir()
    (where / "gus" / "work.zip").write_bytes(b"\0" * (roster.LARGEST + 1))
    found = {one.student: one for one in read(where)}
    assert {name: one.source for name, one in found.items()} == {
        "ann": b"a", "bob": b"b", "cho": None, "dan": b"d", "eve": None, "fay": None, "gus": None}
    assert (found["ann"].name, found["bob"].name) == ("server.c", "echo.c")
    assert found["cho"].problem == "server.c has more than 4 MB"
    assert found["eve"].problem == found["gus"].problem == "no .c file was handed in: there is work.zip"
    assert found["fay"].problem == "no .c file was handed in: there is notes.txt, work.zip"


def test_a_zip_that_is_damaged(tmp_path):
    good = packed(tmp_path / "good.zip", {"ann/server.c": PROGRAM * 100, "bob/server.c": PROGRAM}).read_bytes()
    (tmp_path / "bad.zip").write_bytes(good.replace(good[45:60], b"\xff" * 15, 1))
    found = {one.student: one for one in read(tmp_path / "bad.zip")}
    assert found["bob"].source == PROGRAM.encode()
    assert found["ann"].source is None and re.match("server.c cannot be read: it (is damaged|cannot be taken out)", found["ann"].problem)
    (tmp_path / "cut.zip").write_bytes(good[:-30])
    with pytest.raises(roster.RosterError, match="neither a folder nor a zip that can be read"):
        read(tmp_path / "cut.zip")


def test_names_of_a_zip_without_the_flag_for_utf_8(tmp_path):
    place = packed(tmp_path / "in.zip", {"KIM______/server.c": "a"})
    place.write_bytes(place.read_bytes().replace(b"KIM______", "김민수".encode()))
    assert [one.student for one in read(place)] == ["김민수"]


def test_a_password(tmp_path):
    place = packed(tmp_path / "in.zip", {"ann/server.c": "a", "bob/server.c": "b"})
    data = bytearray(place.read_bytes())
    data[6] |= 1                                         # the flag "encrypted", in both headers of ann's
    data[data.index(b"PK\x01\x02") + 8] |= 1
    place.write_bytes(bytes(data))
    found = {one.student: one for one in read(place)}
    assert found["ann"].problem.startswith("server.c cannot be read") and found["bob"].source == b"b"
