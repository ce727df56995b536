"""Reading a file of weights, SlowFast's as PyTorchVideo saves them, without ever running what is in it."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from models.errors import FitError

STATE = "model_state"  # of a .pyth file: {"model_state": weights}
STAGES = "blocks."  # blocks 0 to 4 are the stem and the four stages
DROPPED = ("blocks.5.", "blocks.6.")  # pooling and classifier
COUNTER = ".num_batches_tracked"  # of batch normalisation in training: nobody reads it with frozen statistics
# What torch.load raises depends on where the file is cut, or what else it is.
_STUMBLES = (
    pickle.UnpicklingError,
    RuntimeError,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)
MEND = "give PyTorchVideo's SLOWFAST_8x8_R50.pyth, or a .safetensors file with the same names"


def read_checkpoint(
    path: Path, *, option: str = "--weights", mend: str = MEND, part: str | None = None
) -> dict[str, Tensor]:
    """All weights of a file, by the names that they have in it, on the CPU.

    Args:
        path: .safetensors, or what `torch.save` wrote: weights, or {"model_state": weights}.
        option: of the command line, by which the file was given; told in errors.
        mend: what to give instead; told in errors.
        part: of a file of several networks, the one that is wanted: {part: weights}, or names that begin with it.

    Raises:
        FitError: no such file, cut, not only weights, or without that part.
    """
    if not path.is_file():
        raise FitError(f"{path}: no such file of weights; check {option}")
    weights = _safetensors(path, mend) if path.suffix == ".safetensors" else _saved_by_torch(path, mend)
    if isinstance(weights, Mapping):
        weights = (
            weights.get(STATE, weights) if part is None else _part(weights, part, f"{path}: no {part} in it; {mend}")
        )
    if not isinstance(weights, Mapping) or not all(isinstance(tensor, Tensor) for tensor in weights.values()):
        raise FitError(f"{path}: holds something else than weights by name; {mend}")
    return dict(weights)


def _part(weights: Mapping[str, object], part: str, lacking: str) -> object:
    found = weights.get(part) or {
        name.removeprefix(f"{part}."): tensor for name, tensor in weights.items() if name.startswith(f"{part}.")
    }
    if not found:
        raise FitError(lacking)
    return found


def _safetensors(path: Path, mend: str) -> object:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise FitError(f"{path}: cannot be read ({error}), so it is cut or no such file; {mend}") from error


def _saved_by_torch(path: Path, mend: str) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of pickles that it then refuses: the error says more
            return torch.load(path, map_location="cpu", weights_only=True)
    except _STUMBLES as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise FitError(f"{path}: cannot be read as weights alone ({reason:.120}); {mend}") from error


def stages_of(weights: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]], path: Path) -> dict[str, Tensor]:
    """The part of a file that a trunk's stages are, every name and shape checked.

    Args:
        weights: as `read_checkpoint` gives them.
        shapes: what the stages need, `models.slowfast_trunk.stage_shapes`.
        path: told in errors.

    Returns:
        float32 tensors by their names in the stages; the file's classifier is left out.

    Raises:
        FitError: a name is missing or too many, or a shape is another.
    """
    kept = {
        name.removeprefix(STAGES): tensor
        for name, tensor in weights.items()
        if not name.startswith(DROPPED) and not name.endswith(COUNTER)
    }
    needed = {name: shape for name, shape in shapes.items() if not name.endswith(COUNTER)}
    wrong = [
        *(f"{STAGES}{name} is missing" for name in needed if name not in kept),
        *(f"{name} is not known" for name in kept if name not in needed),
        *(
            f"{STAGES}{name} has shape {tuple(kept[name].shape)}, expected {shape}"
            for name, shape in needed.items()
            if name in kept and tuple(kept[name].shape) != shape
        ),
        *(
            f"{STAGES}{name} is {tensor.dtype}, expected floats"
            for name, tensor in kept.items()
            if not tensor.is_floating_point()
        ),
    ]
    if wrong:
        more = f" (and {len(wrong) - 1} more differences)" if len(wrong) > 1 else ""
        raise FitError(f"{path}: does not fit this network: {wrong[0]}{more}; {MEND}")
    return {name: tensor.to(torch.float32) for name, tensor in kept.items()}
