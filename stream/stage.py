"""What interrupts a walk: hits, freeze and blackout, each shown with the very next picture."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from stream.attack import AttackMeter
from stream.bridges import Bridges
from stream.cues import Cues, Hit, Mode
from stream.landing import Landing
from stream.reel import Laid, Unit
from stream.sound import SPARE_PACKETS
from stream.splice import Splicer
from stream.still import Stills
from stream.texture import Texture
from stream.transitions import Transitions
from stream.walk import Step

log = logging.getLogger(__name__)

T = TypeVar("T")


class Stage:
    """Asked before each picture whether something else is to be shown. Owns two threads, for what takes time.

    Attributes:
        mode: what is shown now.
        cues: what is wanted.
        landing: where hits go.
        frame_s: how long a picture is shown.
        hit_since_s: from when on the last hit was waited for.
    """

    def __init__(
        self,
        texture: Texture,
        splicer: Splicer,
        bridges: Bridges,
        *,
        transitions: Transitions,
        rng: np.random.Generator,
    ) -> None:
        self.mode = Mode.PLAYING
        self.cues = Cues()
        self.hit_since_s = 0.0
        self._texture = texture
        self._splicer = splicer
        self._reel = splicer.reel
        self._bridges = bridges
        self.frame_s = float(texture.manifest.video_format().time_base)
        self.landing = Landing(texture.graph, transitions, rng)
        self._meter = AttackMeter(texture)
        self._standby: dict[int, int] = {}  # from a segment, the target to which a bridge was asked for
        self._helper = ThreadPoolExecutor(max_workers=2, thread_name_prefix="player-helper")
        self._stills: Future[Stills] | None = None
        self._frozen: Future[Unit] | None = None
        self._frozen_frame: int | None = None

    def set_up(self) -> None:
        """Begin to make what hits and stills need."""
        self._meter.start()
        if self._stills is None:
            videos = (self._texture.video, *(each.video for each in self._texture.renditions))
            sets = [video.parameter_sets for video in videos]
            self._stills = self._submitted("freeze and blackout", Stills.encode, self._texture.formats, sets)

    def close(self) -> None:
        """End its threads."""
        self._meter.close()
        self._helper.shutdown(wait=True, cancel_futures=True)

    def interruption(self, now_s: float, playing: Step, drawn: Callable[[], Step]) -> Laid | None:
        """What is to be shown from the next picture on in the place of what is laid; mostly nothing.

        Args:
            playing: the step that is shown.
            drawn: settles the step that would be next, and gives it.
        """
        if self.cues.mode is not self.mode:
            laid = self._changed(self.cues.mode, drawn)
            if laid is not None:
                self.mode = self.cues.mode
                return laid
        hit = self.cues.take_hit(now_s + self.frame_s / 2)
        if hit is None or self.mode is not Mode.PLAYING:
            return None
        self.hit_since_s = max(hit.due_s, hit.told_s)
        return self._struck(playing, hit)

    def standing(self) -> Laid | None:
        """What goes on to be shown while nothing moves; None if it plays."""
        stills = _result(self._stills)
        if self.mode is Mode.PLAYING or stills is None:
            return None
        if self.mode is Mode.BLACK:
            return Laid(stills.black_gop())
        idr = _result(self._frozen)
        if idr is None:
            return Laid([stills.hold(self._reel.since_idr, self._frozen_frame)])
        return Laid(stills.gop(idr, self._frozen_frame))

    def prepare(self, segment: int) -> None:
        """Where hits go over bridges, have one made for a hit at the end of a segment that is about to be shown."""
        if self.cues.performance.hit_bridge:
            target = self._choose(segment)
            if target is not None:
                self._standby = {**dict(list(self._standby.items())[-1:]), segment: target}
                self._bridges.request((segment, target))

    def _changed(self, wanted: Mode, drawn: Callable[[], Step]) -> Laid | None:
        """The first pictures in another mode; None while they are not encoded, within the first second."""
        stills = _result(self._stills)
        if wanted is Mode.PLAYING:
            self._frozen = None
            return self._splicer.cut(drawn(), [], self._fade)
        if stills is None:
            return None
        if wanted is Mode.BLACK:
            return self._splicer.fall_silent(stills.black_gop(), self._fade)
        if self.mode is Mode.BLACK:
            return self._unveiled(stills, drawn())
        hold = stills.hold(self._reel.since_idr, self._reel.shown)
        laid = self._splicer.fall_silent([hold], self._fade)
        self._freeze(stills, self._reel.gop, self._reel.shown)
        return laid

    def _unveiled(self, stills: Stills, drawn: Step) -> Laid:
        """From black to frozen: the picture of before, or the first of the next step."""
        idr = _result(self._frozen)
        if idr is not None:
            return self._splicer.fall_silent(stills.gop(idr, self._frozen_frame), self._fade)
        first = self._splicer.units(drawn.segment, [])[0]
        self._freeze(stills, [first.data], first.clip_frame)
        return self._splicer.fall_silent([first], self._fade)

    def _freeze(self, stills: Stills, gop: Sequence[bytes], clip_frame: int | None) -> None:
        self._frozen_frame = clip_frame
        self._frozen = self._submitted("a frozen picture", stills.frozen, list(gop))

    def _struck(self, playing: Step, hit: Hit) -> Laid | None:
        shown = self._shown_segment(playing)
        target = self._standby.get(shown)
        bridge = [] if target is None else self._bridges.at_hand((shown, target))
        if not (bridge and self.cues.performance.hit_bridge):
            target, bridge = self._choose(shown, hit.sounded_s), []
        if target is None:
            return None
        return self._splicer.cut(Step(playing.segment, target), bridge, self._fade, is_hit=True)

    def _choose(self, shown: int, sounded_s: float = math.inf) -> int | None:
        heard = self.cues.heard
        scores = None
        if heard is not None:  # what was struck is in it only if it was heard since
            scores = heard.ends if heard.at_s >= sounded_s else heard.scores
        self.landing.attack = self._meter.attack
        return self.landing.choose(shown, scores, self.cues.performance.alpha)

    def _shown_segment(self, playing: Step) -> int:
        """The segment whose end is nearest to the picture that left last."""
        segments = self._texture.segments
        if self._reel.shown is None:
            return playing.segment  # on the bridge to it
        strides = (self._reel.shown + 1 - segments.window_frames) / segments.stride_frames
        return min(max(round(strides), 0), segments.count - 1)

    def _fade(self, outgoing: int, incoming: int, count: int) -> Callable[[], Sequence[bytes] | None]:
        assert self._texture.track is not None
        track = self._texture.track
        future = self._submitted(
            "a cross-fade", lambda: track.cross_fade(outgoing, incoming, count, spare=SPARE_PACKETS)
        )
        return lambda: _result(future)

    def _submitted(self, what: str, work: Callable[..., T], *arguments: object) -> Future[T]:
        future = self._helper.submit(work, *arguments)

        def ended(done: Future[T]) -> None:
            if not done.cancelled() and (error := done.exception()) is not None:
                log.error("%s could not be made", what, exc_info=error)

        future.add_done_callback(ended)
        return future


def _result(future: Future[T] | None) -> T | None:
    """What came of it; None if nothing did, or not yet."""
    if future is None or not future.done() or future.cancelled() or future.exception() is not None:
        return None
    return future.result()
