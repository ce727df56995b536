"""Files and folders that appear whole or not at all, and what dead processes have left of them.

What is written lies beside its place under another name until it is finished: `.NAME.MACHINE-BOOT-XXXXXXXX.partial`, or
the same with the file's own ending behind it. The process that writes it holds a lock on it (flock(2)), which its
death, of whatever kind, releases: so whoever writes into the same folder next can tell what is dead, and removes it.

Locks hold between the processes of one machine. What another machine has written into a shared folder is known by its
name and left alone, and so is everything on a file system that knows no locks.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

if sys.platform != "win32":  # where nothing is told dead, and nothing removed
    import fcntl

MOST_NAME_BYTES = 200  # of a name within that of what is half made
_NAME = re.compile(
    r"\.(?P<name>.+)\.(?:(?P<machine>[0-9a-f]{6})-(?P<boot>[0-9a-f]{6})-)?[a-z0-9_]{8}\.(?P<kind>partial|old)(?:\.\w+)?",
    re.DOTALL,
)


@contextmanager
def partial_file(path: Path) -> Iterator[Path]:
    """Give an empty file beside `path`, with the same ending; it is removed afterwards if it is still there.

    Raises:
        OSError: it cannot be made there.
    """
    remove_leftovers(path)
    partial, lock = _locked_file(path)
    try:
        partial.chmod(0o666 & ~_umask())  # it was made private
        yield partial
    finally:
        partial.unlink(missing_ok=True)
        _close(lock)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give such a file to write to, which becomes `path` if all went well.

    Raises:
        OSError: it cannot be written there, or not be renamed.
    """
    with partial_file(path) as partial:
        yield partial
        handle = os.open(partial, os.O_RDONLY)
        try:
            os.fsync(handle)  # a name must not outlive a power cut without what it names
        finally:
            os.close(handle)
        os.replace(partial, path)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a folder beside `path` to write into; it takes the place of `path`, if there is one, if all went well.

    Raises:
        OSError: it cannot be written there, or not be renamed.
    """
    remove_leftovers(path)
    partial, lock = _locked_folder(path, "partial")
    try:
        yield partial
        partial.chmod(0o777 & ~_umask())  # it was made private
        _replace_folder(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        _close(lock)


def remove_leftovers(path: Path) -> None:
    """Remove what dead processes have left half made beside `path`: of `path`, and what is surely ours of others.

    A folder that was moved out of its successor's way, which then never came, is given its name back.
    """
    for found in _leftovers(path):
        lock = _lock(found)
        if lock is None:
            continue  # somebody is at it, or nobody can tell
        try:
            if found.is_dir():
                if _given_back(found):
                    shutil.rmtree(found, ignore_errors=True)
            else:
                found.unlink(missing_ok=True)
        except OSError:
            pass  # it may not be removed, and harms nobody
        finally:
            _close(lock)


def _leftovers(path: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):  # a folder that is not there yet, or may not be read
        for found in sorted(path.parent.iterdir()):
            told = _NAME.fullmatch(found.name)
            if told is None or found.is_symlink():
                continue
            machine, boot = _marks()
            if told["machine"] is None:
                is_ours = told["name"] == _shortened(path.name)  # of an older version, which left no mark
            else:
                is_ours = told["machine"] == machine or told["boot"] == boot
            if is_ours:
                yield found


def _given_back(folder: Path) -> bool:
    """Whether a leftover folder holds nothing that would be missed; what was moved out of the way is moved back."""
    told = _NAME.fullmatch(folder.name)
    if told is None or told["kind"] != "old":
        return True
    for moved in list(folder.iterdir()):
        place = folder.parent / moved.name
        if not place.exists():
            moved.rename(place)
        elif told["name"] != _shortened(moved.name):
            return False  # not what was moved out of the way
    return True


def _replace_folder(partial: Path, path: Path) -> None:
    if not path.exists():
        partial.rename(path)
        return
    old, lock = _locked_folder(path, "old")
    try:
        path.rename(old / path.name)
        try:
            partial.rename(path)
        except BaseException:
            _given_back(old)
            raise
        shutil.rmtree(old, ignore_errors=True)
    finally:
        with contextlib.suppress(OSError):
            old.rmdir()  # if it is empty
        _close(lock)


@cache
def _marks() -> tuple[str, str]:
    """Six digits each for this machine, and for its running system: a container has a name of its own, but no kernel.

    Locks are told between all that have the same kernel; after the next start, the machine's name alone is the same.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    except OSError:
        boot = socket.gethostname()
    machine, boot = (hashlib.sha256(each.strip().encode()).hexdigest()[:6] for each in (socket.gethostname(), boot))
    return machine, boot


def _prefix(path: Path) -> str:
    return f".{_shortened(path.name)}.{'-'.join(_marks())}-"


def _shortened(name: str) -> str:
    """A name to which a prefix and an ending may be added: file systems take 255 bytes."""
    encoded = os.fsencode(name)
    if len(encoded) <= MOST_NAME_BYTES:
        return name
    digest = hashlib.sha256(encoded).hexdigest()[:8]
    return f"{encoded[: MOST_NAME_BYTES - 9].decode('utf-8', 'ignore')}~{digest}"


def _locked_folder(path: Path, kind: str) -> tuple[Path, int | None]:
    while True:
        made = Path(tempfile.mkdtemp(prefix=_prefix(path), suffix=f".{kind}", dir=path.parent))
        lock = _lock(made)
        if made.exists():  # else another process has taken it for dead before it was locked
            return made, lock
        _close(lock)


def _locked_file(path: Path) -> tuple[Path, int | None]:
    while True:
        handle, name = tempfile.mkstemp(prefix=_prefix(path), suffix=f".partial{path.suffix}", dir=path.parent)
        lock = _lock(Path(name))
        os.close(handle)
        if os.path.exists(name):
            return Path(name), lock
        _close(lock)


def _lock(path: Path) -> int | None:
    """A descriptor that holds the lock; None where another process has it, or there can be none."""
    if sys.platform == "win32":
        return None
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _close(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)


def _umask() -> int:
    told = os.umask(0o077)
    os.umask(told)
    return told
