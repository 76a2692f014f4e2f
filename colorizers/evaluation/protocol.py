"""The evaluation protocol: centre squares, 8-bit results of the full pipeline, reference rows beside the methods."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from colorizers.engine import Engine
from colorizers.engine.jobs import JobRequest
from colorizers.errors import ColorizerError
from colorizers.evaluation import equal_color, metrics, perceptual
from colorizers.evaluation.perceptual import Networks
from colorizers.evaluation.reference_rows import GRAY, OTHER, OWN, RowFunction, Subject, fixed_rows, true_hints
from colorizers.picture.color import lab_to_rgb, rgb_to_lab
from colorizers.picture.compose import compose
from colorizers.picture.dataset import Collection, center_square
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo
from colorizers.picture.record import Record
from colorizers.picture.result import Result
from colorizers.words import Text

TRUTH = "truth"
_MOVED = ("moved_mean", "moved_std")  # in the order of `metrics.ab_statistics`

Values = dict[str, float]
"""Figures by the keys of `report.COLUMNS`; one that does not apply has no key."""

Pictures = Mapping[str, Tensor]
"""The 8-bit results for one photo as RGB (3, s, s) in [0, 1], by row; the truth is the first."""


@dataclass(frozen=True)
class MethodRow:
    """A row of the table that runs a method with validated options; `pictures` are options that are OWN or OTHER.

    With `sweep` the method also runs at every stop of `vividness`, for the comparison at equal colourfulness.
    """

    method: str
    options: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, str] = field(default_factory=dict)
    sweep: bool = False


@dataclass(frozen=True)
class Evaluation:
    """Means over the photos by row, figures of each photo in the order of the collection, and records of the methods.

    A record names the loaded weights and every option, the seed among them; a picture is named as OWN or OTHER.
    """

    means: dict[str, Values]
    pictures: list[dict[str, Values]]
    records: dict[str, Record]


@dataclass
class _Measured:
    """Measurements of one row, one entry per photo.

    `figures` are against the truth, `stops` those at every stop of vividness, `statistics` (2, 2) of ab, and `features`
    (F,) of each network behind a distance between sets.
    """

    figures: list[Values] = field(default_factory=list)
    stops: list[list[Values]] = field(default_factory=list)
    statistics: list[Tensor] = field(default_factory=list)
    features: dict[str, list[Tensor]] = field(default_factory=lambda: defaultdict(list))


def evaluate(
    engine: Engine,
    methods: Mapping[str, MethodRow],
    collection: Collection,
    size: int,
    networks: Networks | None = None,
    watch: Callable[[Pictures], None] = lambda pictures: None,
    hints: int = 0,
) -> Evaluation:
    """Colour and measure every photo: the rows `truth`, those of `fixed_rows`, and the given methods.

    Methods get as many true `hints`, at random places that depend on the photo's place in the collection alone.

    `watch` gets the pictures of one photo after the other. Each method colours the first photo once before it is
    measured, so that no time includes the loading of a model. If a method gives several variants, the first is
    measured, and the diversity of all. Raises ColorizerError, before anything is measured, if a photo is too small for
    the metrics or a row needs another one.
    """
    networks = networks or Networks()
    squares = _squares(collection, size, perceptual.LPIPS_SMALLEST if networks.lpips else metrics.SSIM_WINDOW)
    _check_others(methods, len(squares))
    fixed = fixed_rows(len(squares), hints)
    records = {row: _record(engine, each, _subject(squares, 0, hints)) for row, each in methods.items()}
    distances = networks.distances() if len(squares) > 1 else {}
    rows = {row: _Measured() for row in (TRUTH, *fixed, *methods)}
    for k, square in enumerate(squares):
        subject = _subject(squares, k, hints)
        results = {row: _run(engine, each, subject) for row, each in methods.items()}
        pictures = _pictures(square, subject, fixed, results)
        _measure(rows, pictures, networks, distances)
        for row, made in results.items():
            rows[row].figures[-1] |= _method_figures(made)
            if methods[row].sweep:
                known = {records[row].options["vividness"]: pictures[row]}
                rows[row].stops.append(_at_stops(engine, methods[row], subject, known))
        watch(pictures)
    by_photo = [{row: measured.figures[k] for row, measured in rows.items()} for k in range(len(squares))]
    return Evaluation(_means(rows, _starts(methods, records), distances), by_photo, records)


def _squares(collection: Collection, size: int, smallest: int) -> list[Tensor]:
    """Centre squares (3, s, s), uint8."""
    squares = [(center_square(photo, size) * 255).round().byte() for photo in collection.photos]
    for name, square in zip(collection.names, squares, strict=True):
        if (side := square.shape[-1]) < smallest:
            raise ColorizerError(Text("evaluation.square-too-small", name=name, side=side, needed=smallest))
    return squares


def _check_others(methods: Mapping[str, MethodRow], photos: int) -> None:
    for row, each in methods.items():
        if photos == 1 and OTHER in each.pictures.values():
            raise ColorizerError(Text("evaluation.needs-two-photos", row=row))


def _other(k: int, photos: int) -> int:
    """The photo that lends its colours for photo k."""
    return (k + photos // 2) % photos


def _subject(squares: list[Tensor], k: int, hints: int) -> Subject:
    lab = rgb_to_lab(_unit(squares[k]))
    return Subject(lab, rgb_to_lab(_unit(squares[_other(k, len(squares))])), true_hints(lab, hints, k))


def _unit(square: Tensor) -> Tensor:
    return square / 255


def _rgb(pixels: np.ndarray) -> Tensor:
    return _unit(torch.from_numpy(pixels).movedim(-1, 0))


def _run(engine: Engine, method: MethodRow, subject: Subject) -> tuple[Result, ...]:
    """The results, one per variant, of a method on the lightness, the pictures among its options, and the hints."""
    squares = {OWN: subject.lab, OTHER: subject.other}
    pictures = {name: _color_photo(squares[word]) for name, word in method.pictures.items()}
    options = {**method.options, **pictures}
    return engine.results(JobRequest(Photo(subject.lab[0]), method.method, options, hints=subject.hints))


def _color_photo(lab: Tensor) -> Photo:
    """A square as an 8-bit colour photo."""
    rgb = (lab_to_rgb(lab) * 255).round().byte().movedim(0, -1).contiguous().numpy()
    return Photo(lab[0], rgb=rgb)


def _record(engine: Engine, method: MethodRow, subject: Subject) -> Record:
    """The record of a run with all variants; the pictures among its options are OWN or OTHER."""
    record = _run(engine, method, subject)[0].record
    return record.model_copy(update={"options": {**record.options, **method.options, **method.pictures}})


def _starts(methods: Mapping[str, MethodRow], records: Mapping[str, Record]) -> dict[str, str]:
    """For each row with another photo's colours, the row from which its way there is measured.

    That is the same method with the same options and the photo's own colours, else the truth.
    """
    starts = {}
    for row, each in methods.items():
        if OTHER in each.pictures.values():
            own = records[row].options | dict.fromkeys(each.pictures, OWN)
            alike = (name for name, record in records.items() if (record.method, record.options) == (each.method, own))
            starts[row] = next(alike, TRUTH)
    return starts


def _pictures(
    square: Tensor, subject: Subject, fixed: Mapping[str, RowFunction], results: Mapping[str, Sequence[Result]]
) -> dict[str, Tensor]:
    """The 8-bit picture of every row for one photo, the truth first."""
    pictures = {TRUTH: _unit(square)}
    for row, color in fixed.items():
        pictures[row] = _rgb(compose(subject.lab[0], color(subject), Finish()))
    for row, made in results.items():
        pictures[row] = _rgb(made[0].pixels())
    return pictures


def _measure(
    rows: Mapping[str, _Measured], pictures: Pictures, networks: Networks, distances: Mapping[str, perceptual.Distance]
) -> None:
    """Measure one photo's pictures against the first of them, and add the results to their rows."""
    rgb = torch.stack(list(pictures.values()))
    lab = rgb_to_lab(rgb)
    figures = _figures(rgb, lab, networks)
    statistics = metrics.ab_statistics(lab)
    features = {key: distance.features(rgb) for key, distance in distances.items()}
    for k, row in enumerate(pictures):
        rows[row].figures.append(figures[k])
        rows[row].statistics.append(statistics[k])
        for key, found in features.items():
            rows[row].features[key].append(found[k])


def _figures(rgb: Tensor, lab: Tensor, networks: Networks) -> list[Values]:
    """The figures of each picture, RGB and Lab (B, 3, s, s), against the first."""
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
    table = torch.stack(list(columns.values()), dim=1).tolist()
    return [dict(zip(columns, values, strict=True)) for values in table]


def _method_figures(results: Sequence[Result]) -> Values:
    """The figures that only methods have: the time for all variants, and the diversity of several."""
    variants = torch.stack([_rgb(result.pixels()) for result in results])
    values = {"seconds_per_megapixel": results[0].coloring.seconds * 1e6 / variants[0, 0].numel()}
    if len(variants) > 1:
        values["diversity"] = float(metrics.diversity(rgb_to_lab(variants)))
    return values


def _at_stops(engine: Engine, method: MethodRow, subject: Subject, known: Mapping[Any, Tensor]) -> list[Values]:
    """CIEDE2000 and colourfulness of one photo at every stop of vividness; `known` pictures are not made again."""
    values = []
    for stop in equal_color.STOPS:
        rgb = known.get(stop)
        if rgb is None:
            at_stop = replace(method, options={**method.options, "vividness": stop})
            rgb = _rgb(_run(engine, at_stop, subject)[0].pixels())
        error = metrics.ciede2000(rgb_to_lab(rgb)[None], subject.lab[None]).mean()
        values.append({"de00": float(error), "cf": float(metrics.colorfulness(rgb[None]))})
    return values


def _means(
    rows: Mapping[str, _Measured], starts: Mapping[str, str], distances: Mapping[str, perceptual.Distance]
) -> dict[str, Values]:
    """The figures of every row over all photos: means, and the figures that are defined on the set."""
    means = {row: _mean(measured.figures) for row, measured in rows.items()}
    truth, gray = means[TRUTH]["cf"], means[GRAY]["de00"]
    for row, measured in rows.items():
        means[row]["delta_cf"] = abs(means[row]["cf"] - truth)
        if gray > 0:
            means[row]["x_gray"] = means[row]["de00"] / gray
        if measured.stops:
            means[row] |= _at_equal_color(measured.stops, truth, gray)
    for row, start in starts.items():
        means[row] |= _moved(rows[row], rows[start], rows[TRUTH])
    for key, distance in distances.items():
        true_features, *features = [torch.stack(measured.features[key]) for measured in rows.values()]
        for row, value in zip(list(rows)[1:], distance.between(features, true_features), strict=True):
            means[row][key] = value
    return means


def _mean(photos: Sequence[Values]) -> Values:
    """The mean of every figure."""
    return {key: float(np.mean([photo[key] for photo in photos])) for key in photos[0]}


def _at_equal_color(stops: list[list[Values]], truth: float, gray: float) -> Values:
    """Figures at equal colourfulness from those of every photo at every stop, the truth's CF and gray's CIEDE2000."""
    means = [_mean(photos) for photos in zip(*stops, strict=True)]
    found = equal_color.at_equal_color([mean["cf"] for mean in means], [mean["de00"] for mean in means], truth)
    values = dict(found)
    if "de00_at_85" in values and gray > 0:
        values["x_gray_at_85"] = values["de00_at_85"] / gray
    return values


def _moved(row: _Measured, start: _Measured, truth: _Measured) -> Values:
    """How far a row went from its start to the colours of the other photos; a share is left out if there is no way."""
    goal = [truth.statistics[_other(k, len(truth.statistics))] for k in range(len(truth.statistics))]
    shares = metrics.moved(torch.stack(start.statistics), torch.stack(row.statistics), torch.stack(goal)).tolist()
    return {key: share for key, share in zip(_MOVED, shares, strict=True) if not math.isnan(share)}
