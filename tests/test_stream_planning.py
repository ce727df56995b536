"""The whole path for a known song: against an exhaustive search, in time, and as in the paper's figure 4."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest

from models.scenes.strings import Strings, StringsSettings
from models.segments import Segments
from stream.conditioning import Conditioning
from stream.graph import Graph, Weighting
from stream.planning import Planner
from stream.song_grid import SongGrid
from stream.walk import Step
from tests.stream_media import circle
from tests.strings_world import BRIDGE_FRAMES, RATE_HZ, STRIDE_FRAMES, StringsWorld, Tune, jumps
from tests.test_stream_conditioning import sounds

REPEATED, BEAT_S = 3, 0.6


@pytest.fixture(scope="module")
def world() -> StringsWorld:
    return StringsWorld()


@pytest.fixture(scope="module")
def tune() -> Tune:
    return Tune.of(Strings(StringsSettings(seconds=15.0, seed=7)))


def small_planner(count: int, seconds: float, *, bridge_frames: int = 4, beam: int = 256) -> Planner:
    segments = Segments(15 + 6 * (count - 1), 15, 6)
    query, target = circle(count, turns=3)
    graph = Graph.of_embeddings(query, target, segments)
    conditioning = Conditioning(graph, query, target, sounds(count), segments, behind_steps=0)
    grid = SongGrid.of(seconds, Fraction(30), 6, bridge_frames)
    heard = sounds(grid.count, seed=3)
    return Planner(graph.transition_matrix(Weighting(0.2, threshold=0.9)), conditioning, heard, grid, beam=beam)


def likelihood(planner: Planner, steps: list[Step], alpha: float) -> float:
    """Log T summed over a path that begins with the first of its steps, by the rows of both matrices."""
    grid, total, now = planner.grid, 0.0, planner.grid.stride_units
    hearings = planner._conditioning.hear_all(planner._heard)
    for step in steps[1:]:
        on, over = hearings[now + grid.stride_units - 1], hearings[now + grid.jump_units - 1]
        chance = 0.0
        for share, (targets, chances) in (
            (alpha, planner._transitions.successors(step.previous)),
            (1 - alpha, planner._conditioning.row(step.previous, on, over)),
        ):
            chance += share * float(chances[targets == step.segment].sum())
        total += np.log(chance) if chance > 0 else -np.inf
        now += grid.units_of(step)
    return total


def every_path(planner: Planner, start: int) -> list[list[Step]]:
    """All paths from a segment that reach the end of the song."""
    grid, found, open_paths = planner.grid, [], [([Step(start - 1, start)], planner.grid.stride_units)]
    while open_paths:
        path, now = open_paths.pop()
        if now >= grid.song_units:
            found.append(path)
            continue
        for segment in range(planner._transitions.count):
            step = Step(path[-1].segment, segment)
            open_paths.append(([*path, step], now + grid.units_of(step)))
    return found


@pytest.mark.parametrize("alpha", [0.2, 0.6])
@pytest.mark.parametrize("bridge_frames", [0, 4])
def test_no_other_path_is_likelier(alpha: float, bridge_frames: int) -> None:
    planner = small_planner(7, 0.85, bridge_frames=bridge_frames)
    best = planner.likeliest(alpha, start=2)
    assert best[0] == Step(1, 2)
    others = max(likelihood(planner, path, alpha) for path in every_path(planner, 2))
    assert likelihood(planner, best, alpha) == pytest.approx(others, abs=1e-4)
    assert np.isfinite(others)


def test_a_path_is_one_walk_and_lasts_as_long_as_the_song(world: StringsWorld, tune: Tune) -> None:
    planner = world.planner(tune)
    for path in (planner.likeliest(0.5), planner.drawn(0.5, np.random.default_rng(0))):
        assert all(before.segment == after.previous for before, after in itertools.pairwise(path))
        frames = sum(planner.grid.units_of(step) for step in path) * planner.grid.unit_frames
        wanted = tune.seconds * RATE_HZ
        assert wanted <= frames < wanted + STRIDE_FRAMES + BRIDGE_FRAMES


def test_however_often_it_jumps_picture_and_sound_stay_together(world: StringsWorld) -> None:
    """A song that is the clip's own sound with pieces out of order: each piece is shown in its own time to its end."""
    rng = np.random.default_rng(3)
    clip_s = world.tune.seconds
    pieces = [(float(begin), float(begin + 1.6)) for begin in rng.uniform(1, clip_s - 3, 14)]
    times, strings, now = [], [], 0.0
    for begin, end in pieces:
        inside = (world.tune.times_s >= begin) & (world.tune.times_s < end)
        times += (world.tune.times_s[inside] - begin + now).tolist()
        strings += world.tune.strings[inside].tolist()
        now += end - begin
    song = Tune(np.array(times), np.array(strings, np.int64), now)
    path = world.planner(song).likeliest(0.0)
    shown = world.frames_string[world.shown(path, now)]
    heard = song.ringing((np.arange(len(shown)) + 0.5) / float(RATE_HZ))
    right = (shown == heard)[: len(shown) // 3].mean(), (shown == heard)[-len(shown) // 3 :].mean()
    assert jumps(path) > 8
    assert min(right) > 0.75
    assert right[1] > right[0] - 0.15


def test_planning_beats_drawing_at_the_same_number_of_jumps(world: StringsWorld, tune: Tune) -> None:
    planner = world.planner(tune)
    table = []
    for alpha in (0.5, 0.8, 0.95):
        drawn = [planner.drawn(alpha, np.random.default_rng(seed)) for seed in range(5)]
        path = planner.planned(alpha, np.random.default_rng(0))
        table.append((world.sync(path, tune), jumps(path)))
        assert table[-1][0] > np.mean([world.sync(one, tune) for one in drawn]) + 0.05
        assert jumps(path) <= 1.25 * np.mean([jumps(one) for one in drawn]) + 1
    assert table[0][0] >= table[1][0] >= table[2][0]
    assert table[0][1] >= table[1][1] >= table[2][1]


def test_a_wanted_number_of_jumps_is_met(world: StringsWorld, tune: Tune) -> None:
    planner = world.planner(tune, beam=64)
    for wanted in (20.0, 50.0):
        path = planner.planned(0.4, np.random.default_rng(0), jumps_per_minute=wanted)
        assert planner.grid.jumps_per_minute(path) == pytest.approx(wanted, abs=8)


def test_a_narrow_beam_is_nearly_as_good(world: StringsWorld, tune: Tune) -> None:
    exact, narrow = (world.planner(tune, beam=beam).likeliest(0.5) for beam in (256, 32))
    planner = world.planner(tune)
    assert likelihood(planner, narrow, 0.5) > 1.1 * likelihood(planner, exact, 0.5)
    assert abs(world.sync(narrow, tune) - world.sync(exact, tune)) < 0.05


def test_alpha_1_is_the_unconditioned_walk(world: StringsWorld, tune: Tune) -> None:
    planner, silence = world.planner(tune), world.planner(Tune(np.zeros(0), np.zeros(0, np.int64), tune.seconds))
    first, second = (one.planned(1.0, np.random.default_rng(4)) for one in (planner, silence))
    assert first == second


def plucks_shown(world: StringsWorld, steps: list[Step], seconds: float) -> list[int]:
    """The strings that are seen being plucked: the film runs into a pluck, or jumps in no later than 0.1 s after it."""
    frames = world.shown(steps, seconds)
    plucks = np.searchsorted((np.arange(len(world.frames_string)) + 0.5) / float(RATE_HZ), world.tune.times_s)
    last = np.searchsorted(plucks, frames, side="right") - 1
    age = np.where(last >= 0, frames - plucks[np.maximum(last, 0)], 1000)
    moves = np.diff(frames)
    seen = ((moves == 1) & (age[1:] == 0)) | (~np.isin(moves, (0, 1)) & (age[1:] < 3))
    return world.tune.strings[last[1:][seen]].tolist()


@pytest.mark.parametrize("planned", [True, False])
def test_figure_4a_silence_is_shown_as_hands_that_do_not_pluck(world: StringsWorld, planned: bool) -> None:
    """The paper conditions a guitar on silence and sees no strumming. The clip has 34 plucks in so long."""
    silence = Tune(np.zeros(0), np.zeros(0, np.int64), 20.0)
    planner = world.planner(silence)
    path = planner.likeliest(0.0) if planned else planner.drawn(0.0, np.random.default_rng(0))
    usual = len(world.tune.times_s) / world.tune.seconds * silence.seconds
    assert usual > 25
    assert len(plucks_shown(world, path, silence.seconds)) <= 0.1 * usual
    half = planner.planned(0.5, np.random.default_rng(0)) if planned else planner.drawn(0.5, np.random.default_rng(1))
    assert len(plucks_shown(world, half, silence.seconds)) < (0.3 if planned else 0.75) * usual


@pytest.mark.parametrize("deaf", ["hears nothing", "hears its own tune"])
def test_figure_4a_is_not_what_any_walk_shows(world: StringsWorld, deaf: str) -> None:
    """A walk that is not steered by the silence plucks far more often than the test above allows."""
    seconds = 20.0
    usual = len(world.tune.times_s) / world.tune.seconds * seconds
    alpha = 1.0 if deaf == "hears nothing" else 0.0
    heard = Tune(
        world.tune.times_s[world.tune.times_s < seconds], world.tune.strings[world.tune.times_s < seconds], seconds
    )
    path = world.planner(heard).drawn(alpha, np.random.default_rng(0))
    assert len(plucks_shown(world, path, seconds)) > 0.5 * usual


def test_figure_4b_a_repeated_note_is_shown_as_one_string_plucked_again_and_again(world: StringsWorld) -> None:
    """The clip's tune hardly ever repeats a note: what the paper's figure shows can only come from jumps."""
    times = np.arange(0.6, 19.0, BEAT_S)
    note = Tune(times, np.full(len(times), REPEATED, np.int64), 20.0)
    assert np.mean(np.diff(world.tune.strings) == 0) < 0.1
    path = world.planner(note).planned(0.5, np.random.default_rng(0))
    shown = plucks_shown(world, path, note.seconds)
    same = sum(string == REPEATED for string in shown)
    assert same > 0.5 * len(times)
    assert same > 0.65 * len(shown)  # of any of six strings, a sixth would be
    assert world.sync(path, note) > 0.7


def test_the_grid_holds_every_end_of_a_step() -> None:
    grid = SongGrid.of(10.0, Fraction(30), 6, 4)
    assert (grid.unit_frames, grid.stride_units, grid.jump_units, grid.song_units) == (2, 3, 5, 150)
    assert grid.ends_s[0] == pytest.approx(2 / 30)
    assert len(grid.ends_s) == grid.count
    plain = SongGrid.of(10.0, Fraction(25), 5, 0)
    assert (plain.unit_frames, plain.jump_units, plain.song_units) == (5, 1, 50)
    assert SongGrid.of(0.01, Fraction(30), 6, 4).song_units == 1


def test_a_song_shorter_than_a_step() -> None:
    planner = small_planner(20, 0.05)
    assert len(planner.likeliest(0.5)) == len(planner.drawn(0.5, np.random.default_rng(0))) == 1


def test_bad_arguments_are_told() -> None:
    planner = small_planner(20, 1.0)
    with pytest.raises(ValueError, match="expected 20"):
        Planner(planner._transitions, planner._conditioning, sounds(3), planner.grid)
    with pytest.raises(ValueError, match="beam"):
        small_planner(20, 1.0, beam=0)
    with pytest.raises(ValueError, match="more than 0 s"):
        SongGrid.of(0.0, Fraction(30), 6, 4)
    with pytest.raises(ValueError, match="above 0"):
        planner.planned(0.5, np.random.default_rng(0), jumps_per_minute=0.0)
