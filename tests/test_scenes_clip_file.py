"""A scene written as a clip file, read back with PyAV."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from models.scenes.clip_file import write_clip
from models.scenes.dials import DialledScene, Dials
from models.scenes.drawn import Shot
from models.scenes.families import create_scene
from models.scenes.strings import Strings, StringsSettings

RATE_HZ = Fraction(30000, 1001)


@pytest.fixture(scope="module")
def scene() -> Strings:
    return Strings(StringsSettings(seconds=3.0, width=320, height=180, rate_hz=RATE_HZ))


@pytest.fixture(scope="module")
def clip(scene: Strings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "strings.mp4"
    write_clip(scene, path)
    return path


def test_video(scene: Strings, clip: Path) -> None:
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (320, 180)
        assert stream.average_rate == RATE_HZ
        assert stream.codec_context.name == "h264"
        frames = list(container.decode(stream))
    assert len(frames) == scene.frame_count
    assert frames[0].colorspace == 1  # BT.709
    assert frames[0].color_range == 1  # limited
    times = [frame.pts * frame.time_base for frame in frames]
    assert times == [index / RATE_HZ for index in range(scene.frame_count)]


def test_colours_survive(scene: Strings, clip: Path) -> None:
    """Converted back by hand, with BT.709's own figures, not by the library that converted it."""
    with av.open(str(clip)) as container:
        frame = next(container.decode(video=0))
    planes = [np.asarray(plane, dtype=np.float64) for plane in _planes(frame)]
    luma = (planes[0].reshape(90, 2, 160, 2).mean(axis=(1, 3)) - 16) / 219
    blue, red = (planes[1] - 128) / 224, (planes[2] - 128) / 224
    rgb = np.stack([luma + 1.5748 * red, luma - 0.1873 * blue - 0.4681 * red, luma + 1.8556 * blue], axis=2)
    drawn = scene.frame(0).reshape(90, 2, 160, 2, 3).mean(axis=(1, 3)) / 255
    assert np.abs(rgb - drawn).mean() < 0.008
    assert np.abs((rgb - drawn).mean(axis=(0, 1))).max() < 0.004


def _planes(frame: av.VideoFrame) -> list[NDArray[np.uint8]]:
    packed = frame.to_ndarray(format="yuv420p").ravel()
    luma, chroma = 320 * 180, 160 * 90
    return [
        packed[:luma].reshape(180, 320),
        packed[luma : luma + chroma].reshape(90, 160),
        packed[luma + chroma :].reshape(90, 160),
    ]


def test_sound(scene: Strings, clip: Path) -> None:
    with av.open(str(clip)) as container:
        stream = container.streams.audio[0]
        assert stream.codec_context.name == "aac"
        assert (stream.rate, stream.channels) == (48_000, 2)
        sound = np.hstack([frame.to_ndarray() for frame in container.decode(stream)]).T
    drawn = scene.sound()
    assert drawn.shape[0] <= sound.shape[0] < drawn.shape[0] + 2048  # AAC comes in 1024s
    correlation = np.corrcoef(sound[: drawn.shape[0], 0], drawn[:, 0])[0, 1]
    assert correlation > 0.99, "the sound is late, early or another"


def test_a_silent_scene_has_no_audio_stream(tmp_path: Path) -> None:
    drawn = create_scene("dancer", Shot(seed=1, seconds=2.0, rate_hz=RATE_HZ))
    path = tmp_path / "silent.mp4"
    for silent in (drawn, DialledScene(drawn, Dials.only("light", 1.0), 0)):
        write_clip(silent, path)
        with av.open(str(path)) as container:
            assert [stream.type for stream in container.streams] == ["video"]
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert len(frames) == silent.frame_count == 60
        for index in (0, 59):
            assert np.abs(frames[index].astype(int) - silent.frame(index)).mean() < 8


def test_progress_and_replacing(scene: Strings, tmp_path: Path) -> None:
    path = tmp_path / "strings.mp4"
    path.write_bytes(b"old")
    told: list[float] = []
    write_clip(scene, path, progress=lambda stage, done: told.append(done))
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert path.stat().st_size > 10_000
    assert [entry.name for entry in tmp_path.iterdir()] == ["strings.mp4"]


def test_failure_leaves_the_old_file(scene: Strings, tmp_path: Path) -> None:
    path = tmp_path / "strings.mp4"
    path.write_bytes(b"old")

    def stop(stage: str, done: float) -> None:
        if done > 0.1:
            raise RuntimeError("stopped by the test")

    with pytest.raises(RuntimeError, match="stopped by the test"):
        write_clip(scene, path, progress=stop)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["strings.mp4"]


def test_wrong_name(scene: Strings, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"end in \.mp4"):
        write_clip(scene, tmp_path / "strings.avi")
