"""MultiColor (Du et al. 2024): one colour decoder per colour space, and a network that merges them."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from colorizers.networks.blocks import network_input, quarter
from colorizers.networks.color_decoder import ColorDecoder
from colorizers.networks.heads import AB_SCALE, AbHead
from colorizers.networks.precision import in_float32
from colorizers.networks.resnet_unet import PYRAMID, STRIDE, ResNetPyramid

SPACES = {"lab": 2, "hsv": 2, "yuv": 2}
"""Planes of each decoder: a* and b* in units of AB_SCALE; saturation times cosine and sine of hue, since hue is a
circle; U and V. The units of the last two are the recipe's."""

_QUERIES = 48
_COMPLEMENTARY = (32, 64, 64, 32)
_GROUPS = 8


class MultiColorNetwork(nn.Module):
    """L* (B, 1, H, W) in [0, 100] to ab (B, 2, ceil(H/4), ceil(W/4)) in Lab units."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = ResNetPyramid()
        decoder = {"queries": _QUERIES, "width": 96, "layers": 3, "hidden": 384}
        self.decoders = nn.ModuleDict({space: ColorDecoder(PYRAMID, PYRAMID[-1], **decoder) for space in SPACES})
        self.fuse = nn.ModuleDict({space: nn.Conv2d(_QUERIES + 1, count, 1) for space, count in SPACES.items()})
        widths = (sum(SPACES.values()) + 1, *_COMPLEMENTARY)
        self.complement = nn.Sequential(*map(_block, widths[:-1], widths[1:]))
        self.head = AbHead(widths[-1])

    def forward(self, lightness: Tensor) -> Tensor:
        planes, light = self._decoded(lightness)
        return quarter(self._merged(planes, light), lightness)

    def all_spaces(self, lightness: Tensor) -> dict[str, Tensor]:
        """Output of each decoder in its own space (B, c, h, w), and the merged `ab`; for training."""
        planes, light = self._decoded(lightness)
        merged = {"ab": self._merged(planes, light)} | planes
        return {name: quarter(each, lightness) for name, each in merged.items()}

    def _decoded(self, lightness: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        pictures = network_input(lightness, STRIDE)
        scales = self.encoder(pictures)
        light = interpolate(pictures, scales[-1].shape[-2:], mode="bilinear", antialias=True)
        maps = {space: decoder(scales, scales[-1]) for space, decoder in self.decoders.items()}
        return {space: self._fused(torch.cat((each, light), dim=1), space) for space, each in maps.items()}, light

    @in_float32
    def _fused(self, maps: Tensor, space: str) -> Tensor:
        planes: Tensor = self.fuse[space](maps)
        return planes

    def _merged(self, planes: dict[str, Tensor], light: Tensor) -> Tensor:
        """ab of the Lab decoder plus a correction from all decoders."""
        correction = self.head(self.complement(torch.cat((*planes.values(), light), dim=1)))
        return AB_SCALE * planes["lab"] + correction


def _block(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, width, 3, 1, 1), nn.GroupNorm(_GROUPS, width), nn.GELU())
