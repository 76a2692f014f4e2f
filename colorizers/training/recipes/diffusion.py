"""Recipes of diffusion on ab: one that works, and the setting of the source system for the record."""

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from colorizers.networks.blocks import quarter
from colorizers.networks.diffusion import STEPS, ColorDiffusion
from colorizers.networks.heads import AB_SCALE
from colorizers.training.noise import cosine_to_zero, linear
from colorizers.training.objectives import quarter_ab
from colorizers.training.photos import seeded
from colorizers.training.recipe import Batch, Objective, Recipe

_DRAWS = 4  # noisy versions of each photo, for one look at its light
_JUDGED_STEPS = 10


class Denoising(Objective):
    """Mean squared error of what the network predicts for noisy colours.

    `kept` (T,) is the share of variance that is left after each step. Of a clean picture x and noise n the network
    predicts n, or the velocity (Salimans, Ho 2022), which tells both at every step.
    """

    def __init__(self, network: nn.Module, kept: Tensor, predicts: Literal["velocity", "noise"]) -> None:
        super().__init__()
        self.network = network
        self._kept, self._predicts = kept, predicts

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        device = batch.lab.device
        clean = (quarter_ab(batch) / AB_SCALE).repeat_interleave(_DRAWS, dim=0)
        steps = torch.randint(len(self._kept), (len(clean),), generator=batch.random, device=device)
        noise = torch.randn(clean.shape, generator=batch.random, device=device)
        signal, rest = self._shares(steps)
        wanted = noise if self._predicts == "noise" else signal * noise - rest * clean
        scene = self.network.scene(batch.lightness).repeated(_DRAWS)
        predicted = self.network(signal * clean + rest * noise, steps, scene)
        return {"denoising": mse_loss(predicted.float(), wanted)}

    def colored(self, network: Any, lab: Tensor) -> Tensor:
        """One sample in a few steps of DDIM (Song et al. 2021), its noise the same for every photo."""
        scene = network.scene(lab[:, :1])
        noisy = torch.randn((1, 2, *scene.light.shape[-2:]), generator=seeded(lab.device, 0), device=lab.device)
        marks = torch.linspace(len(self._kept) - 1, -1, _JUDGED_STEPS + 1).round().long().to(lab.device)
        for now, after in zip(marks[:-1, None], marks[1:, None], strict=True):
            signal, rest = self._shares(now)
            predicted = network(noisy, now, scene).float()
            if self._predicts == "noise":
                noise, clean = predicted, (noisy - rest * predicted) / signal
            else:
                noise, clean = rest * noisy + signal * predicted, signal * noisy - rest * predicted
            if after < 0:
                break
            signal, rest = self._shares(after)
            noisy = signal * clean + rest * noise
        ab: Tensor = network.head.read(AB_SCALE * quarter(clean, lab))
        return ab

    def _shares(self, steps: Tensor) -> tuple[Tensor, Tensor]:
        """The factors (B, 1, 1, 1) of the clean picture and of the noise after these steps (B,)."""
        kept = self._kept.to(steps.device)[steps][:, None, None, None]
        return kept.sqrt(), (1 - kept).sqrt()


_COMMON = {"weight_decay": 0.0, "learning_rate": 5e-4, "encoder_rate": 0.0, "ema": 0.998}
_CPU = {"steps": 2000, "batch": 16, "size": 96, "warm_up": 100}
_GPU = {"steps": 15000, "batch": 256, "size": 128, "learning_rate": 1e-3, "warm_up": 500, "ema": 0.9998}

RECIPES = (
    Recipe(
        key="diffusion/ab",
        about="velocity, on a cosine schedule that ends in pure noise; --start takes the encoder of resnet_unet/lab",
        objective=lambda plan, materials: Denoising(ColorDiffusion(), cosine_to_zero(STEPS), "velocity"),
        common=_COMMON,
        cpu=_CPU,
        gpu=_GPU,
    ),
    Recipe(
        key="diffusion/linear",
        about="the source system's setting, 500 linear steps and noise as what is predicted, for the record",
        objective=lambda plan, materials: Denoising(ColorDiffusion(), linear(500), "noise"),
        common=_COMMON,
        cpu=_CPU,
        gpu=_GPU,
    ),
)
