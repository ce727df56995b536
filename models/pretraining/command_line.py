"""The command `pretrain`. Torch is imported inside, so that `--help` answers at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from models.launch import Launch
from models.terminal import UnmetError, finite, say


def pretrain(
    out: Annotated[Path, typer.Argument(help="The weights to make, .safetensors; its log and checkpoint lie beside.")],
    begin_with: Annotated[  # torchrun would take a `--start` for one of its own
        Path | None, typer.Option(exists=True, dir_okay=False, help="Weights to begin with; the dials are up then.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the first weights and of every scene.")] = 0,
    steps: Annotated[int, typer.Option(min=1, help="In all; more may be said when it goes on.")] = 3000,
    cooldown: Annotated[
        int, typer.Option(min=0, help="Steps at the end over which the rate falls to 0; once begun, there is no more.")
    ] = 600,
    learning_rate: Annotated[float, typer.Option(min=1e-6, max=1, callback=finite, help="The highest.")] = 2e-3,
    scenes: Annotated[int, typer.Option(min=1, help="Each step, shared among `torchrun`'s processes.")] = 2,
    workers: Annotated[int, typer.Option(min=0, help="Processes that draw, for each that learns.")] = 1,
    every: Annotated[int, typer.Option(min=1, help="Steps from one judgement and checkpoint to the next.")] = 200,
) -> None:
    """Make the start weights of `fit` anew from drawn scenes; goes on where it was cut off.

    `torchrun --nproc-per-node 2 -m videotexture pretrain OUT` takes two cores.
    """
    if out.suffix != ".safetensors":
        raise UnmetError(f"{out}: weights are written as .safetensors; name them so")
    try:
        from models.pretraining.draws import DIALS_UP
        from models.pretraining.settings import PretrainSettings
        from models.pretraining.train import pretrain as run
    except ModuleNotFoundError as error:
        mend = "`pip install 'videotexture[fit]'`"
        raise UnmetError(f"`pretrain` needs {error.name}, which is not installed: {mend}") from error
    first_step = DIALS_UP // scenes if begin_with else 0
    settings = PretrainSettings(
        seed=seed,
        steps=first_step + steps,
        scenes=scenes,
        learning_rate=learning_rate,
        cooldown_steps=cooldown,
        first_step=first_step,
    )
    leads = Launch.from_environment().rank == 0
    out.parent.mkdir(parents=True, exist_ok=True)
    run(out, settings, start=begin_with, workers=workers, every=every, told=lambda figures: say(json.dumps(figures)))
    if leads:
        say(f"{out}: written after {steps} steps")
