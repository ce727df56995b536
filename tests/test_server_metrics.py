"""What Prometheus collects, read by its own parser; and the two questions of whoever restarts us."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open_metrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from server.access import Access
from server.app import Manners, create_app
from server.channel import Channel
from server.ears import Ears
from server.metrics import Metrics
from server.targets.address import Kind, destination
from server.targets.targets import Targets
from stream.hearing.browser import BrowserSource
from stream.player import Player
from stream.texture import Texture
from tests.serving import LocalServer, serve_here
from tests.whep_peer import peer, viewers, watch

OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
VIEWER, CONTROL = "viewer-token-0123456789", "control-token-012345678"
WAIT_S = 20.0


async def scrape(http: httpx.AsyncClient) -> dict[str, float]:
    """Each sample by its name, with its labels where it has some."""
    answer = await http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return samples(answer.text)


def samples(text: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for family in parse_text(text):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            name = f"{sample.name}{{{labels}}}" if labels else sample.name
            assert name not in found, f"{name} is told twice"
            found[name] = sample.value
    return found


async def until_frames(http: httpx.AsyncClient, frames: float) -> dict[str, float]:
    async with asyncio.timeout(WAIT_S):
        while (now := await scrape(http))["videotexture_frames_total"] < frames:  # noqa: ASYNC110 (over HTTP)
            await asyncio.sleep(0.05)
    return now


async def test_what_plays_moves_its_figures(http: httpx.AsyncClient) -> None:
    before = await until_frames(http, 10)
    after = await until_frames(http, before["videotexture_frames_total"] + 60)
    for name in ("frames", "keyframes", "steps", "sound_packets"):
        assert after[f"videotexture_{name}_total"] > before[f"videotexture_{name}_total"], name
    assert after["videotexture_uptime_seconds"] > before["videotexture_uptime_seconds"]
    assert all(value >= before[name] for name, value in after.items() if name.endswith("_total")), "a counter fell"
    departed = "videotexture_stage_duration_seconds_count{stage=departure}"
    packets = after["videotexture_frames_total"] + after["videotexture_sound_packets_total"]
    assert after[departed] == pytest.approx(packets, abs=1)
    assert after["videotexture_stage_duration_seconds_count{stage=lay}"] > 0
    in_time = after["videotexture_stage_duration_seconds_bucket{le=2.0,stage=departure}"]
    assert in_time == after[departed], "nothing leaves two seconds late"


async def test_the_process_is_told_as_the_system_sees_it(http: httpx.AsyncClient) -> None:
    told, process = await scrape(http), psutil.Process()
    assert told["process_resident_memory_bytes"] == pytest.approx(process.memory_info().rss, rel=0.2)
    assert told["process_open_fds"] == pytest.approx(process.num_fds(), abs=3)
    assert threading.active_count() <= told["videotexture_threads"] <= process.num_threads() + 2
    assert told["videotexture_tasks"] >= 2


async def test_a_viewer_is_counted_and_what_it_was_sent(http: httpx.AsyncClient) -> None:
    before = await scrape(http)
    assert before["videotexture_viewers"] == before["videotexture_sent_packets_total"] == 0
    async with peer("video", "audio") as player:
        session = await watch(http, player)
        await player.frames("video", 10)
        during = await scrape(http)
        assert during["videotexture_viewers"] == during["videotexture_sessions"] == 1
        assert during["videotexture_sessions_opened_total"] == 1
        assert during["videotexture_stage_duration_seconds_count{stage=answer}"] == 1
        assert during["videotexture_sent_packets_total"] >= 10
        assert during["videotexture_sent_bytes_total"] > 5000
        await http.delete(session)
    await viewers(http, 0)
    after = await scrape(http)
    assert after["videotexture_viewers"] == 0
    assert after["videotexture_sent_packets_total"] >= during["videotexture_sent_packets_total"]


async def test_open_metrics_are_given_to_whoever_asks(http: httpx.AsyncClient) -> None:
    answer = await http.get("/metrics", headers={"Accept": OPEN_METRICS})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    families = {family.name: family for family in parse_open_metrics(answer.text)}
    assert families["videotexture_frames"].type == "counter"
    assert families["videotexture_stage_duration_seconds"].type == "histogram"
    assert families["videotexture_target_state"].type == "stateset"
    assert all(family.documentation for family in families.values())


def test_each_server_has_figures_of_its_own(small_texture: Path) -> None:
    with Texture.open(small_texture) as texture, Player(texture, texture.usual_liveliness(), seed=1) as player:
        for _ in range(2):
            create_app(Channel(player))
    assert not [family for family in REGISTRY.collect() if family.name.startswith("videotexture")]


async def test_targets_and_hearing_have_figures_too(small_texture: Path, tmp_path: Path) -> None:
    with Texture.open(small_texture) as texture, Player(texture, texture.usual_liveliness(), seed=1) as player:
        channel = Channel(player)
        targets = Targets(texture, (destination(Kind.RECORD, str(tmp_path)),), announce=channel.events.send)
        async with targets:
            channel.taps.append(targets.offer)
            with Ears(BrowserSource(), channel.controls, None) as ears:
                app = create_app(channel, None, ears, targets)
                playing = asyncio.create_task(channel.run())
                client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")
                async with client as http, asyncio.timeout(WAIT_S):
                    confirmed = "videotexture_target_confirmed_bytes_total{kind=record,target=record-1}"
                    while (now := await scrape(http))[confirmed] == 0:  # noqa: ASYNC110 (over HTTP)
                        await asyncio.sleep(0.1)
                playing.cancel()
    live = {state: now[f"videotexture_target_state{{kind=record,target=record-1,videotexture_target_state={state}}}"]
            for state in ("connecting", "live", "stalled", "retrying", "stopped")}  # fmt: skip
    assert live == {"connecting": 0, "live": 1, "stalled": 0, "retrying": 0, "stopped": 0}
    assert now["videotexture_target_attempts_total{kind=record,target=record-1}"] == 1
    assert now["videotexture_hearing_overruns_total"] == 0
    assert sum(value for name, value in now.items() if name.startswith("videotexture_hearing_state")) == 1


async def test_figures_want_the_token_where_watching_does_and_health_never(small_texture: Path) -> None:
    manners = Manners(Access(VIEWER, CONTROL, is_local=False))
    async with serve_here(small_texture, manners=manners) as server, httpx.AsyncClient(base_url=server.address) as http:
        assert (await http.get("/metrics")).status_code == 401
        for token in (VIEWER, CONTROL):
            answer = await http.get("/metrics", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 200
        assert (await http.get("/healthz")).json() == {"status": "ok", "reason": ""}
        async with asyncio.timeout(WAIT_S):
            while (await http.get("/readyz")).status_code != 200:  # noqa: ASYNC110 (over HTTP)
                await asyncio.sleep(0.05)


async def test_it_is_ready_while_pictures_leave_and_says_why_it_is_not(small_texture: Path) -> None:
    with Texture.open(small_texture) as texture, Player(texture, texture.usual_liveliness(), seed=1) as player:
        channel = Channel(player)
        transport = httpx.ASGITransport(create_app(channel))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            early = await http.get("/readyz")
            assert (early.status_code, early.json()["status"]) == (503, "trouble")
            assert "no picture has left yet" in early.json()["reason"]
            assert early.headers["retry-after"] == "1"
            playing = asyncio.create_task(channel.run())
            async with asyncio.timeout(WAIT_S):
                while (await http.get("/readyz")).status_code != 200:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            playing.cancel()
            await asyncio.sleep(1.2)
            stopped = await http.get("/readyz")
            assert stopped.status_code == 503
            assert "no picture has left for 1." in stopped.json()["reason"]
            assert (await http.get("/healthz")).status_code == 200, "it lives all the same"


async def test_collecting_takes_no_time_that_a_picture_would_miss(server: LocalServer) -> None:
    registry = Metrics(server.channel, server.sessions).registry
    took_s = []
    for _ in range(20):
        began_s = time.process_time()
        generate_latest(registry)
        took_s.append(time.process_time() - began_s)
    assert sorted(took_s)[10] < 0.02
