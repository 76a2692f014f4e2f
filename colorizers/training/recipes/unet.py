"""Recipes of the U-Nets.

The one that is the default gets a PatchGAN at the end, whose loss is small beside the others (NoGAN, as DeOldify): it
raises chroma where cross-entropy leaves it low.
"""

from typing import Any

from colorizers.networks.efficientnet_unet import EfficientNetUNet, ListeningUNet
from colorizers.networks.patchgan import PatchGAN
from colorizers.networks.unet import UNet
from colorizers.training.objectives import AbRegression, BinClassification, HintedBins, LossWeights, RgbRegression
from colorizers.training.recipe import Recipe

_EFFICIENTNET: dict[str, Any] = {
    "common": {"encoder_rate": 0.3, "schedule": "trapezoid"},
    "cpu": {
        "steps": 50_000,
        "batch": 32,
        "size": 96,
        "learning_rate": 6e-4,
        "warm_up": 100,
        "cool_down": 10_000,
        "judge_every": 1000,
    },
    "gpu": {
        "steps": 12_000,
        "batch": 512,
        "size": 96,
        "learning_rate": 2e-3,
        "warm_up": 500,
        "cool_down": 2400,
        "ema": 0.9995,
    },
}
_PLAIN_CPU = {"steps": 3000, "batch": 32, "size": 96}
_PLAIN_GPU = {"steps": 8000, "batch": 256, "size": 128, "warm_up": 400}

RECIPES = (
    Recipe(
        key="unet/efficientnet",
        objective=lambda plan, materials: BinClassification(
            EfficientNetUNet(),
            materials.photos,
            plan.size,
            LossWeights(adversarial=0.02),
            PatchGAN(plan.critic_width),
            plan.critic_after,
        ),
        common=_EFFICIENTNET["common"],
        cpu=_EFFICIENTNET["cpu"] | {"critic_after": 40_000, "critic_width": 32},
        gpu=_EFFICIENTNET["gpu"] | {"critic_after": 9600},
    ),
    Recipe(
        key="unet/hints",
        objective=lambda plan, materials: HintedBins(ListeningUNet(), materials.photos, plan.size),
        **_EFFICIENTNET,
    ),
    Recipe(
        key="unet/bins",
        objective=lambda plan, materials: BinClassification(UNet(), materials.photos, plan.size),
        common={},
        cpu={"steps": 6000, "batch": 32, "size": 128},
        gpu=_PLAIN_GPU,
    ),
    Recipe(
        key="unet/lab",
        objective=lambda plan, materials: AbRegression(UNet("ab"), LossWeights(l1=1.0)),
        common={},
        cpu=_PLAIN_CPU,
        gpu=_PLAIN_GPU,
    ),
    Recipe(
        key="unet/rgb",
        objective=lambda plan, materials: RgbRegression(UNet("rgb")),
        common={},
        cpu=_PLAIN_CPU,
        gpu=_PLAIN_GPU,
    ),
)
