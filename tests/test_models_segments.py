"""The segments of a clip, by counting frames one at a time."""

from __future__ import annotations

from fractions import Fraction

import pytest

from models.segments import STRIDE_S, WINDOW_S, Segments
from stream.clip import STANDARD_RATES_HZ


def frames_of(segments: Segments, segment: int) -> set[int]:
    start = int(segments.starts[segment])
    return set(range(start, start + segments.window_frames))


@pytest.mark.parametrize("frame_count", [0, 1, 11, 12, 13, 16, 17, 18, 100, 101, 102, 103, 104])
def test_count_is_every_whole_window(frame_count: int) -> None:
    segments = Segments(frame_count, window_frames=12, stride_frames=5)
    fitting = [start for start in range(0, frame_count, 5) if start + 12 <= frame_count]
    assert segments.count == len(fitting)
    assert segments.starts.tolist() == fitting


@pytest.mark.parametrize("rate_hz", STANDARD_RATES_HZ)
def test_seconds_become_frames_of_each_rate(rate_hz: Fraction) -> None:
    segments = Segments.of_clip(1000, rate_hz)
    half_a_frame_s = 0.5 / rate_hz + 1e-9
    assert abs(segments.window_frames / rate_hz - WINDOW_S) <= half_a_frame_s
    assert abs(segments.stride_frames / rate_hz - STRIDE_S) <= half_a_frame_s
    assert segments.overlap_frames == segments.window_frames - segments.stride_frames > 0


@pytest.mark.parametrize("rate_hz", [Fraction(1), Fraction(3), Fraction(5)])
def test_the_slowest_clips_still_get_a_stride_and_an_overlap(rate_hz: Fraction) -> None:
    segments = Segments.of_clip(100, rate_hz)
    assert segments.stride_frames >= 2
    assert segments.overlap_frames >= 1


@pytest.mark.parametrize("rate_hz", [Fraction(10), Fraction(24), Fraction(30000, 1001), Fraction(60)])
def test_appended_frames_tile_the_clip(rate_hz: Fraction) -> None:
    segments = Segments.of_clip(200, rate_hz)
    appended = []
    for segment in range(segments.count):
        first = segments.first_appended_frame(segment)
        appended += range(first, first + segments.stride_frames)
        assert set(appended[-segments.stride_frames :]) <= frames_of(segments, segment)
        assert appended[-1] == max(frames_of(segments, segment))
    assert appended == list(range(segments.overlap_frames, segments.overlap_frames + len(appended)))
    assert 200 - len(appended) - segments.overlap_frames < segments.stride_frames


def test_overlap_is_what_neighbours_share() -> None:
    segments = Segments(100, window_frames=12, stride_frames=5)
    for segment in range(segments.count - 1):
        assert len(frames_of(segments, segment) & frames_of(segments, segment + 1)) == segments.overlap_frames


@pytest.mark.parametrize("cut", [*range(1, 30), 98, 99])
def test_a_cut_spoils_exactly_the_windows_that_show_both_sides(cut: int) -> None:
    segments = Segments(100, window_frames=12, stride_frames=5, cuts=(cut,))
    for segment, clean in enumerate(segments.clean):
        shown = frames_of(segments, segment)
        shows_both = any(frame < cut for frame in shown) and any(frame >= cut for frame in shown)
        assert clean != shows_both, (segment, cut)


def test_several_cuts_add_up() -> None:
    both = Segments(100, 12, 5, cuts=(30, 61)).clean
    alone = [Segments(100, 12, 5, cuts=(cut,)).clean for cut in (30, 61)]
    assert (both == (alone[0] & alone[1])).all()
    assert not both.all()
    assert both.any()
    assert Segments(100, 12, 5).clean.all()


@pytest.mark.parametrize(("window", "stride"), [(12, 1), (12, 0), (12, -5), (12, 12), (12, 13), (2, 2)])
def test_bad_strides_are_refused(window: int, stride: int) -> None:
    with pytest.raises(ValueError, match=f"a stride of {stride} frames does not fit a window of {window}.*at least 2"):
        Segments(100, window_frames=window, stride_frames=stride)
