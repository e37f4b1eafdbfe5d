"""harness/tests/browser.py: a headless Chromium for the player's tests, and what is to be seen in the page.

Where there is no Chromium, no driver or no selenium the tests say so in one line and are skipped, but never in CI.
"""
from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any, Dict, List

import npm

PACKAGES = "chromium chromium-driver python3-selenium"
DEBIAN = "/usr/lib/python3/dist-packages"  # where Debian's selenium lies, also when another Python runs the tests


def missing() -> List[str]:
    needed = [name for name, tool in (("chromium", "chromium"), ("chromium-driver", "chromedriver")) if not shutil.which(tool)]
    try:
        import selenium  # noqa: F401
    except ImportError:
        if os.path.isdir(DEBIAN + "/selenium"):
            sys.path.append(DEBIAN)
        else:
            needed.append("python3-selenium")
    return needed


def start(*arguments: str, languages: str = "en-US") -> Any:
    needed = missing()
    if needed:
        npm.missing("the player is tested in a browser: install %s" % " ".join(needed))
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                     "--disable-background-networking", "--disable-extensions", "--window-size=1100,700", *arguments):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"intl.accept_languages": languages})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)
    driver.set_script_timeout(120)
    driver.set_page_load_timeout(120)
    return driver


def open_page(driver: Any, page: Path, more: str = "") -> None:
    """Opens the page from disk, with a query or a fragment, anew, and waits until it says that it is ready."""
    driver.get("about:blank")
    driver.get_log("browser")
    driver.get("file://%s%s" % (page, more))
    # The page's script runs before the load event, for which get() waits: so it is ready now, or never.
    assert driver.execute_script("return document.documentElement.dataset.ready"), driver.get_log("browser")


def size(driver: Any, width: int, height: int, scale: float = 1) -> None:
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                           {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False})


def media(driver: Any, kind: str = "", **features: str) -> None:
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": kind, "features": [
        {"name": name.replace("_", "-"), "value": value} for name, value in features.items()]})


# What the page shows now, read from its elements as a person would.
SEEN = """
function textOf(id) { return document.getElementById(id).textContent; }
function seen() {
	const rows = Array.from(document.querySelectorAll("#fds tbody tr"), (row) => ({ closed: row.classList.contains("closed"),
		changed: row.classList.contains("changed"), cells: Array.from(row.cells, (cell) => cell.textContent) }));
	const bits = Array.from(document.querySelectorAll("#wait-sets tr"), (row) => Array.from(row.cells, (cell) => cell.textContent));
	return { title: textOf("now-title"), call: textOf("now-call"), facts: textOf("now-facts"), next: textOf("now-next"), live: textOf("live"),
		where: textOf("where"), rows: rows, bits: bits, waitTitle: textOf("wait-title"), why: textOf("wait-why"), turn: textOf("wait-turn"), timer: textOf("timer-text"),
		queues: Array.from(document.querySelectorAll("#queue-list li"), (item) => item.textContent),
		lines: Array.from(document.querySelectorAll("#lines li"), (item) => item.textContent),
		lanes: Array.from(document.querySelectorAll("#lanes tbody tr"), (row) => Array.from(row.cells, (cell) => cell.textContent)),
		source: Array.from(document.querySelectorAll("#source-text .line"), (line) => line.className + "|" + line.textContent).filter((line) => !line.startsWith("line |")) };
}
"""


def seen(driver: Any) -> Dict[str, Any]:
    return driver.execute_script(SEEN + "return seen();")


def walk(driver: Any, count: int = 1 << 30) -> List[Dict[str, Any]]:
    """Presses Next from the first step to the last, and tells what was to be seen after each."""
    return driver.execute_script(SEEN + """
		const all = [], slider = document.getElementById("slider");
		document.getElementById("first").click();
		all.push(seen());
		while (Number(slider.value) < Number(slider.max) && all.length <= arguments[0]) {
			document.getElementById("next").click();
			all.push(seen());
		}
		return all;""", count)


def press(driver: Any, *keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    chain = ActionChains(driver)
    for key in keys:
        chain.send_keys(key)
    chain.perform()


def axe(build: Path) -> str:
    """axe-core's script."""
    return (npm.package(build, "axe", "axe-core", "4") / "axe.min.js").read_text(encoding="utf-8")
