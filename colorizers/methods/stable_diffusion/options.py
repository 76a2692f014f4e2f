"""Options of the tabs with Stable Diffusion."""

from typing import Any, Literal

from colorizers.methods.photo_methods import PHOTO_METHODS
from colorizers.methods.stable_diffusion.components import FAMILY
from colorizers.methods.stable_diffusion.denoising import SamplerName
from colorizers.methods.stable_diffusion.prompt import NEGATIVE, Preset
from colorizers.options import Options, choice, control, seed, text, variants
from colorizers.picture.finish import Finish
from colorizers.words import Text

_LONGEST_PROMPT = 1000  # characters
_STARTS = {
    "gray": Text("options.start_from.gray"),
    **{name: Text("options.start_from.method", method=method.info.title) for name, method in PHOTO_METHODS.items()},
}

Model = Literal["small", "sd15", "sd14", "own"]
_LARGE = ("sd15", "sd14", "own")


def strength(default: float) -> Any:
    """The option `strength`."""
    return control(default, low=0, high=1, step=0.05)


def model(**suiting: Any) -> Any:
    """The option `weights`: the model, and which values of other options suit the large ones."""
    options, finish = dict.fromkeys(_LARGE, suiting), {name: {"color_strength": 1.0} for name in _LARGE}
    return control("small", key="stable_diffusion_model", family=FAMILY, options=options, finish=finish)


FINISH = Finish(color_strength=0.8)  # the small model paints too vividly
SUITING: dict[str, Any] = {"guidance_scale": 7.0, "steps": 20, "working_size": 512}  # SD 1.x


def start_from(default: str) -> Any:
    """The option `start_from`, in `Job.starts`: every method that needs the photo alone."""
    return choice(default, _STARTS)


class StableDiffusionOptions(Options):
    """Options of every tab with Stable Diffusion; their defaults suit the small model."""

    prompt: str = text("", max_length=_LONGEST_PROMPT)
    preset: Preset = control("natural")
    weights: Model = model(**SUITING, strength=0.5)
    start_from: str = start_from("unet")
    strength: float = strength(0.4)
    guidance_scale: float = control(2.0, low=1, high=20, step=0.5)
    variants: int = variants()
    steps: int = control(12, low=1, high=100, advanced=True, help=Text("options.steps.stable_diffusion"))
    sampler: SamplerName = control("unipc", family="lora", advanced=True)
    negative_prompt: str = text(NEGATIVE, max_length=_LONGEST_PROMPT, advanced=True)
    caption: Literal["none", "blip"] = control("none", family="caption", advanced=True)
    working_size: int = control(
        128, low=96, high=768, step=32, unit="px", advanced=True,
        help=Text("options.working_size.stable_diffusion"),
    )  # fmt: skip
    seed: int | None = seed()
