"""JPEG files that take too long, or lack their end."""

import io

import numpy as np
from PIL import Image

from colorizers.errors import ColorizerError
from colorizers.words import Text

_SCAN, _END = b"\xff\xda", b"\xff\xd9"
_MOST_SCANS = 100  # a progressive file has about ten; each takes as long as the picture is large
_MOST_MISSING = 1 / 16  # of the rows
_ANYTHING = bytes(range(1, 255)) * 64


def check_scans(data: bytes, label: Text | str) -> None:
    """Raise ColorizerError for a file that would be decoded for minutes."""
    if data.count(_SCAN) > _MOST_SCANS:
        raise ColorizerError(Text("photo.too-many-pieces", name=label, limit=_MOST_SCANS))


def ended(data: bytes) -> tuple[bytes, int] | None:
    """A file that breaks off, with an end, and how many of its last rows are guessed; None when these are too many.

    The rows are those that would look otherwise if something else came next.
    """
    if not _is_in_last_scan(data):
        return None
    with Image.open(io.BytesIO(data + _END), formats=("JPEG",)) as image:
        pixels = np.asarray(image)
    with Image.open(io.BytesIO(data + _ANYTHING + _END), formats=("JPEG",)) as image:
        differ = (np.asarray(image) != pixels).reshape(len(pixels), -1).any(1)
    missing = len(pixels) - int(differ.argmax()) if differ.any() else 0
    return (data + _END, missing) if missing <= _MOST_MISSING * len(pixels) else None


def _is_in_last_scan(data: bytes) -> bool:
    """Whether the last scan is one that brings the last bits of the highest frequencies, as only the last does."""
    begin = data.rfind(_SCAN)
    length = int.from_bytes(data[begin + 2 : begin + 4], "big")
    parameters = data[begin + 2 + length - 3 : begin + 2 + length]
    return begin > 0 and len(parameters) == 3 and parameters[1] == 63 and parameters[2] & 15 == 0
