"""A recorder of its own process, as a target has one, that is fed as fast as it writes."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av

from server.targets.connection import COMMAND
from server.targets.sound import AacSound
from server.targets.wire import Order, Piece, order_message, packet_message
from stream.reel import MediaPacket
from stream.texture import Texture
from tests.stream_media import write_texture

RATE_HZ = 30
FILE_S = 0.39  # two GOPs of the numbered texture
PATIENCE_S = 20.0


def pieces_of(folder: Path, seconds: float) -> tuple[bytes, list[Piece]]:
    """A picture to begin with, and as many seconds of numbered pictures and silence, in order."""
    with Texture.open(write_texture(folder / "numbers.texture", sound=False)) as texture:
        sound, pieces = AacSound(has_sound=False), []
        for number in range(round(seconds * RATE_HZ)):
            gop = texture.gop(number // 6 % 10)
            time_base = Fraction(1, RATE_HZ)
            piece = Piece(True, number % 6 == 0, number, time_base, 1, gop[number % 6])
            pieces.append(piece)
            pieces += sound.convert(
                MediaPacket("video", piece.data, piece.pts, time_base, 1, is_keyframe=piece.is_keyframe)
            )
        return texture.gop(0)[0], pieces


class Recorder:
    """A context manager: leaving ends the recording in peace."""

    def __init__(
        self,
        folder: Path,
        name: str,
        picture: bytes,
        *,
        source: str = "/a",
        keep_files: int = 2,
        file_s: float = FILE_S,
    ) -> None:
        order = Order("record", str(folder), name, (RATE_HZ, 1), file_s, keep_files, source)
        self._process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self._process.stdin is not None
        self._process.stdin.write(order_message(order, picture))
        self._process.stdin.flush()
        self.said = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.returncode is None:
            self.end()

    def feed(self, pieces: Sequence[Piece]) -> None:
        """Give it packets; it may not have written them yet."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"".join(map(packet_message, pieces)))
        self._process.stdin.flush()

    def end(self) -> str:
        """Let it finish its file; what it said."""
        said, complaints = self._process.communicate(timeout=PATIENCE_S)
        assert not complaints, complaints.decode()
        self.said = said.decode()
        return self.said

    def kill(self) -> None:
        """As the system does where memory is short."""
        self._process.kill()
        self._process.communicate(timeout=PATIENCE_S)


def named(folder: Path, name: str) -> list[Path]:
    """The recordings of a name, the oldest first; without those that are links or folders."""
    return sorted(
        path for path in folder.iterdir()
        if re.fullmatch(r"-20[0-9]{2}[01][0-9]{3}T[0-9]{6}\.[0-9]{3}Z\.mp4", path.name[-25:])
        and path.name[:-25] == name and path.is_file() and not path.is_symlink()
    )  # fmt: skip


def until(folder: Path, count: int, name: str, *, least_bytes: int) -> list[Path]:
    """The recordings of a name, as soon as there are so many and the last has something in it; the oldest first."""
    until_s = time.monotonic() + PATIENCE_S
    while True:
        files = named(folder, name)
        if len(files) >= count and os.stat(files[-1]).st_size >= least_bytes:
            return files
        assert time.monotonic() < until_s, f"{len(files)} recordings of {name!r}, expected {count}"
        time.sleep(0.02)


def comment_of(path: Path) -> str:
    """As FFmpeg reads it."""
    with av.open(str(path)) as container:
        return container.metadata["comment"]


def pictures_in(path: Path) -> int:
    """How many can be decoded."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))
