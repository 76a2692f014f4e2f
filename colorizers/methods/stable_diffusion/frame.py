"""The picture that Stable Diffusion sees: the photo at its working size, mirrored on until its sides fit."""

from dataclasses import dataclass

import torch
from torch import Tensor

_CELL = 64  # pixels: the VAE divides by 8, and the U-Net by 8 again


@dataclass(frozen=True)
class Frame:
    """A photo of `width` by `height` pixels in the corner of a picture whose sides are multiples of 64."""

    width: int
    height: int

    @property
    def padded(self) -> tuple[int, int]:
        """Height and width of the whole picture."""
        height, width = (-(-side // _CELL) * _CELL for side in (self.height, self.width))
        return height, width

    def pad(self, planes: Tensor) -> Tensor:
        """Planes (..., height, width) mirrored to the right and downwards until they fill the picture."""
        height, width = self.padded
        return planes[..., _mirrored(self.height, height)[:, None], _mirrored(self.width, width)]

    def crop(self, planes: Tensor) -> Tensor:
        """The photo's part of planes as large as the picture."""
        return planes[..., : self.height, : self.width]


def frame_of(size: tuple[int, int], working_size: int) -> Frame:
    """For a photo of this size, width and height: its long side at the working size, its shape kept."""
    scale = working_size / max(size)
    width, height = (max(1, round(side * scale)) for side in size)
    return Frame(width, height)


def _mirrored(length: int, target: int) -> Tensor:
    """The indices of `target` places that walk to the end of `length` places and back, again and again."""
    place = torch.arange(target) % (2 * length)
    return torch.minimum(place, 2 * length - 1 - place)
