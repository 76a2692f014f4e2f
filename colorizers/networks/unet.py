"""A plain U-Net (Ronneberger et al. 2015) from L* to colour at 1/4 size."""

import itertools

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from colorizers.networks.blocks import conv_block, conv_norm, network_input, quarter
from colorizers.networks.heads import Kind, make_head

WIDTHS = (48, 96, 192, 288, 384)
STRIDE = 64  # sides are padded to a multiple of it


class UNet(nn.Module):
    """L* (B, 1, H, W) in [0, 100] to the output of its head, at ceil(H/4) x ceil(W/4).

    A stem reduces the picture to 1/4 size; then four levels down (to 1/64) and four up, with a skip at every level.
    """

    def __init__(self, kind: Kind = "bins") -> None:
        super().__init__()
        self.stem = nn.Sequential(*conv_norm(1, 32, stride=2), *conv_norm(32, WIDTHS[0], stride=2))
        pairs = list(itertools.pairwise(WIDTHS))
        self.down = nn.ModuleList(conv_block(upper, lower, stride=2) for upper, lower in pairs)
        self.up = nn.ModuleList(conv_block(lower + upper, upper) for upper, lower in reversed(pairs))
        self.head = make_head(kind, WIDTHS[0])

    def forward(self, lightness: Tensor) -> Tensor:
        level = self.stem(network_input(lightness, STRIDE))
        skips = []
        for block in self.down:
            skips.append(level)
            level = block(level)
        for block in self.up:
            level = interpolate(level, scale_factor=2.0, mode="bilinear", align_corners=False)
            level = block(torch.cat((level, skips.pop()), dim=1))
        return quarter(self.head(level), lightness)
