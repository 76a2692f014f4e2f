"""Building blocks that several networks share."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import pad


def conv_norm(channels: int, width: int, stride: int = 1) -> nn.Sequential:
    """A 3x3 convolution with batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
    )


def conv_block(channels: int, width: int, stride: int = 1) -> nn.Sequential:
    """Two 3x3 convolutions, each with batch norm and ReLU; the stride is that of the first."""
    return nn.Sequential(*conv_norm(channels, width, stride), *conv_norm(width, width))


def decoder_levels(channels: Sequence[int], widths: Sequence[int]) -> list[tuple[int, int, int]]:
    """Channels of each decoder block, coarsest first: its input, its skip, its output.

    `channels` are the encoder's, finest (1/4) first; `widths` are the decoder's, one fewer.
    """
    return list(zip((*widths[1:], channels[-1]), channels, widths, strict=False))[::-1]


def decode_pyramid(up: nn.ModuleList, features: Sequence[Tensor]) -> list[Tensor]:
    """Output of each decoder block, coarsest first, for an encoder's features, finest first."""
    *skips, level = features
    levels = []
    for block in up:
        level = block(level, skips.pop())
        levels.append(level)
    return levels


def network_input(lightness: Tensor, stride: int) -> Tensor:
    """L* (B, 1, H, W) in [0, 100] scaled to [-1, 1], edges repeated so that the sides are multiples of the stride."""
    height, width = lightness.shape[-2:]
    return pad(lightness, (0, -width % stride, 0, -height % stride), mode="replicate") / 50 - 1


def quarter(planes: Tensor, lightness: Tensor) -> Tensor:
    """Planes (B, c, h, w) at 1/4 size, cropped to the unpadded picture: (B, c, ceil(H/4), ceil(W/4))."""
    height, width = lightness.shape[-2:]
    return planes[..., : -(-height // 4), : -(-width // 4)]
