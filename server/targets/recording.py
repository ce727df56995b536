"""A recording in files that follow each other without a gap, each playable by itself. Runs in a target's child."""

from __future__ import annotations

import os
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Self

from server.errors import TargetError
from server.targets.muxer import Muxer
from server.targets.own_recordings import OwnRecordings
from server.targets.wire import Order, Piece

MOST_WAITING = 120  # packets behind a change of files, for the sound that belongs before it
LEAST_FREE_BYTES = 256 << 20
# Written in fragments of a second, so that a power cut leaves all but that; finished as an ordinary file.
OPTIONS = {"movflags": "hybrid_fragmented", "frag_duration": "1000000", "flush_packets": "1"}


class Recording:
    """Files NAME-TIME.mp4, begun at an IDR; a context manager.

    Args:
        folder: exists.
        order: name and place of the texture, rate, length and number of files.
        picture: an IDR with its parameter sets, Annex B.
    """

    def __init__(self, folder: Path, order: Order, picture: bytes) -> None:
        self._folder, self._order, self._picture = folder, order, picture
        self._rate_hz = Fraction(*order.rate)
        self._own = OwnRecordings(folder, order.name, order.source, order.keep_files)
        self._path, self._muxer = self._begin()
        self._ends_s: Fraction | None = None  # where the next file begins, while sound before it may still come
        self._waiting: list[Piece] = []
        self._finished_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._own.close()

    def write(self, piece: Piece) -> None:
        """Write a packet, to a new file if the last is long enough."""
        if self._ends_s is None and self._is_full(piece):
            self._ends_s = piece.time_s
        if self._ends_s is None or piece.time_s < self._ends_s:
            self._muxer.write(piece)
            return
        self._waiting.append(piece)
        if not piece.is_video or len(self._waiting) > MOST_WAITING:
            self._rotate()

    def confirmed_bytes(self) -> int:
        """What is in the files."""
        return self._finished_bytes + os.stat(self._path).st_size

    def _is_full(self, piece: Piece) -> bool:
        begins_s = self._muxer.begins_s
        return piece.is_keyframe and piece.is_video and begins_s is not None and (
            piece.time_s - begins_s >= self._order.file_s
        )  # fmt: skip

    def _rotate(self) -> None:
        self._finish()
        self._path, self._muxer = self._begin()
        self._ends_s = None
        waiting, self._waiting = self._waiting, []
        for piece in sorted(waiting, key=lambda each: not each.is_video):  # a file begins with a picture
            self._muxer.write(piece)

    def _finish(self) -> None:
        self._muxer.close()
        if self._muxer.begins_s is None:
            self._path.unlink(missing_ok=True)  # there is nothing in it
        else:
            self._finished_bytes += os.stat(self._path).st_size

    def _begin(self) -> tuple[Path, Muxer]:
        path, mark = self._own.begin()
        try:
            if shutil.disk_usage(self._folder).free < LEAST_FREE_BYTES:
                raise TargetError(
                    f"less than {LEAST_FREE_BYTES >> 20} MB are free on the disk; make room, or keep fewer"
                )
            muxer = Muxer(str(path), "mp4", self._picture, self._rate_hz, OPTIONS, comment=str(mark))
            return path, muxer.__enter__()
        except BaseException:
            path.unlink(missing_ok=True)  # there is nothing in it, and whoever tries again makes another
            raise
