"""A JPEG that is written strip by strip: each is compressed where it is made, and the whole is never held.

Every strip is a JPEG of its own by Pillow; the data of its scan becomes one restart interval (ITU-T T.81, B.2.4.4) of
the whole, whose head is the first strip's. Decoded, the picture is what Pillow's own `save` would have written.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from colorizers.picture.strips import rows_in_cache, strips
from colorizers.threads import shared_out

_BLOCK = 8  # pixels: side of what is compressed together, where no colours are subsampled
_MOST_BLOCKS = 2**16 - 1  # in a restart interval
_START_OF_FRAME, _START_OF_SCAN = 0xC0, 0xDA


def save_jpeg(path: Path, size: tuple[int, int], strip: Callable[[slice], Image.Image], **how: Any) -> None:
    """Write a JPEG of a size, width and height, whose rows `strip` gives in RGB; `how` is what Pillow's `save` takes.

    Colours are not subsampled.
    """
    width, height = size
    blocks = -(-width // _BLOCK)
    rows = min(max(1, rows_in_cache(width) // _BLOCK), _MOST_BLOCKS // blocks)

    def compressed(part: slice) -> tuple[bytes, bytes]:
        whole = how if part.start == 0 else {"quality": how["quality"]}
        with tempfile.TemporaryFile(dir=path.parent) as file:  # Pillow holds the lock while it writes into memory
            strip(part).save(file, "JPEG", **whole | {"subsampling": 0})
            file.seek(0)
            return _head_and_scan(file.read())

    with open(path, "wb") as file:
        for number, (head, scan) in enumerate(shared_out(compressed, strips(height, rows * _BLOCK))):
            file.write(
                bytes((0xFF, 0xD0 + (number - 1) % 8)) if number else _head_of_whole(head, height, rows * blocks)
            )
            file.write(scan)
        file.write(b"\xff\xd9")


def _head_and_scan(jpeg: bytes) -> tuple[bytes, bytes]:
    """The segments up to the scan, and the data of the only scan."""
    at = _segment(jpeg, _START_OF_SCAN)
    start = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4])
    return jpeg[:start], jpeg[start:-2]


def _head_of_whole(head: bytes, height: int, interval: int) -> bytes:
    """The head of the first strip with the height of the whole, and how many blocks each restart interval has."""
    frame, scan = (_segment(head, marker) for marker in (_START_OF_FRAME, _START_OF_SCAN))
    restarts = b"\xff\xdd\x00\x04" + interval.to_bytes(2)
    return head[: frame + 5] + height.to_bytes(2) + head[frame + 7 : scan] + restarts + head[scan:]


def _segment(jpeg: bytes, marker: int) -> int:
    """Where the first segment of a kind begins."""
    at = 2
    while jpeg[at + 1] != marker:
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4])
    return at
