"""A U-Net on an EfficientNet-Lite, which may start from ImageNet weights."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from colorizers.networks.blocks import conv_block, decoder_levels, network_input, quarter
from colorizers.networks.efficientnet_lite import STRIDE, EfficientNetLite
from colorizers.networks.heads import Kind, make_head

WIDTHS = (96, 128, 192)  # of the decoder, at 1/4, 1/8 and 1/16


class EfficientNetUNet(nn.Module):
    """L* (B, 1, H, W) in [0, 100] to what its head says, at ceil(H/4) x ceil(W/4)."""

    def __init__(self, kind: Kind = "bins") -> None:
        super().__init__()
        self.encoder = EfficientNetLite()
        levels = decoder_levels(self.encoder.channels, WIDTHS)
        self.up = nn.ModuleList(conv_block(deep + skip, width) for deep, skip, width in levels)
        self.head = make_head(kind, WIDTHS[0])

    def forward(self, lightness: Tensor) -> Tensor:
        *skips, level = self.encoder(network_input(lightness, STRIDE))
        for block in self.up:
            level = interpolate(level, scale_factor=2.0, mode="bilinear", align_corners=False)
            level = block(torch.cat((level, skips.pop()), dim=1))
        return quarter(self.head(level), lightness)
