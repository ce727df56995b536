"""A process for one connection of one target: `python -m server.targets.child`, told by `wire` what to do.

It may hang as long as it likes, in the interpreter's lock too: whoever began it watches what it reports, and ends it.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterable
from fractions import Fraction
from typing import NoReturn

import av
import av.error
import av.logging

from server.errors import TargetError
from server.targets.sinks import Sink, open_sink
from server.targets.wire import Piece, read_order, read_packets

REPORT_S = 0.25
PR_SET_PDEATHSIG = 1
LESS_URGENT = 5  # than the process that serves viewers, above all while this one starts


def main() -> None:
    """Send until standard input ends."""
    ffmpeg = _prepare()
    source = sys.stdin.buffer
    order, picture = read_order(source)
    try:
        with open_sink(order, picture) as sink:
            _report({"open": True})
            ffmpeg.words = ""
            ended = threading.Event()
            reporter = threading.Thread(
                target=_report_confirmed, args=(sink, ended, ffmpeg), name="reporter", daemon=True
            )
            reporter.start()
            is_worn = send(read_packets(source), sink, order.longest_s)
            ended.set()
            reporter.join()
        if is_worn:
            _report({"worn": True})
    except (OSError, TargetError, av.error.FFmpegError) as error:
        _fail(error, ffmpeg)


def send(pieces: Iterable[Piece], sink: Sink, longest_s: float | None) -> bool:
    """Write until there is no more.

    Args:
        longest_s: how much may be written, up to the IDR behind it; None for any amount.

    Returns:
        Whether it ended because so much was written.
    """
    first_s: Fraction | None = None
    for piece in pieces:
        if piece.is_video and piece.is_keyframe and longest_s is not None:
            first_s = piece.time_s if first_s is None else first_s
            if piece.time_s - first_s >= longest_s:
                return True
        sink.write(piece)
    return False


def _prepare() -> _FirstWords:
    os.nice(LESS_URGENT)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # are the parent's, which ends this one in order
        signal.signal(number, signal.SIG_IGN)
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    av.logging.set_level(av.logging.ERROR)  # so that errors carry FFmpeg's own words
    libav, first_words = logging.getLogger("libav"), _FirstWords()
    libav.addHandler(first_words)
    libav.propagate = False
    logging.getLogger("server").addHandler(_Notes(logging.WARNING))
    return first_words


def _report_confirmed(sink: Sink, ended: threading.Event, ffmpeg: _FirstWords) -> None:
    while not ended.wait(REPORT_S):
        try:
            _report({"confirmed_bytes": sink.confirmed_bytes()})
        except (OSError, TargetError) as error:
            _fail(error, ffmpeg)


def _report(said: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def _fail(error: Exception, ffmpeg: _FirstWords) -> NoReturn:
    """Tell why, and end at once: what FFmpeg would still like to write, it would write to nobody."""
    _report({"failed": _words(error, ffmpeg)})
    os._exit(1)


class _Notes(logging.Handler):
    """Tells the parent what is worth a line in its log, and no reason to end."""

    def emit(self, record: logging.LogRecord) -> None:
        _report({"note": record.getMessage()})


class _FirstWords(logging.Handler):
    """Keeps what FFmpeg complained of first, which says more than the number that it returns."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.words = ""

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage().strip()
        if said and not self.words and not record.name.endswith("tee"):  # which says that all of its one output failed
            self.words = said


def _words(error: Exception, ffmpeg: _FirstWords) -> str:
    if not isinstance(error, OSError | av.error.FFmpegError):
        return str(error)
    words = error.strerror or type(error).__name__  # its own text has the address in it
    if words in ffmpeg.words:
        return ffmpeg.words
    return f"{words} ({ffmpeg.words})" if ffmpeg.words else words


if __name__ == "__main__":
    main()
