"""The measures of `bench quality`: each must be able to say no."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from rich.console import Console

from bench.quality import fooling, metrics, movies, page, report, screen, seams, tabulate, variety
from bench.quality.baselines import ClassicMethod, ClassicSettings, diagonally_filtered
from bench.quality.cell import Judge, cells
from bench.quality.conditions import Condition, conditions
from bench.quality.film import Film, distances
from bench.quality.grid import JUMPS_PER_MINUTE, Grid
from bench.quality.methods import (
    CHANCE,
    CLASSIC,
    CLASSIC_PLUS,
    CLASSIC_PLUS_PLUS,
    ORACLE,
    Weights,
    missing,
    over_similarity,
    random_walk,
    rgb,
)
from bench.quality.played import jumps_of, product_walk
from bench.quality.run import Plan, Results
from bench.quality.state_error import StateError
from bench.server_process import BenchError
from bench.texture_commands import bench_quality
from models.continuation import BEST_JUMPS
from models.preset import CPU
from models.scene_trunk import WEIGHTS
from models.seam import SeamMeasure
from models.segments import Segments
from tests.drawn import HEIGHT_PX, PERIOD_FRAMES, WIDTH_PX, going_round

RATE_HZ = Fraction(25)
FRAMES = 750
CLASSICS = {
    "Classic": ClassicMethod(rgb, CLASSIC, frame_by_frame=True),
    "Classic+": ClassicMethod(rgb, CLASSIC_PLUS),
    "Classic++": ClassicMethod(rgb, CLASSIC_PLUS_PLUS, whole_window=True),
}


def _film(frames: npt.NDArray[np.uint8], *cuts: int, state: npt.NDArray[np.float32] | None = None) -> Film:
    return Film(frames, Segments.of_clip(len(frames), RATE_HZ, cuts), RATE_HZ, state)


def _circle(frame_count: int) -> npt.NDArray[np.float32]:
    turn = 2 * np.pi * np.arange(frame_count) / PERIOD_FRAMES
    return np.stack([np.cos(turn), np.sin(turn)], axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def disc() -> Film:
    """A disc that goes round, once in two seconds, with camera noise."""
    return _film(going_round(FRAMES), state=_circle(FRAMES))


@pytest.fixture(scope="module")
def scene() -> Film:
    """A drawn dancer of 24 s."""
    return Film.of(Condition("dancer", "none", 0, 24.0))


@pytest.fixture(scope="module")
def measure(disc: Film) -> SeamMeasure:
    return SeamMeasure(disc.small, disc.segments)


@pytest.fixture(scope="module")
def viewer(disc: Film, measure: SeamMeasure) -> fooling.Viewer:
    grid = Grid.of_segments(disc.segments, 25.0)
    cost = np.where(
        grid.allowed() & ~np.eye(grid.count, k=1, dtype=bool), CLASSICS["Classic+"].cost(disc, grid), np.inf
    )
    return fooling.Viewer(disc, measure, cost.astype(np.float32), np.random.default_rng(0))


def _random_ends(count: int) -> npt.NDArray[np.int64]:
    """Jumps to another phase of the disc, a quarter to three quarters of a turn away."""
    random = np.random.default_rng(1)
    leaves = random.integers(60, FRAMES - 200, count)
    return np.stack([leaves, leaves + 1 + 2 * PERIOD_FRAMES + random.integers(13, 38, count)], axis=1)


def _perfect_ends(count: int) -> npt.NDArray[np.int64]:
    """Jumps by whole periods."""
    leaves = np.random.default_rng(2).integers(60, FRAMES - 200, count)
    return np.stack([leaves, leaves + 1 + 2 * PERIOD_FRAMES], axis=1)


class TestStateError:
    def test_the_oracle_is_best_and_chance_is_one(self, scene: Film) -> None:
        assert scene.state is not None
        error = StateError(scene.state, scene)
        noise = np.random.default_rng(0).random((scene.segments.count,) * 2).astype(np.float32)
        pixels = CLASSICS["Classic+"].similarity(scene)
        best, classic, chance = (error.of_best_jumps(each) for each in (error.oracle(), pixels, noise))
        assert best < 0.9 * classic
        assert classic < 0.7
        assert chance == pytest.approx(1, abs=0.1)
        walked = [error.of_walk(product_walk(scene, each)) for each in (error.oracle(), pixels)]
        assert walked[0] < walked[1] < 0.6

    def test_jumps_by_a_period_have_none_and_by_half_a_period_the_most(self, disc: Film) -> None:
        assert disc.state is not None
        error = StateError(disc.state, disc)
        perfect = error._after(_perfect_ends(20)) / error.random
        opposite = error._after(_perfect_ends(20) + np.array([0, PERIOD_FRAMES // 2])) / error.random
        np.testing.assert_allclose(perfect, 0, atol=1e-3)
        np.testing.assert_allclose(opposite, 2 / error.random, rtol=1e-3)
        assert opposite[0] > 1.4

    def test_by_frames_and_by_segments_agree(self, scene: Film) -> None:
        assert scene.state is not None
        error = StateError(scene.state, scene)
        jumps = np.random.default_rng(0).integers(0, scene.segments.count - 2, (50, 2))
        ends = np.stack([error.grid.last_shown[jumps[:, 0]], error.grid.first_shown[jumps[:, 1]]], axis=1)
        np.testing.assert_allclose(error._after(ends), error.distance[jumps[:, 0], jumps[:, 1]], rtol=1e-4, atol=1e-5)

    def test_the_best_jumps_are_judged_where_there_are_enough(self, scene: Film) -> None:
        assert scene.state is not None
        error = StateError(scene.state, scene)
        assert (error._allowed[:-1].sum(axis=1) >= BEST_JUMPS).all()


class TestWalks:
    @pytest.mark.parametrize("name", CLASSICS)
    def test_all_walk_at_the_same_rate(self, scene: Film, name: str) -> None:
        for played in (CLASSICS[name].own_walk(scene), product_walk(scene, CLASSICS[name].similarity(scene))):
            assert played.jumps_per_minute == pytest.approx(JUMPS_PER_MINUTE, rel=0.05)
            shown = played.watched(np.random.default_rng(0), 1200)
            assert len(jumps_of(shown)) / 20 == pytest.approx(JUMPS_PER_MINUTE, rel=0.2)

    def test_random_jumps_are_random_jumps(self, scene: Film) -> None:
        assert scene.state is not None
        played = random_walk(scene)
        assert played.jumps_per_minute == pytest.approx(JUMPS_PER_MINUTE, rel=0.02)
        assert StateError(scene.state, scene).of_walk(played) == pytest.approx(1, abs=0.03)

    def test_the_oracle_walks_best_by_schoedls_walk_too(self, scene: Film) -> None:
        assert scene.state is not None
        error = StateError(scene.state, scene)
        oracle, pixels = (
            error.of_walk(over_similarity(scene, each))
            for each in (error.oracle(), CLASSICS["Classic+"].similarity(scene))
        )
        assert oracle < pixels < 0.6

    @pytest.mark.parametrize("name", CLASSICS)
    def test_classic_walks_find_what_repeats(self, name: str) -> None:
        film = _film(going_round(500, noise=1.0), state=_circle(500))
        assert film.state is not None
        played = CLASSICS[name].own_walk(film)
        ends, shares = played.traffic
        misses = (ends[:, 1] - ends[:, 0] - 1) % PERIOD_FRAMES
        assert shares[misses == 0].sum() > 0.95
        assert StateError(film.state, film).of_walk(played) < 0.05

    @pytest.mark.parametrize("name", CLASSICS)
    def test_the_rate_holds_where_a_film_repeats_exactly_and_every_jump_is_free(self, name: str) -> None:
        played = CLASSICS[name].own_walk(_film(going_round(400, noise=0.0)))
        assert played.jumps_per_minute == pytest.approx(JUMPS_PER_MINUTE, rel=0.02)

    def test_no_jump_is_shorter_than_two_seconds_and_nothing_goes_on_over_a_cut(self) -> None:
        film = _film(going_round(500), 200)
        for method in CLASSICS.values():
            played = method.own_walk(film)
            ends, _ = played.traffic
            assert np.abs(ends[:, 1] - ends[:, 0] - 1).min() >= 50
            shown = played.watched(np.random.default_rng(0))
            assert not ((shown[:-1] == 199) & (shown[1:] == 200)).any()
            assert shown.min() < 150 < 250 < shown.max()

    def test_the_filter_is_the_sum_along_the_diagonal(self) -> None:
        distance = distances(np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32))
        filtered = diagonally_filtered(distance, 4, -2)
        weights = np.array([1, 3, 3, 1]) / 8
        wanted = sum(weight * distance[10 + k, 20 + k] for weight, k in zip(weights, range(-2, 2), strict=True))
        assert filtered.shape == (31, 30)
        assert filtered[10, 20] == pytest.approx(wanted, rel=1e-5)
        kept = weights[:2] @ [distance[28, 3], distance[29, 4]] / weights[:2].sum()
        assert filtered[30, 5] == pytest.approx(
            kept, rel=1e-5
        )  # of what would follow the last frame, two taps are left

    def test_going_on_costs_nothing(self, scene: Film) -> None:
        grid = Grid.of_segments(scene.segments, 25.0)
        for method in CLASSICS.values():
            assert np.abs(method.cost(scene, grid).diagonal(1)).max() < 0.1


class TestVariety:
    def test_the_longest_repeat_is_what_trying_all_finds(self) -> None:
        random = np.random.default_rng(0)
        for _ in range(100):
            shown = random.integers(0, 3, random.integers(1, 40))
            assert variety.longest_repeat_frames(shown) == _longest_repeat(shown)

    def test_a_loop_repeats_nearly_all_of_it(self) -> None:
        assert variety.longest_repeat_frames(np.tile(np.arange(50), 20)) == 950

    def test_all_and_half_of_a_film(self, disc: Film) -> None:
        played = disc.segments.overlap_frames + np.arange(disc.segments.count * disc.segments.stride_frames)
        assert variety.share_visited(played, disc) == 1
        assert variety.share_visited(played[::2], disc) == pytest.approx(0.5, abs=0.01)

    def test_a_walk_of_one_loop_has_no_entropy(self, disc: Film) -> None:
        assert disc.state is not None
        wide = product_walk(disc, StateError(disc.state, disc).oracle())
        assert wide.bits_per_minute > 10


def _longest_repeat(shown: npt.NDArray[np.int64]) -> int:
    best = 0
    for first in range(len(shown)):
        for second in range(first + 1, len(shown)):
            length = 0
            while second + length < len(shown) and shown[first + length] == shown[second + length]:
                length += 1
            best = max(best, length)
    return best


@pytest.mark.parametrize(
    "similarity",
    [
        lambda film: metrics.of_preset(film, metrics.PIXELS, 0),
        lambda film: metrics.of_scene_network(film, WEIGHTS, 0),
        lambda film: metrics.of_fit(film, CPU, 0),
    ],
    ids=["pixels", "learned", "fit"],
)
def test_metrics_know_a_disc_that_goes_round(similarity: Callable[[Film], npt.NDArray[np.float32]]) -> None:
    film = _film(going_round(300), state=_circle(300))
    assert film.state is not None
    error = StateError(film.state, film)
    found = similarity(film)
    assert found.shape == (film.segments.count,) * 2
    assert error.of_best_jumps(found) < 0.1
    assert error.of_best_jumps(found.T[::-1].T.copy()) > 0.2


class TestFooling:
    def test_perfect_jumps_fool_the_viewer_and_random_ones_do_not(self, viewer: fooling.Viewer) -> None:
        perfect = viewer.fooled(_perfect_ends(150), np.random.default_rng(0))
        chance = viewer.fooled(_random_ends(150), np.random.default_rng(0))
        assert perfect is not None
        assert chance is not None
        assert perfect == pytest.approx(0.5, abs=0.1)
        assert chance < 0.1

    def test_it_is_at_chance_where_the_labels_lie(self, viewer: fooling.Viewer) -> None:
        """Windows without a seam, half of them called fake."""
        leaves = np.random.default_rng(3).integers(60, FRAMES - 60, 150)
        shown = viewer.fooled(np.stack([leaves, leaves + 1], axis=1), np.random.default_rng(0))
        assert shown == pytest.approx(0.5, abs=0.07)

    def test_both_kinds_of_windows_are_at_the_same_places(self, disc: Film) -> None:
        ends = _random_ends(40)
        found = fooling.sample(disc, ends, np.random.default_rng(0))
        fake, real = found.frames[found.is_fake], found.frames[~found.is_fake]
        assert len(fake) == len(real) == 40
        assert ((np.diff(fake) != 1).sum(axis=1) == 1).all()
        assert (np.diff(real) == 1).all()
        ends_of_parts = found.parts[found.is_fake]
        np.testing.assert_array_equal(ends_of_parts[:, 1:3], ends)
        assert all(np.isin(real[index], np.r_[fake[index], ends[index]]).any() for index in range(40))

    def test_no_window_crosses_a_cut(self) -> None:
        film = _film(going_round(FRAMES), 300)
        found = fooling.sample(film, _random_ends(200), np.random.default_rng(0))
        runs = found.parts.reshape(-1, 2)
        assert not ((runs[:, 0] < 300) & (runs[:, 1] >= 300)).any()
        assert 0 < len(found.frames) < 400

    def test_training_and_testing_share_no_block(self, viewer: fooling.Viewer) -> None:
        assert len(viewer.trained) > 5
        for is_testing, _ in viewer.trained:
            assert 0 < is_testing.sum() < len(is_testing)


class TestSeams:
    def test_random_jumps_show_and_bridges_help(self, disc: Film, measure: SeamMeasure) -> None:
        perfect, chance = seams.plain(measure, _perfect_ends(40)), seams.plain(measure, _random_ends(40))
        bridge = seams.bridged(disc, measure, _random_ends(40))
        assert perfect is not None
        assert chance is not None
        assert bridge is not None
        assert perfect.combined == pytest.approx(1, abs=0.3)
        assert chance.combined > 3
        assert bridge.combined < 0.8 * chance.combined

    def test_jumps_at_the_very_ends_of_a_film_are_left_out(self, disc: Film) -> None:
        ends = np.array([[0, 50], [50, FRAMES - 1], [50, 100]])
        np.testing.assert_array_equal(seams.visible(disc, ends), [[50, 100]])


class TestCells:
    def test_a_film_gives_a_cell_for_each_walk(self) -> None:
        found = list(
            cells(Condition("dancer", "none", 0, 12.0), [CHANCE, "Classic", "Classic Deep", ORACLE], Weights())
        )
        by_name = {(cell["method"], cell["walk"]): cell for cell in found}
        assert list(by_name) == [
            (CHANCE, "product's"), ("Classic", "product's"), ("Classic", "Schödl's"),
            ("Classic Deep", "product's"), (ORACLE, "product's"), (ORACLE, "Schödl's"),
        ]  # fmt: skip
        errors = [by_name[name, "product's"]["state_error"] for name in (ORACLE, "Classic", CHANCE)]
        assert errors == sorted(errors)
        assert by_name[CHANCE, "product's"]["seam"]["combined"] > by_name[ORACLE, "product's"]["seam"]["combined"]
        shown = by_name["Classic", "Schödl's"]["shown"]
        assert sum(last - first + 1 for first, last in shown) == 12 * 25
        json.dumps(found)

    def test_a_clip_has_no_state(self, tmp_path: Path) -> None:
        clip = _write_clip(tmp_path / "disc.mp4", going_round(400))
        found = list(cells(Condition(clip=str(clip)), [CHANCE, ORACLE], Weights()))
        assert [cell["method"] for cell in found] == [CHANCE]
        assert found[0]["state_error"] is None
        assert found[0]["seam_bridged"]["combined"] < found[0]["seam"]["combined"]
        assert str(tmp_path) not in json.dumps(found)

    def test_what_is_missing_is_said(self) -> None:
        assert missing(ORACLE, Weights()) == ""
        assert "by --weights" in missing("learned", Weights(scenes=Path("none.safetensors")))

    def test_methods_get_the_same_draws(self) -> None:
        judge = Judge(Condition("dancer", "none", 3, 12.0))
        assert judge._random().random() == judge._random().random()


def _write_clip(path: Path, frames: npt.NDArray[np.uint8]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return path


class TestConditions:
    def test_one_seed_has_everything_before_the_next_begins(self, tmp_path: Path) -> None:
        every = list(conditions(["dancer", "sprites"], ["none", "light"], 2, 20.0, [tmp_path / "a.mp4"]))
        assert len(every) == 10
        assert [film.seed for film in every] == [0] * 5 + [1] * 5
        assert len({film.name for film in every}) == 10

    @pytest.mark.parametrize(
        ("families", "dials", "message"),
        [(["nobody"], ["none"], "family is called 'nobody'"), (["dancer"], ["fog"], "dial is called 'fog'")],
    )
    def test_what_does_not_exist_is_refused(self, families: list[str], dials: list[str], message: str) -> None:
        with pytest.raises(BenchError, match=message):
            list(conditions(families, dials, 1, 20.0, []))

    def test_a_plan_refuses_methods_and_clips_that_do_not_exist(self) -> None:
        with pytest.raises(BenchError, match="no method is called 'magic'"):
            Plan(names=("magic",)).conditions()
        with pytest.raises(BenchError, match=r"none\.mp4: no such file"):
            Plan(clips=(Path("none.mp4"),)).conditions()


class TestCommand:
    def test_a_run_is_kept_gone_on_with_and_shown(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        out, html = tmp_path / "quality.json", tmp_path / "page"
        few = {"families": "dancer", "dials": "none", "seeds": 1, "seconds": 10.0, "json_out": out}
        bench_quality(**few, only=f"{CHANCE},Classic,Classic Deep", html=html)
        first = json.loads(out.read_text())
        assert [cell["method"] for cell in first["cells"]] == [CHANCE, "Classic", "Classic", "Classic Deep"]
        self._looks_well(html)

        monkeypatch.setattr("bench.quality.run._measured", None)  # nothing may be measured twice
        bench_quality(**few, only=f"{CHANCE},Classic")
        assert json.loads(out.read_text()) == first

    def _looks_well(self, folder: Path) -> None:
        text = (folder / "index.html").read_text()
        assert "Classic Deep" in text
        assert "no weights" in text
        assert not re.search(r"https?://", text)
        videos = re.findall(r'<video src="([^"]+)"', text)
        assert videos
        for video in videos:
            with av.open(str(folder / video)) as container:
                assert container.streams.video[0].codec_context.name == "h264"


class TestResults:
    def _cell(self, method: str, *, seed: int = 0, **more: object) -> dict[str, object]:
        return {
            "condition": Condition("dancer", "none", seed, 10.0).as_dict(),
            "method": method,
            "walk": "product's",
            **more,
        }

    def test_only_what_is_missing_is_wanted(self, tmp_path: Path) -> None:
        film, names = Condition("dancer", "none", 0, 10.0), ["a", "b", "c"]
        results = Results(tmp_path / "q.json")
        results.add([self._cell("a"), self._cell("b", not_run="no weights")])
        again = Results(tmp_path / "q.json")
        assert again.wanting(film, names) == ["b", "c"]
        assert again.wanting(Condition("dancer", "none", 1, 10.0), names) == names
        again.forget(["a"])
        assert again.wanting(film, names) == names
        assert not list(tmp_path.glob("*.part"))

    def test_a_new_cell_takes_the_place_of_the_old(self) -> None:
        results = Results(None)
        results.add([self._cell("a", state_error=1.0)])
        results.add([self._cell("a", state_error=0.5), self._cell("a", seed=1, state_error=0.7)])
        assert [cell["state_error"] for cell in results.cells] == [0.5, 0.7]

    @pytest.mark.parametrize("text", ["", "[]", '{"format": 99, "cells": []}', '{"features": {}}'])
    def test_a_foreign_file_is_refused(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "q.json"
        path.write_text(text)
        with pytest.raises(BenchError, match=r"q\.json: .*give another file to --json"):
            Results(path)
        assert path.read_text() == text


class TestReport:
    def _cells(self) -> list[dict[str, object]]:
        made = []
        errors = {
            ("windowed pixels", "product's"): 0.4, ("Classic", "product's"): 0.6, ("Classic", "Schödl's"): 0.5,
            ("fit", "product's"): 0.2, ("fit", "Schödl's"): 0.1, (ORACLE, "product's"): 0.1,
        }  # fmt: skip
        for family, factor in (("dancer", 1.0), ("sprites", 2.0)):
            for seed in range(3):
                for (method, walk), error in errors.items():
                    made.append({
                        "condition": Condition(family, "none", seed, 10.0).as_dict(), "method": method, "walk": walk,
                        "state_error": error * factor + 0.01 * seed, "seam": None, "seam_bridged": None,
                        "fooled": None, "visited": 0.5, "longest_repeat_s": 3.0, "bits_per_minute": 9.0,
                        "jumps_per_minute": 15.0, "seconds": {"method": 1.0, "measures": 1.0},
                        "shown": [[20, 60], [100, 150]],
                    })  # fmt: skip
        return made

    def test_a_method_is_reported_with_its_better_walk(self) -> None:
        walks = report.best_walks(self._cells())
        assert walks["Classic"] == "Schödl's"
        assert walks["fit"] == "product's"  # what ships is reported as it ships
        assert {cell["walk"] for cell in report.reported(self._cells()) if cell["method"] == "Classic"} == {"Schödl's"}

    @pytest.mark.parametrize("fault", [{"visited": 0.1}, {"jumps_per_minute": 10.0}])
    def test_a_walk_that_is_a_loop_or_misses_the_rate_counts_as_random(self, fault: dict[str, float]) -> None:
        spoiled = [cell | (fault if cell["walk"] == "Schödl's" else {}) for cell in self._cells()]
        assert report.best_walks(spoiled)["Classic"] == "product's"

    def test_medians_and_ratios(self) -> None:
        made = {table.title: table for table in tabulate.tables(self._cells())}
        by_family = made["State error by family"]
        assert by_family.columns == ("dancer", "sprites", "mean")
        figures = by_family.rows["windowed pixels"]
        assert [figure.median for figure in figures if figure] == pytest.approx([0.41, 0.81, 0.61])
        ratio = made["State error of “fit” as a share of each rival's"].rows["windowed pixels"][0]
        assert ratio is not None
        assert ratio.median == pytest.approx(0.21 / 0.41)

    def test_the_screen_and_the_page_show_the_same(self, tmp_path: Path) -> None:
        console = Console(record=True, width=200)
        screen.show(self._cells(), console)
        text = console.export_text()
        html = page._page(self._cells(), [])
        for expected in ("State error by family", "0.810", "Classic, Schödl"):
            assert expected in text
            assert expected in html

    def test_the_oracle_is_never_the_best(self) -> None:
        by_family = tabulate.tables(self._cells())[0]
        assert report.extremes(by_family, 0) == pytest.approx((0.21, 0.51))


def test_movies_show_the_frames_and_mark_jumps(tmp_path: Path, disc: Film) -> None:
    path = tmp_path / "walk.mp4"
    movies.write_movie(path, disc, [[100, 119], [300, 319]])
    with av.open(str(path)) as container:
        shown = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    assert len(shown) == 40
    assert shown.shape[1:3] == (HEIGHT_PX * movies.SCALE + movies.BAR_PX, WIDTH_PX * movies.SCALE)
    red = (shown[:, -5, :, 0].astype(int) - shown[:, -5, :, 1]).mean(axis=1) > 90
    np.testing.assert_array_equal(np.flatnonzero(red), np.arange(20, 28))
    picture = shown[30, : -movies.BAR_PX].astype(float)[1::2, 1::2]
    apart = [np.abs(picture - disc.frames[frame]).mean() for frame in (310, 310 + PERIOD_FRAMES // 2)]
    assert apart[0] < 0.5 * apart[1]


def test_classic_settings_were_tuned() -> None:
    assert {CLASSIC, CLASSIC_PLUS, CLASSIC_PLUS_PLUS} != {ClassicSettings()}
