"""A U-Net with a shortened ResNet-18 encoder (He et al. 2016), a pixel-shuffle decoder and a refinement stage."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from colorizers.networks.blocks import conv_block, decode_pyramid, decoder_levels, network_input, quarter
from colorizers.networks.heads import AB_SCALE, AbHead

STRIDE = 32
CHANNELS = (64, 128, 256, 256)  # of the encoder at 1/4, 1/8, 1/16 and 1/32
WIDTHS = (64, 96, 160)  # of the decoder at 1/4, 1/8 and 1/16
PYRAMID = WIDTHS[::-1]  # of `ResNetPyramid`


class ResNetFeatures(nn.Module):
    """Pictures (B, 1, H, W) in [-1, 1], sides multiples of 32, to features at 1/4, 1/8, 1/16 and 1/32 of the size.

    ResNet-18 without its `layer4`, which alone has three quarters of the parameters: a lighter block takes its place
    at 1/32. Parameter names up to `layer3` are torchvision's.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, CHANNELS[0], 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(CHANNELS[0])
        self.layer1 = _layer(CHANNELS[0], CHANNELS[0], stride=1)
        self.layer2 = _layer(CHANNELS[0], CHANNELS[1], stride=2)
        self.layer3 = _layer(CHANNELS[1], CHANNELS[2], stride=2)
        self.last = conv_block(CHANNELS[2], CHANNELS[3], stride=2)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        level = torch.relu(self.bn1(self.conv1(pictures)))
        level = nn.functional.max_pool2d(level, 3, 2, 1)
        features = []
        for layer in (self.layer1, self.layer2, self.layer3, self.last):
            level = layer(level)
            features.append(level)
        return features


class _BasicBlock(nn.Module):
    """Residual block of two 3x3 convolutions."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        changes = stride > 1 or channels != width
        skip = (nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width)) if changes else ()
        self.downsample = nn.Sequential(*skip)

    def forward(self, level: Tensor) -> Tensor:
        changed = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(level)))))
        return torch.relu(changed + self.downsample(level))


def _layer(channels: int, width: int, stride: int) -> nn.Sequential:
    return nn.Sequential(_BasicBlock(channels, width, stride), _BasicBlock(width, width, 1))


class _Up(nn.Module):
    """Decoder block: pixel shuffle, concatenate the skip, convolve twice."""

    def __init__(self, channels: int, skip: int, width: int) -> None:
        super().__init__()
        self.spread = nn.Conv2d(channels, 4 * width, 1)
        self.block = conv_block(width + skip, width)

    def forward(self, level: Tensor, skip: Tensor) -> Tensor:
        wide = nn.functional.pixel_shuffle(self.spread(level), 2)
        return self.block(torch.cat((wide, skip), dim=1))


class ResNetPyramid(nn.Module):
    """Pictures (B, 1, H, W) in [-1, 1], sides multiples of 32, to features of the pixel decoder.

    They have `PYRAMID` channels at 1/16, 1/8 and 1/4 of the size.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = ResNetFeatures()
        self.up = _pixel_decoder()

    def forward(self, pictures: Tensor) -> list[Tensor]:
        return decode_pyramid(self.up, self.encoder(pictures))


def _pixel_decoder() -> nn.ModuleList:
    return nn.ModuleList(_Up(*level) for level in decoder_levels(CHANNELS, WIDTHS))


class ResNetUNet(nn.Module):
    """L* (B, 1, H, W) in [0, 100] to ab (B, 2, ceil(H/4), ceil(W/4)) in Lab units.

    A small network predicts a correction of the decoder's first guess from the guess, the luminance and the features.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = ResNetFeatures()
        self.up = _pixel_decoder()
        self.guess = AbHead(WIDTHS[0])
        self.refine = conv_block(WIDTHS[0] + 3, 48)
        self.head = AbHead(48)

    def forward(self, lightness: Tensor) -> Tensor:
        pictures = network_input(lightness, STRIDE)
        level = decode_pyramid(self.up, self.encoder(pictures))[-1]
        guess = self.guess(level)
        light = interpolate(pictures, guess.shape[-2:], mode="bilinear", antialias=True)
        refined = self.refine(torch.cat((guess / AB_SCALE, light, level), dim=1))
        return quarter(guess + self.head(refined), lightness)
