"""The recipe of the small colour-query transformer."""

from colorizers.networks.transformer import ColorTransformer
from colorizers.training.initialize import feature_network
from colorizers.training.objectives import AbRegression, LossWeights
from colorizers.training.recipe import Recipe

RECIPES = (
    Recipe(
        key="transformer/small",
        objective=lambda plan, materials: AbRegression(
            ColorTransformer(),
            LossWeights(l1=1.0, perceptual=1.0),
            feature_network(materials.perceptual, "--perceptual"),
        ),
        common={"encoder_rate": 0.0, "schedule": "trapezoid"},
        cpu={
            "steps": 5000,
            "batch": 32,
            "size": 96,
            "cool_size": 96,
            "learning_rate": 5e-4,
            "warm_up": 100,
            "cool_down": 1000,
        },
        gpu={"steps": 7000, "batch": 256, "size": 128, "cool_size": 128, "learning_rate": 5e-4, "warm_up": 300},
        needs="perceptual",
    ),
)
