"""Hostile TIFFs."""

import io
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import tifffile
from PIL import Image

from hostile_files.jpeg import cmyk
from hostile_files.making import Make, each, encoded

BYTE, SHORT, LONG, RATIONAL = 1, 3, 4, 5


@dataclass(frozen=True)
class Tag:
    """One entry of a directory: a value, or an offset of `count` values."""

    number: int
    value: int
    kind: int = LONG
    count: int = 1


def directory(tags: Iterable[Tag], following: int = 0, entries: int | None = None) -> bytes:
    packed = [
        struct.pack("<2HI", tag.number, tag.kind, tag.count)
        + (struct.pack("<2H", tag.value, 0) if (tag.kind, tag.count) == (SHORT, 1) else struct.pack("<I", tag.value))
        for tag in sorted(tags, key=lambda tag: tag.number)
    ]
    return (
        struct.pack("<H", len(packed) if entries is None else entries) + b"".join(packed) + struct.pack("<I", following)
    )


NUMBERS = {
    "width": 256, "height": 257, "bits": 258, "compression": 259, "light": 262, "offsets": 273, "samples": 277,
    "rows": 278, "counts": 279,
}  # fmt: skip
USUAL = {
    "width": 4, "height": 4, "bits": 8, "compression": 1, "light": 1, "offsets": 1024, "samples": 1, "rows": 4,
    "counts": 16,
}  # fmt: skip


def tiff(*more: Tag, following: int = 0, first: int = 8, entries: int | None = None, data: bytes = bytes(range(16)),
         **changed: int) -> bytes:  # fmt: skip
    """A gray picture 4x4 whose directory may say otherwise: `changed` are numbers by the names of `USUAL`."""
    tags = {NUMBERS[name]: Tag(NUMBERS[name], value) for name, value in (USUAL | changed).items()}
    tags |= {tag.number: tag for tag in more}
    top = struct.pack("<2sHI", b"II", 42, first) + directory(tags.values(), following, entries)
    return top.ljust(1024, b"\0") + data


def tiff_of(values: np.ndarray, **options: object) -> Make:
    """A TIFF of these values, as tifffile writes it."""

    def make() -> bytes:
        file = io.BytesIO()
        tifffile.imwrite(file, values, **{"metadata": None, "photometric": "minisblack", **options})
        return file.getvalue()

    return make


def floats(*values: float) -> Make:
    return tiff_of(np.array([[0.5, *values]], np.float32))


RAMP = np.arange(48).reshape(6, 8)
TIFF: dict[str, Make] = {
    "no directory": lambda: tiff(first=0),
    "a directory beyond the end": lambda: tiff(first=2**32 - 9),
    "a directory in the header": lambda: tiff(first=2),
    "an empty directory": lambda: tiff(entries=0),
    "65,535 entries": lambda: tiff(entries=65_535),
    "a directory that follows itself": lambda: tiff(following=8),
    "a directory that follows itself, many pages": lambda: tiff(following=8) * 2,
    "a directory behind the end": lambda: tiff(following=2**31),
    "a subdirectory that is its own": lambda: tiff(Tag(330, 8)),
    "EXIF that is its own directory": lambda: tiff(Tag(34_665, 8)),
    "GPS beyond the end": lambda: tiff(Tag(34_853, 2**32 - 1)),
    "values of a kind that there is not": lambda: tiff(Tag(NUMBERS["width"], 4, kind=99)),
    "4 billion values": lambda: tiff(Tag(NUMBERS["offsets"], 1024, count=2**32 - 1)),
    "4 billion bits": lambda: tiff(Tag(NUMBERS["bits"], 8, SHORT, count=2**32 - 1)),
    "200,000 strips": lambda: strips(200_000),
    "resolution of nothing": lambda: tiff(Tag(282, 1024, RATIONAL), Tag(283, 1024, RATIONAL), data=bytes(16)),
    **each(
        "{} {}", lambda name, value: tiff(**{name: value}),
        ("width", 0), ("height", 0), ("width", 2**32 - 1), ("height", 65_500), ("bits", 0), ("bits", 3), ("bits", 12),
        ("bits", 24), ("bits", 65_535), ("samples", 0), ("samples", 2), ("samples", 9), ("samples", 65_535),
        ("rows", 0), ("rows", 1), ("rows", 2**32 - 1), ("counts", 0), ("counts", 2**32 - 1), ("offsets", 0),
        ("offsets", 2**32 - 1), ("light", 0), ("light", 2), ("light", 3), ("light", 5), ("light", 6), ("light", 8),
        ("light", 32_803), ("light", 34_892), ("light", 65_535), ("compression", 0), ("compression", 2),
        ("compression", 3), ("compression", 4), ("compression", 5), ("compression", 6), ("compression", 7),
        ("compression", 8), ("compression", 32_773), ("compression", 34_925), ("compression", 50_000),
        ("compression", 50_001), ("compression", 65_535),
    ),
    **each(
        "predictor {}", lambda value: tiff(Tag(317, value), compression=8, data=zlib.compress(bytes(16))),
        (0,), (2,), (3,), (34_892,),
    ),
    **each("orientation {}", lambda value: tiff(Tag(274, value, SHORT)), (0,), (9,), (65_535,)),
    "orientation in words": lambda: tiff(Tag(274, 0x61616161, kind=2, count=4)),
    "planes of one": lambda: tiff(Tag(284, 2, SHORT)),
    "planes of a kind that there is not": lambda: tiff(Tag(284, 7, SHORT)),
    **each("sample format {}", lambda value: tiff(Tag(339, value, SHORT)), (0,), (2,), (3,), (4,), (5,), (6,), (99,)),
    **each(
        "a tile of {}", lambda side: tiff(Tag(322, side), Tag(323, side), Tag(324, 1024), Tag(325, 16)),
        (0,), (15,), (2**31 - 16,),
    ),
    "a picture that is reduced": lambda: tiff(Tag(254, 1)),
    "a raw file": lambda: tiff(Tag(50_706, 0x0401, kind=1, count=4)),
    "a profile that is none": lambda: tiff(Tag(34_675, 1024, kind=7, count=16)),
    "XMP that is none": lambda: tiff(Tag(700, 1024, kind=1, count=16)),
    "no numbers": floats(float("nan")),
    "only no numbers": tiff_of(np.full((3, 3), np.nan, np.float32)),
    "infinity": floats(float("inf")),
    "less than everything": floats(float("-inf")),
    "the largest numbers": floats(3e38, -3e38),
    "nearly nothing": floats(1e-45),
    **{f"{np.dtype(kind).name}": tiff_of(RAMP.astype(kind)) for kind in
       ("i1", "i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8")},
    **{f"{np.dtype(kind).name} big-endian": tiff_of(RAMP.astype(kind), byteorder=">") for kind in
       ("i2", "i4", "u2", "u4", "f2", "f4", "f8")},
    "below nothing": tiff_of(-RAMP.astype(np.int16)),
    "complex numbers": tiff_of(RAMP.astype(np.complex64)),
    "1 bit": lambda: encoded(Image.new("1", (9, 7), 1), "TIFF"),
    "1 bit by fax": lambda: encoded(Image.new("1", (9, 7), 1), "TIFF", compression="group4"),
    "16 bits of gray and alpha": tiff_of(
        np.stack([RAMP] * 2, -1).astype(np.uint16), planarconfig="contig", extrasamples=["unassalpha"]
    ),
    "16 bits of colour in planes": tiff_of(
        np.stack([RAMP] * 3).astype(np.uint16), photometric="rgb", planarconfig="separate"
    ),
    "floats of colour": tiff_of(np.stack([RAMP / 48] * 3, -1).astype(np.float32), photometric="rgb"),
    "five channels": tiff_of(np.stack([RAMP] * 5, -1).astype(np.uint8), planarconfig="contig"),
    "large offsets": tiff_of(RAMP.astype(np.uint8), bigtiff=True),
    "large offsets, cut off": lambda: tiff_of(RAMP.astype(np.uint8), bigtiff=True)()[:30],
    "120 pages": tiff_of(np.zeros((120, 2, 2), np.uint8)),
    "CMYK with a profile that is none": lambda: cmyk("TIFF", icc_profile=b"corrupt" * 40),
}  # fmt: skip


def strips(count: int) -> bytes:
    """A picture one pixel wide, of so many strips."""
    offsets, sizes = struct.pack("<I", 8) * count, struct.pack("<I", 1) * count
    at = 1024 + len(offsets)
    more = (Tag(NUMBERS["offsets"], 1024, count=count), Tag(NUMBERS["counts"], at, count=count))
    return tiff(*more, width=1, height=count, rows=1, data=offsets + sizes)


def directories_in_one_another(pages: int, entries: int) -> bytes:
    """Directories of which each begins in an entry of the one before, and ends in one of the next."""
    begins = [struct.pack("<2H2I", 60_000, BYTE, 1, entries << 16)] * (pages - 1)
    usual = [struct.pack("<2H2I", number, LONG, 1, USUAL[name]) for name, number in NUMBERS.items()]
    unknown = [struct.pack("<2H2I", 60_000, BYTE, 1, 0)] * (entries - len(begins) - len(usual))
    ends = [struct.pack("<IQ", 8 + 12 * page, 0) for page in range(1, pages)]
    return struct.pack("<2sHIH", b"II", 42, 8, entries) + b"".join((*begins, *usual, *unknown, *ends)) + bytes(4)
