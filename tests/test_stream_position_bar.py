"""The position bar: where a walk is, by its packets, and what is drawn of it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest

from models.segments import Segments
from stream.position_bar import BRIDGE, CUT, GROUND, JUMP, PLAYHEAD, RUN, Position, PositionBar, Tracker
from stream.splice import MediaPacket
from stream.walk import Step

SEGMENTS = Segments(300, 15, 6, cuts=(150,))


def packets(steps: list[Step], bridge_frames: int) -> list[MediaPacket]:
    """As a splicer lays them, without their data."""
    laid: list[tuple[int | None, Step | None, int]] = []
    for step in steps:
        first = SEGMENTS.first_appended_frame(step.segment)
        bridge = [None] * bridge_frames if step.is_jump else []
        frames = [*bridge, *range(first, first + SEGMENTS.stride_frames)]
        laid += [
            (frame, step if place == 0 else None, len(bridge) if place == 0 else 0)
            for place, frame in enumerate(frames)
        ]
    return [
        MediaPacket("video", b"", pts, Fraction(1, 30), 1, False, clip_frame=frame, step=step, bridge_frames=bridged)
        for pts, (frame, step, bridged) in enumerate(laid)
    ]


def follow(steps: list[Step], bridge_frames: int = 4) -> list[Position]:
    tracker = Tracker(SEGMENTS, rate_hz=30)
    return [tracker.follow(packet) for packet in packets(steps, bridge_frames)]


def drawn(width: int, height: int, position: Position) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """A grey picture with the bar on it: Y (height, width), and U and V (2, height / 2, width / 2)."""
    picture = np.full((height * 3 // 2, width), 77, np.uint8)
    PositionBar(width, height, SEGMENTS).draw(picture, position)
    return picture[:height], picture[height:].reshape(2, height // 2, width // 2)


def test_without_jumps_the_playhead_is_at_the_clips_frame() -> None:
    positions = follow([Step(4, 5), Step(5, 6)])
    first = SEGMENTS.first_appended_frame(5)
    assert positions == [Position(frame, False, first, None) for frame in range(first, first + 12)]


def test_a_bridge_goes_from_where_it_leaves_to_where_it_lands() -> None:
    positions = follow([Step(4, 5), Step(5, 20)])
    left, landed = SEGMENTS.first_appended_frame(5) + 5, SEGMENTS.first_appended_frame(20)
    bridge = positions[6:10]
    assert all(position.is_bridge and position.jump == (left, landed) for position in bridge)
    assert [position.frame for position in bridge] == pytest.approx(
        [left + share * (landed - left) for share in (0.2, 0.4, 0.6, 0.8)]
    )
    assert positions[10] == Position(landed, False, landed, (left, landed))


@pytest.mark.parametrize("bridge_frames", [0, 4])
def test_a_jump_is_marked_for_half_a_second(bridge_frames: int) -> None:
    positions = follow([Step(4, 5), Step(5, 20), *(Step(place, place + 1) for place in range(20, 26))], bridge_frames)
    marked = [place for place, position in enumerate(positions) if position.jump is not None]
    assert marked == list(range(6, 6 + 15))


def test_a_walk_may_begin_with_a_jump() -> None:
    begun = follow([Step(30, 2)])[0]
    assert begun.is_bridge
    assert begun.jump == (SEGMENTS.first_appended_frame(30) + 5, SEGMENTS.first_appended_frame(2))


def test_a_walk_cannot_be_followed_from_its_middle() -> None:
    tracker = Tracker(SEGMENTS, rate_hz=30)
    with pytest.raises(ValueError, match="one that a step begins with"):
        tracker.follow(packets([Step(4, 5)], 4)[1])


@pytest.mark.parametrize(("width", "height", "bar_px"), [(96, 64, 4), (640, 352, 8), (1280, 720, 16), (1080, 1920, 44)])
def test_the_bar_is_thin_and_leaves_the_rest_alone(width: int, height: int, bar_px: int) -> None:
    luma, chroma = drawn(width, height, Position(100, False, 40, None))
    assert (luma[:-bar_px] == 77).all()
    assert (chroma[:, : -bar_px // 2] == 77).all()
    assert not (luma[-bar_px:] == 77).any()
    assert not (chroma[:, -bar_px // 2 :] == 77).any()


@pytest.mark.parametrize("width", [96, 640, 1278])
def test_the_whole_width_is_the_clip(width: int) -> None:
    for frame in (0, 1, 100, 299):
        luma, _ = drawn(width, 64, Position(frame, False, frame, None))
        lit = np.flatnonzero(luma[-1] == PLAYHEAD[0])
        assert abs(lit.mean() - lit[0] - (len(lit) - 1) / 2) < 1e-9
        assert lit[0] == pytest.approx(frame / 299 * (width - len(lit)), abs=0.5)


def test_halves_for_the_jump_and_the_run() -> None:
    luma, chroma = drawn(300, 64, Position(60, False, 40, jump=(200, 40)))
    upper, lower = luma[-4], luma[-1]
    assert (upper[70:145] == JUMP[0]).all()
    assert (upper[155:195] == JUMP[0]).all()
    np.testing.assert_array_equal(np.unique(chroma[:, -2, 35:70], axis=1).ravel(), JUMP[1:])
    assert (lower[42:58] == RUN[0]).all()
    assert (lower[70:145] == GROUND[0]).all()
    assert (upper[210:] == GROUND[0]).all()
    assert (luma[-4:, 60] == PLAYHEAD[0]).all()


def test_a_hard_cut_is_a_thin_line() -> None:
    luma, _ = drawn(300, 64, Position(60, False, 40, None))
    assert np.flatnonzero(luma[-1] == CUT[0]).tolist() == [149]
    assert (luma[-4:, 149] == CUT[0]).all()


def test_the_playhead_is_of_another_colour_on_a_bridge() -> None:
    luma, chroma = drawn(300, 64, Position(100, True, 40, jump=(200, 40)))
    assert (luma[-4:, 100] == BRIDGE[0]).all()
    np.testing.assert_array_equal(np.unique(chroma[:, -2:, 50], axis=1).ravel(), BRIDGE[1:])
    assert not (luma[-4:] == PLAYHEAD[0]).any()
