"""The paper's figures of a texture: what is drawn is what the walks do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stream import figures
from stream.classic_texture import ClassicTexture
from stream.figures import against_sigma, against_temperature, matrices, write_figures
from stream.graph import Weighting
from stream.liveliness import Liveliness
from stream.texture import Texture
from tests.stream_media import open_texture


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Texture]:
    with open_texture(tmp_path_factory.mktemp("figures") / "numbers.texture", seconds=12.0) as opened:
        yield opened


@pytest.fixture(scope="module")
def plain(texture: Texture) -> ClassicTexture:
    return ClassicTexture.of(texture)


@pytest.fixture(scope="module")
def classic(plain: ClassicTexture) -> ClassicTexture:
    return replace(plain, classic=plain.classic.with_future())


def words(figure: Figure) -> str:
    texts = [axes.get_title(loc) for axes in figure.axes for loc in ("left", "center")]
    return "\n".join(texts + [text.get_text() for axes in figure.axes for text in axes.texts])


def curves(axes: Axes) -> list[dict[float, float]]:
    return [dict(zip(*map(tuple, line.get_data()), strict=True)) for line in axes.lines if len(line.get_xdata()) > 2]


def marks(axes: Axes) -> list[tuple[float, float]]:
    return [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in axes.lines if len(line.get_xdata()) == 1
    ]


def test_every_figure_is_written_twice(texture: Texture, tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    written = write_figures(texture, tmp_path / "new" / "folder", progress=lambda *stage: told.append(stage))
    names = [f"numbers-{name}{suffix}" for name in ("matrices", "temperature", "sigma") for suffix in (".png", ".svg")]
    assert [path.name for path in written] == names
    for path in written:
        if path.suffix == ".png":
            assert cv2.imread(str(path)).std() > 5
        else:
            assert "<svg" in path.read_text(encoding="utf-8")
    assert {stage for stage, done in told if done == 1.0} == {"compare pixels", "vary temperature", "vary σ"}


def test_both_matrices_are_shown_at_the_same_rate(texture: Texture, classic: ClassicTexture) -> None:
    usual = texture.liveliness(40)
    sigma = classic.classic.sigma_at_rate(classic.tempo, usual.jumps_per_minute)
    figure = matrices(texture, usual, classic, sigma)
    left, right = figure.axes[:2]
    rate = classic.tempo.jumps_per_minute(classic.classic.transitions(sigma).jump_share)
    assert rate == pytest.approx(usual.jumps_per_minute, rel=0.1)
    assert f"{rate:.1f} jumps/min" in left.get_title("left")
    assert f"{usual.jumps_per_minute:.1f} jumps/min" in right.get_title("left")
    assert left.images[0].get_clim() == right.images[0].get_clim()
    assert left.get_xlim() == right.get_xlim() == (0, pytest.approx(texture.segments.count * 0.2))
    for axes, transitions in ((left, classic.classic.transitions(sigma)), (right, usual.transitions)):
        shown = np.ma.filled(axes.images[0].get_array(), np.nan)
        probabilities = transitions.probabilities.toarray()
        probabilities[transitions.stationary == 0] = 0
        np.testing.assert_array_equal(~np.isnan(shown), probabilities >= figures.LEAST_SHOWN)
        np.testing.assert_allclose(shown[~np.isnan(shown)], probabilities[~np.isnan(shown)])


def test_a_rate_that_no_sigma_gives_is_said(texture: Texture, classic: ClassicTexture) -> None:
    usual = texture.usual_liveliness()
    for rate, is_told in ((40.0, False), (900.0, True)):
        sigma = classic.classic.sigma_at_rate(classic.tempo, rate)
        told = words(matrices(texture, replace(usual, jumps_per_minute=rate), classic, sigma))
        assert ("as near as σ was found to bring it to" in told) == is_told


def test_of_a_long_clip_the_figure_says_what_was_left_out(texture: Texture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "MATRIX_SIDE", 10)
    coarse = ClassicTexture.of(texture, most_places=texture.segments.count // 2 + 1)
    usual = texture.usual_liveliness()
    figure = matrices(texture, usual, coarse, 0.1)
    assert "one in 2 segments compared" in words(figure)
    assert "one in 2 segments compared" in words(against_sigma(texture, coarse, coarse, 0.1))
    for axes in figure.axes[:2]:
        cells = axes.images[0].get_array()
        assert max(cells.shape) <= 10
        assert axes.images[0].get_extent()[1] >= 0.95 * texture.segments.count * 0.2
    successors = np.diagonal(np.ma.filled(figure.axes[1].images[0].get_array(), np.nan))
    likeliest = usual.transitions.probabilities.max()
    assert np.nanmax(successors) == pytest.approx(likeliest)  # a block shows its likeliest step


def test_jumps_against_temperature(texture: Texture) -> None:
    usual = texture.usual_liveliness()
    figure = against_temperature(texture, usual)
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    paper, unlimited = curves(axes)
    paper_rate = Liveliness.at_weighting(texture.graph, texture.tempo, Weighting()).jumps_per_minute
    assert paper[0.3] == pytest.approx(paper_rate)
    assert marks(axes) == [(0.3, pytest.approx(paper_rate))]
    assert f"this texture walks at {usual.jumps_per_minute:.1f}" in words(figure)
    for temperature, rate in list(unlimited.items())[::6]:
        expected = Liveliness.at_weighting(texture.graph, texture.tempo, Weighting(temperature, 1.0))
        assert rate == pytest.approx(expected.jumps_per_minute)
    assert f"the paper's τ 0.3, t 0.01: {paper_rate:.1f}" in words(figure)


def test_jumps_against_sigma(texture: Texture, plain: ClassicTexture, classic: ClassicTexture) -> None:
    figure = against_sigma(texture, plain, classic, 0.2)
    (axes,) = figure.axes
    with_future, without = curves(axes)
    for kind, curve in ((classic, with_future), (plain, without)):
        for sigma, rate in list(curve.items())[::8]:
            transitions = kind.classic.transitions(sigma)
            assert rate == pytest.approx(texture.tempo.jumps_per_minute(transitions.jump_share))
    assert marks(axes) == [(0.2, pytest.approx(with_future[0.2]))]
    assert with_future[max(with_future)] > 2 * with_future[min(with_future)]
