"""The measurement of joins and leaves, run for real but briefly."""

from __future__ import annotations

from pathlib import Path

from bench.joins import measure
from tests.stream_media import write_texture


def test_joins_leave_nothing_behind_and_see_a_picture(tmp_path: Path) -> None:
    (row,) = measure(write_texture(tmp_path / "visited.texture"), 5)
    assert row["joins"] == 5
    for name in ("descriptors", "tasks", "viewers"):
        before, after = (int(part) for part in str(row[name]).split("→"))
        assert after <= before
    assert 0 < float(str(row["first_frame_ms"])) <= float(str(row["first_frame_most_ms"]))
