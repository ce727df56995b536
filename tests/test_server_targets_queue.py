"""The queue of a target: bounded, and what comes out decodes whatever was dropped."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from itertools import pairwise

import pytest

from server.targets.queue import GopQueue
from server.targets.wire import Piece

GOP = 6


def video(number: int) -> Piece:
    return Piece(True, number % GOP == 0, number, Fraction(1, 30), 1, b"v")


def audio(number: int) -> Piece:
    return Piece(False, True, number * 1024, Fraction(1, 48000), 1024, b"a")


def stream(seconds: float) -> list[Piece]:
    """Pictures, and sound that comes 60 ms behind them, as an encoder gives it."""
    pieces = [(float(video(n).time_s), video(n)) for n in range(round(30 * seconds))]
    pieces += [(float(audio(n).time_s) + 0.06, audio(n)) for n in range(round(48000 / 1024 * seconds))]
    return [piece for _, piece in sorted(pieces, key=lambda item: item[0])]


async def drain(queue: GopQueue) -> list[Piece]:
    return [await queue.get() for _ in range(len(queue))]


async def test_it_begins_with_an_idr_and_no_sound_before_it() -> None:
    queue = GopQueue()
    for piece in stream(2.0)[20:]:
        queue.put(piece)
    got = await drain(queue)
    assert got[0].is_video
    assert got[0].is_keyframe
    assert min(piece.time_s for piece in got) == got[0].time_s
    assert queue.dropped_packets == 0  # what came before it began was not dropped


@pytest.mark.parametrize("pause_s", [1.0, 2.5, 7.0])
async def test_what_is_taken_after_a_pause_decodes(pause_s: float) -> None:
    queue, got = GopQueue(limit=100), []
    pieces = stream(12.0)
    for piece in pieces:
        queue.put(piece)
        assert len(queue) <= 100
        if not 3.0 < piece.time_s < 3.0 + pause_s:
            got += await drain(queue)
    numbers = [piece.pts for piece in got if piece.is_video]
    for before, number in pairwise(numbers):
        assert number == before + 1 or number % GOP == 0
    assert len(got) + queue.dropped_packets == len(pieces)
    lost = [piece for piece in pieces if piece not in got]
    assert queue.dropped_gops == sum(piece.is_video and piece.is_keyframe for piece in lost)
    assert (queue.dropped_gops > 0) == (pause_s > 1.5)


async def test_get_waits_for_the_next() -> None:
    queue = GopQueue()
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.put(video(0))
    assert (await waiting).pts == 0
