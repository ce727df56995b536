"""The classic matrix of a texture's own pictures, against the same done by hand from the decoded file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest

from stream.classic_texture import WIDTH_PX, ClassicTexture
from stream.texture import MANIFEST, VIDEO, Texture
from tests.stream_media import open_texture, write_texture

WEIGHTS = {-2: 1 / 8, -1: 3 / 8, 0: 3 / 8, 1: 1 / 8}


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Texture]:
    with open_texture(tmp_path_factory.mktemp("classic") / "numbers.texture") as opened:
        yield opened


@pytest.fixture(scope="module")
def played(texture: Texture) -> npt.NDArray[np.float64]:
    """Every picture of the texture's file, small."""
    with av.open(str(texture.path / VIDEO)) as container:
        pictures = [picture.to_ndarray(format="rgb24") for picture in container.decode(video=0)]
    return np.stack([cv2.resize(picture, (WIDTH_PX, 32), interpolation=cv2.INTER_AREA) for picture in pictures]) * 1.0


def expected_cost(played: npt.NDArray[np.float64], leaving: int, entering: int) -> float:
    """D' between two pictures of the file."""
    return sum(
        weight * float(np.sqrt(np.mean((played[leaving + k] - played[entering + k]) ** 2)))
        for k, weight in WEIGHTS.items()
    )


def test_steps_cost_what_the_pictures_around_them_differ(texture: Texture, played: npt.NDArray[np.float64]) -> None:
    stride = texture.segments.stride_frames
    found = ClassicTexture.of(texture)
    assert found.segments_per_step == 1
    assert found.tempo == texture.tempo
    cost = found.classic.cost
    assert cost.shape == (texture.segments.count, texture.segments.count)
    for i, j in ((1, 9), (12, 4), (30, 20), (20, 30)):
        assert cost[i, j] == pytest.approx(expected_cost(played, (i + 1) * stride, j * stride), abs=1.0)
    following = np.arange(1, len(cost) - 2)
    assert not cost[following, following + 1].any()
    assert not np.isfinite(cost[:, 0]).any()  # the pictures before it are not in the file


def test_of_a_long_clip_only_some_segments_are_places(texture: Texture, played: npt.NDArray[np.float64]) -> None:
    stride, count = texture.segments.stride_frames, texture.segments.count
    found = ClassicTexture.of(texture, most_places=count // 3 + 1)
    assert found.segments_per_step == 3
    assert len(found.classic.cost) == count // 3
    assert found.tempo.stride_s == pytest.approx(3 * texture.tempo.stride_s)
    expected = expected_cost(played, (4 + 1) * 3 * stride, 9 * 3 * stride)
    assert found.classic.cost[4, 9] == pytest.approx(expected, abs=1.0)


def test_what_a_cut_runs_through_is_not_played(tmp_path: Path) -> None:
    path = write_texture(tmp_path / "cut.texture")
    manifest = json.loads((path / MANIFEST).read_text())
    manifest["clip"]["cuts"] = [100]
    (path / MANIFEST).write_text(json.dumps(manifest))
    with Texture.open(path) as texture:
        clean = texture.segments.clean
        for most, each in ((1500, 1), (len(clean) // 2 + 1, 2)):
            cost = ClassicTexture.of(texture, most_places=most).classic.cost
            whole = clean[: len(clean) // each * each].reshape(-1, each).all(axis=1)
            assert not whole.all()
            assert not np.isfinite(cost[:, ~whole]).any()
            assert not np.isfinite(cost[~whole]).any()
            assert np.isfinite(cost).mean() > 0.5
