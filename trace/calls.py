#!/usr/bin/env python3
"""trace/calls.py: turns trace/calls.tab into C.

    python3 trace/calls.py build/gen        writes calls.h, calls.c (the reader's) and wrappers.c (libfdtrace.so's)
    python3 trace/calls.py --check [LIBC]   lists what this libc (all that are here) exports and the table does not have

calls.tab says what each column means. A wrapper is always the same seven lines: what differs is the shape, a pair of
functions in preload/shapes.h that keep what the call was given and what it gave back.
"""

from __future__ import annotations

import os
import re
import sys
import zlib
from pathlib import Path
from typing import NamedTuple, Optional

TABLE = Path(__file__).with_name("calls.tab")

# What a shape's two functions are given besides the frame and, for leave, the result.
SHAPES: dict[str, tuple[str, str]] = {
    "plain": ("", ""),
    "make": ("", ""),
    "socket": ("", ""),
    "signalfd": ("", ""),
    "pair": ("", "pair"),
    "accept": ("", "addr, addrlen"),
    "open": ("path", ""),
    "dup": ("", ""),
    "dup2": ("", ""),
    "fcntl": ("", ""),
    "bind": ("addr, addrlen", ""),
    "connect": ("addr, addrlen", ""),
    "setopt": ("value, size", ""),
    "getopt": ("", "value, sizep"),
    "close": ("", ""),
    "range": ("", ""),
    "closefrom": ("", ""),
    "select": ("nfds, r, w, x, timeout", "r, w, x, timeout"),
    "pselect": ("nfds, r, w, x, timeout", "r, w, x"),
    "poll": ("list, count, timeout", "list, count"),
    "ppoll": ("list, count, timeout", "list, count"),
    "epoll_wait": ("count, timeout", "list"),
    "epoll_pwait2": ("count, timeout", "list"),
    "epoll_ctl": ("event", ""),
    "in": ("&size", "buf"),
    "recvfrom": ("&size", "buf, addr, addrlen"),
    "recvmsg": ("msg", "msg"),
    "recvmmsg": ("msgs, count", "msgs"),
    "inv": ("iov, count", "iov, count"),
    "out": ("buf, &size", ""),
    "sendto": ("buf, &size, addr, addrlen", ""),
    "sendmsg": ("msg", ""),
    "sendmmsg": ("msgs, count", "msgs"),
    "outv": ("iov, count", ""),
    "move": ("", ""),
    "printed": ("", ""),
    "fork": ("", ""),
    "vfork": ("", ""),
    "exec": ("path", ""),
    "fexec": ("", ""),
    "exit": ("", ""),
    "event": ("", ""),
    "openpty": ("", "first, second"),
    "forkpty": ("", "first"),
    "fopen": ("path", ""),
    "freopen": ("path, stream", ""),
    "adopt": ("", ""),
    "stream": ("", ""),
    "opendir": ("path", ""),
    "fclose": ("stream", ""),
    "closedir": ("stream", ""),
    "inside": ("", ""),
    "lookup": ("path", ""),
    "ioctl": ("", ""),
    "sleep": ("time", ""),
    "fdelt": ("number", ""),
    "spawn": ("path", "pid"),
    "pidspawn": ("path", "pidfd"),
    "command": ("path", ""),
    "daemon": ("", ""),
    "raw": ("", ""),
}


class Call(NamedTuple):
    """A line of the table: a call with all its columns."""

    name: str
    result: str
    params: str
    shape: str
    family: str
    kept: list[tuple[str, str]]  # (argument, how it is printed)


class Spelling(NamedTuple):
    """A symbol to interpose: the call it counts as, and its own parameters."""

    symbol: str
    call: Call
    params: str


class Table(NamedTuple):
    calls: list[Call]  # in the order of their ids, which start at 1
    spellings: list[Spelling]
    by_hand: list[str]
    excepted: dict[str, str]  # symbol -> reason


def read_table(path: Optional[Path] = None) -> Table:
    """Reads calls.tab. Raises SystemExit with one line that names the line at fault."""
    calls: dict[str, Call] = {}
    spellings: list[Spelling] = []
    by_hand: list[str] = []
    excepted: dict[str, str] = {}
    path = path or TABLE
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.split("#")[0].strip() if line.lstrip().startswith("#") else line.strip()
        if not line:
            continue
        where = f"{path.name}:{number}"
        alias = re.fullmatch(r"(\w+)\s*=\s*(\w+)\s*(?:\((.*)\))?", line)
        if alias:
            symbol, name, params = alias.groups()
            if name not in calls:
                sys.exit(f"{where}: '{symbol}' is another spelling of '{name}', which no line above defines")
            spellings.append(Spelling(symbol, calls[name], params or calls[name].params))
            continue
        other = re.fullmatch(r"(\w+)\s*@\s*(\w+)", line)
        if other:
            by_hand.append(other[1])
            continue
        reason = re.fullmatch(r"([\w ]+?)\s*!\s*(.+)", line)
        if reason:
            excepted.update({name: reason[2] for name in reason[1].split()})
            continue
        columns = [column.strip() for column in line.split("|")]
        if len(columns) == 2 and columns[1] == "event":
            calls[columns[0]] = Call(columns[0], "", "", "event", "event", [])
            continue
        if len(columns) in (4, 5) and columns[1] == "hand":
            calls[columns[0]] = Call(columns[0], "", "", columns[3], columns[2], kept_arguments("".join(columns[4:])))
            by_hand.append(columns[0])
            continue
        if len(columns) != 6:
            sys.exit(f"{where}: {len(columns)} columns where 6 are needed: call | result | parameters | shape | family | kept")
        name, result, params, shape, family, kept = columns
        if shape not in SHAPES:
            sys.exit(f"{where}: no shape '{shape}'; preload/shapes.h and SHAPES in calls.py define them")
        calls[name] = Call(name, result, params, shape, family, kept_arguments(kept))
        spellings.append(Spelling(name, calls[name], params))
    return Table(list(calls.values()), spellings, by_hand, excepted)


def kept_arguments(column: str) -> list[tuple[str, str]]:
    """'size flags:msg' -> [('size', 'int'), ('flags', 'msg')]."""
    return [(word.split(":")[0], (word.split(":") + ["int"])[1]) for word in column.split()]


def names_of(params: str) -> list[str]:
    """The parameter names of a C parameter list: 'int fd, char *const argv[]' -> ['fd', 'argv']."""
    if params == "void":
        return []
    return [re.sub(r"\[\]$", "", part.strip()).replace("*", " ").split()[-1] for part in params.split(",")]


def digest(table: Table) -> int:
    """Whose call ids a capture's are: it changes with the calls and what is kept of them, and not with a comment or an exception."""
    return zlib.crc32("\n".join(f"{call.name} {call.shape} {call.kept}" for call in table.calls).encode())


def header(table: Table) -> str:
    """calls.h: an id for each call, shape and family."""
    shapes = list(SHAPES)
    families = sorted({call.family for call in table.calls})
    text = ["/* Made by trace/calls.py from trace/calls.tab. */", "#ifndef FDT_CALLS_H", "#define FDT_CALLS_H", "", "enum {"]
    text += [f"\tFDT_CALL_{call.name} = {n}," for n, call in enumerate(table.calls, 1)]
    text += [f"\tFDT_CALLS = {len(table.calls) + 1}", "};", "", "enum fdt_shape {"]
    text += [f"\tSHAPE_{shape}," for shape in shapes]
    text += ["\tSHAPES", "};", "", "enum fdt_family {"]
    text += [f"\tFAMILY_{family}," for family in families]
    text += ["};", "", f"#define FDT_CALLS_HASH 0x{digest(table):08x}u", "", "#endif", ""]
    return "\n".join(text)


def reader_table(table: Table) -> str:
    """calls.c: what the reader knows of each call."""
    text = ["/* Made by trace/calls.py from trace/calls.tab. */", '#include "reader/calls.h"', "", "const struct call_info call_infos[FDT_CALLS] = {"]
    for call in table.calls:
        kept = ", ".join(f'{{"{name}", "{how}"}}' for name, how in call.kept) or "{0, 0}"
        nofd = int("fd" not in names_of(call.params)) if call.params else 1
        text.append(f'\t[FDT_CALL_{call.name}] = {{"{call.name}", SHAPE_{call.shape}, FAMILY_{call.family}, {nofd}, {len(call.kept)}, {{{kept}}}}},')
    families = sorted({call.family for call in table.calls})
    text += ["};", "", "const char *const family_names[] = {"]
    text += [f'\t[FAMILY_{family}] = "{family}",' for family in families]
    text += ["\t0", "};", ""]
    return "\n".join(text)


def wrapper(spelling: Spelling) -> str:
    """The wrapper of one symbol."""
    symbol, call, params = spelling
    names = names_of(params)
    arguments = ", ".join(names)
    enter, leave = SHAPES[call.shape]
    fd = "fd" if "fd" in names else "-1"
    flags = "0" if "fd" in names else "FDT_EV_NO_FD"
    kept = [name for name, _ in call.kept if name in names]
    first = f"(uint64_t)(int64_t){kept[0]}" if kept else "0"
    rest = ", ".join(f"(int64_t){name}" for name in kept[1:]) or "0"
    result = "void" if call.result in ("noreturn", "void") else call.result
    kind = result if result != "void" else "int"
    real = f"(({result} (*)({params}))real(SYM_{symbol}))({arguments})"
    enter = f", {enter}" if enter else ""
    leave = f", {leave}" if leave else ""
    text = [
        f'EXPORT {result} w_{symbol}({params}) __asm__("{symbol}");',
        f"{result}",
        f"w_{symbol}({params})",
        "{",
        f"\tstruct frame f = {{.call = FDT_CALL_{call.name}, .fd = (int)({fd}), .flags = {flags}, .arg = {first},",
        f"\t\t.extra = {{{rest}}}, .nextra = {max(len(kept) - 1, 0)}, .where = RETURN_ADDRESS}};",
        f"\tenter_{call.shape}(&f{enter});",
    ]
    if call.result == "noreturn":
        text += [f"\t{real};", "\t__builtin_unreachable();", "}", ""]
    elif result == "void":
        text += ["\tif (!f.skip)", f"\t\t{real};", f"\tleave_{call.shape}(&f, 0{leave});", "}", ""]
    elif result.endswith("*"):
        text += [f"\t{result}ret = f.skip ? NULL : {real};", f"\tleave_{call.shape}(&f, ret{leave});", "\treturn ret;", "}", ""]
    else:
        text += [
            f"\t{kind} ret = f.skip ? ({kind})f.ret : {real};",
            f"\tret = ({kind})leave_{call.shape}(&f, ret{leave});",
            "\treturn ret;",
            "}",
            "",
        ]
    return "\n".join(text)


def wrappers(table: Table) -> str:
    """wrappers.c: the wrapper of every symbol, and the list of their names for dlsym."""
    symbols = [spelling.symbol for spelling in table.spellings] + table.by_hand
    text = ["/* Made by trace/calls.py from trace/calls.tab. */", '#include "preload/shapes.h"', "", "const char *const symbol_names[SYMBOLS] = {"]
    text += [f'\t[SYM_{symbol}] = "{symbol}",' for symbol in symbols]
    text += ["};", ""]
    text += [wrapper(spelling) for spelling in table.spellings]
    return "\n".join(text)


def symbols(table: Table) -> str:
    """symbols.h: an index for each symbol that is interposed."""
    names = [spelling.symbol for spelling in table.spellings] + table.by_hand
    return "\n".join(["/* Made by trace/calls.py from trace/calls.tab. */", "enum {"] + [f"\tSYM_{name}," for name in names] + ["\tSYMBOLS", "};", ""])


def write_if_changed(path: Path, text: str) -> None:
    """Leaves the file alone when it says the same already, so that make does not rebuild what uses it."""
    if not path.exists() or path.read_text() != text:
        scratch = path.with_suffix(f".{os.getpid()}")
        scratch.write_text(text)
        scratch.replace(path)


def check(libraries: list[Path]) -> int:
    """Prints each symbol that can touch descriptors and is neither covered nor excepted. Returns how many there are."""
    import libc

    table, missing = read_table(), 0
    known = {spelling.symbol for spelling in table.spellings} | set(table.by_hand) | set(table.excepted)
    if not libraries:
        sys.exit("calls.py: no libc was found; name one: calls.py --check LIBC")
    for library in libraries:
        found = libc.touching(library)
        for name in sorted(set(found) - known):
            print(f"{library}: {name} {found[name]}, and calls.tab neither covers nor excepts it")
        missing += len(set(found) - known)
        print(f"{library}: {len(found)} functions can touch descriptors; {len(set(found) - known)} are missing in calls.tab")
    return missing


def main() -> None:
    if sys.argv[1:2] == ["--check"]:
        import libc

        sys.exit(1 if check([Path(name) for name in sys.argv[2:]] or libc.at_hand()) else 0)
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: calls.py DIRECTORY | calls.py --check [LIBC]...")
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    table = read_table()
    made = {"calls.h": header, "calls.c": reader_table, "symbols.h": symbols, "wrappers.c": wrappers}
    for name, make in made.items():
        write_if_changed(out / name, make(table))


if __name__ == "__main__":
    main()
