"""What the product shows for a song: live, greedily with the song known, and planned as a whole. Jumps are bridged."""

from __future__ import annotations

import math

import numpy as np

from bench.sync.ears import Heard
from bench.sync.shown import Chooser, Shown, walked
from bench.sync.stage import Stage
from stream.bridges import BRIDGE_FRAMES
from stream.conditioning import ConditionedWalk, Conditioning
from stream.hearing.slow_path import PERIOD_S
from stream.planning import Planner
from stream.player import DRAW_LEAD_S, LISTENING_BEHIND_STEPS
from stream.song_grid import SongGrid
from stream.walk import Step

EMBEDDING_S = 0.02  # that embedding a window takes on a core, at most


def conditioning(stage: Stage, behind_steps: int) -> Conditioning:
    """Ta, as a texture of the clip would have it."""
    fit = stage.fit
    return Conditioning(fit.graph, fit.query, fit.target, stage.sounds, stage.segments, behind_steps=behind_steps)


def live(stage: Stage, heard: Heard, alpha: float, length: int, random: np.random.Generator) -> Shown:
    """As the product's player does: draws each step just before it plays, by the last window that was embedded then.

    The walk alone: hits, by which the player answers onsets, are not among it. Every jump has its bridge; in the
    product one that could not be foreseen is a cut, and answers sooner.
    """
    walk = ConditionedWalk(stage.transitions, random, conditioning(stage, LISTENING_BEHIND_STEPS), alpha=alpha)

    def choose(_: int, at_frame: int) -> int:
        walk.hear(heard.at(known_at(at_frame, stage.rate_hz)))
        return walk.step().segment

    return _played(stage, walk.segment, choose, length)


def known_at(begins: int, rate_hz: float) -> int:
    """Up to which frame of the song is known what it sounds like, when the step is drawn that begins with another."""
    drawn_s = begins / rate_hz - DRAW_LEAD_S - EMBEDDING_S
    return max(0, math.floor(math.floor(drawn_s / PERIOD_S + 1e-9) * PERIOD_S * rate_hz + 1e-9))


def greedy(stage: Stage, heard: Heard, alpha: float, length: int, random: np.random.Generator) -> Shown:
    """Knows what will be heard while a step plays, as the baselines do, and no more."""
    return _by_plan(stage, length, planner(stage, heard, length).drawn(alpha, random))


def planned(stage: Stage, heard: Heard, alpha: float, length: int, random: np.random.Generator) -> Shown:
    """The whole path chosen for the whole song, as `render --audio` does."""
    return _by_plan(stage, length, planner(stage, heard, length).planned(alpha, random))


def planner(stage: Stage, heard: Heard, length: int) -> Planner:
    """Ready for a song."""
    rate_hz = stage.film.rate_hz
    grid = SongGrid.of(float(length / rate_hz), rate_hz, stage.segments.stride_frames, BRIDGE_FRAMES)
    moments = np.rint(grid.ends_s * stage.rate_hz).astype(np.int64)
    return Planner(stage.transitions, conditioning(stage, 0), heard.all(moments.tolist()), grid)


def _by_plan(stage: Stage, length: int, steps: list[Step]) -> Shown:
    following = iter(steps[1:])
    return _played(stage, steps[0].segment, lambda _, at_frame: next(following).segment, length)


def _played(stage: Stage, start: int, choose: Chooser, length: int) -> Shown:
    return walked(choose, stage.segments, stage.rate_hz, start=start, count=length, bridge_frames=BRIDGE_FRAMES)
