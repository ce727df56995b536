"""Super SloMo: the public checkpoint's layout, its arithmetic, and files that are something else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from models.errors import FitError
from models.interpolation.super_slomo import SuperSloMo
from models.interpolation.warping import flows_from, held_times, padded_to, warped
from models.interpolation.weights import FLOW_PART, INTERPOLATION_PART, load_superslomo

# As the public re-implementation's state_dict lists them (avinashpaliwal/Super-SloMo, model.py): a sample of each kind.
PUBLIC_SHAPES = {
    "conv1.weight": (32, 6, 7, 7),
    "conv2.bias": (32,),
    "down1.conv1.weight": (64, 32, 5, 5),
    "down2.conv2.weight": (128, 128, 3, 3),
    "down5.conv1.weight": (512, 512, 3, 3),
    "up1.conv1.weight": (512, 512, 3, 3),
    "up1.conv2.weight": (512, 1024, 3, 3),
    "up2.conv1.weight": (256, 512, 3, 3),
    "up5.conv2.weight": (32, 64, 3, 3),
    "conv3.weight": (4, 32, 3, 3),
}
HEIGHT, WIDTH = 40, 56  # no multiples of 32


def pictures(moved_px: int = 0) -> Tensor:
    """A smooth pattern, (1, 3, H, W), that has moved to the right."""
    down, across = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    waves = [torch.sin((across - moved_px) / (5 + channel)) * torch.cos(down / 7) for channel in range(3)]
    return (0.5 + 0.4 * torch.stack(waves))[None].float()


def published(network: SuperSloMo) -> dict[str, object]:
    """As the public training script saves it."""
    return {
        "Detail": "End to end Super SloMo.", "epoch": 199, "learningRate": 0.0001, "loss": [[1.0]],
        FLOW_PART: network.flow.state_dict(), INTERPOLATION_PART: network.interpolation.state_dict(),
    }  # fmt: skip


@pytest.fixture(scope="module")
def small() -> SuperSloMo:
    torch.manual_seed(0)
    return SuperSloMo(width=4).eval()


@pytest.fixture
def checkpoint(small: SuperSloMo, tmp_path: Path) -> Path:
    torch.save(published(small), tmp_path / "SuperSloMo.ckpt")
    return tmp_path / "SuperSloMo.ckpt"


def test_the_layout_is_the_public_checkpoints() -> None:
    with torch.device("meta"):
        network = SuperSloMo()
    flow, interpolation = network.flow.state_dict(), network.interpolation.state_dict()
    assert {name: tuple(flow[name].shape) for name in PUBLIC_SHAPES} == PUBLIC_SHAPES
    assert len(flow) == len(interpolation) == 2 * (2 + 2 * 5 + 2 * 5 + 1)
    assert interpolation["conv1.weight"].shape == (32, 20, 7, 7)
    assert interpolation["conv3.weight"].shape == (5, 32, 3, 3)
    parameters = sum(tensor.numel() for half in (flow, interpolation) for tensor in half.values())
    assert parameters == pytest.approx(39.6e6, rel=1e-3), "as tables of interpolators have it"


@torch.inference_mode()
def test_without_flow_and_with_even_visibility_it_is_the_weighted_mean(small: SuperSloMo) -> None:
    network = SuperSloMo(width=4).eval()
    for half in (network.flow, network.interpolation):
        torch.nn.init.zeros_(half.conv3.weight)
        torch.nn.init.zeros_(half.conv3.bias)
    first, last = pictures(), pictures(3)
    between = network(first, last, torch.tensor([0.25, 0.5, 0.8]))
    assert between.shape == (3, 3, HEIGHT, WIDTH)
    for picture, time in zip(between, (0.25, 0.5, 0.8), strict=True):
        torch.testing.assert_close(picture, ((1 - time) * first + time * last)[0], atol=1e-4, rtol=0)


@torch.inference_mode()
def test_with_the_true_flow_it_is_the_picture_half_way(small: SuperSloMo) -> None:
    """What its first half would have to find: everything has moved 4 px to the right."""
    network = SuperSloMo(width=4).eval()
    for half in (network.flow, network.interpolation):
        torch.nn.init.zeros_(half.conv3.weight)
        torch.nn.init.zeros_(half.conv3.bias)
    network.flow.conv3.bias.copy_(torch.tensor([4.0, 0.0, -40.0, 0.0]))  # the last layer leaks: -40 becomes -4
    middle = network(pictures(), pictures(4), torch.tensor([0.5]))
    inside = (..., slice(6, -6))
    torch.testing.assert_close(middle[inside], pictures(2)[inside], atol=0.01, rtol=0)


def test_warping_looks_along_the_flow_and_beyond_the_edge_sees_the_edge() -> None:
    picture = pictures()
    flow = torch.zeros(2, 2, HEIGHT, WIDTH)
    flow[1, 0], flow[1, 1] = 3.0, -2.0
    same, moved = warped(picture, flow)
    torch.testing.assert_close(same, picture[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(moved[:, 2:, :-3], picture[0, :, :-2, 3:], atol=1e-4, rtol=0)
    torch.testing.assert_close(moved[:, 2:, -1], picture[0, :, :-2, -1], atol=1e-4, rtol=0)


def test_intermediate_flows_are_equation_four() -> None:
    forward, backward = torch.full((1, 2, 1, 1), 8.0), torch.full((1, 2, 1, 1), -8.0)
    to_first, to_last = flows_from(held_times(torch.tensor([0.25])), forward, backward)
    assert to_first.flatten().tolist() == pytest.approx([-2.0, -2.0])
    assert to_last.flatten().tolist() == pytest.approx([6.0, 6.0])


def test_padding_repeats_the_edge() -> None:
    padded = padded_to(pictures(), 32)
    assert padded.shape == (1, 3, 64, 64)
    torch.testing.assert_close(padded[..., :HEIGHT, :WIDTH], pictures())
    torch.testing.assert_close(padded[0, :, HEIGHT:, 5], pictures()[0, :, -1:, 5].expand(3, 64 - HEIGHT))


@torch.inference_mode()
def test_a_published_file_is_read_as_wide_as_it_is(small: SuperSloMo, checkpoint: Path) -> None:
    read = load_superslomo(checkpoint)
    times = torch.tensor([0.3, 0.7])
    torch.testing.assert_close(read(pictures(), pictures(2), times), small(pictures(), pictures(2), times))
    assert not read.training
    assert "SuperSloMo.ckpt" in read.provenance


def test_a_safetensors_file_with_the_same_names_is_read_too(small: SuperSloMo, tmp_path: Path) -> None:
    halves = {FLOW_PART: small.flow, INTERPOLATION_PART: small.interpolation}
    tensors = {f"{part}.{name}": tensor for part, half in halves.items() for name, tensor in half.state_dict().items()}
    save_file(tensors, tmp_path / "slomo.safetensors")
    read = load_superslomo(tmp_path / "slomo.safetensors")
    torch.testing.assert_close(read.state_dict(), small.state_dict())


def without(weights: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key: tensor for key, tensor in weights.items() if key != name}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda saved: saved | {FLOW_PART: without(saved[FLOW_PART], "up3.conv2.bias")}, "up3.conv2.bias is missing"),
        (lambda saved: saved | {FLOW_PART: without(saved[FLOW_PART], "conv1.weight")}, "has no conv1.weight"),
        (
            lambda saved: saved | {FLOW_PART: saved[FLOW_PART] | {"conv9.bias": torch.zeros(3)}},
            "conv9.bias is not known",
        ),
        (lambda saved: saved | {INTERPOLATION_PART: saved[FLOW_PART]}, r"has shape .* expected \(4, 20, 7, 7\)"),
        (lambda saved: {FLOW_PART: saved[FLOW_PART]}, f"no {INTERPOLATION_PART} in it"),
        (lambda saved: saved[FLOW_PART], f"no {FLOW_PART} in it"),
        (lambda saved: saved | {FLOW_PART: {"conv1.weight": 3}}, "something else than weights"),
        (lambda saved: [1, 2], "something else than weights"),
    ],
)
def test_other_files_say_what_is_wrong_and_what_to_give(
    small: SuperSloMo, tmp_path: Path, change: object, message: str
) -> None:
    assert callable(change)
    torch.save(change(published(small)), tmp_path / "other.ckpt")
    with pytest.raises(FitError, match=f"{message}.*give SuperSloMo.ckpt"):
        load_superslomo(tmp_path / "other.ckpt")


def test_no_file_and_a_cut_one(checkpoint: Path) -> None:
    with pytest.raises(FitError, match="no such file of weights; check --interpolator-weights"):
        load_superslomo(checkpoint.with_name("none.ckpt"))
    checkpoint.write_bytes(checkpoint.read_bytes()[:5000])
    with pytest.raises(FitError, match=r"cannot be read as weights alone .*give SuperSloMo.ckpt"):
        load_superslomo(checkpoint)
