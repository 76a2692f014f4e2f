"""Naive colourings fitted on training photographs, which any trained method must beat."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from colorizers.picture.color import rgb_to_lab
from colorizers.picture.dataset import Collection

FITTED = Path(__file__).parent / "baselines.json"
_LEVELS = 101  # one table entry per unit of L*


@dataclass(frozen=True)
class Baselines:
    """The mean ab of the training photos, the mean ab at each L* from 0 to 100, and their provenance."""

    mean_ab: list[float]
    table: list[list[float]]
    photos: int
    photos_sha256: str
    command: str

    def mean(self, lightness: Tensor) -> Tensor:
        """The same ab (2, h, w) everywhere: sepia."""
        return torch.tensor(self.mean_ab)[:, None, None].expand(2, *lightness.shape)

    def by_lightness(self, lightness: Tensor) -> Tensor:
        """ab (2, h, w) by table lookup from L* (h, w)."""
        return torch.tensor(self.table)[lightness.round().long().clamp(0, _LEVELS - 1)].movedim(-1, 0)


def fit(collection: Collection, command: str) -> Baselines:
    """Fit both baselines on every pixel of a collection; every photo weighs the same in the mean."""
    sums, counts, means = torch.zeros(_LEVELS, 2), torch.zeros(_LEVELS), torch.zeros(2)
    for photo in collection.photos:
        lightness, *ab = rgb_to_lab(photo.float() / 255).flatten(1)
        level = lightness.round().long().clamp(0, _LEVELS - 1)
        pixels = torch.stack(ab, dim=1)
        sums.index_add_(0, level, pixels)
        counts += torch.bincount(level, minlength=_LEVELS)
        means += pixels.mean(0)
    table = sums / counts.clamp(min=1)[:, None]
    mean_ab = means / len(collection.photos)
    return Baselines(_rounded(mean_ab), _rounded(table), len(collection.photos), collection.sha256, command)


def save(baselines: Baselines) -> None:
    """Write the baselines to the file of `load`."""
    FITTED.write_text(json.dumps(asdict(baselines)) + "\n")


def load() -> Baselines:
    """The baselines that are committed with the project."""
    return Baselines(**json.loads(FITTED.read_text()))


def _rounded(values: Tensor) -> Any:
    """Nested lists of numbers with three decimals."""
    return np.round(values.double().numpy(), 3).tolist()
