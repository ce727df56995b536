"""One cell of the table: a film that one method made for one song, judged by every measure."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from bench.quality import seams
from bench.quality.cell import rounded
from bench.sync import measures
from bench.sync.beats import onsets_s
from bench.sync.ears import Heard
from bench.sync.measures import Strings
from bench.sync.methods import METHODS, Request
from bench.sync.shown import Frames, Shown
from bench.sync.song import Plucks, Song, Times
from bench.sync.stage import Stage
from stream.errors import TextureError

AGREEING_FRAMES = 2  # between moments at which what is heard is compared with what the picture shown sounded like

Cell = dict[str, Any]
Row = tuple[str, float | None]  # method, α


def rows(names: Sequence[str]) -> list[Row]:
    """What is to be measured for each song: every α of methods that mix."""
    return [(name, alpha) for name in names for alpha in METHODS[name].alphas or (None,)]


class Judge:
    """All measures for one song, with what methods share computed once."""

    def __init__(self, stage: Stage, song: Song) -> None:
        self.stage, self.song = stage, song
        self.heard = Heard(stage.ears, song.sound, stage.rate_hz)
        self.length = int(song.seconds * stage.rate_hz)
        self.now_s: Times = np.asarray((np.arange(self.length) + 0.5) / stage.rate_hz, np.float64)
        self.onsets_s = onsets_s(song.sound) if song.plucks is None else song.plucks.times_s

    def figures(self, shown: Shown) -> Cell:
        """What every measure says of a film."""
        seam = measures.seam_figures(shown, self.stage.seam)
        with_bridges = seam
        if shown.bridged.any():
            with_bridges = seams.bridged(self.stage.film, self.stage.seam, shown.seams[:, 1:3])
        events_s, which = measures.shown_events(shown, self.stage.events)
        return {
            "jumps_per_minute": round(shown.jumps_per_minute, 2),
            "seam": seam and rounded(asdict(seam)),
            "seam_bridged": with_bridges and rounded(asdict(with_bridges)),
            "matched": round(measures.matched(self.onsets_s, events_s), 4),
            "agreement": round(self._agreement(shown), 4),
            **self._by_truth(shown, events_s, which),
            **self._by_place(shown),
        }

    def _by_truth(self, shown: Shown, events_s: Times, which: Frames) -> Cell:
        heard, seen = self.song.plucks, self.stage.plucks
        if heard is None or seen is None:
            return {}
        sync = measures.string_sync(measures.ringing(heard, self.now_s), _strings_shown(self.stage, shown))
        onsets = measures.onset_figures(heard, Plucks(events_s, seen.strings[which]))
        return {"sync": round(sync, 4), "onsets": onsets and asdict(onsets)}

    def _agreement(self, shown: Shown) -> float:
        """At moments all over the song, whatever the grid that a method decides on."""
        moments = np.arange(self.stage.segments.stride_frames, self.length + 1, AGREEING_FRAMES)
        heard = self.heard.all(moments.tolist())
        shows = self.stage.ears(self.stage.sound, (shown.frames[moments - 1] + 1) / self.stage.rate_hz)
        return measures.agreement(heard, self.stage.sounds, shows)

    def _by_place(self, shown: Shown) -> Cell:
        """For a clip's own sound: how often it shows the moment that is heard, or one that sounds like it."""
        if self.song.starts_at_s is None:
            return {}
        stage = self.stage
        seconds = len(stage.film.frames) / stage.rate_hz
        right_s: Times = (self.song.starts_at_s + self.now_s) % seconds
        shown_s = stage.middles_s[shown.frames]
        right = stage.segment_at((right_s * stage.rate_hz).astype(np.int64))
        cosine = np.einsum("ta,ta->t", stage.sounds[right], stage.sounds[stage.segment_at(shown.frames)])
        alike = cosine >= np.median(np.einsum("na,na->n", stage.sounds[1:], stage.sounds[:-1]))
        place = measures.near_share(shown_s, right_s)
        return {"place": round(place, 4), "sound": round(measures.near_share(shown_s, right_s, alike), 4)}


def _strings_shown(stage: Stage, shown: Shown) -> Strings:
    assert stage.plucks is not None
    of_clip = measures.ringing(stage.plucks, stage.middles_s)
    return np.asarray(of_clip[shown.frames], np.int64)


def cells(stage: Stage, song: Song, wanted: Sequence[Row], seed: int) -> Iterator[Cell]:
    """Measure methods on one song, a cell each. What cannot be walked gives a cell that says why."""
    judge = Judge(stage, song)
    known = song.plucks is not None and stage.plucks is not None
    for name, alpha in wanted:
        if METHODS[name].by_truth and not known:
            continue
        head = {"song": song.name, "seed": seed, "method": name, "alpha": alpha}
        random = np.random.default_rng([seed, 41])  # the same for every method
        try:
            METHODS[name].shared(stage)  # once for the clip, and no film's time
            began_s = time.process_time()
            request = Request(stage, song, judge.heard, alpha or 0.0, judge.length, random)
            shown = METHODS[name].make(request)
        except TextureError as error:
            yield {**head, "not_run": str(error)}
            continue
        made_s = time.process_time() - began_s
        yield {**head, "ears": stage.kind_of_ears, **judge.figures(shown), "made_s": round(made_s, 3)}
