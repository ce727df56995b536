import pytest

from models.preset import CPU, PAPER, PRESETS


def test_presets_are_found_by_name() -> None:
    assert PRESETS == {"cpu": CPU, "paper": PAPER}


@pytest.mark.parametrize(
    ("clip", "frame"),
    [((1280, 720), (400, 224)), ((720, 1280), (224, 400)), ((640, 480), (304, 224)), ((500, 500), (224, 224))],
)
def test_the_short_side_is_the_presets(clip: tuple[int, int], frame: tuple[int, int]) -> None:
    assert PAPER.frame_size(*clip) == frame


def test_a_square_preset_squeezes_whatever_the_aspect() -> None:
    assert CPU.frame_size(1280, 720) == CPU.frame_size(90, 4000) == (64, 64)


@pytest.mark.parametrize("width", [1, 97, 333, 1920, 9000])
def test_sides_are_multiples_of_16(width: int) -> None:
    assert all(side % 16 == 0 and side >= 16 for side in PAPER.frame_size(width, 480))


def test_a_clip_without_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0×480 px.*positive"):
        CPU.frame_size(0, 480)
