"""The mark in a recording that says whose it is, and whether somebody is writing it."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MARK = re.compile(rb"videotexture recording ([0-9a-f]{16}) ([0-9a-f]{16}) ([0-9]{1,12})")
# It is the comment in `moov`. The first of these stays where it is when the file is finished; a file that ends before
# its first fragment has one at its end only.
HEAD_BYTES, TAIL_BYTES = 16 << 10, 4 << 10


@dataclass(frozen=True)
class Mark:
    """What a recording says about itself, in its comment.

    Attributes:
        source: a digest of where the texture lies, 16 hexadecimal digits.
        owner: 16 random ones.
        number: of the file among its owner's; it goes up even if the clock is set back.
    """

    source: str
    owner: str
    number: int

    def __str__(self) -> str:
        return f"videotexture recording {self.source} {self.owner} {self.number}"


def read_mark(path: Path) -> Mark | None:
    """The mark of a file; None where it has none.

    Raises:
        OSError: it is gone, or may not be read.
    """
    with _opened(path) as file:
        size = os.fstat(file).st_size
        text = os.pread(file, HEAD_BYTES, 0) + os.pread(file, TAIL_BYTES, max(0, size - TAIL_BYTES))
    found = MARK.search(text)
    return None if found is None else Mark(found[1].decode(), found[2].decode(), int(found[3]))


def is_being_written(path: Path) -> bool:
    """Whether somebody holds its lock; what cannot be looked at, somebody may."""
    try:
        with _opened(path) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield file
    finally:
        os.close(file)
