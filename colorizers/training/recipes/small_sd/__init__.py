"""Recipes of a small Stable Diffusion: its VAE, its U-Net with a text encoder, and a ControlNet."""

from colorizers.training.recipes.small_sd import controlnet, unet, vae

RECIPES = (*vae.RECIPES, *unet.RECIPES, *controlnet.RECIPES)
