"""The feature blocks of MobileNetV2 (Sandler et al. 2018), padded as the published TensorFlow weights want it.

torchvision has the same blocks; importing its models takes seconds, and the first photo is waiting.
"""

from torch import Tensor, nn
from torch.nn.functional import pad

SKIPS = (3, 6, 13, 17)  # the last block at 1/4, 1/8, 1/16 and 1/32 of the size
CHANNELS = (24, 32, 96, 320)  # of these blocks
STRIDE = 32
_STEM = 32
_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, channels, blocks and first stride of each stage: table 2 of the paper."""


class MobileNetFeatures(nn.Sequential):
    """Pictures (B, channels, H, W) in [-1, 1], sides multiples of 32, to features at 1/4, 1/8, 1/16 and 1/32 size.

    Without the last 1x1 convolution; parameter names are those of torchvision's `features`. `channels` are those of
    the features.
    """

    channels = CHANNELS

    def __init__(self, channels: int = 1) -> None:
        blocks: list[nn.Module] = [_conv_norm(channels, _STEM, 3, stride=2)]
        before = _STEM
        for expansion, width, count, stride in _STAGES:
            for k in range(count):
                blocks.append(_InvertedResidual(before, width, stride if k == 0 else 1, expansion))
                before = width
        super().__init__(*blocks)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        features, level = [], pictures
        for index, block in enumerate(self):
            level = block(level)
            if index in SKIPS:
                features.append(level)
        return features


class _InvertedResidual(nn.Module):
    """Widen, look around in each channel, narrow again."""

    def __init__(self, channels: int, width: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = channels * expansion
        widen = [_conv_norm(channels, hidden, 1)] if expansion > 1 else []
        look = _conv_norm(hidden, hidden, 3, stride, groups=hidden)
        self.conv = nn.Sequential(*widen, look, nn.Conv2d(hidden, width, 1, bias=False), nn.BatchNorm2d(width))
        self._residual = stride == 1 and channels == width

    def forward(self, level: Tensor) -> Tensor:
        changed: Tensor = self.conv(level)
        return level + changed if self._residual else changed


class _SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's "SAME" padding: for stride 2 all of it after the last row and column."""

    def forward(self, level: Tensor) -> Tensor:
        return super().forward(pad(level, (0, 1, 0, 1)) if self.stride == (2, 2) else level)


def _conv_norm(channels: int, width: int, size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    padding = size // 2 if stride == 1 else 0
    convolution = _SameConv2d(channels, width, size, stride, padding, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU6(inplace=True))
