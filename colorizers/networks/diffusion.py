"""Denoising diffusion on ab: a U-Net conditioned on features of the luminance.

The shipped weights fix the attribute names `around`, `ask`, `answer` and `narrow`: the usual names are skip, to_qkv,
to_out and downsample.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pixel_unshuffle, silu

from colorizers.networks.blocks import network_input
from colorizers.networks.heads import GainHead
from colorizers.networks.precision import in_float32
from colorizers.networks.resnet_unet import PYRAMID, STRIDE, ResNetPyramid

STEPS = 1000  # of the noise schedule of the shipped weights
SCHEDULE = {
    "num_train_timesteps": STEPS,
    "beta_schedule": "squaredcos_cap_v2",
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
    "clip_sample": False,
}
"""The noise schedule of the shipped weights, in diffusers' words: for training and for sampling.

The cosine schedule of Nichol and Dhariwal (2021), rescaled to end in pure noise (Lin et al. 2023, "Common diffusion
noise schedules and sample steps are flawed", algorithm 1).
"""
CELL = 4  # pixels of the photo along the side of a pixel of ab
_WIDTHS = (64, 96, 128)  # at 1/4, 1/8 and 1/16
_TIME = 128
_GROUPS = 8
_HEADS = 4
_LONGEST_WAVE = 10000.0


class Scene(NamedTuple):
    """Conditioning on a photo: unshuffled luminance (B, 16, h, w), and features at 1/4, 1/8 and 1/16 of the size."""

    light: Tensor
    features: list[Tensor]

    def repeated(self, times: int) -> "Scene":
        """The conditioning of each photo, repeated for several samples of it."""
        light, *features = (planes.repeat_interleave(times, dim=0) for planes in (self.light, *self.features))
        return Scene(light, features)


class ColorDiffusion(nn.Module):
    """Prediction (B, 2, h, w), noise or velocity, for noisy ab (B, 2, h, w) in units of `AB_SCALE` at timesteps (B,).

    The luminance encoder gives each level of the denoiser its features. It does not depend on the noise, so it runs
    once per photo and the denoiser once per step. The head turns clean ab into the result.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = ResNetPyramid()
        self.time = nn.Sequential(nn.Linear(_TIME, _TIME), nn.SiLU(), nn.Linear(_TIME, _TIME))
        first, second, third = _WIDTHS
        gray = PYRAMID[::-1]
        self.start = nn.Conv2d(2 + CELL**2, first, 3, 1, 1)
        self.down = nn.ModuleList(
            _Residual(width + features, width) for width, features in zip(_WIDTHS, gray, strict=True)
        )
        self.look_down = nn.ModuleList((nn.Identity(), _LinearAttention(second), _LinearAttention(third)))
        self.narrow = nn.ModuleList((nn.Conv2d(first, second, 3, 2, 1), nn.Conv2d(second, third, 3, 2, 1)))
        self.middle = _Residual(third, third)
        self.up = nn.ModuleList((_Residual(third + second, second), _Residual(second + first, first)))
        self.look_up = nn.ModuleList((_LinearAttention(second), nn.Identity()))
        self.head = GainHead()
        self.end = nn.Sequential(nn.GroupNorm(_GROUPS, first), nn.SiLU(), nn.Conv2d(first, 2, 3, 1, 1))

    def scene(self, lightness: Tensor) -> Scene:
        """Conditioning of the denoiser on L* (B, 1, H, W) in [0, 100], padded to multiples of 32."""
        pictures = network_input(lightness, STRIDE)
        return Scene(pixel_unshuffle(pictures, CELL), self.encoder(pictures)[::-1])

    def forward(self, noisy: Tensor, steps: Tensor, scene: Scene) -> Tensor:
        time = silu(self.time(_waves(steps)))
        level = self.start(torch.cat((noisy, scene.light), dim=1))
        skips: list[Tensor] = []
        for k, (block, attention, features) in enumerate(zip(self.down, self.look_down, scene.features, strict=True)):
            level = attention(block(torch.cat((level, features), dim=1), time))
            if k < len(self.narrow):
                skips.append(level)
                level = self.narrow[k](level)
        level = self.middle(level, time)
        for block, attention in zip(self.up, self.look_up, strict=True):
            skip = skips.pop()
            level = interpolate(level, skip.shape[-2:], mode="nearest")
            level = attention(block(torch.cat((level, skip), dim=1), time))
        return self._predicted(level)

    @in_float32
    def _predicted(self, level: Tensor) -> Tensor:
        predicted: Tensor = self.end(level)
        return predicted


class _Residual(nn.Module):
    """Residual block: two convolutions with group norm and SiLU, scaled and shifted by the time embedding."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(_GROUPS, channels), nn.Conv2d(channels, width, 3, 1, 1)
        self.time = nn.Linear(_TIME, 2 * width)
        self.norm2, self.conv2 = nn.GroupNorm(_GROUPS, width), nn.Conv2d(width, width, 3, 1, 1)
        self.around = nn.Conv2d(channels, width, 1) if channels != width else nn.Identity()
        nn.init.zeros_(self.conv2.weight)

    def forward(self, level: Tensor, time: Tensor) -> Tensor:
        changed = self.norm2(self.conv1(silu(self.norm1(level))))
        scale, shift = self.time(time)[:, :, None, None].chunk(2, dim=1)
        return self.around(level) + self.conv2(silu(changed * (1 + scale) + shift))


class _LinearAttention(nn.Module):
    """Linear attention over all places (Shen et al. 2021)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(_GROUPS, width)
        self.ask = nn.Conv2d(width, 3 * width, 1, bias=False)
        self.answer = nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.answer.weight)

    def forward(self, level: Tensor) -> Tensor:
        queries, keys, values = self.ask(self.norm(level)).unflatten(1, (3, _HEADS, -1)).flatten(4).unbind(1)
        context = torch.einsum("bhcn,bhdn->bhcd", keys.softmax(dim=-1), values)
        attended = torch.einsum("bhcd,bhcn->bhdn", context, queries.softmax(dim=-2))
        return level + self.answer(attended.flatten(1, 2).unflatten(-1, level.shape[-2:]))


def _waves(steps: Tensor) -> Tensor:
    """Sine embedding (B, _TIME) of timesteps (B,), as in Vaswani et al. 2017."""
    half = _TIME // 2
    rates = torch.exp(torch.arange(half, device=steps.device) * (-math.log(_LONGEST_WAVE) / half))
    angles = steps[:, None] * rates
    return torch.cat((angles.sin(), angles.cos()), dim=1)
