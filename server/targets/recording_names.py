"""Names of recordings: the texture's, and exactly a stamp. No pattern is made of a name, which may hold anything."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from datetime import UTC, datetime

ENDING = re.compile(r"-([0-9]{8}T[0-9]{6}\.[0-9]{3}Z)\.mp4")
ENDING_LENGTH = len("-20260101T000000.000Z.mp4")


def stamped(name: str, moment: datetime) -> str:
    """The file name of a recording that begins at a moment, in UTC."""
    return f"{name}-{moment.strftime('%Y%m%dT%H%M%S.%f')[:-3]}Z.mp4"


def named_after(file_name: str) -> str | None:
    """What a recording of this file name is of; None where it is no recording's name.

    The ending has one length, so that a name that holds stamps itself is told from its beginnings.
    """
    found = ENDING.fullmatch(file_name[-ENDING_LENGTH:])
    if found is None or not _is_time(found[1]):
        return None
    return file_name[:-ENDING_LENGTH]


def ending_of(file_name: str) -> str:
    """What recordings are sorted by."""
    return file_name[-ENDING_LENGTH:]


def fitting_name(name: str, longest_bytes: int) -> str:
    """A texture's name, shortened to what leaves room for a stamp, and then told apart from others by a digest.

    Args:
        longest_bytes: that a file's name can have; 0 or less where the file system does not say.
    """
    raw, room = os.fsencode(name), longest_bytes - ENDING_LENGTH
    if len(raw) <= room or longest_bytes <= 0:
        return name
    digest = "~" + hashlib.sha256(raw).hexdigest()[:8]
    while name and len(os.fsencode(name)) > room - len(digest):
        name = name[:-1]
    return name + digest


def read_alike(first: str | None, second: str) -> bool:
    """Whether two names are the same to people: some file systems keep names decomposed, however they were given."""
    return first is not None and unicodedata.normalize("NFC", first) == unicodedata.normalize("NFC", second)


def _is_time(stamp: str) -> bool:
    try:
        datetime.strptime(stamp, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return True
