"""Where the camera looked: on drawn scenes, where it is known."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from models.scenes.dials import DialledScene, Dials
from models.scenes.drawn import Shot
from models.scenes.families import create_scene
from models.segments import Segments
from models.steadying import CameraMotion, camera_motion, picture_size

SEED, SECONDS = 7001, 6.0
SIZE = picture_size(160, 96)
Frames = npt.NDArray[np.uint8]


def filmed(family: str, **dials: float) -> tuple[Frames, Segments]:
    """A scene, RGB (F, 96, 160, 3)."""
    scene = DialledScene(
        create_scene(family, Shot(SEED, SECONDS, width=160, height=96)), replace(Dials.none(), **dials), SEED
    )
    frames = np.stack([scene.frame(index) for index in range(scene.frame_count)])
    return np.asarray(frames, np.uint8), Segments.of_clip(len(frames), scene.rate_hz)


def grey(frames: Frames) -> Frames:
    return np.asarray(np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]), np.uint8)


def restlessness(frames: Frames) -> float:
    return float(frames.astype(np.float32).std(axis=0).mean())


@pytest.fixture(scope="module")
def shaken() -> tuple[Frames, Segments]:
    return filmed("face", shake=1.0)


@pytest.fixture(scope="module")
def camera(shaken: tuple[Frames, Segments]) -> CameraMotion:
    found = camera_motion(grey(shaken[0]), shaken[1])
    assert found is not None
    return found


def test_a_steadied_film_is_the_film_from_a_tripod(shaken: tuple[Frames, Segments], camera: CameraMotion) -> None:
    assert 0.02 < camera.shake < 0.1
    still, _ = filmed("face")
    steadied = camera.steadied(shaken[0])
    middle = (slice(None), slice(16, 80), slice(24, 136))  # the border was not seen
    assert restlessness(steadied[middle]) < 0.6 * restlessness(shaken[0][middle])
    assert restlessness(steadied[middle]) < 1.1 * restlessness(still[middle])


def test_it_fits_frames_of_any_size(shaken: tuple[Frames, Segments], camera: CameraMotion) -> None:
    small = np.asarray([cv2.resize(frame, (64, 64), interpolation=cv2.INTER_AREA) for frame in shaken[0]], np.uint8)
    out = np.zeros_like(small)
    assert camera.steadied(small, out) is out
    large = camera.steadied(shaken[0])
    shrunk = np.asarray([cv2.resize(frame, (64, 64), interpolation=cv2.INTER_AREA) for frame in large], np.uint8)
    apart = np.abs(out.astype(int) - shrunk)[:, 10:54, 10:54]
    assert apart.mean() < 3
    assert apart.mean() < 0.3 * np.abs(small.astype(int) - shrunk)[:, 10:54, 10:54].mean()


def test_light_and_noise_do_not_hide_it() -> None:
    frames, segments = filmed("face", shake=0.6, light=0.4, shadow=0.4, noise=0.4, compression=0.4)
    clean, _ = filmed("face", shake=0.6)
    found, wanted = camera_motion(grey(frames), segments), camera_motion(grey(clean), segments)
    assert found is not None
    assert wanted is not None
    apart = found.motions[:, :, 2] - wanted.motions[:, :, 2]
    assert np.sqrt((apart**2).mean()) < 1.0  # pixel, of some five


@pytest.mark.parametrize("family", ["face", "pendulum", "strings", "crowd", "sprites", "water", "rubber", "dancer"])
def test_what_stands_still_or_moves_by_itself_is_left_alone(family: str) -> None:
    frames, segments = filmed(family)
    assert camera_motion(grey(frames), segments) is None


def test_one_thing_before_a_plain_wall_is_no_camera() -> None:
    """All corners there are move as one, but further than a camera shakes."""
    texture = np.random.default_rng(0).integers(0, 256, (40, 60), np.uint8)
    wall = np.linspace(60, 200, 160).astype(np.uint8)
    frames = np.tile(wall, (120, 96, 1))
    for index, frame in enumerate(frames):
        left, top = round(50 + 30 * np.sin(index / 7)), round(28 + 15 * np.cos(index / 9))
        frame[top : top + 40, left : left + 60] = texture
    assert camera_motion(frames, Segments.of_clip(len(frames), Fraction(30))) is None


def test_a_plain_clip_tells_nothing() -> None:
    assert camera_motion(np.full((60, 96, 160), 90, np.uint8), Segments.of_clip(60, Fraction(30))) is None


def test_each_shot_has_its_own(shaken: tuple[Frames, Segments]) -> None:
    still, _ = filmed("face")
    count = len(still)
    told: list[float] = []
    both = Segments.of_clip(2 * count, Fraction(30), (count,))
    found = camera_motion(grey(np.concatenate([shaken[0], still])), both, lambda _, done: told.append(done))
    assert found is not None
    alone = camera_motion(grey(shaken[0]), shaken[1])
    assert alone is not None
    np.testing.assert_allclose(found.motions[:count], alone.motions)
    np.testing.assert_array_equal(found.motions[count:], np.tile(np.eye(2, 3), (count, 1, 1)))
    assert found.shake == pytest.approx(alone.shake)
    assert told == [0.5, 1.0]


def test_places_count_beside_what_is_seen(camera: CameraMotion, shaken: tuple[Frames, Segments]) -> None:
    segments = shaken[1]
    alike = np.zeros((segments.count, 4), np.float32)
    alike[:, 0] = 1  # all look the same
    query, target = camera.placed(alike, alike, segments)
    for each in (query, target):
        np.testing.assert_allclose(np.linalg.norm(each, axis=1), 1, atol=1e-6)
    similarity = query @ target.T
    natural = similarity.diagonal(1)
    assert natural.min() > 0.95  # the clip goes on where it was
    where = camera.motions[:, :, 2]
    left = where[segments.starts + segments.window_frames - 1]
    entered = where[segments.starts + segments.overlap_frames - 1]
    apart = np.linalg.norm(left[:, None] - entered[None], axis=2)
    assert np.corrcoef(apart.ravel(), similarity.ravel())[0, 1] < -0.8


@pytest.mark.parametrize(
    ("clip", "size"),
    [((160, 96), (160, 96)), ((1920, 1080), (171, 96)), ((720, 1280), (96, 171)), ((96, 96), (96, 96))],
)
def test_pictures_have_a_short_side_of_96(clip: tuple[int, int], size: tuple[int, int]) -> None:
    assert picture_size(*clip) == size
