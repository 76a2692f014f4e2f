"""EfficientNet-Lite2 (Tan, Le 2019; Liu 2020), with the padding of the published TensorFlow weights.

Lite is EfficientNet without squeeze-and-excitation and with ReLU6; 2 is the scale of B2. Parameters have the names of
the published PyTorch file.
"""

import math
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import pad, relu6

STRIDE = 32
EPSILON = 1e-3  # of the batch norms
_STEM = 32
_POOLED = 1280
_STAGES = (
    (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)  # fmt: skip
"""Expansion, channels, blocks, first stride and kernel of each stage: table 1 of the EfficientNet paper."""
_LEVELS = (1, 2, 4, 6)  # the last stages at 1/4, 1/8, 1/16 and 1/32 of the size
_WIDER, _DEEPER = 1.1, 1.2  # relative to that table


class EfficientNetLite(nn.Module):
    """Pictures (B, channels, H, W) in [-1, 1], sides multiples of 32, to features at 1/4, 1/8, 1/16 and 1/32 size.

    Without the last 1x1 convolution and the classifier. `channels` are those of the features. What is in `added`, one
    for each, is added to them before the next stage sees them.
    """

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self._conv_stem = _SameConv2d(channels, _STEM, 3, 2)
        self._bn0 = nn.BatchNorm2d(_STEM, eps=EPSILON)
        self._blocks = nn.ModuleList()
        self._ends: dict[int, int] = {}  # the blocks whose output is a feature, and its channels
        before = _STEM
        for stage, (expansion, narrow, count, stride, kernel) in enumerate(_STAGES):
            width = _rounded(_WIDER * narrow)
            outer = stage in (0, len(_STAGES) - 1)  # Lite leaves the depth of the first and the last stage alone
            for k in range(count if outer else math.ceil(_DEEPER * count)):
                self._blocks.append(_Block(before, width, stride if k == 0 else 1, expansion, kernel))
                before = width
            if stage in _LEVELS:
                self._ends[len(self._blocks) - 1] = width
        self.channels = tuple(self._ends.values())

    def forward(self, pictures: Tensor, added: Sequence[Tensor] = ()) -> list[Tensor]:
        level = relu6(self._bn0(self._conv_stem(pictures)), inplace=True)
        features: list[Tensor] = []
        for index, block in enumerate(self._blocks):
            level = block(level)
            if index in self._ends:
                level = level + added[len(features)] if added else level
                features.append(level)
        return features


class EfficientNetLitePooled(EfficientNetLite):
    """RGB (B, 3, H, W) in [-1, 1] to the pooled features (B, 1280) before the classifier of EfficientNet-Lite2."""

    def __init__(self) -> None:
        super().__init__(channels=3)
        self._conv_head = nn.Conv2d(self.channels[-1], _POOLED, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(_POOLED, eps=EPSILON)

    def forward(self, pictures: Tensor) -> Tensor:  # type: ignore[override]
        last = super().forward(pictures)[-1]
        return relu6(self._bn1(self._conv_head(last))).mean((2, 3))


class _Block(nn.Module):
    """Inverted residual: expand, depthwise convolution, project."""

    def __init__(self, channels: int, width: int, stride: int, expansion: int, kernel: int) -> None:
        super().__init__()
        hidden = channels * expansion
        if expansion > 1:
            self._expand_conv = nn.Conv2d(channels, hidden, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(hidden, eps=EPSILON)
        self._depthwise_conv = _SameConv2d(hidden, hidden, kernel, stride, groups=hidden)
        self._bn1 = nn.BatchNorm2d(hidden, eps=EPSILON)
        self._project_conv = nn.Conv2d(hidden, width, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(width, eps=EPSILON)
        self._widens = expansion > 1
        self._residual = stride == 1 and channels == width

    def forward(self, level: Tensor) -> Tensor:
        wide = relu6(self._bn0(self._expand_conv(level)), inplace=True) if self._widens else level
        wide = relu6(self._bn1(self._depthwise_conv(wide)), inplace=True)
        changed: Tensor = self._bn2(self._project_conv(wide))
        return level + changed if self._residual else changed


class _SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's "SAME" padding of even sides: for stride 2 the odd pixel comes last."""

    def __init__(self, channels: int, width: int, kernel: int, stride: int, groups: int = 1) -> None:
        super().__init__(channels, width, kernel, stride, kernel // 2 if stride == 1 else 0, groups=groups, bias=False)
        self._before, self._after = (kernel - 2) // 2, (kernel - 1) // 2

    def forward(self, level: Tensor) -> Tensor:
        if self.stride == (2, 2):
            level = pad(level, (self._before, self._after, self._before, self._after))
        return super().forward(level)


def _rounded(width: float) -> int:
    """The nearest multiple of 8 that is not more than a tenth smaller."""
    nearest = max(8, int(width + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * width else nearest + 8
