"""Several textures in one server: by name, one at a time, by the clock, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
import time as clock
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from datetime import datetime, time, timedelta
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from server.channel import Channel
from server.errors import BusyError, NoTextureError, ServerError
from server.repertoire import Listed, Repertoire
from server.schedule import Schedule, follow
from server.targets.address import Kind, destination
from server.targets.status import State, TargetEvent
from server.targets.targets import Targets
from stream.errors import TextureError
from stream.player import Player
from stream.texture import Texture
from tests.serving import serve_process
from tests.stream_media import write_texture

NAMES = ("fire", "water")
LIMIT_S = 30


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("repertoire")
    return {name: write_texture(folder / f"{name}.texture") for name in NAMES}


@contextmanager
def opened(path: Path) -> Iterator[Player]:
    with Texture.open(path) as texture, Player(texture, texture.usual_liveliness(), seed=1) as player:
        yield player


async def test_one_takes_the_others_place(paths: dict[str, Path]) -> None:
    with Repertoire(paths, opened) as repertoire:
        channel = Channel(repertoire.begin("fire"))
        assert repertoire.listed() == [Listed("fire", True), Listed("water", False)]
        running = asyncio.create_task(channel.run())
        async with asyncio.timeout(LIMIT_S):
            await repertoire.change(channel, "water")
            assert (repertoire.playing, channel.player.texture.name) == ("water", "water")
            playing = channel.player
            await repertoire.change(channel, "water")
            assert channel.player is playing  # there is nothing to change
            await repertoire.change(channel, "fire")
        assert channel.player.texture.name == "fire"
        running.cancel()


async def test_what_is_shown_stays_where_another_cannot_be_had(paths: dict[str, Path], tmp_path: Path) -> None:
    with Repertoire({**paths, "gone": tmp_path / "gone.texture"}, opened) as repertoire:
        channel = Channel(repertoire.begin("fire"))
        running = asyncio.create_task(channel.run())
        with pytest.raises(NoTextureError, match="expected one of fire, water, gone"):
            await repertoire.change(channel, "earth")
        with pytest.raises(TextureError, match="gone"):
            await repertoire.change(channel, "gone")
        steps = channel.steps
        await asyncio.sleep(0.6)
        assert channel.steps > steps
        assert repertoire.playing == "fire"
        async with asyncio.timeout(LIMIT_S):
            one = asyncio.create_task(repertoire.change(channel, "water"))
            await asyncio.sleep(0)
            with pytest.raises(BusyError):
                await repertoire.change(channel, "fire")
            await one
        running.cancel()


async def test_a_year_of_changes_leaves_nothing_behind(paths: dict[str, Path]) -> None:
    """Threads and open files after many changes are those after one."""
    import psutil

    us = psutil.Process()
    with Repertoire(paths, opened) as repertoire:
        channel = Channel(repertoire.begin("fire"))
        running = asyncio.create_task(channel.run())
        counts = []
        await asyncio.gather(*(asyncio.to_thread(clock.sleep, 0.02) for _ in range(40)))  # the loop's own threads
        async with asyncio.timeout(100):
            for place in range(5):
                await repertoire.change(channel, NAMES[(place + 1) % 2])
                counts.append((us.num_fds(), us.num_threads()))
        running.cancel()
    assert counts[-1][0] <= counts[1][0] + 1
    # A player starts its threads as it needs them, and so does the loop: four players left open would be twelve more.
    assert counts[-1][1] <= counts[1][1] + 4


@pytest.mark.parametrize(
    ("at", "due"), [("00:00", "water"), ("06:59", "water"), ("07:00", "fire"), ("12:00", "fire"), ("23:59", "water")]
)
def test_a_playlist_says_what_is_due(at: str, due: str) -> None:
    schedule = Schedule.parse(["18:30=water", " 7:00=fire "], NAMES)
    assert schedule.due(time.fromisoformat(at)) == due


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        (["7=fire"], "expected a time of day"),
        (["24:00=fire"], "expected a time of day"),
        (["07:60=fire"], "expected a time of day"),
        (["07:00=earth"], "expected one of fire, water"),
        (["07:00=fire", "7:00=water"], "already"),
    ],
)
def test_a_wrong_playlist_is_told(entries: list[str], told: str) -> None:
    with pytest.raises(ServerError, match=told):
        Schedule.parse(entries, NAMES)


async def test_the_clock_is_followed_and_a_choice_by_hand_stays_until_the_next_cue(
    paths: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.schedule.LOOKED_AT_S", 0.02)
    now = datetime(2026, 3, 1, 6, 59)
    schedule = Schedule.parse(["07:00=fire", "08:00=water"], NAMES)
    with Repertoire(paths, opened) as repertoire:
        channel = Channel(repertoire.begin(schedule.due(now.time())))
        tasks = [
            asyncio.create_task(channel.run()),
            asyncio.create_task(follow(schedule, repertoire, channel, lambda: now)),
        ]
        assert repertoire.playing == "water"
        async with asyncio.timeout(LIMIT_S):
            now += timedelta(minutes=2)
            await until(lambda: repertoire.playing == "fire")
            await repertoire.change(channel, "water")
            await asyncio.sleep(0.2)
            assert repertoire.playing == "water"
            now += timedelta(days=1)  # seven o'clock again: nothing new is due, the hand still holds
            await asyncio.sleep(0.2)
            assert repertoire.playing == "water"
            await repertoire.change(channel, "fire")
            now += timedelta(hours=1)
            await until(lambda: repertoire.playing == "water")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - what is waited for has no event to tell
        await asyncio.sleep(0.02)


def put(address: str, body: object) -> tuple[int, object]:
    request = urllib.request.Request(
        f"{address}api/texture", json.dumps(body).encode(), {"Content-Type": "application/json"}, method="PUT"
    )
    try:
        with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def get(address: str, path: str) -> object:
    with urllib.request.urlopen(f"{address}{path}", timeout=LIMIT_S) as answer:
        return json.load(answer)


def test_over_http(paths: dict[str, Path]) -> None:
    with serve_process(paths["fire"], str(paths["water"]), "--seed", "3") as server:
        assert get(server.address, "api/textures") == [
            {"name": "fire", "playing": True}, {"name": "water", "playing": False}
        ]  # fmt: skip
        assert put(server.address, {"name": "water"}) == (
            200, [{"name": "fire", "playing": False}, {"name": "water", "playing": True}]
        )  # fmt: skip
        assert get(server.address, "api/texture")["name"] == "water"
        assert put(server.address, {"name": "earth"})[0] == 404
        assert put(server.address, {"name": ""})[0] == 422
        assert put(server.address, {})[0] == 422
        steps = get(server.address, "api/state")["steps"]
        assert steps > 3
        assert "Traceback" not in server.stop()


def test_over_the_command_line(paths: dict[str, Path], tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match="expected one of fire, water"),
        serve_process(paths["fire"], str(paths["water"]), "--play-at", "07:00=earth"),
    ):
        pass
    same = write_texture(tmp_path / "fire.texture", seconds=4)
    with pytest.raises(AssertionError, match="the same name"), serve_process(paths["fire"], str(same)):
        pass
    missing = tmp_path / "none.texture"
    with pytest.raises(AssertionError, match="no such texture"), serve_process(paths["fire"], str(missing)):
        pass


async def test_a_player_that_is_left_ends(paths: dict[str, Path]) -> None:
    with opened(paths["fire"]) as player:
        count = 0
        async with asyncio.timeout(LIMIT_S), aclosing(player.play()) as packets:
            async for _ in packets:
                count += 1
                if count == 20:
                    leaving = player.leave()
        assert leaving.left.done()
        assert leaving.last is not None
        assert count > 40


async def test_a_recording_is_begun_anew_where_the_format_changes_and_goes_on_where_it_does_not(
    paths: dict[str, Path], tmp_path: Path
) -> None:
    slow = write_texture(tmp_path / "slow.texture", rate_hz=Fraction(25))
    folder = tmp_path / "films"
    with Repertoire({**paths, "slow": slow}, opened) as repertoire:
        channel = Channel(repertoire.begin("fire"))
        told: list[TargetEvent] = []
        async with (
            Targets(channel.player.texture, (destination(Kind.RECORD, str(folder)),), announce=told.append) as targets,
            asyncio.timeout(90),
        ):
            channel.taps.append(targets.offer)
            channel.followers.append(lambda player: targets.play(player.texture))
            running = asyncio.create_task(channel.run())
            await until(lambda: any(status.state is State.LIVE for status in targets.statuses()))
            await repertoire.change(channel, "water")  # the same format
            await asyncio.sleep(0.5)
            assert len(list(folder.iterdir())) == 1
            await repertoire.change(channel, "slow")
            await until(lambda: len(list(folder.iterdir())) == 2)
            await until(lambda: targets.statuses()[0].state is State.LIVE)
            await asyncio.sleep(1.5)
            assert [status.id for status in targets.statuses()] == ["record-1"]
            running.cancel()
    rates = []
    for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime):
        with av.open(str(path)) as container:
            pictures = list(container.decode(video=0))
            rates.append(container.streams.video[0].average_rate)
            steps = np.diff([float(picture.pts * picture.time_base) for picture in pictures])
            assert steps == pytest.approx(1 / float(rates[-1]), abs=2e-3)
    assert rates == [30, 25]
