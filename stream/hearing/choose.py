"""From what a person says to a source of sound."""

from __future__ import annotations

import os
from pathlib import Path

from models.media import is_address
from stream.errors import MicrophoneError
from stream.hearing.browser import BrowserSource
from stream.hearing.capture import CaptureSource
from stream.hearing.file import FileSource
from stream.hearing.source import SoundSource

BROWSER = "browser"
WORDS = (BROWSER, "default")  # that have a meaning of their own, even where a file has that name


def open_source(text: str, *, loop: bool = False) -> SoundSource:
    """The source that is meant, not yet started.

    Args:
        text: "browser" for a viewer's own microphone; the path of a file that is there; an address with ://; else a
            part of a capture device's name, or "default". For a file with one of those names say `./browser`.
        loop: whether a file begins again at its end.

    Raises:
        MicrophoneError: nothing can be meant by it.
    """
    if _is_file(text):
        return FileSource(text, loop=loop)
    text = text.strip()
    if not text:
        raise MicrophoneError("no microphone is named; `videotexture devices` lists them")
    if text.casefold() == BROWSER:
        return BrowserSource()
    if is_address(text) or _is_file(text):
        return FileSource(text, loop=loop)
    if "/" in text and not text.endswith("/") and Path(text).suffix:
        raise MicrophoneError(f"{text}: no such file; `videotexture devices` lists the microphones")
    return CaptureSource(text)


def _is_file(text: str) -> bool:
    return text.strip().casefold() not in WORDS and os.path.isfile(text)
