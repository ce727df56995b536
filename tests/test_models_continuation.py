import numpy as np
import pytest

from models.continuation import ContinuationError, jump_mask
from models.split import overlap_span, positive_pairs
from tests.drawn import PERIOD_FRAMES, going_round, segments_of


def _error(described: np.ndarray) -> ContinuationError:
    segments = segments_of(described)
    return ContinuationError(described.astype(np.float32), segments, positive_pairs(segments))


def _circle(frame_count: int) -> np.ndarray:
    turn = 2.0 * np.pi * np.arange(frame_count) / PERIOD_FRAMES
    return np.stack([np.cos(turn), np.sin(turn)], axis=1)


def test_jumps_one_period_away_continue_perfectly() -> None:
    error = _error(_circle(400))
    every = np.arange(len(error.mask[0]))
    behind = (every[None, :] - every[:, None] - 1) * 5 % PERIOD_FRAMES
    likeness = -np.minimum(behind, PERIOD_FRAMES - behind).astype(np.float32)
    assert error.of(likeness[error.rows]) == pytest.approx(0, abs=0.05)


def test_random_similarity_is_no_better_than_chance() -> None:
    error = _error(_circle(2000))
    noise = np.random.default_rng(0).normal(size=(len(error.mask[0]),) * 2).astype(np.float32)
    assert error.of(noise[error.rows]) == pytest.approx(1.0, abs=0.05)


def test_a_still_clip_has_nothing_to_judge() -> None:
    assert _error(np.zeros((300, 2))).of(np.zeros((58, 58), dtype=np.float32)) is None


def test_jumps_never_land_on_what_overlaps_the_row_or_its_successor() -> None:
    segments = segments_of(going_round(300), 150)
    rows = np.arange(segments.count - 1)
    mask = jump_mask(segments, rows)
    targets = np.arange(segments.count)
    for row in rows:
        near = (np.abs(targets - row) <= overlap_span(segments)) | ~segments.clean
        near |= np.abs(targets - row - 1) <= overlap_span(segments)
        np.testing.assert_array_equal(mask[row], ~near)
