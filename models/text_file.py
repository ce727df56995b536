"""Text files that people write, as editors leave them: with or without a byte-order mark, with any line ends."""

from __future__ import annotations

import codecs
from pathlib import Path

BYTE_ORDER_MARK = "\ufeff"
_WIDE = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}  # fmt: skip  (UTF-32 first: its little-endian mark begins with that of UTF-16)


class EncodingError(ValueError):
    """A file is not UTF-8; the message says what it seems to be, and what to do."""


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, without a byte-order mark (RFC 3629, 6), its lines ended by newlines alone.

    Raises:
        OSError: it cannot be read.
        EncodingError: it is not UTF-8.
    """
    data = path.read_bytes()
    for mark, encoding in _WIDE.items():
        if data.startswith(mark):
            raise EncodingError(f"it is {encoding}; save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EncodingError(f"byte {error.start} is not UTF-8; save it as UTF-8") from error
    if "\0" in text:
        raise EncodingError("it holds NUL characters, so it is no text, or UTF-16; save it as UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")
