"""Pre-training: what it draws, its loss, and that a run can be cut off and resumed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from models.errors import FitError
from models.pretraining.draws import TRAINED, WINDOWS, Draw, continuation_distance, draw, draw_dials, sampled_offsets
from models.pretraining.judge import JudgedScene, features_of
from models.pretraining.loss import soft_contrastive
from models.pretraining.settings import PretrainSettings
from models.pretraining.train import Pretraining, pretrain
from models.scene_slowfast import SAMPLED_FRAMES, SIDE_PX, SceneSlowFast
from models.scenes.dials import DIALS
from models.scenes.families import UNSEEN
from models.segments import Segments


def test_nothing_is_trained_on_the_families_that_are_kept_back() -> None:
    assert len(UNSEEN) >= 2
    assert not set(TRAINED) & set(UNSEEN)


def test_a_draw_follows_from_seed_and_step() -> None:
    one, same, other = draw(3, 5), draw(3, 5), draw(3, 6)
    assert one.frames.shape == (WINDOWS, SAMPLED_FRAMES, SIDE_PX, SIDE_PX, 3)
    np.testing.assert_array_equal(one.frames, same.frames)
    np.testing.assert_array_equal(one.distance, same.distance)
    assert other.frames.shape != one.frames.shape or (other.frames != one.frames).any()


def test_a_draw_has_neighbours_to_tell_apart_and_no_overlapping_pairs() -> None:
    distance = draw(0, 1).distance
    assert np.isinf(np.diagonal(distance)).all()
    np.testing.assert_allclose(distance, distance.T, atol=1e-4)
    finite = np.where(np.isfinite(distance), distance, np.nan)
    assert np.nanmedian(np.nanmin(finite, axis=1)) < 0.5 * np.nanmean(finite)


def test_the_sampled_frames_span_the_view() -> None:
    assert sampled_offsets(9).tolist() == [0, 1, 2, 3, 5, 6, 7, 8]
    assert sampled_offsets(5)[0] == 0
    assert sampled_offsets(5)[-1] == 4


def test_the_distance_is_that_of_what_follows_and_not_of_what_is_seen() -> None:
    segments = Segments(frame_count=60, window_frames=15, stride_frames=6)
    state = np.zeros((60, 1), np.float32)
    state[30:39] = 5.0  # only the view of the second start differs: its overlap is 9 frames long
    distance = continuation_distance(state, np.array([0, 30]), segments)
    assert distance[0, 1] == pytest.approx(0.0)
    state[:] = 0.0
    state[39:45] = 5.0  # and now only what it appends
    assert continuation_distance(state, np.array([0, 30]), segments)[0, 1] == pytest.approx(5.0)


class TestSoftContrastive:
    @staticmethod
    def circle(count: int = 24) -> tuple[torch.Tensor, torch.Tensor]:
        angle = torch.linspace(0, 2 * torch.pi, count + 1)[:-1]
        features = torch.stack([angle.cos(), angle.sin()], dim=1)
        distance = torch.cdist(features, features)
        distance = distance / distance.mean()
        return features, distance.masked_fill(torch.eye(count, dtype=torch.bool), torch.inf)

    def test_true_neighbours_cost_less_than_false_ones(self) -> None:
        features, distance = self.circle()
        scale = torch.tensor(3.0)
        right = soft_contrastive(features, distance, scale)
        wrong = soft_contrastive(
            features[torch.randperm(24, generator=torch.Generator().manual_seed(0))], distance, scale
        )
        assert float(right) < 0.5 * float(wrong)

    def test_it_does_not_heed_shift_nor_scale(self) -> None:
        features, distance = self.circle()
        scale = torch.tensor(2.0)
        torch.testing.assert_close(
            soft_contrastive(7 * features + 3, distance, scale), soft_contrastive(features, distance, scale)
        )

    def test_pairs_that_are_not_looked_at_change_nothing(self) -> None:
        features, distance = self.circle()
        features.requires_grad_()
        hidden = distance.clone()
        hidden[:, 3] = hidden[3, :] = torch.inf
        hidden[3, 4] = 1.0  # a row needs one
        loss = soft_contrastive(features, hidden, torch.tensor(2.0))
        loss.backward()
        assert torch.isfinite(loss)
        assert features.grad is not None
        assert torch.isfinite(features.grad).all()


def judged(frames: np.ndarray, distance: np.ndarray) -> JudgedScene:
    count = len(distance)
    apart = np.abs(np.arange(count)[:, None] - np.arange(count)) > 1
    return JudgedScene("drawn", False, frames, np.zeros((3, 64, 64), np.float32), distance, apart)


def test_the_judge_tells_features_that_know_the_state_from_those_that_do_not() -> None:
    angle = np.linspace(0, 12 * np.pi, 150, endpoint=False)
    state = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    distance = np.linalg.norm(state[:, None] - state[None], axis=2).astype(np.float32)
    scene = judged(np.zeros((150, 8, 64, 64, 3), np.uint8), distance)
    blind = np.random.default_rng(0).normal(size=(150, 16)).astype(np.float32)
    assert scene.oracle <= scene.error(state) + 1e-6
    assert scene.error(state) < 0.2
    assert scene.error(blind) == pytest.approx(1.0, abs=0.15)
    assert scene.error(state[:, :1]) > 2 * scene.error(state)  # position alone does not know the direction


@pytest.fixture
def light_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.pretraining.train.judge", lambda network: {"none": 0.0})


SETTINGS = PretrainSettings(seed=1, steps=3, scenes=1, warmup_steps=1, cooldown_steps=1)


@pytest.mark.usefixtures("light_judge")
def test_a_run_that_was_cut_off_ends_as_one_that_was_not(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.safetensors", tmp_path / "cut.safetensors"
    pretrain(whole, SETTINGS, workers=0, every=1)

    class CutOffError(Exception):
        pass

    def cut_off(figures: dict[str, object]) -> None:
        if figures["step"] == 2:
            raise CutOffError

    with pytest.raises(CutOffError):
        pretrain(cut, SETTINGS, workers=0, every=1, told=cut_off)
    assert cut.with_suffix(".checkpoint").exists()
    pretrain(cut, SETTINGS, workers=0, every=1)
    assert whole.read_bytes() == cut.read_bytes()
    steps = [json.loads(line)["step"] for line in cut.with_suffix(".jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3]
    assert whole.stat().st_size < 8e6


@pytest.mark.usefixtures("light_judge")
@pytest.mark.parametrize("content", [b"", b"no checkpoint at all"])
def test_a_foreign_checkpoint_is_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    out = tmp_path / "out.safetensors"
    out.with_suffix(".checkpoint").write_bytes(content)
    with pytest.raises(FitError, match=r"out\.checkpoint.*remove it"):
        pretrain(out, SETTINGS, workers=0)


@pytest.mark.usefixtures("light_judge")
def test_a_checkpoint_of_another_seed_is_not_gone_on_with(tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    pretrain(out, PretrainSettings(seed=1, steps=1, scenes=1, cooldown_steps=1), workers=0)
    with pytest.raises(FitError, match="other seed"):
        pretrain(out, PretrainSettings(seed=2, steps=2, scenes=1, cooldown_steps=1), workers=0)


@pytest.mark.usefixtures("light_judge")
def test_a_run_goes_on_from_weights_behind_the_first_steps(tmp_path: Path) -> None:
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    pretrain(first, SETTINGS, workers=0)
    still = replace(SETTINGS, steps=801, first_step=800, learning_rate=1e-9)
    pretrain(second, still, start=first, workers=0, every=1)
    one, other = load_file(first), load_file(second)
    assert all(np.allclose(one[name], other[name], atol=1e-3) for name in one)
    assert json.loads(second.with_suffix(".jsonl").read_text())["step"] == 801
    with pytest.raises(FitError, match="other first_step"):
        pretrain(second, replace(still, first_step=0), workers=0)


def test_the_rate_warms_up_wherever_a_run_begins() -> None:
    settings = PretrainSettings(steps=1000, learning_rate=1.0, warmup_steps=100, cooldown_steps=0, first_step=500)
    assert settings.rate(500) == pytest.approx(0.01)
    assert settings.rate(600) == 1.0


def test_clean_films_and_single_dials_are_seen_too() -> None:
    """Each dial off by itself now and then leaves one in four thousand draws clean."""
    random = np.random.default_rng(0)
    up = np.array(
        [sum(getattr(dials, name) > 0 for name in DIALS) for dials in (draw_dials(random) for _ in range(600))]
    )
    assert 0.12 < (up == 0).mean() < 0.28
    assert 0.27 < (up == 1).mean() < 0.45
    assert (up > 3).mean() > 0.3


def test_the_rate_goes_up_stays_and_falls() -> None:
    settings = PretrainSettings(steps=1000, learning_rate=1.0, warmup_steps=100, cooldown_steps=200)
    rates = [settings.rate(step) for step in range(1000)]
    assert rates[0] == pytest.approx(0.01)
    assert rates[100:800] == [1.0] * 700
    assert rates[-1] == pytest.approx(1 / 200)


class TestDevices:
    """On PyTorch's `meta` device, which computes shapes only, what mixes devices fails as it does on a GPU."""

    @staticmethod
    def scene() -> JudgedScene:
        shape = (4, SAMPLED_FRAMES, SIDE_PX, SIDE_PX, 3)
        frames = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
        even = np.ones((4, 4), np.float32)
        return JudgedScene("drawn", False, frames, np.zeros((3, SIDE_PX, SIDE_PX), np.float32), even, even > 0)

    def test_a_network_is_judged_where_it_is(self) -> None:
        assert features_of(SceneSlowFast(), self.scene()).shape[0] == 4
        with pytest.raises(NotImplementedError, match="meta tensor"):  # the last step only, back to the CPU
            features_of(SceneSlowFast().to("meta"), self.scene())

    def test_a_network_learns_where_it_is(self) -> None:
        run, scene = Pretraining(PretrainSettings(steps=1), torch.device("meta")), self.scene()
        loss = run._loss(Draw("drawn", scene.frames, scene.mean, scene.distance))
        assert loss.device.type == "meta"
