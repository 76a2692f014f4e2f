"""A result: the picture at the photo's exact size, the record of how it was made, and how it is saved."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from colorizers.errors import ColorizerError
from colorizers.picture.compose import Outcome, compose
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo
from colorizers.picture.record import PNG_KEY, Record

Format = Literal["png", "jpeg", "webp", "tiff"]
SUFFIXES: dict[str, Format] = {
    ".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp", ".tif": "tiff", ".tiff": "tiff",
}  # fmt: skip
_QUALITY = 92
_LONGEST_SIDE = {"jpeg": 65535, "webp": 16383}
_ORIENTATION, _XMP_TAG = 0x0112, 700


@dataclass(frozen=True)
class Result:
    """What a method made of a photo; the pixels are composed when they are asked for.

    `seconds` is the time of the method alone.
    """

    photo: Photo
    outcome: Outcome
    finish: Finish
    record: Record
    seconds: float
    notes: tuple[str, ...] = ()

    def finished(self, finish: Finish) -> "Result":
        """The same colours under another finish; no model runs."""
        return replace(self, finish=finish, record=self.record.model_copy(update={"finish": finish.model_dump()}))

    def pixels(self, bits: int = 8) -> np.ndarray:
        """RGB (H, W, 3), uint8 or uint16, at the photo's exact size."""
        return compose(self.photo.lightness, self.outcome, self.finish, bits)

    def image(self) -> Image.Image:
        """The 8-bit picture, RGB or RGBA as the photo was."""
        pixels = self.pixels()
        if self.photo.alpha is None:
            return Image.fromarray(pixels)
        return Image.fromarray(np.dstack((pixels, self.photo.alpha)))

    def preview(self, long_side: int) -> "Result":
        """The result on a reduced photo: what a page shows while the finish is tuned."""
        return replace(self, photo=self.photo.reduced(long_side))

    def save(self, path: Path, bits: int = 8, keep_exif: bool = False) -> tuple[str, ...]:
        """Write PNG, JPEG, WebP or TIFF, as the path's suffix says; gives notes on what the format could not hold.

        `bits=16` writes a 16-bit colour TIFF. The record goes with the picture. EXIF of the photo is dropped unless
        `keep_exif`; then it is kept with orientation 1 and without its thumbnail.
        """
        kind = SUFFIXES.get(path.suffix.lower())
        if kind is None:
            raise ColorizerError(f"{path.name} must end in {', '.join(SUFFIXES)}.")
        if max(self.photo.size) > _LONGEST_SIDE.get(kind, 2**31):
            raise ColorizerError(f"A {kind.upper()} file cannot be {max(self.photo.size)} pixels long; save as PNG.")
        if bits == 16:
            if kind != "tiff":
                raise ColorizerError("16 bits need a TIFF file; choose TIFF or 8 bits.")
            self._save_deep(path)
            return ("EXIF is not kept in 16-bit TIFF.",) if keep_exif and self.photo.exif else ()
        image, notes = self.image(), ()
        if kind == "jpeg" and image.mode == "RGBA":
            image, notes = _on_white(image), ("JPEG has no transparency: the picture was laid on white.",)
        image.save(path, kind.upper(), **self._extras(kind, keep_exif))
        return notes

    def _extras(self, kind: Format, keep_exif: bool) -> dict[str, Any]:
        extras: dict[str, Any] = {"dpi": self.photo.dpi} if self.photo.dpi else {}
        if keep_exif and self.photo.exif:
            extras["exif"] = _clean_exif(self.photo.exif)
        xmp = self.record.xmp()
        if kind == "png":
            text = PngInfo()
            text.add_text("parameters", self.record.parameters())
            text.add_text(PNG_KEY, self.record.model_dump_json())
            text.add_itxt("XML:com.adobe.xmp", xmp.decode())
            return extras | {"pnginfo": text, "compress_level": 4}
        if kind == "tiff":
            return extras | {"compression": "tiff_adobe_deflate", "tiffinfo": {_XMP_TAG: xmp}}
        return extras | {"xmp": xmp, "quality": _QUALITY} | ({"subsampling": 0} if kind == "jpeg" else {})

    def _save_deep(self, path: Path) -> None:
        import tifffile

        pixels = self.pixels(16)
        if self.photo.alpha is not None:
            pixels = np.dstack((pixels, self.photo.alpha.astype(np.uint16) * 257))
        xmp = self.record.xmp()
        tifffile.imwrite(
            path,
            pixels,
            photometric="rgb",
            extrasamples=["unassalpha"] if self.photo.alpha is not None else None,
            compression="zlib",
            resolution=self.photo.dpi,
            resolutionunit="INCH" if self.photo.dpi else None,
            metadata=None,
            extratags=[(_XMP_TAG, 1, len(xmp), xmp, True)],
        )


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def _clean_exif(data: bytes) -> Image.Exif:
    """The EXIF of the upload for an upright picture; its thumbnail, which shows the old one, is not written."""
    exif = Image.Exif()
    exif.load(data)
    exif[_ORIENTATION] = 1
    return exif
