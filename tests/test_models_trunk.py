import numpy as np
import pytest
import torch

from models.pixel_trunk import PixelTrunk
from models.pixels import contrast_normalised
from models.preset import PixelSettings, SlowFastSettings
from models.slowfast_trunk import SlowFastTrunk
from models.sphere import lifted, principal_components
from models.trunk import Trunk
from models.windows import gather
from tests.drawn import going_round, segments_of

FRAMES = going_round(150)
SEGMENTS = segments_of(FRAMES)
SMALL = SlowFastSettings(sampled_frames=8, depth=18, slow_channels=8, grid=2, view="overlap")


def _pixels() -> Trunk:
    return PixelTrunk(PixelSettings(), SEGMENTS, (64, 64))


def _slowfast() -> Trunk:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SlowFastTrunk(SMALL, SEGMENTS, (64, 64))


@pytest.fixture(scope="module", params=[_pixels, _slowfast])
def trunk(request: pytest.FixtureRequest) -> Trunk:
    made: Trunk = request.param().eval()
    made.calibrate(FRAMES, SEGMENTS, np.random.default_rng(0))
    return made


@torch.no_grad()
def _features(trunk: Trunk, which: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    query, target = trunk(torch.from_numpy(gather(FRAMES, SEGMENTS, np.array(which))))
    return query, target


def test_the_true_successor_is_a_view_of_the_same_frames(trunk: Trunk) -> None:
    query, target = _features(trunk, [3, 4, 20, 21])
    torch.testing.assert_close(query[0], target[1], atol=2e-6, rtol=0)
    torch.testing.assert_close(query[2], target[3], atol=2e-6, rtol=0)


def test_features_lie_on_the_sphere(trunk: Trunk) -> None:
    for features in _features(trunk, list(range(SEGMENTS.count))):
        assert features.shape == (SEGMENTS.count, 512)
        torch.testing.assert_close(features.norm(dim=1), torch.ones(SEGMENTS.count))


@pytest.mark.parametrize("training", [False, True])
def test_a_windows_features_do_not_depend_on_its_batch_mates(trunk: Trunk, training: bool) -> None:
    trunk.train(training)
    alone, _ = _features(trunk, [7])
    together, _ = _features(trunk, [1, 7, 12, 25])
    trunk.eval()
    torch.testing.assert_close(alone[0], together[1], atol=2e-6, rtol=0)


def test_whole_windows_as_views_are_the_same_for_query_and_target() -> None:
    settings = SlowFastSettings(sampled_frames=8, depth=18, slow_channels=8, view="window")
    trunk = SlowFastTrunk(settings, SEGMENTS, (64, 64)).eval()
    query, target = _features(trunk, [2, 3])
    torch.testing.assert_close(query, target)


def test_light_that_flickers_leaves_no_trace() -> None:
    random = torch.Generator().manual_seed(0)
    mean = torch.rand(3, 16, 16, generator=random)
    moved = 0.1 * torch.randn(1, 3, 16, 16, generator=random)
    dim, bright = (contrast_normalised(gain * (mean + moved) + 0.05, mean) for gain in (0.6, 1.0))
    assert float(torch.cosine_similarity(dim.flatten(), bright.flatten(), dim=0)) > 0.9999


def test_cosine_on_the_sphere_ranks_as_distance() -> None:
    features = torch.randn(200, 20, generator=torch.Generator().manual_seed(1))
    query = features[:1] + 0.05
    cosine = lifted(query, torch.tensor(4.5), 64) @ lifted(features, torch.tensor(4.5), 64).T
    distance = torch.cdist(query, features)
    nearest = distance.argsort()[0, :5].tolist()
    assert cosine.argmax().item() == nearest[0]


@pytest.mark.parametrize("shape", [(40, 7), (7, 40)])
def test_principal_components_are_orthonormal(shape: tuple[int, int]) -> None:
    samples = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    _, basis = principal_components(samples, 5)
    torch.testing.assert_close(basis.T @ basis, torch.eye(basis.shape[1]), atol=1e-4, rtol=0)
