import pytest

from models.preset import CPU, PAPER, PRESETS


def test_presets_are_found_by_name() -> None:
    assert PRESETS == {"cpu": CPU, "paper": PAPER}


@pytest.mark.parametrize(
    ("clip", "frame"),
    [((1280, 720), (80, 48)), ((720, 1280), (48, 80)), ((640, 480), (64, 48)), ((500, 500), (48, 48))],
)
def test_the_short_side_is_the_presets(clip: tuple[int, int], frame: tuple[int, int]) -> None:
    assert CPU.frame_size(*clip) == frame


@pytest.mark.parametrize("width", [1, 97, 333, 1920, 9000])
def test_sides_are_multiples_of_16(width: int) -> None:
    assert all(side % 16 == 0 and side >= 16 for side in PAPER.frame_size(width, 480))


def test_a_clip_without_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0×480 px.*positive"):
        CPU.frame_size(0, 480)
