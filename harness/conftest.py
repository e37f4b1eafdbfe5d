"""harness/conftest.py: what the tests share: where the products are, free ports, a compiler, busy cores."""
from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Callable, Iterator, List

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "harness"))

from fdlab import launcher  # noqa: E402  (found by the line above)


def need(tool: str, package: str = "") -> str:
    """The path of a tool that a test cannot do without. Where it is missing the test is skipped, but never in CI."""
    path = shutil.which(tool)
    if path is None:
        why = "needs %s: install the package %s" % (tool, package or tool)
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return path


def heeds_ctrl_c() -> None:
    """For preexec_fn=: as a program is started at a terminal. A shell's `&` makes its children ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def build() -> Path:
    """Where `make build` has put what is tested."""
    return Path(os.environ.get("FDLAB_BUILD", ROOT / "build"))


@pytest.fixture(scope="session")
def fdtrace(build: Path) -> str:
    path = build / "fdtrace"
    assert path.exists(), "run the tests with `make test`: it builds first"
    return str(path)


@pytest.fixture
def ports() -> Iterator[Callable[[int], List[int]]]:
    """ports(3): three free ones in a row, which no other test on this machine gets while this one runs."""
    held = []

    def take(count: int) -> List[int]:
        held.append(launcher.free_ports(count))
        return held[-1].numbers

    yield take
    for each in held:
        for lock in each.locks:
            lock.close()


@pytest.fixture(scope="session")
def compile_c(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """compile_c("wrong.c", "-DCRASH"): the program, made from a file in harness/tests or from a text."""
    made = {}

    def make(source: str, *flags: str, cc: str = "cc") -> str:
        key = (source, flags, cc)
        if key not in made:
            where = tmp_path_factory.mktemp("program")
            file = ROOT / "harness" / "tests" / source if source.endswith(".c") else where / "program.c"
            if not source.endswith(".c"):
                file.write_text(source)
            subprocess.run([cc, "-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-o", str(where / "program"),
                            str(file), "-I", str(ROOT / "common"), *flags], check=True)
            made[key] = str(where / "program")
        return made[key]

    return make


@pytest.fixture
def busy_cores() -> Iterator[None]:
    """Twice as many processes as cores that only compute. They end by themselves, should we be killed."""
    spin = "import time; end = time.monotonic() + 120\nwhile time.monotonic() < end: pass"
    spinning = [subprocess.Popen([sys.executable, "-I", "-S", "-c", spin]) for _ in range(2 * (os.cpu_count() or 1))]
    yield
    for process in spinning:
        process.kill()
        process.wait()
