"""Interpolators compared: the figures are true, and the rows say what was run."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame

from bench.interpolation.likeness import MOST_DB, Likeness
from bench.interpolation.measure import APART, Material, bridge, means, measure
from bench.interpolation.sheet import write_sheet
from bench.server_process import BenchError
from stream.interpolation.plain import CrossFade, Cut
from stream.texture import Texture
from tests.stream_media import HEIGHT_PX, WIDTH_PX, write_texture

NAMES = ("flow", "crossfade", "cut", "small", "superslomo")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("interpolation") / "numbers.texture")


def grey(level: int) -> VideoFrame:
    packed = np.full((HEIGHT_PX * 3 // 2, WIDTH_PX), 128, np.uint8)
    packed[:HEIGHT_PX] = level
    return VideoFrame.from_ndarray(packed, format="yuv420p")


def test_a_picture_is_like_itself() -> None:
    assert Likeness.of(grey(90), grey(90)) == Likeness(MOST_DB, 1.0)


def test_psnr_is_of_the_mean_square_over_all_planes() -> None:
    found = Likeness.of(grey(100), grey(110))
    mean_square = 100 * 2 / 3  # two thirds of 4:2:0 are luma
    assert found.psnr_db == pytest.approx(10 * np.log10(255**2 / mean_square), abs=0.02)
    assert found.ssim < 1


def test_material_is_of_the_texture_and_a_bridge_has_its_length(path: Path) -> None:
    with Texture.open(path) as texture:
        material = Material(texture)
        assert set(material.triplets) == set(APART)
        assert all(material.triplets.values())
        assert material.jumps
        for jump in material.jumps:
            assert len(bridge(jump, CrossFade())) == 4 + jump.bridge_frames
            assert len(bridge(jump, Cut())) == 4


def test_every_interpolator_has_its_row(path: Path, tmp_path: Path) -> None:
    rows, shown = measure([path], NAMES)
    assert [row["interpolator"] for row in rows] == list(NAMES)
    assert "fit it again" in str(rows[-1]["not run"])
    by_name = {str(row["interpolator"]): row for row in rows}
    # The pictures are numbered: nothing lies between two of them, but the mean is nearer to any than another is.
    assert by_name["crossfade"]["psnr 1"] > by_name["cut"]["psnr 1"]
    assert by_name["crossfade"]["seam appearance"] < by_name["cut"]["seam appearance"]
    ran = rows[:-1]
    mean = means([*ran, *ran])
    assert [row["interpolator"] for row in mean] == ["flow", "crossfade", "cut", "small"]
    assert mean[0]["psnr 1"] == pytest.approx(rows[0]["psnr 1"], abs=0.01)
    assert mean[0]["seam combined"] == pytest.approx(rows[0]["seam combined"], abs=0.01)
    sheet = tmp_path / "sheet.png"
    write_sheet(shown, sheet)
    picture = cv2.imread(str(sheet))
    assert picture.shape[0] == 4 * (120 + 18)
    assert picture.std() > 10


def test_a_texture_in_which_nothing_moves_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.interpolation.measure.LEAST_MOTION", 300.0)  # more than any two pictures differ
    with pytest.raises(BenchError, match="too little moves"):
        measure([path], NAMES)
