"""What interrupts a player while it plays: hits, freeze, blackout, and what it hears; in real time unless said."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing

import numpy as np
import numpy.typing as npt
import pytest

from stream.attack import AttackMeter
from stream.conditioning import Conditioning
from stream.cues import MOST_HITS, Cues, Hit
from stream.liveliness import Liveliness
from stream.pacing import LATE_S
from stream.performance import Performance
from stream.player import DRAW_LEAD_S, Player
from stream.splice import MediaPacket
from stream.texture import Texture
from stream.walk import Step
from tests.stream_media import NTSC_HZ, circle, decode_sound, decode_video, number_of, open_texture, planes_of, same

FRAME_S = float(1 / NTSC_HZ)
GRAIN_S = 0.005  # of the event loop's clock
Timed = list[tuple[float, MediaPacket]]  # monotonic time of leaving


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Texture]:
    with open_texture(tmp_path_factory.mktemp("live") / "n.texture", rate_hz=NTSC_HZ) as texture:
        yield texture


@pytest.fixture(scope="module")
def lively(texture: Texture) -> Liveliness:
    return texture.usual_liveliness()


@pytest.fixture
def player(texture: Texture, lively: Liveliness) -> Iterator[Player]:
    with Player(texture, lively, seed=1) as player:
        yield player


async def play(player: Player, seconds: float, cue: Callable[[MediaPacket], None] = lambda _: None) -> Timed:
    """What leaves in so much time; `cue` is called behind each picture."""
    left: Timed = []
    async with aclosing(player.play()) as packets:
        async for packet in packets:
            left.append((time.monotonic(), packet))
            if packet.kind == "video":
                cue(packet)
            if packet.time_s > seconds:
                return left
    raise AssertionError("a player never ends")


def video(left: Timed) -> list[MediaPacket]:
    return [packet for _, packet in left if packet.kind == "video"]


def sound(left: Timed) -> list[MediaPacket]:
    return [packet for _, packet in left if packet.kind == "audio"]


def at(frames: dict[int, Callable[[], None]]) -> Callable[[MediaPacket], None]:
    """Does something behind the picture of a number."""
    return lambda packet: frames.pop(packet.pts, lambda: None)()


def assert_whole(left: Timed) -> None:
    """No gap in either lane, nothing out of order, and every picture decodes."""
    assert [packet.pts for packet in video(left)] == list(range(len(video(left))))
    assert [packet.pts for packet in sound(left)] == [index * 960 for index in range(len(sound(left)))]
    times = [packet.time_s for _, packet in left]
    assert times == sorted(times)
    assert len(decode_video([packet.data for packet in video(left)])) == len(video(left))


async def test_a_hit_is_shown_with_the_next_picture(player: Player) -> None:
    """In real time, told by another thread at any moment: a frame's time and the clock's grain later at most.

    But for what the picture itself was late for the schedule, hit or no hit, as a busy machine makes it.
    """
    told: list[float] = []
    due_s: dict[float, float] = {}
    stop = threading.Event()
    delay_s = player.pacer.delay_s

    def noted(media_s: float, now_s: float) -> float:
        origin_s = player.pacer._origin_s
        due_s[media_s] = now_s if origin_s is None else origin_s + media_s
        return delay_s(media_s, now_s)

    def hitter() -> None:
        rng = np.random.default_rng(0)
        while not stop.wait(rng.uniform(0.12, 0.3)):
            told.append(time.monotonic())
            player.hit()

    player.pacer.delay_s = noted  # type: ignore[method-assign]
    thread = threading.Thread(target=hitter)
    thread.start()
    left = await play(player, 4.0)
    stop.set()
    thread.join()
    assert_whole(left)
    hits = [(now_s, packet) for now_s, packet in left if packet.is_hit]
    assert 10 < len(hits) == player.hits == len(player.hit_latencies_s) <= len(told)
    late_s = [now_s - due_s[float(packet.time_s)] for now_s, packet in hits]
    excess_s = np.array(player.hit_latencies_s) - np.maximum(late_s, 0)
    assert excess_s.max() <= FRAME_S + GRAIN_S
    assert hits[0][0] - told[0] == pytest.approx(player.hit_latencies_s[0], abs=0.02)
    if player.pacer.late == 0:
        assert max(player.hit_latencies_s) <= FRAME_S + GRAIN_S + LATE_S


async def test_a_hit_is_a_cut_that_can_be_seen_and_the_walk_goes_on_from_there(
    texture: Texture, player: Player, lively: Liveliness
) -> None:
    meter = AttackMeter(texture)
    meter.start()
    while meter.attack is None:  # noqa: ASYNC110 (a thread)
        await asyncio.sleep(0.02)
    meter.close()
    player._stage._meter = meter
    frames = dict.fromkeys(range(14, 80, 13), player.hit)
    left = await play(player, 3.0, at(dict(frames)))
    assert_whole(left)
    pictures = [planes_of(picture)[0].astype(int) for picture in decode_video([packet.data for packet in video(left)])]
    shown = video(left)
    usual = np.median(
        [np.abs(pictures[i] - pictures[i - 1]).mean() for i in range(1, len(shown)) if shown[i].step is None]
    )
    for number in frames:
        packet = shown[number + 1]
        assert packet.is_hit
        assert packet.is_keyframe
        assert packet.step is not None
        assert packet.clip_frame == texture.segments.first_appended_frame(packet.step.segment)
        assert np.abs(pictures[number + 1] - pictures[number]).mean() > 2 * usual
    matrix = lively.transitions.probabilities.toarray()
    steps = [packet for packet in shown if packet.step is not None]
    for before, after in itertools.pairwise(steps):
        assert before.step is not None
        assert after.step is not None
        assert after.step.previous == before.step.segment
        assert after.is_hit or matrix[after.step.previous, after.step.segment] > 0


async def test_several_hits_before_one_picture_are_one(player: Player) -> None:
    left = await play(player, 0.7, at({10: lambda: [player.hit() for _ in range(5)] and None}))
    assert sum(packet.is_hit for packet in video(left)) == player.hits == 1


async def test_a_hit_waits_until_it_is_due_and_comes_with_the_nearest_picture(player: Player) -> None:
    due: list[float] = []

    def ask() -> None:
        due.append(time.monotonic() + 0.3)
        player.hit(due[0])

    left = await play(player, 1.0, at({8: ask}))
    (hit_s,) = (now_s for now_s, packet in left if packet.is_hit)
    if player.pacer.late == 0:
        assert abs(hit_s - due[0]) <= FRAME_S / 2 + GRAIN_S


def test_hits_that_wait_are_bounded_and_the_rest_counted() -> None:
    cues = Cues()
    for index in range(MOST_HITS + 3):
        cues.hit(Hit(100.0 + index, 1.0))
    assert cues.dropped == 3
    assert cues.take_hit(99.0) is None
    assert cues.take_hit(102.0) == Hit(100.0, 1.0)
    assert cues.take_hit(102.5) is None
    assert cues.take_hit(1e9) == Hit(103.0, 1.0)


async def test_over_a_bridge_if_one_is_ready(player: Player) -> None:
    player.set_performance(Performance(hit_bridge=True))
    left = await play(player, 4.0, at(dict.fromkeys(range(20, 110, 16), player.hit)))
    assert_whole(left)
    shown = video(left)
    bridged = [packet.clip_frame is None for packet in shown if packet.is_hit]
    assert len(bridged) == player.hits > 3
    assert any(bridged)


async def test_frozen_it_stands_still_from_the_next_picture_on_and_goes_on_where_it_was(player: Player) -> None:
    states = {
        15: lambda: player.set_performance(Performance(freeze=True)),
        45: player.hit,
        60: lambda: player.set_performance(Performance()),
    }
    left = await play(player, 2.6, at(dict(states)))
    assert_whole(left)
    shown = video(left)
    pictures = decode_video([packet.data for packet in shown])
    still = pictures[15:61]
    assert len({number_of(picture) for picture in still}) == 1
    changes = [index for index in range(1, len(still)) if not same(still[index - 1], still[index])]
    assert len(changes) <= 1, "once, when its own IDR takes the place of what held it"
    assert {packet.clip_frame for packet in shown[15:61]} == {shown[15].clip_frame}
    assert sum(packet.is_keyframe for packet in shown[25:61]) >= 5, "whoever joins sees it within a stride"
    joining = next(index for index in range(30, 60) if shown[index].is_keyframe)
    alone = decode_video([packet.data for packet in shown[joining:60]])
    assert {number_of(picture) for picture in alone} == {number_of(still[0])}
    assert shown[61].is_keyframe
    assert not any(same(pictures[index], pictures[index - 1]) for index in range(62, 70))
    assert player.hits == 0, "nothing hits what is frozen"
    steps = [packet.step for packet in shown if packet.step is not None]
    assert all(after.previous == before.segment for before, after in itertools.pairwise(steps))


async def test_blackout_is_black_and_silent_and_ends_with_the_next_picture(player: Player) -> None:
    states = {
        20: lambda: player.set_performance(Performance(blackout=True, freeze=True)),
        55: lambda: player.set_performance(Performance()),
    }
    left = await play(player, 2.6, at(dict(states)))
    assert_whole(left)
    shown = video(left)
    brightest = [planes_of(picture)[0].max() for picture in decode_video([packet.data for packet in shown])]
    black = [index for index, luma in enumerate(brightest) if luma < 20]
    assert black == list(range(21, 56))
    assert shown[21].is_keyframe
    assert shown[56].is_keyframe
    heard = np.abs(decode_sound([packet.data for packet in sound(left)])).reshape(-1, 960, 2).max(axis=(1, 2))
    begins, ends = int(21 * FRAME_S / 0.02), int(56 * FRAME_S / 0.02)
    assert heard[begins + 9 : ends - 1].max() < 1e-3
    assert heard[ends + 9 : ends + 20].min() > 0.02


async def test_from_black_to_frozen_shows_the_picture_of_before(player: Player) -> None:
    states = {
        15: lambda: player.set_performance(Performance(freeze=True)),
        30: lambda: player.set_performance(Performance(freeze=True, blackout=True)),
        45: lambda: player.set_performance(Performance(freeze=True)),
    }
    left = await play(player, 2.0, at(dict(states)))
    assert_whole(left)
    pictures = decode_video([packet.data for packet in video(left)])
    assert number_of(pictures[29]) == number_of(pictures[46]) == number_of(pictures[-1])
    assert planes_of(pictures[35])[0].max() < 20


async def test_frozen_while_black_shows_one_picture_afterwards(player: Player) -> None:
    states = {
        15: lambda: player.set_performance(Performance(blackout=True)),
        20: lambda: player.set_performance(Performance(freeze=True, blackout=True)),
        30: lambda: player.set_performance(Performance(freeze=True)),
        50: lambda: player.set_performance(Performance()),
    }
    left = await play(player, 2.2, at(dict(states)))
    assert_whole(left)
    numbers = [number_of(picture) for picture in decode_video([packet.data for packet in video(left)])]
    assert len(set(numbers[31:51])) == 1
    assert numbers[55] != numbers[50]


async def test_the_loop_is_not_held_up_by_hits(player: Player) -> None:
    """What a hit does on the event loop itself, measured as processor time of this thread: a few ms at most."""
    taken_s: list[float] = []
    react = player._react

    def measured() -> None:
        began_s = time.thread_time()
        react()
        taken_s.append(time.thread_time() - began_s)

    player._react = measured  # type: ignore[method-assign]
    await play(player, 2.5, at(dict.fromkeys(range(10, 70, 5), player.hit)))
    assert player.hits >= 10
    assert np.median(taken_s) < 0.001
    assert max(taken_s) < 0.02


async def test_it_goes_where_the_clip_sounds_like_what_is_heard(texture: Texture, lively: Liveliness) -> None:
    """The clip's sound comes round thrice, as its picture does: hearing one phase at α = 0 keeps it there."""
    query, target = circle(texture.segments.count, turns=3)
    sounds = np.zeros((texture.segments.count, 8), np.float32)
    phase = 2 * np.pi * 3 * np.arange(texture.segments.count) / texture.segments.count
    sounds[:, 0], sounds[:, 1] = np.cos(phase), np.sin(phase)
    conditioning = Conditioning(texture.graph, query, target, sounds, texture.segments, behind_steps=1)
    with Player(texture, lively, seed=2, conditioning=conditioning) as player:
        player.set_performance(Performance(alpha=0.0))
        player.hear(sounds[7])
        player.pacer.delay_s = lambda media_s, now_s: 0.0  # type: ignore[method-assign]
        left = await play(player, 20.0)
        steps = [packet.step.segment for packet in video(left) if packet.step is not None]
        heard = sounds[np.array(steps[10:]) - 1] @ sounds[7]  # it is a step old when the step that it decides ends
        assert float(np.median(heard)) > 0.8 > float(np.median(sounds @ sounds[7])) + 0.5
        with pytest.raises(ValueError, match="8 numbers"):
            player.hear(np.zeros(5))
        player.hear(None)
        assert player._stage.cues.heard is None


@pytest.mark.parametrize(
    ("sounded_s", "goes_by"), [(99.0, "ends"), (100.0, "ends"), (101.0, "scores"), (np.inf, "scores")]
)
async def test_a_hit_goes_by_what_was_heard_since_it_sounded(
    texture: Texture, lively: Liveliness, sounded_s: float, goes_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was heard before it says only what came before it."""
    query, target = circle(texture.segments.count, turns=3)
    conditioning = Conditioning(texture.graph, query, target, query, texture.segments, behind_steps=1)
    with Player(texture, lively, seed=2, conditioning=conditioning) as player:
        asked: list[npt.NDArray[np.float32]] = []
        landing, choose = player._stage.landing, player._stage.landing.choose

        def noted(shown: int, scores: npt.NDArray[np.float32], alpha: float) -> int | None:
            asked.append(scores)
            return choose(shown, scores, alpha)

        monkeypatch.setattr(landing, "choose", noted)
        player.hear(query[7], at_s=100.0)
        await play(player, 0.7, at({8: lambda: player.hit(sounded_s=sounded_s)}))
    (scores,) = asked
    np.testing.assert_array_equal(scores, getattr(conditioning.hear(query[7]), goes_by))


@pytest.mark.parametrize(("alpha", "hears"), [(0.0, True), (0.5, True), (1.0, True), (0.5, False)])
async def test_a_step_by_sound_is_drawn_just_before_it_plays_and_any_other_a_stride_before(
    texture: Texture, lively: Liveliness, alpha: float, hears: bool
) -> None:
    query, target = circle(texture.segments.count, turns=3)
    conditioning = Conditioning(texture.graph, query, target, query, texture.segments, behind_steps=1)
    with Player(texture, lively, seed=2, conditioning=conditioning) as player:
        player.set_performance(Performance(alpha=alpha))
        player.hear(query[7] if hears else None)
        player.pacer.delay_s = lambda media_s, now_s: 0.0  # type: ignore[method-assign]
        by_sound: list[float] = []
        others: list[float] = []
        step = player._itinerary.walk.step

        def noted() -> Step:
            left_s = player._reel.ends * FRAME_S - float(player._reel.next_time_s)
            (by_sound if player._itinerary.walk.listens else others).append(left_s)
            return step()

        player._itinerary.walk.step = noted  # type: ignore[method-assign]
        left = await play(player, 8.0)
    assert_whole(left)
    drawn = len(by_sound) + len(others)
    assert drawn > 20
    assert abs(len(by_sound) - (1 - alpha) * hears * drawn) <= 2
    assert all(0.05 < left_s <= DRAW_LEAD_S for left_s in by_sound[1:]), "the first of all is drawn at once"
    assert all(left_s > 5 * FRAME_S for left_s in others[1:])


async def test_without_a_conditioning_hearing_changes_nothing(texture: Texture, lively: Liveliness) -> None:
    with Player(texture, lively, seed=3) as player:
        expected = list(itertools.islice(player.packets(), 60))
    with Player(texture, lively, seed=3) as player:
        player.hear(np.ones(4))
        got = list(itertools.islice(player.packets(), 60))
    assert [packet.clip_frame for packet in got] == [packet.clip_frame for packet in expected]


async def test_a_texture_of_another_x264_cannot_be_frozen_and_says_so(
    texture: Texture, lively: Liveliness, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texture.video, "parameter_sets", b"\x00\x00\x00\x01\x67other")
    with Player(texture, lively, seed=1) as player, caplog.at_level(logging.ERROR):
        player.set_performance(Performance(freeze=True))
        left = await play(player, 0.6)
    assert "another x264" in caplog.text
    assert len({packet.clip_frame for packet in video(left)}) > 10
