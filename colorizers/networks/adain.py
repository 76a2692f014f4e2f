"""Reference-based colouring: a U-Net with adaptive instance normalisation (Huang, Belongie 2017)."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from colorizers.networks.blocks import decoder_levels, network_input, quarter
from colorizers.networks.heads import AB_SCALE, make_head
from colorizers.networks.resnet_unet import CHANNELS, STRIDE, WIDTHS, ResNetFeatures

LATENT = 32
"""Size of the style code: small, so that it can hold a palette and not a picture."""

_STYLE_WIDTHS = (48, 96, 128, 192, LATENT)
_EPSILON = 1e-5


class AdainUNet(nn.Module):
    """L* (B, 1, H, W) in [0, 100] and style codes (B, LATENT) to the output of the head, at ceil(H/4) x ceil(W/4).

    `own` is the learnt code of a photo without a reference. Normalisation is affine in the code, so that mixing codes
    mixes the parameters of every normalisation.
    """

    def __init__(self, kind: Literal["ab", "rgb"] = "ab") -> None:
        super().__init__()
        self.style = StyleEncoder()
        self.own = nn.Parameter(torch.zeros(LATENT))
        self.encoder = ResNetFeatures()
        self.adapt = nn.ModuleList(_Adain(channels) for channels in CHANNELS)
        self.up = nn.ModuleList(_Up(*level) for level in decoder_levels(CHANNELS, WIDTHS))
        self.head = make_head(kind, WIDTHS[0])

    def forward(self, lightness: Tensor, latents: Tensor) -> Tensor:
        features = self.encoder(network_input(lightness, STRIDE))
        *skips, level = (adapt(each, latents) for adapt, each in zip(self.adapt, features, strict=True))
        for block in self.up:
            level = block(level, skips.pop(), latents)
        return quarter(self.head(level), lightness)


class StyleEncoder(nn.Module):
    """Style encoder: a reference as Lab (B, 3, H, W), each side at least 32 px, to its style code (B, LATENT)."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for channels, width in zip((3, *_STYLE_WIDTHS), _STYLE_WIDTHS, strict=False):
            layers += [nn.Conv2d(channels, width, 3, 2, 1), nn.SiLU()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, lab: Tensor) -> Tensor:
        scaled = torch.cat((lab[:, :1] / 50 - 1, lab[:, 1:] / AB_SCALE), dim=1)
        latents: Tensor = self.layers(scaled).float().mean((2, 3))
        return latents


class _Adain(nn.Module):
    """Instance normalisation whose scale and shift are affine functions of the style code."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.affine = nn.Linear(LATENT, 2 * channels)

    def forward(self, level: Tensor, latents: Tensor) -> Tensor:
        variance, mean = torch.var_mean(level, (2, 3), correction=0, keepdim=True)
        scale, shift = self.affine(latents)[:, :, None, None].chunk(2, dim=1)
        return (level - mean) * torch.rsqrt(variance + _EPSILON) * (1 + scale) + shift


class _Up(nn.Module):
    """Decoder block: upsample, concatenate the skip, convolve twice with adaptive normalisation."""

    def __init__(self, channels: int, skip: int, width: int) -> None:
        super().__init__()
        self.first, self.adapt_first = nn.Conv2d(channels + skip, width, 3, 1, 1, bias=False), _Adain(width)
        self.second, self.adapt_second = nn.Conv2d(width, width, 3, 1, 1, bias=False), _Adain(width)

    def forward(self, level: Tensor, skip: Tensor, latents: Tensor) -> Tensor:
        wide = interpolate(level, scale_factor=2.0, mode="bilinear", align_corners=False)
        level = torch.relu(self.adapt_first(self.first(torch.cat((wide, skip), dim=1)), latents))
        return torch.relu(self.adapt_second(self.second(level), latents))
