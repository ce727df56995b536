"""What `inspect` tells of a texture, above all how its fit did on what it was not fitted on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stream.inspection import numbers, plot
from stream.texture import MANIFEST, Texture
from tests.stream_media import write_texture

REPORT: dict[str, Any] = {
    "preset": "cpu",
    "trunk": "pixels",
    "fitted_pairs": 220,
    "held_out_pairs": 62,
    "epochs_run": 10,
    "chosen_epoch": 3,
    "why": "it continues best",
    "at_start": {"epoch": 0, "nce": 1.5, "next_segment_top1": 1.0, "continuation_error": 0.56},
    "at_chosen": {"epoch": 3, "nce": 1.25, "next_segment_top1": 1.0, "continuation_error": 0.4321},
}


def told_of(path: Path, **changes: Any) -> dict[str, Any]:
    """The numbers of a texture with such a report in its manifest."""
    write_texture(path, seconds=4.0)
    manifest = json.loads((path / MANIFEST).read_text())
    manifest["encoder"] = REPORT | changes
    (path / MANIFEST).write_text(json.dumps(manifest))
    with Texture.open(path) as texture:
        return numbers(texture)


def test_the_held_out_figures_stand_beside_those_at_the_start(tmp_path: Path) -> None:
    told = told_of(tmp_path / "a.texture")
    assert told["encoder"] == "pixels (cpu preset)"
    assert told["fit"] == "epoch 3 of 10 kept: it continues best"
    assert told["judged on"] == "62 held-out pairs; 220 were fitted on"
    assert told["  continuation error"] == "0.432 of a random jump's; at the start 0.560 of a random jump's"
    assert told["  next segment found"] == "100.0%"
    assert told["  contrastive loss"] == "1.250 nats; at the start 1.500 nats"


def test_the_weights_that_a_fit_started_from(tmp_path: Path) -> None:
    assert told_of(tmp_path / "a.texture")["started from"] == "no weights file"
    assert told_of(tmp_path / "b.texture", weights="k400.pyth")["started from"] == "k400.pyth"


def test_without_held_out_pairs_nothing_is_claimed(tmp_path: Path) -> None:
    told = told_of(tmp_path / "a.texture", held_out_pairs=0, at_start=None, at_chosen=None)
    assert told["judged on"] == "nothing: none held out"
    assert not any(name.startswith("  ") for name in told)


def test_a_figure_that_could_not_be_judged(tmp_path: Path) -> None:
    unknown = {"epoch": 3, "nce": 1.25, "next_segment_top1": 1.0, "continuation_error": None}
    told = told_of(tmp_path / "a.texture", at_start=unknown, at_chosen=unknown)
    assert told["  continuation error"] == "not known"


def test_an_encoder_that_says_nothing_of_its_fit(tmp_path: Path) -> None:
    path = write_texture(tmp_path / "a.texture", seconds=4.0)
    with Texture.open(path) as texture:
        assert numbers(texture)["fit"] == "not known"


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_plot(tmp_path: Path, suffix: str) -> None:
    with Texture.open(write_texture(tmp_path / "a.texture", seconds=6.0)) as texture:
        plot(texture, tmp_path / f"plot{suffix}")
    assert (tmp_path / f"plot{suffix}").stat().st_size > 10_000
