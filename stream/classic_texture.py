"""What plain differences of pixels make of a texture's own clip: the classic matrix beside the contrastive one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from models.progress import Progress, silent
from stream.classic import TAPS, Classic
from stream.h264 import decode_gop
from stream.liveliness import Tempo
from stream.texture import Texture

MOST_PLACES = 1500  # 5 minutes of segments: more would be slow to weigh as a dense matrix
WIDTH_PX = 48  # at which pictures are compared
AROUND = TAPS // 2

Stills = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class ClassicTexture:
    """The classic video texture of a texture's pictures.

    Attributes:
        classic: the costs of steps between places in the clip.
        segments_per_step: 1; more for a long clip, where only one in so many segments is a place.
        tempo: of such steps.
    """

    classic: Classic
    segments_per_step: int
    tempo: Tempo

    @classmethod
    def of(cls, texture: Texture, *, most_places: int = MOST_PLACES, progress: Progress = silent) -> ClassicTexture:
        """Decode the pictures around each place, small, and compare them.

        Raises:
            TextureError: they cannot be decoded.
        """
        each = math.ceil(texture.segments.count / most_places)
        count = texture.segments.count // each
        playable = np.asarray(texture.segments.clean[: count * each].reshape(count, each).all(axis=1))
        playable[0] = False  # a texture holds no pictures from before its first segment
        ends = lru_cache(maxsize=2)(lambda segment: _ends(texture, segment))
        stills = []
        for place in range(count):
            stills += [ends(max(0, place * each - 1))[1], ends(place * each)[0]]
            progress("compare pixels", (place + 1) / count)
        begins = np.arange(count) * 2 * AROUND + AROUND
        tempo = Tempo(texture.tempo.stride_s * each, texture.tempo.bridge_s)
        return cls(Classic.of_frames(np.concatenate(stills), begins, playable=playable), each, tempo)


def _ends(texture: Texture, segment: int) -> tuple[Stills, Stills]:
    """The first two and the last two pictures that a segment plays, small, each (2, h, w, 3) RGB."""
    clip = texture.manifest.clip
    height_px = max(2, round(WIDTH_PX * clip.height / clip.width))
    pictures = decode_gop(texture.gop(segment))
    small = [
        picture.reformat(WIDTH_PX, height_px, "rgb24", interpolation="AREA").to_ndarray()
        for picture in (*pictures[:AROUND], *pictures[-AROUND:])
    ]
    stills = np.stack(small).astype(np.uint8, copy=False)
    return stills[:AROUND], stills[AROUND:]
