"""A scene as a clip file, as a camera would have left it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream
from numpy.typing import NDArray

from models.media import create_media
from models.progress import Progress, silent
from models.scenes.scene import Scene, SoundingScene
from models.whole import whole_file

_AAC_SAMPLES = 1024  # samples that one AAC packet holds
_PICTURE = {"crf": "12", "preset": "veryfast"}


def write_clip(scene: Scene, path: str | Path, *, progress: Progress = silent) -> None:
    """Write a scene as MP4: H.264 (BT.709, limited range) with AAC stereo sound where the scene has any.

    The file appears under its name only when it is whole.

    Args:
        scene: what to write.
        path: the file; its folder must exist. A file already there is replaced.
        progress: told the share of the frames that is written.

    Raises:
        ValueError: the path does not end in `.mp4`.
        OSError: the folder is missing or cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".mp4":
        raise ValueError(f"the clip's name is {path.name!r}, expected it to end in .mp4")
    with whole_file(path) as part, create_media(part, options={"movflags": "+faststart"}) as container:
        _write(scene, container, progress)


def _write(scene: Scene, container: OutputContainer, progress: Progress) -> None:
    """Encode all frames, each followed by the sound that goes with it."""
    video = _video_stream(scene, container)
    sound = _Sound(scene, container) if isinstance(scene, SoundingScene) else None
    for index in range(scene.frame_count):
        container.mux(video.encode(_video_frame(scene, index)))
        if sound is not None:
            sound.write(until_s=Fraction(index + 1) / scene.rate_hz)
        progress("draw", (index + 1) / scene.frame_count)
    if sound is not None:
        sound.write(until_s=None)
    container.mux(video.encode(None))
    if sound is not None:
        container.mux(sound.stream.encode(None))


class _Sound:
    """A scene's sound on its way into a container, a packet at a time."""

    def __init__(self, scene: SoundingScene, container: OutputContainer) -> None:
        self.stream = container.add_stream("aac", rate=scene.sample_rate_hz, layout="stereo", bit_rate=192_000)
        self._container, self._rate_hz = container, scene.sample_rate_hz
        self._chunks = _sound_frames(scene.sound(), scene.sample_rate_hz)
        self._written = 0  # samples

    def write(self, *, until_s: Fraction | None) -> None:
        """Encode what sounds until then, or all that is left."""
        while until_s is None or self._written < until_s * self._rate_hz:
            chunk = next(self._chunks, None)
            if chunk is None:
                return
            self._written += chunk.samples
            self._container.mux(self.stream.encode(chunk))


def _video_stream(scene: Scene, container: OutputContainer) -> VideoStream:
    """An H.264 stream whose colours are tagged as what they are."""
    video = container.add_stream("libx264", rate=scene.rate_hz, options=dict(_PICTURE))
    video.width, video.height, video.pix_fmt = scene.width, scene.height, "yuv420p"
    video.time_base = 1 / scene.rate_hz
    context = video.codec_context
    context.colorspace = Colorspace.ITU709
    context.color_range = ColorRange.MPEG
    context.color_primaries = ColorPrimaries.BT709
    context.color_trc = ColorTrc.BT709
    return video


def _video_frame(scene: Scene, index: int) -> av.VideoFrame:
    """One frame as limited-range BT.709 YUV, with its time."""
    rgb = av.VideoFrame.from_ndarray(scene.frame(index), format="rgb24")
    frame = rgb.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
    frame.pts, frame.time_base = index, 1 / scene.rate_hz
    return frame


def _sound_frames(sound: NDArray[np.float32], sample_rate_hz: int) -> Iterator[av.AudioFrame]:
    """The sound in pieces of one AAC packet, with their times."""
    for start in range(0, sound.shape[0], _AAC_SAMPLES):
        planes = np.ascontiguousarray(sound[start : start + _AAC_SAMPLES].T)
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout="stereo")
        frame.sample_rate = sample_rate_hz
        frame.pts, frame.time_base = start, Fraction(1, sample_rate_hz)
        yield frame
