"""From a photo to pictures by Stable Diffusion: encode, denoise, decode, check."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from colorizers.errors import ColorizerError, NotFinite
from colorizers.methods.method import Job, MethodInfo, Start, Step
from colorizers.methods.stable_diffusion import components
from colorizers.methods.stable_diffusion.denoising import (
    ControlNetInput,
    PromptEmbeddings,
    Schedule,
    denoise,
    make_scheduler,
)
from colorizers.methods.stable_diffusion.frame import Frame, frame_of
from colorizers.methods.stable_diffusion.latents import is_short_of_memory, latent_preview
from colorizers.methods.stable_diffusion.options import StableDiffusionOptions
from colorizers.methods.stable_diffusion.prompt import encode_prompts, full_prompt
from colorizers.options import seed_of_variant
from colorizers.picture.color import gray_rgb
from colorizers.picture.compose import Outcome, Painting, compose
from colorizers.picture.photo import Photo
from colorizers.picture.resize import resized
from colorizers.pool import Loader
from colorizers.weights.registry import SMALL
from colorizers.weights.store import WeightStore
from colorizers.words import Text

_PREVIEW_EVERY = 3  # steps, after the first
_DENOISING_SHARE = 0.9  # of the work; the rest is decoding
_FAST_GUIDANCE = 2.0  # beyond it the LCM-LoRA burns colours


@dataclass(frozen=True)
class StableDiffusion:
    """All of `Method`; a subclass may add control."""

    info: MethodInfo

    @property
    def loaders(self) -> Mapping[str, Loader]:
        """As `Method.loaders`."""
        return {
            components.FAMILY: components.load_part,
            "safety": components.load_checker,
            "caption": components.load_captioner,
        }

    @property
    def own_weights(self) -> tuple[str, ...]:
        """As `Method.own_weights`."""
        return ()

    def key(self, options: StableDiffusionOptions) -> str:
        """As `Method.key`: the model."""
        return f"{components.FAMILY}/{options.weights}"

    def needs(self, options: Any, store: WeightStore) -> tuple[str, ...]:
        """As `Method.needs`; ColorizerError when a sampler is not for the model."""
        if options.sampler == "lcm" and self.key(options) == SMALL:
            raise ColorizerError(Text("stable_diffusion.lcm-of-small"))
        needed = [self.key(options), components.vocabulary(store, self.key(options))]
        if options.sampler == "lcm":
            needed.append(components.LORA)
        if options.caption == "blip":
            needed.append(components.CAPTIONER)
        return tuple(needed)

    @torch.inference_mode()
    def run(self, photo: Photo, options: Any, job: Job) -> Sequence[Outcome | None]:
        """One painting a variant, its long side at the working size."""
        frame = frame_of(photo.size, options.working_size)
        lightness = resized(photo.lightness[None], (frame.height, frame.width))[0]
        init_image = _init_image(lightness, *job.starts)
        if options.strength == 0:
            job.notes.append(Text("stable_diffusion.strength-zero"))
            return [Painting(init_image)] * options.variants
        run = Run(photo, lightness, frame, self.key(options), options, job)
        scheduler_config = components.scheduler_config(job.models, run.model)
        prompt = _encode_prompt(run)
        latents, factors = _encode_image(run, init_image)
        with ExitStack() as stack:
            controls = self.controls(run, stack)
            every = _denoise_variants(run, latents, factors, scheduler_config, prompt, controls)
        return _checked(run, _decode(run, every))

    def controls(self, run: "Run", stack: ExitStack) -> list[ControlNetInput]:
        """The ControlNets that guide the model beside the prompt; the stack gives back what is leased for them."""
        return []


@dataclass(frozen=True, eq=False)
class Run:
    """One run: the photo and its L* (H, W) at the size of the frame, the key of the model, the options and the job."""

    photo: Photo
    lightness: Tensor
    frame: Frame
    model: str
    options: Any
    job: Job

    def report(self, text: Text) -> None:
        """Report the stage that comes before the steps."""
        self.job.report(Step(0, 1, text))


def _encode_prompt(run: Run) -> PromptEmbeddings:
    """The embeddings of the prompt and of the negative prompt."""
    options, job, caption = run.options, run.job, ""
    if options.caption == "blip":
        run.report(Text("progress.describing"))
        with job.models.lease(components.CAPTIONER) as captioner:
            caption = captioner(gray_rgb(run.lightness))
        job.notes.append(Text("stable_diffusion.caption", caption=caption))
    run.report(Text("progress.encoding-prompt"))
    with job.models.lease(f"{run.model}/text_encoder") as encoder:
        prompt = full_prompt(options.prompt, options.preset, caption)
        return encode_prompts(encoder, prompt, options.negative_prompt, job.notes)


def _encode_image(run: Run, init_image: Tensor) -> tuple[Tensor, Tensor]:
    """The latents of the picture that is changed, sRGB (3, H, W), and the factors by which latents are previewed."""
    run.report(Text("progress.encoding-photo"))
    device, frame = run.job.device, run.frame
    with run.job.models.lease(f"{run.model}/vae") as vae:
        codec: Any = vae
        tiled = is_short_of_memory(device, frame.padded)
        return codec.encode(frame.pad(init_image).to(device), tiled), codec.latent_rgb_factors()


def _denoise_variants(
    run: Run,
    init_latents: Tensor,
    factors: Tensor,
    scheduler_config: Mapping[str, Any],
    prompt: PromptEmbeddings,
    controls: list[ControlNetInput],
) -> list[Tensor]:
    """The latents of every variant."""
    options, notes = run.options, run.job.notes
    schedule, fast = schedule_of(options), options.sampler == "lcm"
    if schedule.num_inference_steps > options.steps:
        notes.append(Text("stable_diffusion.more-steps", steps=schedule.num_inference_steps))
    guidance_scale = min(options.guidance_scale, _FAST_GUIDANCE) if fast else options.guidance_scale
    if guidance_scale < options.guidance_scale:
        notes.append(Text("stable_diffusion.lower-guidance", scale=_FAST_GUIDANCE))
    run.report(Text("progress.loading"))
    with run.job.models.lease(components.unet_key(run.model, fast)) as unet:
        _check_fit(unet, prompt, init_latents, controls)
        every = []
        for k in range(options.variants):
            scheduler = make_scheduler(options.sampler, scheduler_config)
            generator = torch.Generator().manual_seed(seed_of_variant(options.seed, k))
            every.append(
                denoise(
                    unet,
                    scheduler,
                    init_latents,
                    prompt,
                    schedule,
                    guidance_scale=guidance_scale,
                    generator=generator,
                    controls=controls,
                    callback=_Progress(run, factors, k),
                )
            )
        return every


def _decode(run: Run, every: list[Tensor]) -> list[Tensor]:
    """Latents to pictures, sRGB (3, H, W) in [0, 1]."""
    job, frame = run.job, run.frame
    with job.models.lease(f"{run.model}/vae") as vae:
        codec: Any = vae
        tiled = is_short_of_memory(job.device, frame.padded)
        if tiled:
            job.notes.append(Text("stable_diffusion.tiled"))
        pictures = []
        for k, latents in enumerate(every):
            share = _DENOISING_SHARE + (1 - _DENOISING_SHARE) * k / len(every)
            job.report(Step(1, 1, Text("progress.decoding"), share=share))
            pictures.append(frame.crop(codec.decode(latents, tiled)))
    if any(not picture.isfinite().all() for picture in pictures):
        raise NotFinite(Text("stable_diffusion.invalid-picture"))
    return pictures


def _checked(run: Run, pictures: list[Tensor]) -> list[Outcome | None]:
    """The pictures as paintings; None for what the safety checker withholds."""
    job, withheld = run.job, [False] * len(pictures)
    if job.check_pictures:
        job.report(Step(1, 1, Text("progress.checking")))
        with job.models.pool.lease(components.CHECKER) as checker:  # not for the record: it shapes no pixel
            withheld = [checker.model(picture) for picture in pictures]
    if all(withheld):
        raise ColorizerError(Text("stable_diffusion.withheld"))
    if any(withheld):
        job.notes.append(Text("stable_diffusion.some-withheld", withheld=sum(withheld), variants=len(withheld)))
    return [None if out else Painting(picture.cpu()) for picture, out in zip(pictures, withheld, strict=True)]


@dataclass(frozen=True, eq=False)
class _Progress:
    """Reports the steps of one variant, with previews."""

    run: Run
    factors: Tensor
    variant: int

    def __call__(self, done: int, latents: Tensor) -> None:
        options = self.run.options
        steps, variants = schedule_of(options).denoising_steps, options.variants
        preview = self._preview(latents) if done == 1 or (done and not done % _PREVIEW_EVERY) else None
        text = Text("progress.step", done=done, total=steps)
        if variants > 1:
            variant = self.variant + 1
            text = Text("progress.step-of-variant", done=done, total=steps, variant=variant, variants=variants)
        done_before, total = self.variant * steps, steps * variants
        share = _DENOISING_SHARE * (done_before + done) / total
        self.run.job.report(Step(done_before + done, total, text, preview, share=share))

    def _preview(self, latents: Tensor) -> Painting | None:
        if self.run.job.check_pictures:  # an unfinished picture cannot be checked
            return None
        frame = self.run.frame
        return Painting(frame.crop(resized(latent_preview(latents, self.factors), frame.padded)).clamp(0, 1))


def schedule_of(options: Any) -> Schedule:
    """The steps that the options ask for."""
    return Schedule(options.steps, options.strength)


def _init_image(lightness: Tensor, start: Start | None = None) -> Tensor:
    """The picture that is changed, sRGB (3, H, W), for L* (H, W): gray, or the colours of another method."""
    if start is None:
        return gray_rgb(lightness)
    pixels = compose(lightness, start.outcome, start.finish)
    return torch.from_numpy(pixels).movedim(-1, 0) / 255


def _check_fit(unet: Any, prompt: PromptEmbeddings, latents: Tensor, controls: list[ControlNetInput]) -> None:
    """Stop before networks of different kinds meet."""
    width = prompt.positive.shape[-1]
    if unet.config.in_channels != latents.shape[1]:
        raise ColorizerError(Text("stable_diffusion.autoencoder-does-not-fit"))
    if unet.config.cross_attention_dim != width:
        raise ColorizerError(Text("stable_diffusion.encoder-does-not-fit"))
    if any(control.network.config.cross_attention_dim != width for control in controls):
        raise ColorizerError(Text("stable_diffusion.control-does-not-fit"))
