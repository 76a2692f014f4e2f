"""The only place that decodes a user's picture for its pixels: everything about files that may be hostile."""

import contextlib
import io
import os
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from colorizers.assets import is_pointer
from colorizers.errors import ColorizerError
from colorizers.picture import jpeg
from colorizers.picture.naming import shown_name
from colorizers.picture.pieces import check_pieces
from colorizers.picture.profile import UnreadableProfile, gray_in_srgb, in_srgb
from colorizers.picture.tiff import MOST_PAGES, check_tiff, is_swapped, open_tiff, unknown_kind
from colorizers.settings import get_settings
from colorizers.words import Text

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "AVIF")
_HEIC = (".heic", ".heif") if find_spec("pi_heif") else ()
SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".tif", ".tiff", ".bmp", ".avif", *_HEIC)
Source = str | os.PathLike[str] | bytes | BinaryIO
_TURNS = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT,),
    3: (Image.Transpose.ROTATE_180,),
    4: (Image.Transpose.FLIP_TOP_BOTTOM,),
    5: (Image.Transpose.TRANSPOSE,),
    6: (Image.Transpose.ROTATE_270,),
    7: (Image.Transpose.TRANSVERSE,),
    8: (Image.Transpose.ROTATE_90,),
}
_ORIENTATION, _PHOTOMETRIC = 0x0112, 262
_STEPS = {"'L;2'": 85, "'L;4'": 17}  # of gray that has fewer than 8 bits, by what Pillow calls it
_LOSSY_GRAY = 2  # levels by which the channels of a gray WebP or JPEG may differ
_LONGEST_SIDE = 2**16 - 1  # pixels; a JPEG has no more, and a row of a picture must fit into memory many times
_RUNS, _MOST_RUNS = (1, 2), 2 * 10**6  # compressions of a BMP that are read slowly, and how many bytes of them
# Not of BMP: many a text begins with its two letters.
_BEGINNINGS = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|II\*\0|MM\0\*|(?s:RIFF....WEBP)|(?s:....ftyp(avi|hei|mif))")
_BEGINNING_OF_HEIC = re.compile(rb"(?s)....ftyp(hei|hev|m[is]f1.*hei)")


class Decoded(NamedTuple):
    """The content of a picture file, upright.

    `pixels` are sRGB (H, W, 3) uint8, or gray (H, W), uint8 or float32 in [0, 1]; `alpha` is (H, W) uint8 where the
    file has transparency; `bits` is 16 for 16-bit gray, else 8; `notes` are sentences for the user.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None
    bits: int
    exif: bytes | None
    dpi: tuple[float, float] | None
    notes: tuple[Text, ...]


def decode(source: Source, name: str = "", max_megabytes: float | None = None) -> Decoded:
    """Decode a file, its path or its bytes; `name` is what sentences call it.

    `max_megabytes` defaults to the command line's limit. Raises ColorizerError, in one sentence, for anything that is
    not a picture within the limits.
    """
    settings = get_settings()
    label = shown_name(name) or Text("photo.unnamed")
    with _opened(source, label) as file:
        size = _check_bytes(file, label, max_megabytes or settings.max_megabytes)
        with _decoding(label):
            image, frames = _image(file, label)
            _check_pixels(image, label, settings.max_megapixels)
            if image.format == "BMP" and image.info.get("compression") in _RUNS and size > _MOST_RUNS:
                raise ColorizerError(Text("photo.too-many-runs", name=label))
            notes = _unused(frames)
            if image.format in ("JPEG", "MPO"):
                image = _whole_jpeg(image, file, label, notes)
            return _read(image, label, notes)


def pixels_of(path: str | os.PathLike[str], name: str, max_megabytes: float) -> int:
    """How many pixels a file has, which is not decoded; ColorizerError where it is no picture, as in `decode`."""
    label = shown_name(name) or Text("photo.unnamed")
    with _opened(path, label) as file, _decoding(label):
        _check_bytes(file, label, max_megabytes)
        image, _ = _image(file, label)
        return image.width * image.height


def _image(file: BinaryIO, label: Text | str) -> tuple[Image.Image, int]:
    """The picture in a file, not yet decoded, and how many frames or pages there are."""
    check_pieces(file, label)
    is_tiff = check_tiff(file, label)
    file.seek(0)
    try:
        if is_tiff:
            return open_tiff(file, label)
        image = Image.open(file, formats=_formats())
    except Image.UnidentifiedImageError as error:
        raise (unknown_kind(label) if is_tiff else _unknown(file, label)) from error
    return image, getattr(image, "n_frames", 1)


def is_picture(path: Path) -> bool:
    """Whether a file is called a picture, or begins as one."""
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            return _BEGINNINGS.match(file.read(16)) is not None
    except OSError:
        return False


def _formats() -> tuple[str, ...]:
    """What Pillow may try; HEIC when the optional reader is installed."""
    if not _HEIC:
        return FORMATS
    import pi_heif

    pi_heif.register_heif_opener()
    return (*FORMATS, "HEIF")


@contextlib.contextmanager
def _opened(source: Source, label: Text | str) -> Iterator[BinaryIO]:
    if isinstance(source, bytes):
        yield io.BytesIO(source)
    elif isinstance(source, str | os.PathLike):
        try:
            file = open(source, "rb")  # noqa: SIM115 - closed by the with below
        except (OSError, ValueError) as error:
            reason = (getattr(error, "strerror", None) or "unreadable").lower()
            raise ColorizerError(Text("photo.cannot-open", name=label, reason=reason)) from error
        with file:
            yield file
    else:
        yield source


def _check_bytes(file: BinaryIO, label: Text | str, limit_mb: float) -> int:
    """The size of a file, which is neither empty nor too large."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size == 0:
        raise ColorizerError(Text("photo.empty", name=label))
    check_size(size, label, limit_mb)
    return size


def check_size(size: int, label: Text | str, limit_mb: float) -> None:
    """Stop before a file of so many bytes is read; ColorizerError when they are more than the limit."""
    if size > limit_mb * 1e6:
        raise ColorizerError(Text("photo.too-many-bytes", name=label, size=size / 1e6, limit=limit_mb))


def _check_pixels(image: Image.Image, label: Text | str, limit_mp: float) -> None:
    width, height = image.size
    if width * height == 0:
        raise ColorizerError(Text("photo.no-pixels", name=label))
    if width * height > limit_mp * 1e6:
        raise ColorizerError(Text("photo.too-many-pixels", name=label, width=width, height=height, limit=limit_mp))
    if max(width, height) > _LONGEST_SIDE:
        raise ColorizerError(Text("photo.too-long", name=label, pixels=max(width, height), limit=_LONGEST_SIDE))


@contextlib.contextmanager
def _decoding(label: Text | str) -> Iterator[None]:
    """Turn whatever a decoder throws at a broken file into one sentence."""
    try:
        yield
    except ColorizerError:
        raise
    except Image.DecompressionBombError as error:
        raise ColorizerError(Text("photo.far-too-many-pixels", name=label)) from error
    except Exception as error:  # hostile files reach every corner of a decoder
        raise ColorizerError(Text("photo.damaged", name=label)) from error


def _unknown(file: BinaryIO, label: Text | str) -> ColorizerError:
    """What is said of a file that is no picture; visitors cannot install what reads HEIC."""
    file.seek(0)
    beginning = file.read(99)
    if is_pointer(beginning):
        return ColorizerError(Text("photo.pointer", name=label))
    kinds: dict[str, object] = {"name": label, "formats": FORMATS}
    if _HEIC or not _BEGINNING_OF_HEIC.match(beginning):
        return ColorizerError(Text("photo.unknown-format", **kinds))
    return ColorizerError(Text("photo.heic", **kinds), for_visitors=Text("photo.heic-for-visitors", **kinds))


def _unused(frames: int) -> list[Text]:
    """The note on frames that are not used."""
    if frames <= 1:
        return []
    if frames == MOST_PAGES:
        return [Text("photo.first-frame-of-many", frames=frames)]
    return [Text("photo.first-frame", frames=frames)]


def _whole_jpeg(image: Image.Image, file: BinaryIO, label: Text | str, notes: list[Text]) -> Image.Image:
    """The image; where little of its end is missing, another with the rest guessed."""
    file.seek(0)
    data = file.read()
    jpeg.check_scans(data, label)
    try:
        image.load()
    except OSError:
        mended = jpeg.ended(data)
        if mended is None:
            raise
        data, rows = mended
        if rows:
            notes.append(Text("photo.end-missing", rows=rows, height=image.height))
        return Image.open(io.BytesIO(data), formats=("JPEG",))
    return image


def _read(image: Image.Image, label: Text | str, notes: list[Text]) -> Decoded:
    """Everything of an opened image, oriented."""
    deep = any(";16" in str(tile) for tile in getattr(image, "tile", ())) and image.mode in ("RGB", "RGBA", "LA")
    if deep:
        notes.append(Text("photo.deep-color"))
    _scale_clear_value(image)
    inverted = _is_white_zero(image)
    dpi, profile = _dpi(image), image.info.get("icc_profile")
    image.load()
    # Not earlier: Pillow turns a TIFF itself while it loads, and then forgets its orientation.
    orientation, exif = _exif(image, notes)
    turned_bytes = is_swapped(image)
    for turn in _TURNS.get(orientation, ()):
        image = image.transpose(turn)
    if image.mode[0] in "IF":
        pixels, alpha = _wide_gray(image, label, notes, profile, inverted, turned_bytes)
    else:
        image, alpha = _split_alpha(image)
        pixels = _without_equal_channels(np.asarray(_in_srgb(image, profile, notes)))
    bits = 8 if pixels.dtype == np.uint8 else 16
    return Decoded(np.ascontiguousarray(pixels), alpha, bits, exif, dpi, tuple(notes))


def _exif(image: Image.Image, notes: list[Text]) -> tuple[int, bytes | None]:
    """The orientation, and the EXIF as it stands in the file, unless that is damaged."""
    try:
        exif = image.getexif()
        kept = exif.tobytes() if image.format == "TIFF" else image.info.get("exif")
        return exif.get(_ORIENTATION, 1), kept
    except Exception:  # a hostile directory can raise anything; the picture is still good
        notes.append(Text("photo.damaged-exif"))
        return 1, None


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    dpi = image.info.get("dpi")
    if dpi is None or len(dpi) != 2 or not all(1 < float(value) < 1e5 for value in dpi):  # (1, 1) means none
        return None
    return float(dpi[0]), float(dpi[1])


def _scale_clear_value(image: Image.Image) -> None:
    """Bring the clear value of a gray PNG of 2 or 4 bits to 8 bits, as Pillow brings the pixels alone."""
    for raw, step in _STEPS.items():
        if "transparency" in image.info and any(raw in str(tile) for tile in getattr(image, "tile", ())):
            image.info["transparency"] *= step


def _is_white_zero(image: Image.Image) -> bool:
    """16-bit TIFF whose zero is white: Pillow turns round the 8-bit ones only."""
    return image.mode.startswith("I;16") and getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == 0


def _wide_gray(
    image: Image.Image, label: Text | str, notes: list[Text], profile: bytes | None, inverted: bool, swapped: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """Gray (H, W) float32 in [0, 1] of modes I;16 (either byte order), I and F, and the alpha of a clear value."""
    values = np.asarray(image).byteswap() if swapped else np.asarray(image)
    if not np.isfinite(values).all():
        raise ColorizerError(Text("photo.not-numbers", name=label))
    alpha = None
    if isinstance(clear := image.info.get("transparency"), int):
        alpha = np.where(values == clear, 0, 255).astype(np.uint8)
    low, high = float(values.min()), float(values.max())
    tops = (1.0, 255.0, 65535.0) if values.dtype.kind == "f" else (65535.0,)
    top = next((top for top in tops if low >= 0 and high <= top), None)
    if top is None:
        notes.append(Text("photo.stretched", low=low, high=high))
        return ((values.astype(np.float64) - low) / (high - low or 1)).astype(np.float32), alpha
    gray = values.astype(np.float32) / np.float32(top)
    if inverted:
        gray = 1 - gray
    if profile:
        try:
            gray = gray_in_srgb(gray, profile)
        except UnreadableProfile:
            notes.append(Text("photo.damaged-profile"))
    return gray, alpha


def _split_alpha(image: Image.Image) -> tuple[Image.Image, np.ndarray | None]:
    """The picture without its transparency, and the transparency."""
    if image.mode not in ("LA", "La", "PA", "RGBA", "RGBa") and "transparency" not in image.info:
        return image, None
    gray = image.mode in ("1", "L", "LA", "La")
    image = image.convert("RGBA")
    alpha = np.asarray(image.getchannel("A"))
    return image.convert("RGB").convert("L") if gray else image.convert("RGB"), alpha


def _in_srgb(image: Image.Image, profile: bytes | None, notes: list[Text]) -> Image.Image:
    """The picture as sRGB or gray, its own colour profile applied."""
    mode = "L" if image.mode in ("1", "L") else "RGB"
    if image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert(mode)
    if profile:
        try:
            image = in_srgb(image, profile)
        except UnreadableProfile:
            notes.append(Text("photo.damaged-profile"))
    return image if image.mode == mode else image.convert(mode)


def _without_equal_channels(pixels: np.ndarray) -> np.ndarray:
    """Gray that came as RGB, up to what a lossy format adds, becomes (H, W); real colour stays (H, W, 3)."""
    if pixels.ndim == 2:
        return pixels
    red, green, blue = (pixels[..., channel] for channel in range(3))
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    return green if spread.max() <= _LOSSY_GRAY else pixels
