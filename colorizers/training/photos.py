"""Training photographs: tar shards decoded once into memory, batches of random crops from them."""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colorizers.picture.color import rgb_to_lab

SMALLEST_CROP = 0.6  # of the short side
MAX_GRAIN = 6.0  # L* units
GAMMA = 1.4


@dataclass(frozen=True)
class PhotoSet:
    """Decoded photographs, uint8 RGB (3, H, W) of any sizes, and the sha256 of the list of their names."""

    photos: list[Tensor]
    names_sha256: str


def read_shards(paths: list[Path]) -> PhotoSet:
    """Decode every picture of the tar files, in the order in which they stand there."""
    photos, names = [], []
    for path in paths:
        with tarfile.open(path) as shard:
            for member in shard:
                if not member.name.endswith((".webp", ".jpg", ".png")):
                    continue
                pixels = np.array(Image.open(io.BytesIO(shard.extractfile(member).read())).convert("RGB"))
                photos.append(torch.from_numpy(pixels).movedim(-1, 0).contiguous())
                names.append(f"{path.name}/{member.name}")
    if not photos:
        raise ValueError(f"no pictures in {', '.join(map(str, paths))}")
    return PhotoSet(photos, hashlib.sha256("\n".join(names).encode()).hexdigest())


def center_square(photo: Tensor, size: int) -> Tensor:
    """The centre square of a uint8 photo as (3, size, size) in [0, 1], reduced with antialiasing, never enlarged."""
    side = min(photo.shape[-2:])
    if side < size:
        raise ValueError(f"a photo of {photo.shape[-1]}x{photo.shape[-2]} is smaller than the {size} px asked for")
    top, left = (photo.shape[-2] - side) // 2, (photo.shape[-1] - side) // 2
    return _resized(photo[:, top : top + side, left : left + side], size)


def _resized(crop: Tensor, size: int) -> Tensor:
    crop = crop[None].float() / 255
    resized = torch.nn.functional.interpolate(crop, (size, size), mode="bilinear", antialias=True)
    return resized[0]


def _random_crop(photo: Tensor, size: int, random: torch.Generator) -> Tensor:
    short = min(photo.shape[-2:])
    side = int(short * (SMALLEST_CROP + (1 - SMALLEST_CROP) * torch.rand((), generator=random)))
    top = int(torch.randint(photo.shape[-2] - side + 1, (), generator=random))
    left = int(torch.randint(photo.shape[-1] - side + 1, (), generator=random))
    crop = _resized(photo[:, top : top + side, left : left + side], size)
    return crop.flip(-1) if torch.rand((), generator=random) < 0.5 else crop


def batches(photos: list[Tensor], batch: int, size: int, random: torch.Generator) -> Iterator[Tensor]:
    """Endless batches of Lab crops (batch, 3, size, size); each photo once per epoch, in a new order each time."""
    while True:
        order = torch.randperm(len(photos), generator=random)
        for start in range(0, len(order) - batch + 1, batch):
            crops = [_random_crop(photos[i], size, random) for i in order[start : start + batch]]
            yield rgb_to_lab(torch.stack(crops))


def aged(lightness: Tensor, random: torch.Generator) -> Tensor:
    """L* (B, 1, H, W) as an old print might show it: another gamma and some film grain, for half of the batch."""
    shape = (len(lightness), 1, 1, 1)
    gamma = GAMMA ** (2 * torch.rand(shape, generator=random) - 1)
    grain = MAX_GRAIN * torch.rand(shape, generator=random) * torch.randn(lightness.shape, generator=random)
    old = (100 * (lightness / 100).clamp(min=0) ** gamma + grain).clamp(0, 100)
    return torch.where(torch.rand(shape, generator=random) < 0.5, old, lightness)
