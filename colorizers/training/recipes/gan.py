"""Recipes of the GANs: L1 alone first, then a conditional GAN with a PatchGAN discriminator (Isola et al. 2017).

The second phase is short, as in the NoGAN schedule of DeOldify: the L1 part keeps its weight and the adversarial one is
small beside it, so that chroma increases before the discriminator's artefacts appear.
"""

from torch import nn

from colorizers.networks.patchgan import PatchGAN
from colorizers.networks.resnet_unet import ResNetUNet
from colorizers.networks.unet import UNet
from colorizers.training.objectives import AbRegression, LossWeights
from colorizers.training.recipe import Recipe, TrainingPlan

_COMMON = {"weight_decay": 0.0, "critic_rate": 4e-4}
_CPU = {"steps": 1200, "critic_after": 100, "critic_width": 32, "batch": 16, "size": 96, "learning_rate": 1e-4}
_GPU = {"steps": 1200, "critic_after": 100, "critic_width": 64, "batch": 256, "size": 128, "learning_rate": 2e-4}
_WEIGHTS = LossWeights(l1=1.0, adversarial=0.05)


def _objective(network: nn.Module, plan: TrainingPlan) -> AbRegression:
    return AbRegression(network, _WEIGHTS, discriminator=PatchGAN(plan.critic_width), critic_after=plan.critic_after)


RECIPES = (
    Recipe(
        key="gan/resnet",
        objective=lambda plan, materials: _objective(ResNetUNet(), plan),
        common=_COMMON | {"encoder_rate": 0.3},
        cpu=_CPU,
        gpu=_GPU,
    ),
    Recipe(
        key="gan/unet",
        objective=lambda plan, materials: _objective(UNet("ab"), plan),
        common=_COMMON,
        cpu=_CPU,
        gpu=_GPU,
    ),
)
