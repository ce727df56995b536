import numpy as np

from models.segments import Segments
from models.windows import gather, gather_following

FRAMES = np.arange(60, dtype=np.uint8)[:, None, None, None].repeat(3, axis=3)  # each shows its number


def numbers(windows: np.ndarray) -> list[list[int]]:
    return windows[:, :, 0, 0, 0].tolist()


def test_a_window_is_followed_by_its_successors() -> None:
    segments = Segments(60, window_frames=12, stride_frames=5)
    which = np.arange(segments.count - 1)
    np.testing.assert_array_equal(gather_following(FRAMES, segments, which), gather(FRAMES, segments, which + 1))


def test_the_last_frame_is_held_where_the_clip_ends() -> None:
    segments = Segments(60, window_frames=12, stride_frames=5)
    (window,) = numbers(gather_following(FRAMES, segments, np.array([segments.count - 1])))
    assert window == [50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 59, 59]


def test_the_last_frame_is_held_where_a_shot_ends() -> None:
    segments = Segments(60, window_frames=12, stride_frames=5, cuts=(29,))
    before, at_the_cut = numbers(gather_following(FRAMES, segments, np.array([3, 1])))
    assert before == [20, 21, 22, 23, 24, 25, 26, 27, 28, 28, 28, 28]  # segment 3 shows frames 15 to 26
    assert at_the_cut == list(range(10, 22))
    after = numbers(gather_following(FRAMES, segments, np.array([6])))[0]
    assert after == list(range(35, 47))
