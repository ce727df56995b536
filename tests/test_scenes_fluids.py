"""Flames, crowds, water, warps, blobs and lights: what is drawn is what the state says."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from models.scenes.blobs import Blobs
from models.scenes.crowd import FEWEST, MOST, Crowd
from models.scenes.drawn import DrawnScene, Shot
from models.scenes.families import FAMILIES
from models.scenes.flame import Flame
from models.scenes.lights import Lights
from models.scenes.ripples import Rippled, Waves
from models.scenes.warp import Warp
from models.scenes.water import Water

FLUIDS: tuple[type[DrawnScene], ...] = (Blobs, Crowd, Flame, Lights, Warp, Water)
SMALL = Shot(seconds=40.0, width=64, height=64)
SHORT = Shot(seconds=8.0, width=128, height=96)


def apart(state: npt.NDArray[np.float32], nearest_frames: int) -> npt.NDArray[np.float64]:
    """Distances between all states, infinite where less than so many frames lie between."""
    distance = np.linalg.norm(state[:, None].astype(np.float64) - state[None], axis=2)
    frames = np.arange(len(state))
    distance[np.abs(frames[:, None] - frames[None]) < nearest_frames] = np.inf
    return distance


@pytest.mark.parametrize("family", FLUIDS)
def test_is_registered_by_its_name(family: type[DrawnScene]) -> None:
    assert FAMILIES[family.__name__.lower()] is family


@pytest.mark.parametrize("family", FLUIDS)
@pytest.mark.parametrize("seed", range(4))
def test_moments_come_back_nearly(family: type[DrawnScene], seed: int) -> None:
    scene = family(replace(SMALL, seed=seed))
    distance = apart(scene.state()[::5], nearest_frames=5)
    share = distance.min(axis=1).mean() / distance[np.isfinite(distance)].mean()
    assert 0.005 < share < 0.45


@pytest.mark.parametrize("family", FLUIDS)
def test_what_is_near_in_state_looks_alike(family: type[DrawnScene]) -> None:
    shares = []
    for seed in range(4):
        scene = family(replace(SMALL, seed=seed))
        frames = np.arange(0, scene.frame_count, 8)
        film = np.stack([scene.frame(int(frame)) for frame in frames]).astype(np.float32)
        nearest = apart(scene.state()[frames], nearest_frames=4).argmin(axis=1)
        alike = np.abs(film - film[nearest]).mean()
        shares.append(alike / np.abs(film - np.roll(film, len(film) // 2, axis=0)).mean())
    assert max(shares) < 0.95
    assert np.mean(shares) < 0.75


@pytest.mark.parametrize("family", FLUIDS)
def test_frames_do_not_depend_on_what_was_drawn_before(family: type[DrawnScene]) -> None:
    shot = replace(SHORT, seed=5)
    scene, other = family(shot), family(shot)
    forwards = [scene.frame(index) for index in (0, 50, 199)]
    backwards = [other.frame(index) for index in (199, 50, 0)][::-1]
    assert all(np.array_equal(one, same) for one, same in zip(forwards, backwards, strict=True))
    assert not np.array_equal(forwards[0], family(replace(shot, seed=6)).frame(0))


@pytest.mark.parametrize("family", FLUIDS)
@pytest.mark.parametrize("size", [(64, 160), (160, 64), (640, 360)])
def test_any_picture_is_filled(family: type[DrawnScene], size: tuple[int, int]) -> None:
    for seed in range(3):
        scene = family(Shot(seed, 2.0, width=size[0], height=size[1]))
        covers = np.stack([scene.layer(index).cover for index in (0, 25, 49)])
        assert scene.frame(0).shape == (size[1], size[0], 3)
        assert covers.mean() > 1.5  # of 255: something is there


def test_a_glow_hides_nothing() -> None:
    for seed in range(20):
        cover = Flame(replace(SHORT, seed=seed)).layer(60).cover
        hidden = (cover > 150).mean()
        assert 0.005 < hidden < 0.35
        assert cover[:8].max() < 170 or hidden > 0.1  # above a small flame there is only glow and smoke


def test_a_candle_leans_as_its_outline_says() -> None:
    scenes = (Flame(replace(SHORT, seed=seed)) for seed in range(20))
    for scene in [scene for scene in scenes if len(scene.tongues.root) == 1][:5]:
        frames = np.arange(0, scene.frame_count, 4)
        heat = np.stack([scene._drawn(*scene._outlines(np.array([frame]))[0]) for frame in frames]).astype(np.float64)
        drawn = heat.sum(axis=1) @ np.arange(scene.width) / heat.sum(axis=(1, 2))
        true = scene._outlines(frames).real.mean(axis=(1, 2, 3))
        assert np.corrcoef(drawn, true)[0, 1] > 0.9


@pytest.mark.parametrize("seed", range(20))
def test_bodies_are_where_the_state_says(seed: int) -> None:
    scene = Crowd(Shot(seed, 4.0, width=480, height=360))
    assert FEWEST <= scene.count <= MOST
    places = np.concatenate([flow.places(np.array([50]))[0] for flow in scene.flows]) * 360
    assert len(places) == scene.count
    inside = (np.abs(places.real - 240) < 239) & (np.abs(places.imag - 180) < 179)
    cover = cv2.dilate(scene.layer(50).cover, np.ones((3, 3), np.uint8))
    seen = cover[places.imag.astype(int)[inside], places.real.astype(int)[inside]]
    assert inside.mean() > 0.7
    assert (seen > 60).mean() > 0.95


def test_a_crowd_stays_in_the_picture() -> None:
    for seed in range(20):
        scene = Crowd(replace(SMALL, seed=seed))
        seen = [(scene.layer(index).cover > 0).mean() for index in range(0, scene.frame_count, 25)]
        assert min(seen) > 0.15 * np.median(seen)


def still(waves: int, frames: int) -> Waves:
    """No waves at all."""
    return Waves(np.full(waves, 9.0 + 5.0j), np.zeros((frames, waves), np.complex128), 1.0)


def test_calm_water_shows_what_lies_below() -> None:
    flat = np.random.default_rng(1).integers(0, 250, (48, 64, 3)).astype(np.uint8)
    cover = np.full((48, 64), 255, np.uint8)
    water = Rippled(flat, cover, still(2, 3), bend=0.1, shade=0.5, glint=0.0, near=np.ones(48, np.float32))
    away = np.abs(water.layer(1).colour.astype(int) - flat)
    assert away.max() <= 2


def test_a_wave_that_runs_moves_the_shades_the_way_it_runs() -> None:
    flat = np.full((64, 64, 3), 120, np.uint8)
    swell = np.exp(1j * np.array([[0.0], [0.5]]))
    waves = Waves(np.array([2 * np.pi + 0j]), swell, 1.0)  # one crest across the picture, upright
    cover = np.full((64, 64), 255, np.uint8)
    water = Rippled(flat, cover, waves, bend=0.0, shade=0.5, glint=0.0, near=np.ones(64, np.float32))
    crests = [int(water.layer(index).colour[32, :, 0].argmax()) for index in (0, 1)]
    assert crests[1] - crests[0] == pytest.approx(0.5 / (2 * np.pi) * 64, abs=2)


def scenes_of(kind: str, shot: Shot) -> list[Warp]:
    """The first two scenes of a kind of warp."""
    scenes = (Warp(replace(shot, seed=seed)) for seed in range(60))
    return [scene for scene in scenes if scene.kind == kind][:2]


def test_a_large_sheet_is_warped_as_if_pixel_by_pixel() -> None:
    for scene in scenes_of("sheet", Shot(seconds=2.0, width=480, height=272)):
        precise = Warp(scene.shot)
        precise._coarse = 1
        assert scene._coarse == 4
        assert np.abs(scene.frame(30).astype(int) - precise.frame(30)).mean() < 0.1


@pytest.mark.parametrize("kind", ["drum", "tunnel"])
def test_what_goes_round_comes_back_after_one_turn(kind: str) -> None:
    for scene in scenes_of(kind, SHORT):
        before, half = scene.frame(10).astype(int), Warp(scene.shot)
        scene._turn = scene._turn + 2 * np.pi
        half._turn = half._turn + np.pi
        assert np.abs(scene.frame(10) - before).mean() < 0.5
        assert np.abs(half.frame(10) - before).mean() > 2


def test_lamps_shine_as_bright_as_the_state_says() -> None:
    for seed in range(6):
        scene = Lights(replace(SHORT, seed=seed))
        scene._mover = scene._mover + 10  # out of the way
        frames = range(0, scene.frame_count, 4)
        film = np.stack([scene.layer(frame).cover for frame in frames])
        drawn = film.mean(axis=(1, 2))
        true = (scene._bright[::4] * scene._maps.sum(axis=0)).sum(axis=1)
        assert np.corrcoef(drawn, true)[0, 1] > 0.9


def test_melting_blobs_are_where_the_state_says() -> None:
    scenes = [scene for scene in (Blobs(replace(SHORT, seed=seed)) for seed in range(12)) if scene.kind == "melting"]
    for scene in scenes:
        middles = scene._things.truth()[0][40]
        middles = middles[: len(middles) // 2] * 96
        cover = scene.layer(40).cover
        inside = cover[middles.imag.astype(int).clip(0, 95), middles.real.astype(int).clip(0, 127)]
        assert inside.min() > 0.9 * cover.max()
        assert cover.min() == 0
