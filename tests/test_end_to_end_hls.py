"""Players of an HLS folder through a change of size, a stop and a start: they play on."""

from __future__ import annotations

import json
import subprocess
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import pytest

from tests import stream_media
from tests.browser import chromium
from tests.hls_page import PAGE, fetch_hls_js, web_server
from tests.media_servers import need_ffmpeg
from tests.serving import serve_process
from tests.stream_media import write_texture
from tests.strict_playlist import StrictReader

pytestmark = pytest.mark.e2e

PLAYING_MS = 30_000
SMALL_PX, LARGE_PX = 96, 192


@pytest.fixture(scope="module")
def textures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two of different sizes, `small.texture` and `large.texture`."""
    folder = tmp_path_factory.mktemp("hls")
    write_texture(folder / "small.texture", seconds=4.0)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("WIDTH_PX", "HEIGHT_PX", "BLOCK_PX"):
            patch.setattr(stream_media, name, 2 * getattr(stream_media, name))
        write_texture(folder / "large.texture", seconds=4.0)
    return folder


def put_texture(address: str, name: str) -> None:
    request = urllib.request.Request(
        f"{address}api/texture", json.dumps({"name": name}).encode(), {"Content-Type": "application/json"}, method="PUT"
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        assert response.status < 300


class StrictReading:
    """Reads a playlist strictly and often, in a thread; leaving tells what it found wrong.

    Attributes:
        reader: what it saw.
    """

    def __init__(self, folder: Path) -> None:
        self.reader = StrictReader(folder)
        self._ended = threading.Event()
        self._executor = ThreadPoolExecutor(max_workers=1)

    def __enter__(self) -> Self:
        self._reading = self._executor.submit(self._read)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._executor.shutdown()
        self._reading.result()

    def wait_for(self, segments: int) -> None:
        """Until so many have been listed."""
        deadline_s = time.monotonic() + 30
        while len(self.reader.seen) < segments:
            assert time.monotonic() < deadline_s, "no segments"
            assert not self._reading.done(), self._reading.exception()
            time.sleep(0.05)

    def _read(self) -> None:
        while not self._ended.wait(0.02):
            if (self.reader.folder / "live.m3u8").exists():
                self.reader.look()


def test_players_play_on_through_a_change_of_size_a_stop_and_a_start(textures: Path, tmp_path: Path) -> None:
    live, film = tmp_path / "live", tmp_path / "film.ts"
    live.mkdir()
    (live / "index.html").write_text(PAGE)
    (live / "hls.js").write_text(fetch_hls_js(tmp_path))
    arguments = (textures / "small.texture", str(textures / "large.texture"), "--hls", str(live))
    with web_server(live) as address, chromium() as browser, StrictReading(live) as reading:
        page = browser.new_page()
        with serve_process(*arguments) as server:
            reading.wait_for(4)
            page.goto(address)
            page.wait_for_function("document.querySelector('video').currentTime > 2", timeout=PLAYING_MS)
            watching = subprocess.Popen(
                [need_ffmpeg(), "-nostdin", "-v", "error", "-i", f"{address}live.m3u8", "-map", "0:v",
                 "-f", "framemd5", str(film)]
            )  # fmt: skip
            page.screenshot(path=str(tmp_path / "before.png"))
            time.sleep(3)  # until FFmpeg has opened it
            put_texture(server.address, "large")
            page.wait_for_function(f"sizes.includes({LARGE_PX})", timeout=PLAYING_MS)
            page.screenshot(path=str(tmp_path / "large.png"))
            server.stop()
        with serve_process(*arguments) as server:
            page.wait_for_function(f"sizes.at(-1) === {SMALL_PX} && sizes.length > 2", timeout=PLAYING_MS)
            before = page.evaluate("video.currentTime")
            page.wait_for_function(f"video.currentTime > {before} + 2", timeout=PLAYING_MS)
            assert page.evaluate("fatal") == []
            assert watching.poll() is None, "FFmpeg took it for the end"
            page.screenshot(path=str(tmp_path / "after.png"))
            server.stop()
        watching.terminate()
        watching.wait()
        pictures = [line for line in film.read_text().splitlines() if not line.startswith("#")]
    reader = reading.reader
    assert max(each.discontinuity for each in reader.seen.values()) == 2
    assert len(pictures) / 30 > 6
    assert not list(live.glob("*.tmp"))
