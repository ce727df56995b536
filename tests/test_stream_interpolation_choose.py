"""Which interpolator: by name that one or a mend; by `auto` the best that is quick enough, with reasons, once."""

from __future__ import annotations

import threading
import time
from functools import partial
from pathlib import Path

import pytest

from export.onnxruntime_engine import OnnxRuntimeEngine
from stream.errors import InterpolatorError
from stream.interpolation.choose import RANKED, Offer, best_within, by_name
from stream.interpolation.interpolator import Interpolator
from tests.interpolators import write_interpolator


def offer(path: Path, kind: str = "superslomo") -> Offer:
    file = write_interpolator(path / "interpolator.onnx", 96, 64, kind=kind)
    return Offer(kind, partial(OnnxRuntimeEngine, file))


def takes(seconds: dict[str, float]) -> object:
    def bridge(interpolator: Interpolator) -> None:
        time.sleep(seconds.get(interpolator.name, 0))

    return bridge


@pytest.mark.parametrize("name", ["superslomo", "small", "flow", "crossfade", "cut"])
def test_by_name_it_is_that_one(name: str, tmp_path: Path) -> None:
    with by_name(name, offer(tmp_path, "small" if name == "small" else "superslomo")) as interpolator:
        assert interpolator.name == name
        assert interpolator.cuts == (name == "cut")


def test_one_that_is_not_to_be_had_says_the_mend(tmp_path: Path) -> None:
    with pytest.raises(InterpolatorError, match="--interpolator small: the texture has no network for it"):
        by_name("small", Offer())
    with pytest.raises(InterpolatorError, match="--interpolator small: the texture has superslomo instead; fit it ag"):
        by_name("small", offer(tmp_path))
    with pytest.raises(InterpolatorError, match="no interpolator 'best': give auto, superslomo, flow, small, cross"):
        by_name("best", Offer())
    (tmp_path / "interpolator.onnx").write_bytes(b"no network")
    broken = offer(tmp_path)
    (tmp_path / "interpolator.onnx").write_bytes(b"no network")
    with pytest.raises(InterpolatorError, match="not a whole ONNX file"):
        by_name("superslomo", broken)


def test_auto_takes_the_best_that_is_quick_enough_and_says_once_why_none_better(tmp_path: Path) -> None:
    said: list[str] = []
    with best_within(0.2, offer(tmp_path), takes({}), said.append) as chosen:
        assert chosen.name == "superslomo"
    assert said == ["bridges are made by superslomo, 0 ms each"]
    said.clear()
    with best_within(0.2, offer(tmp_path, "small"), takes({"flow": 0.3}), said.append) as chosen:
        assert chosen.name == "small"
    assert said[0].startswith("bridges are made by small, 0 ms each; not by superslomo: the texture has small instead")
    said.clear()
    with best_within(0.05, offer(tmp_path), takes({"superslomo": 0.06, "flow": 0.07}), said.append) as chosen:
        assert chosen.name == "crossfade"
    assert len(said) == 1
    assert "not by superslomo: one takes 6" in said[0]
    assert "ms, may take 50" in said[0]


def test_without_a_network_and_on_a_slow_machine() -> None:
    said: list[str] = []
    assert best_within(0.2, Offer(), takes({}), said.append).name == "flow"
    assert said[0].count("not by") == 1
    assert "; not by superslomo: the texture has no network for it; fit it again" in said[0]
    slow = takes(dict.fromkeys(RANKED, 0.03))
    assert best_within(0.01, Offer(), slow, said.append).name == "flow", "asked for ahead, it may still be in time"
    assert "bridges are made by flow, and late ones are cuts" in said[1]


def test_one_that_fails_or_never_ends_is_passed_over(tmp_path: Path) -> None:
    said: list[str] = []

    def fails(interpolator: Interpolator) -> None:
        if interpolator.name == "superslomo":
            raise RuntimeError("out of memory")

    assert best_within(0.2, offer(tmp_path), fails, said.append).name == "flow"
    assert "not by superslomo: RuntimeError: out of memory" in said[0]
    go_on = threading.Event()

    def hangs(interpolator: Interpolator) -> None:
        if interpolator.name == "superslomo":
            go_on.wait(20)

    assert best_within(0.02, offer(tmp_path), hangs, said.append).name == "flow"
    assert "not by superslomo: one is not done after 0.1 s" in said[1]
    go_on.set()
