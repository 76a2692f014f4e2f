"""Hostile EXIF, in every format that has it."""

import io
import struct

from PIL import Image

from hostile_files.making import Make, encoded, good
from hostile_files.tiff import LONG, RATIONAL, SHORT


def exif(*entries: bytes, count: int | None = None) -> bytes:
    return (
        b"Exif\0\0MM\0*\0\0\0\x08"
        + struct.pack(">H", len(entries) if count is None else count)
        + b"".join(entries)
        + bytes(4)
    )


def entry(tag: int, kind: int, count: int, value: bytes) -> bytes:
    return struct.pack(">2HI", tag, kind, count) + value


EXIF = {
    **{f"orientation {value}": exif(entry(274, SHORT, 1, struct.pack(">2H", value, 0))) for value in (0, 9, 65_535)},
    "orientation in words": exif(entry(274, 2, 4, b"up!\0")),
    "orientation as a share": exif(entry(274, RATIONAL, 1, struct.pack(">I", 8))),
    "orientation twice": exif(*[entry(274, SHORT, 2, b"\0\6\0\6")] * 2),
    "orientation of nothing": exif(entry(274, SHORT, 0, bytes(4))),
    "offsets beyond the end": exif(entry(271, 2, 400, b"\xff" * 4), entry(282, RATIONAL, 1, b"\xff" * 4)),
    "4 billion values": exif(entry(271, 2, 2**32 - 1, bytes(4))),
    "a directory that is its own": exif(entry(34_665, LONG, 1, struct.pack(">I", 8))),
    "places that are their own": exif(entry(34_853, LONG, 1, struct.pack(">I", 8))),
    "a maker's note of nothing": exif(entry(34_665, LONG, 1, struct.pack(">I", 26)), entry(37_500, 7, 99, b"\xff" * 4)),
    "65,535 entries": exif(count=65_535),
}


def with_exif(kind: str, data: bytes) -> Make:
    return lambda: encoded(Image.open(io.BytesIO(good(kind))), kind, exif=data)
