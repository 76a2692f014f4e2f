"""Reference rows of the table: naive colourings that a method must beat, and controls for the metrics."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from colorizers.evaluation import baselines
from colorizers.picture.compose import Chroma


@dataclass(frozen=True, eq=False)
class Subject:
    """One photo to colour: its Lab (3, s, s), and the Lab (3, t, t) of another photo of the set."""

    lab: Tensor
    other: Tensor


RowFunction = Callable[[Subject], Chroma]

GRAY = "gray"
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


def fixed_rows(photos: int) -> dict[str, RowFunction]:
    """The naive rows and the controls, in the order of the table.

    `wrong_image_ab`: the colours of another photo, as vivid as the truth and wrong, left out when
    there is only one photo; `gt_half_chroma`: the true ab halved; `oracle_ab_1/4`: the true ab at a quarter of the
    size, averaged, and upsampled as any result: the limit of low-resolution chroma.
    """
    rows: dict[str, RowFunction] = {
        **naive_rows(),
        "wrong_image_ab": lambda subject: Chroma(subject.other[1:]),
        "gt_half_chroma": lambda subject: Chroma(subject.lab[1:] / 2),
        "oracle_ab_1/4": _quarter,
    }
    if photos == 1:
        del rows["wrong_image_ab"]
    return rows


def _quarter(subject: Subject) -> Chroma:
    side = max(1, round(subject.lab.shape[-1] / 4))
    return Chroma(torch.nn.functional.interpolate(subject.lab[None, 1:], (side, side), mode="area")[0])
