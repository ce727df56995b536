import numpy as np
import pytest

from models.segments import Segments
from models.split import overlap_span, positive_pairs, split


def _frames_of(segments: Segments, pairs: np.ndarray) -> set[int]:
    """Every frame that a pair's two windows show."""
    length = segments.window_frames + segments.stride_frames
    return {int(start) + k for start in segments.starts[pairs] for k in range(length)}


def test_no_positive_crosses_a_cut() -> None:
    segments = Segments(600, 12, 5, cuts=(100, 101, 307))
    for pair in positive_pairs(segments):
        first = segments.starts[pair]
        last = first + segments.stride_frames + segments.window_frames - 1
        assert not any(first < cut <= last for cut in segments.cuts)


@pytest.mark.parametrize("window", [(12, 5), (15, 6), (30, 7), (4, 3)])
@pytest.mark.parametrize("seed", [0, 1])
def test_fitted_and_held_out_share_no_frame(window: tuple[int, int], seed: int) -> None:
    segments = Segments(1500, *window, cuts=(400, 900))
    parts = split(segments, np.random.default_rng(seed))
    assert len(parts.held_out) > 0.15 * len(positive_pairs(segments))
    assert not _frames_of(segments, parts.fitted) & _frames_of(segments, parts.held_out)


def test_a_short_clip_holds_nothing_out() -> None:
    segments = Segments(120, 12, 5)
    parts = split(segments, np.random.default_rng(0))
    assert len(parts.held_out) == 0
    np.testing.assert_array_equal(parts.fitted, positive_pairs(segments))


def test_the_span_is_the_last_neighbour_that_shares_a_frame() -> None:
    for window, stride in [(12, 5), (10, 5), (11, 5), (3, 2)]:
        span = overlap_span(Segments(100, window, stride))
        assert span * stride < window <= (span + 1) * stride
