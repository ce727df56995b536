"""Interpolation networks with their weights: ours, which comes with the package, and Super SloMo from a file.

Super SloMo's file has the layout of the public checkpoint; of both every name and shape is checked.
"""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from models.checkpoint import read_checkpoint
from models.errors import FitError
from models.interpolation.small import SmallInterpolator
from models.interpolation.super_slomo import SuperSloMo

OPTION = "--interpolator-weights"
FLOW_PART, INTERPOLATION_PART = "state_dictFC", "state_dictAT"  # of the published file
FIRST_LAYER = "conv1.weight"
MEND = "give SuperSloMo.ckpt of github.com/avinashpaliwal/Super-SloMo, or a .safetensors file with the same names"
SMALL_WEIGHTS = Path(__file__).parents[1] / "weights" / "interpolator.safetensors"
SMALL_PROVENANCE = "videotexture's own, trained on drawn scenes"


def load_small(path: Path = SMALL_WEIGHTS) -> SmallInterpolator:
    """The small interpolator with our weights, in evaluation mode.

    Args:
        path: of `pretrain-interpolator`; by default those that come with the package.

    Raises:
        FitError: the file is missing, damaged, or of another network.
    """
    network = SmallInterpolator(provenance=SMALL_PROVENANCE)
    try:
        network.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    except (OSError, SafetensorError, RuntimeError) as error:
        mend = "install videotexture again" if path == SMALL_WEIGHTS else "make it with `pretrain-interpolator`"
        raise FitError(f"{path}: no weights of the small interpolator ({error}): {mend}") from error
    return network.eval()


def load_superslomo(path: Path) -> SuperSloMo:
    """Super SloMo with the weights of a file, as wide as they are, in evaluation mode.

    Nobody serves the published file at an address that a program may fetch (it lies behind a page that asks first), so
    it is always given. 39.6 million parameters, 158 MB; MIT, trained on adobe240fps.

    Args:
        path: the published `SuperSloMo.ckpt`, or .safetensors with names such as `state_dictFC.conv1.weight`.

    Raises:
        FitError: no such file, cut, or not such weights.
    """
    halves = {
        part: read_checkpoint(path, option=OPTION, mend=MEND, part=part) for part in (FLOW_PART, INTERPOLATION_PART)
    }
    first = halves[FLOW_PART].get(FIRST_LAYER)
    if first is None or first.ndim != 4:
        raise FitError(f"{path}: {FLOW_PART} has no {FIRST_LAYER} of four dimensions; {MEND}")
    network = SuperSloMo(first.shape[0], provenance=f"{path.name}, as given with {OPTION}")
    for part, half in ((FLOW_PART, network.flow), (INTERPOLATION_PART, network.interpolation)):
        _fill(half, halves[part], f"{path}: {part}")
    return network.eval()


def _fill(half: nn.Module, weights: dict[str, Tensor], what: str) -> None:
    needed = {name: tuple(tensor.shape) for name, tensor in half.state_dict().items()}
    wrong = [
        *(f"{name} is missing" for name in needed if name not in weights),
        *(f"{name} is not known" for name in weights if name not in needed),
        *(
            f"{name} has shape {tuple(tensor.shape)}, expected {needed[name]}"
            for name, tensor in weights.items()
            if name in needed and tuple(tensor.shape) != needed[name]
        ),
        *(
            f"{name} is {tensor.dtype}, expected floats"
            for name, tensor in weights.items()
            if not tensor.is_floating_point()
        ),
    ]
    if wrong:
        more = f" (and {len(wrong) - 1} more differences)" if len(wrong) > 1 else ""
        raise FitError(f"{what} does not fit Super SloMo: {wrong[0]}{more}; {MEND}")
    half.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
