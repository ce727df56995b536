"""Short H.264 videos of walks, to be looked at side by side."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.stream import VideoStream

from bench.quality.film import Film
from models.media import create_media

SCALE = 2
BAR_PX = 10  # below the picture: where in the film it is, and where it jumped
JUMP_SHOWN_S = 0.3
CRF = "27"
TRACK, MARK, JUMP = (26, 28, 34), (255, 198, 109), (226, 62, 62)  # RGB

Picture = npt.NDArray[np.uint8]


def write_movie(path: Path, film: Film, runs: list[list[int]]) -> None:
    """What a walk shows, with a bar below it that is red for a moment after each jump.

    Args:
        path: the MP4 to write.
        film: what is walked.
        runs: (first frame, last frame) of each stretch without a jump.
    """
    height, width = (side * SCALE for side in film.frames.shape[1:3])
    with create_media(path, options={"movflags": "+faststart"}) as container:
        options: dict[str, Any] = {"crf": CRF, "preset": "medium"}
        stream = container.add_stream("libx264", rate=film.rate_hz, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height + BAR_PX, "yuv420p"
        stream.codec_context.thread_count = 1
        for index, (frame, since_jump) in enumerate(_shown(runs)):
            picture = cv2.resize(film.frames[frame], (width, height), interpolation=cv2.INTER_CUBIC)
            has_jumped = since_jump is not None and since_jump < JUMP_SHOWN_S * float(film.rate_hz)
            bar = _bar(width, frame / max(1, len(film.frames) - 1), has_jumped)
            shown = av.VideoFrame.from_ndarray(np.vstack([picture, bar]), format="rgb24")
            shown.pts, shown.time_base = index, Fraction(1) / film.rate_hz
            container.mux(stream.encode(shown))
        container.mux(stream.encode(None))


def _shown(runs: list[list[int]]) -> list[tuple[int, int | None]]:
    """Each frame, and how many frames ago the last jump was."""
    return [
        (frame, frame - first if number else None)
        for number, (first, last) in enumerate(runs)
        for frame in range(first, last + 1)
    ]


def _bar(width: int, place: float, has_jumped: bool) -> Picture:
    bar = np.empty((BAR_PX, width, 3), np.uint8)
    bar[:] = JUMP if has_jumped else TRACK
    middle = round(place * (width - 1))
    bar[:, max(0, middle - 2) : middle + 3] = MARK
    return bar
