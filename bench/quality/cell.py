"""One cell of the table: a method's walk over a film, judged by every measure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.quality import fooling, metrics, seams, variety
from bench.quality.baselines import ClassicMethod
from bench.quality.conditions import Condition
from bench.quality.film import Film
from bench.quality.grid import Grid
from bench.quality.methods import CLASSIC, ORACLE, Method, Similarity, Weights, methods, missing, over_similarity, rgb
from bench.quality.played import Frames, Played, jumps_of, product_walk
from bench.quality.state_error import StateError
from models.errors import FitError
from models.preset import CPU
from models.seam import SeamMeasure
from stream.errors import TextureError

PRODUCT_WALK, SCHOEDLS_WALK = "product's", "Schödl's"
SHOWN_S = 12.0  # of each walk is written down, to be shown side by side

Cell = dict[str, Any]


class Judge:
    """All measures for one film, with what methods share computed once."""

    def __init__(self, condition: Condition) -> None:
        self.condition = condition
        self.film = Film.of(condition)
        self.state_error = None if self.film.state is None else StateError(self.film.state, self.film)
        self.seam = SeamMeasure(self.film.small, self.film.segments)
        self.viewer = fooling.Viewer(self.film, self.seam, self._jump_cost(), self._random())

    def figures(self, played: Played) -> Cell:
        """What every measure says of a walk."""
        shown = played.watched(self._random())
        ends = seams.visible(self.film, jumps_of(shown))
        plain = seams.plain(self.seam, ends)
        bridged = seams.bridged(self.film, self.seam, ends) if self.film.state is None else None
        rate_hz = float(self.film.rate_hz)
        return {
            "jumps_per_minute": round(played.jumps_per_minute, 3),
            "state_error": self._state_error(played),
            "seam": plain and rounded(asdict(plain)),
            "seam_bridged": bridged and rounded(asdict(bridged)),
            "visited": round(variety.share_visited(shown, self.film), 4),
            "longest_repeat_s": round(variety.longest_repeat_frames(shown) / rate_hz, 2),
            "bits_per_minute": round(played.bits_per_minute, 2),
            "fooled": optional(self.viewer.fooled(ends, self._random())),
            "shown": runs_of(shown[: round(SHOWN_S * rate_hz)]),
        }

    def _state_error(self, played: Played) -> float | None:
        return None if self.state_error is None else round(self.state_error.of_walk(played), 4)

    def _jump_cost(self) -> npt.NDArray[np.float32]:
        """Of every jump that may be taken, by RGB; what the viewer's training jumps are graded by."""
        grid = Grid.of_segments(self.film.segments, float(self.film.rate_hz))
        places = np.arange(grid.count)
        jumps = grid.allowed() & (places[None, :] != places[:, None] + 1)
        return np.where(jumps, ClassicMethod(rgb, CLASSIC).cost(self.film, grid), np.float32(np.inf))

    def _random(self) -> np.random.Generator:
        """The same for every method."""
        return np.random.default_rng([self.condition.seed, 15])


def cells(condition: Condition, names: Sequence[str], weights: Weights) -> Iterator[Cell]:
    """Measure methods on one film, one cell for each of their walks.

    A method that cannot be run, or whose similarities cannot be walked for ever, gives a cell that says why.
    """
    every = methods(weights)
    runnable = [name for name in names if not (name == ORACLE and condition.clip)]
    judge = Judge(condition)
    for name in runnable:
        if why := missing(name, weights):
            yield {**_head(condition, name, PRODUCT_WALK), "not_run": why}
            continue
        mark = weights.mark(name)
        for cell in _of_method(judge, name, every[name]):
            yield {**cell, "weights": mark} if mark else cell


def _of_method(judge: Judge, name: str, method: Method) -> Iterator[Cell]:
    film, began_s = judge.film, time.process_time()
    head = _head(judge.condition, name, PRODUCT_WALK)
    try:
        similarity = method.similarity(film, judge.condition.seed)
    except FitError as error:
        yield {**head, "not_run": str(error)}
        return
    method_s = time.process_time() - began_s
    best = {} if judge.state_error is None else {"best_jumps": round(judge.state_error.of_best_jumps(similarity), 4)}
    for walk, play in _walks(method, film, similarity).items():
        head, began_s = _head(judge.condition, name, walk), time.process_time()
        try:
            played = play()
        except TextureError as error:
            yield {**head, "not_run": str(error)}
            continue
        walked_s = time.process_time()
        found = judge.figures(played)
        seconds = {"method": method_s, "walk": walked_s - began_s, "measures": time.process_time() - walked_s}
        yield {**head, **found, **best, "seconds": rounded(seconds)}


def _walks(method: Method, film: Film, similarity: Similarity) -> dict[str, Callable[[], Played]]:
    if method.only_walk is not None:
        return {PRODUCT_WALK: partial(method.only_walk, film)}
    schoedls = partial(method.own_walk, film) if method.own_walk else partial(over_similarity, film, similarity)
    look = metrics.look_of_fit(film, CPU) if method.looks else None
    return {PRODUCT_WALK: partial(product_walk, film, similarity, look), SCHOEDLS_WALK: schoedls}


def _head(condition: Condition, method: str, walk: str) -> Cell:
    return {"condition": condition.as_dict(), "method": method, "walk": walk}


def runs_of(shown: Frames) -> list[list[int]]:
    """What is shown as (first frame, last frame) of each run without a jump."""
    begins = np.concatenate([[0], np.flatnonzero(np.diff(shown) != 1) + 1])
    ends = np.concatenate([begins[1:] - 1, [len(shown) - 1]])
    runs: list[list[int]] = np.stack([shown[begins], shown[ends]], axis=1).tolist()
    return runs


def optional(figure: float | None) -> float | None:
    """To four places, where there is one."""
    return None if figure is None else round(figure, 4)


def rounded(figures: dict[str, float]) -> dict[str, float]:
    """To what can be told apart."""
    return {name: round(value, 3) for name, value in figures.items()}
