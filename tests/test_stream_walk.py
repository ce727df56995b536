"""The walk over the graph."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from stream.graph import Weighting
from stream.transitions import Transitions
from stream.walk import Step, Walk
from tests.stream_media import circle_graph, visits


@pytest.fixture(scope="module")
def transitions() -> Transitions:
    return circle_graph(40, turns=3).transition_matrix(Weighting(0.05, threshold=0.9))


def path_of(transitions: Transitions, seed: int, steps: int = 200) -> list[int]:
    walk = Walk(transitions, np.random.default_rng(seed))
    return [walk.step().segment for _ in range(steps)]


def test_the_seed_is_the_walk(transitions: Transitions) -> None:
    assert path_of(transitions, 5) == path_of(transitions, 5)
    assert path_of(transitions, 5) != path_of(transitions, 6)


def test_each_step_begins_where_the_last_one_ended(transitions: Transitions) -> None:
    walk = Walk(transitions, np.random.default_rng(0), start=7)
    place = 7
    for _ in range(300):
        step = walk.step()
        assert step.previous == place
        assert step.segment == walk.segment
        place = step.segment


def test_frequencies_are_the_probabilities_and_nothing_else_is_taken(transitions: Transitions) -> None:
    taken = visits(transitions, 20_000)
    probabilities = transitions.probabilities.toarray()
    assert taken[probabilities == 0].sum() == 0
    left = taken.sum(axis=1)
    often = np.flatnonzero(left > 200)
    assert len(often) > 20
    error = np.abs(taken[often] / left[often, None] - probabilities[often])
    allowed_error = 5 * np.sqrt(probabilities[often] * (1 - probabilities[often]) / left[often, None]) + 1e-9
    assert (error <= allowed_error).all(), "five standard deviations"


def test_a_jump_is_whatever_does_not_simply_go_on() -> None:
    assert not Step(3, 4).is_jump
    for segment in (0, 2, 3, 5):
        assert Step(3, segment).is_jump


def test_transitions_may_be_exchanged_while_walking() -> None:
    count = 5
    forward = Transitions(csr_array(np.roll(np.eye(count, dtype=np.float32), 1, axis=1)))
    backward = Transitions(csr_array(np.roll(np.eye(count, dtype=np.float32), -1, axis=1)))
    walk = Walk(forward, np.random.default_rng(0), start=1)
    assert [walk.step().segment for _ in range(4)] == [2, 3, 4, 0]
    walk.transitions = backward
    assert [walk.step().segment for _ in range(3)] == [4, 3, 2]


def test_it_begins_where_it_will_come_back_to() -> None:
    matrix = np.zeros((4, 4), np.float32)
    matrix[[0, 1, 2, 3], [2, 2, 3, 2]] = 1  # 0 and 1 lead into the loop of 2 and 3
    assert Walk(Transitions(csr_array(matrix)), np.random.default_rng(0)).segment == 2


@pytest.mark.parametrize("start", [-1, 40, 1000])
def test_a_start_outside_is_refused(transitions: Transitions, start: int) -> None:
    with pytest.raises(ValueError, match=f"a walk of 40 segments cannot start at {start}"):
        Walk(transitions, np.random.default_rng(0), start=start)
