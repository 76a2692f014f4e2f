"""How a method is measured: centre squares, 8-bit results by the same road as any photo, naive rows beside it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from colorizers.engine import Engine, JobRequest
from colorizers.errors import ColorizerError
from colorizers.evaluation import metrics, perceptual
from colorizers.evaluation.perceptual import Networks
from colorizers.evaluation.rows import GRAY, Subject, fixed_rows
from colorizers.picture.collection import Collection, center_square
from colorizers.picture.color import rgb_to_lab
from colorizers.picture.compose import compose
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo
from colorizers.picture.record import Record
from colorizers.picture.result import Result

TRUTH = "truth"

Values = dict[str, float]
"""Figures by their keys; `report.COLUMNS` says what each means. One that does not apply has no key."""

Pictures = Mapping[str, Tensor]
"""The 8-bit results for one photo as RGB (3, s, s) in [0, 1], by row; the truth is the first."""


@dataclass(frozen=True)
class Asked:
    """A row that runs a method, with options that are validated."""

    method: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluation:
    """The means over the photos by row, the same of every photo in the order of the collection, and methods' records.

    A record names the weights that were loaded and every option, the seed among them.
    """

    means: dict[str, Values]
    pictures: list[dict[str, Values]]
    records: dict[str, Record]


def evaluate(
    engine: Engine,
    asked: Mapping[str, Asked],
    collection: Collection,
    size: int,
    networks: Networks | None = None,
    watch: Callable[[Pictures], None] = lambda pictures: None,
) -> Evaluation:
    """Colour and measure every photo: the rows `truth`, those of `fixed_rows`, and the methods that were asked for.

    `watch` sees the pictures of one photo after the other. Each method colours the first photo once before it is
    measured, so that no time holds the loading of a model. Raises ColorizerError, before anything is measured, when
    a photo is too small for the metrics.
    """
    networks = networks or Networks()
    squares = _squares(collection, size, perceptual.LPIPS_SMALLEST if networks.lpips else metrics.SSIM_WINDOW)
    fixed = fixed_rows(len(squares))
    records = {row: _run(engine, each, rgb_to_lab(_unit(squares[0]))).record for row, each in asked.items()}
    measured: list[dict[str, Values]] = []
    features: list[Tensor] = []
    for k, square in enumerate(squares):
        other = squares[(k + len(squares) // 2) % len(squares)]
        subject = Subject(rgb_to_lab(_unit(square)), rgb_to_lab(_unit(other)))
        results = {row: _run(engine, each, subject.lab) for row, each in asked.items()}
        pictures = {TRUTH: _unit(square)}
        pictures |= {row: _rgb(compose(subject.lab[0], colour(subject), Finish())) for row, colour in fixed.items()}
        pictures |= {row: _rgb(result.pixels()) for row, result in results.items()}
        measured.append(_measured(pictures, networks))
        for row, result in results.items():
            measured[-1][row]["seconds_per_megapixel"] = result.seconds * 1e6 / square[0].numel()
        if networks.fid is not None:
            features.append(perceptual.inception_features(networks.fid, torch.stack(list(pictures.values()))))
        watch(pictures)
    means = _means(measured)
    if features:
        truth, *others = torch.stack(features, dim=1)
        for row, distance in zip(list(means)[1:], perceptual.fid(others, truth), strict=True):
            means[row]["fid"] = distance
    return Evaluation(means, measured, records)


def _squares(collection: Collection, size: int, smallest: int) -> list[Tensor]:
    """The centre squares (3, s, s), uint8."""
    squares = [(center_square(photo, size) * 255).round().byte() for photo in collection.photos]
    for name, square in zip(collection.names, squares, strict=True):
        if (side := square.shape[-1]) < smallest:
            raise ColorizerError(
                f"The square of {name} has a side of {side} pixels and the metrics need {smallest}; "
                "give a larger --size or leave the photo out."
            )
    return squares


def _unit(square: Tensor) -> Tensor:
    return square / 255


def _rgb(pixels: np.ndarray) -> Tensor:
    return _unit(torch.from_numpy(pixels).movedim(-1, 0))


def _run(engine: Engine, asked: Asked, lab: Tensor) -> Result:
    return engine.results(JobRequest(Photo(lab[0]), asked.method, dict(asked.options)))[0]


def _measured(pictures: Pictures, networks: Networks) -> dict[str, Values]:
    """The figures of one photo's pictures against the first of them."""
    rgb = torch.stack(list(pictures.values()))
    lab = rgb_to_lab(rgb)
    cf = metrics.colorfulness(rgb)
    columns = {
        "de00": metrics.ciede2000(lab, lab[:1]).mean((1, 2)),
        "ab_rmse": metrics.ab_rmse(lab, lab[:1]),
        "psnr": metrics.psnr(rgb, rgb[:1]),
        "ssim": metrics.ssim(rgb, rgb[:1]),
        "cf": cf,
        "cf_ddcolor": metrics.colorfulness_ddcolor(rgb),
        "cf_error": (cf - cf[0]).abs(),
        "l_error": metrics.lightness_error(lab, lab[:1]),
        "gray_fraction": metrics.gray_fraction(lab),
    }
    if networks.lpips is not None:
        columns["lpips"] = perceptual.lpips(networks.lpips, rgb, rgb[:1])
    rows = torch.stack(list(columns.values()), dim=1).tolist()
    return {row: dict(zip(columns, values, strict=True)) for row, values in zip(pictures, rows, strict=True)}


def _means(pictures: list[dict[str, Values]]) -> dict[str, Values]:
    """The means over the photos, and what is defined on the set: delta CF, and CIEDE2000 as a multiple of gray's."""
    means = {
        row: {key: float(np.mean([photo[row][key] for photo in pictures])) for key in first}
        for row, first in pictures[0].items()
    }
    for values in means.values():
        values["delta_cf"] = abs(values["cf"] - means[TRUTH]["cf"])
        if means[GRAY]["de00"] > 0:
            values["x_gray"] = values["de00"] / means[GRAY]["de00"]
    return means
