"""What a TIFF says of its first picture, read before a decoder builds on it, and what Pillow gets wrong."""

import contextlib
import os
import struct
import sys
import threading
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from PIL import Image, TiffImagePlugin

from colorizers.errors import ColorizerError
from colorizers.words import Text

# The one byte order of 16-bit gray, zero being white, that Pillow does not know by itself.
TiffImagePlugin.OPEN_INFO.setdefault((b"MM", 0, (1,), 1, (16,), ()), ("I;16B", "I;16B"))

_REDUCED, _BITS, _LIGHT, _STRIPS, _TILES, _FORMAT, _DNG = 254, 258, 262, 273, 324, 339, 50706
_SENSOR = (32803, 34892)  # meanings of a pixel in raw files: one colour of a mosaic, or linear light
_UNSIGNED, _SIGNED = 1, 2
_MISTAKEN = {(_SIGNED, 8), (_SIGNED, 16), (_UNSIGNED, 32)}  # numbers that Pillow takes for others
_MOST_PIECES = 70_000  # strips or tiles
_MOST_ENTRIES = 4096  # of the first directory; libtiff takes no more
_MOST_ENTRIES_OF_PAGES = 20_000
MOST_PAGES = 100  # that are counted
_OPENING = threading.Lock()
_WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q"}  # by their kinds
_ORDERS = {b"II": "<", b"MM": ">"}


def check_tiff(file: BinaryIO, label: Text | str) -> bool:
    """Whether a file is a TIFF with a picture; ColorizerError for one that must not be given to a decoder."""
    tags = _first_directory(file)
    values = {number: value for number, (_, value) in tags.items()}
    pieces = max(tags[number][0] if number in tags else 0 for number in (_STRIPS, _TILES))
    if _DNG in tags or values.get(_LIGHT) in _SENSOR:
        raise ColorizerError(Text("photo.raw", name=label))
    if pieces > _MOST_PIECES:
        raise ColorizerError(Text("photo.too-many-pieces", name=label, limit=_MOST_PIECES))
    if (values.get(_FORMAT, _UNSIGNED), values.get(_BITS, 1)) in _MISTAKEN:
        raise unknown_kind(label)
    return bool(tags)


def unknown_kind(label: Text | str) -> ColorizerError:
    """What is said of a TIFF whose numbers cannot be read here."""
    return ColorizerError(Text("photo.unknown-tiff", name=label))


def open_tiff(file: BinaryIO, label: Text | str) -> tuple[Image.Image, int]:
    """The first page of a TIFF that is no preview of another one, not yet decoded, and the number of undamaged pages.

    Pages are counted up to MOST_PAGES, fewer where directories are long. Raises ColorizerError for previews alone.
    """
    pages, photo, most = 0, None, _pages_soon_read(file)
    with _by_libtiff():
        image = Image.open(file, formats=("TIFF",))
        with contextlib.suppress(Exception):  # EOFError behind the last page, anything in a damaged one
            while pages < most:
                image.seek(pages)
                if photo is None and not image.tag_v2.get(_REDUCED, 0) & 1:  # type: ignore[attr-defined]
                    photo = pages
                pages += 1
        if photo is None:
            raise ColorizerError(Text("photo.raw", name=label))
        image.seek(photo)
    return image, pages


@contextlib.contextmanager
def _by_libtiff() -> Iterator[None]:
    """Meanwhile, Pillow opens TIFFs for libtiff: its own reader takes uncompressed planes of 16 bits for 8."""
    with _OPENING:
        before, TiffImagePlugin.READ_LIBTIFF = TiffImagePlugin.READ_LIBTIFF, True
        try:
            yield
        finally:
            TiffImagePlugin.READ_LIBTIFF = before


def is_swapped(image: Image.Image) -> bool:
    """Whether pixels of 32 bits have their bytes backwards: libtiff put them into order, and Pillow did it again."""
    order = _ORDERS.get(getattr(getattr(image, "tag_v2", None), "prefix", b""))
    return image.mode in ("I", "F") and order == (">" if sys.byteorder == "little" else "<")


class _Layout(NamedTuple):
    """How a file packs offsets, the number of entries of a directory, and these; and where the first one begins."""

    order: str
    offset: str
    length: str
    entry: str
    begin: int


def _layout(file: BinaryIO) -> _Layout | None:
    """None where the file is no TIFF."""
    file.seek(0)
    head = file.read(16)
    order = _ORDERS.get(head[:2])
    if order is None or len(head) < 16:
        return None
    large = head[2:4] in (b"\0\x2b", b"\x2b\0")
    offset, length, entry = (order + code for code in (("Q", "Q", "HHQ8s") if large else ("I", "H", "HHI4s")))
    return _Layout(order, offset, length, entry, struct.unpack_from(offset, head, 8 if large else 4)[0])


def _pages_soon_read(file: BinaryIO) -> int:
    """How many pages are looked at: directories may lie in one another, so that a small file has many long ones."""
    layout = _layout(file)
    if layout is None:
        return 0
    pages, entries, begin, size = 0, 0, layout.begin, file.seek(0, os.SEEK_END)
    while pages < MOST_PAGES and entries < _MOST_ENTRIES_OF_PAGES and 0 < begin < size:
        file.seek(begin)
        count = _read(file, layout.length)
        behind = file.tell() + count * struct.calcsize(layout.entry)
        file.seek(min(behind, size))
        pages, entries, begin = pages + 1, entries + count, _read(file, layout.offset)
    return pages


def _first_directory(file: BinaryIO) -> dict[int, tuple[int, int]]:
    """How many values each entry of the first directory has, and the first of them; empty when there is none."""
    layout = _layout(file)
    if layout is None:
        return {}
    file.seek(layout.begin)
    entries = min(_read(file, layout.length), _MOST_ENTRIES)
    table = file.read(entries * struct.calcsize(layout.entry))
    whole = len(table) // struct.calcsize(layout.entry) * struct.calcsize(layout.entry)
    return {
        number: (many, _first_value(file, layout, kind, many, value))
        for number, kind, many, value in struct.iter_unpack(layout.entry, table[:whole])
    }


def _first_value(file: BinaryIO, layout: _Layout, kind: int, many: int, value: bytes) -> int:
    """The first value of an entry if it is a whole number, else 0: it stands in the entry if all of them fit."""
    code = layout.order + _WHOLE_NUMBERS.get(kind, "B")
    if many * struct.calcsize(code) > len(value):
        file.seek(_unpacked(layout.offset, value))
        value = file.read(8)
    return _unpacked(code, value) if kind in _WHOLE_NUMBERS else 0


def _read(file: BinaryIO, form: str) -> int:
    return _unpacked(form, file.read(struct.calcsize(form)))


def _unpacked(form: str, data: bytes) -> int:
    size = struct.calcsize(form)
    return int(struct.unpack(form, data[:size])[0]) if len(data) >= size else 0
