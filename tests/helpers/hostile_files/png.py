"""Hostile PNGs."""

import functools
import struct
import zlib

import numpy as np
from PIL import Image

from hostile_files.faults import HTML
from hostile_files.making import Make, each, encoded


def chunk(name: bytes, data: bytes = b"", crc: int | None = None, length: int | None = None) -> bytes:
    """One chunk; its checksum and its length may be lies."""
    crc = zlib.crc32(name + data) if crc is None else crc
    return struct.pack(">I", len(data) if length is None else length) + name + data + struct.pack(">I", crc)


def header(width: int = 4, height: int = 4, bits: int = 8, color: int = 0, rest: tuple[int, ...] = (0, 0, 0)) -> bytes:
    return chunk(b"IHDR", struct.pack(">2I5B", width, height, bits, color, *rest))


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND")


def idat(size: int = 20) -> bytes:
    """So many zeros: 20 are a gray picture 4x4."""
    return chunk(b"IDAT", zeros(size))


@functools.cache
def zeros(size: int) -> bytes:
    """So many zeros, compressed."""
    packer = zlib.compressobj(9)
    pieces = [packer.compress(bytes(min(10**6, size - begin))) for begin in range(0, size, 10**6)]
    return b"".join(pieces) + packer.flush()


def png_with(*chunks: bytes) -> Make:
    """A good PNG 4x4 with chunks between header and pixels."""
    return lambda: png(header(), *chunks, idat())


def frame(width: int, height: int, left: int = 0) -> bytes:
    """The control chunk of an animated PNG."""
    return chunk(b"fcTL", struct.pack(">5I2H2B", 0, width, height, left, 0, 1, 1, 0, 0))


PNG: dict[str, Make] = {
    "no pixels": lambda: png(header()),
    "no header": lambda: png(idat()),
    "nothing at all": lambda: png(),
    "two headers": lambda: png(header(), header(9, 9), idat()),
    "pixels before the header": lambda: png(idat(), header()),
    "wrong CRC of the header": lambda: png(header()[:-4] + b"abcd", idat()),
    "wrong CRC of the pixels": lambda: png(header(), chunk(b"IDAT", zeros(20), crc=7)),
    "a chunk of 2 GB": lambda: png(header(), chunk(b"IDAT", zeros(20), length=2**31 - 1)),
    "a chunk of 4 GB": lambda: png(header(), chunk(b"tEXt", b"a\0b", length=2**32 - 1), idat()),
    "no end": lambda: png(header(), idat())[:-12],
    "pixels too few": lambda: png(header(), idat(11)),
    "pixels too many": lambda: png(header(), idat(10**6)),
    "pixels that are not compressed": lambda: png(header(), chunk(b"IDAT", bytes(20))),
    "a row filter that there is not": lambda: png(header(), chunk(b"IDAT", zlib.compress(b"\x09\0\0\0\0" * 4))),
    "8,000 empty chunks": lambda: png(header(), *[chunk(b"IDAT")] * 8000, idat()),
    "a palette that is missing": lambda: png(header(color=3), idat()),
    "a palette of one": lambda: png(
        header(color=3), chunk(b"PLTE", b"abc"), chunk(b"IDAT", zlib.compress(b"\0" + b"\xff" * 4 + bytes(15)))
    ),
    "a palette of a byte": lambda: png(header(color=3), chunk(b"PLTE", b"a"), idat()),
    "a palette too long": lambda: png(header(color=3), chunk(b"PLTE", bytes(900)), idat()),
    "a short header": lambda: png(chunk(b"IHDR", bytes(5)), idat()),
    "an unknown critical chunk": lambda: png(header(), chunk(b"ABCD", b"x"), idat()),
    "a name that is none": lambda: png(header(), chunk(b"\0\xff\n<", b"x"), idat()),
    **each(
        "{}x{}", lambda width, height: png(header(width, height), idat()),
        (0, 4), (4, 0), (0, 0), (2**31 - 1, 1), (1, 2**31 - 1), (2**32 - 1, 2**32 - 1), (60_000, 60_000),
    ),
    **each(
        "{} bits of colour type {}", lambda bits, color: png(header(bits=bits, color=color), idat(999)),
        (3, 0), (0, 0), (255, 0), (16, 3), (1, 2), (8, 5), (8, 7), (16, 6),
    ),
    **each(
        "compression {}, filter {}, interlacing {}", lambda *rest: png(header(rest=rest), idat()),
        (9, 0, 0), (0, 9, 0), (0, 0, 9),
    ),
    "clear value too long": png_with(chunk(b"tRNS", bytes(999))),
    "clear value of a byte": png_with(chunk(b"tRNS", b"\0")),
    "no gamma": png_with(chunk(b"gAMA", bytes(4))),
    "a short gamma": png_with(chunk(b"gAMA", b"\0")),
    "no resolution": png_with(chunk(b"pHYs", bytes(9))),
    "the highest resolution": png_with(chunk(b"pHYs", b"\xff" * 8 + b"\1")),
    "a profile that is none": png_with(chunk(b"iCCP", b"x\0\0" + zlib.compress(b"no profile"))),
    "a profile that is not compressed": png_with(chunk(b"iCCP", b"x\0\0abc")),
    "a profile without a name": png_with(chunk(b"iCCP", b"")),
    "text that is not compressed": png_with(chunk(b"zTXt", b"Comment\0\0abc")),
    "text with markup": png_with(chunk(b"tEXt", b"Title\0" + HTML)),
    "text without end": png_with(chunk(b"iTXt", b"Comment\0\1")),
    "XMP that is cut off": png_with(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta><rdf:RDF")),
    "XMP with entities": png_with(
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><x>&b;</x>")
    ),
    "animated, no frames": png_with(chunk(b"acTL", bytes(8))),
    "animated, 4 billion frames": png_with(chunk(b"acTL", b"\xff" * 8), frame(4, 4)),
    "animated, a frame beyond the picture": png_with(chunk(b"acTL", b"\0\0\0\2" + bytes(4)), frame(9999, 9999, 7)),
    "animated, a short control": png_with(chunk(b"acTL", b"\0")),
    "animated, two frames": lambda: encoded(
        Image.new("L", (4, 4)), "PNG", save_all=True, append_images=[Image.new("L", (4, 4), 9)]
    ),
    "1 bit": lambda: encoded(Image.new("1", (5, 3), 1), "PNG"),
    "16 bits": lambda: encoded(Image.fromarray(np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000), "PNG"),
    **each("{} bits", lambda bits: png(header(bits=bits), idat(4 * (1 + bits // 2))), (2,), (4,)),
}  # fmt: skip
