"""How a method is measured: centre squares, 8-bit results by the same road as any photo, naive rows beside it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from colorizers.engine.local import Engine, JobRequest
from colorizers.errors import ColorizerError
from colorizers.evaluation import equal_color, metrics, perceptual
from colorizers.evaluation.perceptual import Networks
from colorizers.evaluation.reference_rows import GRAY, OTHER, OWN, Subject, fixed_rows
from colorizers.picture.color import lab_to_rgb, rgb_to_lab
from colorizers.picture.compose import compose
from colorizers.picture.dataset import Collection, center_square
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo
from colorizers.picture.record import Record
from colorizers.picture.result import Result

TRUTH = "truth"
_MOVED = ("moved_mean", "moved_std")  # in the order of `metrics.ab_statistics`

Values = dict[str, float]
"""Figures by their keys; `report.COLUMNS` says what each means. One that does not apply has no key."""

Pictures = Mapping[str, Tensor]
"""The 8-bit results for one photo as RGB (3, s, s) in [0, 1], by row; the truth is the first."""


@dataclass(frozen=True)
class Asked:
    """A row that runs a method, with options that are validated; `pictures` names those that are OWN or OTHER.

    With `along` the method also runs at every stop of `vividness`, to be compared where it is colourful enough.
    """

    method: str
    options: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, str] = field(default_factory=dict)
    along: bool = False


@dataclass(frozen=True)
class Evaluation:
    """The means over the photos by row, the same of every photo in the order of the collection, and methods' records.

    A record names the weights that were loaded and every option, the seed among them, a picture as OWN or OTHER.
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
    measured, so that no time holds the loading of a model. Of several variants the first is measured, and how far
    they lie apart. Raises ColorizerError, before anything is measured, when a photo is too small for the metrics or
    a row needs another one.
    """
    networks = networks or Networks()
    squares = _squares(collection, size, perceptual.LPIPS_SMALLEST if networks.lpips else metrics.SSIM_WINDOW)
    _check_others(asked, len(squares))
    fixed = fixed_rows(len(squares))
    records = {row: _record(engine, each, _subject(squares, 0)) for row, each in asked.items()}
    starts = _starts(asked, records)
    measured: list[dict[str, Values]] = []
    distances = networks.distances() if len(squares) > 1 else {}
    features: dict[str, list[Tensor]] = {key: [] for key in distances}
    stops: dict[str, list[list[Values]]] = {row: [] for row, each in asked.items() if each.along}
    statistics: list[Tensor] = []
    for k, square in enumerate(squares):
        subject = _subject(squares, k)
        results = {row: _run(engine, each, subject) for row, each in asked.items()}
        variants = {row: torch.stack([_rgb(each.pixels()) for each in made]) for row, made in results.items()}
        pictures = {TRUTH: _unit(square)}
        pictures |= {row: _rgb(compose(subject.lab[0], colour(subject), Finish())) for row, colour in fixed.items()}
        pictures |= {row: made[0] for row, made in variants.items()}
        measured.append(_measured(pictures, networks))
        for row, made in variants.items():
            measured[-1][row] |= _of_method(results[row][0].seconds, made)
        for row, found in stops.items():
            found.append(_at_stops(engine, asked[row], subject))
        for key, distance in distances.items():
            features[key].append(distance.features(torch.stack(list(pictures.values()))))
        if starts:
            statistics.append(metrics.ab_statistics(rgb_to_lab(torch.stack(list(pictures.values())))))
        watch(pictures)
    means = _means(measured)
    if starts:
        for row, values in _moved(starts, dict(zip(means, torch.stack(statistics, dim=1), strict=True))).items():
            means[row] |= values
    for row, found in stops.items():
        means[row] |= _at_equal_color(found, means)
    for key, distance in distances.items():
        truth, *others = torch.stack(features[key], dim=1)
        for row, far in zip(list(means)[1:], distance.between(others, truth), strict=True):
            means[row][key] = far
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


def _check_others(asked: Mapping[str, Asked], photos: int) -> None:
    for row, each in asked.items():
        if photos == 1 and OTHER in each.pictures.values():
            raise ColorizerError(f"The row {row} takes the colours of another photograph; give at least two.")


def _other(k: int, photos: int) -> int:
    """The photo whose colours stand beside those of photo k."""
    return (k + photos // 2) % photos


def _subject(squares: list[Tensor], k: int) -> Subject:
    return Subject(rgb_to_lab(_unit(squares[k])), rgb_to_lab(_unit(squares[_other(k, len(squares))])))


def _unit(square: Tensor) -> Tensor:
    return square / 255


def _rgb(pixels: np.ndarray) -> Tensor:
    return _unit(torch.from_numpy(pixels).movedim(-1, 0))


def _run(engine: Engine, asked: Asked, subject: Subject) -> tuple[Result, ...]:
    """What a method makes of the lightness alone, and of the pictures among its options: a result a variant."""
    squares = {OWN: subject.lab, OTHER: subject.other}
    pictures = {name: _in_colour(squares[word]) for name, word in asked.pictures.items()}
    return engine.results(JobRequest(Photo(subject.lab[0]), asked.method, {**asked.options, **pictures}))


def _in_colour(lab: Tensor) -> Photo:
    """A square as a photo with its colours, the same 8 bits."""
    rgb = (lab_to_rgb(lab) * 255).round().byte().movedim(0, -1).contiguous().numpy()
    return Photo(lab[0], rgb=rgb)


def _record(engine: Engine, asked: Asked, subject: Subject) -> Record:
    """The record of a run with every variant, the pictures among its options by their words."""
    record = _run(engine, asked, subject)[0].record
    return record.model_copy(update={"options": {**record.options, **asked.options, **asked.pictures}})


def _starts(asked: Mapping[str, Asked], records: Mapping[str, Record]) -> dict[str, str]:
    """The rows with another photo's colours, each with the row that it sets out from.

    That is the same method with the same options and the photo's own colours, else the truth.
    """
    starts = {}
    for row, each in asked.items():
        if OTHER in each.pictures.values():
            own = records[row].options | dict.fromkeys(each.pictures, OWN)
            alike = (name for name, record in records.items() if (record.method, record.options) == (each.method, own))
            starts[row] = next(alike, TRUTH)
    return starts


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


def _of_method(seconds: float, variants: Tensor) -> Values:
    """The figures that only methods have: the time for all variants (B, 3, s, s), and how far these lie apart."""
    values = {"seconds_per_megapixel": seconds * 1e6 / variants[0, 0].numel()}
    if len(variants) > 1:
        values["diversity"] = float(metrics.diversity(rgb_to_lab(variants)))
    return values


def _at_stops(engine: Engine, asked: Asked, subject: Subject) -> list[Values]:
    """CIEDE2000 and colourfulness of one photo at every stop of vividness."""
    values = []
    for stop in equal_color.STOPS:
        there = replace(asked, options={**asked.options, "vividness": stop})
        rgb = _rgb(_run(engine, there, subject)[0].pixels())[None]
        error = metrics.ciede2000(rgb_to_lab(rgb), subject.lab[None]).mean()
        values.append({"de00": float(error), "cf": float(metrics.colorfulness(rgb))})
    return values


def _at_equal_color(photos: list[list[Values]], means: Mapping[str, Values]) -> Values:
    """The figures of a method where it is as colourful as `equal_color` asks, from every photo's at every stop."""
    colorfulness, de00 = ([float(np.mean([photo[k][key] for photo in photos])) for k in range(len(equal_color.STOPS))]
                          for key in ("cf", "de00"))  # fmt: skip
    values = dict(equal_color.at_equal_color(colorfulness, de00, means[TRUTH]["cf"]))
    if "de00_at_85" in values and means[GRAY]["de00"] > 0:
        values["x_gray_at_85"] = values["de00_at_85"] / means[GRAY]["de00"]
    return values


def _moved(starts: Mapping[str, str], statistics: Mapping[str, Tensor]) -> dict[str, Values]:
    """How far rows went from their starts to the other photos, by the statistics (photos, 2, 2) of every row.

    Nothing where there is no way.
    """
    truth = statistics[TRUTH]
    goal = truth[[_other(k, len(truth)) for k in range(len(truth))]]
    moved = {}
    for row, start in starts.items():
        shares = metrics.moved(statistics[start], statistics[row], goal).tolist()
        moved[row] = {key: share for key, share in zip(_MOVED, shares, strict=True) if not math.isnan(share)}
    return moved


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
