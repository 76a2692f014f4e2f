"""Blocks of a decoder under spectral norm (Miyato et al. 2018), which DeOldify and DDColor share.

Parameter names are those of their published checkpoints.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, pad, pixel_shuffle
from torch.nn.utils import spectral_norm


def spectral_layer(channels: int, width: int) -> nn.Sequential:
    """A 3x3 convolution under spectral norm, with ReLU and then batch norm."""
    convolution = spectral_norm(nn.Conv2d(channels, width, 3, padding=1, bias=False))
    return nn.Sequential(convolution, nn.ReLU(inplace=True), nn.BatchNorm2d(width))


class Enlarge(nn.Module):
    """Pixel shuffle with a 2x2 mean against checkerboard artefacts (Sugawara et al. 2018).

    `spread` are the layers that give scale * scale channels for each one that is wanted.
    """

    def __init__(self, *spread: nn.Module, scale: int = 2) -> None:
        super().__init__()
        self.conv = nn.Sequential(*spread)
        self._scale = scale

    def forward(self, level: Tensor) -> Tensor:
        large = pixel_shuffle(self.conv(level).relu_(), self._scale)
        return avg_pool2d(pad(large, (1, 0, 1, 0), mode="replicate"), 2, stride=1)


class Join(nn.Module):
    """The first half of a decoder block: brings a level to the size of its skip, and joins both."""

    def __init__(self, deep: int, skip: int, width: int) -> None:
        super().__init__()
        spread = spectral_norm(nn.Conv2d(deep, 4 * width, 1, bias=False))
        self.shuf = Enlarge(spread, nn.BatchNorm2d(4 * width))
        self.bn = nn.BatchNorm2d(skip)

    def joined(self, level: Tensor, skip: Tensor) -> Tensor:
        """The level, enlarged, and the skip, of which an odd side has one pixel less than the level."""
        large = self.shuf(level)
        if large.shape[-2:] != skip.shape[-2:]:
            large = interpolate(large, skip.shape[-2:])
        return torch.cat((large, self.bn(skip)), dim=1).relu_()


class Up(Join):
    """Decoder block with one convolution."""

    def __init__(self, deep: int, skip: int, width: int) -> None:
        super().__init__(deep, skip, width)
        self.conv = spectral_layer(width + skip, width)

    def forward(self, level: Tensor, skip: Tensor) -> Tensor:
        merged: Tensor = self.conv(self.joined(level, skip))
        return merged
