"""A U-Net with an EfficientNet-Lite2 encoder, which may start from ImageNet weights."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from colorizers.networks.blocks import conv_block, decode_pyramid, decoder_levels, network_input, quarter
from colorizers.networks.efficientnet_lite import STRIDE, EfficientNetLite
from colorizers.networks.heads import Kind, make_head

WIDTHS = (96, 128, 192)  # of the decoder, at 1/4, 1/8 and 1/16
PYRAMID = WIDTHS[::-1]  # of `EfficientNetPyramid`


class EfficientNetPyramid(nn.Module):
    """Pictures (B, 1, H, W) in [-1, 1], sides multiples of 32, to features of the pixel decoder.

    They have `PYRAMID` channels at 1/16, 1/8 and 1/4 of the size.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = EfficientNetLite()
        self.up = nn.ModuleList(_Up(*level) for level in decoder_levels(self.encoder.channels, WIDTHS))

    def forward(self, pictures: Tensor) -> list[Tensor]:
        return decode_pyramid(self.up, self.encoder(pictures))


class EfficientNetUNet(EfficientNetPyramid):
    """L* (B, 1, H, W) in [0, 100] to the output of its head, at ceil(H/4) x ceil(W/4)."""

    def __init__(self, kind: Kind = "bins") -> None:
        super().__init__()
        self.head = make_head(kind, WIDTHS[0])

    def forward(self, lightness: Tensor) -> Tensor:  # type: ignore[override]
        finest = super().forward(network_input(lightness, STRIDE))[-1]
        return quarter(self.head(finest), lightness)


class _Up(nn.Sequential):
    """Decoder block: upsample, concatenate the skip, convolve twice."""

    def __init__(self, channels: int, skip: int, width: int) -> None:
        super().__init__(*conv_block(channels + skip, width))

    def forward(self, level: Tensor, skip: Tensor) -> Tensor:  # type: ignore[override]
        wide = interpolate(level, scale_factor=2.0, mode="bilinear", align_corners=False)
        joined: Tensor = super().forward(torch.cat((wide, skip), dim=1))
        return joined
