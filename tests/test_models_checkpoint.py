"""What a file of start weights must hold, and what is said of one that does not."""

from __future__ import annotations

import dataclasses
import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from models.checkpoint import read_checkpoint, stages_of
from models.errors import FitError
from models.slowfast_trunk import stage_shapes
from tests.start_files import TINY, write_start_file

FIRST = "blocks.0.multipathway_blocks.0.conv.weight"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_start_file(tmp_path_factory.mktemp("start") / "tiny.pyth")


def test_safetensors_hold_the_same(file: Path, tmp_path: Path) -> None:
    save_file(read_checkpoint(file), tmp_path / "tiny.safetensors")
    one, other = (
        stages_of(read_checkpoint(path), stage_shapes(TINY), path) for path in (file, tmp_path / "tiny.safetensors")
    )
    assert one.keys() == other.keys()
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())
    assert not any("proj" in name or name.startswith("blocks") for name in one)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda weights: weights.pop(FIRST), rf"{FIRST} is missing; give"),
        (lambda weights: weights.update(head=torch.zeros(1)), r"head is not known; give"),
        (
            lambda weights: weights.update({FIRST: torch.zeros(9, 3, 1, 7, 7)}),
            r"conv\.weight has shape \(9, 3, 1, 7, 7\), expected \(8, 3, 1, 7, 7\)",
        ),
        (lambda weights: weights.update({FIRST: weights[FIRST].to(torch.int8)}), r"is torch\.int8, expected floats"),
        (lambda weights: [weights.pop(name) for name in list(weights)[:2]], r"is missing \(and 1 more differences\)"),
    ],
)
def test_another_network_is_refused(file: Path, change: object, message: str) -> None:
    weights = read_checkpoint(file)
    assert callable(change)
    change(weights)
    with pytest.raises(FitError, match=message):
        stages_of(weights, stage_shapes(TINY), Path("tiny.pyth"))


def test_weights_of_another_size_are_refused(file: Path) -> None:
    wider = dataclasses.replace(TINY, slow_channels=16)
    with pytest.raises(FitError, match=r"tiny\.pyth: does not fit this network: .*expected \(16, 3, 1, 7, 7\)"):
        stages_of(read_checkpoint(file), stage_shapes(wider), file)


class _Bomb:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("legacy", [False, True])
def test_what_is_in_a_file_is_never_run(tmp_path: Path, legacy: bool) -> None:
    path, target = tmp_path / "bomb.pyth", tmp_path / "exploded"
    if legacy:
        path.write_bytes(pickle.dumps(_Bomb(target)))
    else:
        torch.save({"model_state": _Bomb(target)}, path)
    with pytest.raises(FitError, match=r"bomb\.pyth: cannot be read as weights alone"):
        read_checkpoint(path)
    assert not target.exists()


@pytest.mark.parametrize("suffix", [".pyth", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"<html>log in first</html>", b"\x80\x02", b"PK\x03\x04" + bytes(60)])
def test_a_foreign_file_is_named(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"foreign{suffix}"
    path.write_bytes(content)
    with pytest.raises(FitError, match=rf"foreign\{suffix}: cannot be read.*give PyTorchVideo's SLOWFAST_8x8_R50"):
        read_checkpoint(path)


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.99])
@pytest.mark.parametrize("suffix", [".pyth", ".safetensors"])
def test_a_cut_file_is_named(file: Path, tmp_path: Path, suffix: str, kept: float) -> None:
    whole = tmp_path / f"whole{suffix}"
    if suffix == ".pyth":
        whole.write_bytes(file.read_bytes())
    else:
        save_file(read_checkpoint(file), whole)
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(whole.read_bytes()[: int(kept * whole.stat().st_size)])
    with pytest.raises(FitError, match=r"cut\.\w+: cannot be read"):
        read_checkpoint(path)


def test_what_holds_no_weights_is_named(tmp_path: Path) -> None:
    torch.save({"model_state": {"epoch": 3}}, tmp_path / "other.pyth")
    with pytest.raises(FitError, match=r"other\.pyth: holds something else than weights by name"):
        read_checkpoint(tmp_path / "other.pyth")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FitError, match=r"gone\.pyth: no such file of weights; check --weights"):
        read_checkpoint(tmp_path / "gone.pyth")
