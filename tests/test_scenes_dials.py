"""Drawn scenes under dials, and the silent strings."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from models.scenes.dials import DIALS, DialledScene, Dials
from models.scenes.drawn import DrawnScene, Layer, Shot
from models.scenes.families import create_scene
from models.scenes.filming import Filming
from models.scenes.scene import Scene, SoundingScene
from models.scenes.strings import Strings, StringsSettings

SHOT = Shot(seed=5, seconds=12.0, rate_hz=Fraction(25), width=96, height=64)
SEEDS = range(6)
INDICES = range(0, 300, 7)
Picture = NDArray[np.uint8]


class Disc(DrawnScene):
    """A disc that goes round on clouds; made here so that no family's change moves these tests."""

    state_names = ("x", "y")

    def layer(self, index: int) -> Layer:
        colour = np.full((self.height, self.width, 3), (220, 60, 40), np.uint8)
        cover = np.zeros((self.height, self.width), np.uint8)
        x, y = self.state()[index]
        middle = (round(16 * (0.5 + 0.25 * x) * self.width), round(16 * (0.5 + 0.25 * y) * self.height))
        cv2.circle(cover, middle, 16 * self.height // 7, 255, -1, cv2.LINE_AA, 4)
        return Layer(colour, cover)

    def _state(self) -> NDArray[np.float32]:
        turn = 2 * np.pi * np.arange(self.frame_count) / (3 * float(self.rate_hz))
        return np.stack([np.cos(turn), np.sin(turn)], axis=1).astype(np.float32)

    def _backdrop(self) -> Picture:
        rough = self.random.integers(60, 200, (6, 9, 3), np.uint8)
        return np.asarray(cv2.resize(rough, (self.width, self.height), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.fixture(scope="module")
def disc() -> Disc:
    return Disc(SHOT)


def film(scene: Scene, indices: range = INDICES) -> NDArray[np.int16]:
    return np.stack([scene.frame(index) for index in indices]).astype(np.int16)


@pytest.mark.parametrize("seed", SEEDS)
def test_all_off_changes_nothing(disc: Disc, seed: int) -> None:
    dialled = DialledScene(disc, Dials.none(), seed)
    assert (film(dialled) == film(disc)).all()
    frame = dialled.frame(0)
    frame[:] = 0
    assert dialled.frame(0).any(), "the frame was not the caller's own"


@pytest.mark.parametrize("name", DIALS)
def test_each_dial_shows_and_leaves_the_state(disc: Disc, name: str) -> None:
    for seed in SEEDS:
        half, full = (DialledScene(disc, Dials.only(name, level), seed) for level in (0.5, 1.0))
        by_half, by_full = (np.abs(film(scene) - film(disc)).mean(axis=(1, 2, 3)) for scene in (half, full))
        assert by_full.max() > 3.0, f"{name} at 1 is not seen"
        assert by_full.max() < 90.0, f"{name} at 1 leaves nothing to be seen"
        assert 0.2 < by_half.max() < by_full.max()
        assert (full.state() == disc.state()).all()
        assert full.state_names == disc.state_names


@pytest.mark.parametrize("name", DIALS)
def test_each_dial_changes_with_time_and_seed(disc: Disc, name: str) -> None:
    """On a still picture, so that what changes is the dial's doing; compression alone knows no time."""
    grown = [DialledScene(_still(disc), Dials.only(name, 1.0), seed) for seed in (0, 1)]
    films = [film(scene) for scene in grown]
    changes = np.abs(films[0] - films[0][:1]).max()
    apart = np.abs(films[0] - films[1]).max()
    if name == "compression":
        assert changes == apart == 0
    else:
        assert changes > 20
        assert apart > 20


def _still(disc: Disc) -> DrawnScene:
    class Still(Disc):
        def layer(self, index: int) -> Layer:
            return disc.layer(0)

    return Still(SHOT)


@pytest.mark.parametrize("seed", SEEDS)
def test_any_order_gives_the_same(disc: Disc, seed: int) -> None:
    first, second = (DialledScene(disc, Dials.all(1.0), seed) for _ in range(2))
    forwards = {index: first.frame(index) for index in INDICES}
    for index in np.random.default_rng(seed).permutation(INDICES):
        assert (second.frame(int(index)) == forwards[int(index)]).all(), f"frame {index}"


def test_dials_know_nothing_of_the_scene() -> None:
    """Other scenes, other states: what filming does to one and the same picture stays."""
    picture = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    scenes = [DialledScene(Disc(replace(SHOT, seed=seed)), Dials.all(0.8), 3) for seed in (1, 2)]
    for index in INDICES:
        films = [scene.filmed(picture, index) for scene in scenes]
        assert (films[0] == films[1]).all()
    courses = np.stack([scenes[0].filmed(picture, index).mean(axis=(0, 1)) for index in range(SHOT.frame_count)])
    state = scenes[0].state()
    assert np.abs(np.corrcoef(courses.T, state.T)[:3, 3:]).max() < 0.5


def test_a_dial_keeps_its_course_when_others_turn(disc: Disc) -> None:
    """Light times shadow is what each alone gives: neither draws from the other's randomness."""
    grey = np.full((64, 96, 3), 100, np.uint8)
    one, other, both = (
        Filming(dials, SHOT) for dials in (Dials(light=0.5), Dials(shadow=0.5), Dials(light=0.5, shadow=0.5))
    )
    for index in INDICES:
        expected = one.filmed(grey, index) * (other.filmed(grey, index) / 100.0)
        assert np.abs(both.filmed(grey, index) - expected).max() < 5


def test_noise_is_as_strong_as_said() -> None:
    grey = np.full((64, 96, 3), 128, np.uint8)
    noisy = Filming(Dials.only("noise", 1.0), SHOT)
    first, second = (noisy.filmed(grey, index).astype(float) - 128 for index in (0, 1))
    assert 7.0 < first.std() < 9.0
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.05


def test_shake_and_zoom_are_as_strong_as_said() -> None:
    """Measured on a bright dot: where it goes, and how far two dots are apart."""
    dots = np.zeros((64, 96, 3), np.uint8)
    for x in (32, 64):
        cv2.circle(dots, (x, 32), 5, (255, 255, 255), -1)
    shot = replace(SHOT, seconds=40.0)
    places, gaps = [], []
    for seed in SEEDS:
        shaken = Filming(Dials.only("shake", 1.0), replace(shot, seed=seed))
        zoomed = Filming(Dials.only("zoom", 1.0), replace(shot, seed=seed))
        for index in range(0, shot.frame_count, 10):
            places.append(_middles(shaken.filmed(dots, index)).mean(axis=0))
            middles = _middles(zoomed.filmed(dots, index))
            gaps.append(middles[1, 0] - middles[0, 0])
    rms = np.sqrt(((np.array(places) - places_at_rest(dots)) ** 2).sum(axis=1).mean())
    assert 0.035 * 64 < rms < 0.065 * 64
    assert 31.5 < min(gaps) < 32.7
    assert 35.0 < max(gaps) < 36.3  # 32 px and 12 % more


def places_at_rest(dots: Picture) -> NDArray[np.float64]:
    middle: NDArray[np.float64] = _middles(dots).mean(axis=0)
    return middle


def _middles(picture: Picture) -> NDArray[np.float64]:
    """Middles of the left and the right dot, (2, 2)."""
    bright = picture[:, :, 0].astype(float)
    bright[bright < 60] = 0
    rows, columns = np.mgrid[:64, :96]
    halves = [columns < 48, columns >= 48]
    return np.array(
        [[np.average(axis, weights=bright * half) for axis in (columns, rows)] for half in halves],
    )


def test_occlusion_covers_a_little_now_and_then() -> None:
    """Seen on two pictures of other colours: where they come out alike, something is in front."""
    black, white = (np.full((64, 96, 3), value, np.uint8) for value in (0, 255))
    shares = []
    for seed in SEEDS:
        filming = Filming(Dials.only("occlusion", 1.0), replace(SHOT, seed=seed))
        for index in range(SHOT.frame_count):
            apart = filming.filmed(white, index).astype(int) - filming.filmed(black, index)
            shares.append((apart < 128).all(axis=2).mean())
    assert 0.09 < max(shares) < 0.20
    assert 0.15 < np.mean(np.array(shares) > 0.01) < 0.6


def test_background_stays_behind(disc: Disc) -> None:
    for seed in SEEDS:
        dialled = DialledScene(disc, Dials.only("background", 1.0), seed)
        for index in range(0, 300, 50):
            hidden = disc.layer(index).cover == 255
            assert (dialled.frame(index)[hidden] == disc.frame(index)[hidden]).all()
    assert (disc.backdrop == Disc(SHOT).backdrop).all(), "the scene's own backdrop was painted on"


def test_filmed_leaves_its_picture(disc: Disc) -> None:
    picture = disc.frame(0)
    picture.setflags(write=False)
    before = picture.copy()
    for index in INDICES:
        assert DialledScene(disc, Dials.all(1.2), 0).filmed(picture, index).flags.writeable
    assert (picture == before).all()


@pytest.mark.parametrize(("width", "height"), [(16, 16), (64, 160), (322, 66)])
@pytest.mark.parametrize("level", [0.01, 1.0, 4.0])
def test_any_size_and_level(width: int, height: int, level: float) -> None:
    scene = Disc(replace(SHOT, width=width, height=height, seconds=2.0))
    for seed in SEEDS:
        dialled = DialledScene(scene, Dials.all(level), seed)
        for index in range(0, 50, 7):
            frame = dialled.frame(index)
            assert frame.shape == (height, width, 3)
            assert frame.dtype == np.uint8
            assert frame.flags.c_contiguous
            assert frame.flags.writeable


@pytest.mark.parametrize("bad", [-0.1, float("nan"), float("inf")])
def test_bad_levels(bad: float) -> None:
    for name in DIALS:
        with pytest.raises(ValueError, match=f"dial {name} is"):
            Dials.only(name, bad)


def test_bad_arguments(disc: Disc) -> None:
    with pytest.raises(ValueError, match="no dial is called 'fog'"):
        Dials.only("fog", 1.0)
    for dials in (Dials.none(), Dials.all(1.0)):
        dialled = DialledScene(disc, dials, 0)
        for index in (-1, 300):
            with pytest.raises(ValueError, match="expected 0 to 299"):
                dialled.frame(index)
            with pytest.raises(ValueError, match="expected 0 to 299"):
                dialled.filmed(disc.frame(0), index)
        with pytest.raises(ValueError, match=r"expected uint8 \(64, 96, 3\)"):
            dialled.filmed(np.zeros((64, 64, 3), np.uint8), 0)


def test_random_dials() -> None:
    random = np.random.default_rng(0)
    levels = np.array(
        [[getattr(dials, name) for name in DIALS] for dials in (Dials.random(random) for _ in range(500))]
    )
    assert levels.min() == 0
    assert 1.15 < levels.max() <= 1.2
    assert np.abs((levels == 0).mean(axis=0) - 0.35).max() < 0.08
    assert np.abs(np.corrcoef(levels.T) - np.eye(len(DIALS))).max() < 0.2


def test_strings_are_a_family() -> None:
    """Inside the instrument's outline they are `Strings`; outside lies the backdrop, and the dials work on them."""
    shot = Shot(seed=3, seconds=6.0, width=160, height=96)
    scene = create_scene("strings", shot)
    drawn = Strings(StringsSettings(6.0, 160, 96, shot.rate_hz, seed=3))
    assert not isinstance(scene, SoundingScene)
    assert (scene.state() == drawn.state()).all()
    assert scene.state_names == drawn.state_names
    inside = np.all([scene.layer(index).cover == 255 for index in range(0, 150, 10)], axis=0)
    assert 0.6 < inside.mean() < 0.95
    for index in range(0, 150, 10):
        apart = np.abs(scene.frame(index).astype(int) - drawn.frame(index))
        assert apart[inside].max() <= 1
    corner = (slice(0, 6), slice(0, 20))  # the top left one, where the hand never comes
    assert np.abs(scene.frame(70)[corner].astype(int) - scene.backdrop[corner]).mean() < 3
    moving = DialledScene(scene, Dials.only("background", 1.0), 1)
    apart = np.abs(moving.frame(70).astype(int) - scene.frame(70))
    assert apart[inside].max() == 0
    assert apart[~inside].max() > 10
