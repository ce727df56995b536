"""The bench of bridges that are made while it plays: it counts what was made, and finds cuts cheaper."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.bridges import measure
from stream.errors import InterpolatorError
from tests.stream_media import write_texture


def test_it_plays_over_new_jumps_by_each_interpolator(tmp_path: Path) -> None:
    path = write_texture(tmp_path / "n.texture", stored=[(3, 17)])
    said: list[str] = []
    cuts, auto, faded = measure(path, ["auto", "crossfade"], 3.0, rate=100, tell=said.append)
    assert [row["asked for"] for row in (cuts, auto, faded)] == ["cut", "auto", "crossfade"]
    assert cuts["made"] == cuts["cut"] == 0
    assert "ms_per_bridge" not in cuts
    for row in (auto, faded):
        assert row["jumps"] >= 2
        assert row["made"] >= 2, "and the stored one is not used"
        assert row["failed"] == 0
        assert row["frame_ms"] == pytest.approx(33.3, abs=0.1)
        assert row["late_p50_ms"] <= row["late_p99_ms"] <= row["late_worst_ms"]
    assert len(said) == 1
    with pytest.raises(InterpolatorError, match="small: the texture has no network for it"):
        measure(path, ["small"], 1.0)
