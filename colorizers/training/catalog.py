"""The recipes by the registry key of their weights."""

from colorizers.errors import ColorizerError
from colorizers.training.recipe import Recipe
from colorizers.training.recipes import (
    adain,
    cnn,
    diffusion,
    gan,
    multicolor,
    resnet_unet,
    small_sd,
    style,
    transformer,
    unet,
)
from colorizers.words import Text

RECIPES: dict[str, Recipe] = {
    recipe.key: recipe
    for module in (unet, cnn, resnet_unet, gan, transformer, multicolor, diffusion, adain, style, small_sd)
    for recipe in module.RECIPES
}


def find(name: str) -> Recipe:
    """The recipe named METHOD or METHOD:WEIGHTS; a method alone means its first one."""
    method, _, weights = name.partition(":")
    for recipe in RECIPES.values():
        family, _, own = recipe.key.partition("/")
        if family == method and weights in ("", own):
            return recipe
    known = [key.replace("/", ":") for key in RECIPES]
    raise ColorizerError(Text("training.unknown-recipe", name=name[:40], recipes=known))
