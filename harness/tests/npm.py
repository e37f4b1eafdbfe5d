"""harness/tests/npm.py: packages of the npm registry that tests use, each kept in the build directory.

Where there is no npm or no registry the test says so in one line and is skipped, but never in CI.
"""
from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path


def missing(why: str, problem: str = "") -> None:
    """Skips the test that needs it; in CI it fails."""
    import pytest  # not at the top: harness/bench.py measures the player without it

    if os.environ.get("CI"):
        pytest.fail(why + problem)
    pytest.skip(why)


def package(build: Path, place: str, name: str, version: str) -> Path:
    """The folder of the package, which is fetched at first. Nothing of it is run at that."""
    prefix = build / place
    folder = prefix / "node_modules" / name
    if (folder / "package.json").exists():
        return folder
    why = f"{name} needs npm: install npm, and a network that has its registry"
    done = None
    if shutil.which("npm"):
        prefix.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["npm", "install", "--prefix", str(prefix), "--no-audit", "--no-fund", "--ignore-scripts", f"{name}@{version}"],
                              capture_output=True, text=True, timeout=300)
    if done is None or done.returncode != 0:
        missing(why, ": " + done.stderr[-500:] if done else "")
    return folder
