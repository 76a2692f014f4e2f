"""Denoising diffusion on the ab planes: every seed gives other colours."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from colorizers.methods.method import Job, MethodInfo, Step
from colorizers.methods.shared_options import faded_print, vividness, working_size
from colorizers.methods.trained import Trained
from colorizers.networks.diffusion import CELL, SCHEDULE, ColorDiffusion, Scene
from colorizers.networks.heads import AB_SCALE, CALM
from colorizers.options import Options, control, seed, seed_of_variant, variants
from colorizers.picture.compose import Chroma, Outcome
from colorizers.picture.photo import Photo
from colorizers.words import Text

_PREVIEW_EVERY = 4  # steps
_AT_ONCE = 8  # samples in one pass, so that memory has a bound

SamplerName = Literal["ddim", "ddpm"]


class DiffusionOptions(Options):
    """Options of the diffusion tab."""

    variants: int = variants(4)
    samples_per_result: int = control(4, low=1, high=8, step=1)
    steps: int = control(20, low=2, high=50, step=1, help=Text("options.steps.diffusion"))
    vividness: float = vividness(CALM)
    faded_print: bool = faded_print()
    sampler: SamplerName = control("ddim", advanced=True)
    working_size: int = working_size(128, high=192)
    seed: int | None = seed()


@dataclass(frozen=True)
class Diffusion(Trained):
    """The method of the diffusion tab."""

    @torch.inference_mode()
    def run(self, photo: Photo, options: DiffusionOptions, job: Job) -> list[Outcome]:
        """One outcome a variant, up to 8 samples in one pass: chroma at a quarter of the working size."""
        job.report(Step(0, options.steps, Text("progress.analysing")))
        with job.models.lease(self.key(options)) as model:
            network: Any = model
            lightness = photo.network_lightness(options.working_size, options.faded_print).to(job.device)
            scene: Scene = network.scene(lightness[None, None])
            height, width = (side // CELL for side in lightness.shape)

            def chroma(samples: Tensor) -> list[Outcome]:
                means = (
                    samples[..., :height, :width].unflatten(0, (options.variants, options.samples_per_result)).mean(1)
                )
                return [Chroma(ab) for ab in network.head.read(AB_SCALE * means, options.vividness).cpu()]

            def watch(done: int, guess: Tensor | None) -> None:
                first = None if guess is None or done % _PREVIEW_EVERY else chroma(guess)[0]
                job.report(Step(done, options.steps, Text("progress.step", done=done, total=options.steps), first))

            return chroma(_sampled(network, scene, options, watch))


def _sampled(
    network: Any, scene: Scene, options: DiffusionOptions, watch: Callable[[int, Tensor | None], None]
) -> Tensor:
    """Samples (variants * samples_per_result, 2, h, w) of ab / AB_SCALE, those of one variant in a row.

    Variant k draws from a generator of its own, on the CPU, so that it is the same alone and in company.
    `watch` is called before every pass, with the number of steps done, and after every step with what the samples
    would be by now as well.
    """
    seeds = [seed_of_variant(options.seed or 0, k) for k in range(options.variants)]
    generators = [torch.Generator().manual_seed(each) for each in seeds]
    each = [generator for generator in generators for _ in range(options.samples_per_result)]
    shape = (1, 2, *scene.light.shape[-2:])
    samples = torch.cat([torch.randn(shape, generator=generator) for generator in each]).to(scene.light.device)
    scheduler = _scheduler(options.sampler)
    scheduler.set_timesteps(options.steps, device=samples.device)
    for done, timestep in enumerate(scheduler.timesteps, 1):
        predicted = []
        for part in samples.split(_AT_ONCE):
            watch(done - 1, None)
            predicted.append(network(part, timestep.expand(len(part)), scene.repeated(len(part))))
        step = scheduler.step(torch.cat(predicted), timestep, samples, generator=each)
        samples = step.prev_sample
        watch(done, step.pred_original_sample)
    return samples


def _scheduler(sampler: SamplerName) -> Any:
    """A fresh scheduler of diffusers: they keep the state of one run."""
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    return {"ddim": DDIMScheduler, "ddpm": DDPMScheduler}[sampler](**SCHEDULE)


METHOD = Diffusion(
    info=MethodInfo(
        name="diffusion",
        paper="Denoising diffusion probabilistic models, Ho et al. 2020, on ab alone",
        options=DiffusionOptions,
        libraries=("diffusers",),
    ),
    networks={"ab": ColorDiffusion},
)
