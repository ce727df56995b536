"""From one texture to another within one stream: nothing is missing, nothing is damaged, and it dissolves."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from fractions import Fraction

import numpy as np
import pytest

from server.channel import Channel, TextureEvent
from stream.changeover import Exit, dissolve, entrance
from stream.player import Player
from stream.reel import MediaPacket
from stream.sound import PACKET_SAMPLES
from stream.texture import Texture
from tests.stream_media import NTSC_HZ, decode_sound, decode_video, open_texture, planes_of

LIMIT_S = 20


@pytest.fixture(scope="module")
def textures(tmp_path_factory: pytest.TempPathFactory):
    """By name: at 30 Hz, at 25 Hz, at 29.97 Hz without sound."""
    folder = tmp_path_factory.mktemp("changeover")
    with ExitStack() as opened:
        yield {
            name: opened.enter_context(open_texture(folder / f"{name}.texture", rate_hz=rate_hz, sound=sound))
            for name, rate_hz, sound in (
                ("thirty", Fraction(30), True), ("other", Fraction(30), True), ("slow", Fraction(25), True),
                ("mute", NTSC_HZ, False),
            )
        }  # fmt: skip


def player_of(texture: Texture, seed: int) -> Player:
    return Player(texture, texture.usual_liveliness(), seed=seed)


async def changed(old: Texture, new: Texture, *, after_s: float = 0.7, freeze: bool = False):
    """All packets of a channel that goes over from one texture to another, and how long that took."""
    packets: list[MediaPacket] = []
    with player_of(old, 1) as first, player_of(new, 2) as second:
        channel = Channel(first)
        channel.taps.append(packets.append)
        running = asyncio.create_task(channel.run())
        await asyncio.sleep(after_s)
        if freeze:
            channel.controls.change({"freeze": True})
            await asyncio.sleep(0.4)
        began_s = time.monotonic()
        async with asyncio.timeout(LIMIT_S):
            await channel.change_to(second)
        took_s = time.monotonic() - began_s
        assert channel.player is second
        await asyncio.sleep(1.2)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return packets, took_s


def videos(packets: list[MediaPacket]) -> list[MediaPacket]:
    return [packet for packet in packets if packet.kind == "video"]


@pytest.mark.parametrize(
    ("old", "new"), [("thirty", "other"), ("thirty", "slow"), ("slow", "mute"), ("mute", "thirty")]
)
async def test_the_stream_goes_on_without_a_gap(textures: dict[str, Texture], old: str, new: str) -> None:
    packets, took_s = await changed(textures[old], textures[new])
    shown = videos(packets)
    frame_s = max(packet.time_base for packet in shown)
    times = [packet.time_s for packet in shown]
    gaps = np.diff([float(time) for time in times])
    assert gaps.min() > 0
    assert gaps.max() < 2 * float(frame_s)
    bases = [packet.time_base for packet in shown]
    turn = next((place for place, base in enumerate(bases) if base != bases[0]), None)
    if turn is not None:
        assert set(bases[turn:]) == {textures[new].manifest.video_format().time_base}
        assert shown[turn].is_keyframe
    assert took_s < 3
    assert len(decode_video([packet.data for packet in shown])) == len(shown)


@pytest.mark.parametrize(("old", "new"), [("thirty", "other"), ("thirty", "slow")])
async def test_the_sound_goes_on_by_packets_of_20_ms(textures: dict[str, Texture], old: str, new: str) -> None:
    packets, _ = await changed(textures[old], textures[new])
    sounds = [packet for packet in packets if packet.kind == "audio"]
    assert [packet.pts for packet in sounds] == [place * PACKET_SAMPLES for place in range(len(sounds))]
    heard = decode_sound([packet.data for packet in sounds])
    loud = np.sqrt((heard.reshape(len(sounds), -1) ** 2).mean(axis=1))
    assert (loud[10:] > 0.05).all()  # a rising tone in both, equal power between
    last = {kind: max(packet.time_s for packet in packets if packet.kind == kind) for kind in ("video", "audio")}
    assert abs(last["video"] - last["audio"]) < 0.06


def test_a_dissolve_goes_from_the_old_picture_to_the_new(textures: dict[str, Texture]) -> None:
    old, new = textures["thirty"], textures["slow"]
    last, first = 3, 20
    units = dissolve(old, last, new, first)
    form = new.manifest.video_format()
    assert len(units) % form.gop_frames == 0
    assert 0.5 <= len(units) * form.time_base <= 1.0
    assert [unit.is_keyframe for unit in units] == [place % form.gop_frames == 0 for place in range(len(units))]
    pictures = decode_video([unit.data for unit in units])
    begins = decode_video(old.gop(last))[-1]
    ends = decode_video(new.gop(first))[0]
    # what the first shows is the old, what the last shows is what comes before the new
    assert apart(pictures[0], begins) < 0.5 * apart(pictures[-1], begins)
    assert apart(pictures[-1], ends) < 0.5 * apart(pictures[0], ends)


@pytest.mark.parametrize("first", [0, 1])
def test_where_nothing_comes_before_or_after_it_holds_the_picture(textures: dict[str, Texture], first: int) -> None:
    old, new = textures["thirty"], textures["other"]
    units = dissolve(old, old.segments.count - 1, new, first)
    assert len(decode_video([unit.data for unit in units])) == len(units)


def test_the_entrance_counts_on_in_the_new_time_base(textures: dict[str, Texture]) -> None:
    old, new = textures["thirty"], textures["slow"]
    left = Exit(ends_s=Fraction(101, 30), sounds=168, offset=5)
    entered = entrance(left, old, new, 4, ())
    assert entered.frames == 85  # at 3.4 s, the first picture of 25 Hz that is not before 3.367 s
    assert entered.sounds == 168
    assert len(entered.fade) == 2  # until 3.4 s, which packet 170 begins at
    assert entrance(left, old, textures["mute"], 4, ()).fade == ()


async def test_what_stands_still_is_left_by_a_cut_and_goes_on_standing_still(textures: dict[str, Texture]) -> None:
    packets, took_s = await changed(textures["thirty"], textures["other"], freeze=True)
    shown = videos(packets)
    assert took_s < 2
    assert len(decode_video([packet.data for packet in shown])) == len(shown)
    times = [packet.time_s for packet in shown]
    assert np.diff([float(time) for time in times]).max() < 0.05


async def test_everybody_is_told(textures: dict[str, Texture]) -> None:
    followed: list[Player] = []
    with player_of(textures["thirty"], 1) as first, player_of(textures["other"], 2) as second:
        channel = Channel(first)
        channel.followers.append(followed.append)
        with channel.events.listen() as events:
            running = asyncio.create_task(channel.run())
            changing = asyncio.create_task(channel.change_to(second))
            async with asyncio.timeout(LIMIT_S):
                async for event in events:
                    if isinstance(event, TextureEvent):
                        break
                await changing
            assert event.name == textures["other"].name
            assert channel.controls.player is second
            assert followed == [second]
            running.cancel()


def apart(one, two) -> float:
    """Mean difference of luma."""
    return float(np.abs(planes_of(one)[0].astype(float) - planes_of(two)[0]).mean())
