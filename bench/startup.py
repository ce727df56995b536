"""How long a person waits: from starting the server to its first frame in a browser that is open already."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.demo import demo_texture
from bench.server_process import BenchError, ServerProcess
from models.progress import silent

if TYPE_CHECKING:
    from playwright.sync_api import Browser

RUNS = 5
FRAME_LIMIT_S = 30.0
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER_ARGUMENTS = ("--no-sandbox", "--autoplay-policy=no-user-gesture-required")

FIRST_FRAME = """(limit_ms) => new Promise((resolve, reject) => {
  setTimeout(() => reject(new Error("no frame was shown")), limit_ms);
  const look = () => {
    const video = document.querySelector("video");
    if (video) video.requestVideoFrameCallback(() => resolve());
    else setTimeout(look, 1);
  };
  look();
})"""


def measure(texture: Path | None) -> list[dict[str, object]]:
    """Start a server and open its page, several times.

    Args:
        texture: what is played; by default the demo's.

    Returns:
        A row for each of what a person sees come: seconds since the server's process was started, median and spread.

    Raises:
        BenchError: there is no Chromium, or it showed no frame.
    """
    path = texture or demo_texture(silent)
    with _chromium() as browser:
        runs = [_run(browser, path) for _ in range(RUNS)]
    return [
        {
            "until": name,
            "median_s": round(statistics.median(times_s), 3),
            "min_s": round(min(times_s), 3),
            "max_s": round(max(times_s), 3),
            "runs": RUNS,
        }
        for name, times_s in ((name, [run[name] for run in runs]) for name in runs[0])
    ]


def _run(browser: Browser, texture: Path) -> dict[str, float]:
    from playwright.sync_api import Error

    with browser.new_context() as context:  # nothing of the page is cached from the run before
        page = context.new_page()
        began_s = time.perf_counter()
        with ServerProcess(texture) as server:
            try:
                page.goto(server.address, wait_until="commit")
                answered_s = time.perf_counter() - began_s
                page.evaluate(FIRST_FRAME, 1000 * FRAME_LIMIT_S)
            except Error as error:
                raise BenchError(f"Chromium showed nothing of {texture}: {error.message}") from error
            shown_s = time.perf_counter() - began_s
            times_s = {"address printed": server.announced_s, "page answered": answered_s, "first frame": shown_s}
            page.close()
    return times_s


@contextmanager
def _chromium() -> Iterator[Browser]:
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError as error:
        raise BenchError("this needs Playwright, which drives Chromium: `pip install playwright`") from error
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        raise BenchError(f"this needs one of {', '.join(BROWSERS)} on the PATH: `apt-get install chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(BROWSER_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()
