"""How good a network is while it trains: colours beside the truth on photographs it has never seen."""

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

Coloring = Callable[[Tensor], Tensor]
"""A photo as Lab (1, 3, H, W) to ab (1, 2, h, w); a method that takes a reference may look at the colours."""


def chosen(count: int) -> list[int]:
    """Which of so many photos a network is judged by: evenly spread, so that every shard has its share."""
    return [k * count // min(PHOTOS, count) for k in range(min(PHOTOS, count))]


@dataclass(frozen=True)
class Figures:
    """What is logged, and the score by which the best weights are kept: lower is better."""

    score: float
    values: dict[str, float]


def measure(coloring: Coloring, photos: list[Tensor]) -> Figures:
    """CIEDE2000 plus a tenth of the difference in colourfulness, at vividness 0.5.

    On centre squares, in gamut; unlike the methods, without the mirror image.
    """
    totals = {"de00": 0.0, "cf": 0.0, "gray_de00": 0.0, "truth_cf": 0.0}
    for photo in photos:
        rgb, coloured, lab, fitted = _coloured(coloring, photo)
        gray = torch.cat((lab[:1], torch.zeros_like(fitted)))
        totals["de00"] += ciede2000(torch.cat((lab[:1], fitted))[None], lab[None]).mean().item()
        totals["gray_de00"] += ciede2000(gray[None], lab[None]).mean().item()
        totals["cf"] += colorfulness(coloured[None]).item()
        totals["truth_cf"] += colorfulness(rgb[None]).item()
    means = {name: total / len(photos) for name, total in totals.items()}
    return Figures(means["de00"] + 0.1 * abs(means["cf"] - means["truth_cf"]), means)


def sample_sheet(coloring: Coloring, photos: list[Tensor]) -> Image.Image:
    """A picture of what a colouring does: gray above, its colours in the middle, the truth beneath."""
    columns = []
    for photo in photos[:SHOWN]:
        rgb, coloured, lab, fitted = _coloured(coloring, photo)
        _, gray = fit_gamut(lab[0], torch.zeros_like(fitted))
        columns.append(_framed(torch.cat((encode_srgb(gray), coloured, rgb), dim=1)))
    pixels = (torch.cat(columns, dim=2) * 255).round().byte()
    return Image.fromarray(pixels.movedim(0, -1).numpy())


def _coloured(coloring: Coloring, photo: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A photo's centre square, the colouring of it, its Lab, and the colouring's ab in gamut."""
    rgb = center_square(photo, SIZE)
    lab = rgb_to_lab(rgb)
    ab = interpolate(coloring(lab[None]), rgb.shape[-2:], mode="bicubic")[0]
    fitted, linear = fit_gamut(lab[0], ab)
    return rgb, encode_srgb(linear), lab, fitted


def _framed(column: Tensor) -> Tensor:
    """A column of pictures on a sheet of fixed size; photos may be smaller than the squares."""
    side = column.shape[-1]
    return nn.functional.pad(column, (0, SIZE - side, 0, 3 * SIZE - column.shape[-2]))
