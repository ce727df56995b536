"""Bridges: stored or made once, there in time or counted as missed, and bounded in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from stream import bridges as bridges_module
from stream.bridges import BridgeCounts, Bridges, bridge_pictures
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
    assert len(units) == bridges.frames == 4
    pictures = decode_video([*texture.gop(edge[0]), *units, *texture.gop(edge[1])])
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
    assert bridges.counts == BridgeCounts(stored=3, made=0, missed=0)
    assert texture.stored_bridge(3, 10) is None


def test_what_is_not_there_is_missed_and_then_made_once(bridges: Bridges) -> None:
    assert bridges.ready((5, 25)) == []
    assert bridges.counts == BridgeCounts(missed=1)
    made = bridges.wait((5, 25))
    assert len(made) == 4
    for _ in range(3):
        bridges.request((5, 25))
        assert bridges.ready((5, 25)) is made
        assert bridges.wait((5, 25)) is made
    assert bridges.counts == BridgeCounts(made=1, missed=1)


def test_a_request_that_is_repeated_while_it_is_made_is_made_once(
    bridges: Bridges, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, real = threading.Event(), bridges_module.encode_gop

    def slowly(*arguments: object) -> list[bytes]:
        assert go_on.wait(10)
        return real(*arguments)

    monkeypatch.setattr(bridges_module, "encode_gop", slowly)
    for _ in range(5):
        bridges.request((4, 22))
    assert bridges.ready((4, 22)) == [], "asking does not wait"
    assert bridges.wait((4, 22), patience_s=0.01) == [], "nor does patience last"
    go_on.set()
    assert len(bridges.wait((4, 22), patience_s=10)) == 4
    assert bridges.counts == BridgeCounts(made=1, missed=2)


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
    monkeypatch.setattr(bridges, "_lock", NosyLock(lambda: bridges.request((3, 27))))
    bridges.wait((3, 27))
    bridges.wait((3, 28))  # behind whatever was asked for in between
    assert bridges.counts.made == 2


def test_memory_is_bounded_and_what_was_used_last_is_kept(bridges: Bridges, monkeypatch: pytest.MonkeyPatch) -> None:
    first = bridges.wait((0, 20))
    size_bytes = sum(map(len, first))
    monkeypatch.setattr(bridges_module, "KEPT_BYTES", 6 * size_bytes)
    for target in range(21, 36):
        bridges.wait((0, target))
        assert bridges.ready((0, 20)) is first, "in use all the time"
        kept_bytes = sum(len(unit) for units in bridges._kept.values() for unit in units)
        assert kept_bytes == bridges._kept_bytes <= 6 * size_bytes
        assert len(bridges._kept) >= 2
    assert bridges.ready((0, 21)) == [], "dropped"
    made = bridges.counts.made
    assert len(bridges.wait((0, 21))) == 4
    assert bridges.counts.made == made + 1


def test_one_that_cannot_be_made_is_a_missed_one(
    bridges: Bridges, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> list[bytes]:
        raise RuntimeError("no encoder")

    with monkeypatch.context() as patch:
        patch.setattr(bridges_module, "encode_gop", fails)
        assert bridges.wait((6, 26)) == []
    assert "the bridge 6 -> 26 could not be made; such jumps are cuts from here on" in caplog.text
    assert bridges.ready((6, 26)) == []
    assert bridges.counts == BridgeCounts(missed=2, failed=1)
    assert len(bridges.wait((6, 26))) == 4, "and may be tried again"


def test_a_texture_without_bridges_has_none_and_misses_none(tmp_path_factory: pytest.TempPathFactory) -> None:
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
