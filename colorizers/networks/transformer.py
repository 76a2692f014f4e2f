"""A small colour-query transformer after DDColor (Kang et al. 2023), with the EfficientNet U-Net as its encoder."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from colorizers.networks.blocks import network_input, quarter
from colorizers.networks.color_decoder import ColorDecoder
from colorizers.networks.efficientnet_lite import STRIDE
from colorizers.networks.efficientnet_unet import PYRAMID, EfficientNetPyramid
from colorizers.networks.heads import AbHead

QUERIES = 64


class ColorTransformer(nn.Module):
    """L* (B, 1, H, W) in [0, 100] to ab (B, 2, ceil(H/4), ceil(W/4)) in Lab units.

    A 1x1 convolution fuses the maps of the colour queries and the luminance.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = EfficientNetPyramid()
        self.decoder = ColorDecoder(PYRAMID, PYRAMID[-1], queries=QUERIES, width=128, layers=6, hidden=512)
        self.head = AbHead(QUERIES + 1)

    def forward(self, lightness: Tensor) -> Tensor:
        pictures = network_input(lightness, STRIDE)
        scales = self.encoder(pictures)
        maps = self.decoder(scales, scales[-1])
        light = interpolate(pictures, maps.shape[-2:], mode="bilinear", antialias=True)
        return quarter(self.head(torch.cat((maps, light), dim=1)), lightness)
