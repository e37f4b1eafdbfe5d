"""harness/bench.py: what the tracer costs. `make bench` runs it and keeps the table in trace/README.md.

    PYTHONPATH=harness python3 harness/bench.py --build build                  all, and the table on stdout
    PYTHONPATH=harness python3 harness/bench.py --build build loop start       these: loop, echo, tracers, memory, start, read, player
    ... --quick           a tenth of the work: to try it
    ... --write FILE      puts the table between the marks in FILE

Every figure compares variants that were run in turn, one round after another, in a new order each: the machine's moods meet all of
them. A ratio is made within a round; what is printed is the median of the rounds, and in brackets the quartiles.
"""
from __future__ import annotations

import argparse
import os
import platform
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Callable, Dict, List, Sequence, Tuple

from fdlab.launcher import free_ports

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ROOT / "harness" / "tests" / "programs"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
LIMIT = 300.0  # seconds for any one run

Row = Tuple[str, str, str]  # what, figure, what was wanted


class Bench:
    def __init__(self, build: Path, quick: bool) -> None:
        self.build = build.resolve()
        self.fdtrace = str(self.build / "fdtrace")
        self.library = str(self.build / "libfdtrace.so")
        self.quick = quick
        self.scratch = Path(tempfile.mkdtemp(prefix="fdlab-bench-", dir=self.build))
        self.capture = self.scratch / "trace.fdt"
        self.rows: List[Row] = []

    def count(self, full: int) -> int:
        return max(full // 10, 1) if self.quick else full

    @property
    def rounds(self) -> int:
        return 3 if self.quick else 9

    def program(self, name: str, *flags: str) -> str:
        path = self.scratch / name
        if not path.exists():
            subprocess.run(["cc", "-O2", "-g", *flags, str(PROGRAMS / f"{name}.c"), "-o", str(path)], check=True)
        return str(path)

    def row(self, what: str, figure: str, wanted: str = "") -> None:
        self.rows.append((what, figure, wanted))
        print(f"{what:58} {figure:34} {wanted}", file=sys.stderr, flush=True)

    def run(self, words: Sequence[str], **how) -> str:
        return subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=LIMIT, check=True, **how).stdout


def spread(values: Sequence[float], digits: int = 2, unit: str = "") -> str:
    """The median, and the quartiles: "31.2 ns (30.8 to 32.0)"."""
    ordered = sorted(values)
    low, high = ordered[len(ordered) // 4], ordered[-1 - len(ordered) // 4]
    return f"{median(ordered):.{digits}f}{unit} ({low:.{digits}f} to {high:.{digits}f})"


def in_turn(rounds: int, variants: Dict[str, Callable[[], float]]) -> Dict[str, List[float]]:
    """Each variant once a round, in a new order each round."""
    found: Dict[str, List[float]] = {name: [] for name in variants}
    chance = random.Random(1)
    for _ in range(rounds):
        order = list(variants)
        chance.shuffle(order)
        for name in order:
            found[name].append(variants[name]())
    return found


# ---- the tight loop


def loop(bench: Bench) -> None:
    tight, calls = bench.program("tight", "-pthread"), bench.count(2_000_000)
    cores = os.cpu_count() or 1
    for threads, most in ((1, 1.5), (4, 2.5)):
        each = calls // threads
        reserve = f"--reserve={calls * 64 // 1_000_000 * 2 + 16}"

        def plain(what: str) -> Callable[[], float]:
            return lambda: float(bench.run([tight, what, threads, each]))

        def forwarding(what: str) -> Callable[[], float]:
            return lambda: float(bench.run([tight, what, threads, each], env={**os.environ, "LD_PRELOAD": bench.library}))

        def recording(what: str) -> Callable[[], float]:
            return lambda: float(bench.run([bench.fdtrace, "run", reserve, "-o", bench.capture, "--", tight, what, threads, each]))

        variants = {"floor": plain("floor"), "floor-tsc": plain("floor-tsc")}
        for what in ("shutdown", "read"):
            variants.update({f"{what} plain": plain(what), f"{what} forwarding": forwarding(what), f"{what} recording": recording(what)})
        found = in_turn(bench.rounds, variants)
        note = f"{threads} thread{'s' * (threads > 1)}" + (f" on {cores} cores" if threads > 1 else "")
        bench.row(f"floor: clock_gettime, atomic add, 64-byte store; {note}", spread(found["floor"], 1, " ns"))
        bench.row(f"the same with the time stamp counter; {note}", spread(found["floor-tsc"], 1, " ns"))
        for what, call in (("shutdown", "shutdown(-1, 0)"), ("read", "read(-1)")):
            base, floor = found[f"{what} plain"], found["floor"]
            bench.row(f"{call}; {note}: untraced", spread(base, 1, " ns"))
            bench.row(f"{call}; {note}: added by forwarding", spread([a - b for a, b in zip(found[f"{what} forwarding"], base)], 1, " ns"))
            added = [a - b for a, b in zip(found[f"{what} recording"], base)]
            bench.row(f"{call}; {note}: added by recording", spread(added, 1, " ns"))
            bench.row(f"{call}; {note}: added / floor", spread([a / b for a, b in zip(added, floor)]), f"at most {most}")


# ---- the echo server


class Echo:
    """lab2's server and the client on one CPU. A tracer is a list of words before the server's own; it runs where it likes (`beside`: the
    kernel puts it on a free core where there is one), or on that CPU too."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.server = str(bench.build / "lab2" / "server")
        self.client = bench.program("pingpong")
        self.pin = ["taskset", "-c", "0"] if shutil.which("taskset") else []

    def trips(self, count: int, before: Sequence[str], beside: bool = False) -> float:
        """Seconds for so many trips."""
        port = free_ports(1).numbers[0]
        words = [*before, *self.pin, self.server, "60", str(port)] if beside else [*self.pin, *before, self.server, "60", str(port)]
        errors = open(self.bench.scratch / "errors", "w+b")
        server = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True, cwd=self.bench.scratch)
        try:
            limit = time.monotonic() + 20
            while not listening(port):
                if server.poll() is not None or time.monotonic() > limit:
                    raise RuntimeError(first_line(self.bench.scratch / "errors") or "the server did not come up under it")
                time.sleep(0.01)  # between two looks; there is a deadline
            return float(self.bench.run([*self.pin, self.client, port, count]))
        finally:
            for number in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(server.pid, number)
                    server.wait(5)
                    break
                except (subprocess.TimeoutExpired, ProcessLookupError):
                    continue
            errors.close()


def listening(port: int) -> bool:
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in lines)


def first_line(path: Path) -> str:
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return lines[0][:100] if lines else ""


def lines_of(words: Sequence[str]) -> int:
    """How many lines a command writes. They do not come through here: see peak_kb()."""
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as writer:
        count = int(subprocess.run(["wc", "-l"], stdin=writer.stdout, stdout=subprocess.PIPE, text=True, check=True).stdout)
    if writer.returncode not in (0, 1):  # 1: findings
        raise subprocess.CalledProcessError(writer.returncode, words)
    return count


def echo(bench: Bench) -> None:
    server, count = Echo(bench), bench.count(200_000)
    traced = [bench.fdtrace, "run", "-o", str(bench.capture), "--"]
    ready = [*traced[:2], f"--reserve={count * 384 // 1_000_000 + 16}", *traced[2:]]
    variants = {
        "plain": lambda: server.trips(count, []),
        "again": lambda: server.trips(count, []),
        "beside": lambda: server.trips(count, traced, True),
        "ready": lambda: server.trips(count, ready),
        "same": lambda: server.trips(count, traced),
    }
    found = in_turn(bench.rounds, variants)
    plain = found["plain"]
    bench.row(f"lab2, {count:,} round trips, server and client on one CPU: untraced", spread([seconds / count * 1e6 for seconds in plain], 2, " us a trip"))
    for name, what, wanted in (
        ("again", "untraced once more: what the machine itself varies by", ""),
        ("beside", "traced, the launcher on another core where there is one", "0.97 or better"),
        ("ready", "traced, all on that CPU, space made ready before (--reserve)", "0.97 or better"),
        ("same", "traced, all on that CPU, the kernel's making of space too", ""),
    ):
        bench.row(f"untraced / traced: {what}", spread([a / b for a, b in zip(plain, found[name])], 3), wanted)
    events = lines_of([bench.fdtrace, "json", "--no-where", str(bench.capture)])
    bench.row("bytes of capture an event (there, with sets and data)", f"{bench.capture.stat().st_size / events:.0f} bytes")


def tracers(bench: Bench) -> None:
    """Others on the same server. Fewer trips where each takes long; a ratio is against as many untraced ones in the same round."""
    server, out = Echo(bench), str(bench.scratch / "out")
    # bpftrace -c takes the program and its arguments as one word.
    wrapper = bench.scratch / "bpftrace.sh"
    wrapper.write_text(f"#!/bin/sh\nexec bpftrace -o {out} -e 'tracepoint:raw_syscalls:sys_enter {{ printf(\"%d\\n\", args->id); }}' -c \"$*\"\n")
    wrapper.chmod(0o755)
    calls = "pselect6,select,recvfrom,sendto,accept,close"
    others: List[Tuple[str, str, List[str], int]] = [
        ("fdtrace", "", [bench.fdtrace, "run", "-o", str(bench.capture), "--"], 20_000),
        ("strace -f", "strace", ["strace", "-f", "-o", out], 5_000),
        ("strace --seccomp-bpf, those calls only", "strace", ["strace", "-f", "--seccomp-bpf", "-e", "trace=" + calls, "-o", out], 5_000),
        ("ltrace -e, those calls only", "ltrace", ["ltrace", "-e", "select+recv+send+accept+close", "-o", out], 1_000),
        ("uftrace record --force", "uftrace", ["uftrace", "record", "--force", "-d", out + ".uftrace"], 20_000),
        ("perf trace", "perf", ["perf", "trace", "-o", out], 5_000),
        ("perf record -e raw_syscalls:*", "perf", ["perf", "record", "-q", "-e", "raw_syscalls:*", "-o", out], 20_000),
        ("bpftrace", "bpftrace", [str(wrapper)], 5_000),
    ]
    for name, tool, words, full in others:
        if tool and shutil.which(tool) is None:
            bench.row(f"lab2 under {name}", f"not run: {tool} is not installed")
            continue
        count = bench.count(full)
        try:
            found = in_turn(3, {"plain": lambda: server.trips(count, []), "traced": lambda: server.trips(count, words)})
        except (RuntimeError, subprocess.SubprocessError) as error:
            bench.row(f"lab2 under {name}", f"does not run here: {str(error)[:90]}")
            continue
        bench.row(f"lab2 under {name}, {count:,} trips: untraced / traced", spread([a / b for a, b in zip(found["plain"], found["traced"])], 3))
    bench.row("lab2 under LTTng-UST", "not run: it has no probes for these calls; they would have to be written")


# ---- memory, start, reading


def private_kb(pid: int) -> int:
    """Private memory of a process without the capture's pages: those are the file's."""
    total, counts = 0, True
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            counts = not line.endswith(".fdt")
        elif counts and line.startswith(("Private_Clean:", "Private_Dirty:")):
            total += int(line.split()[1])
    return total


def memory(bench: Bench) -> None:
    hold = bench.program("hold")

    def resting(before: List[str]) -> float:
        with subprocess.Popen([*before, hold, "100000"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout is not None and run.stdout.readline() == "waiting\n"
            pid = int(Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()[0]) if before else run.pid
            kb = private_kb(pid)
            os.kill(pid, signal.SIGTERM)
            run.wait(10)
            return float(kb)

    found = in_turn(3, {"plain": lambda: resting([]), "traced": lambda: resting([bench.fdtrace, "run", "-o", str(bench.capture), "--"])})
    bench.row("private memory in the program, after 100,000 events", spread([a - b for a, b in zip(found["traced"], found["plain"])], 0, " KB"), "at most 1024 KB")


def start(bench: Bench) -> None:
    true = shutil.which("true") or "/bin/true"

    def once(words: List[str]) -> float:
        begin = time.perf_counter()
        subprocess.run(words, stdin=subprocess.DEVNULL, check=True)
        return (time.perf_counter() - begin) * 1000

    found = in_turn(bench.count(100), {"plain": lambda: once([true]), "traced": lambda: once([bench.fdtrace, "run", "-o", str(bench.capture), true])})
    bench.row("start: `true`", spread(found["plain"], 2, " ms"))
    bench.row("start: `fdtrace run true` adds", spread([a - b for a, b in zip(found["traced"], found["plain"])], 2, " ms"), "at most 5 ms")


def read(bench: Bench) -> None:
    count = bench.count(5_000_000)

    def made(kind: str, events: int, width: int) -> Path:
        path = bench.scratch / f"{kind}-{events}.fdt"
        bench.run([bench.fdtrace, "run", "-o", path, "--", bench.program("million"), kind, events, width])
        return path

    server = made("echo", count, 40)  # one life in 30 events
    long, short = made("spin", count, 1), made("spin", count // 10, 1)  # a handful of lives

    def once(view: str, capture: Path) -> Tuple[float, int]:
        """CPU seconds, and peak memory in KB. The kernel counts what a child had of ours before its exec (getrusage(2)), so
        this process must have stayed smaller than what it measures."""
        process = subprocess.Popen([bench.fdtrace, view, "--no-where", str(capture)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
        if process.returncode not in ((0, 1) if view == "check" else (0,)):
            raise subprocess.CalledProcessError(process.returncode, process.args)
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if usage.ru_maxrss <= own:
            raise RuntimeError(f"{view} took no more memory than this process did ({own >> 10} MB): that would be measured instead")
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss

    events, size = lines_of([bench.fdtrace, "json", "--no-where", str(server)]), server.stat().st_size >> 20
    views = (("json", 1), ("log", 1), ("check", 2))
    found = in_turn(3, {view: lambda view=view: events / once(view, server)[0] / 1e6 for view, _ in views})
    for view, least in views:
        bench.row(f"{view}: {events / 1e6:.1f} million events of a server ({size} MB), CPU time", spread(found[view], 2, " million events/s"), f"at least {least}")
        peaks = [once(view, capture)[1] >> 10 for capture in (short, long)]
        bench.row(f"{view}: peak memory; {count // 10:,} and {count:,} events, few lives", f"{peaks[0]} MB; {peaks[1]} MB", "does not grow")


def player(bench: Bench) -> None:
    """The page of a big run in headless Chromium. By the clock, which a busy machine makes longer, and in brackets what the page's
    main thread computed: harness/tests/test_player_million.py fails at three times the bounds."""
    sys.path.insert(0, str(ROOT / "harness" / "tests"))
    import browser
    import player_speed as speed

    if browser.missing():
        bench.row("the player in Chromium", "not run: install " + " ".join(browser.missing()))
        return
    count = bench.count(1_000_000)
    page = bench.scratch / "page.html"
    for kind, pairs in (("echo", 40), ("echo", 400), ("spin", 1)):
        bench.run([bench.fdtrace, "run", "-o", bench.capture, "--", bench.program("million"), kind, count, pairs])
        bench.run([bench.fdtrace, "html", "--full", "--no-source", "-o", page, bench.capture])
        driver = speed.start()
        try:
            opened, steps, jumps, scroll = speed.opened(driver, page), speed.steps(driver), speed.jumps(driver), speed.scroll(driver)
        finally:
            driver.quit()
        what = f"player: {count:,} events, {'spinning' if kind == 'spin' else str(pairs) + ' clients'}"
        bench.row(f"{what}: size of the page", f"{page.stat().st_size / count:.1f} bytes an event", "at most 30")
        bench.row(f"{what}: opens in", f"{opened[0]:.0f} ms (computes {opened[1]:.0f})", "at most 2000 ms")
        for name, found in (("a step", steps), ("a jump", jumps)):
            bench.row(f"{what}: {name}, to the next frame", f"{speed.mean(found, 0):.0f} ms, the longest {speed.longest(found, 0):.0f} "
                      f"(computes {speed.mean(found, 1):.0f}, {speed.longest(found, 1):.0f})", "without delay" if name == "a step" else "")
        bench.row(f"{what}: scrolling the list", f"{scroll['rate']:.0f} frames/s (computes {scroll['work']:.1f} ms a frame)", "at least 30")


SECTIONS: Dict[str, Callable[[Bench], None]] = {"loop": loop, "echo": echo, "tracers": tracers, "memory": memory, "start": start, "read": read,
                                                 "player": player}


def machine() -> str:
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, {'/'.join(platform.libc_ver())}"


def table(rows: List[Row], command: str) -> str:
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    head = [f"Made by `{command}` on {time.strftime('%Y-%m-%d')}: {machine()}; load at the end {load}.", "", "| what | median (quartiles) | wanted |", "|---|---|---|"]
    return "\n".join(head + [f"| {what} | {figure} | {wanted} |" for what, figure, wanted in rows])


def write(path: Path, text: str) -> None:
    old = path.read_text()
    if BEGIN not in old or END not in old:
        sys.exit(f"bench: {path} has no place for the table: {BEGIN} ... {END}")
    path.write_text(old[: old.index(BEGIN) + len(BEGIN)] + "\n" + text + "\n" + old[old.index(END) :])


def main() -> None:
    parser = argparse.ArgumentParser(description="What the tracer costs.")
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    parser.add_argument("--write", type=Path, help="put the table into this file")
    parser.add_argument("sections", nargs="*", help=" ".join(SECTIONS))
    options = parser.parse_args()
    for name in options.sections:
        if name not in SECTIONS:
            parser.error(f"no section {name}; there are: {' '.join(SECTIONS)}")
    bench = Bench(options.build, options.quick)
    try:
        for name in options.sections or SECTIONS:
            SECTIONS[name](bench)
    finally:
        shutil.rmtree(bench.scratch, ignore_errors=True)
    text = table(bench.rows, "make bench" + (" BENCH='" + " ".join(options.sections) + "'" if options.sections else ""))
    print(text)
    if options.write:
        write(options.write, text)


if __name__ == "__main__":
    main()
