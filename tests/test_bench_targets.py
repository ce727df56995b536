"""`bench targets` on a small texture: what it measures is there, and is not nothing."""

from __future__ import annotations

from pathlib import Path

from bench.targets import measure
from tests.stream_media import write_texture


def test_targets_cost_something_and_stay_live(tmp_path: Path) -> None:
    none, one = measure(write_texture(tmp_path / "numbers.texture"), [1], 3.0)
    assert (none["targets"], one["targets"]) == (0, 1)
    assert none["children_percent"] == none["mbit_s"] == 0
    assert one["children_percent"] > 0
    assert one["mbit_s"] > 0.02
    assert one["dropped_gops"] == 0
