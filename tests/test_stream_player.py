"""The player: the same walk offline and in real time."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing

import numpy as np
import pytest

from stream.itinerary import LOOK_AHEAD_S
from stream.liveliness import Liveliness
from stream.player import Player
from stream.splice import MediaPacket
from stream.texture import Texture
from stream.walk import Step
from tests.stream_media import NTSC_HZ, decode_video, open_texture


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Texture]:
    with open_texture(tmp_path_factory.mktemp("player") / "n.texture", rate_hz=NTSC_HZ) as texture:
        yield texture


@pytest.fixture(scope="module")
def lively(texture: Texture) -> Liveliness:
    return texture.usual_liveliness()


def calm(texture: Texture) -> Liveliness:
    """The whole clip over and over: one jump each time."""
    return texture.liveliness(0.5)


def steps_of(packets: list[MediaPacket]) -> list[Step]:
    return [packet.step for packet in packets if packet.step is not None]


def take(player: Player, count: int) -> list[MediaPacket]:
    return list(itertools.islice(player.packets(), count))


def determined(packet: MediaPacket) -> tuple[object, ...]:
    """What a seed settles: all but the bytes of a bridge, which x264 now and then encodes a little differently."""
    is_bridge = packet.kind == "video" and packet.clip_frame is None
    return packet.kind, packet.pts, packet.step, packet.clip_frame, None if is_bridge else packet.data


def test_the_seed_is_the_stream(texture: Texture, lively: Liveliness) -> None:
    streams = []
    for seed in (1, 1, 2):
        with Player(texture, lively, seed=seed) as player:
            streams.append([determined(packet) for packet in take(player, 1500)])
    assert streams[0] == streams[1]
    assert streams[0] != streams[2]


def test_without_a_seed_every_stream_is_another(texture: Texture, lively: Liveliness) -> None:
    walks = []
    for _ in range(2):
        with Player(texture, lively) as player:
            walks.append(steps_of(take(player, 1500)))
    assert walks[0] != walks[1]


def test_offline_each_jump_has_its_bridge(texture: Texture, lively: Liveliness) -> None:
    with Player(texture, lively, seed=3) as player:
        packets = take(player, 2000)
        steps = steps_of(packets)
        assert player.bridges.counts.cut == 0
        jumps = sum(step.is_jump for step in steps)
        assert jumps > 10
        assert jumps <= player.jumps <= jumps + 1, "the last step may have been begun"
    video = [packet for packet in packets if packet.kind == "video"]
    places = [index for index, packet in enumerate(video) if packet.step is not None]
    for place, step in zip(places[:-1], steps, strict=False):
        bridge = [packet.clip_frame for packet in video[place : place + 4]]
        assert (bridge == [None] * 4) == step.is_jump
    assert all(after.previous == before.segment for before, after in itertools.pairwise(steps))
    assert len(decode_video([packet.data for packet in video])) == len(video)


def test_only_ways_of_the_matrix_are_taken(texture: Texture, lively: Liveliness) -> None:
    matrix = lively.transitions.probabilities.toarray()
    with Player(texture, lively, seed=4) as player:
        for step in steps_of(take(player, 2000)):
            assert matrix[step.previous, step.segment] > 0


def test_another_liveliness_is_walked_after_what_is_planned(texture: Texture, lively: Liveliness) -> None:
    with Player(texture, lively, seed=5) as player:
        before = steps_of(take(player, 1000))
        player.set_liveliness(calm(texture))
        assert player.liveliness.jumps_per_minute < 0.5 * lively.jumps_per_minute
        after = steps_of(take(player, 1500))
    planned = round(LOOK_AHEAD_S / texture.tempo.stride_s) + 2
    matrix = player.liveliness.transitions.probabilities.toarray()
    assert all(matrix[step.previous, step.segment] > 0 for step in after[planned:])
    assert np.mean([step.is_jump for step in after[planned:]]) < 0.5 * np.mean([step.is_jump for step in before])


async def test_play_sends_each_packet_when_it_is_due(texture: Texture, lively: Liveliness) -> None:
    """Never early but for the clock's own grain; late only as much as a busy machine makes it."""
    arrived: list[tuple[float, MediaPacket]] = []
    with Player(texture, lively, seed=6) as player:
        async with aclosing(player.play()) as packets:
            async for packet in packets:
                arrived.append((time.monotonic(), packet))
                if packet.time_s > 1:
                    break
    began_s = arrived[0][0]
    late_s = [now_s - began_s - float(packet.time_s) for now_s, packet in arrived]
    if player.pacer.re_anchored == 0:
        assert min(late_s) > -0.005
    assert float(np.median(late_s)) < 0.05
    assert len(arrived) >= 30 + 50


async def test_play_sends_what_packets_gives(texture: Texture, lively: Liveliness) -> None:
    with Player(texture, lively, seed=7) as player:
        expected = take(player, 60)
    with Player(texture, lively, seed=7) as player:
        for step in steps_of(expected):
            player.bridges.wait((step.previous, step.segment))
        async with aclosing(player.play()) as packets:
            got = [await anext(packets) for _ in range(60)]
    assert [determined(packet) for packet in got] == [determined(packet) for packet in expected]


async def test_play_can_be_stopped_at_any_moment(texture: Texture, lively: Liveliness) -> None:
    others = asyncio.all_tasks()
    with Player(texture, lively, seed=8) as player:
        playing = player.play()
        await anext(playing)
        await playing.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(playing)

        async def listen() -> None:
            async with aclosing(player.play()) as packets:
                async for _ in packets:
                    pass

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0.1)
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening
    assert asyncio.all_tasks() == others
    assert not any(thread.name.startswith(("bridges", "player")) for thread in threading.enumerate())


async def test_a_missed_bridge_is_counted_and_played_as_a_cut(
    texture: Texture, lively: Liveliness, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Player(texture, lively, seed=9) as player:
        monkeypatch.setattr(player.bridges, "wait", lambda edge, _: player.bridges.ready(edge))  # none in time
        monkeypatch.setattr(player.bridges, "request", lambda edge: None)
        monkeypatch.setattr(player.pacer, "delay_s", lambda media_s, now_s: 0.0)  # as fast as it goes
        async with aclosing(player.play()) as playing:
            packets = [await anext(playing) for _ in range(1500)]
        assert 5 < player.jumps <= player.bridges.counts.cut <= player.jumps + 2, "the next steps are laid ahead"
        assert player.bridges.counts.made == 0
    video = [packet for packet in packets if packet.kind == "video"]
    assert all(packet.clip_frame is not None for packet in video)
    cuts = [after.clip_frame != before.clip_frame + 1 for before, after in itertools.pairwise(video)]
    assert sum(cuts) >= player.jumps - 2
    assert len(decode_video([packet.data for packet in video])) == len(video)
    sound = [packet.pts for packet in packets if packet.kind == "audio"]
    assert sound == [index * 960 for index in range(len(sound))]


async def test_bridges_are_asked_for_ahead_of_time(texture: Texture, lively: Liveliness) -> None:
    """In two seconds of real time, at a jump or more each second, every bridge is there when it is needed."""
    with Player(texture, lively, seed=10) as player:
        async with aclosing(player.play()) as packets:
            async for packet in packets:
                if packet.time_s > 2:
                    break
        assert player.jumps > 0
        assert player.bridges.counts.made > 0
        assert player.bridges.counts.cut <= max(1, player.jumps // 4), "one in the very first steps may be late"
