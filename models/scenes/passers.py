"""What comes between a film and its subject: things that pass in front, and backgrounds that move."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.scenes.backdrops import noise, random_colours
from models.scenes.drawn import Shot
from models.scenes.motion import Course, wander

_OCCLUDER_AREA = 0.14  # of the picture, at level 1
_GAP_S = 2.5  # between two occluders, on average
_PASS_S = (0.8, 2.5)


def paste(picture: NDArray[np.uint8], cut: NDArray[np.uint8], middle: tuple[float, float]) -> None:
    """Lay a cut on a picture, in place, to a fraction of a pixel; what falls outside is left out.

    Args:
        picture: RGB, uint8 (height, width, 3).
        cut: RGBA, colours multiplied by cover, uint8 (h, w, 4).
        middle: where its middle goes, x and y in pixels from the picture's corner.
    """
    exact_x, exact_y = middle[0] - cut.shape[1] / 2, middle[1] - cut.shape[0] / 2
    left, top = max(0, int(np.floor(exact_x))), max(0, int(np.floor(exact_y)))
    right = min(picture.shape[1], int(exact_x + cut.shape[1]) + 1)
    bottom = min(picture.shape[0], int(exact_y + cut.shape[0]) + 1)
    if left >= right or top >= bottom:
        return
    shift = np.array([[1.0, 0.0, exact_x - left], [0.0, 1.0, exact_y - top]])
    laid = cv2.warpAffine(cut, shift, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
    red, green, blue, cover = cv2.split(laid)
    part = picture[top:bottom, left:right]
    behind = cv2.multiply(part, cv2.merge([cv2.bitwise_not(cover)] * 3), scale=1 / 255)
    part[:] = cv2.add(cv2.merge([red, green, blue]), behind)


def textured(random: np.random.Generator, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A mask filled with a cloudy mixture of two colours: RGBA, colours multiplied by cover."""
    high, wide = mask.shape
    inks = random_colours(random, 2)
    inks[1] = inks[0] + 0.6 * (inks[1] - inks[0])
    share = noise(random, wide, high, float(random.uniform(0.4, 0.8)))
    filled = (inks[0] + share[..., None] * (inks[1] - inks[0])).clip(0, 255)
    return np.dstack([filled * (mask[..., None] / 255), mask]).round().astype(np.uint8)


def blob(random: np.random.Generator, width: int, height: int) -> NDArray[np.uint8]:
    """A lumpy outline that fills a box, uint8 (height, width)."""
    turns = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radius = np.ones_like(turns)
    for waves in range(2, 6):
        radius += random.normal(0, 0.25 / waves) * np.cos(waves * turns + random.uniform(0, 6))
    outline = np.stack([np.cos(turns), np.sin(turns)], axis=1) * np.abs(radius)[:, None]
    outline = (outline / np.abs(outline).max(axis=0) + 1) / 2 * (4 * width - 1, 4 * height - 1)
    large = np.zeros((4 * height, 4 * width), np.uint8)
    cv2.fillPoly(large, [outline.astype(np.int32)], 255)
    return np.asarray(cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True)
class _Passing:
    """One occluder on its way.

    Attributes:
        first: its first frame.
        cut: which of the cuts.
        places: of its middle, (frames, 2), in pixels.
    """

    first: int
    cut: int
    places: Course


class Occluders:
    """Somebody's hand, a post or leaves in front of the lens now and then, one at a time.

    Args:
        level: how large they are; at 1 they cover about 15 % of the picture at most.
        shot: the film's.
        random: draws them and when they come.
    """

    def __init__(self, level: float, shot: Shot, random: np.random.Generator) -> None:
        self._size = (shot.width, shot.height)
        area = _OCCLUDER_AREA * level * shot.width * shot.height
        looks, course = random.spawn(2)  # apart, so that they come at the same times at every level
        self._cuts = [textured(looks, mask) for mask in self._masks(area, looks)]
        self._passings = self._course(shot, course)

    def draw(self, picture: NDArray[np.uint8], index: int) -> None:
        """Lay what passes in frame `index` over the picture, in place."""
        for passing in self._passings:
            if 0 <= index - passing.first < len(passing.places):
                x, y = passing.places[index - passing.first]
                paste(picture, self._cuts[passing.cut], (float(x), float(y)))

    def _masks(self, area: float, random: np.random.Generator) -> list[NDArray[np.uint8]]:
        """A post from top to bottom, a hand's lump and a bunch of leaves, each of the area in pixels."""
        height = self._size[1]
        post = np.full((height + 2, max(1, round(area / height))), 255, np.uint8)
        stretch = random.uniform(0.8, 1.25)
        side = np.sqrt(area / 0.75)  # a lump fills about three quarters of its box
        hand = blob(random, max(2, round(side * stretch)), max(2, round(side / stretch)))
        wide, high = (max(4, round(side * 1.3)) for _ in range(2))
        leaves = np.zeros((4 * high, 4 * wide), np.uint8)
        for _ in range(9):
            middle = (int(random.uniform(0.8, 3.2) * wide), int(random.uniform(0.8, 3.2) * high))
            axes = (max(1, int(0.75 * wide)), max(1, int(0.28 * high)))
            cv2.ellipse(leaves, middle, axes, random.uniform(0, 180), 0, 360, 255, -1)
        return [post, hand, np.asarray(cv2.resize(leaves, (wide, high), interpolation=cv2.INTER_AREA), np.uint8)]

    def _course(self, shot: Shot, random: np.random.Generator) -> list[_Passing]:
        """Who passes when, from outside the picture to outside it."""
        passings: list[_Passing] = []
        rate_hz, first = float(shot.rate_hz), 0
        while True:
            first += round((0.3 + random.exponential(_GAP_S - 0.3)) * rate_hz)
            if first >= shot.frame_count:
                return passings
            frames = max(2, round(random.uniform(*_PASS_S) * rate_hz))
            cut = int(random.integers(len(self._cuts)))
            passings.append(_Passing(first, cut, self._way(cut, np.linspace(-1, 1, frames), random)))
            first += frames

    def _way(self, cut: int, share: Course, random: np.random.Generator) -> Course:
        """Straight across for a post; for the others that, or in from an edge and back. (frames, 2)."""
        width, height = self._size
        high, wide = self._cuts[cut].shape[:2]
        side = random.choice([-1.0, 1.0])
        out_x, out_y = (width + wide) / 2 + 1, (height + high) / 2 + 1
        if cut == 0:
            return np.stack([width / 2 + side * out_x * share, np.full_like(share, height / 2)], axis=1)
        bend = (1 - share**2) * random.uniform(0.3, 1.0)  # of the way to the other edge and back
        if random.random() < 0.5:
            x, y = side * out_x * share, random.uniform(-0.4, 0.4) * height * (1 + 0.3 * bend)
        elif random.random() < 0.5:
            x, y = random.uniform(-0.4, 0.4) * width * (1 + 0.3 * bend), side * out_y * (1 - bend)
        else:
            x, y = side * out_x * (1 - bend), random.uniform(-0.4, 0.4) * height * (1 + 0.3 * bend)
        return np.stack([width / 2 + x, height / 2 + y], axis=1)


class Background(ABC):
    """A background that moves."""

    @abstractmethod
    def behind(self, backdrop: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
        """What is behind the subject in frame `index`: a new array like the backdrop, which stays as it is."""


class _Walkers(Background):
    """Textured silhouettes that drift across, one way each, over and over; more and larger with the level."""

    def __init__(self, level: float, shot: Shot, random: np.random.Generator) -> None:
        time_s = np.arange(shot.frame_count) / float(shot.rate_hz)
        self._cuts, self._places = [], []
        for own in random.spawn(1 + round(4 * level)):
            high = max(4, round(shot.height * own.uniform(0.3, 0.7) * (0.5 + 0.5 * level)))
            wide = max(4, round(high * own.uniform(0.4, 0.9)))
            crossing_s = own.uniform(2.5, 8)
            share = (own.uniform(0, 1) + own.choice([-1, 1]) * time_s / crossing_s) % 1.0
            x = -wide / 2 - 1 + share * (shot.width + wide + 2)
            bob = 0.04 * shot.height * wander(own, shot.frame_count, float(shot.rate_hz), 0.9)[:, 0]
            self._places.append(np.stack([x, shot.height * own.uniform(0.1, 0.9) + bob], axis=1))
            self._cuts.append(textured(own, blob(own, wide, high)))

    def behind(self, backdrop: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
        picture = backdrop.copy()
        for cut, places in zip(self._cuts, self._places, strict=True):
            paste(picture, cut, (float(places[index, 0]), float(places[index, 1])))
        return picture


class _Scroll(Background):
    """A cloudy texture that slides about; it hides the more of the backdrop, the higher the level."""

    def __init__(self, level: float, shot: Shot, random: np.random.Generator) -> None:
        self._size = (shot.width, shot.height)
        self._share = min(0.9, 0.85 * level)
        inks = random_colours(random, 2)
        # At half size: clouds are smooth, and it is enlarged while it is moved.
        wide, high = shot.width, round(0.75 * shot.height)
        clouds = noise(random, wide, high, float(random.uniform(0.6, 0.9)))
        mixed = inks[0] + clouds[..., None] * (inks[1] - inks[0])
        self._texture = np.ascontiguousarray(mixed.clip(0, 255).astype(np.uint8))
        course = wander(random, shot.frame_count, float(shot.rate_hz), random.uniform(5, 10), 2)
        room = np.array([wide - shot.width / 2, high - shot.height / 2]) - 1
        self._corner = (0.5 + 0.5 * course.clip(-1, 1)) * room

    def behind(self, backdrop: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
        x, y = self._corner[index]
        turn = np.array([[0.5, 0.0, x], [0.0, 0.5, y]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        moved = cv2.warpAffine(self._texture, turn, self._size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(cv2.addWeighted(backdrop, 1 - self._share, moved, self._share, 0), np.uint8)


class _Lights(Background):
    """Coloured lamps behind that go up and down, as at a party; brighter with the level."""

    def __init__(self, level: float, shot: Shot, random: np.random.Generator) -> None:
        self._size = (shot.width, shot.height)
        wide, high = max(8, shot.width // 4), max(8, shot.height // 4)
        count = int(random.integers(3, 7))
        down, across = np.mgrid[:high, :wide] + 0.5
        at = random.uniform(0, 1, (count, 2)) * (wide, high)
        reach = random.uniform(0.15, 0.4, count) * high
        square = (across - at[:, :1, None]) ** 2 + (down - at[:, 1:, None]) ** 2
        glow = np.exp(-square / (2 * reach[:, None, None] ** 2))
        coloured = glow[..., None] * random_colours(random, count).clip(60, 255)[:, None, None]
        self._glow = (1.6 * level * coloured).astype(np.float32).reshape(count, -1)
        self._shape = (high, wide, 3)
        rate_hz = float(shot.rate_hz)
        courses = [wander(random, shot.frame_count, rate_hz, random.uniform(0.3, 2))[:, 0] for _ in range(count)]
        self._strength = (0.3 + np.stack(courses, axis=1)).clip(0, 1).astype(np.float32)

    def behind(self, backdrop: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
        light = (self._strength[index] @ self._glow).clip(0, 255).astype(np.uint8).reshape(self._shape)
        return np.asarray(cv2.add(backdrop, cv2.resize(light, self._size, interpolation=cv2.INTER_LINEAR)), np.uint8)


def moving_background(level: float, shot: Shot, random: np.random.Generator) -> Background:
    """One of the kinds of moving background.

    Args:
        level: more than 0; how much of the backdrop it covers or outshines.
        shot: the film's.
        random: chooses and draws it.
    """
    kinds = (_Walkers, _Scroll, _Lights)
    return kinds[int(random.integers(len(kinds)))](level, shot, random)
