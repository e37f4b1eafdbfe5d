"""trace/libc.py: which functions of a libc can touch descriptors. `calls.py --check` holds the table against the answer.

Two sources. The binary: every exported function whose own code, or that of libc's private helpers behind it, loads the number
of a system call that makes, copies, receives, ends or waits on descriptors, or moves bytes through them. And a list of names
(REACHING), for functions that get there through other exported ones (fopen, popen ...), which no disassembly can tell apart
from malloc: that too may write, when it finds its heap damaged. Where objdump is missing, or on a machine whose instructions
are not known here, the list does it alone.
"""

from __future__ import annotations

import bisect
import re
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Iterator, NamedTuple, Optional

# x86-64, asm/unistd_64.h. Not here: calls that only ask or set what a descriptor is (fstat, lseek, ftruncate, fsync, flock ...).
# The last line starts and ends what holds a table.
NUMBERS = {
    "open": 2, "creat": 85, "openat": 257, "openat2": 437, "open_by_handle_at": 304, "open_tree": 428, "fsopen": 430, "fsmount": 432,
    "fspick": 433, "mq_open": 240, "memfd_create": 319, "memfd_secret": 447, "pipe": 22, "pipe2": 293, "socket": 41, "socketpair": 53,
    "accept": 43, "accept4": 288, "dup": 32, "dup2": 33, "dup3": 292, "fcntl": 72, "ioctl": 16, "epoll_create": 213,
    "epoll_create1": 291, "eventfd": 284, "eventfd2": 290, "signalfd": 282, "signalfd4": 289, "timerfd_create": 283,
    "inotify_init": 253, "inotify_init1": 294, "fanotify_init": 300, "perf_event_open": 298, "userfaultfd": 323, "bpf": 321,
    "io_uring_setup": 425, "pidfd_open": 434, "pidfd_getfd": 438, "landlock_create_ruleset": 444,
    "close": 3, "close_range": 436, "shutdown": 48, "bind": 49, "listen": 50, "connect": 42, "setsockopt": 54, "getsockopt": 55,
    "select": 23, "pselect6": 270, "poll": 7, "ppoll": 271, "epoll_wait": 232, "epoll_pwait": 281, "epoll_pwait2": 441, "epoll_ctl": 233,
    "pause": 34, "nanosleep": 35, "clock_nanosleep": 230, "rt_sigtimedwait": 128, "rt_sigsuspend": 130,
    "read": 0, "readv": 19, "pread64": 17, "preadv": 295, "preadv2": 327, "recvfrom": 45, "recvmsg": 47, "recvmmsg": 299,
    "write": 1, "writev": 20, "pwrite64": 18, "pwritev": 296, "pwritev2": 328, "sendto": 44, "sendmsg": 46, "sendmmsg": 307,
    "sendfile": 40, "splice": 275, "tee": 276, "vmsplice": 278, "copy_file_range": 326, "mq_timedsend": 242, "mq_timedreceive": 243,
    "fork": 57, "vfork": 58, "clone": 56, "clone3": 435, "execve": 59, "execveat": 322, "exit_group": 231,
}  # fmt: skip

# Functions that reach those only through other exported functions. From the manual pages, headers and a test of each symbol.
REACHING = """
    __open __open64 __open_2 __open64_2 __openat_2 __openat64_2 open open64 openat openat64 creat creat64 __mq_open_2 shm_open
    posix_openpt getpt openpty forkpty login_tty mkstemp mkstemp64 mkostemp mkostemp64 mkstemps mkstemps64 mkostemps mkostemps64
    fopen fopen64 _IO_fopen freopen freopen64 fdopen _IO_fdopen tmpfile tmpfile64 popen _IO_popen _IO_proc_open opendir fdopendir
    setmntent __setmntent endmntent __endmntent fclose _IO_fclose fcloseall pclose closedir openlog syslog vsyslog closelog
    __syslog_chk __vsyslog_chk getaddrinfo rcmd rcmd_af rexec rexec_af rresvport rresvport_af
    close __close closefrom close_range mq_close shutdown execv execvp execvpe execl execlp execle fexecve exit quick_exit _exit _Exit
    fork __fork _Fork vfork __vfork clone __clone daemon posix_spawn posix_spawnp pidfd_spawn pidfd_spawnp system
    dup dup2 __dup2 dup3 fcntl fcntl64 __fcntl syscall
    pselect __poll_chk __ppoll_chk __fdelt_chk __fdelt_warn sigwait sigwaitinfo sigtimedwait sigsuspend __sigsuspend sigpause __sigpause
    __xpg_sigpause nanosleep __nanosleep clock_nanosleep sleep usleep thrd_sleep aio_suspend aio_suspend64 mq_receive mq_timedreceive
    mq_send mq_timedsend
    recv __recv_chk __recvfrom_chk __read_chk __pread_chk __pread64_chk send __send preadv preadv64 pwritev pwritev64
    preadv64v2 pwritev64v2 sendfile sendfile64 eventfd_read eventfd_write dprintf vdprintf __dprintf_chk __vdprintf_chk
    aio_read aio_read64 aio_write aio_write64 lio_listio lio_listio64 mq_notify backtrace_symbols_fd fts_open fts64_open
""".split()


class Function(NamedTuple):
    """An exported function. Several may start at one address: spellings of one another."""

    name: str
    start: int
    end: int
    private: bool  # GLIBC_PRIVATE: not for programs


class Instruction(NamedTuple):
    address: int
    name: str
    operands: str


# ---- which libc


def at_hand() -> list[Path]:
    """The C libraries of this machine: glibc's, and musl's where it is installed."""
    places = ["/lib*/libc.so.6", "/lib/*/libc.so.6", "/usr/lib*/libc.so.6", "/usr/lib/*-musl/libc.so", "/lib/ld-musl-*.so.1"]
    found = {path.resolve() for place in places for path in Path("/").glob(place.lstrip("/")) if is_for_this_machine(path)}
    return sorted(found)


def is_for_this_machine(path: Path) -> bool:
    ours = Path("/proc/self/exe").open("rb").read(20)
    theirs = path.open("rb").read(20)
    return ours[:5] == theirs[:5] and ours[18:20] == theirs[18:20]


# ---- what it exports: the dynamic symbols (elf(5)), read here so that no tool is needed


def exported(path: Path) -> list[Function]:
    elf = path.read_bytes()
    if elf[:5] != b"\x7fELF\x02":
        raise SystemExit(f"{path}: not a 64-bit ELF file")
    offset, size, count = struct.unpack_from("<Q", elf, 40)[0], *struct.unpack_from("<HH", elf, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", elf, offset + i * size) for i in range(count)]
    kinds = {section[1]: section for section in sections}
    symbols, private = kinds[11], private_versions(elf, sections)  # SHT_DYNSYM
    names, versions = sections[symbols[6]][4], kinds.get(0x6FFFFFFF)  # SHT_GNU_versym
    found = []
    for i in range(symbols[5] // 24):
        name, info, _, section, value, length = struct.unpack_from("<IBBHQQ", elf, symbols[4] + i * 24)
        if section == 0 or info & 15 not in (2, 10):  # STT_FUNC, STT_GNU_IFUNC
            continue
        text = elf[names + name : elf.index(b"\0", names + name)].decode()
        version = struct.unpack_from("<H", elf, versions[4] + 2 * i)[0] & 0x7FFF if versions else 0
        found.append(Function(text, value, value + length, version in private))
    return found


def private_versions(elf: bytes, sections: list[tuple]) -> set[int]:
    """The version numbers whose name is GLIBC_PRIVATE."""
    found = set()
    for section in sections:
        if section[1] != 0x6FFFFFFD:  # SHT_GNU_verdef
            continue
        names, at = sections[section[6]][4], section[4]
        while True:
            _, _, number, _, _, aux, following = struct.unpack_from("<HHHHIII", elf, at)
            name = names + struct.unpack_from("<I", elf, at + aux)[0]
            if elf[name : elf.index(b"\0", name)] == b"GLIBC_PRIVATE":
                found.add(number)
            if following == 0:
                break
            at += following
    return found


# ---- what they load


def instructions(path: Path) -> Iterator[Instruction]:
    done = subprocess.run(["objdump", "-d", "--no-show-raw-insn", str(path)], capture_output=True, text=True, check=True)
    # Only those that matter here: nine of ten do not, and there are hundreds of thousands.
    wanted = re.compile(r"^ +([0-9a-f]+):\t(syscall|call\S*|j\w+|ret\w*|\S+ +[^#\n]*%[er](?:ax|di)(?=[ \n]))(?: +([^#<\n]*))?", re.MULTILINE)
    for address, name, operands in wanted.findall(done.stdout):
        if " " in name:
            name, operands = name.split(None, 1)
        yield Instruction(int(address, 16), name, operands.strip())


def target(instruction: Instruction) -> Optional[int]:
    """Where a jump or call goes, when it says so itself."""
    if not instruction.name.startswith(("call", "j")) or not re.fullmatch(r"[0-9a-f]+", instruction.operands):
        return None
    return int(instruction.operands, 16)


class Code:
    """A libc cut into functions: what numbers each loads, and which others it calls. What no symbol names is a private helper: it
    begins where something calls it."""

    def __init__(self, functions: list[Function], code: list[Instruction]) -> None:
        self.public = {function.start for function in functions}
        self.ends = {f.start: max(g.end for g in functions if g.start == f.start) for f in functions}
        self.starts = sorted(self.public | set(self.ends.values()) | self.helpers(code))
        self.loads: dict[int, set[str]] = {}
        self.calls: dict[int, set[int]] = {}
        self.read(code)

    def helpers(self, code: list[Instruction]) -> set[int]:
        edges = sorted(self.public)

        def named(address: int) -> bool:
            i = bisect.bisect_right(edges, address) - 1
            return i >= 0 and address < self.ends[edges[i]]

        found = set()
        for instruction in code:
            to = target(instruction)
            if to is not None and not named(to) and (instruction.name.startswith("call") or named(instruction.address)):
                found.add(to)
        return found

    def function_at(self, address: int) -> int:
        return self.starts[max(bisect.bisect_right(self.starts, address) - 1, 0)]

    def read(self, code: list[Instruction]) -> None:
        """Follows %eax up to each `syscall`. musl's cancellation points give the number to a helper instead, in %edi: it is whom
        recvfrom calls with its own."""
        numbers = {number: name for name, number in NUMBERS.items()}
        known: dict[str, Optional[int]] = {"a": None, "di": None}
        by_helper: list[tuple[int, int, int]] = []  # function, helper, number
        for instruction in code:
            here = self.function_at(instruction.address)
            if instruction.name == "syscall":
                if known["a"] in numbers:
                    self.loads.setdefault(here, set()).add(numbers[known["a"]])
                known["a"] = None
                continue
            to = target(instruction)
            if to is not None and self.function_at(to) != here:
                self.calls.setdefault(here, set()).add(self.function_at(to))
                if known["di"] in numbers:
                    by_helper.append((here, to, known["di"]))
            if instruction.name.startswith(("call", "ret", "jmp")):
                known["a"] = known["di"] = None
            self.follow(instruction, known)
        self.read_helper(by_helper, numbers)

    @staticmethod
    def follow(instruction: Instruction, known: dict[str, Optional[int]]) -> None:
        match = re.search(r"%[er](a|di)x?$", instruction.operands)
        if not match or instruction.name.startswith(("cmp", "test", "push")):
            return
        constant = re.fullmatch(r"\$0x([0-9a-f]+),%\w+", instruction.operands)
        zero = re.fullmatch(r"(%\w+),\1", instruction.operands)
        known[match[1]] = None
        if instruction.name.startswith("mov") and constant:
            known[match[1]] = int(constant[1], 16)
        elif instruction.name == "xor" and zero:
            known[match[1]] = 0

    def read_helper(self, by_helper: list[tuple[int, int, int]], numbers: dict[int, str]) -> None:
        helpers = [helper for _, helper, number in by_helper if number == NUMBERS["recvfrom"]]
        for helper in set(helpers):
            here = [entry for entry in by_helper if entry[1] == helper]
            if len(here) > 20:  # the one for all; not a coincidence
                for function, _, number in here:
                    self.loads.setdefault(function, set()).add(numbers[number])

    def reaches(self, start: int) -> set[str]:
        """The calls that the function at `start` makes itself or through private helpers."""
        found, todo, seen = set(), [start], {start}
        while todo:
            here = todo.pop()
            found |= self.loads.get(here, set())
            todo += [to for to in self.calls.get(here, set()) if to not in seen and to not in self.public]
            seen.update(todo)
        return found


def touching(path: Path) -> dict[str, str]:
    """The functions of this libc that a program can call and that can touch descriptors, each with the reason."""
    functions = [function for function in exported(path) if not function.private]
    found = {function.name: "reaches one through another function" for function in functions if function.name in REACHING}
    if shutil.which("objdump") is None or Path(path).open("rb").read(20)[18] != 62:  # EM_X86_64
        return found
    code = Code(exported(path), list(instructions(path)))
    for function in functions:
        loads = code.reaches(function.start)
        if loads:
            found[function.name] = "makes the system call " + ", ".join(sorted(loads))
    return found
