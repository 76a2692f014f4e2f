"""Stable Diffusion img2img: the photo, or the colours of another method, changed by a description."""

from colorizers.methods.method import MethodInfo
from colorizers.methods.stable_diffusion.components import CHECKER
from colorizers.methods.stable_diffusion.options import FINISH, StableDiffusionOptions
from colorizers.methods.stable_diffusion.pipeline import StableDiffusion
from colorizers.weights.registry import SMALL

METHOD = StableDiffusion(
    MethodInfo(
        name="img2img",
        paper="Stable Diffusion, Rombach et al. 2022, with SDEdit, Meng et al. 2022",
        options=StableDiffusionOptions,
        finish=FINISH,
        libraries=("diffusers", "transformers"),
        slow_on_cpu=True,
        checker=CHECKER,
        unchecked=(SMALL,),
    )
)
