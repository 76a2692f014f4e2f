"""Recipes of the U-Net with a ResNet-18 encoder: distillation of its features, then colours."""

from torch import Tensor, nn

from colorizers.networks.blocks import network_input
from colorizers.networks.resnet_unet import CHANNELS, STRIDE, ResNetFeatures, ResNetUNet
from colorizers.training.distillation import Distillation
from colorizers.training.initialize import EFFICIENTNET, feature_network
from colorizers.training.objectives import AbRegression, LossWeights
from colorizers.training.recipe import Batch, Recipe


def _extract(network: nn.Module, batch: Batch) -> list[Tensor]:
    """Features of the luminance, from which the teacher's features of the colour picture are predicted."""
    features: list[Tensor] = network(network_input(batch.lightness, STRIDE))
    return features


RECIPES = (
    Recipe(
        key="resnet_unet/lab",
        objective=lambda plan, materials: AbRegression(
            ResNetUNet(),
            LossWeights(l1=1.0, perceptual=1.0),
            feature_network(materials.perceptual, "--perceptual"),
        ),
        common={"encoder_rate": 0.3},
        cpu={"steps": 3000, "batch": 32, "size": 96},
        gpu={"steps": 6000, "batch": 256, "size": 128, "warm_up": 300},
        needs="perceptual",
    ),
    Recipe(
        key="resnet_unet/features",
        objective=lambda plan, materials: Distillation(
            ResNetFeatures(),
            _extract,
            CHANNELS,
            feature_network(materials.teacher, "--teacher", accepted=(EFFICIENTNET,)),
        ),
        common={},
        cpu={"steps": 2500, "batch": 32, "size": 96},
        gpu={"steps": 12000, "batch": 512, "size": 128, "learning_rate": 2e-3, "warm_up": 500},
        needs="teacher",
    ),
)
