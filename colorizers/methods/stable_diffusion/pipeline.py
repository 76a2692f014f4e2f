"""What the tabs with Stable Diffusion have in common: their options, and the way from a photo to paintings of it."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from colorizers.errors import ColorizerError, NotFinite
from colorizers.methods.method import Job, Start, StartName, start_from
from colorizers.methods.stable_diffusion import components as parts
from colorizers.methods.stable_diffusion.denoising import (
    SAMPLERS,
    Control,
    Prompt,
    SamplerName,
    Schedule,
    denoised,
    scheduler_of,
)
from colorizers.methods.stable_diffusion.frame import Frame, frame_of
from colorizers.methods.stable_diffusion.latents import is_short_of_memory, quick_look
from colorizers.methods.stable_diffusion.prompt import NEGATIVE, PRESETS, Preset, prompt_of, words_of
from colorizers.methods.style.canvas import gray_rgb, resized
from colorizers.options import Options, control, seed, seed_of_variant, text, variants
from colorizers.picture.compose import Outcome, Painting, compose
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo
from colorizers.pool import Loader
from colorizers.settings import get_settings

_LOOK_EVERY = 3  # steps between previews, after the first
_LONGEST_PROMPT = 1000  # characters
_FAST_GUIDANCE = 2.0  # beyond it the LCM-LoRA burns colours

Model = Literal["sd15", "sd14", "own"]


def strength(default: float) -> Any:
    """The option `strength`."""
    return control(
        default, low=0, high=1, step=0.05, help="How much is made anew: 0 leaves the start as it is, 1 forgets it."
    )


class StableDiffusionOptions(Options):
    """Options of every tab with Stable Diffusion."""

    prompt: str = text("", max_length=_LONGEST_PROMPT, help="What the photo shows and in which colours, in English.")
    preset: Preset = control(
        "natural", words={name: said for name, (said, _) in PRESETS.items()}, help="Words that are added to the prompt."
    )
    start_from: StartName = start_from("unet")
    strength: float = strength(0.5)
    guidance_scale: float = control(
        7.0, low=1, high=20, step=0.5,
        help="How closely the prompt is followed; 1 is twice as fast and follows least.",
    )  # fmt: skip
    variants: int = variants()
    steps: int = control(
        20, low=1, high=100, advanced=True, help="Of a whole run; at strength 0.5 half of them are done."
    )
    sampler: SamplerName = control(
        "unipc", words=SAMPLERS, family="lora", advanced=True, help="How noise is taken away."
    )
    negative_prompt: str = text(
        NEGATIVE,
        max_length=_LONGEST_PROMPT,
        advanced=True,
        help="What is not wanted; at a guidance scale of 1 it does nothing.",
    )
    caption: Literal["none", "blip"] = control(
        "none",
        label="Caption",
        words={"none": "None", "blip": "By BLIP, which looks at the photo"},
        family="caption",
        advanced=True,
        help="A description of the photo that is added to the prompt.",
    )
    weights: Model = control(
        "sd15",
        label="Model",
        words={"sd15": "Stable Diffusion 1.5", "sd14": "Stable Diffusion 1.4", "own": "The one that was given"},
        family=parts.FAMILY,
        advanced=True,
        help="Whose idea of the world gives the colours.",
    )
    working_size: int = control(
        512, low=256, high=768, step=64, unit="px", advanced=True,
        help="Long side that the model sees; it was trained at 512. Larger takes longer.",
    )  # fmt: skip
    seed: int | None = seed()


@dataclass(frozen=True)
class StableDiffusion:
    """All of `Method`; a subclass may add control."""

    name: str
    title: str
    paper: str
    options: type[StableDiffusionOptions]
    finish: Finish = field(default_factory=Finish)
    stops_early: bool = False
    losses: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ("diffusers", "transformers")
    heavy: bool = True
    shows_maps: bool = False

    @property
    def loaders(self) -> Mapping[str, Loader]:
        """As `Method.loaders`."""
        return {
            parts.FAMILY: parts.load_part,
            "safety": parts.load_checker,
            "caption": parts.load_captioner,
        }

    def finish_for(self, options: Mapping[str, Any]) -> Finish:
        """As `Method.finish_for`: the same for all of them."""
        return self.finish

    def key(self, options: Any) -> str:
        """As `Method.key`: the model."""
        return f"{parts.FAMILY}/{options.weights}"

    def needs(self, options: Any) -> tuple[str, ...]:
        """As `Method.needs`."""
        extra = {
            parts.LORA: options.sampler == "lcm",
            parts.CAPTIONER: options.caption == "blip",
            parts.CHECKER: get_settings().checks_pictures,
        }
        needed = (self.key(options), parts.vocabulary(self.key(options)))
        return (*needed, *(key for key, wanted in extra.items() if wanted))

    @torch.inference_mode()
    def run(self, photo: Photo, options: Any, job: Job) -> Sequence[Outcome | None]:
        """One painting a variant, its long side at the working size."""
        frame = frame_of(photo.size, options.working_size)
        lightness = resized(photo.lightness[None], (frame.height, frame.width))[0]
        start = _begun(lightness, job.start)
        if options.strength == 0:
            job.notes.append("At strength 0 nothing is changed: these are the colours it started from.")
            return [Painting(start)] * options.variants
        run = Run(photo, lightness, frame, self.key(options), options, job)
        noise = parts.scheduler_config(run.model)
        job.models.remember(f"{run.model}/scheduler", parts.vocabulary(run.model))
        prompt = _prompt(run)
        latents, matrix = _encoded(run, start)
        with ExitStack() as stack:
            every = _denoised(run, latents, matrix, noise, prompt, self.controls(run, stack))
        return _checked(run, _decoded(run, every))

    def controls(self, run: "Run", stack: ExitStack) -> list[Control]:
        """What guides the model beside the prompt; what is leased for it is given back by the stack."""
        return []


@dataclass(frozen=True, eq=False)
class Run:
    """A photo and its L* (H, W) at the size of the frame, the key of the model, and what is wanted of them."""

    photo: Photo
    lightness: Tensor
    frame: Frame
    model: str
    options: Any
    job: Job

    def say(self, text: str) -> None:
        """Tell what comes before the steps."""
        self.job.progress(0, 1, None, text)


def _prompt(run: Run) -> Prompt:
    """What is wanted and what is not, in the model's own numbers."""
    options, job, caption = run.options, run.job, ""
    if options.caption == "blip":
        run.say("Describing the photo")
        with job.models.lease(parts.CAPTIONER) as captioner:
            caption = captioner(gray_rgb(run.lightness))
        job.notes.append(f"BLIP says of the photo: {caption}.")
    run.say("Reading the prompt")
    with job.models.lease(f"{run.model}/text_encoder") as encoder:
        return prompt_of(encoder, words_of(options.prompt, options.preset, caption), options.negative_prompt, job.notes)


def _encoded(run: Run, start: Tensor) -> tuple[Tensor, Tensor]:
    """The latents of what is changed, sRGB (3, H, W), and the matrix by which latents are looked at."""
    run.say("Looking at the photo")
    device, frame = run.job.device, run.frame
    with run.job.models.lease(f"{run.model}/vae") as vae:
        codec: Any = vae
        return codec.encode(frame.pad(start).to(device), is_short_of_memory(device, frame.padded)), codec.look_matrix()


def _denoised(
    run: Run, start: Tensor, matrix: Tensor, noise: Mapping[str, Any], prompt: Prompt, controls: list[Control]
) -> list[Tensor]:
    """The latents of every variant."""
    options, notes = run.options, run.job.notes
    schedule, fast = schedule_of(options), options.sampler == "lcm"
    if schedule.in_all > options.steps:
        notes.append(f"At this strength one step needs {schedule.in_all} in all, so many were reckoned with.")
    guidance_scale = min(options.guidance_scale, _FAST_GUIDANCE) if fast else options.guidance_scale
    if guidance_scale < options.guidance_scale:
        notes.append(f"LCM takes a guidance scale of at most {_FAST_GUIDANCE:g}, which was used.")
    run.say("Preparing the model")
    with run.job.models.lease(parts.unet_key(run.model, fast)) as unet:
        if fast:
            run.job.models.remember(f"{run.model}/unet", parts.LORA)
        _check_fit(unet, prompt, controls)
        return [
            denoised(
                unet, scheduler_of(options.sampler, noise), start, prompt, guidance_scale, schedule,
                torch.Generator().manual_seed(seed_of_variant(options.seed, k)), controls, _Watch(run, matrix, k),
            )
            for k in range(options.variants)
        ]  # fmt: skip


def _decoded(run: Run, every: list[Tensor]) -> list[Tensor]:
    """Latents to pictures, sRGB (3, H, W) in [0, 1]."""
    job, frame = run.job, run.frame
    with job.models.lease(f"{run.model}/vae") as vae:
        codec: Any = vae
        tiled = is_short_of_memory(job.device, frame.padded)
        if tiled:
            job.notes.append("Memory is short, so the picture was decoded in tiles.")
        pictures = []
        for latents in every:
            job.progress(1, 1, None, "Decoding the picture")
            pictures.append(frame.crop(codec.decode(latents, tiled)))
    if any(not picture.isfinite().all() for picture in pictures):
        raise NotFinite("The model gave no picture here; try another seed or a lower guidance scale.")
    return pictures


def _checked(run: Run, pictures: list[Tensor]) -> list[Outcome | None]:
    """The pictures as paintings; None for what the safety checker withholds."""
    job, withheld = run.job, [False] * len(pictures)
    if get_settings().checks_pictures:
        job.progress(1, 1, None, "Checking the picture")
        with job.models.pool.lease(parts.CHECKER) as checker:  # not for the record: it shapes no pixel
            withheld = [checker(picture) for picture in pictures]
    if all(withheld):
        raise ColorizerError("The safety checker withholds what was made; try another seed, prompt or photo.")
    if any(withheld):
        job.notes.append(f"The safety checker withholds {sum(withheld)} of {len(withheld)} variants.")
    return [None if out else Painting(picture.cpu()) for picture, out in zip(pictures, withheld, strict=True)]


@dataclass(frozen=True, eq=False)
class _Watch:
    """Tells the engine how far a variant is, and shows what it comes to."""

    run: Run
    matrix: Tensor
    variant: int

    def __call__(self, done: int, clean: Tensor) -> None:
        options = self.run.options
        steps, several = schedule_of(options).done, options.variants > 1
        look = self._look(clean) if done == 1 or (done and not done % _LOOK_EVERY) else None
        of = f", variant {self.variant + 1} of {options.variants}" if several else ""
        before, total = self.variant * steps, steps * options.variants
        self.run.job.progress(before + done, total, look, f"Step {done} of {steps}{of}")

    def _look(self, clean: Tensor) -> Painting | None:
        if get_settings().checks_pictures:  # what is not finished cannot be checked
            return None
        frame = self.run.frame
        return Painting(frame.crop(resized(quick_look(clean, self.matrix), frame.padded)).clamp(0, 1))


def schedule_of(options: Any) -> Schedule:
    """The steps that the options ask for."""
    return Schedule(options.steps, options.strength)


def _begun(lightness: Tensor, start: Start | None) -> Tensor:
    """What is changed, sRGB (3, H, W), for L* (H, W): gray, or the colours of another method."""
    if start is None:
        return gray_rgb(lightness)
    pixels = compose(lightness, start.outcome, start.finish)
    return torch.from_numpy(pixels).movedim(-1, 0) / 255


def _check_fit(unet: Any, prompt: Prompt, controls: list[Control]) -> None:
    """Stop before networks of different kinds meet."""
    width = prompt.wanted.shape[-1]
    if unet.config.cross_attention_dim != width:
        raise ColorizerError("The model's text encoder and U-Net do not belong together; give another model.")
    if any(control.network.config.cross_attention_dim != width for control in controls):
        raise ColorizerError("This ControlNet was made for another kind of model; give one for Stable Diffusion 1.x.")
