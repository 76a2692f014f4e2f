"""Small files that would become large."""

from hostile_files.avif import avif_sized
from hostile_files.bmp import bmp
from hostile_files.jpeg import jpeg_of, jpeg_with, segment
from hostile_files.making import Make
from hostile_files.png import chunk, frame, header, idat, png, png_with, zeros
from hostile_files.tiff import directories_in_one_another, strips, tiff
from hostile_files.webp import canvas, riff, webp_pixels

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
