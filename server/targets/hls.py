"""An HLS folder: segments of about a second, and the playlist that lists the latest. Runs in a target's child.

FFmpeg's own `hls` muxer ends the list whenever it is closed, does not count the discontinuities that leave it, and
forgets at each start which segments of the run before are still to be removed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Self

from server.errors import TargetError
from server.targets.muxer import Muxer
from server.targets.playlist import END, SEGMENT, Playlist, Segment, read_playlist, segment_name
from server.targets.transport import OPTIONS, TransportStream
from server.targets.wire import Piece

PLAYLIST = "live.m3u8"
UNFINISHED = ".tmp"
SEGMENT_S = Fraction(1)  # the shortest that a playlist can declare; players stay three behind
LONGEST_S = Fraction(3, 2)  # from here on a duration is rounded to 2 s
LONGEST_GAP_S = Fraction(1, 2)
KEPT_BEHIND = 8  # RFC 8216, 6.2.2: for as long as the playlist that listed it lasts, and its own duration
MOST_WAITING = 120  # packets behind a cut, for the sound that belongs before it


class HlsFolder:
    """Takes packets; a context manager. Leaving lists what is finished: the playlist is never ended by it.

    Args:
        folder: exists.
        picture: an IDR with its parameter sets, Annex B.
        rate_hz: frames per second.
        first_s: the media time of the first picture.

    Raises:
        TargetError: another server writes there, or the playlist there is not one of ours.
    """

    def __init__(self, folder: Path, picture: bytes, rate_hz: Fraction, first_s: Fraction = Fraction(0)) -> None:
        self._folder, self._picture, self._rate_hz, self._first_s = folder, picture, rate_hz, first_s
        self._lock = _locked(folder)
        self._is_discontinuous = (folder / PLAYLIST).exists()  # players may have the run before
        try:
            self._playlist, self._number = _found(folder)
        except BaseException:
            os.close(self._lock)
            raise
        self._stream: TransportStream | None = None
        self._muxer: Muxer | None = None
        self._file: BinaryIO | None = None
        self._run_began: tuple[Fraction, datetime] | None = None
        self._begins_s = self._ends_s = self._gop_began_s = Fraction(0)
        self._cut_s: Fraction | None = None  # where the next segment begins, while sound before it may still come
        self._waiting: list[Piece] = []
        self._finished_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._finish()
        finally:  # where there was a failure, or is one now, a part of a segment is left
            if self._file is not None:
                with suppress(OSError):  # the disk is full, which is known by now
                    self._file.close()
                Path(self._file.name).unlink(missing_ok=True)
            os.close(self._lock)

    def write(self, piece: Piece) -> None:
        """Write a packet, to a new segment if the last is long enough."""
        if self._run_began is None:
            if not (piece.is_video and piece.is_keyframe):
                return
            self._run_began = piece.time_s, self._now()
            self._begin(piece.time_s)
        if self._cut_s is None and piece.is_video and piece.is_keyframe and self._is_full(piece.time_s):
            self._cut_s = piece.time_s
        if self._cut_s is None or piece.time_s < self._cut_s:
            self._put(piece)
            return
        self._waiting.append(piece)
        if not piece.is_video or len(self._waiting) > MOST_WAITING:
            self._cut()

    def confirmed_bytes(self) -> int:
        """What is in the files."""
        file = self._file
        with suppress(ValueError):  # it was closed meanwhile
            return self._finished_bytes + (0 if file is None else os.fstat(file.fileno()).st_size)
        return self._finished_bytes

    def _is_full(self, time_s: Fraction) -> bool:
        """Whether to cut before the group of pictures that begins now; one more should not make it round to 2 s."""
        gop_s, self._gop_began_s = time_s - self._gop_began_s, time_s
        length_s = time_s - self._begins_s
        return length_s >= SEGMENT_S or length_s + gop_s >= LONGEST_S > gop_s or self._is_gap(time_s)

    def _is_gap(self, time_s: Fraction) -> bool:
        return time_s - self._ends_s > LONGEST_GAP_S

    def _put(self, piece: Piece) -> None:
        assert self._muxer is not None
        if piece.is_video:
            self._ends_s = max(self._ends_s, piece.time_s + piece.duration * piece.time_base)
        self._muxer.write(piece)
        assert self._file is not None
        self._file.flush()

    def _cut(self) -> None:
        assert self._cut_s is not None
        begins_s, self._cut_s = self._cut_s, None
        self._finish()
        self._is_discontinuous = self._is_gap(begins_s)
        self._begin(begins_s)
        waiting, self._waiting = self._waiting, []
        for piece in waiting:
            self._put(piece)

    def _begin(self, begins_s: Fraction) -> None:
        assert self._run_began is not None
        self._begins_s = self._gop_began_s = self._ends_s = begins_s
        self._file = open(self._folder / (segment_name(self._number) + UNFINISHED), "wb")  # noqa: SIM115
        if self._stream is None:
            self._stream = TransportStream(self._file)
        self._stream.out = self._file
        self._muxer = Muxer(
            self._stream, "mpegts", self._picture, self._rate_hz, OPTIONS, begins_s=self._run_began[0] - self._first_s
        ).__enter__()

    def _finish(self) -> None:
        """Close the segment, and list it."""
        if self._muxer is None or self._file is None or self._run_began is None:
            return
        self._muxer.close()
        self._muxer = None
        self._finished_bytes += os.fstat(self._file.fileno()).st_size
        self._file.close()
        os.replace(self._file.name, self._folder / segment_name(self._number))
        began_s, began = self._run_began
        begins = began + timedelta(seconds=float(self._begins_s - began_s))
        duration_s = float(self._ends_s - self._begins_s)
        self._playlist = self._playlist.with_segment(Segment(self._number, duration_s, begins, self._is_discontinuous))
        _replace(self._folder / PLAYLIST, self._playlist.text())
        self._number += 1
        _remove(self._folder, lambda number: number < self._playlist.segments[0].number - KEPT_BEHIND)

    def _now(self) -> datetime:
        """The time of day; if the clock was set back, the end of what is listed: times in a playlist never go back."""
        now = datetime.now(UTC)
        return max(now, self._playlist.segments[-1].ends) if self._playlist.segments else now


def end_playlist(folder: Path) -> None:
    """Tell players that nothing will follow: somebody has ended the stream, not only the server.

    Raises:
        TargetError: another server writes there, or the playlist there is not one of ours.
        FileNotFoundError: nothing was ever listed.
    """
    lock = _locked(folder)
    try:
        _ours(folder)
        text = (folder / PLAYLIST).read_text()
        if END not in text:
            _replace(folder / PLAYLIST, f"{text}{END}\n")
    finally:
        os.close(lock)


def _locked(folder: Path) -> int:
    """The folder, opened and locked against other servers for as long as it is open; nothing is written for that."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise TargetError("another server writes HLS into this folder; give each a folder of its own") from error
    except OSError as error:
        if error.errno not in (errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP):  # network file systems lock no folders
            os.close(descriptor)
            raise
    return descriptor


def _found(folder: Path) -> tuple[Playlist, int]:
    """The playlist of an earlier run, as far as its files are still there, and the number of the next segment.

    What a run that was killed has left unfinished is removed.
    """
    for name in os.listdir(folder):
        if name.endswith(UNFINISHED) and SEGMENT.fullmatch(name.removesuffix(UNFINISHED)):
            (folder / name).unlink(missing_ok=True)
    try:
        playlist = _ours(folder)
    except FileNotFoundError:
        playlist = Playlist()
    here = [(folder / each.name).exists() for each in playlist.segments]
    complete = next((count for count, is_here in enumerate(reversed(here)) if not is_here), len(here))
    if not playlist.segments:  # beyond what was used before, so that no number comes twice
        numbers = [int(found[1]) for name in os.listdir(folder) if (found := SEGMENT.fullmatch(name))]
        return playlist, max([int(time.time()), *(number + 1 for number in numbers)])
    following = playlist.segments[-1].number + 1
    _remove(folder, lambda number: number >= following)  # finished, but never listed
    return playlist.with_last(complete), following


def _ours(folder: Path) -> Playlist:
    try:
        return read_playlist((folder / PLAYLIST).read_text())
    except ValueError as error:
        raise TargetError(
            f"{PLAYLIST} in this folder was not written by videotexture ({error}); move it, or give another folder"
        ) from error


def _remove(folder: Path, is_past: Callable[[int], bool]) -> None:
    """Remove segments, by their numbers; of those that are no segments of ours nothing is touched."""
    for name in os.listdir(folder):
        found = SEGMENT.fullmatch(name)
        if found is not None and is_past(int(found[1])):
            (folder / name).unlink(missing_ok=True)


def _replace(path: Path, text: str) -> None:
    """Write a file so that readers see the old one or the new one, never a part."""
    unfinished = path.with_name(path.name + UNFINISHED)
    unfinished.write_text(text)
    os.replace(unfinished, path)
