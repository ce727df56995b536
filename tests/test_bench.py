"""The measurements and the doctor, run for real but briefly: their figures must be such as can be."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from bench import doctor, fit, graph, jumps, soak
from bench.server_process import BenchError, ServerProcess
from stream.errors import TextureError


def test_doctor_finds_what_playing_needs() -> None:
    findings = {finding.what: finding for finding in doctor.examine()}
    for what in ("Python", "aiortc", "libx264 encoder", "libopus encoder", "h264 decoder", "ONNX Runtime"):
        assert findings[what].is_well, findings[what]
        assert findings[what].is_needed
    assert not findings["GPU"].is_needed
    assert not findings["to fit"].is_needed


def test_doctor_names_the_mend_of_all_that_is_not_well() -> None:
    assert all(finding.is_well or finding.mend for finding in doctor.examine())


def test_doctor_tells_of_a_codec_that_is_missing() -> None:
    finding = doctor._codec("libnothing", "w")
    assert not finding.is_well
    assert "libnothing" in finding.found
    assert "pip install" in finding.mend


def test_doctor_tells_of_a_package_that_is_missing_or_too_old() -> None:
    missing = doctor._package(doctor.Requirement("no-such-package>=3"))
    old = doctor._package(doctor.Requirement("numpy>=1000"))
    assert (missing.found, missing.mend) == ("missing", "pip install 'no-such-package>=3'")
    assert not old.is_well
    assert old.mend == "pip install 'numpy>=1000'"


def test_soak_has_a_row_even_for_a_short_while(small_texture: Path) -> None:
    (row,) = soak.measure(small_texture, 0.1)
    assert 20 < _number(row["rss_mb"]) < 300
    assert row["missed"] == 0
    json.dumps(row)


def test_growth_is_that_of_the_second_half() -> None:
    warming_up = [(float(second), 100.0 + second) for second in range(50)]
    steady = [(float(second), 150.0 + second / 3600) for second in range(50, 101)]
    assert soak.growth_mb_per_hour(warming_up + steady) == pytest.approx(1.0)


def test_growth_of_too_few_samples_is_none() -> None:
    assert soak.growth_mb_per_hour([(0.0, 100.0)]) == 0


def test_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"no such texture"), ServerProcess(tmp_path / "none.texture"):
        pass


def test_fit_of_what_is_no_clip_says_why(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"could not be fitted: .*no such file"):
        fit.measure([tmp_path / "none.mp4"])


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)


def test_a_sheet_of_jumps_shows_each_with_its_bridge(small_texture: Path, tmp_path: Path) -> None:
    places = jumps.sheet(small_texture, tmp_path / "sheet.png")
    picture = cv2.imread(str(tmp_path / "sheet.png"))
    assert 1 <= len(places) <= jumps.JUMPS
    assert all(lands != leaves + 1 for leaves, lands in places)
    for row in np.array_split(picture[:, :].astype(int), len(places)):
        cells = [cell for cell in np.split(row[20:], row.shape[1] // jumps.CELL_WIDTH_PX, axis=1) if cell.any()]
        assert 2 * jumps.AROUND <= len(cells) <= 2 * jumps.AROUND + 8
        first, *bridge, last = cells[jumps.AROUND - 1 : len(cells) - jumps.AROUND + 1]
        across = abs(first - last).mean()
        assert all(min(abs(made - first).mean(), abs(made - last).mean()) <= across + 2 for made in bridge)
    assert picture.shape[1] > 2 * jumps.AROUND * jumps.CELL_WIDTH_PX, "no jump has a bridge"


def test_a_sheet_that_cannot_be_written_is_one_line(small_texture: Path, tmp_path: Path) -> None:
    with pytest.raises(TextureError, match=r"choose a \.png"):
        jumps.sheet(small_texture, tmp_path / "no such folder" / "sheet.png")


def test_graph_tells_what_a_length_costs() -> None:
    figures = {str(row["figure"]): row for row in graph.measure([60, 1200])}
    assert {tuple(row) for row in figures.values()} == {("figure", "60 segments", "1200 segments")}
    assert figures["clip_min"]["1200 segments"] == 4.0
    assert _number(figures["ways"]["1200 segments"]) < 66 * 1200
    for row in figures.values():
        assert 0 <= _number(row["60 segments"]) < 1e6
    assert _number(figures["jumps_per_minute"]["1200 segments"]) == pytest.approx(15, rel=0.05)
    assert _number(figures["graph_mb"]["1200 segments"]) < 100
    json.dumps(list(figures.values()))


def test_a_course_comes_back_to_its_places_and_knows_its_cuts() -> None:
    query, target, segments = graph.course(9000, np.random.default_rng(3))
    assert segments.count == len(query) == len(target) == 9000
    np.testing.assert_allclose(np.linalg.norm(query, axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(query[:-1], target[1:])
    following = np.einsum("nd,nd->n", target[:-1], target[1:])
    begins = np.array(segments.cuts) // segments.stride_frames
    assert 3 < len(begins) < 30
    assert np.median(following) > 0.95 > 0.75 > np.median(following[begins - 1])
    alike = target[::50] @ target.T
    apart = np.abs(np.arange(0, 9000, 50)[:, None] - np.arange(9000)) > 300
    assert np.median(np.where(apart, alike, -1).max(axis=1)) > 0.9, "what is seen once is seen again"


def test_graph_tells_why_a_process_failed() -> None:
    with pytest.raises(BenchError, match=r"a graph of 1 segments: .*too short"):
        graph.measure([1])
