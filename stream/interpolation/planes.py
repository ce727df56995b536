"""A picture as its planes and back, and as what networks see: RGB from 0 to 1."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from stream.h264 import colour_of

Plane = npt.NDArray[np.uint8]
Planes = tuple[Plane, Plane, Plane]
Rgb = npt.NDArray[np.float32]  # (3, h, w), 0 to 1

BT709 = 1
RED_SHARE, BLUE_SHARE = {True: 0.2126, False: 0.299}, {True: 0.0722, False: 0.114}  # of luma, by whether it is BT.709
BLACK, WHITE_LESS_BLACK, NO_CHROMA, CHROMA_RANGE = 16, 219, 128, 224  # limited range, 8 bits


def planes_of(picture: VideoFrame) -> Planes:
    """The Y (h, w), U and V (h/2, w/2) planes of a yuv420p picture."""
    packed = np.asarray(picture.to_ndarray(), np.uint8)
    height, width = picture.height, picture.width
    chroma = packed[height:].reshape(2, height // 2, width // 2)
    return packed[:height], chroma[0], chroma[1]


def picture_of(planes: Sequence[Plane], *, like: VideoFrame) -> VideoFrame:
    """A yuv420p picture of its planes, tagged with another one's colour."""
    luma, *chroma = planes
    packed = np.concatenate([luma.ravel(), *(plane.ravel() for plane in chroma)]).reshape(-1, luma.shape[1])
    picture = VideoFrame.from_ndarray(packed, format="yuv420p")
    picture.colorspace, picture.color_range = like.colorspace, like.color_range
    return picture


def rgb_of(picture: VideoFrame) -> Rgb:
    """A yuv420p picture of limited range as RGB; each chroma sample stands for its four pixels.

    Source: ITU-R BT.709, 3; BT.601, 2.5. No colour is clipped, so that `picture_of_rgb` gives back the same planes.
    """
    luma, *chroma = planes_of(picture)
    size = picture.width, picture.height
    large = [cv2.resize(plane, size, interpolation=cv2.INTER_NEAREST) for plane in chroma]
    return _rgb((luma, large[0], large[1]), _shares(picture))


def small_rgb_of(picture: VideoFrame, size: tuple[int, int]) -> Rgb:
    """The same at another size (width, height), averaged down."""
    planes = [cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in planes_of(picture)]
    return _rgb((planes[0], planes[1], planes[2]), _shares(picture))


def _rgb(planes: tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike], shares: tuple[float, float]) -> Rgb:
    """RGB (3, h, w) of three planes of one size."""
    red, blue = shares
    luma, u, v = (np.asarray(plane, np.float32) for plane in planes)
    bright = (luma - np.float32(BLACK)) / np.float32(WHITE_LESS_BLACK)
    u, v = ((plane - np.float32(NO_CHROMA)) / np.float32(CHROMA_RANGE) for plane in (u, v))
    rgb: Rgb = np.empty((3, *luma.shape), np.float32)
    rgb[0] = bright + 2 * (1 - red) * v
    rgb[2] = bright + 2 * (1 - blue) * u
    rgb[1] = (bright - red * rgb[0] - blue * rgb[2]) / (1 - red - blue)
    return rgb


def picture_of_rgb(rgb: Rgb, *, like: VideoFrame) -> VideoFrame:
    """A yuv420p picture of limited range, of the colour that another one is of."""
    red, blue = _shares(like)
    luma = red * rgb[0] + (1 - red - blue) * rgb[1] + blue * rgb[2]
    u, v = (rgb[2] - luma) / (2 * (1 - blue)), (rgb[0] - luma) / (2 * (1 - red))
    half = rgb.shape[2] // 2, rgb.shape[1] // 2
    chroma = [
        _levels(cv2.resize(plane, half, interpolation=cv2.INTER_AREA), CHROMA_RANGE, NO_CHROMA) for plane in (u, v)
    ]
    return picture_of([_levels(luma, WHITE_LESS_BLACK, BLACK), *chroma], like=like)


def _shares(picture: VideoFrame) -> tuple[float, float]:
    is_709 = colour_of(picture) == BT709
    return RED_SHARE[is_709], BLUE_SHARE[is_709]


def _levels(plane: npt.ArrayLike, levels: int, offset: int) -> Plane:
    # OpenCV rounds and clips in one pass; its stubs know only arrays of its own.
    return np.asarray(np.clip(np.rint(np.asarray(plane) * levels + offset), 0, 255), np.uint8)
