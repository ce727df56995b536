"""What the small interpolator is trained on: two moments of a drawn scene, and the true picture between. No torch.

Half of the pairs are moments of a scene that goes on, up to a third of a second apart: things move fast, but as one
motion. The other half look like jumps of a texture: the same things stand a little elsewhere and turned, each by
itself, under another light and from another place of the camera. Their half-way state is known, and drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt

from models.interpolation.optical_flow import Field, measured_flows
from models.interpolation.poses import Pose
from models.scenes.dials import DIALS, DialledScene, Dials
from models.scenes.drawn import DrawnScene, Shot
from models.scenes.families import FAMILIES, UNSEEN, create_scene

TRAINED = tuple(family for family in FAMILIES if family not in UNSEEN)
PER_SCENE = 4
SIDE_PX = 128  # of what the network is given
SIZES_PX = ((192, 144), (256, 144), (224, 160), (320, 180))
RATES_HZ = (Fraction(24), Fraction(25), Fraction(30), Fraction(50))
LONGEST_GAP_S = 0.34
SECONDS = 6.0
DIALLED = 0.4  # share of scenes that are badly filmed, at up to this level
JUMPS = 0.5  # share of pairs that look like jumps

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Triplet:
    """Two pictures, and the one between.

    Attributes:
        first, last, between: RGB, uint8 (h, w, 3).
        forward, backward: DIS flow first -> last and back, float32 (h, w, 2), pixels.
        time: of the one between, 0 to 1.
        is_jump: whether the two are different moments, not neighbours.
    """

    first: Picture
    last: Picture
    between: Picture
    forward: Field
    backward: Field
    time: float
    is_jump: bool


def triplets(seed: int, step: int, families: tuple[str, ...] = TRAINED) -> list[Triplet]:
    """The triplets of one scene, cut to `SIDE_PX`; the same seed and step give the same."""
    random = np.random.default_rng([seed, step])
    width, height = SIZES_PX[random.integers(len(SIZES_PX))]
    rate_hz = RATES_HZ[random.integers(len(RATES_HZ))]
    scene = create_scene(
        str(random.choice(families)), Shot(int(random.integers(2**31)), SECONDS, rate_hz, width, height)
    )
    dials = Dials(**dict.fromkeys(DIALS, 0.0))
    if random.random() < DIALLED:
        level = random.uniform(0, DIALLED)
        drawn = Dials.random(random)
        dials = Dials(**{name: level * getattr(drawn, name) for name in DIALS})
    filmed = DialledScene(scene, dials, int(random.integers(2**31)))
    swapped = random.permutation(3)
    made = []
    for _ in range(PER_SCENE):
        is_jump = bool(random.random() < JUMPS)
        three, time = _jump(random, scene) if is_jump else _going_on(random, filmed)
        made.append(cut(random, [np.ascontiguousarray(each[..., swapped]) for each in three], time, is_jump=is_jump))
    return made


def _going_on(random: np.random.Generator, scene: DialledScene) -> tuple[list[Picture], float]:
    """Three moments of a scene, in order."""
    longest = max(2, round(LONGEST_GAP_S * float(scene.rate_hz)))
    gap = int(random.integers(2, longest + 1))
    within = int(random.integers(1, gap))
    start = int(random.integers(scene.frame_count - gap))
    return [scene.frame(start + offset) for offset in (0, within, gap)], within / gap


def _jump(random: np.random.Generator, scene: DrawnScene) -> tuple[list[Picture], float]:
    """The same things in two poses, and in the pose between, which at each share of the way is known."""
    layer = scene.layer(int(random.integers(scene.frame_count)))
    strength = random.uniform(0.1, 1.0)
    size = scene.width, scene.height
    front, behind = Pose.pair(random, size, strength), Pose.pair(random, size, 0.5 * strength * (random.random() < 0.5))
    gains = 1 + random.normal(0, 0.06, (2, 3)) * (random.random() < 0.5)
    noise = random.uniform(0, 5) * (random.random() < 0.5)
    time = float(random.uniform(0.12, 0.88))
    pictures = []
    for share in (0.0, time, 1.0):
        moved = front.moved(np.dstack([layer.colour, layer.cover]), share)
        backdrop = behind.moved(scene.backdrop, share)
        cover = moved[..., 3:].astype(np.float32) / 255
        picture = cover * moved[..., :3] + (1 - cover) * backdrop
        picture = picture * ((1 - share) * gains[0] + share * gains[1])
        if noise and share in (0.0, 1.0):
            picture = picture + random.normal(0, noise, picture.shape)
        pictures.append(picture.clip(0, 255).round().astype(np.uint8))
    return pictures, time


def cut(random: np.random.Generator, three: list[Picture], time: float, *, is_jump: bool) -> Triplet:
    """A square of them where things move, turned or mirrored by chance."""
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (three[0], three[2])]
    forward, backward = measured_flows(np.asarray(grey[0], np.uint8), np.asarray(grey[1], np.uint8))
    height, width = three[0].shape[:2]
    places = [(int(random.integers(height - SIDE_PX + 1)), int(random.integers(width - SIDE_PX + 1))) for _ in range(3)]
    squares = [np.s_[top : top + SIDE_PX, left : left + SIDE_PX] for top, left in places]
    changes = [cv2.absdiff(three[0][square], three[2][square]).mean() for square in squares]
    square = squares[int(np.argmax(changes))]
    first, between, last = (picture[square] for picture in three)
    return _turned(random, Triplet(first, last, between, forward[square], backward[square], time, is_jump))


def _turned(random: np.random.Generator, given: Triplet) -> Triplet:
    """Mirrored, with rows and columns exchanged, and with the ends exchanged, each by chance."""
    pictures = [given.first, given.last, given.between]
    flows = [given.forward, given.backward]
    time = given.time
    if random.random() < 0.5:
        pictures = [picture[:, ::-1] for picture in pictures]
        flows = [flow[:, ::-1] * np.array([-1, 1], np.float32) for flow in flows]
    if random.random() < 0.5:
        pictures = [picture.transpose(1, 0, 2) for picture in pictures]
        flows = [flow.transpose(1, 0, 2)[..., ::-1] for flow in flows]
    if random.random() < 0.5:
        pictures, flows, time = [pictures[1], pictures[0], pictures[2]], flows[::-1], 1 - time
    first, last, between = (np.ascontiguousarray(picture) for picture in pictures)
    forward, backward = (np.ascontiguousarray(flow, np.float32) for flow in flows)
    return Triplet(first, last, between, forward, backward, time, given.is_jump)
