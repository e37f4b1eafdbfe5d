"""harness/tests/truth/strace.py: one run, told by two: what strace saw of each thread against what the capture says of it.

Both watch the same run (strace -ff fdtrace run PROGRAM). For every system call strace also writes the stack, so nobody has to
guess who made it:

  - libfdtrace.so itself: the instrument's own (it maps the capture, asks for addresses ...);
  - a function of libc below a wrapper of libfdtrace.so: the call that this wrapper stands for. These must be the events of the
    capture: as many, in this order, on the same descriptors, with the same results;
  - a function of libc that the program called past libfdtrace.so: right only when a rule (RULES) says why. When it is a
    function that calls.tab covers, the instrument has missed it.

What may differ is in the tables below and nowhere else.
"""
from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Set

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "trace"))

import calls  # noqa: E402  (trace/calls.py)
import libc  # noqa: E402  (trace/libc.py)

# ---- what may differ, 1: a call of libc has another name in the kernel (x86-64, glibc)
KERNEL_NAMES = {
    "select": "pselect6 select", "pselect": "pselect6", "poll": "poll ppoll", "ppoll": "ppoll", "open": "openat open", "creat": "openat creat open",
    "accept": "accept accept4", "pipe": "pipe pipe2", "dup2": "dup2 dup3", "eventfd": "eventfd2 eventfd", "signalfd": "signalfd4 signalfd",
    "epoll_create": "epoll_create epoll_create1", "epoll_wait": "epoll_wait epoll_pwait", "inotify_init": "inotify_init inotify_init1",
    "recv": "recvfrom", "send": "sendto", "pread": "pread64", "pwrite": "pwrite64", "preadv2": "preadv2 preadv", "pwritev2": "pwritev2 pwritev",
    "fork": "clone clone3 fork", "_Fork": "clone fork", "vfork": "vfork clone", "posix_openpt": "openat", "getpt": "openat", "mq_receive": "mq_timedreceive",
    "mq_send": "mq_timedsend", "_exit": "exit_group", "closefrom": "close_range", "fexecve": "execveat execve",
    "nanosleep": "clock_nanosleep nanosleep", "sigsuspend": "rt_sigsuspend", "pause": "pause ppoll", "mq_close": "close",
    "sendfile": "sendfile sendfile64", "execv": "execve", "execl": "execve", "execle": "execve", "fcntl": "fcntl fcntl64",
}  # fmt: skip

# ---- 2: a call of libc makes several system calls, or none, and its result is its own. What must be true all the same:
#      "makes": one of them returned the descriptor that the event returned; "ends": one of them closed the event's; "": nothing
INSIDE = {
    "fopen": "makes", "freopen": "makes", "tmpfile": "makes", "popen": "", "opendir": "makes", "fdopen": "", "fdopendir": "",
    "setmntent": "makes", "fclose": "ends", "pclose": "ends", "endmntent": "ends", "closedir": "ends", "openlog": "", "vsyslog": "",
    "syslog": "", "closelog": "", "getaddrinfo": "", "login_tty": "", "rcmd": "", "rcmd_af": "", "rexec": "", "rexec_af": "",
    "rresvport": "makes", "rresvport_af": "makes", "openpty": "", "forkpty": "", "mkstemp": "makes", "mkostemp": "makes",
    "mkstemps": "makes", "mkostemps": "makes", "shm_open": "makes", "daemon": "", "posix_spawn": "child", "posix_spawnp": "child",
    "system": "", "execvp": "", "execlp": "", "execvpe": "", "exit": "", "quick_exit": "", "sleep": "", "usleep": "", "thrd_sleep": "",
    "clock_nanosleep": "", "sigwait": "", "sigwaitinfo": "", "sigtimedwait": "", "sigpause": "", "aio_suspend": "",
    "dprintf": "", "vdprintf": "", "eventfd_read": "", "eventfd_write": "", "backtrace_symbols_fd": "", "__fdelt_chk": "",
}  # fmt: skip

# ---- 3: past libfdtrace.so: the function of libc that the program called (a whole-name pattern), and why that is right
RULES = [
    (r"ld\.so", "the dynamic linker loads libraries"),
    (r"__libc_start_main|__libc_init_first|_exit|exit|__run_exit_handlers|__cxa_finalize|_IO_cleanup|_Exit",
     "before main, and after it: streams are flushed, the process ends"),
    (r"_?(IO_)?(un)?get(c|char|s|w|line|delim|wc).*|_IO_.*|f?put(s|c|char|w).*|f(get|put|read|write|scan).*|fflush.*|v?f?printf|v?d?scanf|.*printf.*|"
     r".*scanf.*|setv?buf.*|f?seek.*|rewind|f?tell.*|perror|psignal|__underflow|__overflow|__uflow|__wunderflow|clearerr|ungetc|__getdelim|feof|fileno|herror",
     "stdio moves the bytes of its streams when its buffers say so"),
    (r"(get|set|end)(pw|gr|sp|sg|host|serv|proto|net|rpc|alias|netgr|ut|utx|tty|fs|user).*|initgroups|getgrouplist|getlogin.*|cuserid|getnameinfo|gethostid|"
     r"__nss.*|res_.*|__res.*|innetgr|ns_.*|dn_.*|getifaddrs|if_.*|freeaddrinfo|getaddrinfo_a|__check_pf",
     "libc's databases: files and sockets of its own, closed before it returns"),
    (r"setlocale|newlocale|__newlocale|bindtextdomain|textdomain|.*gettext.*|iconv.*|catopen|nl_langinfo.*|mb.*|wc.*|btowc|fw.*|__gconv.*|strerror.*|strsignal",
     "locales, messages and conversions: files of libc's own"),
    (r"tzset|(__)?(localtime|gmtime|ctime|strftime|strptime).*|mktime|timelocal", "the time zone's file"),
    (r"dl(open|close|sym|vsym|mopen|error|addr|iterate_phdr).*|_dl_.*", "the dynamic linker, asked by the program"),
    (r"pthread_.*|thrd_.*|__pthread.*|clone3?|__clone.*|_pthread.*|start_thread", "threads begin and end"),
    (r"(__)?sysconf|get_nprocs.*|get_phys_pages|get_avphys_pages|getloadavg|confstr|pathconf|fpathconf|ttyname.*|isatty|ptsname.*|grantpt|unlockpt|tc.*|cf.*|"
     r"realpath|getcwd|get_current_dir_name|canonicalize_file_name|glob.*|ftw.*|nftw.*|scandir.*|fts.*|wordexp|getentropy|getrandom|arc4random.*|"
     r"backtrace.*|abort|__assert.*|__fortify_fail|__stack_chk_fail|malloc.*|calloc|realloc|free|getpass|mkdtemp|mktemp|tempnam|tmpnam.*|lockf.*|"
     r"fchmodat|faccessat|sem_open|sem_unlink|shm_unlink|mq_notify|timer_create|aio_.*|lio_.*|login|logout|logwtmp|updwtmp.*|utmp.*|pututx?line|"
     r"memfd_.*|posix_fallocate.*|getpt|readdir.*|tmpfile.*",
     "a helper that opens and closes inside, an exception in calls.tab, or one that asks only"),
]  # fmt: skip


class Syscall(NamedTuple):
    """A line of strace."""

    name: str
    args: str
    ret: Optional[int]  # None: it never returned, or its result says nothing (exit_group)
    error: str  # "" or EAGAIN
    restarted: bool  # ? ERESTART...: broken off by a signal; the kernel makes it again, or the program gets EINTR
    frames: List["Frame"]
    line: str

    def numbers(self) -> List[Optional[int]]:
        """The leading arguments that are numbers."""
        found: List[Optional[int]] = []
        for word in self.args.split(", ")[:6]:
            found.append(int(word) if re.fullmatch(r"-?\d+", word) else None)
        return found


class Frame(NamedTuple):
    module: str
    symbol: str
    address: int


CALL_LINE = re.compile(r"(\w+)\((.*)\)\s+= (\?|0x[0-9a-f]+|-?\d+)(?: (\w+))?")
FRAME_LINE = re.compile(r" > (.+?)\((?:([^()+]*)\+0x[0-9a-f]+)?\) \[0x([0-9a-f]+)\]")


def read_log(path: Path) -> List[Syscall]:
    """strace's file of one thread."""
    found: List[Syscall] = []
    for line in path.read_text(errors="replace").splitlines():
        frame = FRAME_LINE.match(line)
        if frame and found:
            found[-1].frames.append(Frame(frame[1].rsplit("/", 1)[-1], frame[2] or "", int(frame[3], 16)))
            continue
        match = CALL_LINE.match(line)
        if not match or line.startswith(("---", "+++")):
            continue
        name, args, value, word = match.groups()
        ret = None if value == "?" else int(value, 0)
        error = word if ret == -1 and word else ""
        found.append(Syscall(name, args, ret, error, bool(value == "?" and word and word.startswith("ERESTART")), [], line[:160]))
    return found


# ---- who made it


class Libc:
    """Names for addresses in libc: strace's own say the nearest symbol before, which may be another function."""

    def __init__(self, path: Path) -> None:
        functions = libc.exported(path)
        code = libc.Code(functions, list(libc.instructions(path)))
        self.code = code
        self.names: Dict[int, List[str]] = {}
        for function in functions:
            self.names.setdefault(function.start, []).append(function.name)
        self.callers: Dict[int, Set[int]] = {}
        for start, called in code.calls.items():
            for to in called:
                self.callers.setdefault(to, set()).add(start)

    def at(self, address: int) -> List[str]:
        """The names of the function that this address lies in; of a private helper, those of whoever calls it."""
        start = self.code.function_at(address)
        todo, seen, found = [start], {start}, []
        while todo:
            here = todo.pop()
            if here in self.names:
                found += self.names[here]
                continue
            new = self.callers.get(here, set()) - seen
            seen |= new
            todo += list(new)
        return sorted(found)


OURS, LIBC, LINKER = "libfdtrace.so", re.compile(r"libc[.-].*|libpthread.*"), re.compile(r"ld-linux.*|ld-.*\.so.*")


class Origin(NamedTuple):
    kind: str  # "own", "covered", "linker", "raw", "past", "child"
    names: List[str]  # covered: the wrapper; past: the function of libc that was called, and its spellings


def origin(call: Syscall, names: Libc) -> Origin:
    frames = call.frames
    if not frames:
        return Origin("raw", [])
    if frames[0].module.startswith(OURS):
        return Origin("covered", ["vfork"]) if frames[0].symbol in ("vfork", "__vfork") else Origin("own", [])
    if any(frame.module.startswith(OURS) and frame.symbol in ("constructor", "join_once", "join") for frame in frames):
        return Origin("own", [])
    entry = None
    for frame in frames:
        if frame.module.startswith(OURS):
            return Origin("covered", [frame.symbol])
        if LINKER.fullmatch(frame.module):
            if entry is None:
                return Origin("linker", ["ld.so"])
            continue
        if not LIBC.fullmatch(frame.module):
            break
        entry = frame
    if entry is None:
        return Origin("raw", [frames[0].module])
    return Origin("past", names.at(entry.address) or [entry.symbol])


# ---- the comparison


class Difference(NamedTuple):
    tid: int
    what: str

    def __str__(self) -> str:
        return f"thread {self.tid}: {self.what}"


class Verdict:
    """What came of one run."""

    def __init__(self) -> None:
        self.matched = 0
        self.threads = 0
        self.differences: List[Difference] = []
        self.rules: Counter = Counter()  # (rule, function of libc, system call) -> how many

    def differ(self, tid: int, what: str) -> None:
        self.differences.append(Difference(tid, what))


SPELLING = {spelling.symbol: spelling.call.name for spelling in calls.read_table().spellings}
SPELLING.update({"__syscall_chk": "syscall", "__syslog_chk": "syslog", "__vfork": "vfork", "__dprintf_chk": "dprintf"})
TABLE = {call.name: call for call in calls.read_table().calls}


def covered(symbol: str) -> bool:
    return symbol in SPELLING or symbol in ("syscall", "syslog", "vfork", "execl", "execlp", "execle", "dprintf")


def rule_for(names: List[str]) -> Optional[str]:
    """Why a call past libfdtrace.so is right; None: it is not."""
    for pattern, why in RULES:
        if names and all(re.fullmatch(pattern, name) for name in names):
            return why
    return None


def fd_place(event: dict) -> int:
    """Which argument of the system call the event's descriptor is."""
    names = calls.names_of(TABLE[event["call"]].params)
    return names.index("fd") if "fd" in names else 0


def same(event: dict, call: Syscall) -> str:
    """"" when the event and the system call say the same, else what differs."""
    wanted = KERNEL_NAMES.get(event["call"], event["call"]).split()
    if call.name not in wanted:
        return f"{event['call']} in the capture, {call.name} in strace"
    numbers = call.numbers()
    if event["fd"] is not None and event["call"] not in ("closefrom", "fexecve"):
        place = fd_place(event)
        if place >= len(numbers) or numbers[place] != event["fd"]:
            return f"{event['call']} of descriptor {event['fd']} in the capture"
    if event.get("unfinished"):
        # exec never returns when it works; a call in which the program was killed does not either.
        return "" if call.ret is None or (call.name.startswith("execve") and call.ret == 0) else "never returned in the capture"
    if call.restarted:
        return "" if event["err"] == "EINTR" else "restarted"
    if call.ret is None:
        return "" if event["call"] == "_exit" else "never returned in strace"
    if event["err"] is not None or call.error:
        return "" if event["err"] == (call.error or None) else f"{event['err']} in the capture"
    return "" if event["ret"] == call.ret else f"returned {event['ret']} in the capture"


def last_of(event: dict, call: Syscall) -> bool:
    """Is this the system call that an outer call's event tells of? The next one belongs to the next outer call."""
    what = INSIDE[event["call"]]
    if what in ("makes", "child"):
        return call.ret == event["ret"]
    return what == "ends" and call.name == "close" and call.numbers()[0] == event["fd"]


def compare_thread(tid: int, events: List[dict], log: List[Syscall], names: Libc, verdict: Verdict) -> None:
    verdict.threads += 1
    queue: List[tuple] = []  # (system call, the call of libc that its wrapper stands for)
    started = False
    for call in log:
        where = origin(call, names)
        if call.ret is None and not call.frames:  # killed in it: there was no stack to be asked for
            queue.append((call, call.name))
            continue
        if call.name == "restart_syscall":  # what a signal without a handler broke off goes on
            for i in range(len(queue) - 1, -1, -1):
                if queue[i][0].restarted:
                    queue[i] = (queue[i][0]._replace(ret=call.ret, error=call.error, restarted=call.restarted), queue[i][1])
                    break
            continue
        if where.kind == "own":
            verdict.rules["the instrument's own", "libfdtrace.so", call.name] += 1
        elif where.kind == "covered":
            queue.append((call, call.name if where.names[0] == "syscall" else SPELLING.get(where.names[0], where.names[0])))
        elif call.name == "execve" and not started and where.kind in ("past", "raw"):
            verdict.rules["before the program: fdtrace, or posix_spawn's child, makes it", "execve", call.name] += 1
        elif not started and where.kind == "past" and call.name in CHILD_CALLS and not any(e["call"] != "start" for e in events[:1]):
            verdict.rules["before the program: fdtrace, or posix_spawn's child, makes it", "", call.name] += 1
        elif "CLONE_THREAD" in call.args:
            verdict.rules["threads begin and end", "pthread_create", call.name] += 1
        elif where.kind == "linker":
            verdict.rules["the dynamic linker loads libraries", "ld.so", call.name] += 1
        elif where.kind == "raw":
            verdict.rules["a system call without libc", ",".join(where.names), call.name] += 1
            verdict.differ(tid, f"made without libc: {call.line}")
        else:
            why = rule_for(where.names)
            if why is None:
                missed = [name for name in where.names if covered(name)]
                verdict.differ(tid, f"{'missed by the capture' if missed else 'no rule for ' + '/'.join(where.names)}: {call.line}")
            verdict.rules[why or "none", where.names[0], call.name] += 1
        started = started or (call.name == "execve" and call.ret == 0)
    align(tid, events, queue, verdict)


CHILD_CALLS = {"close", "close_range", "dup2", "dup3", "openat", "fcntl", "write", "rt_sigsuspend", "pselect6", "execve"}


def align(tid: int, events: List[dict], queue: List[tuple], verdict: Verdict) -> None:
    """Walks both sequences. A call that a signal broke off and the kernel made again stands twice in strace: the first time as
    restarted; events of the handler lie between."""
    at = 0
    waiting: List[dict] = []  # events whose system call was restarted
    outer: Set[str] = set()

    for event in events:
        if TABLE[event["call"]].family == "event":
            continue
        if event["call"] in INSIDE:
            found = False
            while at < len(queue) and queue[at][1] == event["call"] and not found:
                found = last_of(event, queue[at][0])
                at += 1
            failed = event.get("unfinished") or event["ret"] < 0 or (event["fd"] is None and INSIDE[event["call"]] == "ends")
            if INSIDE[event["call"]] and not failed and not found:
                verdict.differ(tid, f"event {event['seq']}: {event['call']}({event['fd']}) = {event['ret']}, and nothing of it in strace")
            if event.get("unfinished"):
                outer.add(event["call"])  # exit: what it still does comes after the events of the handlers that it calls
            verdict.matched += 1
            continue
        while at < len(queue):
            if waiting and not same(waiting[-1], queue[at][0]):
                waiting.pop()  # made again, and now it is whole
            elif queue[at][1] not in outer:
                break
            at += 1
        if at == len(queue):
            verdict.differ(tid, f"event {event['seq']}: {event['call']}({event['fd']}) = {event['ret']} is in the capture alone")
            continue
        wrong = same(event, queue[at][0])
        if wrong == "restarted":
            waiting.append(event)
            wrong = ""
        if wrong:
            verdict.differ(tid, f"event {event['seq']}: {wrong}: {queue[at][0].line}")
            return  # what follows is out of step
        at += 1
        verdict.matched += 1
    while at < len(queue) and waiting and not same(waiting[-1], queue[at][0]):
        waiting.pop()
        at += 1
    for call, name in queue[at:]:
        if name in outer or (call.ret is None and not call.frames):
            continue
        verdict.differ(tid, f"in strace alone: {call.line}")
    for event in waiting:
        verdict.differ(tid, f"event {event['seq']}: {event['call']} was restarted and never came back in strace")


def compare(events: List[dict], logs: Path, names: Libc) -> Verdict:
    """The events of a capture, and strace -ff's files `logs`.TID."""
    verdict = Verdict()
    threads: Dict[int, List[dict]] = {}
    for event in events:
        if event["call"] not in ("note", "ended", "queue"):
            threads.setdefault(event["tid"], []).append(event)
    for tid, of_thread in sorted(threads.items()):
        path = Path(f"{logs}.{tid}")
        if not path.exists():
            verdict.differ(tid, f"{len(of_thread)} events in the capture, and strace never saw the thread")
            continue
        compare_thread(tid, of_thread, read_log(path), names, verdict)
    return verdict
