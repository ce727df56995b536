"""What is seen against what is heard, on cases made by hand."""

from fractions import Fraction

import numpy as np
import pytest

from bench.sync import measures
from bench.sync.shown import Shown, walked
from bench.sync.song import Plucks
from models.seam import SeamMeasure
from models.segments import Segments

RATE_HZ = 10.0


def plucks(*some: tuple[float, int]) -> Plucks:
    return Plucks(np.array([at_s for at_s, _ in some]), np.array([string for _, string in some], np.int64))


def test_a_string_rings_from_its_pluck_until_the_next_or_its_end() -> None:
    tune = plucks((1.0, 3), (1.4, 0))
    found = measures.ringing(tune, np.array([0.5, 1.0, 1.39, 1.4, 2.0, 1.4 + measures.RINGS_S]))
    assert found.tolist() == [-1, 3, 3, 0, 0, -1]


def test_nothing_rings_in_a_tune_without_plucks() -> None:
    assert measures.ringing(plucks((1.0, 3)), np.array([0.0, 0.9])).tolist() == [-1, -1]


def test_sync_counts_only_what_is_heard() -> None:
    heard = np.array([-1, -1, 2, 2, 5, 5])
    assert measures.string_sync(heard, np.array([4, -1, 2, 0, 5, -1])) == 0.5
    assert measures.string_sync(heard, heard) == 1.0
    assert measures.string_sync(np.full(3, -1), np.full(3, -1)) == 0.0


def test_a_clip_played_through_shows_its_plucks_when_they_come() -> None:
    at_s, which = measures.shown_events(Shown.plain(np.arange(40), RATE_HZ), np.array([0, 7, 30]))
    assert at_s.tolist() == [0.0, 0.7, 3.0]
    assert which.tolist() == [0, 1, 2]


def test_a_jump_shows_a_pluck_only_if_it_lands_right_behind_it() -> None:
    rate_hz, events = 30.0, np.array([10, 50])
    fresh = Shown.plain([30, 31, 51, 52, 53], rate_hz)
    stale = Shown.plain([30, 31, 54, 55, 56], rate_hz)
    assert measures.shown_events(fresh, events)[1].tolist() == [1]
    assert measures.shown_events(fresh, events)[0].tolist() == [2 / rate_hz]
    assert measures.shown_events(stale, events)[1].tolist() == []


def test_the_same_pluck_again_is_shown_again() -> None:
    again = Shown.plain([9, 10, 11, 12, 13, 14, 9, 10, 11], RATE_HZ)
    at_s, which = measures.shown_events(again, np.array([10]))
    assert at_s.tolist() == [0.1, 0.7]
    assert which.tolist() == [0, 0]


def test_a_film_that_runs_backwards_shows_no_pluck() -> None:
    backwards = Shown.plain(np.arange(20, 5, -1), RATE_HZ)
    assert len(measures.shown_events(backwards, np.array([10, 12]))[0]) == 0


def test_a_film_that_runs_fast_shows_what_it_skips() -> None:
    fast = Shown.plain(np.arange(0, 60, 5), RATE_HZ, np.zeros(12, np.bool_))
    assert measures.shown_events(fast, np.array([16]))[1].tolist() == [0]


def test_nothing_happens_in_a_clip_without_events() -> None:
    assert len(measures.shown_events(Shown.plain(np.arange(9), RATE_HZ), np.zeros(0, np.int64))[0]) == 0


def test_onsets_are_measured_to_the_nearest_pluck_and_to_the_same_string() -> None:
    heard = plucks((1.0, 0), (2.0, 1), (3.0, 2))
    seen = plucks((1.02, 0), (2.05, 4), (2.5, 1), (3.01, 2))
    found = measures.onset_figures(heard, seen)
    assert found == measures.OnsetFigures(any_ms=20.0, same_ms=20.0, answered=pytest.approx(2 / 3, abs=1e-4))


def test_a_string_that_is_never_shown_is_as_far_as_the_song_is_long() -> None:
    found = measures.onset_figures(plucks((1.0, 0), (4.0, 0)), plucks((1.0, 3)))
    assert found is not None
    assert (found.any_ms, found.same_ms, found.answered) == (1500.0, 4000.0, 0.0)


def test_without_any_pluck_there_is_no_error_to_measure() -> None:
    assert measures.onset_figures(plucks((1.0, 0)), plucks()) is None
    assert measures.onset_figures(plucks(), plucks((1.0, 0))) is None


def test_being_near_is_being_right() -> None:
    right_s = np.array([1.0, 2.0, 3.0, 4.0])
    shown_s = np.array([1.2, 2.4, 9.0, 4.0])
    assert measures.near_share(shown_s, right_s) == 0.5
    assert measures.near_share(shown_s, right_s, np.array([False, False, True, True])) == 0.75


def test_agreement_is_1_for_the_likest_and_0_for_any() -> None:
    random = np.random.default_rng(0)
    sounds = random.normal(size=(500, 8)).astype(np.float32)
    sounds /= np.linalg.norm(sounds, axis=1, keepdims=True)
    heard = sounds[random.integers(500, size=400)]
    likest = np.argmax(heard @ sounds.T, axis=1)
    assert measures.agreement(heard, sounds, sounds[likest]) == pytest.approx(1.0)
    assert abs(measures.agreement(heard, sounds, sounds[random.integers(500, size=400)])) < 0.05


@pytest.mark.parametrize(
    ("heard_s", "shown_s", "expected"),
    [
        ([1, 2, 3], [1.05, 2.05, 2.95], 1.0),
        ([1, 2, 3], [1.05, 1.06, 1.07], 2 / 6),  # one answer each
        ([1, 2], [1.5], 0.0),
        ([], [], 0.0),
    ],
)
def test_events_are_matched_one_to_one(heard_s: list[float], shown_s: list[float], expected: float) -> None:
    assert measures.matched(np.array(heard_s), np.array(shown_s)) == pytest.approx(expected)


def segments() -> Segments:
    return Segments.of_clip(200, Fraction(30))


def test_a_walk_plays_strides_and_bridges_in_their_time() -> None:
    steps = iter([5, 20, 21])
    asked: list[tuple[int, int]] = []

    def choose(segment: int, at_frame: int) -> int:
        asked.append((segment, at_frame))
        return next(steps)

    shown = walked(choose, segments(), 30.0, start=4, count=28, bridge_frames=4)
    first = segments().first_appended_frame
    assert asked == [(4, 6), (5, 12), (20, 22)]
    assert shown.frames[:12].tolist() == list(range(first(4), first(4) + 12))
    assert shown.frames[12:16].tolist() == [first(6) - 1] * 2 + [first(20)] * 2
    assert shown.frames[16:].tolist() == list(range(first(20), first(20) + 12))
    assert np.flatnonzero(shown.bridged).tolist() == [12, 13, 14, 15]
    assert np.flatnonzero(shown.jumps).tolist() == [16]
    assert shown.seams.tolist() == [[first(6) - 2, first(6) - 1, first(20), first(20) + 1]]
    assert shown.jumps_per_minute == pytest.approx(60 * 30 / 28)


def test_a_jump_to_itself_is_a_jump() -> None:
    shown = walked(lambda segment, _: segment, segments(), 30.0, start=4, count=18)
    assert np.flatnonzero(shown.jumps).tolist() == [6, 12]


def test_seams_are_those_of_the_jumps_and_none_where_it_goes_on() -> None:
    random = np.random.default_rng(1)
    still = random.integers(0, 255, (48, 64, 3))
    frames = np.stack([np.roll(still, place, axis=1) for place in range(200)]).astype(np.uint8)
    frames[100:] = 255 - frames[100:]
    measure = SeamMeasure(frames, segments())
    assert measures.seam_figures(Shown.plain(np.arange(100), 30.0), measure) is None
    jumping = measures.seam_figures(Shown.plain([10, 11, 12, 150, 151, 152], 30.0), measure)
    assert jumping is not None
    assert jumping.combined > 2
