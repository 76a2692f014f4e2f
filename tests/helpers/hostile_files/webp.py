"""Hostile WebPs."""

import struct

from PIL import Image

from hostile_files.making import Make, encoded, good


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
