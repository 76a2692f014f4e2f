"""Recipes of the GANs: regression of ab first, then a conditional GAN with a PatchGAN (Isola et al. 2017).

As in the NoGAN schedule of DeOldify, the regression keeps its weight in the second phase and the adversarial loss is
small beside it, so that chroma increases before the discriminator's artefacts appear.
"""

from torch import nn

from colorizers.networks.efficientnet_unet import EfficientNetUNet
from colorizers.networks.patchgan import PatchGAN
from colorizers.networks.unet import UNet
from colorizers.training.initialize import feature_network
from colorizers.training.objectives import AbRegression, LossWeights
from colorizers.training.recipe import Frozen, Recipe, TrainingPlan

_WEIGHTS = LossWeights(l1=1.0, perceptual=1.0, adversarial=0.05)
_COMMON = {"weight_decay": 0.0, "critic_rate": 4e-4}


def _objective(network: nn.Module, plan: TrainingPlan, features: Frozen | None = None) -> AbRegression:
    critic = PatchGAN(plan.critic_width)
    return AbRegression(network, _WEIGHTS, features, discriminator=critic, critic_after=plan.critic_after)


RECIPES = (
    Recipe(
        key="gan/efficientnet",
        objective=lambda plan, materials: _objective(
            EfficientNetUNet("ab"), plan, feature_network(materials.perceptual, "--perceptual")
        ),
        common=_COMMON | {"encoder_rate": 0.0, "schedule": "trapezoid"},
        cpu={
            "steps": 5000,
            "critic_after": 500,
            "critic_width": 32,
            "batch": 32,
            "size": 96,
            "cool_size": 96,
            "learning_rate": 3e-4,
            "warm_up": 100,
            "cool_down": 500,
        },
        gpu={
            "steps": 5000,
            "critic_after": 1000,
            "critic_width": 64,
            "batch": 256,
            "size": 128,
            "cool_size": 128,
            "learning_rate": 3e-4,
            "warm_up": 300,
        },
        needs="perceptual",
    ),
    Recipe(
        key="gan/unet",
        objective=lambda plan, materials: _objective(UNet("ab"), plan),
        common=_COMMON,
        cpu={
            "steps": 1200,
            "critic_after": 100,
            "critic_width": 32,
            "batch": 16,
            "size": 96,
            "learning_rate": 1e-4,
        },
        gpu={
            "steps": 1200,
            "critic_after": 100,
            "critic_width": 64,
            "batch": 256,
            "size": 128,
            "learning_rate": 2e-4,
        },
    ),
)
