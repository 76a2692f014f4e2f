"""Colour as classification: a grid of ab bins, as in Zhang, Isola, Efros, "Colorful Image Colorization" (2016).

A network that predicts one ab value per pixel learns the mean of all plausible colours, which is brown. One that
predicts a distribution over bins leaves the choice between safe and vivid colours to the decoder.
"""

import torch
from torch import Tensor, nn

from colorizers.networks.precision import in_float32

BIN_WIDTH = 10.0
NEIGHBOURS = 5
SOFT_SIGMA = 5.0
_OFFSET = 64  # more cells than there are on either side of gray


def gamut_bins() -> Tensor:
    """Centres (n, 2) of the cells of a 10-unit ab grid that hold at least one 8-bit sRGB colour."""
    from colorizers.picture.color import rgb_to_lab

    steps = torch.linspace(0, 1, 86)  # every third 8-bit level
    cube = torch.stack(torch.meshgrid(steps, steps, steps, indexing="ij")).reshape(3, 1, -1)
    a, b = (rgb_to_lab(cube)[1:].flatten(1) / BIN_WIDTH).round().long()
    cells = torch.unique((a + _OFFSET) * 2 * _OFFSET + b + _OFFSET)  # one number a cell: rows would take seconds
    return (torch.stack((cells // (2 * _OFFSET), cells % (2 * _OFFSET)), dim=1) - _OFFSET) * BIN_WIDTH


class AbBins(nn.Module):
    """The grid of bins, the share of each bin in the training photos, and the encoding and decoding of ab.

    `centers` (n, 2) and `prior` (n,) are buffers: they are saved with the network and checked with it.
    """

    centers: Tensor
    prior: Tensor

    def __init__(self, centers: Tensor | None = None) -> None:
        super().__init__()
        centers = gamut_bins() if centers is None else centers
        self.register_buffer("centers", centers)
        self.register_buffer("prior", torch.full((len(centers),), 1 / len(centers)))

    def __len__(self) -> int:
        return len(self.centers)

    @in_float32
    def encode(self, ab: Tensor) -> tuple[Tensor, Tensor]:
        """Indices and weights, each (B, H, W, 5), of the 5 bins nearest to ab (B, 2, H, W); the weights sum to one."""
        distance = torch.cdist(ab.movedim(1, -1), self.centers)
        nearest, index = distance.topk(NEIGHBOURS, largest=False)
        return index, torch.softmax(-(nearest**2) / (2 * SOFT_SIGMA**2), dim=-1)

    @in_float32
    def decode(self, logits: Tensor, temperature: float, prior_share: float) -> Tensor:
        """ab (B, 2, H, W) in Lab units from logits (B, n, H, W) of the rebalanced classifier.

        Training with rebalanced classes multiplies the true odds of a bin by its class weight. `prior_share` in
        [0, 1] is how much of that is undone: 1 gives the true odds (muted), 0 leaves rare colours favoured (vivid).
        The annealed mean is then taken at `temperature` (Zhang et al., section 2.3).
        """
        corrected = logits.movedim(1, -1) - prior_share * self.class_weights().log()
        return (torch.softmax(corrected / temperature, dim=-1) @ self.centers).movedim(-1, 1)

    def class_weights(self, lowest: float = 0.2, highest: float = 5.0) -> Tensor:
        """Loss weights (n,) that favour rare bins: 1 / (p/2 + 1/2n), with mean one under the prior, then clamped."""
        weights = 1 / (0.5 * self.prior + 0.5 / len(self))
        return (weights / (self.prior * weights).sum()).clamp(lowest, highest)


def smoothed_prior(counts: Tensor, centers: Tensor) -> Tensor:
    """Distribution (n,) over bins from histogram counts (n,), blurred by a Gaussian of sigma 5 ab units."""
    kernel = torch.exp(-(torch.cdist(centers, centers) ** 2) / (2 * SOFT_SIGMA**2))
    blurred = kernel @ (counts / counts.sum())
    return blurred / blurred.sum()
