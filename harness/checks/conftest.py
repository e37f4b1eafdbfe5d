"""harness/checks/conftest.py: what makes pytest a grader: checks run side by side, each in a network of its own.

    make grade LAB=lab2 SRC=my.c
    pytest harness/checks/lab2.py --server build/lab2/server -v      the same checks, as plain tests

The name of a check is its function's: test_reuse__lowest_hole is `reuse.lowest_hole`. @after("eof.closes") says that it has
no meaning when that one failed: it is not judged then. What a check did and saw goes home as `fdlab` in the report's user
properties.
"""
from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pytest
from _pytest.reports import TestReport
from _pytest.runner import runtestprotocol

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fdlab import feedback, isolate  # noqa: E402  (found by the line above)
from fdlab.checking import Bench  # noqa: E402
from fdlab.play import lab_module  # noqa: E402
from fdlab.result import FAILED, MOOT, NOT_JUDGED, PASSED  # noqa: E402

LONGEST = 60.0    # seconds: a check that takes longer is ended, and not judged
ALL = 300.0       # seconds: what has not begun by then is not judged either


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fdlab")
    group.addoption("--server", help="the program that is graded (the lab's own when left out)")
    group.addoption("--tier", default="", help="demand an isolation tier: %s" % ", ".join(isolate.TIERS))
    group.addoption("--folder", help="where the traces go: a folder for each check")
    group.addoption("--seed", default="1", help="what the clients say is drawn from it")
    group.addoption("--side-by-side", type=int, default=0, help="checks at once (two for each core, when left out)")
    group.addoption("--check", action="append", default=[], help="only this one, and what it comes after")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "after(*names): has no meaning when one of these checks failed")
    if not hasattr(config.option, "tbstyle"):   # nobody sees them, and pytest's own style reads the sources for each
        config.option.tbstyle = "native"


# ---- names

def name_of(item: pytest.Item) -> str:
    return item.originalname[len("test_"):].replace("__", ".")  # type: ignore[attr-defined]


def file_of(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def preconditions(item: pytest.Item) -> List[str]:
    return [name for mark in item.iter_markers("after") for name in mark.args]


def pytest_collection_modifyitems(config: pytest.Config, items: List[pytest.Item]) -> None:
    by_name = {name_of(item): item for item in items}
    for item in items:
        for name in preconditions(item):
            if name not in by_name:
                raise pytest.UsageError("%s comes after \"%s\", and there is no such check" % (name_of(item), name))
    wanted = config.getoption("--check")
    if wanted:
        for name in wanted:
            if name not in by_name:
                raise pytest.UsageError("there is no check \"%s\"" % name)
        for name in wanted:  # grows while it is walked
            wanted += [before for before in preconditions(by_name[name]) if before not in wanted]
        items[:] = [item for item in items if name_of(item) in wanted]


# ---- what a check gets

@pytest.fixture
def bench(request: Any, fdtrace: str, build: Path, tmp_path_factory: Any) -> Iterator[Bench]:
    config, name = request.config, name_of(request.node)
    lab = os.path.basename(file_of(request.node))[:-len(".py")]
    program = config.getoption("--server") or str(build / lab / "server")
    folder = config.getoption("--folder") or str(tmp_path_factory.mktemp("traces"))
    made = Bench(program, lab_module(lab).PORTS, fdtrace, os.path.join(folder, name), config.fdlab_tier,
                 "%s %s" % (config.getoption("--seed"), name))
    yield made
    made.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    """Turns an exception into one of the three outcomes, and into words; and a trace that is not true into "not judged"."""
    told = None
    bench = getattr(item, "funcargs", {}).get("bench")
    if call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception):
        told = feedback.explain(bench, call.excinfo.value, name_of(item))
    if call.when == "call" and bench is not None:
        doubts, untrue = feedback.doubts(bench)
        if told is None and untrue:
            told = untrue
        if doubts:
            item.user_properties.append(("fdlab_doubts", doubts))
    if told is not None:
        item.user_properties.append(("fdlab", told))
    outcome = yield
    report = outcome.get_result()
    if told is None:
        return
    if told["status"] == NOT_JUDGED:
        report.outcome, report.longrepr = "skipped", (file_of(item), 0, "not judged: " + told["message"])
    else:
        report.outcome, report.longrepr = "failed", "\n".join([told["message"], ""] + [
            "%4d  %s" % step for step in enumerate(told["steps"], 1)] + told["trace"])


# ---- side by side

class _Worker:
    """A process that makes one check after the other, each in a network of its own. A process for each check would be
    cleaner still, but most of what a check costs would be what a fork of Python costs. It talks to us on a socket: a number
    of an item, four bytes, and then what came of it, eight bytes of length and that."""

    def __init__(self, session: pytest.Session, others: List["_Worker"]) -> None:
        self.socket, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            for one in [self.socket] + [other.socket for other in others]:
                one.close()  # so that each of us sees the end of who started us
            _work(session, theirs)
        theirs.close()
        self.item: Optional[pytest.Item] = None     # the check that it makes now
        self.until = 0.0                            # when that is too late
        self.heard = bytearray()

    def begin(self, item: pytest.Item, number: int) -> None:
        self.item, self.until, self.heard = item, time.monotonic() + LONGEST, bytearray()
        with contextlib.suppress(OSError):  # it has died: the socket's end says so
            self.socket.sendall(number.to_bytes(4, "big"))

    def hear(self) -> Optional[bytes]:
        """What came of the check, when all of that is there; b"" when the worker has died."""
        try:
            more = self.socket.recv(1 << 20)
        except OSError:
            more = b""
        self.heard += more
        if not more:
            return b""
        whole = 8 + int.from_bytes(self.heard[:8], "big")
        return bytes(self.heard[8:]) if len(self.heard) >= max(whole, 8) else None

    def end(self) -> None:
        self.socket.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)  # what it had started is killed too, by its keepers
        os.waitpid(self.pid, 0)


def _work(session: pytest.Session, asked: socket.socket) -> None:
    """What a worker does. Never returns: it must not come into its parent's code."""
    try:
        capture = session.config.pluginmanager.getplugin("capturemanager")
        if capture is not None:
            capture.stop_global_capturing()
            session.config.pluginmanager.unregister(capture)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(nowhere, fd)
        renew = isolate.enter
        while True:
            number = asked.recv(4)
            if len(number) < 4:
                break
            try:
                told: Any = _make(session.items[int.from_bytes(number, "big")], renew)
                renew = isolate.renew
            except BaseException as error:  # noqa: B902
                told = repr(error)
            raw = pickle.dumps(told)
            asked.sendall(len(raw).to_bytes(8, "big") + raw)
    finally:
        os._exit(0)


def _make(item: pytest.Item, enter: Callable[[str], None]) -> Tuple[List[Any], float]:
    """One check: its reports, and how many seconds it took."""
    began = time.monotonic()
    config = item.config
    enter(config.fdlab_tier)  # type: ignore[attr-defined]
    reports = [config.hook.pytest_report_to_serializable(config=config, report=report)
               for report in runtestprotocol(item, nextitem=None, log=False)]
    return reports, time.monotonic() - began


def _skipped(item: pytest.Item, why: str) -> TestReport:
    """The report of a check that was not made."""
    return TestReport(
        nodeid=item.nodeid, location=item.location, keywords={}, outcome="skipped",
        longrepr=(file_of(item), 0, "not judged: " + why), when="call", sections=[], duration=0.0,
        user_properties=[("fdlab", {"status": NOT_JUDGED, "message": why, "steps": [], "trace": [], "finding": None})])


def _status(reports: List[TestReport]) -> str:
    for report in reports:
        for key, told in report.user_properties:
            if key == "fdlab":
                return told["status"]
    return PASSED if all(report.outcome == "passed" for report in reports) else NOT_JUDGED


class _Running:
    """The checks of one session: which wait, which run, what came of those that have ended."""

    def __init__(self, session: pytest.Session) -> None:
        self.session = session
        self.until = time.monotonic() + ALL
        self.waiting = list(session.items)
        names = set(map(name_of, self.waiting))
        self.before = {item: [name for name in preconditions(item) if name in names] for item in self.waiting}
        self.status: Dict[str, str] = {}
        self.causes: Dict[str, List[str]] = {}   # why one was not judged: what failed at the beginning of the chain
        self.workers: List[_Worker] = []
        depth: Dict[str, int] = {}
        for item in reversed(self.waiting):  # those on which most depends come first
            for name in self.before[item]:
                depth[name] = max(depth.get(name, 0), depth.get(name_of(item), 0) + 1)
        self.waiting.sort(key=lambda item: -depth.get(name_of(item), 0))

    def next(self) -> Optional[pytest.Item]:
        """One that can begin now. Those that cannot be judged any more are reported and taken out."""
        if time.monotonic() > self.until:
            for item in self.waiting:
                self.report(item, [_skipped(item, "the time for all checks, %g s, was over" % ALL)])
            self.waiting = []
        for item in list(self.waiting):
            states = [self.status.get(name) for name in self.before[item]]
            causes = [cause for name, state in zip(self.before[item], states) if state in (FAILED, NOT_JUDGED)
                      for cause in self.causes.get(name, [name])]
            if causes:
                self.waiting.remove(item)
                causes = self.causes[name_of(item)] = sorted(set(causes))
                self.report(item, [_skipped(item, MOOT + "%s %s not passed" % (
                    " and ".join(causes), "is" if len(causes) == 1 else "are"))])
            elif all(state == PASSED for state in states):
                self.waiting.remove(item)
                return item
        return None

    def report(self, item: pytest.Item, reports: List[TestReport], took: float = 0.0) -> None:
        self.status[name_of(item)] = _status(reports)
        hook = item.ihook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in reports:
            if report.when == "call":
                report.duration = took or report.duration
            hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)

    @property
    def busy(self) -> List[_Worker]:
        return [worker for worker in self.workers if worker.item is not None]

    def begin(self, item: pytest.Item) -> None:
        idle = [worker for worker in self.workers if worker.item is None]
        if not idle:
            idle.append(_Worker(self.session, self.workers))
            self.workers += idle
        idle[0].begin(item, self.session.items.index(item))

    def collect(self) -> None:
        """Waits until something has ended, and reports it."""
        ready = select.select([worker.socket for worker in self.busy], [], [], 1.0)[0]
        for worker in self.busy:
            heard = worker.hear() if worker.socket in ready else None
            late = time.monotonic() > worker.until and not heard
            if heard is None and not late:
                continue
            item, worker.item = worker.item, None
            if late or not heard:
                self.workers.remove(worker)
                worker.end()
            assert item is not None
            self._ended(item, heard or b"", late)

    def end(self) -> None:
        for worker in self.workers:
            worker.end()

    def _ended(self, item: pytest.Item, heard: bytes, late: bool) -> None:
        if late or not heard:
            why = "it was not finished after %g s" % LONGEST if late else "the grader's own process for it died"
            self.report(item, [_skipped(item, why)])
            return
        told = pickle.loads(heard)  # from our own process: the graded program has no way to that pipe
        if isinstance(told, str):
            self.report(item, [_skipped(item, "the grader itself failed: " + told)])
            return
        reports, took = told
        config = item.config
        self.report(item, [config.hook.pytest_report_from_serializable(config=config, data=data) for data in reports], took)


def pytest_runtestloop(session: pytest.Session) -> bool:
    config = session.config
    if session.testsfailed and not config.option.continue_on_collection_errors:
        raise session.Interrupted("%d error during collection" % session.testsfailed)
    if config.option.collectonly:
        return True
    try:
        config.fdlab_tier = isolate.best_tier(config.getoption("--tier"))  # type: ignore[attr-defined]
    except isolate.Refused as error:
        raise pytest.UsageError(str(error)) from None
    most = config.getoption("--side-by-side") or 2 * (os.cpu_count() or 1)
    for lab in {os.path.basename(file_of(item)) for item in session.items}:
        lab_module(lab[:-len(".py")])  # read once here, and not in each worker
    running = _Running(session)
    try:
        while running.waiting or running.busy:
            while len(running.busy) < most:
                item = running.next()
                if item is None:
                    break
                running.begin(item)
            if running.busy:
                running.collect()
    finally:
        running.end()
    return True
