"""GOPs that can stand in any order: written, read without decoding, and decoded by libavcodec."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from stream.errors import TextureError
from stream.h264 import START_CODE, GopFile, GopFileWriter, VideoFormat, colour_of, decode_gop, encode_gop
from tests.stream_media import (
    NTSC_HZ,
    decode_video,
    frame_of,
    nal_types,
    number_of,
    numbered,
    planes_of,
    same,
    video_format,
    write_gops,
)

SPS, PPS, IDR, SLICE = 7, 8, 5, 1
FORM = video_format(NTSC_HZ, 7)
COUNT = 60  # eight GOPs of 7, and one of 4


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gops(tmp_path_factory.mktemp("gops") / "video.mp4", range(100, 100 + COUNT), FORM)


@pytest.fixture(scope="module")
def video(path: Path) -> GopFile:
    return GopFile(path)


def test_every_gop_begins_with_an_idr_and_nothing_else_does(video: GopFile) -> None:
    assert len(video) == COUNT
    assert video.keyframes == list(range(0, COUNT, 7))
    for index, unit in enumerate(video.units(0, COUNT)):
        types = nal_types(unit)
        if index % 7 == 0:
            assert types[:2] == [SPS, PPS]
            assert IDR in types
            assert SLICE not in types
        else:
            assert SLICE in types
            assert IDR not in types


def test_each_gop_decodes_by_itself_as_it_does_in_the_whole_file(path: Path, video: GopFile) -> None:
    with av.open(str(path)) as container:
        whole = list(container.decode(video=0))
    assert [number_of(picture) for picture in whole] == list(range(100, 100 + COUNT))
    for first in reversed(video.keyframes):
        alone = decode_video(video.units(first, min(7, COUNT - first)))
        assert len(alone) == min(7, COUNT - first)
        for picture, expected in zip(alone, whole[first:], strict=False):
            assert same(picture, expected)


def test_decode_gop_is_what_libavcodec_says(video: GopFile) -> None:
    units = video.units(14, 7)
    pictures = decode_gop(units)
    assert [number_of(picture) for picture in pictures] == list(range(114, 121))
    assert all(same(*pair) for pair in zip(pictures, decode_video(units), strict=True))


def test_pictures_look_like_what_was_written(video: GopFile) -> None:
    for index, picture in enumerate(decode_gop(video.units(21, 7))):
        for plane, drawn in zip(planes_of(picture), planes_of(numbered(121 + index)), strict=True):
            assert abs(plane.astype(float) - drawn).mean() < 3


def test_any_peer_can_decode_it(video: GopFile) -> None:
    """Constrained baseline, without B-frames, at a constant rate (RFC 7742, 6.2)."""
    profile, constraints = video.parameter_sets[5], video.parameter_sets[6]
    assert profile == 66
    assert constraints & 0x40
    with av.open(str(video.path)) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == NTSC_HZ
        packets = [packet for packet in container.demux(stream) if packet.size]
    assert all(packet.pts == packet.dts for packet in packets)
    assert {packet.duration * packet.time_base for packet in packets} == {1 / NTSC_HZ}


@pytest.mark.parametrize("count", [1, 2, 4, 9])
def test_a_short_gop_has_the_files_own_parameter_sets(video: GopFile, count: int) -> None:
    units = encode_gop([numbered(index) for index in range(500, 500 + count)], FORM)
    assert len(units) == count
    assert units[0].startswith(video.parameter_sets + START_CODE[1:])  # x264 goes on with three bytes
    assert nal_types(units[0]).count(SPS) == nal_types(units[0]).count(PPS) == 1
    assert [IDR in nal_types(unit) for unit in units] == [True] + [False] * (count - 1) or count > 7
    spliced = decode_video([*video.units(7, 7), *units, *video.units(42, 7)])
    assert [number_of(picture) for picture in spliced] == [*range(107, 114), *range(500, 500 + count), *range(142, 149)]


@pytest.mark.parametrize("lengths", [[4, 4, 4], [1, 1, 5], [3, 9, 2]])
def test_gops_begin_where_they_are_told_to(tmp_path: Path, lengths: list[int]) -> None:
    number = 0
    with GopFileWriter(tmp_path / "odd.mp4", FORM) as writer:
        for length in lengths:
            for index in range(length):
                writer.write(numbered(number), starts_gop=index == 0)
                number += 1
    assert writer.frames_written == number
    video = GopFile(tmp_path / "odd.mp4")
    first = 0
    for length in lengths:
        assert first in video.keyframes
        assert len(decode_video(video.units(first, length))) == length
        first += length
    video.close()


@pytest.mark.parametrize("size", [(2, 2), (98, 50), (130, 66)])
def test_sizes_that_are_no_multiples_of_macroblocks(tmp_path: Path, size: tuple[int, int]) -> None:
    width, height = size
    form = VideoFormat(width, height, Fraction(25), 5)
    grey = [[[level] * width] * height for level in range(60, 160, 10)]
    with GopFileWriter(tmp_path / "small.mp4", form) as writer:
        for luma in grey:
            writer.write(frame_of(luma))
    video = GopFile(tmp_path / "small.mp4")
    pictures = decode_gop(video.units(5, 5))
    assert [(picture.width, picture.height) for picture in pictures] == [size] * 5
    for picture, level in zip(pictures, range(110, 160, 10), strict=True):
        assert abs(planes_of(picture)[0].mean() - level) < 3
    video.close()


@pytest.mark.parametrize(("first", "count"), [(-1, 2), (0, COUNT + 1), (COUNT, 1), (COUNT + 3, 0), (5, -2)])
def test_pictures_outside_the_file_are_refused(video: GopFile, first: int, count: int) -> None:
    with pytest.raises(IndexError, match=f"pictures {first} to {first + count} of {COUNT} in .*video.mp4"):
        video.units(first, count)


def test_what_cannot_be_decoded_is_said() -> None:
    with pytest.raises(TextureError, match=r"a GOP of the texture cannot be decoded .*fit it again"):
        decode_gop([START_CODE + b"\x65nonsense"])


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9])
def test_a_file_without_its_end_is_refused(path: Path, tmp_path: Path, share: float) -> None:
    data = path.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(TextureError, match=r"cut\.mp4: not a readable texture video .*fit the texture again"):
        GopFile(cut)


@pytest.mark.parametrize("missing_bytes", [1, 500, 5000])
def test_a_file_with_its_index_in_front_is_refused_when_it_is_cut(
    path: Path, tmp_path: Path, missing_bytes: int
) -> None:
    cut = tmp_path / "cut.mp4"
    with av.open(str(path)) as source, av.open(str(cut), "w", options={"movflags": "faststart"}) as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    data = cut.read_bytes()
    whole = GopFile(cut)
    assert len(decode_gop(whole.units(COUNT - 4, 4))) == 4
    whole.close()
    cut.write_bytes(data[:-missing_bytes])
    with pytest.raises(TextureError, match=r"cut\.mp4: cut short; copy it again"):
        GopFile(cut)


@pytest.mark.parametrize("data", [b"", b"\0" * 4096, b"not a video at all\n" * 100])
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    other = tmp_path / "other.mp4"
    other.write_bytes(data)
    with pytest.raises(TextureError, match=r"other\.mp4: not a readable texture video .*fit the texture again"):
        GopFile(other)


def test_a_missing_file_and_a_video_of_another_codec_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TextureError, match=r"none\.mp4: not a readable texture video"):
        GopFile(tmp_path / "none.mp4")
    with av.open(str(tmp_path / "other.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height = 96, 64
        for index in range(5):
            container.mux(stream.encode(numbered(index)))
        container.mux(stream.encode(None))
    with pytest.raises(TextureError, match=r"other\.mp4: not a readable texture video \(no avcC"):
        GopFile(tmp_path / "other.mp4")


def test_an_error_while_writing_is_the_one_that_is_seen(tmp_path: Path) -> None:
    def fail_after(writer: GopFileWriter, count: int) -> None:
        for index in range(count):
            writer.write(numbered(index))
        raise RuntimeError("the first")

    for count in (0, 1, 20):
        with pytest.raises(RuntimeError, match="the first"), GopFileWriter(tmp_path / "a.mp4", FORM) as writer:
            fail_after(writer, count)


@pytest.mark.parametrize(("tagged", "height", "expected"), [(1, 480, 1), (6, 1080, 6), (2, 1080, 1), (2, 576, 6)])
def test_colour_is_the_pictures_or_what_its_size_implies(tagged: int, height: int, expected: int) -> None:
    picture = av.VideoFrame(64, height, "yuv420p")
    picture.colorspace = tagged
    assert colour_of(picture) == expected


@pytest.mark.parametrize("colour", [1, 6])
def test_the_stream_is_tagged_with_its_colours(tmp_path: Path, colour: int) -> None:
    form = VideoFormat(96, 64, Fraction(30), 6, colour=colour)
    for units in (encode_gop([numbered(3)], form), GopFile(write_gops(tmp_path / "c.mp4", [3], form)).units(0, 1)):
        (picture,) = decode_video(units)
        assert (picture.colorspace, picture.color_range) == (colour, 1)
