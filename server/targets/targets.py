"""All targets of one channel: what plays is given to each, its sound as AAC, made once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Self

import numpy as np

from server.errors import TargetError
from server.targets.address import Destination, Kind
from server.targets.backoff import Backoff
from server.targets.hls import end_playlist
from server.targets.sound import AacSound
from server.targets.status import Limits, TargetEvent, TargetStatus
from server.targets.target import Target
from server.targets.wire import Order, Piece
from stream.reel import MediaPacket
from stream.texture import Texture

log = logging.getLogger(__name__)

MOST_TARGETS = 16
MOST_SOUND_WAITING = 100  # packets on their way through the encoder: two seconds; drop_newest beyond, counted


@dataclass(frozen=True)
class RecordSettings:
    """How recordings are cut.

    Attributes:
        file_s: the length of a file.
        keep_files: how many are kept, the oldest goes first; 0 keeps all.
    """

    file_s: float = 600.0
    keep_files: int = 0


class Targets:
    """Sends what it is offered to any number of targets, none of whom can slow the others or the caller down.

    An async context manager: leaving ends all targets properly.

    Attributes:
        folders: in and below which files may be written by request.
        sound_dropped: packets of sound that the encoder had no time for.
    """

    def __init__(
        self,
        texture: Texture,
        first: tuple[Destination, ...] = (),
        *,
        announce: Callable[[TargetEvent], None],
        limits: Limits | None = None,
        recording: RecordSettings | None = None,
        seed: int | None = None,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            texture: what is played.
            first: targets that are added on entering. Files that are asked for later lie in, or below, their folders.
            announce: told each change of a target's state.
            seed: of the back-off's jitter.
        """
        self._texture, self._first, self._announce = texture, first, announce
        self.folders = tuple(Path(each.address) for each in first if each.kind in (Kind.HLS, Kind.RECORD))
        self._limits, self._recording = limits or Limits(), recording or RecordSettings()
        self._seeds = np.random.SeedSequence(seed)
        self._numbers = count(1)
        self._targets: dict[str, Target] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._sound: AacSound | None = None
        self._encoder = ThreadPoolExecutor(max_workers=1, thread_name_prefix="aac")
        self._sound_waiting = 0
        self.sound_dropped = 0

    async def __aenter__(self) -> Self:
        for each in self._first:
            self.add(each)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(self._stop(identifier) for identifier in list(self._targets)))
        self._encoder.shutdown(wait=True, cancel_futures=True)

    def add(self, destination: Destination) -> TargetStatus:
        """Begin to send there.

        Raises:
            TargetError: it is sent there already, or there are too many.
        """
        if len(self._targets) >= MOST_TARGETS:
            raise TargetError(f"there are {MOST_TARGETS} targets already; remove one first")
        if any(target.destination == destination for target in self._targets.values()):
            raise TargetError(f"{destination.shown} is a target already")
        return self._start(f"{destination.kind}-{next(self._numbers)}", destination)

    def play(self, texture: Texture) -> None:
        """Send another texture from its first packet on.

        Where its pictures are of another format, or one has sound and the other none, every target is ended and
        begun anew under its name: no server and no file takes such a change within a stream.
        """
        before, self._texture = self._texture, texture
        if _format_of(before) == _format_of(texture):
            return
        self._sound = None
        for identifier, target in list(self._targets.items()):
            ended = self._tasks[identifier]
            ended.cancel()
            self._start(identifier, target.destination, after=ended)

    def _start(
        self, identifier: str, destination: Destination, *, after: asyncio.Task[None] | None = None
    ) -> TargetStatus:
        rate_hz = self._texture.manifest.clip.rate_hz
        order = Order(
            destination.kind, destination.address, self._texture.name, (rate_hz.numerator, rate_hz.denominator),
            self._recording.file_s, self._recording.keep_files, str(self._texture.path.absolute()),
            self._limits.longest_rtmp_s if destination.kind is Kind.RTMP else None,
        )  # fmt: skip
        backoff = Backoff(
            np.random.default_rng(self._seeds.spawn(1)[0]), self._limits.first_retry_s, self._limits.longest_retry_s
        )
        target = Target(
            identifier, destination, order, self._texture.gop(0)[0],
            limits=self._limits, backoff=backoff, announce=self._announce,
        )  # fmt: skip
        self._targets[identifier] = target
        self._tasks[identifier] = asyncio.create_task(_run_after(after, target), name=f"target {identifier}")
        return target.status()

    async def remove(self, identifier: str) -> bool:
        """Stop sending for good; returns when it is over, and False if there is no such target.

        Players of an HLS folder are told that it is the end. When the server stops they are not: it may come back.
        """
        target = await self._stop(identifier)
        if target is not None and target.destination.kind is Kind.HLS:
            try:
                await asyncio.to_thread(end_playlist, Path(target.destination.address))
            except (OSError, TargetError) as error:
                log.warning("%s %s: its playlist could not be ended: %s", identifier, target.destination.shown, error)
        return target is not None

    async def _stop(self, identifier: str) -> Target | None:
        """End a target, if there is such; the server's own end stops each like this."""
        target = self._targets.pop(identifier, None)
        if target is None:
            return None
        task = self._tasks.pop(identifier)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return target

    def statuses(self) -> list[TargetStatus]:
        """How all are, the oldest first."""
        return [target.status() for target in self._targets.values()]

    def offer(self, packet: MediaPacket) -> None:
        """Give a packet to all who want it; never waits. On the event loop's thread."""
        if not any(target.is_open for target in self._targets.values()):
            self._sound = None  # it begins anew with whoever wants it next
            return
        if packet.kind == "video":
            self._send(Piece(True, packet.is_keyframe, packet.pts, packet.time_base, packet.duration, packet.data))
        has_sound = self._texture.track is not None
        if packet.kind != ("audio" if has_sound else "video"):
            return
        if self._sound is None:
            self._sound = AacSound(has_sound=has_sound)
        if self._sound_waiting >= MOST_SOUND_WAITING:
            self.sound_dropped += 1
            return
        self._sound_waiting += 1
        loop = asyncio.get_running_loop()
        made = self._encoder.submit(self._sound.convert, packet)
        made.add_done_callback(lambda future: loop.call_soon_threadsafe(self._send_sound, future))

    def _send_sound(self, made: Future[list[Piece]]) -> None:
        self._sound_waiting -= 1
        if made.cancelled():
            return
        error = made.exception()
        if error is not None:
            log.error("the targets' sound could not be encoded; it begins anew", exc_info=error)
            self._sound = None
            return
        for piece in made.result():
            self._send(piece)

    def _send(self, piece: Piece) -> None:
        for target in self._targets.values():
            target.offer(piece)


def _format_of(texture: Texture) -> tuple[bytes, Fraction, bool]:
    """What must not change within a stream."""
    return texture.video.parameter_sets, texture.manifest.clip.rate_hz, texture.track is not None


async def _run_after(before: asyncio.Task[None] | None, target: Target) -> None:
    """Run a target, once the one that it takes the place of has ended: both may write to the same place."""
    if before is not None:
        await asyncio.wait([before])
    await target.run()
