"""Options of the tabs with Stable Diffusion."""

from typing import Any, Literal

from colorizers.methods.photo_methods import PHOTO_METHODS
from colorizers.methods.stable_diffusion.components import FAMILY
from colorizers.methods.stable_diffusion.denoising import SAMPLERS, SamplerName
from colorizers.methods.stable_diffusion.prompt import NEGATIVE, PRESETS, Preset
from colorizers.options import Options, choice, control, seed, text, variants

_LONGEST_PROMPT = 1000  # characters
_STARTS = {
    "gray": "The gray photo",
    **{name: f"Colours of {method.info.title}" for name, method in PHOTO_METHODS.items()},
}

Model = Literal["sd15", "sd14", "own"]


def strength(default: float) -> Any:
    """The option `strength`."""
    return control(
        default, low=0, high=1, step=0.05, help="How much is changed: 0 keeps the start as it is, 1 ignores it."
    )


def start_from(default: str) -> Any:
    """The option `start_from`, which the engine resolves to `Job.start`: every method that needs the photo alone."""
    return choice(
        default, _STARTS, help="The picture that is changed: the gray photo, or the colours of another method."
    )


class StableDiffusionOptions(Options):
    """Options of every tab with Stable Diffusion."""

    prompt: str = text("", max_length=_LONGEST_PROMPT, help="What the photo shows and in which colours, in English.")
    preset: Preset = control(
        "natural", labels={name: label for name, (label, _) in PRESETS.items()}, help="Words added to the prompt."
    )
    start_from: str = start_from("unet")
    strength: float = strength(0.5)
    guidance_scale: float = control(
        7.0, low=1, high=20, step=0.5,
        help="How closely the prompt is followed; 1 is twice as fast and follows least.",
    )  # fmt: skip
    variants: int = variants()
    steps: int = control(
        20, low=1, high=100, advanced=True, help="Inference steps; at strength 0.5 half of them are run."
    )
    sampler: SamplerName = control(
        "unipc", labels=SAMPLERS, family="lora", advanced=True, help="The scheduler that removes the noise."
    )
    negative_prompt: str = text(
        NEGATIVE,
        max_length=_LONGEST_PROMPT,
        advanced=True,
        help="What the result should not show; without effect at a guidance scale of 1.",
    )
    caption: Literal["none", "blip"] = control(
        "none",
        label="Caption",
        labels={"none": "None", "blip": "By BLIP, from the photo"},
        family="caption",
        advanced=True,
        help="A description of the photo that is added to the prompt.",
    )
    weights: Model = control(
        "sd15",
        label="Model",
        labels={"sd15": "Stable Diffusion 1.5", "sd14": "Stable Diffusion 1.4", "own": "Custom model (--model)"},
        family=FAMILY,
        advanced=True,
        help="The model that gives the colours.",
    )
    working_size: int = control(
        512, low=256, high=768, step=64, unit="px", advanced=True,
        help="Long side of the picture as the model receives it; it was trained at 512. Larger takes longer.",
    )  # fmt: skip
    seed: int | None = seed()
