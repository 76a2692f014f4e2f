"""A decoded photograph and its views: for networks, as a reference, reduced, turned."""

import functools
import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colorizers.errors import ColorizerError
from colorizers.picture.color import gray_to_lightness, lightness_of_levels, rgb_to_lab, rgb_to_lightness
from colorizers.picture.decode import Source, decode
from colorizers.picture.naming import clean_name, shown_name
from colorizers.picture.resize import resized, size_within
from colorizers.picture.strips import in_strips
from colorizers.words import Text

HAS_COLOR = Text("photo.has-color")
_TINT_SIDE, _TINT_SPREAD = 64, 2.0  # pixels; Lab units by which the colours of a tinted print stray from its tint
_LONGEST_SIDE_RATIO = 4  # of the input of a network: a panorama is not enlarged beyond it


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded photograph.

    `lightness` is L* (H, W), float32 in [0, 100]; `rgb` is oriented sRGB (H, W, 3) uint8 when the file has colour,
    else `gray` is what it held, (H, W), uint8 or float32 in [0, 1]; `alpha` is (H, W) uint8 when it has transparency;
    `bits` is 16 for 16-bit gray, else 8; `name` is a clean file stem; `exif` and `dpi` may be kept when saving;
    `notes` are sentences for the user.
    """

    lightness: Tensor
    name: str = "photo"
    rgb: np.ndarray | None = None
    alpha: np.ndarray | None = None
    bits: int = 8
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    notes: tuple[Text, ...] = ()
    gray: np.ndarray | None = None

    @classmethod
    def open(
        cls,
        source: Source,
        name: str | None = None,
        max_megabytes: float | None = None,
    ) -> "Photo":
        """Decode a file, its path or its bytes.

        `max_megabytes` defaults to the command line's limit. Raises ColorizerError, in one sentence, for anything
        that is not a picture within the limits.
        """
        named = name or (Path(source).name if isinstance(source, str | os.PathLike) else "")
        pixels, alpha, bits, exif, dpi, notes = decode(source, named, max_megabytes)
        if pixels.ndim == 3:
            notes = (*notes, Text("photo.has-tint") if _is_tinted(pixels) else HAS_COLOR)
        plain = cls.of_pixels(pixels, clean_name(named))
        return replace(plain, alpha=alpha, bits=bits, exif=exif, dpi=dpi, notes=notes)

    @classmethod
    def of_pixels(cls, pixels: np.ndarray, name: str = "photo") -> "Photo":
        """A picture that is decoded already: gray (H, W), uint8 or float32 in [0, 1], or sRGB (H, W, 3) uint8."""
        rgb, gray = (pixels, None) if pixels.ndim == 3 else (None, pixels)
        return cls(_lightness(pixels), name, rgb, gray=gray)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.lightness.shape[1], self.lightness.shape[0]

    @functools.cached_property
    def sha256(self) -> str:
        """Of the pixels as they stand, turned or not, whatever file they came in; the same on every machine.

        Of L* and alpha for a photo that came in no file, or was reduced.
        """
        pixels = self.gray if self.rgb is None else self.rgb
        return _digest(self.lightness.numpy() if pixels is None else pixels, self.alpha)

    def rotated(self, quarter_turns: int) -> "Photo":
        """The photo turned counter-clockwise by multiples of 90 degrees."""
        if quarter_turns % 4 == 0:
            return self
        return replace(
            self,
            lightness=torch.rot90(self.lightness, quarter_turns).contiguous(),
            rgb=_turned(self.rgb, quarter_turns),
            alpha=_turned(self.alpha, quarter_turns),
            gray=_turned(self.gray, quarter_turns),
        )

    def reduced(self, long_side: int) -> "Photo":
        """The photo with its long side brought down to `long_side` pixels, never enlarged."""
        width, height = size_within(self.size, long_side)
        if (width, height) == self.size:
            return self
        alpha = self.alpha
        if alpha is not None:
            alpha = np.asarray(Image.fromarray(alpha).resize((width, height), Image.Resampling.BOX))
        return replace(
            self, lightness=resized(self.lightness[None], (height, width))[0], alpha=alpha, rgb=None, gray=None
        )

    def network_lightness(self, working_size: int, faded_print: bool = False) -> Tensor:
        """The input of a network: L* (h, w) with the short side at `working_size` pixels, sides multiples of 4.

        Small photos are enlarged, but the long side stays within 4 working sizes. `faded_print` stretches the
        tones between the 1st and 99th percentile over the whole range, for this copy only.
        """
        width, height = network_size(self.size, working_size)
        small = resized(self.lightness[None], (height, width))[0]
        return _stretched(small) if faded_print else small

    def reference_lab(self, side: int) -> Tensor:
        """A reference as the input of a network: Lab (3, side, side), a square, since a palette has no shape.

        As `reference_rgb`.
        """
        return rgb_to_lab(self.reference_rgb((side, side)))

    def reference_rgb(self, size: tuple[int, int]) -> Tensor:
        """A reference as sRGB (3, H, W) in [0, 1], brought to a size, width and height.

        What is transparent has the mean colour of what is not. Raises ColorizerError when the picture has no colours.
        """
        if self.rgb is None:
            raise ColorizerError(Text("photo.gray-reference", name=shown_name(self.name)))
        alpha = np.full(self.rgb.shape[:2], 255, np.uint8) if self.alpha is None else self.alpha
        image = Image.fromarray(np.dstack((self.rgb, alpha))).convert("RGBa")  # colours weighted by opacity
        small = torch.from_numpy(np.array(image.resize(size, Image.Resampling.BOX))).movedim(-1, 0) / 255
        weighted, opacity = small[:3], small[3:]
        mean = weighted.sum((1, 2), keepdim=True) / opacity.sum().clamp(min=1 / 255)
        return weighted + (1 - opacity) * mean


def network_size(size: tuple[int, int], working_size: int) -> tuple[int, int]:
    """The width and height at which a network sees a picture, multiples of 4: see `Photo.network_lightness`."""
    scale = min(working_size / min(size), _LONGEST_SIDE_RATIO * working_size / max(size))
    width, height = (4 * max(1, round(side * scale / 4)) for side in size)
    return width, height


def _turned(plane: np.ndarray | None, quarter_turns: int) -> np.ndarray | None:
    return None if plane is None else np.ascontiguousarray(np.rot90(plane, quarter_turns))


def _digest(*planes: np.ndarray | None) -> str:
    """The sha256 of arrays and their shapes."""
    digest = hashlib.sha256()
    for plane in planes:
        if plane is not None:
            digest.update(repr(plane.shape).encode())
            digest.update(np.ascontiguousarray(plane).data)
    return digest.hexdigest()


def _lightness(pixels: np.ndarray) -> Tensor:
    """L* (H, W) of gray (H, W), uint8 or float32 in [0, 1], or of sRGB (H, W, 3) uint8; strip by strip."""
    height, width = pixels.shape[:2]
    lightness = np.empty((height, width), np.float32)

    def fill(rows: slice) -> None:
        if pixels.dtype != np.uint8:
            lightness[rows] = gray_to_lightness(torch.tensor(pixels[rows])).numpy()
        elif pixels.ndim == 3:
            lightness[rows] = rgb_to_lightness(torch.tensor(pixels[rows]).movedim(-1, 0) / 255).numpy()
        else:
            np.take(levels, pixels[rows], out=lightness[rows], mode="clip")  # "raise" would make a copy

    levels = lightness_of_levels().numpy()
    in_strips((width, height), fill)
    return torch.from_numpy(lightness)


def _is_tinted(rgb: np.ndarray) -> bool:
    """Whether sRGB (H, W, 3) uint8 has one tint, as toned and yellowed prints have: its ab follow from its L* alone."""
    small = Image.fromarray(rgb).resize((_TINT_SIDE, _TINT_SIDE), Image.Resampling.BOX)
    lightness, *ab = rgb_to_lab(torch.from_numpy(np.array(small)).movedim(-1, 0) / 255).flatten(1).double()
    powers = (lightness[:, None] / 100) ** torch.arange(4)
    colors = torch.stack(ab, 1)
    strayed = colors - powers @ torch.linalg.lstsq(powers, colors, driver="gelsd").solution
    return strayed.square().sum(1).mean().sqrt().item() < _TINT_SPREAD


def _stretched(lightness: Tensor) -> Tensor:
    ordered = lightness.flatten().sort().values
    low, high = (ordered[round(share * (len(ordered) - 1))] for share in (0.01, 0.99))
    if high - low < 1:
        return lightness
    return ((lightness - low) / (high - low) * 100).clamp(0, 100)
