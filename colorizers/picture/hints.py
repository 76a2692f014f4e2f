"""Sparse colour hints: "this place has this colour", spread over the photo up to its edges."""

from dataclasses import dataclass

import torch
from torch import Tensor

_LIGHTNESS_SIGMA = 8.0  # L*: a hint keeps to places about as light as its own


@dataclass(frozen=True, eq=False)
class Hints:
    """Colours at some places of a photo.

    `places` (n, 2) are rows and columns in [0, 1] from the top left, `ab` (n, 2) the colours there in Lab units, and
    `reach` is how far a hint spreads, as a share of the photo's long side.
    """

    places: Tensor
    ab: Tensor
    reach: float = 0.1

    def blended(self, ab: Tensor, lightness: Tensor, rows: slice) -> Tensor:
        """The ab (2, h, W) of some rows of a photo with the hints in it; `lightness` is the whole photo's L* (H, W).

        A joint bilateral weight ("Joint bilateral upsampling", Kopf et al. 2007): nearness in place and in L*.
        """
        height, width = lightness.shape
        down, along = (self.places * torch.tensor((height - 1.0, width - 1.0))).unbind(1)
        own = lightness[down.round().long(), along.round().long()]
        y = torch.arange(height)[rows, None] - down[:, None, None]
        x = torch.arange(width) - along[:, None, None]
        sigma = self.reach * max(height, width)
        unlike = (lightness[rows] - own[:, None, None]) / _LIGHTNESS_SIGMA
        weight = torch.exp(-((y / sigma) ** 2 + (x / sigma) ** 2 + unlike**2) / 2)
        colour = torch.einsum("nc,nhw->chw", self.ab, weight) / weight.sum(0).clamp(min=1e-6)
        return torch.lerp(ab, colour, weight.amax(0))
