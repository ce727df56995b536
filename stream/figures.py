"""The paper's figures, of one texture: its matrix beside the classic one, jumps against temperature and against σ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import LogLocator, NullLocator

from models.progress import Progress, silent
from models.whole import whole_file
from stream.classic_texture import ClassicTexture
from stream.graph import Weighting
from stream.liveliness import Liveliness
from stream.texture import Texture
from stream.transitions import Transitions
from stream.ways import Ways

MATRIX_SIDE = 360  # cells; of a longer clip each shows the likeliest step of a block
LEAST_SHOWN = 1e-4  # probability
POINTS = 25  # of a curve
SIGMAS = (3e-3, 3.0)  # in mean costs
TEMPERATURES = (1e-3, 3.0)
MOST_SEGMENTS = 3000  # of a longer clip curves have fewer points, since each takes a second or more
FEWER_POINTS = 17
SUFFIXES = (".png", ".svg")
BLUE, ORANGE, GREY = "#1f5fa8", "#d9641e", "#666666"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Jumps per minute as something is varied.

    Attributes:
        name: what to write beside it.
        colour: of both.
        x, jumps_per_minute: its points.
    """

    name: str
    colour: str
    x: Floats
    jumps_per_minute: Floats


def write_figures(texture: Texture, folder: Path, *, progress: Progress = silent) -> list[Path]:
    """Write each figure as PNG and as SVG.

    Returns:
        The files.

    Raises:
        TextureError: the texture's pictures cannot be decoded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    usual = texture.usual_liveliness()
    plain = ClassicTexture.of(texture, progress=progress)
    classic = replace(plain, classic=plain.classic.with_future())
    sigma = classic.classic.sigma_at_rate(classic.tempo, usual.jumps_per_minute)
    figures = {
        "matrices": matrices(texture, usual, classic, sigma),
        "temperature": against_temperature(texture, usual, progress),
        "sigma": against_sigma(texture, plain, classic, sigma, progress),
    }
    written = []
    for name, figure in figures.items():
        for suffix in SUFFIXES:
            written.append(folder / f"{texture.name}-{name}{suffix}")
            with whole_file(written[-1]) as partial:
                figure.savefig(partial)
    return written


def matrices(texture: Texture, usual: Liveliness, classic: ClassicTexture, sigma: float) -> Figure:
    """Both transition matrices, at the same rate of jumps or as near to it as the classic one comes.

    Only rows of segments that the walk comes to are shown.
    """
    figure = Figure(figsize=(11, 5.6), dpi=120, layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    transitions = classic.classic.transitions(sigma)
    rate = classic.tempo.jumps_per_minute(transitions.jump_share)
    notes = []
    if abs(rate - usual.jumps_per_minute) > 0.1 * usual.jumps_per_minute:
        notes.append(f"as near as σ was found to bring it to {usual.jumps_per_minute:.1f}")
    if classic.segments_per_step > 1:
        notes.append(f"one in {classic.segments_per_step} segments compared")
    _matrix(left, transitions, classic.tempo.stride_s)
    _title(left, f"classic (pixels), σ {sigma:.2g} of the mean: {rate:.1f} jumps/min", notes)
    shown = _matrix(right, usual.transitions, texture.tempo.stride_s)
    _title(right, f"contrastive, least cost: {usual.jumps_per_minute:.1f} jumps/min", [])
    length_s = texture.segments.count * texture.tempo.stride_s
    left.set(xlim=(0, length_s), ylim=(length_s, 0), ylabel="from (s of the clip)", xlabel="to (s of the clip)")
    right.set_xlabel("to (s of the clip)")
    bar = figure.colorbar(shown, ax=[left, right], shrink=0.7, aspect=30)
    bar.set_label(f"probability of the step (none below {LEAST_SHOWN:g} shown)")
    figure.suptitle(f"{texture.name}: what may follow what", fontsize=11)
    return figure


def against_temperature(texture: Texture, usual: Liveliness, progress: Progress = silent) -> Figure:
    """Jumps per minute against τ, walked as in the paper; the rate that this texture is solved for is a line."""
    paper, whole = Weighting(), texture.graph
    ways_to_weigh = [
        ("as the paper walks", ORANGE, paper),
        ("without threshold", GREY, replace(paper, threshold=1.0)),
    ]
    curves: list[Curve] = []
    for name, colour, weighting in ways_to_weigh:
        temperatures = _points(TEMPERATURES, texture.segments.count, weighting.temperature)
        rates = []
        for temperature in temperatures:
            varied = replace(weighting, temperature=float(temperature))
            rates.append(Liveliness.at_weighting(whole, texture.tempo, varied).jumps_per_minute)
            progress("vary temperature", (len(curves) + len(rates) / len(temperatures)) / len(ways_to_weigh))
        curves.append(Curve(name, colour, temperatures, np.array(rates)))
    at_paper = Liveliness.at_weighting(whole, texture.tempo, paper).jumps_per_minute
    figure, axes = _axes(f"{texture.name}: contrastive, jumps against temperature", "temperature τ")
    _draw(axes, curves)
    _mark(axes, paper.temperature, at_paper, f"the paper's τ {paper.temperature:g}, t {paper.threshold:g}", ORANGE)
    axes.axhline(usual.jumps_per_minute, color=BLUE, linestyle=":", zorder=0)
    axes.annotate(
        f"this texture walks at {usual.jumps_per_minute:.1f}", (TEMPERATURES[0], usual.jumps_per_minute), xytext=(2, 4),
        textcoords="offset points", color=BLUE, fontsize=9,
    )  # fmt: skip
    return figure


def against_sigma(
    texture: Texture, plain: ClassicTexture, classic: ClassicTexture, sigma: float, progress: Progress = silent
) -> Figure:
    """Jumps per minute against σ, with and without the future cost; the setting of the matrix shown is marked.

    Args:
        plain: without the future cost.
        classic: with it.
        sigma: that its matrix is shown at.
    """
    sigmas = _points(SIGMAS, len(plain.classic.cost), sigma)
    kinds = [("with future cost", BLUE, classic.classic), ("without future cost", GREY, plain.classic)]
    curves: list[Curve] = []
    for name, colour, kind in kinds:
        rates = []
        for value in sigmas:
            rates.append(plain.tempo.jumps_per_minute(kind.transitions(float(value)).jump_share))
            progress("vary σ", (len(curves) + len(rates) / len(sigmas)) / len(kinds))
        curves.append(Curve(name, colour, sigmas, np.array(rates)))
    title = f"{texture.name}: classic, jumps against σ"
    if plain.segments_per_step > 1:
        title += f" (one in {plain.segments_per_step} segments compared)"
    figure, axes = _axes(title, "σ, in mean differences of two pictures")
    _draw(axes, curves)
    shown = classic.tempo.jumps_per_minute(classic.classic.transitions(sigma).jump_share)
    _mark(axes, sigma, shown, f"the matrix's σ {sigma:.2g}", BLUE)
    return figure


def _points(span: tuple[float, float], segments: int, marked: float) -> Floats:
    """Where a curve is computed: also at what will be marked on it."""
    evenly = np.geomspace(*span, POINTS if segments <= MOST_SEGMENTS else FEWER_POINTS)
    return np.unique(np.append(evenly, marked))


def _matrix(axes: Axes, transitions: Transitions, step_s: float) -> AxesImage:
    visited = np.repeat(transitions.stationary > 0, np.diff(transitions.probabilities.indptr))
    steps = Ways(transitions.probabilities.indptr, transitions.probabilities.indices)
    cells = steps.kept(visited).coarse(transitions.probabilities.data[visited], MATRIX_SIDE)
    cells[cells < LEAST_SHOWN] = np.nan
    length_s = len(cells) * -(-transitions.count // MATRIX_SIDE) * step_s
    colours = ListedColormap(matplotlib.colormaps["YlGnBu"](np.linspace(0.15, 1, 256)))
    return axes.imshow(
        cells, norm=LogNorm(LEAST_SHOWN, 1), cmap=colours, extent=(0, length_s, length_s, 0),
        interpolation="nearest",
    )  # fmt: skip


def _title(axes: Axes, text: str, notes: list[str]) -> None:
    axes.set_title("\n".join([text, *notes]), fontsize=10, loc="left")


def _axes(title: str, x: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7.5, 4.6), dpi=120, layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel=x, ylabel="jumps per minute", xscale="log", yscale="log")
    axes.set_title(title, fontsize=11, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_locator(NullLocator())
    axes.grid(axis="y", color="0.92")
    return figure, axes


def _draw(axes: Axes, curves: Sequence[Curve]) -> None:
    """Curves with their names at the right, moved apart where they end close together."""
    for curve in curves:
        axes.plot(curve.x, curve.jumps_per_minute, color=curve.colour, linewidth=1.8)
    rates = np.concatenate([curve.jumps_per_minute for curve in curves])
    low, high = rates[rates > 0].min() / 2, rates.max() * 1.5
    axes.set_ylim(low, high)
    least_apart = (high / low) ** 0.06
    below = np.inf
    for curve in sorted(curves, key=lambda curve: -curve.jumps_per_minute[-1]):
        below = min(float(curve.jumps_per_minute[-1]), below / least_apart)
        axes.annotate(
            curve.name, (curve.x[-1], below), xytext=(6, 0), textcoords="offset points", color=curve.colour,
            va="center", fontsize=9, annotation_clip=False,
        )  # fmt: skip


def _mark(axes: Axes, x: float, jumps_per_minute: float, name: str, colour: str) -> None:
    axes.plot(x, jumps_per_minute, "o", color=colour, markersize=7, markeredgecolor="white", zorder=3)
    low, high = axes.get_xlim()
    is_right = x > (low * high**2) ** (1 / 3)  # in the last third there is room on the left only
    axes.annotate(
        f"{name}: {jumps_per_minute:.1f}", (x, jumps_per_minute), xytext=(-8, 13) if is_right else (8, -13),
        textcoords="offset points", color=colour, ha="right" if is_right else "left", va="center", fontsize=9,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 1},
    )  # fmt: skip
