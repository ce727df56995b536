"""A folder that appears whole or not at all."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from models.whole import remove_leftovers, whole_folder
from stream.errors import TextureError

FULL_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
NEARLY_FULL_BYTES = 1 << 20


@contextmanager
def new_folder(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Gives a temporary folder beside `path` to write into; renames it to `path` if all went well.

    What dead processes have left there is removed, or given its name back, first: see `models.whole`.

    Raises:
        TextureError: `path` exists and may not be replaced, its parent cannot be written to, or the disk is full.
    """
    remove_leftovers(path)
    if path.exists() and not overwrite:
        raise TextureError(f"{path}: exists already; choose another name, or say --overwrite")
    try:
        with ExitStack() as stack:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                partial = stack.enter_context(whole_folder(path))
            except OSError as error:
                raise TextureError(
                    f"{path}: cannot be written there ({error.strerror}); choose another place"
                ) from error
            yield partial
    except OSError as error:
        if disk_full(error, path):
            raise TextureError(f"{path}: the disk is full; make room there, or choose another place") from error
        raise


def disk_full(error: OSError, path: Path) -> bool:
    """Whether a failed write to `path` failed for want of room; not every library keeps the number of the error."""
    if error.errno in FULL_DISK:
        return True
    usage = shutil.disk_usage(path.parent) if path.parent.exists() else None
    return usage is not None and usage.total > 0 and usage.free < NEARLY_FULL_BYTES
