"""A result: the picture at the photo's exact size, the record of how it was made, and how it is saved."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from colorizers.errors import ColorizerError
from colorizers.picture.compose import Kept, painter, turned, whole
from colorizers.picture.finish import Finish
from colorizers.picture.hints import Hints
from colorizers.picture.jpeg_strips import save_jpeg
from colorizers.picture.mark import marker
from colorizers.picture.photo import Photo
from colorizers.picture.record import PNG_KEY, Record
from colorizers.picture.strips import in_strips
from colorizers.words import Text

Format = Literal["png", "jpeg", "webp", "tiff"]
SUFFIXES: dict[str, Format] = {
    ".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp", ".tif": "tiff", ".tiff": "tiff",
}  # fmt: skip
_QUALITY = 92
_LONGEST_SIDE = {"jpeg": 65500, "webp": 16383}  # of libjpeg and libwebp
_MOST_CLEAR_WEBP = 20_000_000  # pixels; its encoder takes more than 2 GB for 40 megapixels
_MOST_EXIF = 65_000  # bytes; what a JPEG can hold
_KEPT_TAGS = {
    ExifTags.Base.ImageDescription, ExifTags.Base.Make, ExifTags.Base.Model, ExifTags.Base.Software,
    ExifTags.Base.DateTime, ExifTags.Base.Artist, ExifTags.Base.Copyright,
}  # fmt: skip
_KEPT_GROUPS = {ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo}
_XMP_TAG = 700


@dataclass(frozen=True)
class Coloring:
    """The colours that a method gave a photo, without the photo and its finish: small, and can be pickled.

    `seconds` is the time of the method alone. `maps` are planes (h, w) in [0, 1], by name, that guided a network.
    `variant` counts from 0, those that were withheld among them.
    """

    outcome: Kept
    record: Record
    seconds: float
    notes: tuple[Text, ...] = ()
    maps: Mapping[Text, Tensor] = field(default_factory=dict)
    variant: int = 0

    def turned(self, quarter_turns: int) -> "Coloring":
        """The colours for the photo turned counter-clockwise; the record stays that of the photo as it was coloured."""
        maps = {name: torch.rot90(plane, quarter_turns) for name, plane in self.maps.items()}
        return replace(self, outcome=turned(self.outcome, quarter_turns), maps=maps)


@dataclass(frozen=True)
class Result:
    """A photo, its colours, their finish and the user's hints; the pixels are composed when they are asked for.

    `marked` pictures have a small mark, which says that a machine made their colours.
    """

    photo: Photo
    coloring: Coloring
    finish: Finish
    hints: Hints = ()
    marked: bool = False

    @property
    def record(self) -> Record:
        """How the picture was made, the finish and the hints included."""
        return self.coloring.record.model_copy(update={"finish": self.finish.model_dump(), "hints": self.hints})

    @property
    def notes(self) -> tuple[Text, ...]:
        """Sentences for the user."""
        return self.coloring.notes

    def finished(self, finish: Finish) -> "Result":
        """The same colours under another finish; no model runs."""
        return replace(self, finish=finish)

    def hinted(self, hints: Hints) -> "Result":
        """The same colours under other hints; no model runs."""
        return replace(self, hints=hints)

    def pixels(self, bits: int = 8) -> np.ndarray:
        """RGB (H, W, 3), uint8 or uint16, at the photo's exact size."""
        return whole(self._painter(bits), self.photo.size, bits)

    def image(self) -> Image.Image:
        """The 8-bit picture, RGB or RGBA as the photo was."""
        part_of = self._image_painter()
        image = Image.new("RGB" if self.photo.alpha is None else "RGBA", self.photo.size)

        def fill(rows: slice) -> None:
            image.paste(part_of(rows), (0, rows.start))

        in_strips(self.photo.size, fill)
        return image

    def _painter(self, bits: int = 8) -> Callable[[slice], np.ndarray]:
        """A `painter` of the picture, with the mark where there is one."""
        photo = self.photo
        paint = painter(photo.lightness, self.coloring.outcome, self.finish, bits, self.hints, photo.gray)
        if not self.marked:
            return paint
        mark = marker(photo.size)
        return lambda rows: mark(paint(rows), rows)

    def _image_painter(self) -> Callable[[slice], Image.Image]:
        """A function that gives any rows of the 8-bit picture."""
        paint, alpha = self._painter(), self.photo.alpha

        def part(rows: slice) -> Image.Image:
            pixels = paint(rows)
            if alpha is None:
                return Image.frombuffer("RGB", pixels.shape[1::-1], pixels, "raw", "RGBX", 0, 1)
            pixels[..., 3] = alpha[rows]
            return Image.fromarray(pixels)

        return part

    def preview(self, long_side: int) -> "Result":
        """The result on a reduced photo: what a page shows while the finish is tuned."""
        return replace(self, photo=self.photo.reduced(long_side))

    def save(self, path: Path | str, bits: int = 8, keep_exif: bool = False) -> tuple[Text, ...]:
        """Write PNG, JPEG, WebP or TIFF, as the path's suffix says; gives notes on what the format could not hold.

        `bits=16` writes a 16-bit colour TIFF. The record goes with the picture. EXIF of the photo is dropped unless
        `keep_exif`; then it is kept with orientation 1 and without its thumbnail.
        """
        path = Path(path)
        kind = SUFFIXES.get(path.suffix.lower())
        if kind is None:
            raise ColorizerError(Text("save.unknown-suffix", name=path.name, suffixes=tuple(SUFFIXES)))
        if max(self.photo.size) > _LONGEST_SIDE.get(kind, 2**31):
            raise ColorizerError(Text("save.too-long", format=kind.upper(), pixels=max(self.photo.size)))
        if kind == "webp" and self.photo.alpha is not None and self.photo.alpha.size > _MOST_CLEAR_WEBP:
            raise ColorizerError(Text("save.large-transparent-webp"))
        if bits == 16:
            if kind != "tiff":
                raise ColorizerError(Text("save.sixteen-bit"))
            self._save_deep(path)
            return (Text("save.exif-lost"),) if keep_exif and self.photo.exif else ()
        if kind == "jpeg":
            part_of = self._image_painter()
            save_jpeg(path, self.photo.size, lambda rows: on_white(part_of(rows)), **self._extras(kind, keep_exif))
            return () if self.photo.alpha is None else (Text("save.on-white"),)
        self.image().save(path, kind.upper(), **self._extras(kind, keep_exif))
        return ()

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
            exif = extras.setdefault("exif", Image.Exif())
            exif[_XMP_TAG] = xmp
            # Pillow's compressing writer cannot write the groups inside EXIF.
            return extras if _KEPT_GROUPS & exif.keys() else extras | {"compression": "tiff_adobe_deflate"}
        return extras | {"xmp": xmp, "quality": _QUALITY}

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


def with_alpha(pixels: np.ndarray, alpha: np.ndarray | None) -> Image.Image:
    """A picture of pixels (H, W, 3) uint8, RGB or RGBA as there is transparency."""
    return Image.fromarray(pixels if alpha is None else np.dstack((pixels, alpha)))


def on_white(image: Image.Image) -> Image.Image:
    """The picture without its transparency, laid on white; an opaque one as it is."""
    if image.mode != "RGBA":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def _clean_exif(data: bytes) -> Image.Exif:
    """What the upload's EXIF says of the photograph, for an upright picture; nothing that describes the old file.

    So the thumbnail, which shows the old picture, is left out, and tags that would break a TIFF. EXIF that cannot
    be read, or is too long for a JPEG, is left aside.
    """
    given, kept = Image.Exif(), Image.Exif()
    try:
        given.load(data)
        for tag in _KEPT_TAGS & given.keys():
            kept[tag] = given[tag]
        for group in _KEPT_GROUPS & given.keys():
            kept[group] = kept.get_ifd(group)
            kept[group].update(given.get_ifd(group))
            kept[group].pop(ExifTags.IFD.Interop, None)
        kept[ExifTags.Base.Orientation] = 1
        too_long = len(kept.tobytes()) > _MOST_EXIF
    except Exception:  # a hostile directory can raise anything
        return Image.Exif()
    return Image.Exif() if too_long else kept
