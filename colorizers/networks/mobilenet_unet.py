"""A U-Net on the MobileNetV2 encoder (Sandler et al. 2018), which may start from ImageNet weights."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from colorizers.networks.ab_bins import AbBins
from colorizers.networks.unet import conv_block

STRIDE = 32
SKIPS = (3, 6, 13, 17)  # the last block at 1/4, 1/8, 1/16 and 1/32 of the size
CHANNELS = (24, 32, 96, 320)
WIDTHS = (96, 128, 192)  # of the decoder, at 1/4, 1/8 and 1/16


def mobilenet_encoder(channels: int = 1) -> nn.Sequential:
    """The feature blocks of MobileNetV2, without the last 1x1 convolution, for pictures (B, channels, H, W) in [-1, 1].

    Parameter names are torchvision's. Padding is that of the published TensorFlow weights, "SAME", which puts all
    of it after the last row and column where a convolution has stride 2; sides must be multiples of 32.
    """
    from torchvision.models import mobilenet_v2

    features = mobilenet_v2().features[: SKIPS[-1] + 1]
    stem = features[0][0]
    if channels != stem.in_channels:
        features[0][0] = nn.Conv2d(channels, stem.out_channels, 3, 2, bias=False)
    for module in features.modules():
        if isinstance(module, nn.Conv2d) and module.stride == (2, 2):
            module.padding = (0, 0)
            module.register_forward_pre_hook(_pad_after)
    return features


def _pad_after(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Tensor]:
    return (pad(inputs[0], (0, 1, 0, 1)),)


class MobileNetUNet(nn.Module):
    """L* (B, 1, H, W) in [0, 100] to logits (B, n, ceil(H/4), ceil(W/4)) over `bins`."""

    def __init__(self) -> None:
        super().__init__()
        self.bins = AbBins()
        self.encoder = mobilenet_encoder()
        below = (*WIDTHS[1:], CHANNELS[-1])
        levels = list(zip(below, CHANNELS, WIDTHS, strict=False))
        self.up = nn.ModuleList(conv_block(deep + skip, width) for deep, skip, width in reversed(levels))
        self.head = nn.Conv2d(WIDTHS[0], len(self.bins), 1)

    def forward(self, lightness: Tensor) -> Tensor:
        height, width = lightness.shape[-2:]
        level = pad(lightness, (0, -width % STRIDE, 0, -height % STRIDE), mode="replicate") / 50 - 1
        skips = []
        for index, block in enumerate(self.encoder):
            level = block(level)
            if index in SKIPS:
                skips.append(level)
        level = skips.pop()
        for block in self.up:
            level = interpolate(level, scale_factor=2.0, mode="bilinear", align_corners=False)
            level = block(torch.cat((level, skips.pop()), dim=1))
        return self.head(level)[..., : -(-height // 4), : -(-width // 4)]
