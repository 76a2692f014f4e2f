"""A U-Net on a cut ResNet-18 (He et al. 2016): a decoder of pixel shuffles, a refinement that sees the light again."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from colorizers.networks.blocks import conv_block, network_input, quarter
from colorizers.networks.heads import AB_SCALE, AbHead

STRIDE = 32
CHANNELS = (64, 128, 256, 256)  # of the encoder at 1/4, 1/8, 1/16 and 1/32
WIDTHS = (64, 96, 160)  # of the decoder at 1/4, 1/8 and 1/16


class ResNetFeatures(nn.Module):
    """Pictures (B, 1, H, W) in [-1, 1], sides multiples of 32, to features at 1/4, 1/8, 1/16 and 1/32 of the size.

    ResNet-18 without its `layer4`, which alone has three quarters of the parameters: a lighter block takes its place
    at 1/32. Parameter names up to `layer3` are torchvision's.
    """

    def __init__(self) -> None:
        from torchvision.models import resnet18

        super().__init__()
        whole = resnet18()
        self.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
        self.bn1 = whole.bn1
        self.layer1, self.layer2, self.layer3 = whole.layer1, whole.layer2, whole.layer3
        self.last = conv_block(CHANNELS[2], CHANNELS[3], stride=2)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        level = torch.relu(self.bn1(self.conv1(pictures)))
        level = nn.functional.max_pool2d(level, 3, 2, 1)
        features = []
        for layer in (self.layer1, self.layer2, self.layer3, self.last):
            level = layer(level)
            features.append(level)
        return features


class _Up(nn.Module):
    """Doubles the size by pixel shuffle and joins a skip."""

    def __init__(self, channels: int, skip: int, width: int) -> None:
        super().__init__()
        self.spread = nn.Conv2d(channels, 4 * width, 1)
        self.block = conv_block(width + skip, width)

    def forward(self, level: Tensor, skip: Tensor) -> Tensor:
        wide = nn.functional.pixel_shuffle(self.spread(level), 2)
        return self.block(torch.cat((wide, skip), dim=1))


class ResNetUNet(nn.Module):
    """L* (B, 1, H, W) in [0, 100] to ab (B, 2, ceil(H/4), ceil(W/4)) in Lab units.

    The decoder's first guess is refined by a small residual network that sees the guess, the light and the features.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = ResNetFeatures()
        below = (*WIDTHS[1:], CHANNELS[-1])
        levels = list(zip(below, CHANNELS, WIDTHS, strict=False))
        self.up = nn.ModuleList(_Up(deep, skip, width) for deep, skip, width in reversed(levels))
        self.guess = AbHead(WIDTHS[0])
        self.refine = conv_block(WIDTHS[0] + 3, 48)
        self.head = AbHead(48)

    def forward(self, lightness: Tensor) -> Tensor:
        pictures = network_input(lightness, STRIDE)
        *skips, level = self.encoder(pictures)
        for block in self.up:
            level = block(level, skips.pop())
        guess = self.guess(level)
        light = interpolate(pictures, guess.shape[-2:], mode="bilinear", antialias=True)
        refined = self.refine(torch.cat((guess / AB_SCALE, light, level), dim=1))
        return quarter(guess + self.head(refined), lightness)
