"""Bridges made with a texture: by whom they were asked for, as long as they should be, and within a budget."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from export.encoder import EncoderBuilder
from stream.bridge_build import BridgeSettings
from stream.bridge_choice import open_bridges
from stream.bridge_store import Budget
from stream.build import BuildReport, build_texture
from stream.errors import InterpolatorError
from stream.h264 import decode_gop
from stream.player import Player
from stream.provenance import provenance
from stream.texture import BRIDGES_VIDEO, INTERPOLATOR, Texture
from tests.clips import write_clip
from tests.interpolators import write_interpolator
from tests.presets import QUICK


def export(path: Path, width: int, height: int) -> Mapping[str, Any]:
    write_interpolator(path, width, height)
    return {"kind": "small", "weights": "made by hand"}


def build(folder: Path, **settings: Any) -> tuple[Path, BuildReport]:
    clip = folder / "clip.mp4"
    if not clip.exists():
        write_clip(clip, frames=120)
    out = folder / f"{len(list(folder.iterdir()))}.texture"
    bridging = BridgeSettings(**settings)
    encoder = EncoderBuilder(QUICK, seed=0)
    return out, build_texture(clip, out, encoder, provenance=provenance(0, QUICK), bridge_settings=bridging)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("built")


@pytest.fixture(scope="module")
def by_network(folder: Path) -> tuple[Path, BuildReport]:
    return build(folder, interpolator="small", export_network=export)


def test_a_network_is_in_the_texture_and_made_its_bridges(by_network: tuple[Path, BuildReport]) -> None:
    path, report = by_network
    with Texture.open(path) as texture:
        facts = texture.manifest.bridges
        assert facts is not None
        assert (facts.stored_by, facts.by_distance) == ("small", True)
        assert facts.network == {"kind": "small", "weights": "made by hand"}
        assert texture.interpolator_network == path / INTERPOLATOR
        assert len(texture.bridge_index) == report.bridges > 0
        for edge, stored in texture.bridge_index.items():
            assert stored.frames == texture.bridge_frames(*edge) > 0
            assert len(decode_gop([unit.data for unit in texture.stored_bridge(*edge)])) == stored.frames
        with open_bridges(texture, "small") as bridges, Player(texture, texture.usual_liveliness(), seed=1) as player:
            for _, packet in zip(range(400), player.packets(), strict=False):
                if packet.step is not None and packet.step.is_jump:
                    edge = packet.step.previous, packet.step.segment
                    assert packet.bridge_frames == texture.bridge_frames(*edge) == len(bridges.wait(edge))
            assert bridges.counts.stored > 0
            assert bridges.counts.flown == bridges.counts.cut == bridges.counts.failed == 0


def test_the_mean_is_that_of_a_long_walk(by_network: tuple[Path, BuildReport]) -> None:
    with Texture.open(by_network[0]) as texture:
        leaves, lands, shares = texture.usual_liveliness().transitions.traffic()
        edges = zip(leaves.tolist(), lands.tolist(), strict=True)
        frames = [texture.bridge_frames(*edge) for edge in edges]
        mean = float(shares @ frames / shares.sum())
        assert texture.tempo.bridge_s * float(texture.manifest.clip.rate_hz) == pytest.approx(mean, abs=0.01)
        assert texture.manifest.walk.jumps_per_minute == pytest.approx(texture.usual_liveliness().jumps_per_minute)


def test_auto_says_what_it_chose_and_plays_what_is_stored(by_network: tuple[Path, BuildReport]) -> None:
    said: list[str] = []
    with Texture.open(by_network[0]) as texture:
        with open_bridges(texture, tell=said.append, limit_s=5.0) as bridges:
            assert bridges.interpolator == "flow"
            bridges.wait(next(iter(texture.bridge_index)))
            assert bridges.counts.stored == 1, "whoever made it"
        with open_bridges(texture, "flow") as bridges:
            bridges.wait(next(iter(texture.bridge_index)))
            assert bridges.counts.made == 1, "by the one that was asked for, whatever is stored"
    assert len(said) == 1
    assert "not by superslomo: the texture has small instead" in said[0]


def test_without_a_network_flow_makes_them_and_a_network_by_name_is_an_error(folder: Path) -> None:
    path, report = build(folder)
    with Texture.open(path) as texture:
        assert texture.bridges_by == "flow"
        assert texture.interpolator_network is None
        with pytest.raises(InterpolatorError, match="--interpolator small: the texture has no network for it"):
            open_bridges(texture, "small")
    assert any("bridges are made by flow" in note for note in report.notes)
    with pytest.raises(InterpolatorError, match="--interpolator superslomo: the texture has no network"):
        build(folder, interpolator="superslomo")


def test_no_more_is_stored_than_the_budget_allows(folder: Path, by_network: tuple[Path, BuildReport]) -> None:
    path, all_of_them = by_network
    size_bytes = (path / BRIDGES_VIDEO).stat().st_size
    for most_bytes in (size_bytes // 2, 2000, 0):
        path, report = build(folder, interpolator="flow", budget=Budget(most_bytes=most_bytes))
        stored_bytes = (path / BRIDGES_VIDEO).stat().st_size if (path / BRIDGES_VIDEO).exists() else 0
        assert stored_bytes <= most_bytes
        assert report.bridges < all_of_them.bridges
        assert report.bridge_coverage < all_of_them.bridge_coverage
        with Texture.open(path) as texture, open_bridges(texture, "flow") as bridges:
            assert len(texture.bridge_index) == report.bridges
            assert len(bridges.wait((3, 9))) == texture.bridge_frames(3, 9)
    path, report = build(folder, interpolator="flow", budget=Budget(most_s=0))
    assert report.bridges == 0


@pytest.mark.parametrize("settings", [{"frames": 0}, {"interpolator": "cut"}])
def test_cuts_are_no_bridges_at_all(folder: Path, settings: dict[str, Any]) -> None:
    path, report = build(folder, export_network=export, **settings)
    assert report.bridges == 0
    with Texture.open(path) as texture, open_bridges(texture) as bridges:
        assert texture.interpolator_network is None
        assert texture.tempo.bridge_s == 0
        assert bridges.wait((3, 9)) == []


def test_all_alike_if_that_is_asked_for(folder: Path) -> None:
    path, _ = build(folder, frames=3)
    with Texture.open(path) as texture:
        assert {stored.frames for stored in texture.bridge_index.values()} == {3}
        assert texture.bridge_frames(1, 9) == texture.manifest.video.bridge_frames == 3
