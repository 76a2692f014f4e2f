"""Schedules of diffusion: how much of the picture is left after each step. The same as in diffusers, without it."""

import math

import torch
from torch import Tensor


def cosine_to_zero(steps: int) -> Tensor:
    """The share (steps,) of the signal's variance under the cosine schedule of Nichol and Dhariwal (2021).

    It is moved so that nothing is left at the last step (Lin et al. 2023, "Common diffusion noise schedules ... are
    flawed", algorithm 1).
    """
    marks = torch.arange(steps + 1, dtype=torch.float64) / steps
    left = torch.cos((marks + 0.008) / 1.008 * math.pi / 2) ** 2
    kept = (left[1:] / left[:-1]).clamp(min=1 - 0.999).cumprod(0).sqrt()
    return (((kept - kept[-1]) * kept[0] / (kept[0] - kept[-1])) ** 2).float()


def linear(steps: int) -> Tensor:
    """The share (steps,) of the signal's variance under the linear schedule of Ho et al. (2020)."""
    return (1 - torch.linspace(1e-4, 0.02, steps, dtype=torch.float64)).cumprod(0).float()
