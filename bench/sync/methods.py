"""Every method that is measured, by name: how it makes a film for a song."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench.sync.baselines import audio_nearest, classic_audio, oracle, random_clip, visual_rhythm
from bench.sync.ears import Heard
from bench.sync.ours import greedy, live, planned
from bench.sync.played import played
from bench.sync.shown import Shown
from bench.sync.song import Song
from bench.sync.stage import Stage

ALPHAS = (0.0, 0.25, 0.5, 0.7, 0.9, 1.0)
PLAYED_ALPHAS = (0.0, 0.5)  # each lasts as long as the song


@dataclass(frozen=True)
class Request:
    """One film to be made.

    Attributes:
        stage: the clip.
        song: what it is to follow.
        heard: the song through the clip's ears.
        alpha: share of Tv, 0 to 1; what takes none is given 0.
        length: frames of the song (T).
        random: what chance decides.
    """

    stage: Stage
    song: Song
    heard: Heard
    alpha: float
    length: int
    random: np.random.Generator


@dataclass(frozen=True)
class Method:
    """One of them.

    Attributes:
        make: the film.
        shared: computes what all of its films of a clip share.
        alphas: with which it is made; none if it takes none.
        by_truth: whether it needs to know what is plucked.
    """

    make: Callable[[Request], Shown]
    shared: Callable[[Stage], object] = lambda stage: None
    alphas: tuple[float, ...] = ()
    by_truth: bool = False


RANDOM, CLASSIC, NEAREST = "Random Clip", "Classic + Audio", "Audio Nearest Neighbours"
RHYTHM, ORACLE = "Visual Rhythm and Beat", "oracle"
LIVE, GREEDY, PLANNED = "ours live", "ours greedy", "ours planned"
PLAYED = "ours played"

METHODS: dict[str, Method] = {
    RANDOM: Method(lambda ask: random_clip(ask.stage, ask.length, ask.random)),
    RHYTHM: Method(
        lambda ask: visual_rhythm(ask.stage, ask.song, ask.length, ask.random), lambda stage: stage.visual_beats
    ),
    NEAREST: Method(lambda ask: audio_nearest(ask.stage, ask.heard, ask.length), lambda stage: stage.sounds),
    CLASSIC: Method(
        lambda ask: classic_audio(ask.stage, ask.heard, ask.alpha, ask.length, ask.random),
        lambda stage: (stage.sounds, stage.classic_transitions),
        alphas=ALPHAS,
    ),
    LIVE: Method(
        lambda ask: live(ask.stage, ask.heard, ask.alpha, ask.length, ask.random),
        lambda stage: (stage.sounds, stage.transitions),
        alphas=ALPHAS,
    ),
    PLAYED: Method(
        lambda ask: played(ask.stage, ask.song, ask.alpha, ask.length, int(ask.random.integers(1 << 31))),
        lambda stage: stage.texture,
        alphas=PLAYED_ALPHAS,
    ),
    GREEDY: Method(
        lambda ask: greedy(ask.stage, ask.heard, ask.alpha, ask.length, ask.random),
        lambda stage: (stage.sounds, stage.transitions),
        alphas=ALPHAS,
    ),
    PLANNED: Method(
        lambda ask: planned(ask.stage, ask.heard, ask.alpha, ask.length, ask.random),
        lambda stage: (stage.sounds, stage.transitions),
        alphas=ALPHAS,
    ),
    ORACLE: Method(lambda ask: oracle(ask.stage, ask.song, ask.length), by_truth=True),
}
