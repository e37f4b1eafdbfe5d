"""harness/fdlab/klass/roster.py: who has handed in what: a folder of folders, of C files, or what a learning platform gives out.

    for one in roster.read("handed-in.zip", "lab2"):
        print(one.id, one.student, one.problem or one.name)

Moodle's names (Ann Lee_12345_assignsubmission_file_/server.c, and the same flat) and Canvas's (leeann_LATE_123_456_server.c)
are understood, in a zip or unpacked. Names are hostile: nothing is ever made or run from one. Each submission has an id of
letters, digits and dashes; a zip is read, never unpacked, a student's own one too; a link is not followed. Nobody is lost:
whoever has handed in anything at all is in the list, with what is wrong.
"""
from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import stat
import zipfile
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

LARGEST = 4 << 20      # bytes of a C file; a long one has 40,000
MOST_FILES = 200_000   # of all submissions together
DEEPEST = 8            # folders below a student's own
CLUTTER = {"__macosx", "thumbs.db", "desktop.ini", ".ds_store"}

_MOODLE = re.compile(r"(?P<student>.+?)_(?P<number>\d+)_assignsubmission_(?P<kind>[a-z]+)_?(?P<file>.*)", re.DOTALL)
_CANVAS = re.compile(r"(?P<student>[^_]+)_(?P<late>LATE_)?(?P<number>\d+)_\d+_(?P<file>.+)", re.DOTALL)
_NO_ZIP = (zipfile.BadZipFile, OSError, ValueError, NotImplementedError)
_AGAIN = re.compile(r"-\d+(\.[^.]*)$")   # Canvas: server-1.c is what was handed in the second time


class RosterError(Exception):
    """SUBMISSIONS is nothing that can be read; the text says why."""


class Entry(NamedTuple):
    """A file, a folder or a link, in a folder or a zip. Bytes of a name that are no UTF-8 are surrogates."""
    path: Tuple[str, ...]
    kind: str                              # "file", "folder", "link", "other"
    read: Callable[[int], bytes]           # so many bytes of it at the most


class Submission(NamedTuple):
    id: str                    # "ann-lee-1f3a09bc": safe in a path, a makefile, a page, a shell
    student: str               # as it may be shown
    number: str                # what the platform calls them, "" without one
    late: bool
    where: str                 # as it may be shown
    name: str                  # the C file's own name where that is harmless, else submission.c; "" when there is none
    source: Optional[bytes]    # what is graded
    problem: str               # why nothing can be graded, "" when it can
    note: str                  # what else is worth saying


def shown(text: str) -> str:
    """A name for a person's eyes: no control characters, no marks that turn text around, no bytes that are no text."""
    return "".join(char if char.isprintable() else "\\x%02x" % (ord(char) - 0xdc00 if 0xdc80 <= ord(char) <= 0xdcff else ord(char))
                   for char in text)


# ---- what there is

def _read_file(path: str, limit: int) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError("it is no ordinary file")
        return file.read(limit)


def _folder(root: str, above: Tuple[str, ...] = ()) -> Iterator[Entry]:
    for one in sorted(os.scandir(os.path.join(root, *above)), key=lambda one: one.name):
        path, full = above + (one.name,), one.path
        if one.is_symlink():
            yield Entry(path, "link", lambda limit: b"")
        elif one.is_dir(follow_symlinks=False):
            yield Entry(path, "folder", lambda limit: b"")
            if len(path) <= DEEPEST and not _is_clutter(one.name, not above):
                yield from _folder(root, path)
        else:
            yield Entry(path, "file" if one.is_file(follow_symlinks=False) else "other",
                        lambda limit, full=full: _read_file(full, limit))  # type: ignore[misc]


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Python takes a name without the flag for code page 437; many who leave the flag out write UTF-8."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    try:
        with archive.open(info) as file:
            return file.read(limit)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, ValueError) as error:
        raise OSError("it cannot be taken out of the zip (%s)" % error) from None
    except Exception as error:  # zlib.error and kin
        raise OSError("it is damaged in the zip (%s)" % error) from None


def _members(archive: zipfile.ZipFile) -> List[Entry]:
    found = []
    for info in archive.infolist():
        name = _zip_name(info)
        words = tuple(word for word in name.replace("\\", "/").split("/") if word not in ("", ".", ".."))
        kind = "folder" if name.endswith("/") else "link" if stat.S_ISLNK(info.external_attr >> 16) else "file"
        if words:
            found.append(Entry(words, kind, lambda limit, info=info: _read_member(archive, info, limit)))  # type: ignore[misc]
    return sorted(found, key=lambda entry: entry.path)


def _zip(path: str) -> List[Entry]:
    try:
        found = _members(zipfile.ZipFile(path))
    except _NO_ZIP as error:
        raise RosterError("%s: it is neither a folder nor a zip that can be read (%s)" % (shown(path), error)) from None
    tops = {entry.path[0] for entry in found if not _is_clutter(entry.path[0], True)}
    inside = [Entry(entry.path[1:], entry.kind, entry.read) for entry in found
              if entry.path[0] in tops and len(entry.path) > 1]
    # Somebody has packed the folder, not what is in it.
    if len(tops) == 1 and not _MOODLE.fullmatch(min(tops)) and len({entry.path[0] for entry in inside}) > 1:
        return inside
    return found


def entries(path: str) -> List[Entry]:
    if not os.path.lexists(path):
        raise RosterError("SUBMISSIONS=%s: there is no such folder or zip" % shown(path))
    found: List[Entry] = []
    if not os.path.isdir(path):
        return _zip(path)
    for entry in _folder(path):
        found.append(entry)
        if len(found) > MOST_FILES:
            raise RosterError("SUBMISSIONS=%s: more than %d files lie there" % (shown(path), MOST_FILES))
    return found


# ---- whose is what

class _Owner:
    """What one student has handed in."""

    def __init__(self, key: str, student: str, where: str, number: str = "") -> None:
        self.key, self.student, self.where, self.number = key, student, where, number
        self.late = False
        self.files: List[Tuple[str, Entry]] = []


def _is_clutter(name: str, top: bool = False) -> bool:
    """What systems leave behind. At the top a name with a dot in front may be a student's."""
    return name.startswith("._") or name.lower() in CLUTTER or (not top and name.startswith("."))


def _stem(name: str) -> str:
    return name[:-2] if _is_c(name) else name[:-4] if _is_zip(name) else name


def _is_c(name: str) -> bool:
    return name.lower().endswith(".c")


def _is_zip(name: str) -> bool:
    return name.lower().endswith(".zip")


def _owners(found: List[Entry]) -> List[_Owner]:
    found = [entry for entry in found if not _is_clutter(entry.path[0], True) and not any(map(_is_clutter, entry.path[1:]))]
    tops = {entry.path[0]: entry.kind for entry in found if len(entry.path) == 1}
    tops = {name: kind for name, kind in tops.items() if not name.startswith(".")}
    canvas = bool(tops) and all(len(entry.path) == 1 or entry.path[0].startswith(".") for entry in found) and all(
        kind != "folder" and _CANVAS.fullmatch(name) for name, kind in tops.items())
    owners: Dict[str, _Owner] = {}
    for entry in found:
        top, rest = entry.path[0], "/".join(entry.path[1:])
        moodle, from_canvas = _MOODLE.fullmatch(top), _CANVAS.fullmatch(top) if canvas else None
        if moodle:
            name = "%s_%s" % (moodle["student"], moodle["number"])
            owner = owners.setdefault("moodle " + name, _Owner("moodle " + name, moodle["student"], name, moodle["number"]))
            rest = rest or moodle["file"]
        elif from_canvas:
            name = "%s_%s" % (from_canvas["student"], from_canvas["number"])
            owner = owners.setdefault("canvas " + name, _Owner("canvas " + name, from_canvas["student"], name,
                                                               from_canvas["number"]))
            owner.late = owner.late or from_canvas["late"] is not None
            rest = _AGAIN.sub(r"\1", from_canvas["file"])
        else:
            owner = owners.setdefault("plain " + top, _Owner("plain " + top, _stem(top), top))
            rest = rest or ("" if entry.kind == "folder" else top)
        if entry.kind != "folder":
            owner.files.append((rest, entry))
    return [owner for owner in owners.values() if not owner.where.startswith(".") or any(_is_c(name) for name, _ in owner.files)]


def _safe_id(owner: _Owner) -> str:
    """The same on every machine and in every run; what the name cannot give, the sum of its bytes does."""
    slug = re.sub(r"[^a-z0-9]+", "-", owner.student.lower()).strip("-")[:40].strip("-")
    return "%s-%s" % (slug or "student", hashlib.sha256(owner.key.encode("utf-8", "surrogateescape")).hexdigest()[:10])


def _listed(names: List[str]) -> str:
    return ", ".join(map(shown, names[:5])) + (" and %d more" % (len(names) - 5) if len(names) > 5 else "")


def _in_zips(owner: _Owner) -> Iterator[Tuple[str, Entry]]:
    """What lies in the zips that a student has handed in, as "work.zip/server.c". A zip in a zip is not opened."""
    for name, entry in owner.files:
        if _is_zip(name) and entry.kind == "file":
            with contextlib.suppress(*_NO_ZIP):  # it is then a file like others
                packed = entry.read(LARGEST + 1)
                members = _members(zipfile.ZipFile(io.BytesIO(packed))) if len(packed) <= LARGEST else []
                yield from (("/".join((name,) + one.path), one) for one in members
                            if one.kind != "folder" and not any(map(_is_clutter, one.path)))


def _chosen(owner: _Owner, lab: str) -> Tuple[Optional[Tuple[str, Entry]], str, str]:
    """The C file that is graded, or why there is none; and what is worth saying."""
    programs = [one for one in owner.files if _is_c(one[0])] or [one for one in _in_zips(owner) if _is_c(one[0])]
    if not programs:
        others = [name for name, _ in owner.files]
        return None, "no .c file was handed in" + (": there is %s" % _listed(others) if others else ", nothing at all was"), ""
    if len(programs) == 1:
        return programs[0], "", ""
    for wanted in ("server.c", lab + ".c"):
        named = [one for one in programs if one[0].rpartition("/")[2].lower() == wanted]
        if len(named) == 1:
            return named[0], "", "%d .c files were handed in; %s was graded" % (len(programs), shown(named[0][0]))
    return None, "%d .c files were handed in, and it is not clear which is the server: %s. Leave one, or call it server.c" % (
        len(programs), _listed([name for name, _ in programs])), ""


def _submission(owner: _Owner, lab: str) -> Submission:
    chosen, problem, note = _chosen(owner, lab)
    source, name = None, ""
    if chosen is not None:
        name = chosen[0].rpartition("/")[2]
        try:
            source = chosen[1].read(LARGEST + 1)
        except OSError as error:
            problem = "%s cannot be read: %s" % (shown(name), shown(error.strerror or str(error)))
        if chosen[1].kind in ("link", "other"):
            source, problem = None, "%s is %s: it is not read" % (
                shown(name), "a link" if chosen[1].kind == "link" else "no ordinary file")
        elif source is not None and len(source) > LARGEST:
            source, problem = None, "%s has more than %d MB" % (shown(name), LARGEST >> 20)
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,60}\.c", name):
            name = "submission.c"
    return Submission(_safe_id(owner), shown(owner.student), owner.number, owner.late, shown(owner.where), name, source,
                      problem, note)


def read(path: str, lab: str) -> Iterator[Submission]:
    """All submissions, by the students' names; each is read when its turn comes."""
    try:
        owners = sorted(_owners(entries(path)), key=lambda owner: (shown(owner.student).lower(), _safe_id(owner)))
    except OSError as error:
        raise RosterError("SUBMISSIONS=%s: %s" % (shown(path), error.strerror or error)) from None
    if not owners:
        raise RosterError("SUBMISSIONS=%s: nothing lies there. It is to be a folder with a folder or a C file for each student, "
                          "or what Moodle or Canvas give out, as a zip or unpacked" % shown(path))
    if len(set(map(_safe_id, owners))) != len(owners):
        raise RosterError("SUBMISSIONS=%s: two submissions have the same id" % shown(path))
    for owner in owners:
        yield _submission(owner, lab)
