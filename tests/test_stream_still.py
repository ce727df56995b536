"""Pictures that stand still: what any decoder shows when they follow the texture's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from stream.errors import TextureError
from stream.still import FRAME_NUMBERS, Stills
from stream.texture import Texture
from tests.stream_media import NTSC_HZ, decode_video, nal_types, number_of, open_texture, planes_of, same, video_format


@pytest.fixture(scope="module", params=[NTSC_HZ, Fraction(60)], ids=["29.97", "60"])
def texture(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Texture]:
    path = tmp_path_factory.mktemp("still") / "n.texture"
    with open_texture(path, rate_hz=request.param, seconds=4.0, sound=False) as texture:
        yield texture


@pytest.fixture(scope="module")
def stills(texture: Texture) -> Stills:
    return Stills.encode(texture.formats, [texture.video.parameter_sets])


def test_any_picture_is_held_bit_by_bit_for_as_long_as_wanted(texture: Texture, stills: Stills) -> None:
    stride = texture.segments.stride_frames
    for left_at in range(stride):
        units = texture.gop(3)[: left_at + 1]
        held = [stills.hold(index).data for index in range(left_at, left_at + 3 * FRAME_NUMBERS)]
        pictures = decode_video([*units, *held, *texture.gop(5)])
        assert len(pictures) == len(units) + len(held) + stride
        assert all(same(picture, pictures[left_at]) for picture in pictures[left_at : left_at + len(held) + 1])
        assert number_of(pictures[-1]) == number_of(decode_video(texture.gop(5))[-1])


def test_a_hold_costs_next_to_nothing(stills: Stills) -> None:
    assert len(stills.holds) == FRAME_NUMBERS
    assert max(len(unit.data) for unit in stills.holds) < 30
    assert {tuple(nal_types(unit.data)) for unit in stills.holds} == {(1,)}


def test_black_is_black_and_every_stride_begins_with_an_idr(texture: Texture, stills: Stills) -> None:
    units = stills.black_gop()
    assert [unit.is_keyframe for unit in units] == [True] + [False] * (texture.segments.stride_frames - 1)
    assert {unit.clip_frame for unit in units} == {None}
    for picture in decode_video([unit.data for unit in units * 3]):
        luma, blue, red = planes_of(picture)
        assert luma.max() <= 17
        assert np.abs(np.stack([blue, red]).astype(int) - 128).max() <= 1


def test_whoever_joins_sees_the_frozen_picture(texture: Texture, stills: Stills) -> None:
    shown = texture.gop(4)[:3]
    idr = stills.frozen(shown)
    assert nal_types(idr.data)[:2] == [7, 8]
    before = decode_video(shown)[-1]
    pictures = decode_video([unit.data for unit in stills.gop(idr, 42) * 2])
    assert all(same(picture, pictures[0]) for picture in pictures)
    assert number_of(pictures[0]) == number_of(before)
    assert np.abs(planes_of(pictures[0])[0].astype(int) - planes_of(before)[0]).mean() < 3
    assert {unit.clip_frame for unit in stills.gop(idr, 42)} == {42}


def test_what_was_encoded_otherwise_is_not_mixed() -> None:
    with pytest.raises(TextureError, match="another x264"):
        Stills.encode([video_format()], [b"\x00\x00\x00\x01\x67something else"])


def test_what_cannot_be_decoded_is_told(stills: Stills) -> None:
    with pytest.raises(TextureError, match="decoded"):
        stills.frozen([])


def test_a_clip_of_long_strides_is_held_too() -> None:
    form = replace(video_format(Fraction(120), gop_frames=24))
    stills = Stills.encode([form], [b""])
    pictures = decode_video([unit.data for unit in stills.black_gop() * 2])
    assert len(pictures) == 48
