"""Files of any name, with any metadata, in every room that opens media."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from bench.hearing_sounds import music
from bench.sync.song import read_mono
from models.interpolation.film_triplets import Film as FilmOfTriplets
from models.media import is_address, open_media, printable
from stream.clip import Clip
from stream.h264 import GopFile, GopFileWriter, VideoFormat
from stream.hearing.choose import open_source
from stream.hearing.file import FileSource, open_sound
from stream.recode import recode
from stream.song import Song
from stream.sound import Track, read_sound, write_track
from stream.timeline import Timeline
from tests.media import TITLE, Film, Tone, garble, write_tracks

NAMES = (
    "12:30 walk.mp4",
    "song:1.mp4",
    "file:x.mp4",
    "concat:x.mp4",
    "http:x.mp4",
    "subfile,,start,0,:x.mp4",
    "-x.mp4",
    "50%d %03d.mp4",
    "what?#|[*].mp4",
    "quote'\"\\.mp4",
    "two\nlines.mp4",
    "~.mp4",
    os.fsdecode(b"caf\xe9.mp4"),
)

Reader = Callable[[Path], object]


def _hear(path: Path) -> None:
    opened = open_sound(str(path), is_url=False)
    with opened.container:
        assert next(opened.container.decode(opened.track)).samples


def _watch(path: Path) -> None:
    with Clip(path) as clip:
        assert sum(1 for _ in clip.frames()) == 45


READERS: dict[str, Reader] = {
    "fit's pictures": _watch,
    "fit's sound": lambda path: read_sound(path, timeline=Timeline.starting_at(0.0), duration_s=1.0),
    "a song": Song.read,
    "a microphone": _hear,
    "triplets": FilmOfTriplets.read,
    "a song of the bench": read_mono,
    "sound of the bench": lambda path: music(path, 1.0),
}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tracks(tmp_path_factory.mktemp("films") / "film.mp4", [Film(160, 128), Tone()])


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_any_name_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, film: Path, name: str) -> None:
    """Relative, as a person types it: only then does FFmpeg take it for an address."""
    monkeypatch.chdir(tmp_path)
    os.link(film, name)
    for reader in READERS.values():
        reader(Path(name))


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_any_name_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Of a texture's folder, of which every file is FFmpeg's."""
    monkeypatch.chdir(tmp_path)
    folder = Path(name).with_suffix(".texture")
    folder.mkdir()
    form = VideoFormat(96, 64, Fraction(30), 6)
    with GopFileWriter(folder / "video.mp4", form) as writer:
        for index in range(12):
            writer.write(Film().picture(index).reformat(format="yuv420p"))
    recode(folder / "video.mp4", folder / "small.mp4", VideoFormat(48, 32, Fraction(30), 6))
    with GopFile(folder / "small.mp4") as video:
        assert len(video) == 12
    write_track(np.zeros((48_000, 2), np.float32), folder / "sound.opus")
    assert len(Track(folder / "sound.opus")) >= 50


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS.keys())
def test_an_error_names_the_file_as_it_is_called(tmp_path: Path, reader: Reader) -> None:
    with pytest.raises(Exception, match="no:such") as raised:
        reader(tmp_path / "no:such.mp4")
    assert "file:" not in str(raised.value)


@pytest.mark.parametrize("ending", ["avi", "mp4", "mov", "mkv", "ts", "mp3", "flac"])
def test_metadata_never_matters(tmp_path: Path, ending: str) -> None:
    """PyAV reads titles as strict UTF-8 unless it is told otherwise (PyAV#668)."""
    codec = {"mp3": "libmp3lame", "flac": "flac"}.get(ending, "aac")
    tracks = [Tone()] if ending in ("mp3", "flac") else [Film(160, 128), Tone()]
    path = garble(write_tracks(tmp_path / f"film.{ending}", tracks, title=TITLE, sound_codec=codec))
    for reader in list(READERS.values()) if len(tracks) > 1 else [Song.read, _hear, read_mono]:
        reader(path)


def test_what_a_picture_says_of_itself_never_matters(tmp_path: Path) -> None:
    """Cameras that write JPEGs into an AVI put EXIF in each, in any encoding; FFmpeg hands it on with the picture."""
    path = tmp_path / "camera.avi"
    with_exif = _motion_jpeg(tmp_path / "plain.avi", path)
    with open_media(path) as container, pytest.raises(UnicodeDecodeError):
        _ = next(container.decode(video=0)).metadata  # so that the file is what this is about
    with Clip(with_exif) as clip:
        assert sum(1 for _ in clip.frames()) == 45


def test_a_file_goes_before_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, film: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("http:/radio").mkdir(parents=True)
    os.link(film, "http:/radio/live")
    os.link(film, " blanks ")
    os.link(film, "browser")
    assert is_address("http://elsewhere/live")
    assert not is_address("http://radio/live")
    for text in ("http://radio/live", " blanks ", "./browser"):
        with open_source(text) as source:
            assert isinstance(source, FileSource)
            source.start(lambda block: None)
    with open_source("browser") as source:
        assert not isinstance(source, FileSource)


def test_a_name_is_printable() -> None:
    assert printable(os.fsdecode(b"caf\xe9")) == "caf�"
    assert printable("café") == "café"


def _motion_jpeg(plain: Path, out: Path) -> Path:
    artist = b"Ren\xe9\xff\x00"
    tiff = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x13B, 2, len(artist), 26, 0) + artist
    exif = b"Exif\0\0" + tiff
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    with av.open(str(plain), "w") as container:
        stream = container.add_stream("mjpeg", rate=30)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuvj420p"
        packets = [each for index in range(45) for each in stream.encode(Film().picture(index))]
        container.mux([*packets, *stream.encode(None)])
    with av.open(str(plain)) as source, av.open(str(out), "w") as container:
        copy = container.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                jpeg = bytes(packet)
                tagged = av.Packet(jpeg[:2] + segment + jpeg[2:])
                tagged.stream, tagged.time_base, tagged.is_keyframe = copy, packet.time_base, True
                tagged.pts = tagged.dts = packet.dts
                container.mux(tagged)
    return out
