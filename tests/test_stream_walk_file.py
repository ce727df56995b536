"""The stored walk: what is written is read, and damage is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from stream.errors import TextureError
from stream.liveliness import Liveliness, Tempo
from stream.seen_seams import SeenSeams
from stream.transitions import Transitions
from stream.walk_file import read_walk, write_walk
from tests.stream_media import circle_graph

COUNT = 60
SEEN = SeenSeams(np.array([3, 50], np.int32), np.array([40, 7], np.int32), np.array([1.5, 0.75], np.float32))


@pytest.fixture(scope="module")
def transitions() -> Transitions:
    return Liveliness.at_rate(circle_graph(COUNT, turns=3), Tempo(0.2, 0.1), 15.0).transitions


@pytest.fixture
def path(transitions: Transitions, tmp_path: Path) -> Path:
    write_walk(transitions, SEEN, tmp_path / "walk.safetensors")
    return tmp_path / "walk.safetensors"


def test_what_is_written_is_read(path: Path, transitions: Transitions) -> None:
    read, seen = read_walk(path, COUNT)
    assert vars(seen).keys() == vars(SEEN).keys()
    for name, array in vars(SEEN).items():
        np.testing.assert_array_equal(getattr(seen, name), array)
    assert (read.probabilities != transitions.probabilities).nnz == 0
    for segment in range(COUNT):
        for ours, theirs in zip(read.successors(segment), transitions.successors(segment), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def changed(path: Path, **arrays: object) -> None:
    save_file(load_file(path) | {name: np.asarray(array) for name, array in arrays.items()}, path)


def test_of_another_clip(path: Path) -> None:
    with pytest.raises(TextureError, match=f"is no walk over {COUNT + 1} segments; copy the texture again"):
        read_walk(path, COUNT + 1)


@pytest.mark.parametrize("far", [COUNT, -1, 2**30])
def test_a_way_to_nowhere(path: Path, far: int) -> None:
    targets = load_file(path)["targets"].copy()
    targets[7] = far
    changed(path, targets=targets)
    with pytest.raises(TextureError, match="is no walk over"):
        read_walk(path, COUNT)


@pytest.mark.parametrize("wrong", [0.0, -0.5, 2.0, np.nan])
def test_chances_that_are_none(path: Path, wrong: float) -> None:
    chances = load_file(path)["probabilities"].copy()
    chances[3] += np.float32(wrong) if wrong else -chances[3]
    changed(path, probabilities=chances)
    with pytest.raises(TextureError, match="do not add up to 1"):
        read_walk(path, COUNT)


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("seen_lands", [40, COUNT], "not of 60 segments"),
        ("seen_leaves", [-1, 2], "not of 60 segments"),
        ("seen_leaves", [3], "not of 60 segments"),
        ("seen_seams", [1.0, 0.0], "no multiples"),
        ("seen_seams", [1.0, np.nan], "no multiples"),
    ],
)
def test_seams_that_are_none(path: Path, name: str, wrong: list[float], message: str) -> None:
    changed(path, **{name: np.array(wrong, load_file(path)[name].dtype)})
    with pytest.raises(TextureError, match=f"{message}; copy the texture again"):
        read_walk(path, COUNT)


def test_seams_without_their_jumps(path: Path) -> None:
    save_file({name: array for name, array in load_file(path).items() if name != "seen_lands"}, path)
    with pytest.raises(TextureError, match="no 'seen_lands' in it; copy the texture again"):
        read_walk(path, COUNT)


def test_a_walk_of_before_jumps_were_looked_at(path: Path, transitions: Transitions) -> None:
    save_file({name: array for name, array in load_file(path).items() if not name.startswith("seen")}, path)
    read, seen = read_walk(path, COUNT)
    assert len(seen) == 0
    assert (read.probabilities != transitions.probabilities).nnz == 0


def test_a_file_that_is_not_there(path: Path) -> None:
    path.unlink()
    with pytest.raises(TextureError, match=r"not readable .*copy the texture again"):
        read_walk(path, COUNT)


def test_a_file_that_was_cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(TextureError, match=r"not readable .*copy the texture again"):
        read_walk(path, COUNT)


def test_a_file_of_something_else(path: Path) -> None:
    save_file({"query": np.zeros(3, np.float32)}, path)
    with pytest.raises(TextureError, match="no 'starts' in it; copy the texture again"):
        read_walk(path, COUNT)
