"""DDColor (Kang et al. 2023), compatible with its published checkpoints."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.nn.utils import spectral_norm

from colorizers.networks.blocks import decode_pyramid, decoder_levels
from colorizers.networks.color_decoder import ColorDecoder
from colorizers.networks.convnext import ConvNeXt
from colorizers.networks.heads import GainHead
from colorizers.networks.imagenet import MEAN, STD
from colorizers.networks.spectral_unet import Enlarge, Up
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
        self.layers = nn.ModuleList(Up(*level) for level in decoder_levels(widths, _WIDTHS[::-1]))
        self.last_shuf = Enlarge(spectral_norm(nn.Conv2d(_WIDTHS[-1], 16 * _WIDTHS[-1], 1)), scale=4)
        self.color_decoder = ColorDecoder(_WIDTHS, _WIDTHS[-1], queries=_QUERIES)

    def forward(self, features: list[Tensor]) -> Tensor:
        scales = decode_pyramid(self.layers, features)
        maps: Tensor = self.color_decoder(scales, self.last_shuf(scales[-1]))
        return maps
