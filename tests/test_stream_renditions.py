"""Smaller renditions: the same pictures at the same places, whatever is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from stream.bridges import Bridges
from stream.changeover import dissolve
from stream.errors import TextureError
from stream.h264 import GopFile, VideoFormat
from stream.performance import Performance
from stream.player import Player
from stream.reel import MediaPacket
from stream.renditions import SHORTEST_SIDE_PX, lighter_formats
from stream.texture import Texture
from stream.texture_folder import RENDITION_BRIDGES, RENDITION_VIDEO
from tests.stream_media import decode_video, nal_types, number_of, open_texture, write_gops, write_texture

STORED = ((10, 3), (20, 8))
HALF_PX = (48, 32)


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Texture]:
    path = tmp_path_factory.mktemp("renditions") / "n.texture"
    with open_texture(path, seconds=8.0, stored=STORED, renditions=True) as texture:
        yield texture


def in_both(packets: list[MediaPacket]) -> list[int]:
    """Check that both renditions show the same; returns the numbers shown."""
    shown = [packet for packet in packets if packet.kind == "video"]
    assert all(len(packet.lighter) == 1 for packet in shown)
    for packet in shown:
        assert (5 in nal_types(packet.data)) == (5 in nal_types(packet.lighter[0])) == packet.is_keyframe
    full = decode_video([packet.data for packet in shown])
    half = decode_video([packet.lighter[0] for packet in shown])
    assert {(picture.width, picture.height) for picture in half} == {HALF_PX}
    own = [place for place, packet in enumerate(shown) if packet.clip_frame is not None]
    numbers = [number_of(half[place]) for place in own]
    assert numbers == [number_of(full[place]) for place in own] == [shown[place].clip_frame for place in own]
    return numbers


@pytest.mark.parametrize(
    ("size", "sizes"),
    [
        ((1920, 1080), {"half": (960, 540), "quarter": (480, 270)}),
        ((1280, 720), {"half": (640, 360), "quarter": (320, 180)}),
        ((854, 480), {"half": (428, 240), "quarter": (214, 120)}),
        ((250, 1000), {"half": (124, 500)}),
        ((320, 180), {}),
    ],
)
def test_sizes_are_even_and_small_pictures_have_none(size: tuple[int, int], sizes: dict[str, tuple[int, int]]) -> None:
    full = VideoFormat(*size, Fraction(30), 6, crf=27)
    lighter = lighter_formats(full)
    assert {name: (form.width, form.height) for name, form in lighter.items()} == sizes
    for form in lighter.values():
        assert min(form.width, form.height) >= SHORTEST_SIDE_PX
        assert (form.crf > full.crf, form.rate_hz, form.gop_frames) == (True, full.rate_hz, full.gop_frames)


def test_a_walk_with_its_bridges_is_there_in_both(texture: Texture) -> None:
    with Player(texture, texture.liveliness(60), seed=3) as player:
        packets = []
        for packet in player.packets():
            packets.append(packet)
            if len(packets) > 900:
                break
    assert player.jumps > 3
    assert any(packet.clip_frame is None for packet in packets if packet.kind == "video")
    in_both(packets)


def test_stored_and_made_bridges_are_there_in_both(texture: Texture) -> None:
    with Bridges(texture) as bridges:
        for edge in (*STORED, (5, 25)):
            units = bridges.wait(edge)
            assert len(units) == 4
            for rendition in range(2):
                data = [unit.data if rendition == 0 else unit.lighter[0] for unit in units]
                assert len(decode_video(data)) == 4
        assert (bridges.counts.stored, bridges.counts.made) == (2, 1)


def test_a_dissolve_is_there_in_both(texture: Texture) -> None:
    units = dissolve(texture, 3, texture, 20)
    pictures = decode_video([unit.lighter[0] for unit in units])
    assert len(pictures) == len(units) > 10
    assert {(picture.width, picture.height) for picture in pictures} == {HALF_PX}


async def test_stills_are_there_in_both(texture: Texture) -> None:
    packets: list[MediaPacket] = []
    changes = iter([Performance(freeze=True), Performance(blackout=True), Performance()])
    with Player(texture, texture.liveliness(30), seed=1) as player:
        async with asyncio.timeout(20), aclosing(player.play()) as playing:
            async for packet in playing:
                packets.append(packet)
                if len(packets) % 60 == 59 and (change := next(changes, None)) is not None:
                    player.set_performance(change)
                if len(packets) > 280:
                    break
    shown = [packet for packet in packets if packet.kind == "video"]
    assert sum(len(packet.data) < 40 for packet in shown) > 30, "it stood still"
    half = decode_video([packet.lighter[0] for packet in shown])
    assert len(half) == len(shown)


def test_without_renditions_there_is_nothing_lighter(tmp_path: Path) -> None:
    with open_texture(tmp_path / "n.texture", seconds=2.0) as texture:
        assert len(texture.formats) == 1
        assert {unit.lighter for unit in texture.units(3)} == {()}


@pytest.mark.parametrize("name", [RENDITION_VIDEO, RENDITION_BRIDGES])
def test_other_gops_are_refused(tmp_path: Path, name: str) -> None:
    path = write_texture(tmp_path / "n.texture", seconds=3.0, stored=STORED[:1], renditions=True)
    with Texture.open(path) as texture:
        form, count = texture.renditions[0].form, len(texture.video)
    write_gops(path / name.format("half"), range(count), replace(form, width=96, height=64, gop_frames=5))
    with pytest.raises(TextureError, match=r"half.*mp4: not the GOPs of"):
        Texture.open(path, verify=False)
    (path / name.format("half")).unlink()
    with pytest.raises(TextureError, match=r"half.*missing"):
        Texture.open(path)


def test_what_is_said_of_their_rate_is_so(texture: Texture) -> None:
    (facts,) = texture.manifest.renditions
    with GopFile(texture.path / RENDITION_VIDEO.format("half")) as video:
        assert facts.bit_s == pytest.approx(8 * video.size_bytes * 30 / len(video), rel=0.01)
