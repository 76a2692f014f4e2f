"""Two classics, compatible with their published checkpoints: `eccv16` and `siggraph17`.

"Colorful Image Colorization" (Zhang, Isola and Efros, ECCV 2016), and "Real-Time User-Guided Image Colorization with
Learned Deep Priors" (Zhang et al., SIGGRAPH 2017), which also takes colour hints.
"""

import itertools
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from colorizers.networks.heads import GainHead

SIDE = 256
"""Side in pixels of the square to which photos are resized; the published checkpoints expect it."""

_MIDDLE, _LIGHTNESS, _AB = 50.0, 100.0, 110.0  # L* is shown as (L - 50) / 100, ab as ab / 110
_COLORS = 313  # bins of ab


class ECCV16(nn.Module):
    """L* (B, 1, H, W) in [0, 100], sides multiples of 8, to ab (B, 2, H, W) in Lab units: the mean of 313 bins."""

    def __init__(self) -> None:
        super().__init__()
        self.model1 = _block((1, 64, 64), stride=2)
        self.model2 = _block((64, 128, 128), stride=2)
        self.model3 = _block((128, 256, 256, 256), stride=2)
        self.model4 = _block((256, 512, 512, 512))
        self.model5 = _block((512, 512, 512, 512), dilation=2)
        self.model6 = _block((512, 512, 512, 512), dilation=2)
        self.model7 = _block((512, 512, 512, 512))
        layers = (_doubling(512, 256), _convolution(256, 256), _convolution(256, 256))
        self.model8 = nn.Sequential(*_each_with_relu(layers), nn.Conv2d(256, _COLORS, 1))
        self.model_out = nn.Conv2d(_COLORS, 2, 1, bias=False)
        self.head = GainHead()

    def forward(self, lightness: Tensor) -> Tensor:
        features = _shown(lightness)
        for block in (self.model1, self.model2, self.model3, self.model4, self.model5, self.model6, self.model7):
            features = block(features)
        small = self.model_out(self.model8(features).softmax(1))
        return _AB * interpolate(small, scale_factor=4, mode="bilinear")


class SIGGRAPH17(nn.Module):
    """L* (B, 1, H, W) in [0, 100], sides multiples of 8, and hints to ab (B, 2, H, W) in Lab units."""

    def __init__(self) -> None:
        super().__init__()
        self.model1 = _block((4, 64, 64))
        self.model2 = _block((64, 128, 128))
        self.model3 = _block((128, 256, 256, 256))
        self.model4 = _block((256, 512, 512, 512))
        self.model5 = _block((512, 512, 512, 512), dilation=2)
        self.model6 = _block((512, 512, 512, 512), dilation=2)
        self.model7 = _block((512, 512, 512, 512))
        self.model8up, self.model3short8 = _one(_doubling(512, 256)), _one(_convolution(256, 256))
        self.model8 = nn.Sequential(nn.ReLU(), *_block((256, 256, 256)))
        self.model9up, self.model2short9 = _one(_doubling(256, 128)), _one(_convolution(128, 128))
        self.model9 = nn.Sequential(nn.ReLU(), *_block((128, 128)))
        self.model10up, self.model1short10 = _one(_doubling(128, 128)), _one(_convolution(64, 128))
        self.model10 = nn.Sequential(nn.ReLU(), _convolution(128, 128), nn.LeakyReLU(0.2))
        self.model_out = nn.Sequential(nn.Conv2d(128, 2, 1), nn.Tanh())
        self.head = GainHead()

    def forward(self, lightness: Tensor, ab: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """`ab` (B, 2, H, W) in Lab units holds the hints, and `mask` (B, 1, H, W) is 1 where there are any, else 0."""
        ab = torch.zeros_like(lightness).expand(-1, 2, -1, -1) if ab is None else ab
        mask = torch.zeros_like(lightness) if mask is None else mask
        whole = self.model1(torch.cat((_shown(lightness), ab / _AB, mask), dim=1))
        half = self.model2(_every_second(whole))
        quarter = self.model3(_every_second(half))
        deep = self.model7(self.model6(self.model5(self.model4(_every_second(quarter)))))
        features = self.model8(self.model8up(deep) + self.model3short8(quarter))
        features = self.model9(self.model9up(features) + self.model2short9(half))
        features = self.model10(self.model10up(features) + self.model1short10(whole))
        colors: Tensor = _AB * self.model_out(features)
        return colors


def _block(widths: tuple[int, ...], stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Convolutions, each with a ReLU, and a batch norm; the last convolution has the stride."""
    *first, last = itertools.pairwise(widths)
    layers = [_convolution(*pair, dilation=dilation) for pair in first]
    layers.append(_convolution(*last, stride=stride, dilation=dilation))
    return nn.Sequential(*_each_with_relu(layers), nn.BatchNorm2d(widths[-1]))


def _each_with_relu(layers: Iterable[nn.Module]) -> Iterator[nn.Module]:
    for layer in layers:
        yield layer
        yield nn.ReLU()


def _convolution(before: int, after: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, stride, padding=dilation, dilation=dilation)


def _doubling(before: int, after: int) -> nn.ConvTranspose2d:
    """Twice the height and width."""
    return nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)


def _one(layer: nn.Module) -> nn.Sequential:
    """A layer under the name that it has in the file."""
    return nn.Sequential(layer)


def _every_second(features: Tensor) -> Tensor:
    """Every second row and column."""
    return features[..., ::2, ::2]


def _shown(lightness: Tensor) -> Tensor:
    return (lightness - _MIDDLE) / _LIGHTNESS
