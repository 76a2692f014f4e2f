"""Diffusion on colour: noise becomes colours step by step, and another seed gives other ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from colorizers.methods.method import Job, faded_print, vividness, working_size
from colorizers.methods.trained import Trained
from colorizers.networks.diffusion import CELL, SCHEDULE, ColorDiffusion, Scene
from colorizers.networks.heads import AB_SCALE
from colorizers.options import Options, control, seed, seed_of_variant, variants
from colorizers.picture.compose import Chroma, Outcome
from colorizers.picture.photo import Photo

_PREVIEW_EVERY = 4  # steps
_AT_ONCE = 8  # samples in one pass, so that memory has a bound

Sampler = Literal["ddim", "ddpm"]


class DiffusionOptions(Options):
    """Options of the diffusion tab."""

    variants: int = variants(4)
    calm: int = control(
        4, low=1, high=8, step=1, help="Samples averaged for each result: more are calmer and surer, and take longer."
    )
    steps: int = control(20, low=2, high=50, step=1, help="More take longer; beyond 20 little changes.")
    vividness: float = vividness(0.9)
    faded_print: bool = faded_print()
    sampler: Sampler = control(
        "ddim",
        words={"ddim": "DDIM, smooth", "ddpm": "DDPM, noise at every step"},
        advanced=True,
        help="How noise becomes colour.",
    )
    working_size: int = working_size(128, high=192)
    seed: int | None = seed()


@dataclass(frozen=True)
class Diffusion(Trained):
    """The method of the diffusion tab."""

    name: str = "diffusion"
    title: str = "Many ideas"
    paper: str = "Denoising diffusion probabilistic models, Ho et al. 2020, on ab alone"
    options: type[DiffusionOptions] = DiffusionOptions
    networks: Mapping[str, Callable[[], nn.Module]] = field(default_factory=lambda: {"ab": ColorDiffusion})
    libraries: tuple[str, ...] = ("diffusers",)

    @torch.inference_mode()
    def run(self, photo: Photo, options: Any, job: Job) -> list[Outcome]:
        """One outcome a variant, up to 8 samples in one pass: chroma at a quarter of the working size."""
        job.progress(0, options.steps, None, "Looking at the photo")
        with job.models.lease(self.key(options)) as model:
            network: Any = model
            lightness = photo.network_lightness(options.working_size, options.faded_print).to(job.device)
            scene: Scene = network.scene(lightness[None, None])
            height, width = (side // CELL for side in lightness.shape)

            def chroma(samples: Tensor) -> list[Outcome]:
                means = samples[..., :height, :width].unflatten(0, (options.variants, options.calm)).mean(1)
                return [Chroma(ab) for ab in network.head.read(AB_SCALE * means, options.vividness).cpu()]

            def watch(done: int, guess: Tensor | None) -> None:
                first = None if guess is None or done % _PREVIEW_EVERY else chroma(guess)[0]
                job.progress(done, options.steps, first, f"Step {done} of {options.steps}")

            return chroma(_sampled(network, scene, options, watch))


def _sampled(
    network: Any, scene: Scene, options: DiffusionOptions, watch: Callable[[int, Tensor | None], None]
) -> Tensor:
    """Samples (variants * calm, 2, h, w) of ab / AB_SCALE, those of one variant in a row.

    Variant k draws from a generator of its own, on the CPU, so that it is the same alone and in company.
    `watch` is called before every pass, with the number of steps done, and after every step with what the samples
    would be by now as well.
    """
    seeds = [seed_of_variant(options.seed or 0, k) for k in range(options.variants)]
    generators = [torch.Generator().manual_seed(each) for each in seeds]
    each = [generator for generator in generators for _ in range(options.calm)]
    shape = (1, 2, *scene.light.shape[-2:])
    samples = torch.cat([torch.randn(shape, generator=generator) for generator in each]).to(scene.light.device)
    scheduler = _scheduler(options.sampler)
    scheduler.set_timesteps(options.steps, device=samples.device)
    for done, mark in enumerate(scheduler.timesteps, 1):
        predicted = []
        for part in samples.split(_AT_ONCE):
            watch(done - 1, None)
            predicted.append(network(part, mark.expand(len(part)), scene.repeated(len(part))))
        step = scheduler.step(torch.cat(predicted), mark, samples, generator=each)
        samples = step.prev_sample
        watch(done, step.pred_original_sample)
    return samples


def _scheduler(sampler: Sampler) -> Any:
    """A fresh scheduler of diffusers: they keep the state of one run."""
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    return {"ddim": DDIMScheduler, "ddpm": DDPMScheduler}[sampler](**SCHEDULE)


METHOD = Diffusion()
