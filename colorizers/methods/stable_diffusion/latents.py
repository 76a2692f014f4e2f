"""Stable Diffusion's VAE: pictures to latents and back, and previews of latents without it."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from colorizers.devices import dtype_for, free_bytes
from colorizers.errors import NotFinite
from colorizers.words import Text

_TILE = 256  # pixels
_CHART = 128  # pixels of the chart of colours by which the factors of previews are fitted
_PATCHES = 8  # of the chart, in a row
_NUMBERS_A_PIXEL = 1100  # that the decoder of Stable Diffusion 1.x holds at once: 1066 were measured at 512 x 512


class LatentCodec(nn.Module):
    """A VAE that gives and takes pictures in sRGB."""

    def __init__(self, vae: Any) -> None:
        super().__init__()
        self.vae = vae.to(memory_format=torch.channels_last)  # a fifth faster on a CPU
        cell = 2 ** (
            len(vae.config.block_out_channels) - 1
        )  # pixels a side of what one place in the latents stands for
        vae.tile_sample_min_size, vae.tile_latent_min_size = _TILE, _TILE // cell
        self._factors: Tensor | None = None

    def encode(self, rgb: Tensor, tiled: bool = False) -> Tensor:
        """SRGB (3, H, W) in [0, 1] to the likeliest latents (1, C, h, w); in tiles it takes less memory."""
        self.vae.use_tiling = tiled
        latents: Tensor = self.vae.encode(self._laid_out(2 * rgb[None] - 1)).latent_dist.mode().contiguous()
        if not latents.isfinite().all():
            raise NotFinite(Text("stable_diffusion.invalid-latents"))
        return latents * self.vae.config.scaling_factor

    def decode(self, latents: Tensor, tiled: bool = False) -> Tensor:
        """Latents (1, C, h, w) to sRGB (3, H, W) in [0, 1]; in tiles it takes less memory."""
        self.vae.use_tiling = tiled
        picture: Tensor = self.vae.decode(self._laid_out(latents / self.vae.config.scaling_factor)).sample
        return (picture[0].float() / 2 + 0.5).clamp(0, 1)

    def _laid_out(self, planes: Tensor) -> Tensor:
        return planes.to(self.vae.dtype).contiguous(memory_format=torch.channels_last)

    def latent_rgb_factors(self) -> Tensor:
        """The linear map from latents to colours, (C + 1, 3), for `latent_preview`, fitted to a chart of patches."""
        if self._factors is None:
            random = torch.Generator().manual_seed(0)
            patches = torch.rand(1, 3, _PATCHES, _PATCHES, generator=random)
            chart = nn.functional.interpolate(patches, (_CHART, _CHART), mode="bicubic").clamp(0, 1)
            latents = self.encode(chart[0].to(self.vae.device)).float().cpu()
            small = nn.functional.interpolate(chart, latents.shape[2:], mode="area")
            rows, colours = (planes[0].flatten(1).T for planes in (latents, small))
            self._factors = torch.linalg.lstsq(_with_ones(rows), colours).solution
        return self._factors


def latent_preview(latents: Tensor, matrix: Tensor) -> Tensor:
    """Latents (1, C, h, w) to their approximate colours, sRGB (3, h, w) in [0, 1]: see `latent_rgb_factors`."""
    rows = _with_ones(latents[0].float().cpu().flatten(1).T)
    return (rows @ matrix).T.unflatten(1, latents.shape[2:]).clamp(0, 1)


def is_short_of_memory(device: torch.device, size: tuple[int, int]) -> bool:
    """Whether a picture of this size, height and width, may be too large to pass through a VAE at once."""
    return free_bytes(device) < math.prod(size) * _NUMBERS_A_PIXEL * dtype_for(device).itemsize


def _with_ones(rows: Tensor) -> Tensor:
    return torch.cat((rows, torch.ones_like(rows[:, :1])), dim=1)
