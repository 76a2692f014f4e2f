"""A U-Net on the MobileNetV2 encoder (Sandler et al. 2018), which may start from ImageNet weights."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from colorizers.networks.blocks import conv_block, network_input, quarter
from colorizers.networks.heads import Kind, make_head

STRIDE = 32
SKIPS = (3, 6, 13, 17)  # the last block at 1/4, 1/8, 1/16 and 1/32 of the size
CHANNELS = (24, 32, 96, 320)
WIDTHS = (96, 128, 192)  # of the decoder, at 1/4, 1/8 and 1/16


class MobileNetFeatures(nn.Sequential):
    """Pictures (B, channels, H, W) in [-1, 1], sides multiples of 32, to features at 1/4, 1/8, 1/16 and 1/32 size.

    The blocks of MobileNetV2 without the last 1x1 convolution, parameter names as in torchvision's `features`.
    Padding is that of the published TensorFlow weights, "SAME", which puts all of it after the last row and column
    where a convolution has stride 2.
    """

    def __init__(self, channels: int = 1) -> None:
        from torchvision.models import mobilenet_v2

        blocks = mobilenet_v2().features[: SKIPS[-1] + 1]
        blocks[0][0] = nn.Conv2d(channels, 32, 3, 2, bias=False)
        super().__init__(*blocks)
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module.stride == (2, 2):
                module.padding = (0, 0)
                module.register_forward_pre_hook(_pad_after)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        features, level = [], pictures
        for index, block in enumerate(self):
            level = block(level)
            if index in SKIPS:
                features.append(level)
        return features


def _pad_after(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Tensor]:
    return (pad(inputs[0], (0, 1, 0, 1)),)


class MobileNetUNet(nn.Module):
    """L* (B, 1, H, W) in [0, 100] to what its head says, at ceil(H/4) x ceil(W/4)."""

    def __init__(self, kind: Kind = "bins") -> None:
        super().__init__()
        self.encoder = MobileNetFeatures()
        below = (*WIDTHS[1:], CHANNELS[-1])
        levels = list(zip(below, CHANNELS, WIDTHS, strict=False))
        self.up = nn.ModuleList(conv_block(deep + skip, width) for deep, skip, width in reversed(levels))
        self.head = make_head(kind, WIDTHS[0])

    def forward(self, lightness: Tensor) -> Tensor:
        *skips, level = self.encoder(network_input(lightness, STRIDE))
        for block in self.up:
            level = interpolate(level, scale_factor=2.0, mode="bilinear", align_corners=False)
            level = block(torch.cat((level, skips.pop()), dim=1))
        return quarter(self.head(level), lightness)
