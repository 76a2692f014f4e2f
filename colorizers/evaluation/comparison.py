"""Several colourings of one photo, measured against its true colours where it has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colorizers.errors import ColorizerError
from colorizers.evaluation import metrics
from colorizers.evaluation.protocol import TRUTH, Values
from colorizers.evaluation.reference_rows import GRAY, Subject, naive_rows
from colorizers.picture.color import lab_to_rgb, rgb_to_lab
from colorizers.picture.compose import compose, uncolored
from colorizers.picture.finish import Finish
from colorizers.picture.naming import shown_name
from colorizers.picture.photo import Photo
from colorizers.picture.record import Record
from colorizers.picture.result import Result, with_alpha
from colorizers.picture.sheet import Cell, SheetOptions, contact_sheet
from colorizers.words import ENGLISH, Text, spoken

SIDE = 1024
"""Pixels of the long side at which pictures are compared; smaller photos are compared as they are."""


@dataclass(frozen=True, eq=False)
class Coloration:
    """One of the pictures (H, W, 3) uint8 of a comparison: of a method, the naive ones, the photo, its true colours.

    `name` and `settings` are as they were asked for, `seconds` is the time of the method without loading its model,
    and `record` says how it was made; others have none of these. `figures` are against the true colours.
    """

    name: str
    title: Text
    pixels: np.ndarray
    settings: str = ""
    seconds: float | None = None
    record: Record | None = None
    figures: Mapping[str, float] | None = None


def of_result(result: Result, name: str, title: Text, settings: str, seconds: float) -> Coloration:
    """What a method made of the photo."""
    return Coloration(name, title, result.preview(SIDE).pixels(), settings, seconds, result.record)


def of_photo(photo: Photo, truth: bool) -> list[Coloration]:
    """The photo without colour and, with `truth`, in its true colours.

    Raises ColorizerError when it has no colours.
    """
    pictures = {GRAY: uncolored(photo.reduced(SIDE).lightness)}
    if truth:
        pictures[TRUTH] = _pixels(lab_to_rgb(_true_lab(photo)))
    return [_unmade(name, pixels) for name, pixels in pictures.items()]


def naive(photo: Photo) -> list[Coloration]:
    """The naive colourings of a colour photo, but for gray: see `reference_rows`."""
    lab = _true_lab(photo)
    rows = {name: color(Subject(lab, lab)) for name, color in naive_rows().items() if name != GRAY}
    return [_unmade(name, compose(lab[0], chroma, Finish())) for name, chroma in rows.items()]


def measured(colorations: Sequence[Coloration]) -> list[Coloration]:
    """The same with figures against the true colours among them: CIEDE2000 (`de00`) and colourfulness (`cf`)."""
    truth = next(each for each in colorations if each.name == TRUTH)
    return [replace(each, figures=_figures(each.pixels, truth.pixels)) for each in colorations]


@spoken(ENGLISH)  # Pillow's own font has no Chinese characters
def sheet_of(colorations: Sequence[Coloration], photo: Photo, name: str, options: SheetOptions) -> Image.Image:
    """The contact sheet of a photo of this name: each picture with its title, settings, seconds and figures."""
    width, height = photo.size
    alpha = photo.reduced(SIDE).alpha
    cells = [Cell(with_alpha(each.pixels, alpha), str(each.title), _lines(each)) for each in colorations]
    heading = Text("comparison.heading", name=name, width=width, height=height)
    return contact_sheet(cells, str(heading), str(Text("comparison.note")), options)


def _lines(coloration: Coloration) -> tuple[str, ...]:
    """What stands below a title."""
    numbers = []
    if coloration.seconds is not None:
        numbers.append(Text("comparison.seconds", seconds=coloration.seconds))
    if coloration.figures is not None:
        numbers.append(Text("comparison.figures", **coloration.figures))
    lines = coloration.settings.replace(",", ", "), ", ".join(map(str, numbers))
    return tuple(line for line in lines if line)


def _unmade(name: str, pixels: np.ndarray) -> Coloration:
    """A picture that no method has made."""
    return Coloration(name, Text(f"comparison.{name}.title"), pixels)


def _figures(pixels: np.ndarray, truth: np.ndarray) -> Values:
    rgb, true_rgb = (torch.from_numpy(each).movedim(-1, 0)[None] / 255 for each in (pixels, truth))
    error = metrics.ciede2000(rgb_to_lab(rgb), rgb_to_lab(true_rgb)).mean()
    return {"de00": float(error), "cf": float(metrics.colorfulness(rgb))}


def _true_lab(photo: Photo) -> Tensor:
    """The Lab (3, h, w) of a colour photo: its own L*, and the true ab."""
    if photo.rgb is None:
        raise ColorizerError(Text("comparison.no-truth", name=shown_name(photo.name)))
    small = photo.reduced(SIDE)
    rgb = np.array(Image.fromarray(photo.rgb).resize(small.size, Image.Resampling.BOX))
    lab = rgb_to_lab(torch.from_numpy(rgb).movedim(-1, 0) / 255)
    return torch.cat((small.lightness[None], lab[1:]))


def _pixels(rgb: Tensor) -> np.ndarray:
    return (rgb.clamp(0, 1) * 255).round().byte().movedim(0, -1).contiguous().numpy()
