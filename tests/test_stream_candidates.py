"""Which steps a long clip keeps: by brute force, and without ever holding all of them."""

from __future__ import annotations

import tracemalloc

import numpy as np
import numpy.typing as npt
import pytest

from models.segments import Segments
from stream.candidates import (
    ALL_KEPT_SEGMENTS,
    BEST_WAYS,
    PARTS,
    allowed_transitions,
    candidates,
)
from stream.ways import Ways
from tests.stream_media import circle

LONG = 1303  # no multiple of anything
CHAPTERS = 8


@pytest.fixture(scope="module")
def segments() -> Segments:
    return Segments(15 + 6 * (LONG - 1), 15, 6, cuts=(800, 801, 5000))


@pytest.fixture(scope="module")
def embeddings() -> tuple[npt.NDArray, npt.NDArray]:
    """A clip of chapters that look like nothing but themselves."""
    query, target = circle(LONG, turns=40)
    chapter = np.eye(CHAPTERS)[np.arange(LONG) * CHAPTERS // LONG]
    return tuple(np.concatenate([3 * chapter, part], axis=1).astype(np.float32) for part in (query, target))


@pytest.fixture(scope="module")
def similarity(embeddings: tuple[npt.NDArray, npt.NDArray], segments: Segments) -> npt.NDArray[np.float32]:
    return np.where(allowed_transitions(segments), embeddings[0] @ embeddings[1].T, -np.inf)


@pytest.fixture(scope="module")
def found(embeddings: tuple[npt.NDArray, npt.NDArray], segments: Segments) -> tuple[Ways, npt.NDArray[np.float32]]:
    assert segments.count == LONG > ALL_KEPT_SEGMENTS
    return candidates(*embeddings, segments)


def test_of_a_short_clip_all_allowed_steps_are_kept() -> None:
    segments = Segments(15 + 6 * 149, 15, 6, cuts=(200,))
    query, target = circle(150, turns=5)
    ways, similarity = candidates(query, target, segments)
    allowed = allowed_transitions(segments)
    np.testing.assert_array_equal(ways.matrix(np.ones(len(ways), np.float32)).toarray() > 0, allowed)
    np.testing.assert_allclose(similarity, (query @ target.T)[allowed], atol=1e-6)


def test_a_long_clip_keeps_its_best_ways_the_best_into_each_part_and_its_own_course(
    found: tuple[Ways, npt.NDArray[np.float32]], similarity: npt.NDArray[np.float32]
) -> None:
    ways, _ = found
    part = -(-LONG // PARTS)
    for row in (0, 5, 133, 700, LONG - 2, LONG - 1):
        liked = np.argsort(-similarity[row])[:BEST_WAYS].tolist()
        in_parts = [first + int(similarity[row, first : first + part].argmax()) for first in range(0, LONG, part)]
        wanted = {*liked, *in_parts, min(row + 1, LONG - 1)}
        kept = ways.targets[ways.of_row(row)].tolist()
        assert kept == sorted(column for column in wanted if similarity[row, column] > -np.inf)


def test_what_is_kept_is_allowed_and_as_similar_as_it_is(
    found: tuple[Ways, npt.NDArray[np.float32]], similarity: npt.NDArray[np.float32], segments: Segments
) -> None:
    ways, values = found
    np.testing.assert_allclose(values, similarity[ways.sources, ways.targets], atol=1e-5)
    assert np.isfinite(values).all()
    assert (np.diff(ways.sources.astype(np.int64) * LONG + ways.targets) > 0).all(), "in order, none twice"
    assert ways.lengths.max() <= BEST_WAYS + PARTS + 1
    assert ((ways.lengths > 0) == segments.clean).all()
    goes_on = segments.clean[:-1] & segments.clean[1:]
    np.testing.assert_array_equal(ways.sources[ways.natural], np.flatnonzero(goes_on))


def test_no_chapter_is_out_of_reach(found: tuple[Ways, npt.NDArray[np.float32]]) -> None:
    ways, _ = found
    chapter = np.arange(LONG) * CHAPTERS // LONG
    between = np.zeros((CHAPTERS, CHAPTERS), np.int64)
    np.add.at(between, (chapter[ways.sources], chapter[ways.targets]), 1)
    assert (between > LONG / CHAPTERS / 2).all(), "from most segments there is a way to each chapter"
    at_home = between.diagonal()
    assert (at_home > 0.6 * between.sum(axis=1)).all(), "though most ways stay at home"


def test_neighbours_in_time_do_not_fill_the_list() -> None:
    """A clip that hardly moves: what is most like a segment lies around it."""
    angle = np.linspace(0, 2, LONG + 1)
    places = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    ways, _ = candidates(places[1:], places[:-1], Segments(15 + 6 * (LONG - 1), 15, 6))
    middle = ways.offsets[ways.of_row(LONG // 2)]
    assert (np.abs(middle) < BEST_WAYS).sum() > 0.7 * len(middle)
    assert (np.abs(middle) > LONG // 4).sum() >= PARTS // 2 - 2


def test_memory_does_not_grow_with_the_square() -> None:
    count = 6000
    query, target = circle(count, turns=100)
    segments = Segments(15 + 6 * (count - 1), 15, 6)
    tracemalloc.start()
    try:
        candidates(query, target, segments)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < count * count, "bytes: a quarter of one float32 matrix of all similarities"
