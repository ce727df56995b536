"""The performer's desk: by hand, by the sound, over HTTP, and by server-sent events."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from server.controls import Controls
from stream.performance import PARAMETERS, Performance
from stream.player import Player
from stream.texture import Texture
from tests.serving import LocalServer
from tests.stream_media import open_texture
from tests.test_server_api import EVENTS_S, events


@dataclass(frozen=True)
class Onset:
    strength: float = 1.0
    at_s: float = 0.0


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with open_texture(tmp_path_factory.mktemp("controls") / "n.texture", seconds=3.0, sound=False) as texture:
        yield texture


@pytest.fixture
def player(texture: Texture) -> Any:
    with Player(texture, texture.usual_liveliness(), seed=1) as player:
        yield player


def test_what_is_turned_is_played_and_told(player: Player) -> None:
    controls = Controls(player)
    told: list[Performance] = []
    end = controls.listen(told.append)
    controls.change({"alpha": 0.2, "freeze": True})
    assert player._stage.cues.performance == controls.performance == told[-1]
    controls.change({"alpha": 0.2})
    assert len(told) == 1, "nothing changed"
    with pytest.raises(ValueError, match="alpha"):
        controls.change({"freeze": False, "alpha": 7})
    assert controls.performance.freeze
    end()
    controls.change({"alpha": 0.9})
    assert len(told) == 1


def test_many_threads_may_turn_at_once(player: Player) -> None:
    controls = Controls(player)
    names = ["alpha", "sensitivity"]

    def turn(name: str) -> None:
        for index in range(200):
            controls.change({name: index / 199})

    threads = [threading.Thread(target=turn, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert controls.performance.alpha == controls.performance.sensitivity == 1.0, "no change overwrote another"
    assert player._stage.cues.performance == controls.performance


def test_what_is_told_last_is_what_was_turned_last(player: Player) -> None:
    controls, told = Controls(player), list[float]()
    follower = threading.Thread(target=controls.change, args=({"alpha": 0.2},))

    def slow(turned: Performance) -> None:
        if turned.alpha == 0.1:
            follower.start()
            follower.join(0.1)
        told.append(turned.alpha)

    controls.listen(slow)
    controls.change({"alpha": 0.1})
    follower.join()
    assert told == [0.1, 0.2]
    assert controls.performance.alpha == 0.2


def test_onsets_hit_as_the_performance_lets_them(player: Player) -> None:
    controls = Controls(player)
    hits: list[float | None] = []
    player.hit = lambda due_s=None, sounded_s=0.0: hits.append(due_s)  # type: ignore[method-assign, misc]
    controls.change({"cooldown_ms": 300})
    due = [
        controls.on_onset(Onset(strength), None, now_s) for strength, now_s in ((1, 5.0), (1, 5.1), (0.1, 6), (1, 7))
    ]
    assert due == [5.0, None, None, 7.0]
    assert hits == [5.0, 7.0]


def test_taps_reach_whoever_listens(player: Player) -> None:
    controls, taps = Controls(player), []
    assert not controls.tap()
    controls.tap_target = taps.append
    before_s = time.monotonic()
    assert controls.tap()
    assert controls.tap(12.5)
    assert before_s <= taps[0] <= time.monotonic()
    assert taps[1] == 12.5


async def test_the_table_over_http_is_the_table(http: httpx.AsyncClient) -> None:
    told = (await http.get("/api/performance/parameters")).json()
    assert [row["name"] for row in told] == list(PARAMETERS)
    for row in told:
        assert row["doc"]
        assert row["expected"]
        assert row["kind"] in ("number", "switch", "choice")
    values = (await http.get("/api/performance")).json()
    assert values == {row["name"]: row["default"] for row in told}


async def test_a_change_over_http_is_played_and_told_to_everyone(http: httpx.AsyncClient, server: LocalServer) -> None:
    async with asyncio.timeout(EVENTS_S), aclosing(events(http)) as told:
        await anext(told)
        answer = await http.patch("/api/performance", json={"alpha": 0.25, "quantise": "beat", "gain_db": "auto"})
        assert answer.status_code == 200
        async for name, data in told:
            if name == "performance" and data["quantise"] == "beat":
                assert data == answer.json()
                break
    assert server.channel.controls.performance.alpha == 0.25
    assert (await http.get("/api/performance")).json() == answer.json()


@pytest.mark.parametrize(
    ("body", "said"),
    [('{"alpha": 2}', "from 0 to 1"), ('{"alpha": NaN}', "from 0 to 1"), ('{"volume": 1}', "only alpha"),
     ('{"freeze": "maybe"}', "true or false"), ("[]", ""), ("7", ""), ("{", ""),
     ('{"alpha": 0.1, "quantise": 3}', "beat")],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused_and_nothing_changed(
    http: httpx.AsyncClient, body: str, said: str
) -> None:
    before = (await http.get("/api/performance")).json()
    answer = await http.patch("/api/performance", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert said in answer.json()["detail"][0]["msg"]
    assert (await http.get("/api/performance")).json() == before


async def test_a_hit_over_http_is_shown(http: httpx.AsyncClient, server: LocalServer) -> None:
    async with asyncio.timeout(EVENTS_S), aclosing(events(http)) as told:
        await anext(told)
        assert (await http.post("/api/hit")).status_code == 204
        async for name, data in told:
            if name == "step" and data["hit"]:
                break
    assert server.channel.player.hits == 1
    assert (await http.get("/api/state")).json()["hits"] == 1


async def test_a_tap_over_http(http: httpx.AsyncClient, server: LocalServer) -> None:
    refused = await http.post("/api/tap")
    assert refused.status_code == 409
    assert "--mic" in refused.json()["detail"]
    taps: list[float] = []
    server.channel.controls.tap_target = taps.append
    assert (await http.post("/api/tap")).status_code == 204
    assert len(taps) == 1


async def test_midi_and_osc_are_listed(http: httpx.AsyncClient) -> None:
    turned = {row["turns"] for row in (await http.get("/api/midi")).json() if "turns" in row}
    assert turned == set(PARAMETERS)
    assert set(PARAMETERS) < set((await http.get("/api/osc")).json()["CONTENTS"])


async def test_the_rate_of_jumps_is_turned_by_any_thread_and_told(http: httpx.AsyncClient, server: LocalServer) -> None:
    controls = server.channel.controls
    before = controls.jumps_per_minute
    async with asyncio.timeout(EVENTS_S), aclosing(events(http)) as told:
        await anext(told)
        for rate in (40, 50, 5):  # as a knob that is turned: what is not solved yet may be skipped
            await asyncio.to_thread(controls.want_jumps, rate)
        async for name, data in told:
            if name == "settings" and data["jumps_per_minute"] < 10:
                break
    assert controls.jumps_per_minute < 10 < before
    with pytest.raises(ValueError, match=r"from 0\.1 to 60 per minute"):
        controls.want_jumps(0)
