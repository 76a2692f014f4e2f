"""Files that mean harm, or that came to harm: `FILES` names some hundreds, each with the function that makes it.

Most are a good small picture of one format with one fault. `OPENED` are those that everybody opens, `REFUSED` those
that are no picture; of the others either is right. `BOMBS` are small and would become large. `CHOSEN` are one of each
kind, and `NAMES` are names under which a file may be sent.
"""

from hostile_files.avif import AVIF
from hostile_files.bmp import BMP
from hostile_files.bombs import BOMBS
from hostile_files.exif import EXIF, with_exif
from hostile_files.faults import FAULTS
from hostile_files.gif import GIF
from hostile_files.jpeg import JPEG
from hostile_files.making import KINDS, Fault, Make, good
from hostile_files.no_pictures import REFUSED
from hostile_files.png import PNG
from hostile_files.tiff import TIFF
from hostile_files.webp import WEBP

__all__ = ["BOMBS", "CHOSEN", "FILES", "KINDS", "NAMES", "OPENED", "REFUSED", "good"]


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
