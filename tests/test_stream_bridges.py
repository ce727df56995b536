"""Bridges: stored or made once, there in time or else by flow or a cut, each counted, and bounded in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from av.video.frame import VideoFrame

from stream import bridge_maker
from stream.bridge_maker import MOST_WAITING, bridge_pictures
from stream.bridges import BridgeCounts, Bridges
from stream.interpolation.interpolator import Interpolator
from stream.interpolation.plain import CrossFade, Cut
from stream.texture import Texture
from tests.stream_media import decode_video, number_of, open_texture, same

STORED = ((10, 3), (20, 8))


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Texture]:
    with open_texture(tmp_path_factory.mktemp("bridges") / "n.texture", sound=False, stored=STORED) as texture:
        yield texture


@pytest.fixture
def bridges(texture: Texture) -> Iterator[Bridges]:
    with Bridges(texture) as bridges:
        yield bridges


@pytest.mark.parametrize("edge", [(10, 3), (20, 8), (7, 30), (30, 7)])
def test_a_bridge_fits_between_its_two_segments(texture: Texture, bridges: Bridges, edge: tuple[int, int]) -> None:
    units = bridges.wait(edge)
    assert len(units) == bridges.frames_of(edge) == 4
    pictures = decode_video([*texture.gop(edge[0]), *(unit.data for unit in units), *texture.gop(edge[1])])
    assert len(pictures) == 16
    alone = decode_video(texture.gop(edge[0])) + decode_video(texture.gop(edge[1]))
    for picture, expected in zip(pictures[:6] + pictures[10:], alone, strict=True):
        assert same(picture, expected)


def test_the_pictures_come_from_the_last_shown_and_the_next(texture: Texture) -> None:
    """At the very ends of the bridge the numbers of both neighbours can still be read."""
    pictures = bridge_pictures(texture.video, texture.segments, (7, 30), 30)
    segments = texture.segments
    assert number_of(pictures[0]) == segments.first_appended_frame(7) + segments.stride_frames - 1
    assert number_of(pictures[-1]) == segments.first_appended_frame(30)


def test_stored_bridges_are_ready_and_not_made(texture: Texture, bridges: Bridges) -> None:
    bridges.request((10, 3))
    assert bridges.ready((10, 3)) == texture.stored_bridge(10, 3)
    assert bridges.ready((20, 8)) != bridges.ready((10, 3))
    assert bridges.counts == BridgeCounts(stored=3, made=0, cut=0)
    assert texture.stored_bridge(3, 10) is None


def test_what_is_not_there_is_a_cut_and_then_made_once(bridges: Bridges) -> None:
    assert bridges.ready((5, 25)) == []
    assert bridges.counts == BridgeCounts(cut=1)
    made = bridges.wait((5, 25))
    assert len(made) == 4
    for _ in range(3):
        bridges.request((5, 25))
        assert bridges.ready((5, 25)) is made
        assert bridges.wait((5, 25)) is made
    assert bridges.counts == BridgeCounts(made=1, cut=1)


def test_a_request_that_is_repeated_while_it_is_made_is_made_once(
    bridges: Bridges, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, real = threading.Event(), bridge_maker.encode_units

    def slowly(*arguments: object) -> object:
        assert go_on.wait(10)
        return real(*arguments)

    monkeypatch.setattr(bridge_maker, "encode_units", slowly)
    for _ in range(5):
        bridges.request((4, 22))
    assert bridges.ready((4, 22)) == [], "asking does not wait"
    assert bridges.wait((4, 22), patience_s=0.01) == [], "nor does patience last"
    go_on.set()
    assert len(bridges.wait((4, 22), patience_s=10)) == 4
    assert bridges.counts == BridgeCounts(made=1, cut=2)


class NosyLock:
    """A lock behind which, whenever the bridges' own thread lets go of it, somebody asks for a bridge."""

    def __init__(self, ask: Callable[[], None]) -> None:
        self._lock, self._ask = threading.RLock(), ask

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *exc: object) -> None:
        self._lock.release()
        if threading.current_thread().name.startswith("bridges"):
            ask, self._ask = self._ask, lambda: None
            ask()


def test_there_is_no_moment_at_which_it_would_be_made_again(bridges: Bridges, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridges._maker, "_lock", NosyLock(lambda: bridges.request((3, 27))))
    bridges.wait((3, 27))
    bridges.wait((3, 28))  # behind whatever was asked for in between
    assert bridges.counts.made == 2


def test_memory_is_bounded_and_what_was_used_last_is_kept(bridges: Bridges, monkeypatch: pytest.MonkeyPatch) -> None:
    first = bridges.wait((0, 20))
    size_bytes = sum(len(unit.data) for unit in first)
    monkeypatch.setattr(bridge_maker, "KEPT_BYTES", 6 * size_bytes)
    for target in range(21, 36):
        bridges.wait((0, target))
        assert bridges.ready((0, 20)) is first, "in use all the time"
        maker = bridges._maker
        kept_bytes = sum(len(unit.data) for units in maker._kept.values() for unit in units)
        assert kept_bytes == maker._kept_bytes <= 6 * size_bytes
        assert len(maker._kept) >= 2
    assert bridges.ready((0, 21)) == [], "dropped"
    made = bridges.counts.made
    assert len(bridges.wait((0, 21))) == 4
    assert bridges.counts.made == made + 1


def test_one_that_cannot_be_made_is_a_cut(
    bridges: Bridges, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> object:
        raise RuntimeError("no encoder")

    with monkeypatch.context() as patch:
        patch.setattr(bridge_maker, "encode_units", fails)
        assert bridges.wait((6, 26)) == []
    assert "the bridge 6 -> 26 could not be made by flow; such jumps are cuts from here on" in caplog.text
    assert bridges.ready((6, 26)) == []
    assert bridges.counts == BridgeCounts(cut=2, failed=1)
    assert len(bridges.wait((6, 26))) == 4, "and may be tried again"


def test_a_texture_without_bridges_has_none_and_counts_none(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("cuts") / "n.texture"
    with open_texture(path, sound=False, seconds=2.0, bridge_frames=0) as texture, Bridges(texture) as bridges:
        bridges.request((5, 1))
        assert bridges.ready((5, 1)) == bridges.wait((5, 1)) == []
        assert bridges.counts == BridgeCounts()


def test_closing_ends_the_thread(texture: Texture) -> None:
    with Bridges(texture) as bridges:
        for target in range(12, 30):
            bridges.request((1, target))
    assert not any(thread.name.startswith("bridges") for thread in threading.enumerate())


class Gated(Interpolator):
    """A cross-fade that waits to be let through; or that fails."""

    name = "gated"

    def __init__(self, *, fails: bool = False) -> None:
        self.gate, self.begun, self.fails, self.closed = threading.Event(), threading.Event(), fails, 0

    def between(self, first: VideoFrame, last: VideoFrame, count: int) -> list[VideoFrame]:
        if self.fails:
            raise RuntimeError("no network")
        self.begun.set()
        assert self.gate.wait(20)
        return CrossFade().between(first, last, count)

    def close(self) -> None:
        self.closed += 1


def test_one_that_is_late_is_flown_over_and_played_the_next_time(texture: Texture) -> None:
    gated = Gated()
    with Bridges(texture, gated) as bridges, Bridges(texture) as by_flow:
        bridges.request((5, 25))
        assert bridges.wait((5, 25), patience_s=5) == by_flow.wait((5, 25)), "flow fills in before patience ends"
        assert bridges.counts == BridgeCounts(flown=1)
        gated.gate.set()
        faded = bridges.wait((5, 25))
        assert len(faded) == 4
        assert faded != by_flow.wait((5, 25))
        assert bridges.counts == BridgeCounts(made=1, flown=1)
    assert gated.closed == 1


def test_where_flow_is_late_too_it_is_a_cut(texture: Texture) -> None:
    gated = Gated()
    with Bridges(texture, gated) as bridges:
        assert bridges.wait((5, 26), patience_s=0) == []
        assert bridges.counts.cut == 1
        gated.gate.set()


def test_what_cannot_be_made_is_flown_over_and_said_once(texture: Texture, caplog: pytest.LogCaptureFixture) -> None:
    with Bridges(texture, Gated(fails=True)) as bridges, Bridges(texture) as by_flow:
        for edge in ((5, 25), (6, 26)):
            assert bridges.wait(edge) == by_flow.wait(edge)
        assert bridges.counts == BridgeCounts(flown=2, failed=2)
    assert caplog.text.count("could not be made by gated; such jumps are made by flow from here on") == 1


def test_of_too_many_that_wait_the_oldest_are_dropped(texture: Texture) -> None:
    gated = Gated()
    with Bridges(texture, gated) as bridges:
        bridges.request((0, 36))
        assert gated.begun.wait(10)
        for target in range(10, 30):
            bridges.request((1, target))
            assert bridges.waiting <= MOST_WAITING + 1, "and the one that is being made"
        gated.gate.set()
        bridges.wait((1, 29))
        assert [bool(bridges.at_hand((1, target))) for target in (10, 20, 28, 29)] == [False, False, True, True]
        assert bridges.at_hand((0, 36)), "what was begun is finished"


def test_cuts_have_no_pictures_and_are_not_counted(texture: Texture) -> None:
    with Bridges(texture, Cut(), only_its_own=True) as bridges:
        for edge in (STORED[0], (5, 25)):
            bridges.request(edge)
            assert bridges.frames_of(edge) == 0
            assert bridges.wait(edge) == bridges.ready(edge) == bridges.at_hand(edge) == []
        assert bridges.counts == BridgeCounts()


def test_stored_ones_are_played_whoever_made_them_unless_one_was_asked_for(texture: Texture) -> None:
    edge = STORED[0]
    stored = texture.stored_bridge(*edge)
    with Bridges(texture, CrossFade()) as anyhow, Bridges(texture, CrossFade(), only_its_own=True) as asked:
        assert anyhow.wait(edge) == stored
        assert asked.wait(edge) not in (stored, [])
        assert (anyhow.counts, asked.counts) == (BridgeCounts(stored=1), BridgeCounts(made=1))


def test_bridges_of_another_length_than_stored_are_made(texture: Texture) -> None:
    with Bridges(texture, frames=6) as bridges:
        assert len(bridges.wait(STORED[0])) == bridges.frames_of(STORED[0]) == 6
        assert bridges.counts == BridgeCounts(made=1)
