"""Validation during training: colours against the truth on photographs that are not trained on."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import interpolate

from colorizers.evaluation.metrics import ciede2000, colorfulness
from colorizers.picture.color import encode_srgb, fit_gamut, rgb_to_lab
from colorizers.picture.dataset import center_square

SIZE = 160  # pixels
PHOTOS = 200
SHOWN = 8  # on a sheet

ColorFunction = Callable[[Tensor], Tensor]
"""A photo as Lab (1, 3, H, W) to ab (1, 2, h, w); reference-based methods may use the colours of the photo."""


def evenly_spread(count: int) -> list[int]:
    """Indices of the validation photos among `count`: at most PHOTOS, evenly spread over all shards."""
    return [k * count // min(PHOTOS, count) for k in range(min(PHOTOS, count))]


@dataclass(frozen=True)
class Figures:
    """Validation figures for the log, and the score that selects the best weights: lower is better."""

    score: float
    values: dict[str, float]


@dataclass(frozen=True, eq=False)
class _Square:
    """The centre square of a photo as sRGB and Lab (3, s, s), its colouring as sRGB, and the fitted ab (2, s, s)."""

    rgb: Tensor
    lab: Tensor
    colored: Tensor
    ab: Tensor


def measure(color: ColorFunction, photos: list[Tensor]) -> Figures:
    """CIEDE2000 plus a tenth of the difference in colourfulness, at vividness 0.5.

    On centre squares, in gamut, without the averaging over the mirror image that the methods do.
    """
    totals = {"de00": 0.0, "cf": 0.0, "gray_de00": 0.0, "truth_cf": 0.0}
    for photo in photos:
        square = _colored(color, photo)
        light = square.lab[:1]
        gray = torch.cat((light, torch.zeros_like(square.ab)))
        totals["de00"] += ciede2000(torch.cat((light, square.ab))[None], square.lab[None]).mean().item()
        totals["gray_de00"] += ciede2000(gray[None], square.lab[None]).mean().item()
        totals["cf"] += colorfulness(square.colored[None]).item()
        totals["truth_cf"] += colorfulness(square.rgb[None]).item()
    means = {name: total / len(photos) for name, total in totals.items()}
    return Figures(means["de00"] + 0.1 * abs(means["cf"] - means["truth_cf"]), means)


def sample_sheet(color: ColorFunction, photos: list[Tensor]) -> Image.Image:
    """A contact sheet: one column per photo with the gray picture, its colouring and the truth."""
    columns = []
    for photo in photos[:SHOWN]:
        square = _colored(color, photo)
        _, gray = fit_gamut(square.lab[0], torch.zeros_like(square.ab))
        columns.append(_framed(torch.cat((encode_srgb(gray), square.colored, square.rgb), dim=1)))
    pixels = (torch.cat(columns, dim=2) * 255).round().byte()
    return Image.fromarray(pixels.movedim(0, -1).numpy())


def _colored(color: ColorFunction, photo: Tensor) -> _Square:
    """The centre square of a photo, uint8 (3, H, W), and its colouring."""
    rgb = center_square(photo, SIZE)
    lab = rgb_to_lab(rgb)
    ab = interpolate(color(lab[None]), rgb.shape[-2:], mode="bicubic")[0]
    fitted, linear = fit_gamut(lab[0], ab)
    return _Square(rgb, lab, encode_srgb(linear), fitted)


def _framed(column: Tensor) -> Tensor:
    """A column of three squares padded to the size of the sheet; photos may be smaller than SIZE."""
    side = column.shape[-1]
    return nn.functional.pad(column, (0, SIZE - side, 0, 3 * SIZE - column.shape[-2]))
