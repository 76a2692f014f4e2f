"""Hostile BMPs."""

import struct

from hostile_files.making import Make, each


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
