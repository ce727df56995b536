"""The small interpolator: it starts as plain flow, learns, and can be cut off and resumed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.errors import FitError
from models.interpolation.film_triplets import Film
from models.interpolation.small import SmallInterpolator
from models.interpolation.training import Training, TrainingSettings, _Draws, batch, judge, train
from models.interpolation.triplets import SIDE_PX, TRAINED, Triplet, triplets
from models.interpolation.weights import SMALL_WEIGHTS, load_small
from models.scenes.families import UNSEEN
from stream.interpolation.flow import Blend, damped
from tests.clips import write_clip

SETTINGS = TrainingSettings(seed=1, steps=2, scenes=1, cooldown_steps=1)


@pytest.fixture(scope="module")
def drawn() -> list[Triplet]:
    return [*triplets(5, 0), *triplets(5, 1)]


@torch.inference_mode()
def test_before_any_training_it_says_what_plain_flow_says(drawn: list[Triplet]) -> None:
    network = SmallInterpolator()
    for each in drawn:
        entries = batch([each])
        entries.pop("between")
        to_first, to_last, share = (said[0].numpy() for said in network(**entries))
        forward, backward = damped(each.forward, each.backward), damped(each.backward, each.forward)
        plain = Blend.at(each.time, forward, backward)
        # OpenCV looks up to a 32nd of a pixel, PyTorch exactly.
        np.testing.assert_allclose(to_first.transpose(1, 2, 0), plain.to_first, atol=0.03)
        np.testing.assert_allclose(to_last.transpose(1, 2, 0), plain.to_last, atol=0.03)
        np.testing.assert_allclose(share[0], plain.seen_first / (plain.seen_first + plain.seen_last), atol=0.02)


@torch.inference_mode()
def test_a_batch_of_pairs_and_one_pair_at_several_times_agree(drawn: list[Triplet]) -> None:
    torch.manual_seed(0)
    network = SmallInterpolator()
    torch.nn.init.normal_(network.say.weight, 0, 0.02)
    one = batch([drawn[0]])
    times = torch.tensor([0.25, 0.75])
    both = network.blended(one["first"], one["last"], times, one["forward"], one["backward"])
    pairs = [one[name].expand(2, -1, -1, -1) for name in ("first", "last", "forward", "backward")]
    np.testing.assert_allclose(both, network.blended(pairs[0], pairs[1], times, pairs[2], pairs[3]), atol=1e-5)
    assert float((both[0] - both[1]).abs().max()) > 0.05


def test_triplets_follow_from_seed_and_step_and_look_like_jumps_too(drawn: list[Triplet]) -> None:
    again = triplets(5, 0)
    assert all((a.first == b.first).all() and a.time == b.time for a, b in zip(again, drawn, strict=False))
    other = triplets(5, 2)
    assert any(not np.array_equal(a.first, b.first) for a, b in zip(again, other, strict=True))
    assert {each.is_jump for step in range(4) for each in triplets(5, step)} == {True, False}
    for each in drawn:
        assert each.first.shape == each.between.shape == (SIDE_PX, SIDE_PX, 3)
        assert each.forward.shape == (SIDE_PX, SIDE_PX, 2)
        assert 0 < each.time < 1
    assert not set(UNSEEN) & set(TRAINED)


def test_the_truth_lies_between(drawn: list[Triplet]) -> None:
    """A blend along the flow is nearer to it than the farther end is, and than the nearer one in the mean."""
    network, apart = SmallInterpolator(), []
    for each in drawn:
        entries = batch([each])
        truth = entries.pop("between")
        with torch.inference_mode():
            made = network.blended(**entries)
        apart.append([float((picture - truth).abs().mean()) for picture in (made, entries["first"], entries["last"])])
    blend, first, last = np.array(apart).T
    assert (blend <= np.maximum(first, last)).all()
    assert blend.mean() < np.minimum(first, last).mean()


def test_it_learns(drawn: list[Triplet]) -> None:
    run = Training(TrainingSettings(steps=60, cooldown_steps=0))
    losses = [run.one_step(drawn[:2]) for _ in range(30)]
    assert losses[-1] < 0.97 * losses[0]
    figures = judge(run.network, drawn[:2])
    kind = "jumps" if drawn[0].is_jump else "going on"
    assert set(figures) >= {kind, f"flow, {kind}"}


@pytest.fixture
def light_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.interpolation.training.JUDGED_SCENES", 1)


@pytest.mark.usefixtures("light_judge")
def test_a_run_that_was_cut_off_ends_as_one_that_was_not(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.safetensors", tmp_path / "cut.safetensors"
    train(whole, SETTINGS, workers=0, every=1)

    class CutOffError(Exception):
        pass

    def cut_off(figures: dict[str, object]) -> None:
        raise CutOffError

    with pytest.raises(CutOffError):
        train(cut, SETTINGS, workers=0, every=1, told=cut_off)
    train(cut, SETTINGS, workers=0, every=1)
    assert whole.read_bytes() == cut.read_bytes()
    assert [json.loads(line)["step"] for line in cut.with_suffix(".jsonl").read_text().splitlines()] == [1, 2]
    assert whole.stat().st_size < 2e6
    assert load_small(whole).provenance
    with pytest.raises(FitError, match="another seed"):
        train(cut, replace(SETTINGS, seed=2), workers=0)
    cut.with_suffix(".checkpoint").write_bytes(b"nothing")
    with pytest.raises(FitError, match="remove it"):
        train(cut, SETTINGS, workers=0)


@pytest.mark.usefixtures("light_judge")
def test_a_clip_given_is_learnt_from_and_never_across_a_cut(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", width=256, height=144, frames=60)
    film = Film.read(clip)
    assert film.pictures.shape == (60, 144, 256, 3)
    given = film.triplets(np.random.default_rng(0), 5)
    assert [each.is_jump for each in given] == [False] * 5
    assert all(each.between.shape == (SIDE_PX, SIDE_PX, 3) for each in given)
    all_cuts = replace(film, is_cut=np.ones(60, np.bool_))
    assert all_cuts.triplets(np.random.default_rng(0), 1) == []
    draws = _Draws(0, [film])
    drawn = [np.array_equal(draws[index][0].first, triplets(0, index)[0].first) for index in range(8)]
    assert set(drawn) == {True, False}, "some are drawn, some filmed"
    out = tmp_path / "learnt.safetensors"
    train(out, replace(SETTINGS, steps=1), clips=[clip], workers=1)
    assert load_small(out)
    (tmp_path / "none.mp4").write_bytes(b"no video")
    with pytest.raises(FitError, match="check --clip"):
        Film.read(tmp_path / "none.mp4")


def test_weights_that_are_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(FitError, match="pretrain-interpolator"):
        load_small(tmp_path / "missing.safetensors")
    with pytest.raises(FitError, match="no weights of the small interpolator"):
        load_small(SMALL_WEIGHTS.with_name("scenes.safetensors"))


@torch.inference_mode()
def test_the_shipped_weights_are_better_than_flow_on_families_they_never_saw() -> None:
    given = [each for step in range(6) for each in triplets(2**31 + 99, step, UNSEEN)]
    figures = judge(load_small(), given)
    assert figures["jumps"] > figures["flow, jumps"] + 1
    assert figures["going on"] > figures["flow, going on"] - 0.5, "a mean of few: 1.5 dB more over many"
