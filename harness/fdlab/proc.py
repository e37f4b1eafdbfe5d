"""harness/fdlab/proc.py: what the kernel says about processes, their threads and their TCP connections, read from /proc.

Everything that opens a file under /proc is here, so that the rest of the harness deals in names, not in columns.
Try: PYTHONPATH=harness python3 -c 'from fdlab import proc; print(proc.threads(1))'
"""
from __future__ import annotations

import functools
import os
import platform
import socket
import sys
from dataclasses import dataclass, field
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

# The calls that a server can be blocked in, by number: the name a student writes, not the kernel's ("select" for
# pselect6, which is what glibc's select() really calls; musl's is the old select on x86-64).
_CALLS_X86_64 = {
    0: "read", 1: "write", 7: "poll", 19: "readv", 20: "writev", 23: "select", 34: "pause", 35: "nanosleep",
    40: "sendfile", 42: "connect", 43: "accept", 44: "send", 45: "recv", 46: "sendmsg", 47: "recvmsg", 61: "wait",
    73: "flock", 128: "sigwait", 130: "sigsuspend", 202: "futex", 219: "restart", 230: "nanosleep",
    232: "epoll_wait", 247: "wait", 270: "select", 271: "poll", 275: "splice", 281: "epoll_wait", 288: "accept",
    299: "recvmsg", 307: "sendmsg", 441: "epoll_wait",
}
_CALLS_GENERIC = {  # aarch64, riscv64: the kernel's generic table
    22: "epoll_wait", 32: "flock", 63: "read", 64: "write", 65: "readv", 66: "writev", 71: "sendfile", 72: "select",
    73: "poll", 76: "splice", 95: "wait", 98: "futex", 101: "nanosleep", 115: "nanosleep", 128: "restart",
    133: "sigsuspend", 137: "sigwait", 202: "accept", 203: "connect", 206: "send", 207: "recv", 211: "sendmsg",
    212: "recvmsg", 242: "accept", 243: "recvmsg", 260: "wait", 269: "sendmsg", 441: "epoll_wait",
}
CALLS: Dict[int, str] = {"x86_64": _CALLS_X86_64, "aarch64": _CALLS_GENERIC, "riscv64": _CALLS_GENERIC}.get(
    platform.machine(), {})

# Calls whose first argument is the descriptor that they are blocked on.
ON_A_DESCRIPTOR = {"read", "write", "readv", "writev", "connect", "accept", "send", "recv", "sendmsg", "recvmsg"}


_TICKS = os.sysconf("SC_CLK_TCK")


class Gone(Exception):
    """The process is not there any more (or is a zombie that nobody has collected)."""


def _read(path: str) -> str:
    """A file of the kernel's. Thousands are read for one grade: so no more is done than must be."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = more = os.read(fd, 1 << 16)
        while more:
            more = os.read(fd, 1 << 16)
            text += more
    finally:
        os.close(fd)
    return text.decode("latin-1")


# ---- processes and threads

@dataclass(frozen=True)
class Thread:
    """One look at one thread. Two looks that are equal, with a blocking call in them: the thread never ran between."""
    pid: int
    tid: int
    state: str                # R running or about to, S sleeping, D in the disk or the like, T stopped, Z ended
    number: Optional[int]     # of the system call it is blocked in; None: it is not blocked in one
    args: Tuple[int, ...]
    switches: int             # how often it has left the processor so far
    readable: bool = True     # False: the kernel does not let us see which call it is
    ran: float = field(default=0.0, compare=False)   # seconds of processors that it has used so far, to a hundredth

    @property
    def call(self) -> Optional[str]:
        if self.number is None:
            return None
        return CALLS.get(self.number, "system call %d" % self.number)

    @property
    def waits_for_the_tracer(self) -> bool:
        """Until there is room in the capture (trace/preload/core.c, wait_for_space): a FUTEX_WAIT between processes, with an
        end of its own. What threads of a program use to wait for each other is FUTEX_WAIT_BITSET, or has no end (futex(2))."""
        return self.call == "futex" and self.args[1:2] == (0,) and self.args[3] != 0

    @property
    def fd(self) -> Optional[int]:
        if self.call in ON_A_DESCRIPTOR and self.args:
            return self.args[0] & 0xFFFFFFFF
        return None


def state(pid: int) -> str:
    """The state letter of a process; Gone when it has ended."""
    try:
        return _read("/proc/%d/stat" % pid).rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        raise Gone("process %d has ended" % pid) from None


def look(pid: int, tid: int) -> Thread:
    """One thread, now. Gone when it has ended in between."""
    task = "/proc/%d/task/%d/" % (pid, tid)
    try:
        words = _read(task + "stat").rpartition(")")[2].split()
        letter, ran = words[0], (int(words[11]) + int(words[12])) / _TICKS   # utime and stime, proc_pid_stat(5)
        number: Optional[int] = None
        args: Tuple[int, ...] = ()
        readable = True
        try:
            words = _read(task + "syscall").split()
            # "running", or "-1 SP PC" (blocked, but not in a call), or "NUMBER ARG ARG ARG ARG ARG ARG SP PC".
            if words and words[0] not in ("running", "-1"):
                number, args = int(words[0]), tuple(int(word, 16) for word in words[1:7])
        except ProcessLookupError:
            raise
        except (OSError, ValueError):
            readable = False
        switches = 0
        for line in _read(task + "status").splitlines():
            if "ctxt_switches" in line:
                switches += int(line.split()[1])
    except (OSError, IndexError, ValueError):
        raise Gone("thread %d of process %d has ended" % (tid, pid)) from None
    return Thread(pid, tid, letter, number, args, switches, readable, ran)


def threads(pid: int) -> List[Thread]:
    """Every living thread of a process, its first thread first; Gone when there is none."""
    try:
        tids = sorted(int(name) for name in os.listdir("/proc/%d/task" % pid))
    except OSError:
        raise Gone("process %d has ended" % pid) from None
    found = []
    for tid in tids:
        try:
            thread = look(pid, tid)
        except Gone:
            continue
        if thread.state not in "ZX":
            found.append(thread)
    if not found:
        raise Gone("process %d has ended" % pid)
    return found


def children(pid: int) -> List[int]:
    """The children of every thread of a process. A process that is gone has none."""
    found: List[int] = []
    try:
        tids = os.listdir("/proc/%d/task" % pid)
        for tid in tids:
            found += [int(word) for word in _read("/proc/%d/task/%s/children" % (pid, tid)).split()]
        return found
    except FileNotFoundError:
        if not os.path.exists("/proc/%d" % pid):
            return []
    except OSError:
        pass
    # A kernel without the children file: ask every process for its parent.
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if int(_read("/proc/%s/stat" % name).rpartition(")")[2].split()[1]) == pid:
                    found.append(int(name))
            except (OSError, IndexError):
                pass
    return found


def descendants(pid: int) -> List[int]:
    """Children, their children, and so on; parents before children."""
    found = children(pid)
    for child in found:  # grows while it is walked
        found += [grandchild for grandchild in children(child) if grandchild not in found]
    return found


def program(pid: int) -> str:
    """The file that a process runs; "" when it is gone or not ours to see."""
    try:
        return os.readlink("/proc/%d/exe" % pid)
    except OSError:
        return ""


def descriptors(pid: int) -> Dict[int, str]:
    """Number to what it is ("socket:[123]", "/dev/null"): the table of open descriptors, as the kernel has it."""
    found = {}
    try:
        for name in os.listdir("/proc/%d/fd" % pid):
            try:
                found[int(name)] = os.readlink("/proc/%d/fd/%s" % (pid, name))
            except OSError:
                pass  # closed between the two calls
    except OSError:
        raise Gone("the descriptors of process %d cannot be seen" % pid) from None
    return dict(sorted(found.items()))


# ---- TCP, as in /proc/net/tcp

ESTABLISHED, SYN_SENT, SYN_RECV, FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSE, CLOSE_WAIT, LAST_ACK, LISTEN, CLOSING = range(1, 12)

Address = Tuple[str, int]


class Tcp(NamedTuple):
    local: Address
    peer: Address
    state: int
    unsent: int   # bytes written that the other side has not acknowledged
    unread: int   # bytes arrived that the program has not read; of a listener: connections not yet accepted
    inode: int


@functools.lru_cache(maxsize=8192)   # the same few stand in every look at the table
def _address(text: str) -> Address:
    """0100007F:C350 is 127.0.0.1:50000: 32-bit words in this machine's byte order, then the port."""
    host, port = text.split(":")
    raw = b"".join(int(host[i:i + 8], 16).to_bytes(4, sys.byteorder) for i in range(0, len(host), 8))
    if len(raw) == 16 and raw[:12] == b"\0" * 10 + b"\xff\xff":
        raw = raw[12:]  # an IPv4 client of an IPv6 socket
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw), int(port, 16)


@functools.lru_cache(maxsize=8192)
def _row(local: str, peer: str, state: str, queues: str, inode: str) -> Tcp:
    unsent, unread = queues.split(":")
    return Tcp(_address(local), _address(peer), int(state, 16), int(unsent, 16), int(unread, 16), int(inode))


def tcp(pid: Optional[int] = None, ports: Sequence[int] = ()) -> List[Tcp]:
    """All TCP sockets of the network that a process is in (ours, when no process is named). With `ports`, those with
    one of these on either side; and the table of IPv6 is left out when all of them have a listener in that of IPv4. Each
    table takes milliseconds, and on a busy machine thousands of old connections stand in it."""
    found: List[Tcp] = []
    wanted = {"%04X" % port for port in ports}
    for name in ("tcp", "tcp6"):
        if name == "tcp6" and ports and {row.local[1] for row in found if row.state == LISTEN}.issuperset(ports):
            continue
        try:
            lines = _read("/proc/%s/net/%s" % (pid or "self", name)).splitlines()[1:]
        except OSError:
            continue  # no IPv6 here, or the process is gone: its other calls will say so
        for line in lines:
            word = line.split(None, 10)
            if wanted and word[1][-4:] not in wanted and word[2][-4:] not in wanted:
                continue
            found.append(_row(word[1], word[2], word[3], word[4], word[9]))
    return found


def who_listens(port: int) -> str:
    """Who has a port, as "redis-server, process 812"; "" when that is not for us to know."""
    inodes = {row.inode for row in tcp() if row.state == LISTEN and row.local[1] == port}
    links = {"socket:[%d]" % inode for inode in inodes}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if links & set(descriptors(int(name)).values()):
                    return "%s, process %s" % (_read("/proc/%s/comm" % name).strip(), name)
            except (Gone, OSError):
                pass
    return ""
