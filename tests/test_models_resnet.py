from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models import resnet18

from models.errors import FitError
from models.resnet import PUBLISHED, find_weights, resnet_features


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "resnet.pth"
    torch.save(resnet18(weights=None).state_dict(), path)
    return path


def test_features_have_norm_one_and_tell_frames_apart(weights: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (3, 48, 64, 3), dtype=np.uint8)
    frames[2] = frames[0]
    features = resnet_features(frames, weights)
    assert features.shape == (3, 512)
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, rtol=1e-4)
    np.testing.assert_allclose(features[0], features[2], atol=1e-5)
    assert np.abs(features[0] - features[1]).max() > 1e-4


def test_what_was_fetched_before_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert find_weights() is None
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "hub" / "checkpoints" / PUBLISHED).touch()
    assert find_weights() == tmp_path / "hub" / "checkpoints" / PUBLISHED


def test_foreign_and_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FitError, match="no such file"):
        find_weights(tmp_path / "none.pth")
    (tmp_path / "foreign.pth").write_bytes(b"nothing")
    with pytest.raises(FitError, match="no weights of torchvision's ResNet-18"):
        resnet_features(np.zeros((1, 48, 64, 3), np.uint8), tmp_path / "foreign.pth")
