"""DeOldify (Antic 2018), compatible with its published checkpoints: `artistic` is deep, `stable` and `video` are wide.

A U-Net on a ResNet that paints a gray picture, with spectral norm and self-attention.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, normalize, pad, scaled_dot_product_attention
from torch.nn.utils import spectral_norm

from colorizers.networks.heads import CALM, GainHead
from colorizers.networks.imagenet import denormalised, normalised
from colorizers.networks.precision import in_float32
from colorizers.networks.spectral_unet import Enlarge, Join, Up, spectral_layer
from colorizers.picture.color import lab_to_rgb, rgb_to_lab

STEP = 16
"""Pixels of the square's side for each step of the render factor."""

_RANGE = 3.0  # of the painted planes, on both sides of ImageNet's mean
_ATTENTIVE = 1  # the decoder block, counted from the deepest, that ends with self-attention
_GROWTH = 1.5  # of the channels in a deep decoder block
_WIDTH = 512  # of a wide one; the last has half
_FEATURES = 8  # modules of a ResNet, in order, before it pools


class DeOldify(nn.Module):
    """L* (B, 1, H, W) in [0, 100], sides multiples of 16, to ab (B, 2, H, W) in Lab units.

    `deep` has ResNet-34 and two convolutions in each decoder block, else ResNet-101 and wide blocks of one.
    """

    def __init__(self, deep: bool) -> None:
        super().__init__()
        *skips, channels = (64, 64, 128, 256, 512) if deep else (64, 256, 512, 1024, 2048)
        middle = (spectral_layer(channels, 2 * channels), spectral_layer(2 * channels, channels))
        blocks = list(_decoder(deep, channels, skips))
        width = blocks[-1].width
        self.layers = nn.ModuleDict({
            "0": _resnet(deep),
            "1": nn.BatchNorm2d(channels),
            "3": nn.Sequential(*middle),
            **{str(4 + k): block for k, block in enumerate(blocks)},
            "8": Enlarge(_WeightNorm(width, 4 * width)),
            "10": _Refine(width + 3),
            "11": nn.Sequential(spectral_norm(nn.Conv2d(width + 3, 3, 1))),
        })  # fmt: skip
        self._blocks = len(blocks)
        self.head = GainHead(CALM)

    def forward(self, lightness: Tensor) -> Tensor:
        return _ab(self.painted(normalised(lab_to_rgb(pad(lightness, (0, 0, 0, 0, 0, 2))))))

    def painted(self, pictures: Tensor) -> Tensor:
        """The published function: gray pictures (B, 3, H, W), normalised as ImageNet's, to such pictures in colour."""
        *skips, level = self._levels(pictures)
        level = self.layers["3"](self.layers["1"](level).relu_())
        for k in range(self._blocks):
            level = self.layers[str(4 + k)](level, skips.pop())
        level = torch.cat((self.layers["8"](level), pictures), dim=1)
        return self._planes(self.layers["10"](level))

    def _levels(self, level: Tensor) -> Iterator[Tensor]:
        """What the ResNet makes of pictures at 1/2, 1/4, 1/8, 1/16 and 1/32 of their size."""
        convolution, norm, relu, pool, *stages = self.layers["0"].children()
        level = relu(norm(convolution(level)))
        yield level
        level = pool(level)
        for stage in stages:
            level = stage(level)
            yield level

    @in_float32
    def _planes(self, level: Tensor) -> Tensor:
        return _RANGE * (2 * torch.sigmoid(self.layers["11"](level)) - 1)


@in_float32
def _ab(planes: Tensor) -> Tensor:
    return rgb_to_lab(denormalised(planes).clamp(0, 1))[:, 1:]


def _resnet(deep: bool) -> nn.Sequential:
    from torchvision.models import resnet34, resnet101

    return nn.Sequential(*list((resnet34 if deep else resnet101)().children())[:_FEATURES])


def _decoder(deep: bool, channels: int, skips: list[int]) -> "Iterator[_Deep | _Wide]":
    """The decoder blocks, deepest first, for a ResNet whose last features have so many channels."""
    for k, skip in enumerate(reversed(skips)):
        block = (_Deep if deep else _Wide)(channels, skip, attentive=k == _ATTENTIVE, last=k == len(skips) - 1)
        yield block
        channels = block.width


class _Deep(Join):
    """Decoder block with two convolutions."""

    def __init__(self, deep: int, skip: int, attentive: bool, last: bool) -> None:
        super().__init__(deep, skip, deep // 2)
        joined = deep // 2 + skip
        self.width = int((joined // 2 if last else joined) * _GROWTH)
        self.conv1 = spectral_layer(joined, self.width)
        self.conv2 = spectral_layer(self.width, self.width)
        if attentive:
            self.conv2.append(_SelfAttention(self.width))

    def forward(self, level: Tensor, skip: Tensor) -> Tensor:
        merged: Tensor = self.conv2(self.conv1(self.joined(level, skip)))
        return merged


class _Wide(Up):
    """Decoder block with one convolution, as wide at every level."""

    def __init__(self, deep: int, skip: int, attentive: bool, last: bool) -> None:
        self.width = _WIDTH // 2 if last else _WIDTH
        super().__init__(deep, skip, self.width)
        if attentive:
            self.conv.append(_SelfAttention(self.width))


class _SelfAttention(nn.Module):
    """Every place sees all others (Zhang et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query, self.key = _projection(channels, channels // 8), _projection(channels, channels // 8)
        self.value = _projection(channels, channels)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, level: Tensor) -> Tensor:
        places = level.flatten(2)
        # The names are the file's: each place asks with its key, and the weights of all queries add to one.
        asking, asked, values = (part(places).mT for part in (self.key, self.query, self.value))
        seen = scaled_dot_product_attention(asking, asked, values, scale=1.0)
        return self.gamma * seen.mT.view_as(level) + level


def _projection(channels: int, width: int) -> nn.Module:
    projection: nn.Module = spectral_norm(nn.Conv1d(channels, width, 1, bias=False))
    return projection


class _WeightNorm(nn.Module):
    """A 1x1 convolution that keeps its weights as directions and lengths (Salimans and Kingma 2016)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.weight_g = nn.Parameter(torch.ones(width, 1, 1, 1))
        self.weight_v = nn.Parameter(torch.randn(width, channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, level: Tensor) -> Tensor:
        return conv2d(level, self.weight_g * normalize(self.weight_v, dim=1), self.bias)


class _Refine(nn.Module):
    """Residual block of two 3x3 convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        convolutions = [spectral_norm(nn.Conv2d(channels, channels, 3, padding=1)) for _ in range(2)]
        self.layers = nn.Sequential(*(nn.Sequential(each, nn.ReLU(inplace=True)) for each in convolutions))

    def forward(self, level: Tensor) -> Tensor:
        refined: Tensor = level + self.layers(level)
        return refined
