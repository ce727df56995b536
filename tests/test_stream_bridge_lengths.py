"""How long bridges are: by how far apart their ends are, the same for everyone, and kept with the texture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.segments import Segments
from stream.bridge_lengths import FAR_FRAMES, STEPS, BridgeLengths
from stream.errors import TextureError

PERIOD = 60  # frames
SEGMENTS = Segments(300, 15, 6)


def swinging(frame: int) -> np.ndarray:
    """A blurred bar that swings to and fro: RGB (54, 96, 3)."""
    place = 48 + 24 * np.sin(2 * np.pi * frame / PERIOD)
    row = 60 + 150 * np.exp(-(((np.arange(96) - place) / 8) ** 2))
    return np.repeat(np.broadcast_to(row, (54, 96))[..., None], 3, axis=2).astype(np.uint8)


@pytest.fixture(scope="module")
def lengths() -> BridgeLengths:
    return BridgeLengths.of_frames(np.stack([swinging(frame) for frame in range(300)]), SEGMENTS)


def test_going_on_and_coming_round_need_none(lengths: BridgeLengths) -> None:
    places = np.arange(10)
    assert not lengths.frames(places, places + 1).any(), "the clip goes on"
    assert not lengths.frames(places, places + 11).any(), "a period later"
    assert lengths.distances(places, places + 1).mean() == pytest.approx(1, abs=0.3)


def test_the_farther_apart_the_longer_up_to_a_bound(lengths: BridgeLengths) -> None:
    leaves, lands = np.divmod(np.arange(SEGMENTS.count**2), SEGMENTS.count)
    distances, frames = lengths.distances(leaves, lands), lengths.frames(leaves, lands)
    order = np.argsort(distances)
    assert (np.diff(frames[order]) >= 0).all()
    assert set(frames.tolist()) <= {count for _, count in STEPS} | {FAR_FRAMES}
    assert len(set(frames.tolist())) >= 4
    assert frames[distances > 2 * STEPS[-1][0]].min(initial=FAR_FRAMES) == FAR_FRAMES


def test_one_and_many_at_a_time_agree(lengths: BridgeLengths) -> None:
    many = lengths.frames([3, 9, 20], [30, 31, 2])
    assert many.tolist() == [int(lengths.frames([a], [b])[0]) for a, b in ((3, 30), (9, 31), (20, 2))]
    assert lengths.frames([], []).tolist() == []


def test_a_still_clip_has_lengths_too() -> None:
    still = np.full((300, 54, 96, 3), 90, np.uint8)
    lengths = BridgeLengths.of_frames(still, SEGMENTS)
    assert np.isfinite(lengths.distances([1, 2], [9, 20])).all()
    assert not lengths.frames([1, 2], [9, 20]).any()


def test_they_come_back_as_they_were_written(lengths: BridgeLengths, tmp_path: Path) -> None:
    path = tmp_path / "ends.safetensors"
    lengths.write(path)
    again = BridgeLengths.read(path, SEGMENTS.count)
    places = np.arange(SEGMENTS.count)
    np.testing.assert_array_equal(again.distances(places, places[::-1]), lengths.distances(places, places[::-1]))
    with pytest.raises(TextureError, match=r"ends\.safetensors: is not for 7 segments; copy the texture again"):
        BridgeLengths.read(path, 7)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(TextureError, match=r"ends\.safetensors: not readable"):
        BridgeLengths.read(path, SEGMENTS.count)
    with pytest.raises(TextureError, match=r"gone\.safetensors: not readable"):
        BridgeLengths.read(tmp_path / "gone.safetensors", SEGMENTS.count)
