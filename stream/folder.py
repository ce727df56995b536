"""A folder that appears whole or not at all."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stream.errors import TextureError

FULL_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
NEARLY_FULL_BYTES = 1 << 20


@contextmanager
def new_folder(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Gives a temporary folder beside `path` to write into; renames it to `path` if all went well.

    Raises:
        TextureError: `path` exists and may not be replaced, its parent cannot be written to, or the disk is full.
    """
    if path.exists() and not overwrite:
        raise TextureError(f"{path}: exists already; choose another name, or say --overwrite")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent))
    except OSError as error:
        raise TextureError(f"{path}: cannot be written there ({error.strerror}); choose another place") from error
    try:
        yield partial
        _replace(partial, path)
    except OSError as error:
        if disk_full(error, path):
            raise TextureError(f"{path}: the disk is full; make room there, or choose another place") from error
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def disk_full(error: OSError, path: Path) -> bool:
    """Whether a failed write to `path` failed for want of room; not every library keeps the number of the error."""
    if error.errno in FULL_DISK:
        return True
    usage = shutil.disk_usage(path.parent) if path.parent.exists() else None
    return usage is not None and usage.total > 0 and usage.free < NEARLY_FULL_BYTES


def _replace(partial: Path, path: Path) -> None:
    partial.chmod(0o755)  # mkdtemp makes it private
    if not path.exists():
        partial.rename(path)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".old", dir=path.parent))
    path.rename(old / path.name)
    try:
        partial.rename(path)
    except OSError:
        (old / path.name).rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)
