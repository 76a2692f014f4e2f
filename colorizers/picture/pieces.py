"""Files of so many small parts that their headers alone would take seconds, and many times their size in memory."""

from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from colorizers.errors import ColorizerError
from colorizers.words import Text

_MOST = 70_000  # a PNG of 40 megapixels has some 30,000 chunks, if these have 8 KB
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_SCAN = b"\xff\xda"
_WITHOUT_LENGTH = {1, *range(0xD0, 0xDA), 0xFF}  # markers of JPEG


def check_pieces(file: BinaryIO, label: Text | str) -> None:
    """Raise ColorizerError for a PNG or JPEG of too many parts."""
    file.seek(0)
    begin = file.read(len(_PNG))
    pieces = _chunks(file) if begin == _PNG else _segments(file) if begin.startswith(_JPEG) else iter(())
    if sum(1 for _ in islice(pieces, _MOST + 1)) > _MOST:
        raise ColorizerError(Text("photo.too-many-pieces", name=label, limit=_MOST))


def _chunks(file: BinaryIO) -> Iterator[None]:
    while (head := file.read(8)) and head[4:] != b"IEND":
        yield
        file.seek(int.from_bytes(head[:4]) + 4, 1)


def _segments(file: BinaryIO) -> Iterator[None]:
    """Those before the first scan, and each byte between them."""
    file.seek(len(_JPEG))
    while (marker := file.read(2)) and marker != _SCAN:
        yield
        if marker[0] != 0xFF or marker[-1] in _WITHOUT_LENGTH:
            file.seek(-len(marker) + 1, 1)
        else:
            file.seek(max(0, int.from_bytes(file.read(2)) - 2), 1)
