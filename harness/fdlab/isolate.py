"""harness/fdlab/isolate.py: what a graded program cannot reach. The best tier that works here is used, and named in the result.

    tier = isolate.best_tier()          # "bubblewrap", "unshare" or "free ports"
    isolate.enter(tier)                 # in a process made for this: from now on it has a network of its own
    launch(argv, sandbox=isolate.sandbox(tier))

bubblewrap  a network of its own with its own loopback, so that every run has the real ports; and the program sees its own
            processes only, the system's libraries and itself, and writes nowhere but into its capture and into memory
            that is its own, is limited, and is gone with it
unshare     a network, processes and ipc of its own: it reaches no process but its own, but every file that we may
free ports  nothing of its own: ports that happen to be free. The program may do what we may

The clients stand in the same network as the server, so it is the process with the clients that calls enter(); the server
inherits that network. Where bubblewrap is missing or may not make namespaces, that costs what its line above says.
"""
from __future__ import annotations

import contextlib
import ctypes
import fcntl
import functools
import os
import shutil
import socket
import struct
import subprocess
from typing import List, Optional, Sequence

from .launcher import Sandbox

TIERS = ("bubblewrap", "unshare", "free ports")

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_SIOCSIFFLAGS, _IFF_UP, _IFF_RUNNING = 0x8914, 0x1, 0x40
_libc = ctypes.CDLL(None, use_errno=True)

# What a program needs of the system to run, where it exists: libraries, names of services and hosts. No other programs: what
# is graded is the student's own one, not what it could become.
SYSTEM = ("/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32", "/usr/local/lib", "/lib", "/lib32", "/lib64", "/libx32",
          "/usr/share/zoneinfo", "/etc/ld.so.cache", "/etc/hosts", "/etc/services", "/etc/protocols", "/etc/nsswitch.conf",
          "/etc/localtime")
TOOLS = ("/usr", "/bin", "/sbin", "/etc/alternatives")   # what a compiler needs besides
ROOM = 64 << 20   # bytes that a program may write into each of its own folders: they are memory


class Refused(Exception):
    """This tier does not work here; the text says why."""


def enter(tier: str) -> None:
    """A new network for this process and what it starts; its loopback is up. The process must have one thread only."""
    if tier == "free ports":
        return
    uid, gid = os.getuid(), os.getgid()
    if _libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0:
        try:
            for name, text in (("setgroups", "deny"), ("uid_map", "%d %d 1" % (uid, uid)), ("gid_map", "%d %d 1" % (gid, gid))):
                with open("/proc/self/" + name, "w") as file:
                    file.write(text)
        except OSError as error:
            raise Refused("a user namespace of its own: %s" % error) from None
    elif _libc.unshare(_CLONE_NEWNET) != 0:  # root may, where user namespaces are off
        raise Refused("a network of its own: %s" % os.strerror(ctypes.get_errno()))
    renew(tier)


def renew(tier: str) -> None:
    """Another new network, for a process that has entered one, and for what this thread starts from now on."""
    if tier == "free ports":
        return
    # The kernel's table of connections has a place for every 64 KB of memory, and to read it is to walk over all of them.
    # A network made from here may have a small table of its own (Linux 6.1): to ask what is on its way takes 0.1 ms then,
    # not 4 to 10.
    _set("tcp_child_ehash_entries", "64")
    if _libc.unshare(_CLONE_NEWNET) != 0:
        raise Refused("a network of its own: %s" % os.strerror(ctypes.get_errno()))
    # A connection's buffer for what is to be sent grows as it pleases the kernel, up to 4 MB. Here it is small and stays so:
    # that a client does not read is felt at once, and at the same byte each time.
    _set("tcp_wmem", "4096 16384 16384")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP | _IFF_RUNNING))
    except OSError as error:
        raise Refused("its loopback: %s" % error) from None


def _set(name: str, value: str) -> None:
    """Sets a variable of the network that we are in (tcp(7)), where the kernel has it."""
    with contextlib.suppress(OSError):
        with open("/proc/sys/net/ipv4/" + name, "w") as file:
            file.write(value)


def sandbox(tier: str, tools: bool = False) -> Optional[Sandbox]:
    """What goes before the command of a server, or of a compiler (`tools`); None where there is nothing to put there."""
    return {"bubblewrap": Sandbox(functools.partial(_bubblewrap, tools), "/tmp/server"), "unshare": Sandbox(_unshare, "")}.get(tier)


def _bubblewrap(tools: bool, readable: Sequence[str], writable: Sequence[str], folder: str = "") -> List[str]:
    """It begins in `folder`, which is made where it is missing. What it writes into /tmp is memory, and gone with the sandbox."""
    words = [shutil.which("bwrap") or "bwrap", "--die-with-parent", "--unshare-user", *_no_more_users(), "--unshare-pid",
             "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--cap-drop", "ALL"]
    bound: List[str] = []
    for path in (TOOLS if tools else ()) + SYSTEM:
        if any(path.startswith(one + "/") for one in bound):
            continue
        if os.path.islink(path):
            words += ["--symlink", os.readlink(path), path]
        elif os.path.exists(path):
            words += ["--ro-bind", path, path]
            bound.append(path)
    words += ["--proc", "/proc", "--dev", "/dev"]
    for path in ("/dev/shm", "/tmp"):
        words += [*_room(), "--tmpfs", path]
    for path in readable:
        words += ["--ro-bind", path, path]
    for path in writable:
        words += ["--bind", path, path]
    if folder:
        words += ["--dir", folder, "--chdir", folder]
    return words + ["--remount-ro", "/dev", "--remount-ro", "/", "--"]


@functools.lru_cache(maxsize=None)
def _bubblewrap_knows(option: str) -> bool:
    said = subprocess.run([shutil.which("bwrap") or "bwrap", "--help"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return option.encode() in said.stdout


def _no_more_users() -> List[str]:
    """In a user namespace of its own making the program could mount as much memory as it likes (bubblewrap 0.8)."""
    return ["--disable-userns"] if _bubblewrap_knows("--disable-userns") else []


def _room() -> List[str]:
    return ["--size", str(ROOM)] if _bubblewrap_knows("--size BYTES") else []


def _unshare(readable: Sequence[str], writable: Sequence[str], folder: str = "") -> List[str]:
    words = [shutil.which("unshare") or "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--ipc", "--"]
    with open("/proc/self/uid_map") as file:
        ours = file.read().split()
    whole = ours[0] == ours[1] == "0" and ours[2] == "4294967295"
    if not (whole and os.geteuid() == 0):
        words[1:1] = ["--user", "--map-current-user"]
    return words


def works(tier: str) -> Optional[str]:
    """None when this tier works here, else why not. Tried in a process of its own."""
    around = sandbox(tier)
    true = os.path.realpath(shutil.which("true") or "/bin/true")
    try:
        words = around.words([true], []) + [true] if around is not None else []
    except OSError as error:  # no such program
        return str(error)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            enter(tier)
            if words:
                done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True)
                if done.returncode != 0:
                    raise Refused(done.stderr.strip() or "%s ended with status %d" % (words[0], done.returncode))
        except (Refused, OSError) as error:
            os.write(writing, str(error).encode()[:2000] or b"?")
        except BaseException as error:  # noqa: B902  (a forked child must never return into its parent's code)
            os.write(writing, repr(error).encode()[:2000])
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        why = pipe.read().decode("utf-8", "replace")
    os.waitpid(pid, 0)
    return why or None


def best_tier(wanted: str = "") -> str:
    """The best tier that works here; with `wanted` that one or none: Refused says why."""
    if wanted and wanted not in TIERS:
        raise Refused("\"%s\": a tier is one of %s" % (wanted, ", ".join(TIERS)))
    for tier in (wanted,) if wanted else TIERS:
        why = works(tier)
        if why is None:
            return tier
    raise Refused("the tier \"%s\" does not work here: %s" % (wanted, why))
