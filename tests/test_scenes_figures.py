"""Jointed figures, sprites, pendulums, flags and faces: what is drawn is what the state says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from models.scenes.backdrops import Backdrop
from models.scenes.dancer import Dancer
from models.scenes.drawn import Shot
from models.scenes.drivers import random_driver
from models.scenes.face import Face
from models.scenes.flag import Flag
from models.scenes.ink import Ink
from models.scenes.jointed import JointedScene
from models.scenes.linkage import Linkage
from models.scenes.looks import look_state
from models.scenes.pendulum import Pendulum
from models.scenes.sprites import Sprites

SMALL = Shot(seconds=40.0, width=80, height=64)
SHORT = Shot(seconds=8.0, width=128, height=96)
SHIFTS = (0.0, 0.25, 0.5, 0.75)  # of a pixel


@pytest.mark.parametrize("size_px", [64, 256])
@pytest.mark.parametrize("shift", SHIFTS)
def test_a_disc_covers_its_area_wherever_it_lies(size_px: int, shift: float) -> None:
    ink, radius = Ink(size_px, size_px), size_px / 6
    middle = complex(size_px / 2 + shift, size_px / 2 - shift)
    ink.rods(np.array([[middle, middle]]), np.array([[radius, radius]]), [(10, 200, 30)])
    cover = ink.layer().cover.astype(np.float64) / 255
    along = np.arange(size_px) + 0.5
    assert cover.sum() == pytest.approx(np.pi * radius**2, rel=0.12)  # OpenCV's soft edges lie half a pixel outside
    assert cover.sum(axis=0) @ along / cover.sum() == pytest.approx(middle.real, abs=0.15)
    assert cover.sum(axis=1) @ along / cover.sum() == pytest.approx(middle.imag, abs=0.15)


def test_soft_edges_keep_their_colour() -> None:
    ink = Ink(64, 64)
    ink.polygon(np.array([10.3 + 9.1j, 50.7 + 13.2j, 33.1 + 52.9j]), (240, 120, 60))
    layer = ink.layer()
    soft = (layer.cover > 60) & (layer.cover < 200)
    assert soft.sum() > 20
    assert np.abs(layer.colour[soft].astype(int) - (240, 120, 60)).max() <= 3
    assert not layer.colour[layer.cover == 0].any()


def test_a_picture_lies_where_its_corners_say() -> None:
    cut = np.zeros((16, 16, 4), np.uint8)
    cut[:, :, 3] = 255
    cut[:8, :8, 0] = 255  # top left is red
    ink = Ink(64, 64)
    ink.picture(cut, np.array([48 + 16j, 48 + 48j, 16 + 16j]))  # a quarter turn to the right
    layer = ink.layer()
    assert layer.cover[18:46, 18:46].min() > 250
    assert layer.cover[:14].max() == layer.cover[50:].max() == 0
    assert layer.colour[20:28, 36:44, 0].min() > 250
    assert layer.colour[36:44, 36:44, 0].max() < 5


def test_a_picture_half_outside_is_cut_off() -> None:
    cut = np.full((8, 8, 4), 255, np.uint8)
    ink = Ink(64, 64)
    ink.picture(cut, np.array([-16 - 16j, 16 - 16j, -16 + 16j]))
    ink.picture(cut, np.array([80 + 0j, 90 + 0j, 80 + 10j]))
    assert ink.layer().cover.sum() / 255 == pytest.approx(16 * 16, rel=0.15)


def test_the_state_keeps_all_distances_of_a_few_motions() -> None:
    random = np.random.default_rng(3)
    motions = np.cumsum(random.normal(0, 0.01, (300, 2)), axis=0)
    points = motions @ random.normal(0, 1, (2, 12)) + 1j * motions @ random.normal(0, 1, (2, 12))
    weights = random.uniform(1, 3, 12)
    state = look_state(points, weights, dims=3, rate_hz=25.0, time_s=0.2)
    moved = np.abs(points[:, None] - points[None]) ** 2 @ (weights / weights.sum())
    found = np.linalg.norm(state[:, None, :3] - state[None, :, :3], axis=2)
    assert found == pytest.approx(np.sqrt(moved) / 0.05, abs=1e-2)
    assert state[:, 3:] == pytest.approx(np.gradient(state[:, :3], axis=0) * 5, abs=1e-3)


@pytest.mark.parametrize("kind", ["round", "reversing", "pulsing", "gestures", "shuttle"])
def test_drivers_move_at_about_their_tempo(kind: str) -> None:
    changes = []
    for seed in range(6):
        driver = random_driver(np.random.default_rng(seed), SMALL, 2.0, kind)
        assert np.abs(driver.place).max() < 1.5
        assert np.abs(np.diff(driver.place)).max() < 0.35
        changes.append((np.diff(np.sign(driver.swing(0.0))) != 0).sum() / 40)
    assert 0.2 < np.mean(changes) < 1.5  # per second; a cycle of 2 s passes its middle once


def test_inks_show_on_their_backdrop() -> None:
    backdrops = [Backdrop.chosen(np.random.default_rng(seed)) for seed in range(60)]
    inks = [(ground, ground.inks(np.random.default_rng(seed), 3)) for seed, ground in enumerate(backdrops)]
    contrasts = np.array([[ground.contrast(ink) for ink in some] for ground, some in inks])
    assert contrasts.min() > 0.02
    assert 0.05 < (contrasts.mean(axis=1) < 0.18).mean() < 0.45  # some scenes are hard to see
    assert np.median(contrasts) > 0.25


@pytest.mark.parametrize("family", [Dancer, Linkage, Pendulum, Face])
def test_figures_stay_in_the_picture(family: type[JointedScene]) -> None:
    for seed in range(8):
        scene = family(replace(SMALL, seed=seed))
        reach = scene._reach * scene._unit
        for along, size in ((scene._points.real, 80), (scene._points.imag, 64)):
            assert (along - reach).min() > -1e-6
            assert (along + reach).max() < size + 1e-6


def middles(scene: Sprites | Flag | JointedScene, frames: npt.NDArray[np.int64]) -> npt.NDArray[np.complex128]:
    """Middle of what is covered in some frames, in pixels."""
    covers = [scene.layer(int(frame)).cover.astype(np.float64) for frame in frames]
    rows, columns = np.mgrid[: scene.height, : scene.width]
    return np.array([((columns + 1j * rows) * cover).sum() / cover.sum() for cover in covers])


def test_a_dancer_stands_on_the_ground() -> None:
    for seed in range(6):
        scene = Dancer(replace(SHORT, seed=seed))
        lowest = [np.flatnonzero((scene.layer(frame).cover > 100).any(axis=1)).max() for frame in range(0, 200, 10)]
        assert np.ptp(lowest) < 0.06 * scene.height


def test_a_pendulum_is_where_the_state_says_and_goes_as_it_says() -> None:
    kinds = set()
    for seed in range(8):
        scene = Pendulum(replace(SHORT, seconds=20.0, seed=seed))
        kinds.add(scene.kind)
        if scene.kind == "double" or scene.look == "clock":
            continue
        frames = np.arange(0, scene.frame_count - 1, 3)
        across = middles(scene, frames).real
        place, velocity = scene.state()[frames, 0], scene.state()[frames, 1]
        assert abs(np.corrcoef(across, place)[0, 1]) > 0.97
        change = middles(scene, frames + 1).real - across
        way = np.sign(np.corrcoef(across, place)[0, 1])
        assert way * np.corrcoef(change, velocity)[0, 1] > 0.9
        assert not scene.state()[:, 2:].any()
    assert kinds == {"steady", "changing", "double"}


def test_both_modes_of_a_double_pendulum_are_in_the_state() -> None:
    scenes = (Pendulum(replace(SMALL, seed=seed)) for seed in range(20))
    for scene in [scene for scene in scenes if scene.kind == "double"][:3]:
        assert (scene.state().std(axis=0) > 0.05).all()


def test_waves_run_away_from_the_pole() -> None:
    scenes = (Flag(replace(SHORT, seed=seed)) for seed in range(12))
    for scene in [scene for scene in scenes if scene.side != "top"][:4]:
        shift = []
        for frame in range(0, 200, 8):
            now, later = (crest_heights(scene, index) for index in (frame, frame + 2))
            outwards = 1 if scene.side == "left" else -1
            steps = [np.roll(now, outwards * step) - later for step in (-2, 2)]
            shift.append(np.abs(steps[0][4:-4]).sum() - np.abs(steps[1][4:-4]).sum())
        assert np.mean(shift) > 0


def crest_heights(scene: Flag, index: int) -> npt.NDArray[np.float64]:
    """Middle row of the cloth per column, over the columns that it always has, without its tilt."""
    cover = scene.layer(index).cover.astype(np.float64)
    start = int(scene._start + 0.1 * scene._long)
    columns = slice(start, start + int(0.6 * scene._long))
    if scene.side == "right":
        columns = slice(scene.width - columns.stop, scene.width - columns.start)
    part = cover[:, columns]
    height = np.arange(scene.height) @ part / part.sum(axis=0)
    return np.asarray(height - np.polyval(np.polyfit(np.arange(len(height)), height, 1), np.arange(len(height))))


def test_a_gust_lifts_a_cloth_that_sags() -> None:
    scenes = (Flag(replace(SMALL, seed=seed)) for seed in range(40))
    sagging = [scene for scene in scenes if scene._sag > 0.12 and np.ptp(scene.gust) > 0.8][:3]
    assert len(sagging) == 3
    for scene in sagging:
        frames = np.argsort(scene.gust)[np.r_[:40:4, -40:0:4]].astype(np.int64)
        calm, windy = np.split(middles(scene, frames).imag, 2)
        assert calm.mean() > windy.mean() + 0.5


def test_a_blink_shuts_the_eyes() -> None:
    for seed in range(4):
        scene = Face(replace(SHORT, seed=seed))
        shut, open_ = int(scene.mimic.shut.argmax()), int(scene.mimic.shut.argmin())
        whites = [part for part in scene.figure.parts if part.colour == (245, 245, 240)]
        assert len(whites) == 2
        for white in whites:
            heights = [np.ptp(scene._points[index, list(white.corners)].imag) for index in (shut, open_)]
            assert heights[0] < 0.75 * heights[1]


def test_a_face_looks_where_it_turns() -> None:
    for seed in range(4):
        scene = Face(replace(SHORT, seed=seed))
        eye = next(part for part in scene.figure.parts if part.colour == (245, 245, 240))
        outline = scene._points[:, list(scene.figure.parts[scene._on_face - 1].corners)].mean(axis=1)
        aside = (scene._points[:, list(eye.corners)].mean(axis=1) - outline).real
        assert np.corrcoef(aside, scene.mimic.turn)[0, 1] > 0.8


def test_sprites_are_where_their_corners_say() -> None:
    for seed in range(12):
        scene = Sprites(replace(SHORT, seed=seed))
        if len(scene.sprites) > 1:
            continue
        frames = np.arange(0, scene.frame_count, 10)
        corners = scene.sprites[0].corners[frames]
        true = (corners[:, 1] + corners[:, 2]) / 2
        away = np.abs(middles(scene, frames) + 0.5 + 0.5j - true)
        side = np.abs(corners[:, 1] - corners[:, 0])
        assert (away < 0.25 * side + 1).all()
