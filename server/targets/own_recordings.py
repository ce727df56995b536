"""Which recordings in a folder are a recorder's own: a server deletes those, and nothing else that lies beside them.

A folder may be shared: by textures whose names begin alike, by two servers of one texture, by textures of one name from
two places. So a recording is a recorder's own only if all of this holds:

- It is an ordinary file, named after the texture and exactly a stamp.
- Its mark names the recorder. A file without a mark (of an earlier release, or cut off before its first second) is
  known by its name alone, unless it is being written.

Whoever writes a file holds a lock on it (flock), which ends with the process, however that ends. A recorder that starts
takes on the newest owner of the same texture none of whose files is locked: so `--record-files` counts on over
restarts, while a second server of the texture becomes an owner of its own.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import logging
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from server.errors import TargetError
from server.targets.recording_mark import Mark, is_being_written, read_mark
from server.targets.recording_names import ending_of, fitting_name, named_after, read_alike, stamped

log = logging.getLogger(__name__)

MOST_LOOKED_AT = 1000  # newest files, to find whose work to take on
LOCK_LIMIT_S = 5.0
MOST_STAMPS = 1000  # tried, a millisecond apart, where files have them already
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EINVAL)
NO_SUCH_NAMES = (errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG)


@dataclass(frozen=True)
class _Found:
    path: Path
    mark: Mark | None

    def __lt__(self, other: _Found) -> bool:
        """Older: those without a mark first, for they are another release's, or empty."""
        return self._place() < other._place()

    def _place(self) -> tuple[int, str]:
        return (-1 if self.mark is None else self.mark.number), ending_of(self.path.name)


class OwnRecordings:
    """The recordings of one texture that one server writes into a folder, the oldest of which it deletes.

    Args:
        folder: exists.
        name: the texture's; any text that can be a file's name.
        source: where the texture lies, so that another of the same name is another.
        keep_files: how many files there may be, the one being written included; 0 for any number.

    Raises:
        TargetError: the folder cannot be locked.
        OSError: it cannot be read.
    """

    def __init__(self, folder: Path, name: str, source: str, keep_files: int) -> None:
        self._folder, self._keep = folder, keep_files
        self._name = fitting_name(name, os.pathconf(folder, "PC_NAME_MAX"))
        self._source = hashlib.sha256(os.fsencode(source)).hexdigest()[:16]
        self._marks: dict[tuple[str, int], Mark] = {}  # by name and inode: a mark does not change
        self._told: set[str] = set()
        # The file being written, and the one before: for its first second, a file has no mark that says whose it is.
        self._held: list[int] = []
        with self._alone():
            self._owner, self._number = self._taken_on()

    def begin(self) -> tuple[Path, Mark]:
        """Make room for a file, then make it: empty, and locked until the next is begun or the process ends.

        Returns:
            Where it is, and what its comment is to be.

        Raises:
            TargetError: room cannot be made, or no such file.
            OSError: the folder cannot be read or written.
        """
        with self._alone():
            self._make_room()
            path, file = self._created()
            self._hold(file)
            self._number += 1
            return path, Mark(self._source, self._owner, self._number)

    def close(self) -> None:
        """Let another take these recordings on, as the end of the process does."""
        while self._held:
            os.close(self._held.pop())

    def _hold(self, file: int) -> None:
        self._held.append(file)
        while len(self._held) > 2:
            os.close(self._held.pop(0))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """While no other recorder looks into the folder: a file that was just made has neither lock nor mark yet."""
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            until_s = time.monotonic() + LOCK_LIMIT_S
            while not self._lock(folder):
                if time.monotonic() > until_s:
                    raise TargetError(f"{self._folder}: another program has held its lock for {LOCK_LIMIT_S:g} s")
                time.sleep(0.01)
            yield
        finally:
            os.close(folder)

    def _lock(self, file: int) -> bool:
        """Whether it is locked now, and not by another."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            if self._keep:  # who keeps all files deletes none, and needs not know whose they are
                raise TargetError(
                    f"{self._folder}: its file system has no locks ({error.strerror}), by which servers tell whose "
                    "recordings are in use; record elsewhere, or keep all files (--record-files 0)"
                ) from error
        return True

    def _taken_on(self) -> tuple[str, int]:
        """The owner to be, and the number of its last file: the newest that nobody is, or a new one."""
        owners: dict[str, list[_Found]] = {}
        newest = sorted(self._named_so(), key=lambda entry: ending_of(entry.name), reverse=True)
        for found in map(self._read, newest[:MOST_LOOKED_AT]):
            if found is not None and found.mark is not None and found.mark.source == self._source:
                owners.setdefault(found.mark.owner, []).append(found)
        for owner, files in owners.items():
            if not any(is_being_written(found.path) for found in files):
                self._claim(max(files).path)
                return owner, max(found.mark.number for found in files if found.mark is not None)
        return secrets.token_hex(8), 0

    def _claim(self, path: Path) -> None:
        """Hold a file that was finished before, as one that is being written."""
        with suppress(OSError):  # of one that may not be written, a new file says soon enough whose they are
            file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            self._lock(file)
            self._hold(file)

    def _make_room(self) -> None:
        if not self._keep:
            return
        own = sorted(filter(self._is_own, filter(None, map(self._read, self._named_so()))))
        left = len(own)
        for found in own:
            if left < self._keep:
                break
            left -= self._removed(found.path)
        if left >= 2 * self._keep:
            raise TargetError(
                f"{self._folder}: {left} recordings are there instead of {self._keep}, for old ones cannot be removed; "
                "remove them, or let this user remove them"
            )

    def _is_own(self, found: _Found) -> bool:
        if found.mark is None:
            return named_after(found.path.name) == self._name and not is_being_written(found.path)
        return (found.mark.source, found.mark.owner) == (self._source, self._owner)

    def _named_so(self) -> list[os.DirEntry[str]]:
        """Ordinary files named after this texture and a stamp; not links, not folders."""
        with os.scandir(self._folder) as entries:
            return [
                entry
                for entry in entries
                if read_alike(named_after(entry.name), self._name) and entry.is_file(follow_symlinks=False)
            ]

    def _read(self, entry: os.DirEntry[str]) -> _Found | None:
        """None where it is gone, or not for us to read: then it is not ours."""
        known, path = (entry.name, entry.inode()), self._folder / entry.name
        if known not in self._marks:
            try:
                mark = read_mark(path)
            except OSError:
                return None
            if mark is None:
                return _Found(path, None)
            self._marks[known] = mark
        return _Found(path, self._marks[known])

    def _removed(self, path: Path) -> bool:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            if path.name not in self._told:
                self._told.add(path.name)
                log.warning("%s: this old recording cannot be removed: %s", path, error.strerror)
            return False
        return True

    def _created(self) -> tuple[Path, int]:
        """A new file, never one that is there already."""
        now = datetime.now(UTC)
        for later_ms in range(MOST_STAMPS):
            path = self._folder / stamped(self._name, now + timedelta(milliseconds=later_ms))
            try:
                with suppress(FileExistsError):
                    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
                    self._lock(file)
                    return path, file
            except OSError as error:
                if error.errno not in NO_SUCH_NAMES:
                    raise
                raise TargetError(
                    f"{self._folder}: no file can be called {path.name!r} there ({error.strerror}); "
                    "rename the texture, or record elsewhere"
                ) from error
        raise TargetError(f"{self._folder}: all names of the next second are taken for recordings of {self._name!r}")
