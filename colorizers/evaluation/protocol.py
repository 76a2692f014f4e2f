"""How a method is measured: centre squares, 8-bit results by the same road as any photo, naive rows beside it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from colorizers.engine import Engine, JobRequest
from colorizers.evaluation import baselines
from colorizers.evaluation.metrics import ab_rmse, ciede2000, colorfulness, lightness_error, psnr
from colorizers.picture.collection import Collection, center_square
from colorizers.picture.color import rgb_to_lab, rgb_to_lightness
from colorizers.picture.compose import Chroma, compose
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo


@dataclass(frozen=True)
class Figures:
    """One row: means over the photos. Definitions are in `metrics`.

    `seconds` a photo: of the method alone, its model in memory already; 0 for the naive rows, which are not timed.
    """

    de00: float
    ab_rmse: float
    psnr: float
    colorfulness: float
    l_error: float
    seconds: float = 0.0


Colouring = Callable[[Tensor], tuple[Tensor, float]]
"""L* (h, w) to 8-bit RGB (3, h, w) in [0, 1] and the seconds that the method took."""


def evaluate(
    engine: Engine, methods: dict[str, tuple[str, dict[str, Any]]], collection: Collection, size: int
) -> dict[str, Figures]:
    """The rows `truth`, `gray`, `mean_ab`, `l_to_ab` and one a method, by name.

    `methods` gives each row its method and options. Each colours the first photo once before it is measured, so
    that no time holds the loading of a model.
    """
    naive = baselines.load()
    rows: dict[str, Colouring] = {
        "gray": _by(lambda lightness: torch.zeros(2, *lightness.shape)),
        "mean_ab": _by(naive.mean),
        "l_to_ab": _by(naive.by_lightness),
    }
    rows |= {name: _by_engine(engine, *asked) for name, asked in methods.items()}
    for name in methods:
        rows[name](rgb_to_lightness(next(_squares(collection, size))))
    totals = {name: torch.zeros(6, dtype=torch.float64) for name in ("truth", *rows)}
    for rgb in _squares(collection, size):
        truth = rgb_to_lab(rgb)
        totals["truth"] += _measured(rgb, rgb, truth, 0.0)
        for name, colouring in rows.items():
            coloured, seconds = colouring(rgb_to_lightness(rgb))
            totals[name] += _measured(coloured, rgb, truth, seconds)
    names = [field.name for field in fields(Figures)]
    return {
        row: Figures(**dict(zip(names, (total / len(collection.photos)).tolist(), strict=True)))
        for row, total in totals.items()
    }


def _squares(collection: Collection, size: int) -> Iterator[Tensor]:
    """Centre squares rounded to 8 bits."""
    for photo in collection.photos:
        yield (center_square(photo, size) * 255).round() / 255


def _by(colour: Callable[[Tensor], Tensor]) -> Colouring:
    def colouring(lightness: Tensor) -> tuple[Tensor, float]:
        return _unit(compose(lightness, Chroma(colour(lightness)), Finish())), 0.0

    return colouring


def _by_engine(engine: Engine, method: str, options: dict[str, Any]) -> Colouring:
    def colouring(lightness: Tensor) -> tuple[Tensor, float]:
        result = engine.results(JobRequest(Photo(lightness), method, options))[0]
        return _unit(result.pixels()), result.seconds

    return colouring


def _unit(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(pixels).movedim(-1, 0) / 255


def _measured(rgb: Tensor, truth_rgb: Tensor, truth_lab: Tensor, seconds: float) -> Tensor:
    lab = rgb_to_lab(rgb)[None]
    truth = truth_lab[None]
    values = (
        ciede2000(lab, truth).mean(),
        ab_rmse(lab, truth),
        psnr(rgb[None], truth_rgb[None]),
        colorfulness(rgb[None]),
        lightness_error(lab, truth),
        torch.tensor(seconds),
    )
    return torch.tensor([float(value) for value in values], dtype=torch.float64)
