"""What is heard, wired: onsets hit, the sound conditions, and a lost source lets the picture go on by itself."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from server.controls import Controls
from server.ears import Ears, HearingEvent
from stream.errors import MicrophoneError
from stream.hearing.choose import open_source
from stream.hearing.file import FileSource
from stream.hearing.source import SAMPLE_RATE_HZ, SourceState
from stream.player import Player
from stream.texture import Texture
from tests.sounds import write_wav
from tests.stream_media import open_texture


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Texture]:
    with open_texture(tmp_path_factory.mktemp("ears") / "n.texture") as texture:
        yield texture


@pytest.fixture(scope="module")
def clicks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten clicks, 0.4 s apart."""
    random = np.random.default_rng(0)
    sound = 1e-4 * random.standard_normal(5 * SAMPLE_RATE_HZ)
    for number in range(10):
        at = round((0.5 + 0.4 * number) * SAMPLE_RATE_HZ)
        sound[at : at + 800] += random.standard_normal(800) * np.exp(-np.arange(800) / 120) * 0.3
    return write_wav(tmp_path_factory.mktemp("clicks") / "clicks.wav", sound, SAMPLE_RATE_HZ)


async def played(player: Player, seconds: float) -> AsyncIterator[float]:
    """When each hit's first picture left."""
    async with aclosing(player.play()) as packets:
        ends_s = time.monotonic() + seconds
        async for packet in packets:
            if packet.is_hit:
                yield time.monotonic()
            if time.monotonic() > ends_s:
                return


async def test_onsets_hit(texture: Texture, clicks: Path) -> None:
    with Player(texture, texture.usual_liveliness(), seed=0) as player:
        controls = Controls(player)
        controls.change({"sensitivity": 0.8})
        with Ears(FileSource(str(clicks)), controls, None) as ears:
            shown_s = [at_s async for at_s in played(player, 5.0)]
            told = list(ears.onsets)
    assert 8 <= len(told) <= 12
    assert len(shown_s) >= 7
    for at_s in shown_s:
        nearest = min(told, key=lambda onset: abs(at_s - onset.told_s))
        assert nearest.due_s is not None
        assert -0.01 < at_s - nearest.told_s < 0.25, "a busy machine is late, but a hit never comes before its onset"


async def test_the_desk_is_heeded(texture: Texture, clicks: Path) -> None:
    with Player(texture, texture.usual_liveliness(), seed=0) as player:
        controls = Controls(player)
        with Ears(FileSource(str(clicks)), controls, None) as ears:
            controls.change({"hits": False, "gain_db": -12})
            assert not [at_s async for at_s in played(player, 2.0)]
            assert ears.statistics()["gain_db"] == pytest.approx(-12)
            assert controls.tap()
        assert not controls.tap(), "nothing listens any more"
        controls.change({"sensitivity": 0.1})  # and nothing breaks by that


async def test_each_change_of_state_is_told(texture: Texture, clicks: Path) -> None:
    told: list[HearingEvent] = []
    ended = asyncio.Event()

    def tell(event: HearingEvent) -> None:
        told.append(event)
        if event.state is SourceState.ENDED:
            ended.set()

    with Player(texture, texture.usual_liveliness(), seed=0) as player:
        with Ears(FileSource(str(clicks)), Controls(player), None) as ears:
            watching = asyncio.create_task(ears.watch(tell))
            async with asyncio.timeout(20):
                await ended.wait()
            watching.cancel()
        assert json.dumps(ears.statistics(), allow_nan=False)
    states = [event.state for event in told]
    assert SourceState.LIVE in states
    assert all(one != other for one, other in pairwise(told))


def test_a_source_that_is_not_there_is_refused_and_nothing_stays_wired(texture: Texture, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound at all")
    with Player(texture, texture.usual_liveliness(), seed=0) as player:
        controls = Controls(player)
        source = open_source(str(tmp_path / "text.wav"))
        with pytest.raises(MicrophoneError, match=r"text\.wav"), Ears(source, controls, None):
            pass
        assert not controls.tap()
        controls.change({"sensitivity": 0.3})
