"""Tuning the classic walks, each on its own, as well as they go: `python -m bench.quality.tuning`.

On scenes that nothing else is measured on: the families that pre-training sees, at seeds of its own. One setting after
the other is tried, twice round; what is best by the mean state error at 15 jumps a minute is kept. The result stands
in `methods.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from bench.quality.baselines import ClassicMethod, ClassicSettings
from bench.quality.conditions import HEIGHT_PX, WIDTH_PX, levels
from bench.quality.film import Film
from bench.quality.grid import JUMPS_PER_MINUTE
from bench.quality.methods import rgb
from bench.quality.state_error import StateError
from models.scenes.dials import DialledScene
from models.scenes.drawn import Shot
from models.scenes.families import FAMILIES, UNSEEN, create_scene
from stream.errors import TextureError

DIALS = ("none", "light", "noise")  # with all of them on, no setting is better than another
SEED, SECONDS = 7, 40.0
TRIED: dict[str, Sequence[float | int]] = {
    "taps": (1, 2, 4, 8, 16),
    "power": (0.7, 1.0, 2.0, 4.0),
    "threshold": (0.0, 0.003, 0.01, 0.03, 0.1, 0.25),
    "radius": (0, 1, 2, 4),
}
ROUNDS = 2
RATE_WITHIN = 0.1  # of the wanted rate, or the figure does not count

METHODS = {
    "Classic": partial(ClassicMethod, rgb, frame_by_frame=True),
    "Classic+": partial(ClassicMethod, rgb),
    "Classic++": partial(ClassicMethod, rgb, whole_window=True),
}


def films() -> list[tuple[Film, StateError]]:
    """The scenes that are tuned on, with their measure."""
    drawn = []
    for family in FAMILIES:
        for dial in DIALS if family not in UNSEEN else ():
            scene = create_scene(family, Shot(SEED, SECONDS, width=WIDTH_PX, height=HEIGHT_PX))
            film = Film.of_scene(DialledScene(scene, levels(dial), SEED))
            assert film.state is not None
            _ = film.frame_distance  # once, before the frames go
            film.frames = film.frames[:, ::8, ::8]
            drawn.append((film, StateError(film.state, film)))
    return drawn


def mean_error(method: ClassicMethod, on: Sequence[tuple[Film, StateError]]) -> float:
    """The mean state error of its own walk; a film that it cannot walk at the rate counts as random jumps."""
    errors = []
    for film, measure in on:
        try:
            played = method.own_walk(film)
        except TextureError:
            errors.append(1.0)
            continue
        reached = abs(played.jumps_per_minute / JUMPS_PER_MINUTE - 1) < RATE_WITHIN
        errors.append(measure.of_walk(played) if reached else 1.0)
    return float(np.mean(errors))


def tune(name: str, on: Sequence[tuple[Film, StateError]]) -> tuple[ClassicSettings, float]:
    """The best settings of one method, and their error; every trial is printed."""
    make, best = METHODS[name], ClassicSettings()
    least = mean_error(make(settings=best), on)
    sys.stdout.write(f"{name}: {best} {least:.4f}\n")
    seen = {best}
    for _ in range(ROUNDS):
        for setting, values in TRIED.items():
            for value in values:
                tried = replace(best, **{setting: value})  # type: ignore[arg-type]
                if tried in seen or (setting == "taps" and name == "Classic++"):
                    continue
                seen.add(tried)
                error = mean_error(make(settings=tried), on)
                sys.stdout.write(f"{name}: {tried} {error:.4f}\n")
                if error < least:
                    best, least = tried, error
    return best, least


if __name__ == "__main__":
    drawn_films = films()
    for method_name in METHODS:
        chosen, error_left = tune(method_name, drawn_films)
        sys.stdout.write(f"==> {method_name}: {chosen} {error_left:.4f} on {len(drawn_films)} films\n")
