"""Crowds: shoals, flocks and swarms of small bodies that one or two shared flows carry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.scenes.backdrops import Backdrop
from models.scenes.drawn import DrawnScene, Layer, Shot
from models.scenes.drivers import FASTEST_S, Driver, random_driver, random_drivers
from models.scenes.ink import Colour, Ink
from models.scenes.looks import look_state, velocity_time_s

FEWEST, MOST = 15, 80  # bodies
_DIMS = 8
_Points = NDArray[np.complex128]
_Way = tuple[NDArray[np.float64], _Points, _Points, int]  # start, home, reach and knots of a flow
_SLOWER = 2.5  # bodies that go all the way round in the shortest time there is would only be a blur
_TRUTH_BODIES = 20  # of a flow, that the state looks at
_THINNEST = 0.25  # of its length, a body that is just turning round
_SHAPES: dict[str, _Points] = {  # outlines, heading to the right, about 1 from the middle
    "disc": np.exp(2j * np.pi * np.arange(10) / 10),
    "fish": np.array([1, 0.5 + 0.32j, -0.1 + 0.38j, -0.55 + 0.1j, -1 + 0.4j, -1 - 0.4j, -0.55 - 0.1j, -0.1 - 0.38j]),
    "arrow": np.array([1, -0.8 + 0.65j, -0.4, -0.8 - 0.65j]),
    "bird": np.array([0.8, 0.2 + 0.15j, -0.4 + 1.1j, -0.2 + 0.15j, -0.8, -0.2 - 0.15j, -0.4 - 1.1j, 0.2 - 0.15j]),
    "flake": np.array([0.8 + 0.6j, -0.8 + 0.6j, -0.8 - 0.6j, 0.8 - 0.6j]),
    "dash": np.array([1, 0.7 + 0.25j, -0.7 + 0.25j, -1, -0.7 - 0.25j, 0.7 - 0.25j]),
}


@dataclass(frozen=True)
class Flow:
    """Bodies that go together. All that they do follows from one driver.

    Attributes:
        kind: one of orbits, shoal, stream, cloud.
        driver: what drives them.
        start: where a body is on its way, radians (N,); in a shoal, by how much it is behind.
        home: about where it stays, complex (N,), in shares of the short side.
        reach: along and across its way, complex (2, N) or (2, 1), likewise.
        drift: where all of it is carried besides, complex (F,), likewise.
        knots: how often a way swings across while it goes along once.
    """

    kind: str
    driver: Driver
    start: NDArray[np.float64]
    home: _Points
    reach: _Points
    drift: _Points
    knots: int

    def phase(self, frames: NDArray[np.int64]) -> NDArray[np.float64]:
        """Radians along each body's way, (M, N)."""
        return np.asarray(self.driver.turn[frames, None] + self.start)

    def places(self, frames: NDArray[np.int64]) -> _Points:
        """Where the bodies are, complex (M, N), in shares of the short side."""
        home = self.home + self.drift[frames, None]
        if self.kind == "cloud":
            place = self.driver.place[frames, None]
            return np.asarray(home + place.real * self.reach[0] + place.imag * self.reach[1])
        phase = self.phase(frames)
        if self.kind == "stream":
            along = (phase / (2 * np.pi)) % 1 - 0.5
            return np.asarray(home + along * self.reach[0] + np.sin(self.knots * phase) * self.reach[1])
        return np.asarray(home + np.cos(phase) * self.reach[0] + np.sin(self.knots * phase) * self.reach[1])

    def headings(self, frames: NDArray[np.int64]) -> _Points:
        """Where the bodies look, complex (M, N) of size 1."""
        if self.kind == "cloud":
            return np.asarray(np.exp(1j * (self.start + 0.6 * self.driver.place[frames, None].real)))
        phase = self.phase(frames)
        aside = self.knots * np.cos(self.knots * phase) * self.reach[1]
        ahead = self.reach[0] / (2 * np.pi) if self.kind == "stream" else -np.sin(phase) * self.reach[0]
        way = ahead + aside
        return np.asarray(way / np.maximum(np.abs(way), 1e-9))

    def facing(self, frames: NDArray[np.int64], rate_hz: float) -> NDArray[np.float64]:
        """How far they show their side, (M,): 1 when going ahead, -1 back, in between while they turn."""
        if self.kind == "cloud":
            return np.ones(len(frames))
        turn = self.driver.turn
        step = turn[np.minimum(frames + 1, len(turn) - 1)] - turn[np.maximum(frames - 1, 0)]
        side = np.tanh(step * rate_hz / 2 / (0.35 * 2 * np.pi / self.driver.period_s))
        return np.asarray(np.copysign(np.maximum(np.abs(side), _THINNEST), side))

    def truth(self, frames: NDArray[np.int64]) -> _Points:
        """Points, (M, P), as far apart as what is seen of the flow is unlike."""
        some = slice(None, None, max(1, len(self.start) // _TRUTH_BODIES))
        if self.kind != "stream":
            return self.places(frames)[:, some]
        # Who leaves on one side comes back on the other: on a circle as long as the way that is no leap.
        phase = self.phase(frames)[:, some]
        on_circle = np.exp(1j * phase) * np.abs(self.reach[0]).mean() / (2 * np.pi)
        return np.hstack([on_circle, np.repeat(self.drift[frames, None], phase.shape[1], axis=1)])


class Crowd(DrawnScene):
    """15 to 80 small bodies in one or two flows.

    Args:
        shot: how it is filmed.
    """

    state_names = tuple(f"{what} {axis}" for what in ("place", "velocity") for axis in range(_DIMS))

    def __init__(self, shot: Shot) -> None:
        super().__init__(shot)
        random = self.random
        self._short = min(shot.width, shot.height)
        self._wide, self._high = shot.width / self._short, shot.height / self._short
        self.ground = Backdrop.chosen(random)
        self.count = int(FEWEST * (MOST / FEWEST) ** random.random())
        first = random_drivers(random, shot)[0]
        split = random.random() < 0.3
        counts = [self.count - self.count // 3, self.count // 3] if split else [self.count]
        self.flows = [self._flow(count, first.period_s) for count in counts]
        size = random.uniform(0.028, 0.07) * (35 / self.count) ** 0.3
        self._sizes = size * random.uniform(0.65, 1.35, self.count)
        self._shape = _SHAPES[str(random.choice(list(_SHAPES)))]
        self._flaps = int(random.integers(2, 5)) if random.random() < 0.5 else 0
        self._colours = self._inks(counts)

    def _inks(self, counts: list[int]) -> list[Colour]:
        """A colour per body: one per flow, or any of three."""
        random = self.random
        inks = self.ground.inks(random, 3)
        if random.random() < 0.5:
            return [inks[flow] for flow, count in enumerate(counts) for _ in range(count)]
        return [inks[which] for which in random.integers(0, 3, self.count)]

    def _flow(self, count: int, period_s: float) -> Flow:
        """Any flow that stays in the picture, or leaves it on one side and comes back on the other."""
        random = self.random
        kind = str(random.choice(["orbits", "shoal", "stream", "cloud"]))
        slower = 1.0 if kind == "cloud" else max(1.0, _SLOWER * FASTEST_S / period_s)
        driver = random_driver(random, self.shot, period_s * slower * random.uniform(0.8, 1.25))
        carried = random_driver(random, self.shot, period_s * random.uniform(1, 2))
        drift = random.uniform(0.03, 0.1) * carried.place * np.exp(1j * random.uniform(0, 2 * np.pi))
        start, home, reach, knots = getattr(self, f"_{kind}")(count)
        return Flow(kind, driver, start, home, reach, drift, knots)

    def _orbits(self, count: int) -> _Way:
        """Rings around one middle; each body has its own."""
        random = self.random
        room = random.uniform(0.28, 0.45) * np.array([self._wide, self._high])
        ring = random.uniform(0.25, 1, count) ** 0.6
        home = complex(self._wide / 2, self._high / 2) + 0.06 * _scattered(random, count)
        slant = np.exp(1j * random.uniform(-0.3, 0.3))
        reach = np.stack([room[0] * ring * slant, 1j * room[1] * ring * slant])
        return random.uniform(0, 2 * np.pi, count), home, reach, 1

    def _shoal(self, count: int) -> _Way:
        """One path for all, some ahead, some behind, some aside."""
        random = self.random
        loose = random.uniform(0.06, 0.2)
        room = np.maximum(0.12, np.array([self._wide, self._high]) / 2 - 0.7 * loose - 0.08) * random.uniform(0.6, 1, 2)
        home = complex(self._wide / 2, self._high / 2) + loose * _scattered(random, count)
        lag = -random.uniform(0.3, 1.6) * random.random(count)
        return lag, home, np.array([[room[0]], [1j * room[1]]]), int(random.integers(1, 3))

    def _stream(self, count: int) -> _Way:
        """Across the picture and out of it, on ways side by side; also straight up or down."""
        random = self.random
        upright = random.random() < 0.35
        way = 1j if upright else complex(random.choice([-1, 1]))
        length, room = (self._high, self._wide) if upright else (self._wide, self._high)
        swing = random.uniform(0, 0.12)
        aside = np.linspace(0.08 + swing, room - 0.08 - swing, count)[random.permutation(count)]
        middle = 0.5 * length
        home = np.asarray(aside + 1j * middle if upright else middle + 1j * aside, np.complex128)
        start = 2 * np.pi * (np.arange(count) + random.uniform(-0.3, 0.3, count)) / count
        reach = np.array([[(length + 0.2) * way], [swing * (1.0 if upright else 1j)]], np.complex128)
        return start, home, reach, int(random.integers(1, 4))

    def _cloud(self, count: int) -> _Way:
        """All over the picture, carried to and fro by a smooth field."""
        random = self.random
        spread = random.uniform(0.55, 0.85)
        across, down = random.uniform(-0.5, 0.5, (2, count)) * spread
        home = np.asarray(complex(self._wide / 2, self._high / 2) + across * self._wide + 1j * down * self._high)
        off = home - home.mean()
        fields = [np.full(count, np.exp(1j * random.uniform(0, 2 * np.pi))), 2 * off, 2j * off, 2 * off.conjugate()]
        fields.append(np.exp(1j * (3 * off.real + random.uniform(0, 6))))  # a wave of it
        chosen = random.choice(5, 2, replace=False)
        reach = np.asarray(random.uniform(0.06, 0.16) * np.stack([fields[which] for which in chosen]), np.complex128)
        return random.uniform(0, 2 * np.pi, count), home, reach, 1

    def _outlines(self, index: int) -> _Points:
        """All bodies in frame `index`, complex (count, corners), in pixels."""
        frames = np.array([index])
        rate_hz = float(self.rate_hz)
        places = np.concatenate([flow.places(frames)[0] for flow in self.flows])
        headings = np.concatenate([flow.headings(frames)[0] for flow in self.flows])
        side = np.concatenate([np.repeat(flow.facing(frames, rate_hz), len(flow.start)) for flow in self.flows])
        flap = np.ones(self.count)
        if self._flaps:
            phase = np.concatenate([flow.phase(frames)[0] for flow in self.flows])
            flap = 0.65 + 0.35 * np.cos(self._flaps * phase)
        body = self._shape.real * side[:, None] + 1j * self._shape.imag * flap[:, None]
        turned = (headings * self._sizes)[:, None] * body
        return np.asarray((places[:, None] + turned) * self._short)

    def layer(self, index: int) -> Layer:
        """The bodies in frame `index`."""
        ink = Ink(self.width, self.height)
        ink.polygons(self._outlines(index), self._colours)
        return ink.layer()

    def _backdrop(self) -> NDArray[np.uint8]:
        return self.ground.paint(self.width, self.height)

    def _state(self) -> NDArray[np.float32]:
        frames = np.arange(self.frame_count)
        parts = [flow.truth(frames) for flow in self.flows]
        weights = [
            np.full(part.shape[1], len(flow.start) / part.shape[1])
            for part, flow in zip(parts, self.flows, strict=True)
        ]
        return look_state(
            np.hstack(parts),
            np.concatenate(weights),
            dims=_DIMS,
            rate_hz=float(self.rate_hz),
            time_s=velocity_time_s(self.flows[0].driver.period_s),
        )


def _scattered(random: np.random.Generator, count: int) -> _Points:
    """Around 0, complex (count,), hardly any farther than 2."""
    return np.asarray(random.normal(0, 0.7, count) + 1j * random.normal(0, 0.7, count)).clip(-2 - 2j, 2 + 2j)
