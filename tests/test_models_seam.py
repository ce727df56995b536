import time

import numpy as np
import pytest

from models.seam import SeamMeasure
from models.segments import Segments
from tests.drawn import HEIGHT_PX, PERIOD_FRAMES, WIDTH_PX, going_round, segments_of

PERIOD_SEGMENTS = PERIOD_FRAMES // 5


def _swinging(frame_count: int) -> np.ndarray:
    """A disc that swings from side to side, once in a period, with camera noise: each place is passed both ways."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:HEIGHT_PX, :WIDTH_PX]
    turn = 2 * np.pi * (np.arange(frame_count) + 3) / PERIOD_FRAMES  # 3: segment -i begins where i ends, mirrored
    right = columns - (32 + 20 * np.sin(turn))[:, None, None]
    disc = 150 / (1 + np.exp(np.hypot(rows - HEIGHT_PX / 2, right) - 8))
    frames = (60 + 25 * np.sin(rows / 5 + columns / 11) + disc)[..., None] * np.array([1.0, 0.9, 0.7])
    return np.clip(frames + random.normal(0, 3, frames.shape), 0, 255).astype(np.uint8)


def _measure(frames: np.ndarray, *cuts: int) -> SeamMeasure:
    return SeamMeasure(frames, segments_of(frames, *cuts))


def _continuations(segments: Segments) -> np.ndarray:
    clean = segments.clean
    goes_on = np.flatnonzero(clean[:-1] & clean[1:])
    return np.stack([goes_on, goes_on + 1], axis=1)


def _random_jumps(segments: Segments, count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, segments.count - 1, (count, 2))


def test_where_the_clip_goes_on_the_seam_is_as_the_clip_itself() -> None:
    measure = _measure(going_round(500))
    seam = measure.of(_continuations(measure.segments))
    for figures in (seam.appearance, seam.flow, seam.leap, seam.combined):
        assert np.median(figures) == pytest.approx(1, abs=0.25)


def test_jumps_a_period_away_do_not_show_and_random_ones_do() -> None:
    measure = _measure(going_round(500))
    leaves = np.arange(40)
    perfect = measure.of(np.stack([leaves, leaves + 1 + 4 * PERIOD_SEGMENTS], axis=1))
    chance = measure.of(_random_jumps(measure.segments, 100))
    assert np.median(perfect.combined) == pytest.approx(1, abs=0.3)
    assert np.median(chance.combined) > 2.5
    assert np.median(chance.leap) > 5


def test_the_same_place_in_the_opposite_direction_shows_in_motion_not_in_appearance() -> None:
    measure = _measure(_swinging(600))
    leaves = np.array([1, 2, 3, 6, 7, 8])  # where the disc moves fast
    onwards = measure.of(np.stack([leaves, leaves + 1 + 5 * PERIOD_SEGMENTS], axis=1))
    reversal = measure.of(np.stack([leaves, 5 * PERIOD_SEGMENTS - leaves], axis=1))
    assert reversal.flow.min() > 2 * onwards.flow.max()
    assert np.median(reversal.flow) > 4 * np.median(onwards.flow)
    assert np.median(reversal.appearance) < 1.5


def test_a_change_of_light_alone_does_not_show() -> None:
    frames = going_round(500)
    relit = frames.astype(np.float32)
    relit[250:] = relit[250:] * 0.75 + 12
    leaves = np.arange(40)
    jumps = np.stack([leaves, leaves + 1 + 5 * PERIOD_SEGMENTS], axis=1)
    plain = _measure(frames).of(jumps).combined
    lit = _measure(relit.astype(np.uint8), 250).of(jumps).combined
    assert np.median(lit) < 1.25 * np.median(plain)


def test_a_change_of_light_is_seen_though_it_is_no_seam() -> None:
    frames = going_round(500)
    later = len(frames) // 2
    lit = frames.copy()
    lit[later:] = np.clip(frames[later:] * 0.7, 0, 255).astype(np.uint8)
    leaves = np.arange(20)
    jumps = np.stack([leaves, leaves + 1 + 5 * PERIOD_SEGMENTS], axis=1)
    as_it_was, darker = _measure(frames), _measure(lit)
    assert np.median(as_it_was.visible(jumps)) == pytest.approx(1, abs=0.3)
    assert np.median(darker.visible(jumps)) > 1.15 * np.median(as_it_was.visible(jumps))
    assert np.median(darker.of(jumps).combined) < 1.2 * np.median(as_it_was.of(jumps).combined)


def test_a_run_of_pictures_is_judged_step_by_step() -> None:
    frames = going_round(500)
    measure = _measure(frames)
    spoiled = frames[100:112].copy()
    spoiled[6:] = frames[130:136]
    plain, broken = measure.along(frames[100:112]), measure.along(spoiled)
    assert plain.combined.shape == (9,)
    assert plain.combined.max() < 2.5
    assert broken.leap.argmax() == broken.appearance.argmax() == 4  # from the sixth picture to the seventh
    assert broken.appearance.max() > 3 * plain.appearance.max()


def test_hard_cuts_are_no_natural_continuation() -> None:
    """Every tenth stride is cut: were they counted, the medians would not move, but the mean would."""
    frames = going_round(500)
    cuts = tuple(range(50, 500, 50))
    shuffled = np.concatenate([part[:, ::-1] if index % 2 else part for index, part in enumerate(np.split(frames, 10))])
    np.testing.assert_allclose(_measure(shuffled, *cuts).natural, _measure(frames).natural, rtol=0.25)


def test_jumps_by_segments_and_by_frames_are_the_same() -> None:
    measure = _measure(going_round(300))
    by_frames = np.array([[3 * 5 + 11, 20 * 5 + 7], [10 * 5 + 11, 11 * 5 + 7]])
    segments = measure.of(np.array([[3, 20], [10, 11]]))
    np.testing.assert_array_equal(measure.between(by_frames).combined, segments.combined)


def test_runs_of_frames_are_judged_as_runs_of_pictures() -> None:
    frames = going_round(300)
    measure = _measure(frames)
    index = np.array([[40, 41, 42, 120, 121, 122], [7, 8, 9, 10, 11, 12]])
    runs = measure.runs(index)
    assert runs.combined.shape == (2, 3)
    for place in range(2):
        np.testing.assert_allclose(runs.leap[place], measure.along(frames[index[place]]).leap, rtol=1e-5)
        np.testing.assert_allclose(runs.appearance[place], measure.along(frames[index[place]]).appearance, rtol=1e-5)


def test_no_jumps_no_figures() -> None:
    seam = _measure(going_round(100)).of(np.empty((0, 2), np.int64))
    assert seam.combined.shape == (0,)


def test_two_hundred_jumps_take_little_time() -> None:
    """On one core of the machine it was written on: 0.35 s of CPU."""
    frames = np.random.default_rng(0).integers(0, 255, (600, 54, 96, 3), dtype=np.uint8)
    measure = SeamMeasure(frames, Segments(600, 12, 5))
    began_s = time.process_time()
    measure.of(_random_jumps(measure.segments, 200))
    assert time.process_time() - began_s < 3


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros((100, 24, 40, 3), np.uint8), "40x24 pixels, expected at least 32"),
        (np.zeros((99, 64, 64, 3), np.uint8), "got 99 frames"),
        (np.zeros((100, 64, 64, 3), np.float32), "float32"),
    ],
)
def test_refuses_what_it_cannot_judge(frames: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SeamMeasure(frames, Segments(100, 12, 5))


def test_refuses_a_clip_that_never_goes_on() -> None:
    measure = _measure(going_round(100), *range(10, 100, 10))
    with pytest.raises(ValueError, match="never goes on"):
        measure.of(np.array([[0, 5]]))
