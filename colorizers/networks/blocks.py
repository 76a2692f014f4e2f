"""The few layers that several networks are made of."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import pad


def conv_norm(channels: int, width: int, stride: int = 1) -> nn.Sequential:
    """A 3x3 convolution with batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
    )


def conv_block(channels: int, width: int, stride: int = 1) -> nn.Sequential:
    """Two 3x3 convolutions, each with batch norm and ReLU; the first one carries the stride."""
    return nn.Sequential(*conv_norm(channels, width, stride), *conv_norm(width, width))


def decoder_levels(channels: Sequence[int], widths: Sequence[int]) -> list[tuple[int, int, int]]:
    """What a decoder joins at each step up, the coarsest first: channels from below, of the skip, and of its output.

    `channels` are the encoder's from 1/4 down, one more than `widths`, the decoder's from 1/4 down.
    """
    return list(zip((*widths[1:], channels[-1]), channels, widths, strict=False))[::-1]


def decode_pyramid(up: nn.ModuleList, features: Sequence[Tensor]) -> list[Tensor]:
    """What each step of a decoder makes of an encoder's features, which come the finest first; the coarsest first."""
    *skips, level = features
    levels = []
    for block in up:
        level = block(level, skips.pop())
        levels.append(level)
    return levels


def network_input(lightness: Tensor, stride: int) -> Tensor:
    """L* (B, 1, H, W) in [0, 100] to [-1, 1], the last row and column repeated to sides of multiples of stride."""
    height, width = lightness.shape[-2:]
    return pad(lightness, (0, -width % stride, 0, -height % stride), mode="replicate") / 50 - 1


def quarter(planes: Tensor, lightness: Tensor) -> Tensor:
    """The planes (B, c, h, w) at 1/4 size that lie over the picture, without what padding added."""
    height, width = lightness.shape[-2:]
    return planes[..., : -(-height // 4), : -(-width // 4)]
