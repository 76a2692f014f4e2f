"""Stable Diffusion's way from noisy latents to clean ones: samplers, guidance, strength and ControlNets."""

import contextlib
import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from colorizers.errors import ColorizerError

SamplerName = Literal["ddim", "ddpm", "unipc", "dpm++", "euler-a", "lcm"]
SAMPLERS: Mapping[str, str] = {
    "ddim": "DDIM",
    "ddpm": "DDPM, noise at every step",
    "unipc": "UniPC",
    "dpm++": "DPM++ 2M",
    "euler-a": "Euler a, noise at every step",
    "lcm": "LCM, 4 to 8 steps",
}
"""What each is called."""

_MARKS = 1000  # levels of noise that Stable Diffusion was trained with


@dataclass(frozen=True, eq=False)
class Control:
    """A ControlNet and what it sees: a map (1, 3, H, W) in [0, 1], its weight, and its share of the steps."""

    network: Any
    seen: Tensor
    scale: float
    begin: float = 0.0
    end: float = 1.0

    def acts_at(self, step: int, steps: int) -> bool:
        """Whether it is asked in this step, counted from 0, of so many."""
        return self.scale > 0 and step / steps >= self.begin and (step + 1) / steps <= self.end


@dataclass(frozen=True, eq=False)
class Prompt:
    """What is wanted and what is not, as the text encoder says it: (1, 77, D) each."""

    wanted: Tensor
    unwanted: Tensor


@dataclass(frozen=True)
class Schedule:
    """How noise is taken away: `steps` in all, of which the last `strength` are done."""

    steps: int
    strength: float

    @property
    def in_all(self) -> int:
        """At least as many as it takes for one to be done, as far as there are marks of noise."""
        return max(self.steps, min(math.ceil(1 / self.strength), _MARKS))

    @property
    def done(self) -> int:
        """Those that are done, never none."""
        return max(1, min(int(self.in_all * self.strength), self.in_all))


def scheduler_of(sampler: SamplerName, config: Mapping[str, Any]) -> Any:
    """A fresh scheduler of diffusers, since they keep the state of one run, for a model's own noise."""
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
    """Prepare a scheduler; gives the marks of the steps that are done."""
    import diffusers

    long = {}
    if isinstance(scheduler, diffusers.LCMScheduler):  # it picks its steps among those that it was distilled from
        long = {"original_inference_steps": max(schedule.in_all, scheduler.config.original_inference_steps)}
    with _sentence():
        scheduler.set_timesteps(schedule.in_all, device=device, **long)
    first = schedule.in_all - schedule.done
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(first)
    marks: Tensor = scheduler.timesteps[first:]
    return marks


@contextlib.contextmanager
def _sentence() -> Iterator[None]:
    """What a model's own configuration can do wrong, in words."""
    try:
        yield
    except (TypeError, ValueError, ArithmeticError, NotImplementedError, AssertionError) as error:
        raise ColorizerError(
            "This model's scheduler cannot be used; get the model again, or choose another."
        ) from error


def denoised(
    unet: Any,
    scheduler: Any,
    start: Tensor,
    prompt: Prompt,
    guidance_scale: float,
    schedule: Schedule,
    generator: torch.Generator,
    controls: Sequence[Control],
    watch: Callable[[int, Tensor], None],
) -> Tensor:
    """Latents (1, 4, h, w) to latents: noise is added up to the strength, and taken away as the prompt says.

    Guidance after "Classifier-Free Diffusion Guidance", Ho and Salimans 2022; from a scale of 1 down there is none.
    The noise comes from a generator on the CPU. `watch(done, clean)` is called before the first step and after every
    one, with what the latents would be without noise; it may raise to end it all.
    """
    marks = _set_steps(scheduler, schedule, start.device)
    noise = torch.randn(start.shape, generator=generator).to(start)
    latents = scheduler.add_noise(start, noise, marks[:1])
    guided = guidance_scale > 1
    words = torch.cat((prompt.unwanted, prompt.wanted)) if guided else prompt.wanted
    extra = {"generator": generator} if "generator" in inspect.signature(scheduler.step).parameters else {}
    watch(0, start)
    for step, mark in enumerate(marks):
        seen = scheduler.scale_model_input(latents.repeat(len(words), 1, 1, 1), mark)
        acting = [control for control in controls if control.acts_at(step, len(marks))]
        predicted = unet(seen, mark, words, **_guidance_of(acting, seen, mark, words)).sample
        if guided:
            free, led = predicted.chunk(2)
            predicted = free + guidance_scale * (led - free)
        result = scheduler.step(predicted, mark, latents, **extra)
        latents = result.prev_sample
        watch(step + 1, _clean(result, scheduler))
    return latents


def _guidance_of(acting: Sequence[Control], seen: Tensor, mark: Tensor, words: Tensor) -> dict[str, Any]:
    """What the ControlNets that act add to the U-Net, together."""
    if not acting:
        return {}
    each = [
        control.network(
            seen, mark, words, control.seen.expand(len(seen), -1, -1, -1), conditioning_scale=control.scale,
            return_dict=False,
        )
        for control in acting
    ]  # fmt: skip
    downs = [torch.stack(planes).sum(0) for planes in zip(*(down for down, _ in each), strict=True)]
    middle = torch.stack([middle for _, middle in each]).sum(0)
    return {"down_block_additional_residuals": downs, "mid_block_additional_residual": middle}


def _clean(result: Any, scheduler: Any) -> Tensor:
    """What a step believes the latents to be without noise: most schedulers tell, those of many steps remember it."""
    clean = getattr(result, "pred_original_sample", None)
    if clean is None:
        clean = getattr(result, "denoised", None)
    return scheduler.model_outputs[-1] if clean is None else clean
