"""harness/fdlab/serve.py: a lab's server alone, with live turns, until Ctrl+C. This is what `make serve LAB=lab2` calls.

It says how to connect and then becomes fdtrace, so there is nothing between the terminal and the server.
"""
from __future__ import annotations

import os
import sys
from typing import List, Optional

from .play import arguments, bold, check, lab_module, paragraph, run, shown


def main(argv: Optional[List[str]] = None) -> int:
    options = arguments("runs a lab's server, live").parse_args(argv)
    lab = lab_module(options.lab)
    timeout, ports = check(options, lab.PORTS)
    where = os.path.join(options.build, options.lab)
    os.makedirs(where, exist_ok=True)
    capture = os.path.join(where, "serve.fdt")
    print(bold(paragraph(lab.TITLE)))
    print(paragraph("In other terminals, as often as you like: " + " or ".join(
        "make client%s" % ("" if port == 50000 else " PORT=%d" % port) for port in ports)))
    fdtrace = shown(os.path.join(options.build, "fdtrace"))
    print(paragraph("Ctrl+C ends it. Afterwards: %s check %s says what went wrong, %s log %s shows all calls." % (
        fdtrace, shown(capture), fdtrace, shown(capture))))
    print(flush=True)
    fdtrace = os.path.join(options.build, "fdtrace")
    os.execv(fdtrace, [fdtrace, "run", "-o", capture, "--live", "--", os.path.abspath(options.server), "%g" % timeout,
                       *map(str, ports)])


if __name__ == "__main__":
    run(main)
