"""Files that say that the rims of their pictures are not to be shown."""

from __future__ import annotations

from pathlib import Path

SEGMENT = b"\x18\x53\x80\x67"
TRACKS, ENTRY, VIDEO = b"\x16\x54\xae\x6b", b"\xae", b"\xe0"
BOTTOM, TOP, LEFT, RIGHT = b"\x54\xaa", b"\x54\xbb", b"\x54\xcc", b"\x54\xdd"


def crop_matroska(path: Path, *, top: int = 0, bottom: int = 0, left: int = 0, right: int = 0) -> Path:
    """Give the picture track of a Matroska file its PixelCrop elements (RFC 9559, 5.1.4.1.28); returns `path`."""
    data = path.read_bytes()
    crop = b"".join(
        mark + b"\x81" + bytes([pixels])
        for mark, pixels in ((BOTTOM, bottom), (TOP, top), (LEFT, left), (RIGHT, right))
        if pixels
    )
    at = data.index(SEGMENT) + len(SEGMENT)
    sizes = [at]
    at = data.index(TRACKS, data.index(TRACKS) + 4)  # the first is in the list of where things are
    for mark in (TRACKS, ENTRY, VIDEO):
        while (found := data[at : at + _id_bytes(data[at])]) != mark:
            at += len(found)
            at += _size_bytes(data[at]) + _size(data, at)
        at += len(mark)
        sizes.append(at)
        at += _size_bytes(data[at])
    for place in sizes:
        count = _size_bytes(data[place])
        size = int.from_bytes(data[place : place + count], "big")
        size += len(crop)
        data = data[:place] + size.to_bytes(count, "big") + data[place + count :]
    path.write_bytes(data[:at] + crop + data[at:])
    return path


def _id_bytes(first: int) -> int:
    return 9 - first.bit_length()


_size_bytes = _id_bytes  # both lengths are told alike, by the leading zeros of the first byte


def _size(data: bytes, at: int) -> int:
    count = _size_bytes(data[at])
    return int.from_bytes(data[at : at + count], "big") & ((1 << 7 * count) - 1)
