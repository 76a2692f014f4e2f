"""Files that mean harm, or that came to harm: `FILES` names some hundreds, each with the function that makes it.

Most are a good small picture of one format with one fault. `OPENED` are those that everybody opens, `REFUSED` those
that are no picture; of the others either is right. `BOMBS` are small and would become large. `CHOSEN` are one of each
kind, and `NAMES` are names under which a file may be sent.
"""

import functools
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import tifffile
from PIL import Image, ImageCms

Make = Callable[[], bytes]
Fault = Callable[[bytes], bytes]
KINDS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "AVIF", "GIF")


@functools.cache
def good(kind: str = "PNG") -> bytes:
    """A gray picture 40x32 with edges and grain."""
    ramp = np.linspace(0, 255, 40)[None].repeat(32, 0)
    ramp[8:16, 10:30] = 255 - ramp[8:16, 10:30]
    pixels = (ramp + np.random.default_rng(0).normal(0, 6, ramp.shape)).clip(0, 255).astype(np.uint8)
    return encoded(Image.fromarray(pixels), kind)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The bytes of a file that holds the image."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def each(form: str, make: Callable[..., bytes], *given: tuple) -> dict[str, Make]:
    """A file for each of the arguments, which are in its name."""
    return {form.format(*arguments): functools.partial(make, *arguments) for arguments in given}


# Faults that any file can have


def cut(share: float) -> Fault:
    return lambda data: data[: int(len(data) * share)]


def short_by(count: int) -> Fault:
    return lambda data: data[:-count]


def overwritten(share: float, byte: bytes) -> Fault:
    """A tenth of the file is one byte."""

    def fault(data: bytes) -> bytes:
        begin, length = int(len(data) * share), len(data) // 10
        return data[:begin] + byte * length + data[begin + length :]

    return fault


def scattered(seed: int) -> Fault:
    """A few bytes, most of them near the beginning, are others."""

    def fault(data: bytes) -> bytes:
        random, broken = np.random.default_rng(seed), bytearray(data)
        for share in random.beta(1, 4, 6):
            broken[int(share * len(data))] = random.integers(256)
        return bytes(broken)

    return fault


def with_zip(data: bytes) -> bytes:
    """The picture is a zip as well."""
    file = io.BytesIO(data)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("../../run.sh", "rm -rf ~")
    return file.getvalue()


HTML = b"<html><script>alert(document.cookie)</script></html>"
FAULTS: dict[str, Fault] = {
    **{f"cut at {share}": cut(share) for share in (0.01, 0.05, 0.2, 0.5, 0.8, 0.95)},
    **{f"{count} bytes short": short_by(count) for count in (1, 2, 12)},
    **{f"zeros at {share}": overwritten(share, b"\0") for share in (0.1, 0.4, 0.8)},
    **{f"ones at {share}": overwritten(share, b"\xff") for share in (0.1, 0.4, 0.8)},
    **{f"scattered {seed}": scattered(seed) for seed in range(5)},
    "twice": lambda data: data + data,
    "a byte before": lambda data: b"\0" + data,
    "a byte order mark before": lambda data: b"\xef\xbb\xbf" + data,
    "a megabyte behind": lambda data: data + bytes(10**6),
    "sent as text": lambda data: data.replace(b"\n", b"\r\n"),
    "sent in 7 bits": lambda data: bytes(byte & 127 for byte in data),
    "read as UTF-8": lambda data: data.decode("utf-8", "replace").encode(),
    "backwards": lambda data: data[::-1],
    "swapped in pairs": lambda data: np.frombuffer(data[: len(data) // 2 * 2], ">u2").astype("<u2").tobytes(),
    "with HTML behind": lambda data: data + HTML,
    "with a zip behind": with_zip,
}

# PNG


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

# JPEG

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


# TIFF

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


# WebP, BMP, AVIF and GIF


def riff(*parts: bytes, size: int | None = None) -> bytes:
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def part(name: bytes, data: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(data) if size is None else size) + data + b"\0" * (len(data) % 2)


def canvas(width: int, height: int, flags: int = 0) -> bytes:
    return part(
        b"VP8X", bytes((flags, 0, 0, 0)) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    )


def webp_pixels() -> bytes:
    return good("WEBP")[12:]


WEBP: dict[str, Make] = {
    "no pixels": lambda: riff(),
    "a size of nothing": lambda: riff(webp_pixels(), size=0),
    "a size of 4 GB": lambda: riff(webp_pixels(), size=2**32 - 2),
    "a canvas of another size": lambda: riff(canvas(9, 9), webp_pixels()),
    "a canvas without end": lambda: riff(canvas(2**24, 2**24), webp_pixels()),
    "a part of 4 GB": lambda: riff(canvas(40, 32, 32), part(b"ICCP", b"x", size=2**32 - 1), webp_pixels()),
    "a profile that is none": lambda: riff(canvas(40, 32, 32), part(b"ICCP", b"x" * 99), webp_pixels()),
    "EXIF that is none": lambda: riff(canvas(40, 32, 8), webp_pixels(), part(b"EXIF", bytes(range(99)))),
    "XMP that is none": lambda: riff(canvas(40, 32, 4), webp_pixels(), part(b"XMP ", b"<x:\xff")),
    "animated, no frames": lambda: riff(canvas(40, 32, 2), part(b"ANIM", bytes(6))),
    "animated, frames of nothing": lambda: riff(canvas(40, 32, 2), part(b"ANIM", bytes(6)), part(b"ANMF", b"")),
    "animated": lambda: encoded(
        Image.new("L", (9, 9)), "WEBP", save_all=True, append_images=[Image.new("L", (9, 9), 99)]
    ),
}


def bmp(
    width: int = 4,
    height: int = 4,
    bits: int = 8,
    compression: int = 0,
    size: int = 40,
    data: bytes = bytes(16),
    colors: int = 256,
    offset: int = 1078,
) -> bytes:
    top = struct.pack("<2sI2HI", b"BM", 1078 + len(data), 0, 0, offset)
    info = struct.pack("<I2i2H2I2i2I", size, width, height, 1, bits, compression, len(data), 0, 0, colors, 0)
    return top + info + bytes(1024) + data


BMP: dict[str, Make] = {
    "upside down": lambda: bmp(height=-4),
    **each(
        "{}x{}", bmp, (0, 4), (4, 0), (-4, 4), (2**31 - 1, 1), (1, -(2**31)), (40_000_000, 1), (1, 40_000_000),
        (65_500, 1), (1, 65_500),
    ),
    **each("{2} bits", bmp, *[(4, 4, bits) for bits in (0, 1, 2, 3, 4, 16, 24, 32, 64, 65_535)]),
    **each("compression {3}", bmp, *[(4, 4, 8, kind) for kind in (1, 2, 3, 4, 5, 99)]),
    **each("a header of {4}", bmp, *[(4, 4, 8, 0, size) for size in (0, 12, 64, 99, 2**32 - 1)]),
    "runs beyond the picture": lambda: bmp(compression=1, data=b"\xff\x07" * 99 + b"\0\1"),
    "a jump beyond the picture": lambda: bmp(compression=1, data=b"\0\2\xff\xff" * 99 + b"\0\1"),
    "nothing but ends of lines": lambda: bmp(3000, 3000, compression=1, data=b"\0\0" * 3_000_000),
    "4 billion colours": lambda: bmp(colors=2**32 - 1),
    "pixels beyond the end": lambda: bmp(offset=2**31),
    "pixels in the header": lambda: bmp(offset=0),
}  # fmt: skip


def avif_box(name: bytes, data: bytes, size: int | None = None) -> bytes:
    return struct.pack(">I", len(data) + 8 if size is None else size) + name + data


def avif_sized(width: int, height: int) -> bytes:
    """A good AVIF that says that it is larger."""
    data = bytearray(good("AVIF"))
    at = data.index(b"ispe") + 8
    data[at : at + 8] = struct.pack(">2I", width, height)
    return bytes(data)


KIND = avif_box(b"ftyp", b"avif\0\0\0\0avifmif1")
AVIF: dict[str, Make] = {
    "nothing but its kind": lambda: KIND,
    "no pictures": lambda: KIND + avif_box(b"meta", bytes(4)),
    "a box of 4 GB": lambda: KIND + avif_box(b"meta", bytes(4), size=2**32 - 1),
    "a box of nothing": lambda: KIND + avif_box(b"meta", bytes(4), size=0),
    "a box of a byte": lambda: KIND + avif_box(b"meta", bytes(4), size=1),
    "0x0": lambda: avif_sized(0, 0),
    "60,000x60,000": lambda: avif_sized(60_000, 60_000),
    "another size": lambda: avif_sized(41, 33),
    "animated": lambda: encoded(
        Image.new("L", (9, 9)), "AVIF", save_all=True, append_images=[Image.new("L", (9, 9), 99)]
    ),
}
GIF: dict[str, Make] = {
    "animated": lambda: encoded(
        Image.new("L", (9, 9)), "GIF", save_all=True, append_images=[Image.new("L", (9, 9), 99)]
    ),
    "65,535x65,535": lambda: b"GIF89a" + b"\xff" * 4 + good("GIF")[10:],
}

# EXIF in every format that has it


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


# What would become large

BOMBS: dict[str, Make] = {
    "PNG of 196 megapixels": lambda: png(header(14_000, 14_000), idat(9999)),
    "PNG of 40,000,000x1": lambda: png(header(40_000_000, 1), idat(40_000_001)),
    "PNG of 1x40,000,000": lambda: png(header(1, 40_000_000), idat(80_000_000)),
    "PNG with 150 MB behind its pixels": lambda: png(header(), idat(150_000_000)),
    "PNG with 80 MB of text": png_with(chunk(b"zTXt", b"Comment\0\0" + zeros(80_000_000))),
    "PNG with 80 MB of text in parts": png_with(*[chunk(b"zTXt", b"Comment\0\0" + zeros(900_000))] * 90),
    "PNG with 80 MB of UTF-8": png_with(chunk(b"iTXt", b"Comment\0\1\0\0\0" + zeros(80_000_000))),
    "PNG with a profile of 80 MB": png_with(chunk(b"iCCP", b"x\0\0" + zeros(80_000_000))),
    "PNG with a frame of 80 MB": png_with(
        chunk(b"acTL", b"\0\0\0\2" + bytes(4)), frame(4, 4), chunk(b"fdAT", bytes(4) + zeros(80_000_000))
    ),
    "PNG of 2,000,000 chunks": lambda: png_with(chunk(b"abCd") * 2_000_000)(),
    "TIFF with a strip of 150 MB": lambda: tiff(compression=8, counts=len(zeros(150_000_000)), data=zeros(150_000_000)),
    "TIFF of 60,000x60,000": lambda: tiff(width=60_000, height=60_000, rows=60_000),
    "TIFF of 2,000,000 strips": lambda: strips(2_000_000),
    "TIFF of 100 directories in one another": lambda: directories_in_one_another(100, 65_535),
    "BMP of 40,000,000x1": lambda: bmp(40_000_000, 1, bits=1, data=bytes(5_000_000)),
    "BMP of 60,000x60,000": lambda: bmp(60_000, 60_000),
    "BMP of nothing but ends of lines": lambda: bmp(6000, 6000, compression=1, data=b"\0\0" * 4_000_000),
    "JPEG of 6,000,000 segments": lambda: jpeg_with(segment(0xE1) * 6_000_000)(),
    "JPEG with 24 MB before its first segment": lambda: jpeg_with(b"\xff" * 24_000_000)(),
    "JPEG of 65,535x65,535": lambda: jpeg_of(65_535, 65_535),
    "WebP of 16,383x16,383": lambda: riff(canvas(16_383, 16_383), webp_pixels()),
    "AVIF of 30,000x30,000": lambda: avif_sized(30_000, 30_000),
}

# What is no picture, or something else as well

REFUSED: dict[str, Make] = {
    "nothing": lambda: b"",
    "a byte": lambda: b"\0",
    "zeros": lambda: bytes(5000),
    "noise": lambda: np.random.default_rng(3).bytes(5000),
    "a letter": lambda: b"Dear aunt, here is the photo.\n" * 50,
    "HTML": lambda: HTML,
    "SVG": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "SVG that reads a file": lambda: b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
    "PDF": lambda: b"%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\nendobj\n",
    "PostScript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (w) file\nshowpage\n",
    "PostScript for DOS": lambda: b"\xc5\xd0\xd3\xc6" + bytes(40) + b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "a zip": lambda: with_zip(b""),
    "a program": lambda: b"\x7fELF\2\1\1" + bytes(200),
    "a script": lambda: b"#!/bin/sh\nrm -rf ~\n",
    "a pickle": lambda: b"cos\nsystem\n(S'id'\ntR.",
    "Photoshop's own": lambda: b"8BPS\0\1" + bytes(60),
    "an icon": lambda: b"\0\0\1\0\1\0" + bytes(60),
    "a Git LFS pointer": lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n",
    "ImageMagick's language": lambda: (
        b"push graphic-context\nimage over 0,0 0,0 'https://127.0.0.1/x'\npop graphic-context\n"
    ),
    "an address": lambda: b"http://127.0.0.1:9/photo.png",
}


def _of(kind: str, makers: dict[str, Make]) -> dict[str, Make]:
    return {f"{kind}, {name}": make for name, make in makers.items()}


def _harmed(kind: str, fault: Fault) -> Make:
    return lambda: fault(good(kind))


FILES: dict[str, Make] = {
    **{f"{kind}, {name}": _harmed(kind, fault) for kind in KINDS for name, fault in FAULTS.items()},
    **_of("PNG", PNG),
    **_of("JPEG", JPEG),
    **_of("TIFF", TIFF),
    **_of("WEBP", WEBP),
    **_of("BMP", BMP),
    **_of("AVIF", AVIF),
    **_of("GIF", GIF),
    **{
        f"{kind}, EXIF: {name}": with_exif(kind, data)
        for kind in ("PNG", "JPEG", "WEBP")
        for name, data in EXIF.items()
    },
    **BOMBS,
    **REFUSED,
}

NAMES = (
    "../../../etc/passwd", "..\\..\\windows\\win.ini", "/etc/shadow", "C:\\boot.ini", "....//....//a.png", "~/.ssh/id",
    "<img src=x onerror=alert(1)>.png", "a'\"><script>alert(1)</script>.png", "&lt;b&gt;.png", "\x1b[31mred\x1b[0m.png",
    "two\nlines.png", "carriage\rreturn.png", "bell\a.png", "null\0byte.png", "tab\t.png", "\u202egnp.exe.png",
    "\u200bnothing\u200b.png", "\ufeffmark.png", "lone \ud800 surrogate.png", "x" * 251 + ".png", "ж" * 125 + ".png",
    "x" * 5000, "-rf.png", ".hidden.png", "...", "", " ", ".png", "con.png", "a.png.exe", "{name}.png", "%s%n.png",
    "$(touch pwned).png", "`id`.png", "a;b|c&d.png", "*.png", "हिन्दी चित्र.png", "Gro\u0308ße.png", "🖼️.png",
)  # fmt: skip

OPENED = (
    *(f"{kind}, {fault}" for kind in ("PNG", "JPEG", "WEBP", "TIFF", "BMP") for fault in (
        "twice", "a megabyte behind", "with HTML behind", "with a zip behind")),
    *(f"{kind}, EXIF: {fault}" for kind in ("PNG", "JPEG", "WEBP") for fault in (
        "orientation 0", "orientation 9", "orientation 65535", "offsets beyond the end", "orientation twice")),
    "PNG, 1 bit", "PNG, 2 bits", "PNG, 4 bits", "PNG, 16 bits", "PNG, animated, no frames", "PNG, animated, two frames",
    "PNG, a profile that is none", "PNG, XMP that is cut off", "PNG, text with markup", "PNG, no resolution",
    "PNG with 150 MB behind its pixels", "TIFF with a strip of 150 MB",
    "JPEG, no end", "JPEG, 5,000 comments", "JPEG, XMP that is none",
    "JPEG, a profile that is none", "JPEG, CMYK", "JPEG, CMYK with a profile that is none", "JPEG, two pictures",
    "JPEG, many pictures, none of them there", "TIFF, a directory that follows itself", "TIFF, orientation 9",
    "TIFF, a subdirectory that is its own", "TIFF, 1 bit by fax", "TIFF, float32 big-endian", "TIFF, int32 big-endian",
    "TIFF, 16 bits of colour in planes", "TIFF, large offsets", "TIFF, 120 pages", "WEBP, animated", "AVIF, animated",
    "WEBP, a profile that is none", "BMP, upside down",
)  # fmt: skip

CHOSEN = (
    "PNG, cut at 0.5", "PNG, wrong CRC of the header", "PNG, 60000x60000", "PNG, a profile that is none",
    "PNG with 80 MB of text in parts", "PNG of 40,000,000x1", "JPEG, without DA", "JPEG, EXIF: orientation twice",
    "JPEG, many pictures, none of them there", "TIFF, compression 4", "TIFF, samples 65535", "TIFF, infinity",
    "TIFF, a directory that follows itself", "TIFF, 65,535 entries", "TIFF of 2,000,000 strips",
    "WEBP, a canvas without end", "BMP of nothing but ends of lines", "AVIF, 60,000x60,000", "GIF, animated",
    "nothing", "SVG that reads a file", "PostScript", "a Git LFS pointer", "a pickle",
)  # fmt: skip
