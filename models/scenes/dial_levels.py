"""How badly something is filmed, as eight dials."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import isfinite

import numpy as np

_OFF_SHARE = 0.35  # of random dials
MOST = 1.2  # of random dials


@dataclass(frozen=True)
class Dials:
    """How much of what makes a film hard to read; 0 is off, 1 what a careless amateur's video has.

    Attributes:
        light: brightness and colour drift and flicker.
        shadow: soft shadows cross the picture.
        shake: the hand that holds the camera is unsteady.
        zoom: the picture breathes in and out.
        noise: of the sensor.
        compression: of the file.
        background: what is behind the subject moves.
        occlusion: things pass in front now and then.

    Raises:
        ValueError: a dial is negative or not finite.
    """

    light: float = 0.0
    shadow: float = 0.0
    shake: float = 0.0
    zoom: float = 0.0
    noise: float = 0.0
    compression: float = 0.0
    background: float = 0.0
    occlusion: float = 0.0

    def __post_init__(self) -> None:
        for name in DIALS:
            level = getattr(self, name)
            if not (isfinite(level) and level >= 0):
                raise ValueError(f"the dial {name} is {level}, expected a finite number of at least 0")

    @classmethod
    def none(cls) -> Dials:
        """All off."""
        return cls()

    @classmethod
    def all(cls, level: float) -> Dials:
        """All at one level."""
        return cls(**dict.fromkeys(DIALS, level))

    @classmethod
    def only(cls, name: str, level: float) -> Dials:
        """One of `DIALS` at a level, the others off.

        Raises:
            ValueError: there is no such dial.
        """
        if name not in DIALS:
            raise ValueError(f"no dial is called {name!r}, expected one of {', '.join(DIALS)}")
        return cls(**{name: level})

    @classmethod
    def random(cls, random: np.random.Generator) -> Dials:
        """Each dial off once in about three times, otherwise anywhere up to 1.2."""
        off = random.random(len(DIALS)) < _OFF_SHARE
        levels = np.where(off, 0.0, random.uniform(0, MOST, len(DIALS)))
        return cls(**dict(zip(DIALS, levels.tolist(), strict=True)))


DIALS: tuple[str, ...] = tuple(field.name for field in fields(Dials))
