"""Recipes of diffusion on ab: the shipped one, and the setting of the source system for comparison."""

import itertools
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from colorizers.networks.blocks import quarter
from colorizers.networks.diffusion import SCHEDULE, ColorDiffusion
from colorizers.networks.heads import AB_SCALE
from colorizers.training.objectives import quarter_ab
from colorizers.training.photos import seeded
from colorizers.training.recipe import Batch, Objective, Recipe
from colorizers.training.schedules import signal_and_noise, signal_variance

_DRAWS = 4  # noisy versions of each photo for one run of the luminance encoder
_VALIDATION_STEPS = 10

LINEAR = {"num_train_timesteps": 500, "beta_schedule": "linear", "beta_start": 1e-4, "beta_end": 0.02}
"""The schedule of Ho et al. (2020), in 500 steps."""


class Denoising(Objective):
    """Mean squared error of the predicted noise or velocity (Salimans, Ho 2022) of noisy ab.

    `schedule` is one of diffusers'.
    """

    signal_variance: Tensor

    def __init__(self, network: nn.Module, schedule: Mapping[str, Any], predicts: Literal["velocity", "noise"]) -> None:
        super().__init__()
        self.network = network
        self._predicts = predicts
        self.register_buffer("signal_variance", signal_variance(schedule), persistent=False)

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        device = batch.lab.device
        clean = (quarter_ab(batch) / AB_SCALE).repeat_interleave(_DRAWS, dim=0)
        steps = torch.randint(len(self.signal_variance), (len(clean),), generator=batch.random, device=device)
        noise = torch.randn(clean.shape, generator=batch.random, device=device)
        signal, sigma = self._factors(steps)
        target = noise if self._predicts == "noise" else signal * noise - sigma * clean
        scene = self.network.scene(batch.lightness).repeated(_DRAWS)
        predicted = self.network(signal * clean + sigma * noise, steps, scene)
        return {"denoising": mse_loss(predicted, target)}

    def colored(self, network: Any, lab: Tensor) -> Tensor:
        """One sample in a few steps of DDIM (Song et al. 2021), with the same initial noise for every photo."""
        scene = network.scene(lab[:, :1])
        noisy = torch.randn((1, 2, *scene.light.shape[-2:]), generator=seeded(lab.device, 0), device=lab.device)
        timesteps = torch.linspace(len(self.signal_variance) - 1, -1, _VALIDATION_STEPS + 1).round().long()
        timesteps = timesteps.to(lab.device)[:, None]
        for now, after in itertools.pairwise(timesteps):
            signal, sigma = self._factors(now)
            predicted = network(noisy, now, scene)
            if self._predicts == "noise":
                noise, clean = predicted, (noisy - sigma * predicted) / signal
            else:
                noise, clean = sigma * noisy + signal * predicted, signal * noisy - sigma * predicted
            if after < 0:
                break
            signal, sigma = self._factors(after)
            noisy = signal * clean + sigma * noise
        ab: Tensor = network.head.read(AB_SCALE * quarter(clean, lab))
        return ab

    def _factors(self, steps: Tensor) -> tuple[Tensor, Tensor]:
        """Factors (B, 1, 1, 1) of the clean picture and of the noise at timesteps (B,)."""
        return signal_and_noise(self.signal_variance[steps])


_COMMON = {"weight_decay": 0.0, "learning_rate": 5e-4, "encoder_rate": 0.0, "ema": 0.998}
_CPU = {"steps": 2000, "batch": 16, "size": 96, "warm_up": 100}
_GPU = {"steps": 15000, "batch": 256, "size": 128, "learning_rate": 1e-3, "warm_up": 500, "ema": 0.9998}

RECIPES = (
    Recipe(
        key="diffusion/ab",
        objective=lambda plan, materials: Denoising(ColorDiffusion(), SCHEDULE, "velocity"),
        common=_COMMON,
        cpu=_CPU,
        gpu=_GPU,
    ),
    Recipe(
        key="diffusion/linear",
        objective=lambda plan, materials: Denoising(ColorDiffusion(), LINEAR, "noise"),
        common=_COMMON,
        cpu=_CPU,
        gpu=_GPU,
    ),
)
