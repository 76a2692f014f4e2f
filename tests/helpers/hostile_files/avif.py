"""Hostile AVIFs."""

import struct

from PIL import Image

from hostile_files.making import Make, encoded, good


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
