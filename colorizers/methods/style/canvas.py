"""The values that style transfer optimises at one size: the ab planes of a photo, or a whole picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from colorizers.networks.heads import AB_SCALE
from colorizers.networks.imagenet import denormalised, normalised
from colorizers.picture.color import lab_to_rgb
from colorizers.picture.compose import Chroma, Outcome, Painting
from colorizers.picture.resize import resized


class Canvas(Protocol):
    """Planes (c, h, w) of about unit spread, and the picture that they show."""

    @property
    def lightness(self) -> Tensor:
        """The photo's L* (H, W) at this size."""

    def planes(self, lab: Tensor) -> Tensor:
        """The planes that show a picture, Lab (3, H, W)."""

    def rgb(self, planes: Tensor) -> Tensor:
        """What planes show: sRGB (3, H, W), not clipped, with gradients to the planes."""

    def outcome(self, planes: Tensor) -> Outcome:
        """The outcome that planes stand for, on the CPU."""


@dataclass(frozen=True, eq=False)
class ColorCanvas:
    """Only ab moves, at half the size of L* (H, W), which stays."""

    lightness: Tensor

    def planes(self, lab: Tensor) -> Tensor:
        height, width = self.lightness.shape
        return resized(lab[1:], (height // 2, width // 2)) / AB_SCALE

    def rgb(self, planes: Tensor) -> Tensor:
        return lab_to_rgb(torch.cat((self.lightness[None], _enlarged(AB_SCALE * planes, self.lightness.shape))))

    def outcome(self, planes: Tensor) -> Outcome:
        return Chroma(AB_SCALE * planes.cpu())


@dataclass(frozen=True, eq=False)
class RgbCanvas:
    """All of sRGB moves, as the networks see it, at the size of L* (H, W)."""

    lightness: Tensor

    def planes(self, lab: Tensor) -> Tensor:
        return normalised(lab_to_rgb(resized(lab, self.lightness.shape)).clamp(0, 1))

    def rgb(self, planes: Tensor) -> Tensor:
        return denormalised(planes)

    def outcome(self, planes: Tensor) -> Outcome:
        return Painting(self.rgb(planes).clamp(0, 1).cpu())


def _enlarged(planes: Tensor, size: Sequence[int]) -> Tensor:
    """As `resized`, by matrices: so the gradients are the same every time on a GPU too."""
    (height, width), (rows, columns) = size, planes.shape[1:]
    down = resized(torch.eye(rows, device=planes.device)[None], (height, rows))[0]
    along = resized(torch.eye(columns, device=planes.device)[None], (width, columns))[0]
    return down @ planes @ along.T
