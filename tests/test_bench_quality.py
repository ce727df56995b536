"""`bench quality`: its films, cells, results, tables and pages."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from rich.console import Console
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner

from bench.commands import app
from bench.quality import movies, page, report, screen, tabulate
from bench.quality.cell import Judge, cells
from bench.quality.conditions import Condition, conditions
from bench.quality.film import Film
from bench.quality.methods import CHANCE, FIT, LEARNED, ORACLE, Weights, methods, missing
from bench.quality.run import Plan, Results
from bench.server_process import BenchError
from bench.texture_commands import bench_quality
from models.preset import CPU, Preset, SceneSettings
from models.scene_trunk import WEIGHTS
from models.segments import Segments
from tests.drawn import HEIGHT_PX, PERIOD_FRAMES, WIDTH_PX, going_round


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


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of the right shapes, drawn by chance."""
    path, random = tmp_path_factory.mktemp("weights") / "other.safetensors", np.random.default_rng(0)
    shapes = {name: value.shape for name, value in load_file(WEIGHTS).items()}
    save_file({name: random.normal(0, 0.05, shape).astype(np.float16) for name, shape in shapes.items()}, path)
    return path


class TestWeights:
    """A file that is named is used, or refused; never taken without a word."""

    def test_fit_is_measured_with_them(self, other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        film, fitted = Film.of(Condition("dancer", "none", 0, 10.0)), list[Preset]()
        monkeypatch.setattr("bench.quality.metrics.of_fit", lambda film, preset, seed: fitted.append(preset))
        for weights in (Weights(), Weights(other)):
            methods(weights)[FIT].similarity(film, 0)
        assert fitted == [CPU, replace(CPU, trunk=SceneSettings(weights=other))]

    def test_figures_by_other_weights_are_measured_anew_and_marked(self, other: Path) -> None:
        film, weights = Condition("dancer", "none", 0, 10.0), Weights(scenes=other)
        assert weights.mark(CHANCE) == Weights().mark(FIT) == ""
        results = Results(None)
        results.add([{"condition": film.as_dict(), "method": name, "walk": "product's"} for name in (CHANCE, FIT)])
        assert results.wanting(film, [CHANCE, FIT], Weights()) == []
        assert results.wanting(film, [CHANCE, FIT], weights) == [FIT]
        cell = next(cells(film, [LEARNED], weights))
        assert cell["weights"] == weights.mark(LEARNED)
        results.add([{**cell, "method": FIT}])
        assert results.wanting(film, [FIT], weights) == []
        assert results.wanting(film, [FIT], Weights()) == [FIT]

    @pytest.mark.parametrize(
        ("option", "named", "read_by"),
        [("--weights", "scenes", "learned"), ("--weights", "scenes", "fit"), ("--resnet", "resnet", "Classic Deep")],
    )
    def test_what_no_method_reads_is_refused(self, other: Path, option: str, named: str, read_by: str) -> None:
        weights = Weights(**{named: other})
        with pytest.raises(BenchError, match=rf"{option} is read by .*'{read_by}'.*leave {option} out"):
            weights.check([CHANCE, ORACLE])
        weights.check([CHANCE, read_by])
        with pytest.raises(BenchError, match=rf"{option} nowhere\.pth: no such file"):
            Weights(**{named: Path("nowhere.pth")}).check([read_by])


class TestCommand:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--families", "none", "--dials", "light"], "--dials and --seconds are of drawn scenes"),
            (["--families", "none", "--seconds", "20"], "--dials and --seconds are of drawn scenes"),
        ],
    )
    def test_options_of_drawn_scenes_are_refused_without_any(self, options: list[str], message: str) -> None:
        answer = CliRunner().invoke(app, ["quality", *options], env={"COLUMNS": "200"})
        assert answer.exit_code == 2
        assert message in answer.output

    def test_nothing_to_measure_on_is_refused(self) -> None:
        with pytest.raises(BenchError, match="nothing to measure on"):
            Plan(families=()).conditions()

    def test_a_method_to_be_measured_again_must_exist(self) -> None:
        with pytest.raises(BenchError, match="no method is called 'fitt'"):
            Plan(again=("fitt",)).conditions()

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
        assert again.wanting(film, names, Weights()) == ["b", "c"]
        assert again.wanting(Condition("dancer", "none", 1, 10.0), names, Weights()) == names
        again.forget(["a"])
        assert again.wanting(film, names, Weights()) == names
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


def test_movies_show_the_frames_and_mark_jumps(tmp_path: Path) -> None:
    disc = Film(going_round(400), Segments.of_clip(400, Fraction(25)), Fraction(25), None)
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
