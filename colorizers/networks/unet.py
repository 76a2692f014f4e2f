"""A plain U-Net (Ronneberger et al. 2015) that reads L* and gives a distribution over ab bins at 1/4 size."""

import itertools

import torch
from torch import Tensor, nn

from colorizers.networks.ab_bins import AbBins

WIDTHS = (48, 96, 192, 288, 384)
STRIDE = 64  # sides are padded to a multiple of this inside


def conv_block(channels: int, width: int, stride: int = 1) -> nn.Sequential:
    """Two 3x3 convolutions, each with batch norm and ReLU; the first one carries the stride."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, stride, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.Conv2d(width, width, 3, 1, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    )


class UNet(nn.Module):
    """L* (B, 1, H, W) in [0, 100] to logits (B, n, ceil(H/4), ceil(W/4)) over `bins`.

    A stem brings the picture to 1/4 size, where colour lives; four levels down (to 1/64) and four up, with a skip
    at every level.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bins = AbBins()
        self.stem = nn.Sequential(
            nn.Conv2d(1, 32, 3, 2, 1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(inplace=True),
            nn.Conv2d(32, WIDTHS[0], 3, 2, 1, bias=False),
            nn.BatchNorm2d(WIDTHS[0]),
            nn.ReLU(inplace=True),
        )
        pairs = list(itertools.pairwise(WIDTHS))
        self.down = nn.ModuleList(conv_block(upper, lower, stride=2) for upper, lower in pairs)
        self.up = nn.ModuleList(conv_block(lower + upper, upper) for upper, lower in reversed(pairs))
        self.head = nn.Conv2d(WIDTHS[0], len(self.bins), 1)

    def forward(self, lightness: Tensor) -> Tensor:
        height, width = lightness.shape[-2:]
        padded = nn.functional.pad(lightness, (0, -width % STRIDE, 0, -height % STRIDE), mode="replicate")
        level = self.stem(padded / 50 - 1)
        skips = []
        for block in self.down:
            skips.append(level)
            level = block(level)
        for block in self.up:
            level = nn.functional.interpolate(level, scale_factor=2.0, mode="bilinear", align_corners=False)
            level = block(torch.cat((level, skips.pop()), dim=1))
        return self.head(level)[..., : -(-height // 4), : -(-width // 4)]
