"""The command `pretrain-interpolator`. Torch is imported inside, so that `--help` answers at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from models.terminal import UnmetError, finite, say


def pretrain_interpolator(
    out: Annotated[Path, typer.Argument(help="The weights to make, .safetensors; its log and checkpoint lie beside.")],
    seed: Annotated[int, typer.Option(min=0, help="Of the first weights and of every scene.")] = 0,
    steps: Annotated[int, typer.Option(min=1, help="In all; more may be said when it goes on.")] = 3000,
    cooldown: Annotated[
        int, typer.Option(min=0, help="Steps at the end over which the rate falls to 0; once begun, there is no more.")
    ] = 500,
    learning_rate: Annotated[float, typer.Option(min=1e-6, max=1, callback=finite, help="The highest.")] = 1e-3,
    clip: Annotated[
        list[Path] | None,
        typer.Option(exists=True, dir_okay=False, help="Real video to learn from too; may be given several times."),
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes that draw.")] = 1,
    every: Annotated[int, typer.Option(min=1, help="Steps from one judgement and checkpoint to the next.")] = 100,
) -> None:
    """Make the small interpolator's weights anew from drawn scenes; goes on where it was cut off."""
    if out.suffix != ".safetensors":
        raise UnmetError(f"{out}: weights are written as .safetensors; name them so")
    try:
        from models.interpolation.training import TrainingSettings, train
    except ModuleNotFoundError as error:
        mend = "`pip install 'videotexture[fit]'`"
        raise UnmetError(f"`pretrain-interpolator` needs {error.name}, which is not installed: {mend}") from error
    settings = TrainingSettings(seed=seed, steps=steps, learning_rate=learning_rate, cooldown_steps=cooldown)
    out.parent.mkdir(parents=True, exist_ok=True)
    train(out, settings, clips=clip or (), workers=workers, every=every, told=lambda figures: say(json.dumps(figures)))
    say(f"{out}: written after {steps} steps")
