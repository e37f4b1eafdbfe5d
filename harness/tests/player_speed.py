"""harness/tests/player_speed.py: how soon a page of the player opens, and how it steps and scrolls: by the clock, and by what the
page's main thread has computed. A busy machine makes a page late, not slow: test_player_million.py judges the work, and
`make bench BENCH=player` prints both."""
from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

import browser

Figure = Tuple[float, float]  # ms: by the clock, of work

# From the press of a button until the frame that shows what came of it is drawn.
PRESS = """
	const done = arguments[arguments.length - 1], start = performance.now();
	if (arguments[0]) {
		document.getElementById(arguments[0]).click();
	} else {
		const slider = document.getElementById("slider");
		slider.value = Math.floor(arguments[1] * slider.max);
		slider.dispatchEvent(new Event("input"));
	}
	requestAnimationFrame(() => setTimeout(() => done(performance.now() - start), 0));"""

SCROLL = """
	const done = arguments[0], list = document.getElementById("list"), start = performance.now();
	let count = 0;
	function frame() {
		count++;
		list.scrollTop += count % 20 === 0 ? 20000 : 97;
		const passed = performance.now() - start;
		if (passed > 2000)
			done({ count: count, rate: 1000 * count / passed });
		else
			requestAnimationFrame(frame);
	}
	requestAnimationFrame(frame);"""


def start() -> Any:
    """A browser of its own for each page: the work of a page is all that its process has done."""
    driver = browser.start()
    browser.size(driver, 1100, 700)
    driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    return driver


def work(driver: Any) -> float:
    """Milliseconds that the page's main thread has computed so far."""
    metrics = driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return 1000 * next(one["value"] for one in metrics if one["name"] == "ThreadTime")


def opened(driver: Any, page: Path) -> Figure:
    begin = time.monotonic()
    browser.open_page(driver, page)
    return 1000 * (time.monotonic() - begin), work(driver)


def press(driver: Any, button: str, share: float = 0) -> Figure:
    """One step, or a jump by the slider."""
    before = work(driver)
    clock = driver.execute_async_script(PRESS, button, share)
    return clock, work(driver) - before


def steps(driver: Any) -> List[Figure]:
    return ([press(driver, "next") for _ in range(100)] + [press(driver, "wake-next") for _ in range(50)] + [press(driver, "last")] +
            [press(driver, "before") for _ in range(50)])


def jumps(driver: Any) -> List[Figure]:
    return [press(driver, "", place / 40) for place in (3, 39, 17, 25, 1, 31, 11, 20)]


def scroll(driver: Any) -> Dict[str, float]:
    """Frames a second by the clock, and ms of work a frame."""
    before, frames = work(driver), driver.execute_async_script(SCROLL)
    return {"rate": frames["rate"], "work": (work(driver) - before) / frames["count"]}


def mean(figures: List[Figure], which: int) -> float:
    return sum(figure[which] for figure in figures) / len(figures)


def longest(figures: List[Figure], which: int) -> float:
    return max(figure[which] for figure in figures)
