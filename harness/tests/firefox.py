"""harness/tests/firefox.py: a headless Firefox for the player's tests, driven over Marionette: the remote control that is built into
it, so no driver program is needed. What it gives has the few functions of selenium's driver that browser.py uses.

Where there is no Firefox the tests say so in one line and are skipped, but never in CI.
"""
from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict, List

import npm

DEADLINE = 60
RIGHT, LEFT, SHIFT = "\ue014", "\ue012", "\ue008"  # WebDriver's codes
# A profile of its own that asks nobody anything; errors in pages come out on stdout.
PREFS: Dict[str, Any] = {
    "marionette.port": 0, "browser.shell.checkDefaultBrowser": False, "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False, "app.update.enabled": False, "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False, "browser.startup.homepage": "about:blank", "extensions.update.enabled": False,
    "services.settings.server": "", "browser.dom.window.dump.enabled": True, "intl.accept_languages": "en-US",
}


def program() -> str:
    found = shutil.which("firefox-esr") or shutil.which("firefox")
    if not found:
        npm.missing("the player is tested in Firefox too: install firefox-esr")
    return str(found)


def start(profile: Path) -> SimpleNamespace:
    found = program()
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "user.js").write_text("".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFS.items()))
    log = open(profile / "log.txt", "wb")
    child = subprocess.Popen([found, "--headless", "--no-remote", "--marionette", "--profile", str(profile)], stdin=subprocess.DEVNULL,
                             stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "HOME": str(profile), "MOZ_CRASHREPORTER_DISABLE": "1"},
                             start_new_session=True)
    log.close()
    try:
        return driver_of(child, connect(child, profile), profile)
    except BaseException:
        child.kill()
        child.wait()
        raise


def connect(child: "subprocess.Popen[bytes]", profile: Path) -> socket.socket:
    """It writes down which port it has taken once it listens."""
    end = time.monotonic() + DEADLINE
    place = profile / "MarionetteActivePort"
    while time.monotonic() < end:
        assert child.poll() is None, (profile / "log.txt").read_text(errors="replace")[-2000:]
        text = place.read_text() if place.exists() else ""
        if text.strip().isdigit():
            return socket.create_connection(("127.0.0.1", int(text)), timeout=DEADLINE)
        time.sleep(0.02)
    raise AssertionError("Firefox did not listen within %d s: %s" % (DEADLINE, (profile / "log.txt").read_text(errors="replace")[-2000:]))


def driver_of(child: "subprocess.Popen[bytes]", line: socket.socket, profile: Path) -> SimpleNamespace:
    """A message is its length, a colon, and JSON: [0, id, command, parameters] and [1, id, error, result]."""
    stream = line.makefile("rb")
    count = [0]
    read_log = [0]

    def message() -> Any:
        size = b""
        while not size.endswith(b":"):
            byte = stream.read(1)
            assert byte, "Firefox is gone: " + (profile / "log.txt").read_text(errors="replace")[-2000:]
            size += byte
        return json.loads(stream.read(int(size[:-1])))

    def ask(command: str, **parameters: Any) -> Any:
        count[0] += 1
        text = json.dumps([0, count[0], command, parameters]).encode()
        line.sendall(b"%d:%s" % (len(text), text))
        _, number, error, result = message()
        assert number == count[0] and error is None, (command, error)
        return result.get("value") if isinstance(result, dict) and "value" in result else result

    def quit_it() -> None:
        try:
            ask("Marionette:Quit", flags=["eForceQuit"])
            child.wait(DEADLINE)
        finally:
            line.close()
            child.kill()
            child.wait()

    def get_log(_: str = "browser") -> List[str]:
        """What went wrong in pages since it was asked last."""
        lines = (profile / "log.txt").read_text(errors="replace").splitlines()
        new, read_log[0] = lines[read_log[0]:], len(lines)
        return [line for line in new if line.startswith("JavaScript error: file:")]

    def press(key: str, shift: bool = False) -> None:
        down = [{"type": "keyDown", "value": SHIFT}] if shift else []
        up = [{"type": "keyUp", "value": SHIFT}] if shift else []
        ask("WebDriver:PerformActions", actions=[{"type": "key", "id": "keys", "actions": [
            *down, {"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}, *up]}])

    message()  # it says hello
    ask("WebDriver:NewSession", capabilities={})
    ask("WebDriver:SetTimeouts", script=1000 * DEADLINE, pageLoad=1000 * DEADLINE)
    return SimpleNamespace(
        get=lambda url: ask("WebDriver:Navigate", url=url), quit=quit_it, get_log=get_log, press=press,
        execute_script=lambda script, *arguments: ask("WebDriver:ExecuteScript", script=script, args=list(arguments), newSandbox=True, sandbox=None),
        size=lambda width, height: ask("WebDriver:SetWindowRect", width=width, height=height),
        picture=lambda: base64.b64decode(ask("WebDriver:TakeScreenshot", full=True, hash=False)))
