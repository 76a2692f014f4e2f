"""Hostile JPEGs."""

import functools
import struct

from PIL import Image, ImageCms

from hostile_files.making import Make, each, encoded, good

SOI, EOI = b"\xff\xd8", b"\xff\xd9"


def segment(marker: int, data: bytes = b"", length: int | None = None) -> bytes:
    """One segment; its length may be a lie."""
    return bytes((255, marker)) + struct.pack(">H", len(data) + 2 if length is None else length) + data


def jpeg_with(*segments: bytes) -> Make:
    """A good JPEG with segments before all others."""
    return lambda: SOI + b"".join(segments) + good("JPEG")[2:]


def jpeg_of(width: int, height: int, bits: int = 8, frame: int = 0xC0) -> bytes:
    """A good JPEG whose frame says otherwise."""
    data = bytearray(good("JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 1] = frame
    data[at + 4 : at + 9] = struct.pack(">B2H", bits, height, width)
    return bytes(data)


def without(marker: int) -> bytes:
    """A good JPEG that lacks the segments of a marker."""
    data = good("JPEG")
    while (at := data.find(bytes((255, marker)))) >= 0:
        data = data[:at] + data[at + 2 + struct.unpack(">H", data[at + 2 : at + 4])[0] :]
    return data


def of_many_scans() -> bytes:
    """A progressive JPEG that says the same thousands of times."""
    data = encoded(Image.effect_noise((64, 64), 40), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * 3000 + EOI


def cmyk(kind: str = "JPEG", **options: object) -> bytes:
    return encoded(Image.new("CMYK", (9, 7), (0, 0, 0, 128)), kind, **options)


JPEG: dict[str, Make] = {
    **each("{}x{}", jpeg_of, (0, 4), (4, 0), (65_535, 65_535), (65_500, 1), (1, 65_500)),
    **each("{2} bits", jpeg_of, *[(40, 32, bits) for bits in (0, 2, 12, 16)]),
    **each("frame {3:02X}", jpeg_of, *[(40, 32, 8, frame) for frame in (0xC1, 0xC2, 0xC3, 0xC9, 0xCB)]),
    **each("without {:02X}", without, (0xDB,), (0xC4,), (0xC0,), (0xDA,)),
    "a segment of nothing": jpeg_with(segment(0xE5, length=0)),
    "a segment of less than nothing": jpeg_with(segment(0xE5, length=1)),
    "a segment beyond the end": jpeg_with(segment(0xE5, length=65_535)),
    "5,000 comments": jpeg_with(*[segment(0xFE, b"x")] * 5000),
    "an Adobe segment that is cut off": jpeg_with(segment(0xEE, b"Adobe")),
    "an Adobe segment of another kind": jpeg_with(segment(0xEE, b"Adobe\0\1\0\0\0\0\x63")),
    "EXIF that is none": jpeg_with(segment(0xE1, b"Exif\0\0" + bytes(range(256)))),
    "XMP that is none": jpeg_with(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0\xff\xfe<<<")),
    "XMP without end": jpeg_with(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + b"<x>" * 9000)),
    "a profile that is none": jpeg_with(segment(0xE2, b"ICC_PROFILE\0\1\1" + b"x" * 200)),
    "a profile in parts that are not there": jpeg_with(segment(0xE2, b"ICC_PROFILE\0\7\xff" + b"x" * 200)),
    "many pictures, none of them there": jpeg_with(segment(0xE2, b"MPF\0MM\0*\0\0\0\x08\xff\xff")),
    "Photoshop's data, cut off": jpeg_with(segment(0xED, b"Photoshop 3.0\x008BIM\4\4")),
    "a JFIF of nothing": jpeg_with(segment(0xE0, b"JFIF\0")),
    "thousands of scans": of_many_scans,
    "no end": lambda: good("JPEG")[:-2],
    "a marker in the pixels": lambda: good("JPEG")[:-40] + b"\xff\xd8\xff\xe0" + good("JPEG")[-36:],
    "restarts that there are not": jpeg_with(segment(0xDD, b"\0\1")),
    "CMYK": cmyk,
    "CMYK with a profile that is none": lambda: cmyk(icc_profile=b"corrupt" * 40),
    "CMYK with a profile of RGB": lambda: cmyk(icc_profile=srgb()),
    "CMYK with a profile that is cut off": lambda: cmyk(icc_profile=srgb()[:200]),
    "two pictures": lambda: encoded(
        Image.new("L", (8, 8)), "MPO", save_all=True, append_images=[Image.new("L", (8, 8), 9)]
    ),
}


@functools.cache
def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
