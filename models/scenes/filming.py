"""What a careless amateur's camera and room do to any picture: light, shadow, shake, zoom, noise, compression."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.scenes.dial_levels import DIALS, Dials
from models.scenes.drawn import Shot
from models.scenes.motion import Course, wander
from models.scenes.passers import Occluders

_GAIN_STEPS = 100.0  # a gain of 1 in the 8-bit map that light and shadow share
_SHAKE = 0.062  # of the picture's height at level 1; with `wander`'s 0.57 that is 3.5 % RMS each way, 5 % in all
_TURN = np.deg2rad(2.2)  # likewise, about 1.2 degrees RMS
_ZOOM = 0.12
_NOISE = 8.0  # RMS in grey steps at level 1
_CHROMA = 0.5  # share of it that is each colour's own
_NOISE_ROOM_PX = 32  # each way, by which the noise's picture is larger than the film's
_QUALITY = (60, 12)  # JPEG's, for hardly any compression and at level 1
_WORST_QUALITY = 8


class Filming:
    """Films any pictures under all dials but the moving background, which needs to know what is in front of it.

    Everything is smooth in time (noise apart) and follows from the shot's seed alone; each dial has its own
    randomness, so turning one leaves the others' course as it was. Compression is JPEG per frame, as a stand-in
    for a video codec that needs no neighbouring frames: its blocks and ringing are there, its drift is not.

    Args:
        dials: how much of each.
        shot: seed, length, rate and size of the film.
    """

    def __init__(self, dials: Dials, shot: Shot) -> None:
        self._size, self._count = (shot.width, shot.height), shot.frame_count
        self._gain = _light(dials.light, shot, stream(shot.seed, "light")) if dials.light else None
        self._shadows = _Shadows(dials.shadow, shot, stream(shot.seed, "shadow")) if dials.shadow else None
        self._turns = _camera(dials, shot) if dials.shake or dials.zoom else None
        self._noise = _Noise(dials.noise, shot, stream(shot.seed, "noise")) if dials.noise else None
        self._occluders = Occluders(dials.occlusion, shot, stream(shot.seed, "occlusion")) if dials.occlusion else None
        hardly, plainly = _QUALITY
        self._quality = max(_WORST_QUALITY, round(hardly + (plainly - hardly) * dials.compression))
        self._compressed = dials.compression > 0

    def filmed(self, picture: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
        """A picture as frame `index` of the film.

        Args:
            picture: RGB, uint8 (height, width, 3), of the shot's size; left as it is.
            index: 0 to the shot's `frame_count - 1`.

        Returns:
            RGB, uint8 (height, width, 3), contiguous, the caller's own.

        Raises:
            ValueError: the picture is not of the shot's size, or `index` is outside the film.
        """
        expected = (self._size[1], self._size[0], 3)
        if picture.shape != expected or picture.dtype != np.uint8:
            raise ValueError(f"the picture is {picture.dtype} {picture.shape}, expected uint8 {expected}")
        if not 0 <= index < self._count:
            raise ValueError(f"frame {index} of a film of {self._count}: expected 0 to {self._count - 1}")
        picture = np.array(picture, order="C")
        if self._occluders is not None:
            self._occluders.draw(picture, index)
        picture = self._lit(picture, index)
        if self._turns is not None:
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            turned = cv2.warpAffine(
                picture, self._turns[index], self._size, flags=flags, borderMode=cv2.BORDER_REFLECT_101
            )
            picture = np.asarray(turned, np.uint8)
        if self._noise is not None:
            picture = self._noise.over(picture, index)
        return _compressed(picture, self._quality) if self._compressed else picture

    def _lit(self, picture: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
        """Light and shadow multiply alike: one small map of gains for both."""
        if self._gain is None and self._shadows is None:
            return picture
        gain = np.ones(3, np.float32) if self._gain is None else self._gain[index]
        share = np.ones((1, 1), np.float32) if self._shadows is None else self._shadows.share(index)
        small = (share[..., None] * (gain * np.float32(_GAIN_STEPS)) + np.float32(0.5)).astype(np.uint8)
        gains = cv2.resize(small, self._size, interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.multiply(picture, gains, scale=1 / _GAIN_STEPS), np.uint8)


def stream(seed: int, dial: str) -> np.random.Generator:
    """A dial's own randomness."""
    return np.random.default_rng([seed, DIALS.index(dial)])


def _light(level: float, shot: Shot, random: np.random.Generator) -> NDArray[np.float32]:
    """Gain of red, green and blue per frame, (F, 3): slow drift, some flicker, warmer and colder."""
    rate_hz, count = float(shot.rate_hz), shot.frame_count
    drift = wander(random, count, rate_hz, random.uniform(4, 12))
    flicker = wander(random, count, rate_hz, 0.35)
    warmth = wander(random, count, rate_hz, random.uniform(6, 15))
    colour = warmth * np.array([1.0, 0.0, -1.0])
    gain = np.exp(level * (0.30 * drift + 0.06 * flicker + 0.14 * colour))
    return np.asarray(gain.clip(0.25, 2.5), np.float32)


class _Shadows:
    """Soft shadows of one to three things that come and go beside the camera."""

    def __init__(self, level: float, shot: Shot, random: np.random.Generator) -> None:
        self._size = (max(12, shot.width // 4), max(12, shot.height // 4))
        self._depth = min(0.85, 0.6 * level)
        size, rate_hz = np.array(self._size), float(shot.rate_hz)
        self._outlines = []
        for _ in range(int(random.integers(1, 4))):
            turn, sides = random.uniform(0, np.pi), int(random.integers(4, 9))
            angles = 2 * np.pi * (np.arange(sides) + random.uniform(-0.3, 0.3, sides)) / sides
            reach = self._size[1] * random.uniform(0.15, 0.35)
            lump = np.stack([np.cos(angles) * random.uniform(1.5, 4), np.sin(angles)], axis=1) * reach
            outline = lump @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
            way = wander(random, shot.frame_count, rate_hz, random.uniform(3, 8), 2)
            self._outlines.append(((0.5 + 0.75 * way) * size)[:, None] + outline)
        self._soft = max(3, 2 * (self._size[1] // 10) + 1)

    def share(self, index: int) -> NDArray[np.float32]:
        """The share of the light that is left, float32, a quarter of the picture's size."""
        shade = np.zeros((self._size[1], self._size[0]), np.float32)
        for outline in self._outlines:
            cv2.fillPoly(shade, [(outline[index] * 16).astype(np.int32)], 1.0, cv2.LINE_8, 4)
        soft = cv2.blur(cv2.blur(shade, (self._soft, self._soft)), (self._soft, self._soft))
        return np.asarray(1 - np.float32(self._depth) * soft, np.float32)


def _camera(dials: Dials, shot: Shot) -> Course:
    """From places in the frame to places in front of the camera, (F, 2, 3), in pixels."""
    rate_hz, count = float(shot.rate_hz), shot.frame_count
    random = stream(shot.seed, "shake")
    sway, tremor = wander(random, count, rate_hz, 1.6, 3), wander(random, count, rate_hz, 0.3, 3)
    shaken = dials.shake * (0.97 * sway + 0.24 * tremor)
    breath = wander(stream(shot.seed, "zoom"), count, rate_hz, 4.0)[:, 0].clip(-1, 1)
    scale = 1 / (1 + dials.zoom * _ZOOM * (0.5 + 0.5 * breath))
    angle = _TURN * shaken[:, 2]
    middle = np.array([(shot.width - 1) / 2, (shot.height - 1) / 2])
    turns = np.empty((count, 2, 3))
    turns[:, 0, 0] = turns[:, 1, 1] = scale * np.cos(angle)
    turns[:, 0, 1], turns[:, 1, 0] = -scale * np.sin(angle), scale * np.sin(angle)
    turns[:, :, 2] = middle - turns[:, :, :2] @ middle + _SHAKE * shot.height * shaken[:, :2]
    return turns


class _Noise:
    """A sensor's noise: another part of one large picture of noise in each frame, mirrored or not."""

    def __init__(self, level: float, shot: Shot, random: np.random.Generator) -> None:
        shape = (shot.height + _NOISE_ROOM_PX, shot.width + _NOISE_ROOM_PX)
        own = random.standard_normal((*shape, 3), np.float32)
        own *= np.float32(level * _NOISE * _CHROMA)
        own += random.standard_normal((*shape, 1), np.float32) * np.float32(level * _NOISE * np.sqrt(1 - _CHROMA**2))
        self._noise = own.round().astype(np.int16)
        self._corners = random.integers(0, _NOISE_ROOM_PX + 1, (shot.frame_count, 2))
        self._signs = random.choice(np.array([-1.0, 1.0]), shot.frame_count)

    def over(self, picture: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
        """The picture with the noise of frame `index`, a new array."""
        (down, across), (high, wide) = self._corners[index], picture.shape[:2]
        part = self._noise[down : down + high, across : across + wide]
        join = cv2.add if self._signs[index] > 0 else cv2.subtract
        return np.asarray(join(picture, part, dtype=cv2.CV_8U), np.uint8)


def _compressed(picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """The picture through JPEG, with its colours at half size."""
    blue_first = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", blue_first, (cv2.IMWRITE_JPEG_QUALITY, quality))
    if not done:
        raise RuntimeError(f"OpenCV did not encode a picture of {picture.shape} as JPEG of quality {quality}")
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), np.uint8)
