"""DDColor (Kang et al. 2023), compatible with its published checkpoints."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad, pixel_shuffle
from torch.nn.utils import spectral_norm

from colorizers.networks.blocks import decode_pyramid, decoder_levels
from colorizers.networks.color_decoder import ColorDecoder
from colorizers.networks.convnext import ConvNeXt
from colorizers.networks.heads import GainHead
from colorizers.networks.imagenet import MEAN, STD
from colorizers.picture.color import lab_to_rgb

SIDE = 512
"""Side in pixels of the square to which photos are resized; the published checkpoints expect it."""

NEUTRAL = 0.75
"""The vividness that leaves the published colours unchanged."""

_WIDTHS = (512, 512, 256)  # of the pixel decoder at 1/16, 1/8 and 1/4
_QUERIES = 100


@dataclass(frozen=True)
class Config:
    """The ConvNeXt: blocks and channels of each stage."""

    depths: tuple[int, ...]
    widths: tuple[int, ...]


TINY = Config((3, 3, 9, 3), (96, 192, 384, 768))
LARGE = Config((3, 3, 27, 3), (192, 384, 768, 1536))


class DDColor(nn.Module):
    """L* (B, 1, H, W) in [0, 100], sides multiples of 32, to ab (B, 2, H, W) in Lab units."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.encoder = nn.ModuleDict({"arch": ConvNeXt(config.depths, config.widths)})
        self.decoder = _Decoder(config.widths)
        self.refine_net = nn.Sequential(nn.Sequential(spectral_norm(nn.Conv2d(_QUERIES + 3, 2, 1))))
        self.head = GainHead(NEUTRAL)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))

    def forward(self, lightness: Tensor) -> Tensor:
        return self.ab(lab_to_rgb(pad(lightness, (0, 0, 0, 0, 0, 2))))

    def ab(self, rgb: Tensor) -> Tensor:
        """The published function: gray sRGB (B, 3, H, W) in [0, 1], sides multiples of 32, to ab (B, 2, H, W)."""
        pictures = (rgb - self.mean) / self.std
        maps = self.decoder(self.encoder["arch"](pictures))
        ab: Tensor = self.refine_net(torch.cat((maps, pictures), dim=1))
        return ab


class _Decoder(nn.Module):
    """The pixel decoder, and the colour decoder that attends to its levels; one full-size map per query."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Up(*level) for level in decoder_levels(widths, _WIDTHS[::-1]))
        self.last_shuf = _Enlarge(_WIDTHS[-1], _WIDTHS[-1], scale=4, norm=False)
        self.color_decoder = ColorDecoder(_WIDTHS, _WIDTHS[-1], queries=_QUERIES)

    def forward(self, features: list[Tensor]) -> Tensor:
        scales = decode_pyramid(self.layers, features)
        maps: Tensor = self.color_decoder(scales, self.last_shuf(scales[-1]))
        return maps


class _Up(nn.Module):
    """Decoder block: upsample and merge the skip."""

    def __init__(self, deep: int, skip: int, width: int) -> None:
        super().__init__()
        self.shuf = _Enlarge(deep, width, scale=2, norm=True)
        self.bn = nn.BatchNorm2d(skip)
        merge = spectral_norm(nn.Conv2d(width + skip, width, 3, padding=1, bias=False))
        self.conv = nn.Sequential(merge, nn.ReLU(inplace=True), nn.BatchNorm2d(width))

    def forward(self, level: Tensor, skip: Tensor) -> Tensor:
        joined: Tensor = self.conv(torch.cat((self.shuf(level), self.bn(skip)), dim=1).relu_())
        return joined


class _Enlarge(nn.Module):
    """Pixel shuffle with a 2x2 mean against checkerboard artefacts (Sugawara et al. 2018)."""

    def __init__(self, channels: int, width: int, scale: int, norm: bool) -> None:
        super().__init__()
        spread = width * scale**2
        self.conv = nn.Sequential(spectral_norm(nn.Conv2d(channels, spread, 1, bias=not norm)))
        if norm:
            self.conv.append(nn.BatchNorm2d(spread))
        self._scale = scale

    def forward(self, level: Tensor) -> Tensor:
        large = pixel_shuffle(self.conv(level).relu_(), self._scale)
        return avg_pool2d(pad(large, (1, 0, 1, 0), mode="replicate"), 2, stride=1)
