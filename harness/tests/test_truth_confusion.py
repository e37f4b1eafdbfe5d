"""Programs that confuse: threads that give and take the same numbers, handlers that jump out of calls, children of every kind, tables
that are wiped. What the capture says must be what could have happened, and nothing may be missing at the end.

truth/confuse.c has one mode for each; the program itself checks its numbers, so it also behaves as untraced.
"""
from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Callable, Dict, List, Tuple

import pytest

from conftest import ROOT, need

DEADLINE = 60


@pytest.fixture(scope="module")
def confuse(compile_c) -> str:
    return compile_c("truth/confuse.c", "-pthread")


@pytest.fixture
def trace(fdtrace, confuse, tmp_path) -> Callable[..., List[dict]]:
    """trace("races"): the events of a run of that mode; what must be true of every run is checked here."""

    def run(*words: str, status: int = 0, program: str = confuse, environment: Dict[str, str] = {}) -> List[dict]:
        capture = tmp_path / "trace.fdt"
        command = [fdtrace, "run", "-o", str(capture), "--", *[f"env {k}={v}" for k, v in environment.items()], program, *words]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE)
        assert (done.returncode, done.stderr) == (status, "")
        read = subprocess.run([fdtrace, "json", "--no-where", str(capture)], capture_output=True, text=True, timeout=DEADLINE, check=True)
        assert read.stderr == ""
        events = [json.loads(line) for line in read.stdout.splitlines()]
        times_never_run_backwards(events)
        lives_could_have_happened(events)
        return events

    return run


# ---- what is true of every run


def times_never_run_backwards(events: List[dict]) -> None:
    last: Dict[int, float] = {}
    for event in events:
        assert event["t"] >= last.get(event["tid"], 0), event
        last[event["tid"]] = event["t"]


def lives_could_have_happened(events: List[dict]) -> None:
    """Each life begins once and ends at most once; of one number, the next begins when the last has ended."""
    born: Dict[Tuple[int, str], Tuple[int, float]] = {}
    ended: Dict[Tuple[int, str], float] = {}
    for event in events:
        for life in event["opened"]:
            key = event["pid"], life["life"]
            assert key not in born, (key, event)
            born[key] = life["fd"], event["t"] + (event["dur"] or 0)
    for event in events:
        for life in event["closed"]:
            key = event["pid"], life["life"]
            assert key in born and key not in ended, (key, event)
            ended[key] = born[key][1] + life["lived"]
    numbers: Dict[Tuple[int, int], List[Tuple[int, float, float]]] = {}
    for (pid, name), (fd, begin) in born.items():
        ordinal = int(name.split("#")[1]) if "#" in name else 1
        numbers.setdefault((pid, fd), []).append((ordinal, begin, ended.get((pid, name), float("inf"))))
    for key, lives in numbers.items():
        lives.sort()
        for (_, _, end), (_, begin, _) in zip(lives, lives[1:]):
            assert end <= begin + 2e-9, (key, lives)  # json's times are whole ns


def calls(events: List[dict], *names: str) -> List[dict]:
    return [event for event in events if event["call"] in names]


def children(events: List[dict]) -> List[int]:
    first = events[0]["pid"]
    return list(dict.fromkeys(event["pid"] for event in events if event["pid"] != first and event["call"] in ("forked", "start")))


def how_lives_ended(events: List[dict], pid: int) -> Counter:
    return Counter(life.get("how", "closed") for event in events if event["pid"] == pid for life in event["closed"])


def open_at_the_end(events: List[dict], pid: int) -> List[int]:
    born = {life["life"]: life["fd"] for event in events if event["pid"] == pid for life in event["opened"]}
    for event in events:
        for life in event["closed"] if event["pid"] == pid else []:
            born.pop(life["life"])
    return sorted(born.values())


# ---- threads


def test_threads_that_race_for_numbers(trace):
    """As many lives as calls that made one; every close ends one; nothing is found or lost by the lists of the table, made in the midst of it and at exit."""
    for _ in range(3):
        events = trace("races")
        pid = events[0]["pid"]
        made = [event for event in calls(events, "dup", "accept4", "socket", "fcntl") if event["ret"] >= 0]
        made += [event for event in calls(events, "dup2")]
        assert sum(len(event["opened"]) for event in made) == len(made)
        for event in calls(events, "close"):
            assert (event["ret"], len(event["closed"])) == (0, 1), event
        assert how_lives_ended(events, pid) == {"closed": len(calls(events, "close")), "replaced": len(calls(events, "dup2"))}
        assert open_at_the_end(events, pid) == [0, 1, 2]
        assert len(calls(events, "resync")) > 300
        assert not [event for event in calls(events, "resync") if event["opened"] or event["closed"]]


def test_a_handler_that_jumps_out_of_select(trace):
    events = trace("longjmp")
    selects = calls(events, "select")
    assert len(selects) == 3 and all(event.get("unfinished") and event["watch"]["r"] == ["3#2"] for event in selects)
    # What the handler did, and what came after it, is there, in order.
    names = [event["call"] for event in events if event["call"] in ("select", "write", "dup", "close")]
    assert names[-14:] == ["select", "write", "dup", "close"] * 3 + ["close", "close"]
    assert [life["life"] for event in calls(events, "dup") for life in event["opened"]] == ["5", "5#2", "5#3"]
    assert open_at_the_end(events, events[0]["pid"]) == [0, 1, 2]


def test_a_thread_that_is_cancelled_in_read(trace):
    events = trace("cancel")
    (read,) = [event for event in calls(events, "read") if event["fd"] == 3]
    assert read.get("unfinished") and read["life"] == "3#2"
    (close,) = [event for event in calls(events, "close") if event["tid"] == read["tid"]]
    assert [life["life"] for life in close["closed"]] == ["3#2"]
    assert open_at_the_end(events, events[0]["pid"]) == [0, 1, 2]


# ---- processes


def test_forks_that_run_no_handlers(trace):
    """_Fork and clone by its number: the child is a process of its own, from its first call on."""
    events = trace("fork")
    pid = events[0]["pid"]
    by_fork, by_clone = children(events)
    assert [(event["ret"], event["pid"]) for event in calls(events, "_Fork")] == [(by_fork, pid)]
    for child in (by_fork, by_clone):
        mine = [event for event in events if event["pid"] == child]
        assert mine[0]["call"] == "forked" and mine[0]["args"]["parent"] == pid
        assert {life["fd"] for life in mine[0]["opened"]} == {0, 1, 2, 3}
        assert [life["fd"] for event in calls(mine, "close") for life in event["closed"]] == [3]
    assert [event["fd"] for event in calls(events, "close") if event["pid"] == pid] == [3, 3]
    assert open_at_the_end(events, pid) == [0, 1, 2]


def test_vfork_and_exec(trace):
    """What the child does on its parent's memory is the child's: its dup2, and the end of what is close-on-exec."""
    events = trace("vfork")
    pid = events[0]["pid"]
    (child,) = children(events)
    assert [event["ret"] for event in calls(events, "vfork")] == [child]
    mine = [event for event in events if event["pid"] == child]
    assert [event["call"] for event in mine[:3]] == ["forked", "dup2", "execl"]
    (start,) = calls(mine, "start")
    assert [(life["fd"], life["how"]) for life in start["closed"]] == [(4, "exec")]
    assert [life["fd"] for event in calls(events, "dup") if event["pid"] == pid for life in event["opened"]] == [3]
    assert not [life for event in events if event["pid"] == pid for life in event["opened"] if life["fd"] == 9]


def test_what_libc_starts(trace):
    """posix_spawn, system, popen: the calls, their children, and no descriptor is left over."""
    events = trace("spawn")
    pid = events[0]["pid"]
    (spawn,) = calls(events, "posix_spawn")
    started = {event["pid"] for event in calls(events, "start")} - {pid}
    assert spawn["ret"] in started
    assert {life["fd"] for event in events if event["pid"] == spawn["ret"] and event["call"] in ("found", "start") for life in event["opened"]} == {0, 1, 2, 3, 7} - {3}
    assert len(started) == 3 and calls(events, "system")[0]["ret"] == 5 << 8
    (popen,) = [event for event in calls(events, "popen")]
    (pclose,) = calls(events, "pclose")
    assert popen["ret"] == 3 and [life["life"] for life in popen["opened"]] == [life["life"] for life in pclose["closed"]]
    assert open_at_the_end(events, pid) == [0, 1, 2, 3]  # 3: its last dup


def test_daemon(trace):
    """The caller goes on in the child; 0, 1 and 2 have become others."""
    events = trace("daemon")
    (child,) = children(events)
    assert [event["pid"] for event in calls(events, "dup")] == [child]
    assert open_at_the_end(events, child) == [0, 1, 2, 3]
    assert [event["pid"] for event in calls(events, "exit")] == [child]


def test_everything_is_closed(trace):
    events = trace("everything")
    pid = events[0]["pid"]
    by = {call: [sorted(life["fd"] for life in event["closed"]) for event in calls(events, call)] for call in ("close_range", "closefrom")}
    assert by == {"close_range": [[4, 5, 100], []], "closefrom": [[0, 1, 2, 3, 4]]}
    assert open_at_the_end(events, pid) == [0, 1]
    failed = [event for event in calls(events, "close") if event["ret"] < 0]
    assert len(failed) == 1022 and all(event["err"] == "EBADF" and event["life"] is None for event in failed)


def test_exec_with_a_cleared_environment(trace):
    """The new image does not load the library: the exec is the last that is seen, and the capture says so of it."""
    events = trace("environment")
    (exec_,) = calls(events, "execle")
    assert exec_.get("unfinished") and len(calls(events, "start")) == 1
    assert [event["call"] for event in events][-2:] == ["execle", "ended"]


def test_descriptors_in_messages(trace):
    """Which arrived in the child, and which they were on the sender's side."""
    events = trace("rights")
    pid = events[0]["pid"]
    (child,) = children(events)
    (sent,) = calls(events, "sendmsg")
    (got,) = calls(events, "recvmsg")
    assert sent["sent"] == ["5", "6"] and got["pid"] == child
    assert [(life["fd"], life["how"], life["of"], life["of_pid"], life["kind"]) for life in got["opened"]] == [
        (3, "received", "5", pid, "file"), (5, "received", "6", pid, "epoll")]  # fmt: skip


# ---- before main


def test_calls_before_main(trace):
    """.preinit_array runs before any constructor: the descriptor that it opened is known, and so is its end."""
    events = trace("early")
    pid = events[0]["pid"]
    assert events[0]["call"] == "start"
    assert [event["fd"] for event in calls(events, "close")] == [3]
    assert how_lives_ended(events, pid) == {"closed": 1} and open_at_the_end(events, pid) == [0, 1, 2]


def test_a_library_that_calls_before_our_constructor(fdtrace, tmp_path):
    """Linked with the program, so that its constructor may come first; what it opens and keeps is known."""
    need("cc", "gcc")
    library, program = tmp_path / "libearly.so", tmp_path / "program"
    source = tmp_path / "main.c"
    source.write_text("#include <unistd.h>\nint main(void) { return close(3) != 0; }\n")
    subprocess.run(["cc", "-shared", "-fPIC", str(ROOT / "harness/tests/truth/early.c"), "-o", str(library)], check=True)
    subprocess.run(["cc", str(source), "-Wl,--no-as-needed", str(library), f"-Wl,-rpath,{tmp_path}", "-o", str(program)], check=True)
    capture = tmp_path / "trace.fdt"
    assert subprocess.run([fdtrace, "run", "-o", str(capture), str(program)], timeout=DEADLINE).returncode == 0
    lines = subprocess.run([fdtrace, "json", str(capture)], capture_output=True, text=True, timeout=DEADLINE, check=True).stdout.splitlines()
    events = [json.loads(line) for line in lines]
    lives_could_have_happened(events)
    assert [event["args"]["path"] for event in calls(events, "open")] == ["/dev/zero", "/dev/full"]
    assert [life["life"] for event in calls(events, "close") for life in event["closed"]] == ["3", "3#2"]
    assert open_at_the_end(events, events[0]["pid"]) == [0, 1, 2]


# ---- objects that are loaded while it runs

LOADS = r"""
#include <dlfcn.h>
#include <stddef.h>
int main(void) {
	for (int i = 0; i < 2; i++) {
		void *object = dlopen(i == 0 ? "libone.so" : "libtwo.so", RTLD_NOW);
		void (*act)(void) = object != NULL ? (void (*)(void))dlsym(object, "act") : NULL;
		if (act == NULL)
			return 1;
		act();
	}
	return 0;
}
"""
LOADED = r"""
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
__attribute__((constructor)) static void begins(void) { close(dup(1)); }
void act(void);
void act(void) {
	close(open("/dev/null", O_RDONLY)); /* line 7 */
	if (LAST)
		kill(getpid(), SIGKILL);
}
"""


@pytest.mark.parametrize("cc", ["cc", "musl-gcc"])
def test_objects_that_dlopen_loads(fdtrace, tmp_path, cc):
    """dlopen finds them by its caller's RUNPATH, as untraced; their lines are known before the program's end, which is a SIGKILL; each object
    is written once."""
    need(cc, "musl-tools" if cc == "musl-gcc" else "gcc")
    (tmp_path / "loaded.c").write_text(LOADED.lstrip())
    (tmp_path / "loads.c").write_text(LOADS)
    for name, last in (("one", 0), ("two", 1)):
        subprocess.run([cc, "-g", "-shared", "-fPIC", f"-DLAST={last}", str(tmp_path / "loaded.c"), "-o", str(tmp_path / f"lib{name}.so")], check=True)
    program, capture = str(tmp_path / "loads"), str(tmp_path / "trace.fdt")
    subprocess.run([cc, "-g", str(tmp_path / "loads.c"), f"-Wl,-rpath,{tmp_path}", "-ldl", "-o", program], check=True)
    assert subprocess.run([program], cwd="/", timeout=DEADLINE).returncode == -9
    assert subprocess.run([fdtrace, "run", "-o", capture, "./loads"], cwd=tmp_path, timeout=DEADLINE).returncode == 128 + 9
    lines = subprocess.run([fdtrace, "json", capture], capture_output=True, text=True, timeout=DEADLINE, check=True).stdout.splitlines()
    events = [json.loads(line) for line in lines]
    seen = [(event["call"], event["at"]) for event in events if event["call"] == "open"]
    assert seen == [("open", "loaded.c:7")] * 2
    first, second = (event["seq"] for event in calls(events, "open"))
    modules = {event["args"]["path"].rsplit("/")[-1]: event["seq"] for event in calls(events, "module")}
    assert len(modules) == len(calls(events, "module")) and "loads" in modules
    assert modules["libone.so"] < first < modules["libtwo.so"] < second
    assert len(calls(events, "dup")) == 2  # by constructors, while dlopen was at work
