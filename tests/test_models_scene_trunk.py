import dataclasses
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from models.errors import FitError
from models.fit import fit
from models.mixture import OVERLAP, choose_mixture
from models.preset import CPU, SceneSettings
from models.scene_trunk import WEIGHTS, SceneTrunk, mixed
from models.seam import Judgement
from models.windows import gather, gather_following
from tests.drawn import going_round, segments_of

FRAMES = going_round(300)
SEGMENTS = segments_of(FRAMES)
SOME = np.array([3, 4, 20, 21])


@pytest.fixture
def trunk() -> SceneTrunk:
    made = SceneTrunk(SceneSettings(), SEGMENTS, (64, 64)).eval()
    made.calibrate(FRAMES, SEGMENTS, np.random.default_rng(0))
    return made


def windows(which: np.ndarray = SOME) -> torch.Tensor:
    return torch.from_numpy(gather(FRAMES, SEGMENTS, which))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_both_views_are_of_the_whole_window(trunk: SceneTrunk, share: float) -> None:
    trunk.share = share
    changed = windows()
    changed[:, -1] = 0  # an appended frame, which no query of the overlap would see
    with torch.no_grad():
        query, target = trunk(windows())
        other, _ = trunk(changed)
    assert query.shape == (4, 512)
    torch.testing.assert_close(query.norm(dim=1), torch.ones(4))
    assert torch.equal(query, target)
    assert float((query * other).sum(dim=1).max()) < 0.999


def test_similarities_add_up_by_shares() -> None:
    random = torch.Generator().manual_seed(0)
    learned, pixels = (torch.nn.functional.normalize(torch.randn(5, 256, generator=random), dim=1) for _ in range(2))
    both = mixed(learned, pixels, 0.3)
    torch.testing.assert_close(both @ both.T, 0.3 * learned @ learned.T + 0.7 * pixels @ pixels.T)


def test_a_half_without_a_share_is_not_computed(trunk: SceneTrunk, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: object) -> torch.Tensor:
        raise AssertionError("computed for nothing")

    with monkeypatch.context() as patched, torch.no_grad():
        patched.setattr(trunk.network, "forward", never)
        trunk.share = 0.0
        trunk(windows())
        trunk.share = 0.5
        with pytest.raises(AssertionError, match="for nothing"):
            trunk(windows())
    with monkeypatch.context() as patched, torch.no_grad():
        patched.setattr(trunk.pixels, "forward", never)
        trunk.share = 1.0
        trunk(windows())


def test_statistics_are_the_clips_and_frozen(trunk: SceneTrunk) -> None:
    trunk.share = 1.0
    before = {name: value.clone() for name, value in trunk.state_dict().items()}
    trunk.train()
    with torch.no_grad():
        alone = trunk(windows(SOME[:1]))[0]
        together = trunk(windows())[0]
    torch.testing.assert_close(alone[0], together[0], atol=1e-5, rtol=0)
    for name, value in trunk.state_dict().items():
        torch.testing.assert_close(value, before[name])


def test_learned_features_find_the_same_moment_under_another_light_and_place(trunk: SceneTrunk) -> None:
    """What the network was trained for, on a clip that it never saw."""
    random = np.random.default_rng(1)
    shifted = np.stack(
        [np.roll(frame * random.uniform(0.6, 1.0), tuple(random.integers(-4, 5, 2)), (0, 1)) for frame in FRAMES]
    ).astype(np.uint8)

    def error(share: float) -> float:
        made = SceneTrunk(dataclasses.replace(SceneSettings(), shares=(share,)), SEGMENTS, (64, 64)).eval()
        made.calibrate(shifted, SEGMENTS, np.random.default_rng(0))
        features = choose_mixture(made, shifted, SEGMENTS, None, np.random.default_rng(0))
        similarity = (features.query @ features.target.T).numpy()
        rows = np.arange(SEGMENTS.count - 1)
        for row in rows:
            similarity[row, max(0, row - 3) : row + 5] = -1.0
        lands = similarity[rows].argmax(axis=1)
        off = np.abs(lands - rows - 1) * SEGMENTS.stride_frames % 50
        return float(np.minimum(off, 50 - off).mean())

    assert error(1.0) < 6.0  # of 25 frames at most; chance is 12.5
    assert error(1.0) <= error(0.0)


@dataclasses.dataclass
class Judging:
    """A judge by a function, of jumps from every segment to one that is as far on as is said."""

    says: Callable[[np.ndarray, np.ndarray], float]
    leaps: Iterator[int] = dataclasses.field(default_factory=lambda: itertools.repeat(10))
    sees_shake: bool = False
    random_seam: float = 30.0

    def __call__(self, query: np.ndarray, target: np.ndarray) -> Judgement:
        leaves, leap = np.arange(SEGMENTS.count - 12), next(self.leaps)
        jumps = np.stack([leaves, leaves + leap], axis=1)
        return Judgement(self.says(query, target), jumps, np.full(len(jumps), 1 / len(jumps)))


def test_where_the_camera_shakes_the_first_is_taken_that_can_be_walked(trunk: SceneTrunk) -> None:
    answers = iter([float("inf"), 3.0, 1.0])
    judge = Judging(lambda query, target: next(answers), sees_shake=True)
    chosen = choose_mixture(trunk, FRAMES, SEGMENTS, judge, np.random.default_rng(0))
    assert [*chosen.seams.values()] == [float("inf"), 3.0]
    assert chosen.name == [*chosen.seams][1]


@pytest.mark.parametrize(
    ("seams", "random_seam", "taken"),
    [
        ((3.0, 2.0, 2.5, 2.5, 2.5, 2.5), 30.0, 1),  # the least
        ((2.1, 2.0, 2.5, 2.5, 2.5, 2.5), 30.0, 0),  # near enough, and preferred
        ((1.25, 1.2, 1.0, 0.9, 0.5, 0.5), 30.0, 0),  # less than can be seen is not better
        ((3.0, 3.0, 3.0, 3.0, 3.0, 2.0), 30.0, 5),
        ((3.0, 3.0, 3.0, 3.0, 3.0, 2.0), 4.0, 0),  # hardly less than by chance: it says nothing
        ((1.3, 0.9, 1.0, 1.0, 1.0, 1.0), 1.1, 1),  # nobody sees even chance
        ((3.0, 2.0, np.inf, 2.5, np.inf, np.inf), 30.0, 1),
        ((np.inf,) * 6, 30.0, 0),
    ],
)
def test_the_judge_decides(trunk: SceneTrunk, seams: tuple[float, ...], random_seam: float, taken: int) -> None:
    asked: list[np.ndarray] = []

    def says(query: np.ndarray, target: np.ndarray) -> float:
        asked.append(query)
        assert query.shape == target.shape == (SEGMENTS.count, 512)
        np.testing.assert_allclose(query[:-1], target[1:], atol=1e-5)
        return seams[len(asked) - 1]

    chosen = choose_mixture(trunk, FRAMES, SEGMENTS, Judging(says, random_seam=random_seam), np.random.default_rng(0))
    assert len(asked) == len(seams)
    assert chosen.seams[chosen.name] == seams[taken]
    np.testing.assert_array_equal(chosen.query.numpy(), asked[taken])
    assert (chosen.name == OVERLAP) == (taken == 5)
    following = gather_following if chosen.trunk.looks_ahead else gather
    last = np.append(SOME, SEGMENTS.count - 1)
    with torch.no_grad():
        query, _ = chosen.trunk(torch.from_numpy(following(FRAMES, SEGMENTS, last)))
        _, target = chosen.trunk(windows())
    torch.testing.assert_close(chosen.query[last], query, atol=1e-5, rtol=0)
    torch.testing.assert_close(chosen.target[SOME], target, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("leaps", "taken"),
    [
        ((10, 10, 10, 10, 10, 10), 5),  # all land where the disc goes on: what shows least is taken
        ((10, 10, 10, 10, 10, 6), 4),  # overlapping pixels do not
        ((6, 6, 6, 6, 6, 6), 5),  # nothing does: then it is not held against any
    ],
)
def test_features_whose_jumps_the_learned_half_finds_strange_are_not_taken(
    trunk: SceneTrunk, leaps: tuple[int, ...], taken: int
) -> None:
    """The disc goes round in 50 frames, which are ten segments."""
    seams = iter((6.0, 5.5, 5.0, 4.5, 4.0, 2.0))
    judge = Judging(lambda query, target: next(seams), iter(leap + 1 for leap in leaps))
    chosen = choose_mixture(trunk, FRAMES, SEGMENTS, judge, np.random.default_rng(0))
    names = [*chosen.seams]
    assert chosen.name == names[taken]
    near, far = (chosen.unlikeness[names[place]] for place in (0, 5))
    assert (far > 2 * near) == (leaps[0] != leaps[5])


def test_without_a_judge_the_first_share_is_taken(trunk: SceneTrunk) -> None:
    chosen = choose_mixture(trunk, FRAMES, SEGMENTS, None, np.random.default_rng(0))
    assert trunk.share == trunk.settings.shares[0]
    assert chosen.trunk is trunk
    assert chosen.seams == {}


def test_fitted_heads_whose_jumps_show_more_are_not_kept() -> None:
    preset = dataclasses.replace(CPU, fit=dataclasses.replace(CPU.fit, epochs=2, least_gain=-1.0))

    def against_heads(query: np.ndarray, target: np.ndarray) -> float:
        natural = (query[:-1] * target[1:]).sum(axis=1)  # 1 with heads that are the identity
        return 1.0 if natural.min() > 1 - 1e-4 else 2.0

    frames = going_round(450)  # enough to hold some out
    segments = segments_of(frames)
    report = fit(frames, segments, preset, seed=0, judge=Judging(against_heads)).report
    assert report.seams["heads"] == 2.0
    assert report.chosen_epoch == 0
    assert "show more" in report.why
    kept = fit(frames, segments, preset, seed=0, judge=Judging(lambda query, target: 1.0)).report
    assert kept.chosen_epoch > 0


def test_frames_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="64×64"):
        SceneTrunk(SceneSettings(), SEGMENTS, (48, 64))


def foreign(folder: Path) -> Path:
    file = folder / "foreign.safetensors"
    save_file({"stages.0.weight": torch.zeros(2)}, file)
    return file


def damaged(folder: Path) -> Path:
    file = folder / "damaged.safetensors"
    file.write_bytes(WEIGHTS.read_bytes()[:1000])
    return file


@pytest.mark.parametrize("make", [foreign, damaged, lambda folder: folder / "missing.safetensors"])
def test_weights_that_cannot_be_used_are_named(tmp_path: Path, make: object) -> None:
    file = make(tmp_path)  # type: ignore[operator]
    with pytest.raises(FitError, match=file.name):
        SceneTrunk(SceneSettings(weights=file), SEGMENTS, (64, 64))


def test_the_weights_are_small_enough_to_come_with_the_package() -> None:
    assert WEIGHTS.stat().st_size < 8_000_000
