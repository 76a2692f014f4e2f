"""Noise schedules of diffusion, from the same scheduler that samples with them."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor


def signal_variance(schedule: Mapping[str, Any]) -> Tensor:
    """The share (T,) of the signal's variance that is left at each timestep of a diffusers schedule."""
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    shares: Tensor = DDIMScheduler(**schedule).alphas_cumprod
    return shares


def signal_and_noise(variance: Tensor) -> tuple[Tensor, Tensor]:
    """Factors (B, 1, 1, 1) of the clean picture and of the noise, from shares (B,) of the signal's variance."""
    variance = variance[:, None, None, None]
    return variance.sqrt(), (1 - variance).sqrt()
