"""A file from the network: all of it or nothing."""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from models.progress import Progress, silent
from models.whole import partial_file

SILENCE_S = 30.0  # a server that says nothing for so long is gone
CHUNK_BYTES = 1 << 20


class DownloadError(Exception):
    """The file could not be had; the message is the reason alone."""


@contextmanager
def downloaded(url: str, folder: Path, progress: Progress = silent) -> Iterator[tuple[Path, str]]:
    """Fetch a file under a temporary name in `folder`; it is removed after the block unless renamed in it.

    Args:
        url: http or https.
        folder: made if it is missing.
        progress: told the share that has come, where the server says how long the file is.

    Yields:
        (path, sha256 in hexadecimal digits).

    Raises:
        DownloadError: no connection, an error answer, silence, or fewer bytes than promised.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with partial_file(folder / "incoming") as path:
        with path.open("wb") as file:
            digest = _written(url, file, progress)
        yield path, digest


def _written(url: str, file: BinaryIO, progress: Progress) -> str:
    digest = hashlib.sha256()
    for chunk, done in _chunks(url):
        file.write(chunk)
        digest.update(chunk)
        progress("fetch weights", done)
    return digest.hexdigest()


def _chunks(url: str) -> Iterator[tuple[bytes, float]]:
    """What the server sends, and the share of it that has come, 0 to 1."""
    request = urllib.request.Request(url, headers={"User-Agent": "videotexture"})
    came = 0
    try:
        with urllib.request.urlopen(request, timeout=SILENCE_S) as answer:
            promised = int(answer.headers.get("Content-Length") or 0)
            while chunk := answer.read(CHUNK_BYTES):
                came += len(chunk)
                yield chunk, came / promised if promised else 0.0
    except urllib.error.HTTPError as error:
        raise DownloadError(f"it answers {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise DownloadError(str(error.reason)) from error
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(str(error) or type(error).__name__) from error
    if came < promised:
        raise DownloadError(f"the connection ended after {came} of {promised} bytes")
