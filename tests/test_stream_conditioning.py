"""Ta and the walk that listens: rows against the definition, and what the policy does on the strings scene."""

from __future__ import annotations

import time

import numpy as np
import pytest

from models.scenes.strings import Strings, StringsSettings
from models.segments import Segments
from stream.candidates import allowed_transitions
from stream.conditioning import ConditionedWalk, Conditioning
from stream.graph import Graph, Weighting
from stream.sound_rows import MOST_TARGETS, SoundWeighting
from stream.walk import Walk
from tests.stream_media import circle
from tests.strings_world import StringsWorld, Tune, jumps

SOUND = 12  # numbers of a sound embedding


def sounds(count: int, seed: int = 0) -> np.ndarray:
    """Sounds that change slowly, (count, SOUND) of norm 1."""
    walk = np.cumsum(np.random.default_rng(seed).normal(size=(count, SOUND)), axis=0)
    vectors = walk - walk.mean(axis=0)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def conditioned(count: int, *, cuts: tuple[int, ...] = (), behind_steps: int = 0, **weighting: float) -> Conditioning:
    segments = Segments(15 + 6 * (count - 1), 15, 6, cuts)
    query, target = circle(count, turns=5)
    graph = Graph.of_embeddings(query, target, segments)
    how = SoundWeighting(**weighting)
    return Conditioning(graph, query, target, sounds(count), segments, weighting=how, behind_steps=behind_steps)


@pytest.fixture(scope="module")
def world() -> StringsWorld:
    return StringsWorld()


@pytest.fixture(scope="module")
def tune() -> Tune:
    return Tune.of(Strings(StringsSettings(seconds=20.0, seed=7)))


def test_rows_are_stochastic_and_lead_only_where_a_step_is_allowed() -> None:
    conditioning = conditioned(150, cuts=(300,))
    allowed = allowed_transitions(conditioning.segments)
    for segment, heard in zip(range(150), sounds(150, seed=1), strict=True):
        targets, chances = conditioning.row(segment, heard)
        if conditioning.segments.clean[segment]:
            assert chances.sum() == pytest.approx(1, abs=1e-5)
            assert allowed[segment, targets].all()
        assert (chances > 0).all()
        assert (np.diff(targets) > 0).all()


def test_the_mixture_is_literally_the_sum_of_both_matrices() -> None:
    conditioning = conditioned(150)
    transitions = conditioning._graph.transition_matrix(Weighting(0.05, threshold=0.9))
    for segment, heard in zip(range(0, 150, 7), sounds(150, seed=1), strict=False):
        expected = np.zeros(150)
        for alpha, (targets, chances) in (
            (0.7, transitions.successors(segment)), (0.3, conditioning.row(segment, heard)),
        ):  # fmt: skip
            expected[targets] += alpha * chances
        targets, chances = conditioning.mixture(transitions, segment, heard, 0.7)
        np.testing.assert_allclose(chances, expected[targets], atol=1e-6)
        assert chances.sum() == pytest.approx(1, abs=1e-5)
        assert expected.sum() == pytest.approx(expected[targets].sum())


def test_the_clip_goes_on_while_it_sounds_as_right_as_the_best_within_the_margin() -> None:
    conditioning = conditioned(150, margin=0.2)
    audio = sounds(150)
    for segment in range(0, 148, 5):
        assert conditioning.row(segment, audio[segment + 1])[0].tolist() == [segment + 1]
        targets, _ = conditioning.row(segment, -audio[segment + 1])
        assert segment + 1 not in targets
        assert segment + 1 not in conditioning.row(segment, audio[segment + 1], may_stay=False)[0]


def test_of_targets_that_sound_alike_those_that_look_alike_are_likelier() -> None:
    count = 120
    segments = Segments(15 + 6 * (count - 1), 15, 6)
    query, target = circle(count, turns=4)
    graph = Graph.of_embeddings(query, target, segments)
    one_sound = np.tile(np.eye(SOUND, dtype=np.float32)[0], (count, 1))
    conditioning = Conditioning(graph, query, target, one_sound, segments, weighting=SoundWeighting(threshold=0.99))
    targets, chances = conditioning.row(30, one_sound[0], may_stay=False)
    assert len(targets) > 5
    look = query[30] @ target[targets].T
    unlike = np.maximum(graph.natural_similarity[30] - look, 0)
    order = np.argsort(unlike)
    assert (np.diff(chances[order]) <= 1e-6).all()
    assert unlike.max() < np.median(np.maximum(graph.natural_similarity[30] - query[30] @ target.T, 0))


def test_sound_alone_reaches_what_the_pictures_would_never_enter() -> None:
    conditioning = conditioned(150, margin=0.0, look_share=100.0)
    transitions = conditioning._graph.transition_matrix(Weighting(0.001, threshold=0.01))
    audio = sounds(150)
    far = next(one for one in range(20, 150) if one not in transitions.successors(3)[0])
    walk = ConditionedWalk(transitions, np.random.default_rng(0), conditioning, start=3, alpha=0.0)
    walk.hear(audio[far])
    assert audio[walk.step().segment] @ audio[far] > 0.9


@pytest.mark.parametrize("silence", [True, False])
def test_without_sound_or_at_alpha_1_it_is_the_unconditioned_walk(silence: bool) -> None:
    conditioning = conditioned(150)
    transitions = conditioning._graph.transition_matrix(Weighting(0.05, threshold=0.9))
    plain = Walk(transitions, np.random.default_rng(5))
    listening = ConditionedWalk(transitions, np.random.default_rng(5), conditioning, alpha=0.3 if silence else 1.0)
    for heard in sounds(400, seed=2):
        listening.hear(None if silence else heard)
        assert listening.step() == plain.step()


def test_drawn_steps_follow_the_mixture() -> None:
    """The share of each way over many walks that begin anew, against T's own row."""
    conditioning = conditioned(60)
    transitions = conditioning._graph.transition_matrix(Weighting(0.05, threshold=0.9))
    heard = sounds(60)[45]
    rng = np.random.default_rng(0)
    taken = np.zeros(60)
    for _ in range(4000):
        walk = ConditionedWalk(transitions, rng, conditioning, start=10, alpha=0.6)
        walk.hear(heard)
        taken[walk.step().segment] += 1 / 4000
    expected = np.zeros(60)
    targets, chances = conditioning.mixture(transitions, 10, heard, 0.6)
    expected[targets] = chances
    np.testing.assert_allclose(taken, expected, atol=0.03)


def test_sound_never_waits_longer_than_its_share() -> None:
    conditioning = conditioned(150, margin=0.0, look_share=100.0)
    transitions = conditioning._graph.transition_matrix(Weighting(0.001, threshold=0.01))
    walk = ConditionedWalk(transitions, np.random.default_rng(1), conditioning, start=0, alpha=0.75)
    for heard in sounds(150)[20:140:10]:
        walk.hear(heard)
        rights = [float(sounds(150)[walk.step().segment] @ heard) for _ in range(4)]
        assert max(rights) > 0.9


def test_live_what_was_heard_is_compared_with_what_came_before() -> None:
    known, live = conditioned(150), conditioned(150, behind_steps=1)
    heard = sounds(150)[77]
    assert known.hear(heard).scores.argmax() == 77
    assert live.hear(heard).scores.argmax() == 78
    np.testing.assert_array_equal(live.known().hear(heard).scores, known.hear(heard).scores)
    assert known.hear(heard).ends.argmax() == live.hear(heard).ends.argmax() == 77


def test_no_dead_end_is_ever_entered() -> None:
    """A clip in shots, the last moments of which have no way on but a jump: for every sound the walk goes on."""
    cuts = tuple(range(90, 900, 90))
    conditioning = conditioned(150, cuts=cuts)
    transitions = conditioning._graph.transition_matrix(Weighting(0.01, threshold=0.5))
    walk = ConditionedWalk(transitions, np.random.default_rng(3), conditioning, alpha=0.2)
    for heard in np.repeat(sounds(300, seed=4), 3, axis=0):
        walk.hear(heard)
        assert conditioning.playable[walk.step().segment]


def test_a_clip_so_short_that_all_overlaps() -> None:
    conditioning = conditioned(3)
    transitions = conditioning._graph.transition_matrix(Weighting())
    walk = ConditionedWalk(transitions, np.random.default_rng(3), conditioning, alpha=0.0)
    for heard in sounds(50, seed=4):
        walk.hear(heard)
        walk.step()


def test_a_step_of_a_long_clip_is_soon_drawn() -> None:
    """In a clip of half an hour; the bound is for an hour on an idle machine, where it takes 1 ms."""
    count = 12_000
    rng = np.random.default_rng(0)
    segments = Segments(15 + 6 * (count - 1), 15, 6)
    look = rng.normal(size=(count, 32)).astype(np.float32)
    look /= np.linalg.norm(look, axis=1, keepdims=True)
    audio = rng.normal(size=(count, 128)).astype(np.float32)
    audio /= np.linalg.norm(audio, axis=1, keepdims=True)
    graph = Graph.of_embeddings(look, look, segments)
    conditioning = Conditioning(graph, look, look, audio, segments)
    walk = ConditionedWalk(
        graph.transition_matrix(Weighting(0.1)), np.random.default_rng(1), conditioning, start=0, alpha=0.0
    )
    took_s = []
    for heard in audio[:60]:
        began_s = time.perf_counter()
        walk.hear(heard)
        walk.step()
        took_s.append(time.perf_counter() - began_s)
    assert np.median(took_s) < 0.003
    assert len(conditioning.hear(audio[0]).targets) == MOST_TARGETS


def test_bad_arguments_are_told() -> None:
    conditioning = conditioned(60)
    transitions = conditioning._graph.transition_matrix(Weighting())
    walk = ConditionedWalk(transitions, np.random.default_rng(0), conditioning)
    with pytest.raises(ValueError, match="between 0"):
        walk.alpha = 1.5
    with pytest.raises(ValueError, match="of 12 numbers"):
        conditioning.hear(np.ones(5))
    with pytest.raises(ValueError, match="finite"):
        conditioning.hear(np.full(SOUND, np.nan))
    query, target = circle(60, turns=5)
    with pytest.raises(ValueError, match="fit the texture again"):
        Conditioning(conditioning._graph, query, target, sounds(59), conditioning.segments)
    with pytest.raises(ValueError, match="threshold"):
        SoundWeighting(threshold=1.0)
    with pytest.raises(ValueError, match="behind_steps"):
        conditioned(60, behind_steps=-1)


def test_sync_and_jumps_fall_as_alpha_rises(world: StringsWorld, tune: Tune) -> None:
    """Greedily, on the strings scene by its truth, on the mean of several draws."""
    planner = world.planner(tune)
    table = []
    for alpha in (0.0, 0.25, 0.5, 0.7, 0.9, 1.0):
        paths = [planner.drawn(alpha, np.random.default_rng(seed)) for seed in range(8)]
        table.append((np.mean([world.sync(path, tune) for path in paths]), np.mean([jumps(path) for path in paths])))
    sync, jumped = np.array(table).T
    assert (np.diff(sync) < 0.02).all()
    assert (np.diff(jumped) < 2).all()
    assert sync[0] > 0.75
    assert sync[-1] < 0.35
    assert jumped[-1] < jumped[0] / 3


def test_hysteresis_and_looks_are_worth_it(world: StringsWorld, tune: Tune) -> None:
    """Against a naive draw from all that sounds alike: far fewer jumps for the same sync."""
    planner = world.planner(tune)
    naive = Conditioning(
        world.graph, *world.embeddings, world.sounds, world.segments, behind_steps=0,
        weighting=SoundWeighting(margin=0.0, look_share=1e6),
    )  # fmt: skip
    paths = []
    for conditioning in (world.conditioning, naive):
        planner._conditioning = conditioning
        paths.append([planner.drawn(0.0, np.random.default_rng(seed)) for seed in range(6)])
    ours, theirs = paths
    assert np.mean([jumps(path) for path in ours]) < 0.8 * np.mean([jumps(path) for path in theirs])
    assert (
        np.mean([world.sync(path, tune) for path in ours]) > np.mean([world.sync(path, tune) for path in theirs]) - 0.03
    )
