"""harness/tests/truth/suite.py: runs tests of python's own test package, but for those that wait long or need what a machine may lack.

    python3 suite.py test_selectors test_socket     prints each test with what became of it, sorted; status 1 when one failed
"""
from __future__ import annotations

import importlib
import sys
import unittest
from typing import Iterator

# VSOCK: hangs on virtual machines without it. Timeout, poll: they only wait. The others need root or another family of sockets.
LEFT_OUT = ("VSOCK", "RDS", "BTH", "CAN", "ISOTP", "J1939", "QIPCRTR", "UDPLITE", "NetworkConnectionBehaviour", "NonblockConstructor", "Timeout",
            "timeout", "CreateServer", "test_select_interrupt", "ALG", "Concurrent", "Interrupted", "SendfileUsing", "Windows", "above_fd_setsize")  # fmt: skip


def flat(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


def main() -> int:
    chosen = unittest.TestSuite()
    for name in sys.argv[1:]:
        module = importlib.import_module("test." + name)
        for test in flat(unittest.defaultTestLoader.loadTestsFromModule(module)):
            if not any(word in test.id() for word in LEFT_OUT):
                chosen.addTest(test)
    result = unittest.TestResult()
    ran = [test.id() for test in flat(chosen)]
    chosen.run(result)
    outcome = {name: "ok" for name in ran}
    for kind, tests in (("skipped", result.skipped), ("FAILED", result.failures), ("ERROR", result.errors)):
        for test, text in tests:
            outcome[test.id()] = kind + ": " + (text.strip().splitlines() or [""])[-1][:100]
    for name in sorted(outcome):
        print(name, outcome[name])
    return int(not result.wasSuccessful())


if __name__ == "__main__":
    sys.exit(main())
