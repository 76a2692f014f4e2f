"""The features of ConvNeXt (Liu et al. 2022), under the names of its published weights."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

_EPSILON = 1e-6


class ConvNeXt(nn.Module):
    """Pictures (B, 3, H, W), sides multiples of 32, to features of these widths at 1/4, 1/8, 1/16 and 1/32 size.

    Each output has its own norm. `norm`, before the classifier, is unused: the published file holds its tensors.
    """

    def __init__(self, depths: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__()
        stem = nn.Sequential(nn.Conv2d(3, widths[0], 4, 4), _ChannelNorm(widths[0]))
        steps = itertools.pairwise(widths)
        halvings = (nn.Sequential(_ChannelNorm(wide), nn.Conv2d(wide, wider, 2, 2)) for wide, wider in steps)
        self.downsample_layers = nn.ModuleList((stem, *halvings))
        stages = zip(depths, widths, strict=True)
        self.stages = nn.ModuleList(nn.Sequential(*(_Block(width) for _ in range(depth))) for depth, width in stages)
        for index, width in enumerate(widths):
            self.add_module(f"norm{index}", _ChannelNorm(width))
        self.norm = nn.LayerNorm(widths[-1], _EPSILON)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        features, level = [], pictures
        for index, (smaller, stage) in enumerate(zip(self.downsample_layers, self.stages, strict=True)):
            level = stage(smaller(level))
            features.append(self.get_submodule(f"norm{index}")(level))
        return features


class _ChannelNorm(nn.LayerNorm):
    """A layer norm over the channels of (B, c, h, w)."""

    def __init__(self, width: int) -> None:
        super().__init__(width, _EPSILON)

    def forward(self, level: Tensor) -> Tensor:
        return super().forward(level.movedim(1, -1)).movedim(-1, 1)


class _Block(nn.Module):
    """Depthwise 7x7 convolution, two pointwise layers, and a scaled residual."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(_EPSILON * torch.ones(width))
        self.dwconv = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, _EPSILON)
        self.pwconv1 = nn.Linear(width, 4 * width)
        self.pwconv2 = nn.Linear(4 * width, width)

    def forward(self, level: Tensor) -> Tensor:
        spatial = self.norm(self.dwconv(level).movedim(1, -1))
        mixed = self.gamma * self.pwconv2(gelu(self.pwconv1(spatial)))
        return level + mixed.movedim(-1, 1)
