"""Which track is watched and which is heard; every room asks the same module, and each is tried here."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from av.stream import Disposition

from bench.hearing_sounds import music
from bench.sync.song import read_mono
from models.interpolation.film_triplets import Film as FilmOfTriplets
from models.media import open_media
from models.sound_windows import SAMPLE_RATE_HZ
from models.tracks import picture_track, sound_track
from stream.clip import Clip
from stream.hearing.file import open_sound
from stream.song import Song
from stream.sound import read_sound
from stream.timeline import Timeline
from tests.media import SOUND_RATE_HZ, Film, Tone, pitch_hz, write_tracks

DEFAULT, COVER = Disposition.default, Disposition.attached_pic
DESCRIBED = Disposition.visual_impaired | Disposition.descriptions
SMALL, LARGE = (96, 64), (192, 128)


def watched(path: Path) -> tuple[int, str]:
    with open_media(path) as container:
        chosen = picture_track(container, path)
        assert chosen is not None
        return chosen.stream.index, chosen.note


def heard(path: Path) -> tuple[int, str]:
    with open_media(path) as container:
        chosen = sound_track(container, path)
        assert chosen is not None
        return chosen.stream.index, chosen.note


@pytest.mark.parametrize(
    ("tracks", "expected"),
    [
        ([Film(*SMALL)], 0),
        ([Film(*SMALL), Film(*LARGE)], 1),
        ([Film(*LARGE), Film(*SMALL, flags=DEFAULT)], 1),
        ([Film(*SMALL, flags=DEFAULT), Film(*LARGE, flags=DEFAULT)], 1),
        ([Film(*SMALL), Film(*SMALL)], 0),
        ([Film(*LARGE, frames=1, flags=DEFAULT), Film(*SMALL)], 1),
        ([Film(*LARGE, frames=1), Film(*SMALL, moves=False, flags=DEFAULT)], 1),
        ([Film(*LARGE, frames=1, flags=DEFAULT), Film(*SMALL, moves=False)], 1),
        ([Film(*LARGE, moves=False, flags=DEFAULT), Film(*SMALL)], 1),
        ([Film(*LARGE, frames=5, every=30, flags=DEFAULT), Film(*SMALL, frames=150)], 1),
    ],
    ids=[
        "only one",
        "the larger one",
        "the default one, though smaller",
        "the larger one of two default ones",
        "the first of two alike",
        "not one picture",
        "not one picture, though larger, beside one that is still",
        "not one picture, though the default one, beside one that is still",
        "not a still one, though the default one",
        "not a slide show",
    ],
)
def test_which_pictures_are_watched(tmp_path: Path, tracks: Sequence[Film], expected: int) -> None:
    index, note = watched(write_tracks(tmp_path / "film.mkv", tracks))
    assert index == expected
    assert bool(note) == (len(tracks) > 1)
    if note:
        assert f"track {expected + 1} (h264, {tracks[expected].width}x{tracks[expected].height}" in note


@pytest.mark.parametrize(
    ("tracks", "expected"),
    [
        ([Tone(440), Tone(880)], 0),
        ([Tone(440), Tone(880, flags=DEFAULT)], 1),
        ([Tone(440, channels=2), Tone(880, flags=DEFAULT)], 1),
        ([Tone(440), Tone(880, channels=2)], 1),
        ([Tone(440, flags=DEFAULT), Tone(880, channels=2, flags=DEFAULT)], 1),
        ([Tone(440, flags=DEFAULT | DESCRIBED), Tone(880, flags=DEFAULT)], 1),
        ([Tone(440, flags=Disposition.comment, channels=2), Tone(880)], 1),
        ([Tone(440, seconds=0, flags=DEFAULT), Tone(880)], 1),
    ],
    ids=[
        "the first of two alike",
        "the default one",
        "the default one, though it has fewer channels",
        "the one of more channels",
        "the one of more channels of two default ones",
        "not a description for the blind",
        "not a commentary",
        "not an empty one, though the default one",
    ],
)
def test_which_sound_is_heard(tmp_path: Path, tracks: Sequence[Tone], expected: int) -> None:
    index, note = heard(write_tracks(tmp_path / "film.mkv", [Film(), *tracks]))
    assert index == 1 + expected
    assert f"track {index + 1} (aac" in note
    assert "is taken; passed over: track" in note


def test_every_room_takes_the_same(tmp_path: Path) -> None:
    tracks = [
        Film(256, 160, frames=1, flags=DEFAULT),
        Film(160, 128, flags=DEFAULT),
        Tone(440, channels=2),
        Tone(880, flags=DEFAULT),
    ]
    path = write_tracks(tmp_path / "film.mkv", tracks)
    with Clip(path) as clip:
        assert next(clip.frames()).picture.width == 160
        assert re.search("track 2 .* is taken; passed over: track 1 .*it does not move", clip.notes[0])
    assert FilmOfTriplets.read(path).pictures.shape[1:] == (128, 160, 3)
    notes: list[str] = []
    sound = read_sound(path, timeline=Timeline.starting_at(0.0), duration_s=1.0, tell=notes.append)
    assert sound is not None
    assert pitch_hz(sound[:, 0], SOUND_RATE_HZ) == pytest.approx(880, abs=5)
    song = Song.read(path)
    opened = open_sound(str(path), is_url=False)
    with opened.container:
        assert opened.track.index == 3
    for mono in (song.sound, read_mono(path), music(path, 1.0)):
        assert pitch_hz(mono, SAMPLE_RATE_HZ) == pytest.approx(880, abs=5)
    assert song.notes == tuple(notes) == (opened.note,)
    assert re.search("track 4 .*default.* is taken; passed over: track 3 ", opened.note)


def test_a_track_without_a_decoder_is_passed_over(tmp_path: Path) -> None:
    """As a phone's film whose first sound track is of a codec that FFmpeg does not know."""
    path = write_tracks(tmp_path / "film.mov", [Film(), Tone(440, flags=DEFAULT), Tone(880)], sound_codec="pcm_s16le")
    data = path.read_bytes()
    at = data.index(b"sowt", data.index(b"smhd"))
    path.write_bytes(data[:at] + b"x?cd" + data[at + 4 :])
    index, note = heard(path)
    assert index == 2
    assert "(default, FFmpeg has no decoder for it)" in note
    opened = open_sound(str(path), is_url=False)
    with opened.container:
        assert opened.track.index == 2


def test_a_damaged_default_track_is_passed_over(tmp_path: Path) -> None:
    tracks = [Film(*SMALL), Film(*LARGE, flags=DEFAULT), Tone(440, flags=DEFAULT), Tone(880)]
    path = write_tracks(tmp_path / "film.mkv", tracks)
    data = path.read_bytes()
    with open_media(path) as container:
        packets = [bytes(each) for each in container.demux() if each.size and each.stream_index in (1, 2)]
    for packet in packets:
        data = data.replace(packet, bytes([0xFF]) * len(packet))
    path.write_bytes(data)
    assert watched(path)[0] == 0
    assert "nothing in it can be decoded" in watched(path)[1]
    assert heard(path)[0] == 3


def test_picture_and_sound_are_of_one_programme(tmp_path: Path) -> None:
    """Of a transport stream with two, as television is received; FFmpeg's own program writes it, PyAV cannot."""
    source = write_tracks(
        tmp_path / "all.mkv", [Film(*SMALL), Film(*LARGE), Tone(440, channels=2), Tone(880)]
    )  # fmt: skip
    path = tmp_path / "two.ts"
    programmes = ["-program", "title=one:st=0:st=2", "-program", "title=two:st=1:st=3"]
    command = ["ffmpeg", "-v", "error", "-i", str(source), "-map", "0", "-c", "copy", *programmes, str(path)]
    try:
        subprocess.run(command, check=True)
    except FileNotFoundError:
        pytest.skip("FFmpeg's own program is not installed")
    with open_media(path) as container:
        film, sound = picture_track(container, path), sound_track(container, path)
        assert film is not None
        assert sound is not None
        assert film.stream.width == LARGE[0]
        assert sound.stream.codec_context.layout.nb_channels == 1
        assert sound_track(container, None).stream is sound.stream  # and so where it comes from an address


def test_cover_art_is_never_watched(tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "song.mkv", [Tone()])
    with open_media(path) as container:
        assert picture_track(container, path) is None
    path = write_tracks(tmp_path / "film.mp4", [Film(*LARGE, frames=1, flags=COVER, codec="mjpeg"), Film(*SMALL)])
    assert watched(path) == (0, "")  # FFmpeg lists the cover behind it
