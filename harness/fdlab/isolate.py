"""harness/fdlab/isolate.py: what a graded program cannot reach. The best tier that works here is used, and named in the result.

    tier = isolate.best_tier()          # "bubblewrap", "unshare" or "free ports"
    isolate.enter(tier)                 # in a process made for this: from now on it has a network of its own
    launch(argv, sandbox=isolate.sandbox(tier))

bubblewrap  a network of its own with its own loopback, so that every run has the real ports; and the program sees its own
            processes only, the system's libraries and what it is given to read, and writes nowhere but in its own folder
unshare     the network alone; else the program may do what we may
free ports  nothing of its own: ports that happen to be free

The clients stand in the same network as the server, so it is the process with the clients that calls enter(); the server
inherits that network. Where bubblewrap is missing or may not make namespaces, that costs what its line above says.
"""
from __future__ import annotations

import ctypes
import fcntl
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

# What a program needs of the system to run, where it exists: libraries, names of services, hosts and users.
SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/alternatives", "/etc/hosts",
          "/etc/services", "/etc/protocols", "/etc/nsswitch.conf", "/etc/localtime")


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
    # The kernel's table of connections has a place for every 64 KB of memory, and to read it is to walk over all of them.
    # A network made from here may have a small table of its own (Linux 6.1): to ask what is on its way takes 0.1 ms then,
    # not 4 to 10.
    if _set("tcp_child_ehash_entries", "64"):
        _libc.unshare(_CLONE_NEWNET)
    # A connection's buffer for what is to be sent grows as it pleases the kernel, up to 4 MB. Here it is small and stays so:
    # that a client does not read is felt at once, and at the same byte each time.
    _set("tcp_wmem", "4096 16384 16384")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP | _IFF_RUNNING))
    except OSError as error:
        raise Refused("its loopback: %s" % error) from None


def _set(name: str, value: str) -> bool:
    """Sets a variable of the network that we are in (tcp(7)); False where the kernel does not have it."""
    try:
        with open("/proc/sys/net/ipv4/" + name, "w") as file:
            file.write(value)
    except OSError:
        return False
    return True


def sandbox(tier: str) -> Optional[Sandbox]:
    """What goes before the command of a server; None where there is nothing to put there."""
    return _bubblewrap if tier == "bubblewrap" else None


def _bubblewrap(readable: Sequence[str], writable: Sequence[str]) -> List[str]:
    words = [shutil.which("bwrap") or "bwrap", "--die-with-parent", "--unshare-user", "--unshare-pid", "--unshare-ipc",
             "--unshare-uts", "--unshare-cgroup-try", "--cap-drop", "ALL"]
    for path in SYSTEM:
        if os.path.islink(path):
            words += ["--symlink", os.readlink(path), path]
        elif os.path.exists(path):
            words += ["--ro-bind", path, path]
    words += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    for path in readable:
        words += ["--ro-bind", path, path]
    for path in writable:
        words += ["--bind", path, path]
    return words + ["--"]


def works(tier: str) -> Optional[str]:
    """None when this tier works here, else why not. Tried in a process of its own."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            enter(tier)
            around = sandbox(tier)
            if around is not None:
                done = subprocess.run(around([], []) + ["true"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
                if done.returncode != 0:
                    raise Refused(done.stderr.strip() or "bwrap ended with status %d" % done.returncode)
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
