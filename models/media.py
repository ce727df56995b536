"""Opening files of pictures and sound with FFmpeg: any name a file may have, and whatever its metadata holds.

FFmpeg takes a name that begins with letters and a colon for an address (`12:30 walk.mp4` would be of the protocol
`12`), and PyAV decodes titles and tags as strict UTF-8 unless told otherwise, though many files hold Latin-1 or
Shift-JIS. So every file is opened here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError

METADATA_ERRORS = "replace"  # nothing goes by titles and tags, so those that cannot be decoded may look odd


def open_media(path: Path, *, limits_s: tuple[float, float] | None = None) -> InputContainer:
    """Open a file to read from; what FFmpeg would take for an address is a file's name all the same.

    Args:
        limits_s: for a file that is read live, and may be a playlist of addresses: how long opening may take, and for
            how long nothing may come afterwards.

    Raises:
        av.error.FFmpegError: there is no such file, or FFmpeg cannot read it. It carries the plain path; an error that
            comes later, from reading on, carries FFmpeg's name for it, so show that one by `reason`.
        ValueError: no file can have that name.
    """
    try:
        return av.open(ffmpeg_name(path), timeout=limits_s, metadata_errors=METADATA_ERRORS)
    except FFmpegError as error:
        error.args = (error.errno, error.strerror, str(path))
        raise


def open_address(address: str, *, limits_s: tuple[float, float]) -> InputContainer:
    """Open a URL to read from.

    Args:
        limits_s: how long opening may take, and for how long nothing may come afterwards.

    Raises:
        av.error.FFmpegError: nothing readable is there; `av.error.ExitError` when a limit was reached.
    """
    return av.open(address, timeout=limits_s, metadata_errors=METADATA_ERRORS)


def create_media(path: Path, *, format: str | None = None, options: Mapping[str, str] | None = None) -> OutputContainer:
    """Create a file to write to.

    Args:
        format: FFmpeg's name of the container format; by default, the one that the file's ending says.
        options: of the container.

    Raises:
        ValueError: the ending says no format.
    """
    return av.open(ffmpeg_name(path), "w", format=format, options=dict(options or {}), metadata_errors=METADATA_ERRORS)


def ffmpeg_name(path: Path) -> str:
    """A file's name as FFmpeg must be given it, so that it is never taken for an address."""
    return f"file:{path}"


def is_address(text: str) -> bool:
    """Whether a text is a URL rather than a file: it has `://` in it, and no file of that name is there."""
    return "://" in text and not os.path.isfile(text)


def reason(error: Exception) -> str:
    """What went wrong with a file, without the name by which FFmpeg was given it."""
    return str(getattr(error, "strerror", None) or error)


def printable(name: str) -> str:
    """A file's name in valid Unicode: bytes that are not UTF-8 come as U+FFFD, so that it can be stored and shown."""
    return os.fsencode(name).decode("utf-8", "replace")
