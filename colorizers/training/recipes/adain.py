"""Recipes of the reference-based U-Net."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from colorizers.networks.adain import AdainUNet
from colorizers.networks.heads import AB_SCALE
from colorizers.training.recipe import Batch, Objective, Recipe

_WITHOUT_REFERENCE = 0.1  # of the photos
_OTHER_REFERENCE = 0.3  # of the photos have another photo as reference
_JITTERED = 0.5  # of the photos with a reference are recoloured together with it
_GAIN = (0.6, 1.3)  # on chroma
_MOMENTS = 1.5  # weight of the moments beside L1


class ReferenceColorization(Objective):
    """Reference-based colouring, on photos whose colours are often unusual.

    Usually the reference is a second crop of the photo and the target its ab, by L1. In half of these the hue of both
    is rotated and the chroma scaled, so that the reference counts and not the network's knowledge of objects. For some
    the reference is another photo, of which only the moments of ab are the target. Some have no reference.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        count, device = len(batch.lab), batch.lab.device
        kind, jitter, angle, gain = torch.rand(4, count, 1, 1, 1, generator=batch.random, device=device)
        alone, other = kind < _WITHOUT_REFERENCE, kind > 1 - _OTHER_REFERENCE
        jittered = (jitter < _JITTERED) & ~alone
        angle = torch.where(jittered, 2 * torch.pi * angle, 0)
        gain = torch.where(jittered, _GAIN[0] + (_GAIN[1] - _GAIN[0]) * gain, 1)
        truth, reference = recolored(batch.lab, angle, gain), recolored(batch.second_crop(), angle, gain)
        reference = torch.where(other, reference.roll(1, 0), reference)

        codes = torch.where(alone[..., 0, 0], self.network.own, self.network.style(reference))
        ab = self.network.head.read(self.network(batch.lightness, codes))
        target = avg_pool2d(truth[:, 1:], 4)
        target_moments = torch.where(other[..., 0, 0], moments(avg_pool2d(reference[:, 1:], 4)), moments(target))
        l1 = ((ab - target).abs() * ~other).mean() / AB_SCALE
        drift = ((moments(ab) - target_moments).abs() * ~alone[..., 0, 0]).mean() / AB_SCALE
        return {"l1": l1, "moments": _MOMENTS * drift}

    def colored(self, network: Any, lab: Tensor) -> Tensor:
        """With the photo's own colours as reference."""
        ab: Tensor = network.head.read(network(lab[:, :1], network.style(lab)))
        return ab


def recolored(lab: Tensor, angle: Tensor, gain: Tensor) -> Tensor:
    """Lab (B, 3, H, W) with hue rotated by angles (B, 1, 1, 1) in radians and chroma multiplied by gains."""
    light, a, b = lab.split(1, dim=1)
    return torch.cat((light, gain * (angle.cos() * a - angle.sin() * b), gain * (angle.sin() * a + angle.cos() * b)), 1)


def moments(ab: Tensor) -> Tensor:
    """Mean and standard deviation of a* and b*: (B, 2, H, W) to (B, 4)."""
    variance, mean = torch.var_mean(ab, (2, 3), correction=0)
    return torch.cat((mean, (variance + 1e-3).sqrt()), dim=1)


_COMMON = {"weight_decay": 1e-3, "encoder_rate": 0.3}
_CPU = {"steps": 600, "batch": 32, "size": 96, "warm_up": 50}
_GPU = {"steps": 8000, "batch": 256, "size": 128, "warm_up": 300}

RECIPES = (
    Recipe(
        key="adain/lab",
        objective=lambda plan, materials: ReferenceColorization(AdainUNet("ab")),
        common=_COMMON,
        cpu=_CPU,
        gpu=_GPU,
    ),
    Recipe(
        key="adain/rgb",
        objective=lambda plan, materials: ReferenceColorization(AdainUNet("rgb")),
        common=_COMMON,
        cpu=_CPU,
        gpu=_GPU,
    ),
)
