"""The command `export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from export.options import EngineName, PrecisionName
from models.tables import print_table
from models.terminal import progress_bars, say


def export(
    texture: Annotated[Path, typer.Argument(help="The texture folder.")],
    engine: Annotated[EngineName, typer.Option(help="For what; auto makes no sense here.")] = EngineName.TENSORRT_RTX,
    gpu: Annotated[
        str, typer.Option("--gpu", help="Generations of GPUs, like sm86,sm89,sm120; by default the GPU here.")
    ] = "",
    precision: Annotated[PrecisionName, typer.Option(help="float16 halves the engine.")] = PrecisionName.FLOAT32,
    batch: Annotated[int, typer.Option(min=1, max=256, help="How many at a time; engines take no other size.")] = 1,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="A folder to write engines into, instead of the cache.")
    ] = None,
) -> None:
    """Build engines of a texture's networks; for TensorRT-RTX, without a GPU. Their cache is found by `doctor`."""
    from export.cache import EngineCache
    from export.chain import Choice
    from export.commands import export_networks
    from export.targets import parse_targets
    from stream.networks import networks_of

    targets = parse_targets(gpu) if gpu else ()
    with progress_bars() as progress:
        choice = Choice(
            engine.value,
            "float16" if precision is PrecisionName.FLOAT16 else "float32",
            batch,
            cache=EngineCache(tell=say),
            tell=say,
            progress=progress,
        )
        exported = export_networks(networks_of(texture), choice, targets, out)
    table = Table("network", "engine", "GPUs", "precision", "MB", "s to build")
    for made in exported:
        seconds = f"{made.seconds:.1f}" if made.seconds else "was there"
        table.add_row(made.network, made.engine, made.gpus, made.precision, f"{made.megabytes:.1f}", seconds)
    print_table(table)
    say(f"in {', '.join(sorted({str(made.path.parent) for made in exported}))}")
