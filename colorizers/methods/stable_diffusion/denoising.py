"""The denoising loop of Stable Diffusion: samplers, guidance, strength and ControlNets."""

import contextlib
import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from colorizers.errors import ColorizerError
from colorizers.words import Text

SamplerName = Literal["ddim", "ddpm", "unipc", "dpm++", "euler-a", "lcm"]
NUM_TRAIN_TIMESTEPS = 1000  # of Stable Diffusion


@dataclass(frozen=True, eq=False)
class ControlNetInput:
    """A ControlNet and its image (1, 3, H, W) in [0, 1], its conditioning scale, and its part of the steps."""

    network: Any
    image: Tensor
    scale: float
    begin: float = 0.0
    end: float = 1.0

    def acts_at(self, step: int, steps: int) -> bool:
        """Whether it guides this step, counted from 0, of `steps`."""
        return self.scale > 0 and step / steps >= self.begin and (step + 1) / steps <= self.end


@dataclass(frozen=True, eq=False)
class PromptEmbeddings:
    """The prompt and the negative prompt as the text encoder encodes them: (1, T, D) each."""

    positive: Tensor
    negative: Tensor


@dataclass(frozen=True)
class Schedule:
    """Of `steps` inference steps the last share, `strength`, is run."""

    steps: int
    strength: float

    @property
    def num_inference_steps(self) -> int:
        """At least as many as are needed for one of them to be run, as far as there are timesteps."""
        return max(self.steps, min(math.ceil(1 / self.strength), NUM_TRAIN_TIMESTEPS))

    @property
    def denoising_steps(self) -> int:
        """The steps that are run, at least one."""
        return max(1, min(int(self.num_inference_steps * self.strength), self.num_inference_steps))


def make_scheduler(sampler: SamplerName, config: Mapping[str, Any]) -> Any:
    """A fresh scheduler of diffusers, since they keep the state of one run, with a model's configuration."""
    import diffusers

    kinds: dict[SamplerName, Any] = {
        "ddim": diffusers.DDIMScheduler,
        "ddpm": diffusers.DDPMScheduler,
        "unipc": diffusers.UniPCMultistepScheduler,
        "dpm++": diffusers.DPMSolverMultistepScheduler,
        "euler-a": diffusers.EulerAncestralDiscreteScheduler,
        "lcm": diffusers.LCMScheduler,
    }
    with _sentence():
        return kinds[sampler].from_config(dict(config))


def _set_steps(scheduler: Any, schedule: Schedule, device: torch.device) -> Tensor:
    """Prepare a scheduler; gives the timesteps that are run."""
    import diffusers

    extra = {}
    if isinstance(scheduler, diffusers.LCMScheduler):  # it picks its steps among those that it was distilled from
        extra = {
            "original_inference_steps": max(schedule.num_inference_steps, scheduler.config.original_inference_steps)
        }
    with _sentence():
        scheduler.set_timesteps(schedule.num_inference_steps, device=device, **extra)
    first = schedule.num_inference_steps - schedule.denoising_steps
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(first)
    timesteps: Tensor = scheduler.timesteps[first:]
    return timesteps


@contextlib.contextmanager
def _sentence() -> Iterator[None]:
    """What a model's own configuration can do wrong, in words."""
    try:
        yield
    except (TypeError, ValueError, ArithmeticError, NotImplementedError, AssertionError) as error:
        raise ColorizerError(Text("stable_diffusion.scheduler")) from error


def denoise(
    unet: Any,
    scheduler: Any,
    init_latents: Tensor,
    prompt: PromptEmbeddings,
    schedule: Schedule,
    *,
    guidance_scale: float,
    generator: torch.Generator,
    controls: Sequence[ControlNetInput] = (),
    callback: Callable[[int, Tensor], None] = lambda done, latents: None,
) -> Tensor:
    """Latents (1, C, h, w) to latents: noise is added as the strength asks, and removed as the prompt asks.

    Guidance after "Classifier-Free Diffusion Guidance", Ho and Salimans 2022; from a scale of 1 down there is none.
    The noise comes from a generator on the CPU. `callback(done, latents)` is called before the first step and after
    every one, with the estimate of the clean latents; it may raise to end the loop.
    """
    timesteps = _set_steps(scheduler, schedule, init_latents.device)
    noise = torch.randn(init_latents.shape, generator=generator).to(init_latents)
    latents = scheduler.add_noise(init_latents, noise, timesteps[:1])
    guided = guidance_scale > 1
    prompt_embeds = torch.cat((prompt.negative, prompt.positive)) if guided else prompt.positive
    extra = {"generator": generator} if "generator" in inspect.signature(scheduler.step).parameters else {}
    callback(0, init_latents)
    for step, timestep in enumerate(timesteps):
        model_input = scheduler.scale_model_input(latents.repeat(len(prompt_embeds), 1, 1, 1), timestep)
        active = [control for control in controls if control.acts_at(step, len(timesteps))]
        residuals = _residuals(active, model_input, timestep, prompt_embeds)
        predicted = unet(model_input, timestep, prompt_embeds, **residuals).sample
        if guided:
            uncond, cond = predicted.chunk(2)
            predicted = uncond + guidance_scale * (cond - uncond)
        result = scheduler.step(predicted, timestep, latents, **extra)
        latents = result.prev_sample
        callback(step + 1, _pred_original_sample(result, scheduler))
    return latents


def _residuals(
    active: Sequence[ControlNetInput], model_input: Tensor, timestep: Tensor, prompt_embeds: Tensor
) -> dict[str, Any]:
    """The sums of what the ControlNets add to the features of the U-Net, as its keyword arguments."""
    if not active:
        return {}
    each = [
        control.network(
            model_input, timestep, prompt_embeds, control.image.expand(len(model_input), -1, -1, -1),
            conditioning_scale=control.scale, return_dict=False,
        )
        for control in active
    ]  # fmt: skip
    downs = [torch.stack(planes).sum(0) for planes in zip(*(down for down, _ in each), strict=True)]
    middle = torch.stack([middle for _, middle in each]).sum(0)
    return {"down_block_additional_residuals": downs, "mid_block_additional_residual": middle}


def _pred_original_sample(result: Any, scheduler: Any) -> Tensor:
    """A step's estimate of the clean latents: most schedulers return it, multistep ones remember it."""
    for name in ("pred_original_sample", "denoised"):
        estimate: Tensor | None = getattr(result, name, None)
        if estimate is not None:
            return estimate
    last: Tensor = scheduler.model_outputs[-1]
    return last
