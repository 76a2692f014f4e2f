"""Stable Diffusion from a picture to a picture: the photo, or colours of another method, made richer."""

from colorizers.methods.stable_diffusion.pipeline import StableDiffusion, StableDiffusionOptions

METHOD = StableDiffusion(
    name="img2img",
    title="By description",
    paper="Stable Diffusion, Rombach et al. 2022, from picture to picture as SDEdit, Meng et al. 2022",
    options=StableDiffusionOptions,
)
