"""A stretch of a walk as a file: what is in it, and the position bar, read back from the decoded pictures."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import takewhile
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from models.media import open_media
from stream.errors import TextureError
from stream.following import path_for
from stream.player import Player
from stream.render import render, render_song
from stream.song import Song
from stream.splice import MediaPacket
from stream.texture import Texture
from stream.walk import Step
from tests.stream_media import (
    HEIGHT_PX,
    NTSC_HZ,
    WIDTH_PX,
    decode_sound,
    decode_video,
    number_of,
    open_texture,
    planes_of,
    same,
)
from tests.test_stream_song import decoded, write_song

SECONDS = 20.0
BAR_PX = 4  # of a picture 64 px high
PLAYHEAD_PX = 2
WHITE_ABOVE, BLUE_ABOVE = 205, 150  # Y; U
MARK_ABOVE, ORANGE_ABOVE = 90, 152  # Y and V: x264 leaves a little colour where the mark was a picture before


@pytest.fixture(scope="module", params=[Fraction(30), NTSC_HZ], ids=["30 Hz", "29.97 Hz"])
def texture(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Texture]:
    path = tmp_path_factory.mktemp("render") / "numbers.texture"
    with open_texture(path, rate_hz=request.param, stored=[(3, 17)]) as opened:
        yield opened


@pytest.fixture(scope="module")
def walked(texture: Texture) -> list[MediaPacket]:
    """What the walk of seed 5 sends."""
    with Player(texture, texture.usual_liveliness(), seed=5) as player:
        return list(takewhile(lambda packet: packet.time_s < SECONDS, player.packets()))


def rendered(texture: Texture, path: Path, *, position_bar: bool) -> Path:
    with Player(texture, texture.usual_liveliness(), seed=5) as player:
        render(player, path, SECONDS, position_bar=position_bar)
    return path


@pytest.fixture(scope="module")
def with_bar(texture: Texture, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rendered(texture, tmp_path_factory.mktemp("bar") / "out.mp4", position_bar=True)


def pictures_of(path: Path) -> list[VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def bar_of(picture: VideoFrame) -> tuple[float | None, bool, bool]:
    """The playhead's column in the picture, if it is white; whether it is blue; whether a jump is marked."""
    luma, blue, red = planes_of(picture)
    lit = luma[-BAR_PX:].astype(float).mean(axis=0)
    is_blue = bool((blue[-BAR_PX // 2 :].max(axis=0) > BLUE_ABOVE).any())
    marked = (luma[-BAR_PX] > MARK_ABOVE) & (np.repeat(red[-BAR_PX // 2], 2) > ORANGE_ABOVE)
    pairs = lit[:-1] + lit[1:]
    white = float(pairs.argmax()) if pairs.max() > 2 * WHITE_ABOVE else None
    return white, is_blue, bool(marked.any())


def test_the_playhead_is_where_the_picture_comes_from(
    texture: Texture, walked: list[MediaPacket], with_bar: Path
) -> None:
    """The pictures carry their own numbers: the bar is read against them, and both against the walk."""
    sent = [packet for packet in walked if packet.kind == "video"]
    pictures = pictures_of(with_bar)
    assert len(pictures) == len(sent)
    last = texture.segments.frame_count - 1
    for picture, packet in zip(pictures, sent, strict=True):
        column, is_blue, _ = bar_of(picture)
        assert is_blue == (packet.clip_frame is None)
        if packet.clip_frame is None:
            continue
        assert number_of(picture) == packet.clip_frame
        assert column == pytest.approx(packet.clip_frame / last * (WIDTH_PX - PLAYHEAD_PX), abs=1)


def test_jumps_are_marked_from_their_first_picture_for_half_a_second(
    texture: Texture, walked: list[MediaPacket], with_bar: Path
) -> None:
    sent = [packet for packet in walked if packet.kind == "video"]
    begins = [place for place, packet in enumerate(sent) if packet.step is not None and packet.step.is_jump]
    assert len(begins) > 5
    expected = np.zeros(len(sent), np.bool_)
    for begin in begins:
        expected[begin : begin + 15] = True
    assert not expected.all()
    marked = np.array([bar_of(picture)[2] for picture in pictures_of(with_bar)])
    np.testing.assert_array_equal(marked, expected)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_times_size_and_colour_are_those_of_the_copied_file(texture: Texture, suffix: str, tmp_path: Path) -> None:
    facts = []
    for position_bar in (False, True):
        path = rendered(texture, tmp_path / f"{position_bar}{suffix}", position_bar=position_bar)
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            pictures = list(container.decode(stream))
            facts.append([
                [float(picture.time) for picture in pictures], pictures[0].width, pictures[0].height,
                stream.average_rate, pictures[0].colorspace, pictures[0].color_range, pictures[0].format.name,
            ])  # fmt: skip
    (copied_times, *copied_rest), (times, *rest) = facts
    assert rest == copied_rest
    assert times == pytest.approx(copied_times, abs=1e-6)
    frame_s = float(1 / texture.manifest.clip.rate_hz)
    assert times == pytest.approx([index * frame_s for index in range(len(times))], abs=6e-4)  # Matroska counts ms


def test_the_sound_is_copied(walked: list[MediaPacket], with_bar: Path) -> None:
    with av.open(str(with_bar)) as container:
        sound = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    assert sound == [packet.data for packet in walked if packet.kind == "audio"]
    assert len(decode_sound(sound)) / 48_000 == pytest.approx(SECONDS, abs=0.03)


def test_above_the_bar_the_picture_hardly_changes(texture: Texture, with_bar: Path, tmp_path: Path) -> None:
    copied = rendered(texture, tmp_path / "copied.mp4", position_bar=False)
    errors = [
        np.abs(planes_of(first)[0][:-16].astype(float) - planes_of(second)[0][:-16]).mean()
        for first, second in zip(pictures_of(copied), pictures_of(with_bar), strict=True)
    ]
    assert 0 < float(np.mean(errors)) < 3
    assert max(errors) < 6


def test_a_texture_without_sound_or_bridges(tmp_path: Path) -> None:
    with open_texture(tmp_path / "mute.texture", sound=False, bridge_frames=0) as texture:
        pictures = pictures_of(rendered(texture, tmp_path / "out.mp4", position_bar=True))
    assert len(pictures) == SECONDS * 30
    bars = [bar_of(picture) for picture in pictures]
    assert not any(is_blue for _, is_blue, _ in bars)
    last = 240 - 1
    columns = [number_of(picture) / last * (WIDTH_PX - PLAYHEAD_PX) for picture in pictures]
    assert [column for column, *_ in bars] == pytest.approx(columns, abs=1)
    assert pictures[0].height == HEIGHT_PX


def test_a_picture_that_cannot_be_decoded_is_told_and_leaves_nothing(
    texture: Texture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Texture.gop
    monkeypatch.setattr(Texture, "gop", lambda self, segment: [unit[:30] for unit in whole(self, segment)])
    with pytest.raises(TextureError, match="cannot be decoded"):
        rendered(texture, tmp_path / "out.mp4", position_bar=True)
    assert list(tmp_path.iterdir()) == []


SONG_STEPS = [Step(2, 3), Step(3, 17), Step(17, 18), Step(18, 6), Step(6, 7), Step(7, 8), Step(8, 20), Step(20, 21),
              *(Step(one, one + 1) for one in range(21, 36))]  # fmt: skip


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Song:
    return Song.read(write_song(tmp_path_factory.mktemp("song") / "song.flac", "flac", rate_hz=48_000))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_song_is_in_its_video_from_the_first_picture_to_the_last(
    texture: Texture, song: Song, suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"out{suffix}"
    assert render_song(texture, SONG_STEPS, song, path) == 3
    rate_hz = float(texture.manifest.clip.rate_hz)
    with av.open(str(path)) as container:
        assert container.streams.audio[0].codec_context.name == {".mp4": "aac", ".mkv": "opus"}[suffix]
        pictures = list(container.decode(video=0))
    assert abs(len(pictures) - song.seconds * rate_hz) <= 1
    sound = decoded(path)
    assert len(sound) / 48_000 == pytest.approx(song.seconds, abs=1 / rate_hz)
    expected = decoded(song.path)
    count = min(len(sound), len(expected))
    assert np.corrcoef(sound[:count, 0], expected[:count, 0])[0, 1] > 0.99  # a rising tone: 0.2 ms apart would show
    numbers = [number_of(picture) for picture in pictures]
    stride, bridge = texture.segments.stride_frames, texture.manifest.video.bridge_frames
    now = 0
    for step in SONG_STEPS:
        now += bridge if step.is_jump else 0
        first = texture.segments.first_appended_frame(step.segment)
        shown = numbers[now : now + stride]
        assert shown == list(range(first, first + len(shown)))
        now += stride


def test_its_pictures_are_copied(texture: Texture, song: Song, tmp_path: Path) -> None:
    """Bit for bit what the texture's own access units decode to, but for the bridges that it makes on the way."""
    path = tmp_path / "out.mkv"
    render_song(texture, SONG_STEPS, song, path)
    pictures = pictures_of(path)
    now = 0
    for step in SONG_STEPS[:8]:
        now += texture.manifest.video.bridge_frames if step.is_jump else 0
        for own in decode_video(texture.gop(step.segment)):
            assert same(own, pictures[now])
            now += 1


def test_a_song_with_a_position_bar(texture: Texture, song: Song, tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    render_song(texture, SONG_STEPS, song, path, position_bar=True)
    pictures = pictures_of(path)
    assert abs(len(pictures) - song.seconds * float(texture.manifest.clip.rate_hz)) <= 1
    assert sum(bar_of(picture)[1] for picture in pictures) == 3 * texture.manifest.video.bridge_frames
    assert len(decoded(path)) / 48_000 == pytest.approx(song.seconds, abs=0.033)


def test_part_of_a_song(texture: Texture, song: Song, tmp_path: Path) -> None:
    render_song(texture, SONG_STEPS, song, tmp_path / "out.mp4", seconds=1.0)
    assert len(pictures_of(tmp_path / "out.mp4")) == pytest.approx(float(texture.manifest.clip.rate_hz), abs=1)
    assert len(decoded(tmp_path / "out.mp4")) / 48_000 == pytest.approx(1.0, abs=0.033)


@pytest.mark.parametrize("name", ["12:30 %d.mp4", "http:x.mkv", "y" * 251 + ".mp4"], ids=["colon", "scheme", "long"])
def test_any_name_is_written(
    texture: Texture, song: Song, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative, as a person types it: FFmpeg would take the first two for addresses."""
    monkeypatch.chdir(tmp_path)
    render_song(texture, SONG_STEPS, song, Path(name), seconds=0.5)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with open_media(Path(name)) as container:
        assert next(container.decode(video=0)).width == WIDTH_PX


def test_a_texture_that_cannot_hear_is_told(texture: Texture, song: Song, tmp_path: Path) -> None:
    transitions = texture.usual_liveliness().transitions
    with pytest.raises(TextureError, match="without a sound network"):
        path_for(texture, song, transitions)
    with (
        open_texture(tmp_path / "mute.texture", sound=False) as mute,
        pytest.raises(TextureError, match="its clip has no sound"),
    ):
        path_for(mute, song, transitions)


def test_a_song_that_is_gone_leaves_nothing(texture: Texture, song: Song, tmp_path: Path) -> None:
    with pytest.raises(TextureError, match="no such file"):
        render_song(texture, SONG_STEPS, Song(tmp_path / "gone.wav", song.sound), tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == []


def test_end_to_end_a_fitted_texture_follows_its_own_sound(small_texture: Path, tmp_path: Path) -> None:
    """The clip's own sound as the song: what is shown is what sounds, at most of its moments, with few jumps."""
    with Texture.open(small_texture) as texture:
        if texture.sound_network is None:
            pytest.skip("the fitted texture has no sound network")
        assert texture.track is not None
        own = tmp_path / "own.wav"
        with av.open(str(own), "w") as container:
            stream = container.add_stream("pcm_s16le", rate=48_000, layout="stereo")
            samples = np.ascontiguousarray((texture.track.samples(0, 450) * 32767).astype(np.int16).reshape(1, -1))
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
            frame.sample_rate = 48_000
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        song = Song.read(own)
        steps = path_for(texture, song, texture.usual_liveliness().transitions, alpha=0.3, seed=1)
        assert render_song(texture, steps, song, tmp_path / "out.mp4") == sum(step.is_jump for step in steps)
        offsets = []
        now = 0
        for step in steps:
            now += texture.manifest.video.bridge_frames if step.is_jump else 0
            offsets.append(texture.segments.first_appended_frame(step.segment) - now)
            now += texture.segments.stride_frames
        assert np.mean(np.abs(offsets) <= 4) > 0.7
    assert len(pictures_of(tmp_path / "out.mp4")) == pytest.approx(song.seconds * 30, abs=1)
