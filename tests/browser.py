"""A real Chromium, and what it saw and heard of a stream of `NumberedClip`."""

from __future__ import annotations

import base64
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from stream.h264 import decode_gop
from stream.player import Player
from stream.splice import MediaPacket
from stream.texture import Texture
from tests.numbered_clip import BITS, CELL_HEIGHT_PX, CELL_WIDTH_PX, Samples, read_number

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
UNTOUCHED = "--autoplay-policy=no-user-gesture-required"
LIVE_MS = 30_000
RTP_HZ = 90_000
RECORDER = Path(__file__).parent / "recorder.js"
HOLD_ANSWERS = """() => {
  const usual = window.fetch;
  let release;
  const released = new Promise((resolve) => (release = resolve));
  window.letAnswersIn = () => {
    window.fetch = usual;
    release();
  };
  window.fetch = async (...request) => {
    const answer = await usual(...request);
    if (request[1]?.method === "PATCH") await released;
    return answer;
  };
}"""
LIVE = "window.videotexture?.connected && window.videotexture.video.videoWidth > 0"


def find_chromium() -> str:
    """The path of a Chromium; without one the test is skipped, and in CI it fails."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        reason = f"none of {', '.join(NAMES)} is installed; install one, or say CHROMIUM=/path"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """A headless browser that plays sound without being touched first."""
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[UNTOUCHED, *arguments])
        yield browser
        browser.close()


@contextmanager
def late_answers(page: Page) -> Iterator[None]:
    """What the page changes inside is answered only when this ends; what the server tells by itself is not held."""
    page.evaluate(HOLD_ANSWERS)
    yield
    page.evaluate("window.letAnswersIn()")


@dataclass
class Viewer:
    """An open viewer page.

    Attributes:
        complaints: errors and warnings of its console, and what was thrown.
    """

    page: Page
    complaints: list[str]


@contextmanager
def viewer(browser: Browser, address: str) -> Iterator[Viewer]:
    """Open the page, and go on when the first picture is there."""
    page = browser.new_page(viewport={"width": 960, "height": 720})
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    page.wait_for_function(LIVE, timeout=LIVE_MS)
    yield Viewer(page, complaints)
    page.close()


@dataclass(frozen=True, repr=False)
class Recording:
    """What a page showed and played.

    Attributes:
        cells: brightness of the cells of each picture that was shown, (frames, 2, BITS), 0 to 255.
        index: which picture of the stream each was, counted by its RTP time from the first one on, (frames,).
        displayed_ms: when each was on screen, since the epoch.
        stalls_ms: from when to when the whole browser stood still, not only its video, (stalls, 2).
        sound: all that was played, mono, 48 kHz.
        sound_began_ms: when its first sample was played.
        steps: the step events that the page has received.
        before, after: inbound RTP statistics by kind, at both ends.
    """

    cells: np.ndarray
    index: np.ndarray
    displayed_ms: np.ndarray
    stalls_ms: np.ndarray
    sound: Samples
    sound_began_ms: float
    steps: list[dict[str, Any]]
    before: dict[str, dict[str, Any]]
    after: dict[str, dict[str, Any]]

    @cached_property
    def numbers(self) -> list[int | None]:
        """What each picture says it is."""
        return [read_number(cells) for cells in self.cells]

    def freezes_ms(self) -> np.ndarray:
        """How long each picture stood before the next, less the time in which the browser itself stood still."""
        begins, ends = self.displayed_ms[:-1, None], self.displayed_ms[1:, None]
        still = np.minimum(ends, self.stalls_ms[:, 1]) - np.maximum(begins, self.stalls_ms[:, 0])
        return np.diff(self.displayed_ms) - still.clip(0).sum(axis=1)

    def grown(self, kind: str, name: str) -> float:
        """By how much a statistic grew."""
        return float(self.after[kind][name] - self.before[kind][name])


def record(page: Page, seconds: float, rate_hz: float) -> Recording:
    """Watch and listen for a while."""
    grid = {"rows": 2, "columns": BITS, "cell_width": CELL_WIDTH_PX, "cell_height": CELL_HEIGHT_PX}
    page.evaluate(RECORDER.read_text(encoding="utf-8"), grid)
    before = page.evaluate("recorder.stats()")
    page.wait_for_timeout(1000 * seconds)
    ended = page.evaluate("recorder.finish()")
    frames = ended["frames"]
    rtp = np.array([frame["rtp"] for frame in frames])
    ticks = (rtp - rtp[0] + 2**31) % 2**32 - 2**31  # RTP time has 32 bits, and begins anywhere
    index = ticks * rate_hz / RTP_HZ
    assert np.abs(index - index.round()).max() < 0.01, "pictures off the clip's own grid of times"
    return Recording(
        cells=np.array([frame["cells"] for frame in frames]).reshape(-1, 2, BITS),
        index=index.round().astype(int),
        displayed_ms=np.array([frame["displayed_ms"] for frame in frames]),
        stalls_ms=np.array(ended["stalls"], float).reshape(-1, 2),
        sound=np.frombuffer(base64.b64decode(ended["base64"]), "<i2").astype(np.float32) / 32768,
        sound_began_ms=ended["began_ms"],
        steps=ended["steps"],
        before=before,
        after=ended["stats"],
    )


@dataclass(frozen=True, repr=False)
class Walked:
    """What a walk says must be seen.

    Attributes:
        packets: the pictures from the start of the walk on.
        cells: the brightness of the cells in each, as another decoder than the browser's gives them.
    """

    packets: list[MediaPacket]
    cells: np.ndarray

    def shifted_to(self, recording: Recording) -> Walked:
        """Its stretch that was recorded: entry i is the picture with index i. Found by the most agreement."""
        votes: Counter[int] = Counter()
        places: dict[int | None, list[int]] = {}
        for place, packet in enumerate(self.packets):
            places.setdefault(packet.clip_frame, []).append(place)
        for index, number in zip(recording.index.tolist(), recording.numbers, strict=True):
            if number is not None:
                votes.update(place - index for place in places.get(number, []))
        assert votes, "not one picture could be read"
        offset = votes.most_common(1)[0][0]
        end = offset + int(recording.index[-1]) + 1
        assert 0 <= offset < end <= len(self.packets), "what was seen does not fit the walk at all"
        return Walked(self.packets[offset:end], self.cells[offset:end])

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The step events that the pages must receive."""
        rate_hz = 1 / self.packets[0].time_base
        events = []
        begins = [place for place, packet in enumerate(self.packets) if packet.step is not None]
        for begin, end in pairwise(begins):
            step, packets = self.packets[begin].step, self.packets[begin:end]
            shown = [packet.clip_frame for packet in packets if packet.clip_frame is not None]
            assert step is not None
            events.append({
                "segment": step.segment, "previous": step.previous, "jump": step.is_jump, "hit": False,
                "position_s": round(float(shown[0] / rate_hz), 3), "bridge_frames": len(packets) - len(shown),
            })  # fmt: skip
        return events


def walk(path: Path, *, jumps_per_minute: float, seed: int, seconds: float) -> Walked:
    """The walk that a server with these settings takes, made here without it."""
    with Texture.open(path) as texture:
        liveliness = texture.liveliness(jumps_per_minute)
        with Player(texture, liveliness, seed=seed) as player:
            packets = []
            for packet in player.packets():
                if packet.time_s > seconds:
                    break
                if packet.kind == "video":
                    packets.append(packet)
    pictures = decode_gop([packet.data for packet in packets])
    return Walked(packets, np.stack([_cells(picture.to_ndarray()) for picture in pictures]))


def _cells(planes: np.ndarray) -> np.ndarray:
    """The cells' brightness in a yuv420p picture, limited range made full, (2, BITS)."""
    top = planes[: 2 * CELL_HEIGHT_PX, : BITS * CELL_WIDTH_PX].reshape(2, CELL_HEIGHT_PX, BITS, CELL_WIDTH_PX)
    inner = top[:, CELL_HEIGHT_PX // 4 : -CELL_HEIGHT_PX // 4, :, CELL_WIDTH_PX // 4 : -CELL_WIDTH_PX // 4]
    return np.clip((inner.mean(axis=(1, 3)) - 16) * 255 / 219, 0, 255)
