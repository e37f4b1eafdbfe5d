"""harness/fdlab/compiler.py: makes a program of a submission, within limits: a compiler can be kept busy for ever too."""
from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import tempfile
from typing import NamedTuple, Optional, Sequence

from . import isolate

SECONDS = 30          # for one file; the largest here takes 0.3
MEMORY = 1 << 30
FILE_SIZE = 64 << 20
OUTPUT = 64 << 10     # of what the compiler says, so much is kept


class Compiled(NamedTuple):
    program: Optional[str]   # None: it does not compile
    said: str                # what the compiler said, as it said it


def harmless(raw: bytes) -> str:
    """What a compiler says repeats what a student wrote: no control characters, no marks that turn text around."""
    return "".join(char if char in "\n\t" or char.isprintable() else "\\x%02x" % ord(char)
                   for char in raw.decode("utf-8", "replace"))


def _limits() -> None:
    for number, value in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, FILE_SIZE), (resource.RLIMIT_CPU, SECONDS),
                          (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(number)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(number, (value, value))


def compile_c(command: Sequence[str], source: str, also: Sequence[str], target: str, tier: str) -> Compiled:
    """`command` is the compiler with its flags, `also` what is linked with it. Nothing is printed, nothing is left behind
    but the program. In the tier "bubblewrap" the compiler sees its own files and the source, and no others."""
    target = os.path.abspath(target)
    folder = os.path.dirname(target)
    os.makedirs(folder, exist_ok=True)
    # A name that begins with - is not an option, and one that begins with @ is no list of them.
    words = list(command) + ["-o", target, os.path.join(".", source) if source[:1] in ("-", "@") else source] + list(also)
    around = isolate.sandbox(tier, tools=True)
    if around is not None:
        own_files = [os.path.dirname(os.path.dirname(os.path.realpath(shutil.which(command[0]) or "/usr/bin/cc")))]
        include = [word[2:] for word in command if word.startswith("-I")]
        readable = [os.path.abspath(path) for path in [source, *also, *include, *(p for p in own_files if p != "/usr")]]
        words = around.words(readable, [folder], os.getcwd()) + words
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TMPDIR": folder}
    with tempfile.TemporaryFile() as said:
        running = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, env=environment,
                                   preexec_fn=_limits, start_new_session=True)
        try:
            done = running.wait(SECONDS + 10)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            done = running.wait()
            said.write(b"\nfdlab: the compiler was not finished after %d s\n" % SECONDS)
        size = said.seek(0, os.SEEK_END)
        said.seek(0)
        text = harmless(said.read(OUTPUT))
    if size > OUTPUT:
        text += "\n... and %d bytes more\n" % (size - OUTPUT)
    for sign, limit in (("File size limit", "a file that it writes may have %d MB at the most" % (FILE_SIZE >> 20)),
                        ("out of memory", "it may take %d MB of memory at the most" % (MEMORY >> 20)),
                        ("memory exhausted", "it may take %d MB of memory at the most" % (MEMORY >> 20)),
                        ("CPU time limit", "it may compute for %d s at the most" % SECONDS)):
        if done != 0 and sign in text:
            text += "fdlab: the compiler met a limit: %s\n" % limit
            break
    if done != 0 and not text.strip():
        text = "the compiler ended with status %d and said nothing\n" % done
    return Compiled(target if done == 0 and os.path.exists(target) else None, text)

