"""Batches of training crops from photographs held in memory, and what age does to them."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from colorizers.picture.collection import resized
from colorizers.picture.color import rgb_to_lab

SMALLEST_CROP = 0.6  # of the short side
MAX_GRAIN = 6.0  # L* units
GAMMA = 1.4


def batches(photos: Sequence[Tensor], batch: int, size: int, random: torch.Generator) -> Iterator[Tensor]:
    """Endless batches of Lab crops (batch, 3, size, size); each photo at most once per epoch, in a new order each time.

    An epoch is made of whole batches, so there must be at least one batch of photos.
    """
    if len(photos) < batch:
        raise ValueError(f"{len(photos)} photos do not fill a batch of {batch}")
    while True:
        order = torch.randperm(len(photos), generator=random)
        for start in range(0, len(order) - batch + 1, batch):
            crops = [_random_crop(photos[i], size, random) for i in order[start : start + batch]]
            yield rgb_to_lab(torch.stack(crops))


def _random_crop(photo: Tensor, size: int, random: torch.Generator) -> Tensor:
    """A square of 60 to 100 % of the short side, mirrored half of the time."""
    short = min(photo.shape[-2:])
    side = max(1, int(short * (SMALLEST_CROP + (1 - SMALLEST_CROP) * torch.rand((), generator=random))))
    top = int(torch.randint(photo.shape[-2] - side + 1, (), generator=random))
    left = int(torch.randint(photo.shape[-1] - side + 1, (), generator=random))
    crop = resized(photo[:, top : top + side, left : left + side], size)
    return crop.flip(-1) if torch.rand((), generator=random) < 0.5 else crop


def aged(lightness: Tensor, random: torch.Generator) -> Tensor:
    """L* (B, 1, H, W) as an old print might show it: another gamma and some film grain, for half of the batch."""
    shape = (len(lightness), 1, 1, 1)
    gamma = GAMMA ** (2 * torch.rand(shape, generator=random) - 1)
    grain = MAX_GRAIN * torch.rand(shape, generator=random) * torch.randn(lightness.shape, generator=random)
    old = (100 * (lightness / 100).clamp(min=0) ** gamma + grain).clamp(0, 100)
    return torch.where(torch.rand(shape, generator=random) < 0.5, old, lightness)
