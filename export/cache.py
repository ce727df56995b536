"""Built engines in the user's cache folder: found again by what they depend on, written whole or not at all.

Whatever happens to the folder (another process, a crash, a full disk, no right to write), whoever asks for an engine
gets one that works, and is told the truth about what was kept.
"""

from __future__ import annotations

import contextlib
import glob
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from export.engine_file import EngineFile, EngineKey
from export.spec import EngineError, NetworkSpec

Tell = Callable[[str], None]
Build = Callable[[], bytes]

LONGEST_BUILD_S = 3600.0  # that another process is waited for
STALE_S = 24 * 3600.0  # after which a file that nobody finished is swept up
UNUSED_S = 90 * 24 * 3600.0  # after which an engine that nobody opened is


class EngineCache:
    """A folder of engines.

    Args:
        folder: where; the user's cache folder by default. It need not exist.
        tell: given one sentence whenever an engine was not simply found.
    """

    def __init__(self, folder: Path | None = None, tell: Tell = lambda _: None) -> None:
        self.folder = folder or platformdirs.user_cache_path("videotexture") / "engines"
        self.tell = tell

    def path_of(self, key: EngineKey) -> Path:
        """Where the engine of a key is kept."""
        return self.folder / key.file_name

    def find(self, key: EngineKey) -> EngineFile | None:
        """The engine of a key, or one that serves it; None if there is none that is whole."""
        for path in self._candidates(key):
            try:
                file = EngineFile.read(path)
            except EngineError as error:
                self.tell(f"{error.args[0].removesuffix(': export it again')}; it is built again")
                continue
            if file.key.serves(key):
                with contextlib.suppress(OSError):
                    os.utime(path)  # it is in use
                return file
            self.tell(f"{path}: is an engine of something else; it is built again")
        return None

    def obtain(self, key: EngineKey, spec: NetworkSpec, build: Build) -> EngineFile:
        """Find the engine of a key, or build it, once however many processes ask, and keep it.

        Args:
            key: what is wanted.
            spec: of its network.
            build: makes the engine; called at most once.

        Raises:
            EngineError: it could not be built.
        """
        found = self.find(key)
        if found is not None:
            return found
        with self._locked(key) as is_locked:
            found = self.find(key) if is_locked else None  # another process may have built it meanwhile
            if found is not None:
                return found
            file = EngineFile(key, spec, build())
            if is_locked:
                self._keep(file)
            return file

    def rebuild(self, key: EngineKey, spec: NetworkSpec, build: Build) -> EngineFile:
        """Build the engine of a key although there is one.

        Raises:
            EngineError: it could not be built.
        """
        with self._locked(key) as is_locked:
            file = EngineFile(key, spec, build())
            if is_locked:
                self._keep(file)
            return file

    def _candidates(self, key: EngineKey) -> Iterator[Path]:
        """The file of the key, then those that say that they serve it."""
        exact = self.path_of(key)
        if exact.exists():
            yield exact
        for path in sorted(self.folder.glob(f"{glob.escape(f'{key.network}-{key.backend}')}-*.engine")):
            if path != exact:
                with contextlib.suppress(EngineError):  # damage is told where the file is wanted for sure
                    if EngineFile.read_key(path).serves(key):
                        yield path

    @contextlib.contextmanager
    def _locked(self, key: EngineKey) -> Iterator[bool]:
        """Hold the key's lock; False where there can be none, so that nothing may be written."""
        path = self.path_of(key)
        lock = FileLock(path.with_suffix(".lock"), timeout=0)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire()
            except Timeout:
                self.tell(f"{path.name}: another process is building it; waiting")
                lock.acquire(timeout=LONGEST_BUILD_S)
        except (OSError, Timeout) as error:
            why = getattr(error, "strerror", None) or str(error)
            self.tell(f"{self.folder}: cannot be written to ({why}); the engine is built for this run and not kept")
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def _keep(self, file: EngineFile) -> None:
        path = self.path_of(file.key)
        try:
            self._sweep(path.name)
            file.write(path)
        except OSError as error:
            self.tell(
                f"{path}: cannot be kept ({error.strerror}); the engine works for this run, "
                f"and is built again the next time: make room in {self.folder}"
            )

    def _sweep(self, name: str) -> None:
        """Remove unused engines, and what killed processes left half written: of `name`, whose lock is held, or old."""
        now_s = time.time()
        for path in self.folder.glob(".*.partial"):
            self._remove_older(path, 0.0 if path.name.startswith(f".{name}.") else STALE_S, now_s)
        for path in self.folder.glob("*.engine"):
            self._remove_older(path, UNUSED_S, now_s)

    @staticmethod
    def _remove_older(path: Path, age_s: float, now_s: float) -> None:
        with contextlib.suppress(OSError):
            if now_s - path.stat().st_mtime >= age_s:
                path.unlink()
