"""A server as `videotexture serve` runs it, that also notes when what passed: `python -m bench.latency.watched_server`.

It writes a line of JSON for each pluck that its source handed over, each hit that was told, and each picture that left.
All times are monotonic seconds, the same in all processes of a machine.
"""

from __future__ import annotations

import json
import math
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import IO, Any, Self, cast

from bench.latency.plucks import PluckFinder
from bench.server_process import ANSWER_LIMIT_S, ServerProcess
from server.app import Manners
from server.ice import LOOPBACK, IceSettings
from server.playing import opened_sound_engine
from server.repertoire import OpenPlayer, Repertoire
from server.serve import ServerSettings, serve
from stream.conditioning import Conditioning
from stream.hearing.browser import BrowserSource
from stream.hearing.capture import CaptureSource
from stream.hearing.choose import BROWSER
from stream.hearing.file import FileSource
from stream.hearing.source import SAMPLE_RATE_HZ, Block, Sink, SoundSource
from stream.player import LISTENING_BEHIND_STEPS, Player
from stream.splice import MediaPacket
from stream.texture import Texture

JUMPS_PER_MINUTE = 2.0  # of the walk's own: a jump that nobody asked for is noise here
SEED = 0
NO_SOUND = "none"


class Notes:
    """A file that any thread may write a line to."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self._lock = file, threading.Lock()

    def add(self, kind: str, **what: Any) -> None:
        """One line."""
        line = json.dumps({"kind": kind, **what}) + "\n"
        with self._lock:
            self._file.write(line)


class WatchedPlayer(Player):
    """Notes each hit that it is told and each picture that it gives."""

    notes: Notes

    def hit(self, due_s: float | None = None, sounded_s: float = math.inf) -> None:
        """As ever; by the thread that heard it."""
        self.notes.add("hit", told_s=time.monotonic(), due_s=due_s)
        super().hit(due_s, sounded_s)

    async def play(self) -> AsyncGenerator[MediaPacket]:
        """As ever."""
        async with aclosing(super().play()) as packets:
            async for packet in packets:
                if packet.kind == "video":
                    self.notes.add(
                        "picture", sent_s=time.monotonic(), place=packet.pts, frame=packet.clip_frame,
                        hit=packet.is_hit, jump=packet.step is not None and packet.step.is_jump,
                    )  # fmt: skip
                yield packet


class _Watched(SoundSource):
    """Notes each pluck when its block is handed over: when that was, and when the source says that it sounded."""

    notes: Notes

    def start(self, sink: Sink) -> None:
        finder = PluckFinder(SAMPLE_RATE_HZ)

        def watched(block: Block) -> None:
            found = finder.hear(block.samples)
            if found is not None:
                age_s = (len(block.samples) - found) / SAMPLE_RATE_HZ
                self.notes.add("pluck", arrived_s=time.monotonic(), at_s=block.heard_at_s - age_s)
            sink(block)

        super().start(watched)  # type: ignore[safe-super]  # the source behind this in the order of classes


class _WatchedBrowser(_Watched, BrowserSource):
    pass


class _WatchedCapture(_Watched, CaptureSource):
    pass


class _WatchedFile(_Watched, FileSource):
    pass


def watched_source(text: str, notes: Notes) -> SoundSource | None:
    """What `serve --mic` takes, watched: a file that is there, "browser", or a device; None for "none"."""
    if text == NO_SOUND:
        return None
    source: _Watched
    if Path(text).is_file():
        source = _WatchedFile(text, loop=True)
    else:
        source = _WatchedBrowser() if text == BROWSER else _WatchedCapture(text)
    source.notes = notes
    return source


class WatchedServer(ServerProcess):
    """That server in a process of its own, on loopback.

    Attributes:
        notes: the file that it writes.
    """

    def __init__(self, texture: Path, sound: str, notes: Path, *, embeds: bool = True) -> None:
        """Remember what to start.

        Args:
            texture: the folder to play.
            sound: what `serve --mic` takes, or "none".
            notes: the file to write, a new one.
            embeds: whether the texture's sound network hears it too; else there are onsets only.
        """
        module = (sys.executable, "-m", "bench.latency.watched_server")
        super().__init__(texture, command=(*module, str(texture), sound, str(notes), "embeds" if embeds else ""))
        self.notes = notes

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def told(self) -> list[dict[str, Any]]:
        """All whole lines so far."""
        lines = self.notes.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def hearing(self) -> dict[str, Any]:
        """What /api/hearing says.

        Raises:
            OSError: it does not answer.
        """
        with urllib.request.urlopen(f"{self.address}api/hearing", timeout=ANSWER_LIMIT_S) as response:
            return cast("dict[str, Any]", json.load(response))


def _main(texture_path: str, sound: str, notes_path: str, embeds: str) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    settings = ServerSettings(port=0, manners=Manners(ice=IceSettings((LOOPBACK,))))
    with Path(notes_path).open("w", buffering=1, encoding="utf-8") as file, Texture.open(Path(texture_path)) as texture:
        notes = Notes(file)
        source = watched_source(sound, notes)
        liveliness = texture.liveliness(JUMPS_PER_MINUTE)
        conditioning = None if source is None else Conditioning.of_texture(texture, behind_steps=LISTENING_BEHIND_STEPS)
        network = texture.sound_network if conditioning and embeds else None
        player = WatchedPlayer(texture, liveliness, seed=SEED, conditioning=conditioning)
        player.notes = notes
        opened: OpenPlayer = lambda _: player  # noqa: E731
        with Repertoire({texture.name: Path(texture_path)}, opened) as repertoire:
            serve(
                repertoire, settings, on_listening=_announce, source=source,
                sound_engine=None if network is None else opened_sound_engine(network),
            )  # fmt: skip


def _announce(addresses: list[str]) -> None:
    sys.stdout.write(addresses[0] + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _main(*sys.argv[1:])
