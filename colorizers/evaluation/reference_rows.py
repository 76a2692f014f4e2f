"""Reference rows of the table: naive colourings that a method must beat, and controls for the metrics."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from colorizers.evaluation import baselines
from colorizers.picture.color import lab_to_rgb
from colorizers.picture.compose import Chroma
from colorizers.picture.hints import Hint, Hints, color_of


@dataclass(frozen=True, eq=False)
class Subject:
    """One photo to colour: its Lab (3, s, s), the Lab (3, t, t) of another photo of the set, and hints of its own."""

    lab: Tensor
    other: Tensor
    hints: Hints = ()


RowFunction = Callable[[Subject], Chroma]

GRAY = "gray"
_POINT = 5  # pixels of a side of the square whose mean colour a hint has
OWN, OTHER = "own", "other"
"""Values of a picture among a method's options: the subject itself, or the other photo."""


def naive_rows() -> dict[str, RowFunction]:
    """The naive rows, in the order of the table.

    `gray`: the photo as it is; `mean_ab`: one sepia everywhere; `l_to_ab`: ab looked up from L* (both fitted on
    training photos).
    """
    naive = baselines.load()
    return {
        GRAY: lambda subject: Chroma(torch.zeros_like(subject.lab[1:])),
        "mean_ab": lambda subject: Chroma(naive.mean(subject.lab[0])),
        "l_to_ab": lambda subject: Chroma(naive.by_lightness(subject.lab[0])),
    }


def fixed_rows(photos: int, hints: int = 0) -> dict[str, RowFunction]:
    """The naive rows and the controls, in the order of the table.

    `wrong_image_ab`: the colours of another photo, as vivid as the truth and wrong, left out when
    there is only one photo; `gt_half_chroma`: the true ab halved; `oracle_ab_1/4`: the true ab at a quarter of the
    size, averaged, and upsampled as any result: the limit of low-resolution chroma. With hints also `nearest_hint`:
    everywhere the colour of the hint that is nearest.
    """
    rows: dict[str, RowFunction] = {
        **naive_rows(),
        "wrong_image_ab": lambda subject: Chroma(subject.other[1:]),
        "gt_half_chroma": lambda subject: Chroma(subject.lab[1:] / 2),
        "oracle_ab_1/4": _quarter,
    }
    if photos == 1:
        del rows["wrong_image_ab"]
    if hints:
        rows["nearest_hint"] = _nearest
    return rows


def true_hints(lab: Tensor, count: int, seed: int) -> Hints:
    """Points at random places of a photo, Lab (3, s, s), each with the mean colour of the square around it."""
    side = lab.shape[-1]
    random = torch.Generator().manual_seed(seed)
    means = torch.nn.functional.avg_pool2d(lab[None], _POINT, 1, _POINT // 2, count_include_pad=False)[0]
    found = []
    for y, x in torch.randint(side, (count, 2), generator=random).tolist():
        rgb = lab_to_rgb(means[:, y, x][:, None, None]).flatten()
        place = ((x + 0.5) / side, (y + 0.5) / side)
        found.append(Hint(path=(place,), color=color_of(rgb)))
    return tuple(found)


def _nearest(subject: Subject) -> Chroma:
    side = subject.lab.shape[-1]
    steps = (torch.arange(side) + 0.5) / side
    places = torch.cartesian_prod(steps, steps).flip(-1)
    nearest = torch.cdist(places, torch.tensor([hint.path[0] for hint in subject.hints])).argmin(1)
    return Chroma(torch.stack([hint.ab for hint in subject.hints])[nearest].T.reshape(2, side, side))


def _quarter(subject: Subject) -> Chroma:
    side = max(1, round(subject.lab.shape[-1] / 4))
    return Chroma(torch.nn.functional.interpolate(subject.lab[None, 1:], (side, side), mode="area")[0])
